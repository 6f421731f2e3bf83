//! Discs and drives: what fits on a medium, what is on it, and how a session gets there.

mod burner;
mod decide;
mod disc;
mod drive;
mod file;
mod kind;
mod label;
pub mod mmc;
pub mod ring;
mod scsi_id;
mod unlike;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use burner::fuzz as fuzz_engine;
pub use burner::{Burner, EngineKind, Handling, TrayUse};
pub use decide::{Asked, Because, BlankMode, Blanking, Decision, Situation, decide};
pub use disc::{Appendable, Burn, Disc, Renewal, SECTOR, Session};
pub use drive::{
    Burnt, Drive, DriveError, Glance, Open, Original, Payload, Thoroughness, Treatment,
};
pub use file::FileDrive;
pub use kind::{DeviceType, MediaKind};
pub use label::{BROKEN_OFF, CheckMedia, WrongDisc, check, check_owner, is_ours, label};
pub use scsi_id::{ScsiId, ScsiIdError};
pub use unlike::{Unlike, unlike};
