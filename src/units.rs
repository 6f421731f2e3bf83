//! A newtype for each identifier, checked in one place: whoever holds one need not check it again.

mod action_name;
mod archive_name;
mod command_line;
mod day;
mod digest;
mod near;
mod owner;
mod path;
mod pattern;
mod peer_name;
mod size;

pub use action_name::{ActionName, ActionNameError};
pub use archive_name::{ArchiveName, Naming};
pub use command_line::{CommandLine, CommandLineError};
pub use day::{Day, DayError, Weekday};
pub use digest::{Digest, DigestError, Hasher};
pub use near::{nearest, slips};
pub use owner::{Ids, Owner, OwnerError};
pub use path::{AbsPath, AbsPathError};
pub use pattern::{Pattern, PatternError, Undecided, text_of};
pub use peer_name::{PeerName, PeerNameError};
pub use size::{ByteSize, ByteSizeError};
