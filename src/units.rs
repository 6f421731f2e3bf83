//! A newtype for each identifier, checked in one place: whoever holds one need not check it again.

mod action_name;
mod archive_name;
mod blake3;
mod command_line;
mod day;
mod digest;
mod hex;
mod near;
mod owner;
mod path;
mod pattern;
mod peer_name;
mod proof;
mod size;

pub use self::blake3::{Blake3, Blake3Hasher};
pub use action_name::{ActionName, ActionNameError};
pub use archive_name::{ArchiveName, Naming};
pub use command_line::{CommandLine, CommandLineError};
pub use day::{Day, DayError, Weekday};
pub use digest::{Digest, DigestError, Hasher, pour};
pub use near::{nearest, slips};
pub use owner::{Ids, Owner, OwnerError};
pub use path::{AbsPath, AbsPathError};
pub use pattern::{Pattern, PatternError, Undecided, text_of};
pub use peer_name::{PeerName, PeerNameError};
pub use proof::{Proof, ProofError, Prover};
pub use size::{ByteSize, ByteSizeError};
