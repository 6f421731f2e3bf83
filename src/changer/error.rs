//! What can go wrong with a changer.

use std::io;
use std::path::PathBuf;

use crate::event::printable_path;
use crate::lock::LockError;
use crate::media::DriveError;
use crate::process::RunError;

/// Why a changer could not do it. Nothing is lost by any of these: the next run asks the changer where everything is.
#[derive(Debug, thiserror::Error)]
pub enum ChangerError {
    /// Another run uses the changer.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The robot's program failed.
    #[error("the changer could not {doing}")]
    Robot {
        /// What was asked of it, as an infinitive.
        doing: String,
        /// What it said.
        source: RunError,
    },
    /// What the robot's program prints makes no sense.
    #[error("what `{command}` prints cannot be understood: {line}")]
    Status {
        /// The command.
        command: String,
        /// The line that makes no sense.
        line: String,
    },
    /// The inventory cannot be read or written.
    #[error(
        "cannot {doing} the changer's inventory {}: {source}",
        printable_path(path)
    )]
    Inventory {
        /// The file.
        path: PathBuf,
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The changer has no such drive.
    #[error("the changer has no drive {0}, or it is not one of those that are configured")]
    NoDrive(u32),
    /// The changer has no such slot.
    #[error("the changer has no slot {0}, or it is not one of those that are configured")]
    NoSlot(u32),
    /// There is no disc in that slot.
    #[error("slot {0} is empty")]
    SlotEmpty(u32),
    /// There is no disc in that drive.
    #[error("drive {0} is empty")]
    DriveEmpty(u32),
    /// Another disc is in that slot.
    #[error("slot {0} is full")]
    SlotFull(u32),
    /// Every drive is at work.
    #[error("every drive of the changer is in use")]
    NoFreeDrive,
    /// The disc is not in the changer.
    #[error("the disc {0} is not in the changer")]
    NotHere(String),
    /// The robot said that all went well, and the drive is empty.
    #[error(
        "the changer said that it had carried the disc of slot {slot} into drive {drive}, which is empty"
    )]
    NotArrived {
        /// Where the disc was.
        slot: u32,
        /// Where it should be.
        drive: u32,
    },
    /// The robot brought another disc.
    #[error(
        "the changer brought the wrong disc: drive {drive} was to have {expected} of slot {slot}, and has {found}"
    )]
    WrongDisc {
        /// Where the right disc was.
        slot: u32,
        /// The drive.
        drive: u32,
        /// The right disc.
        expected: String,
        /// The disc that came.
        found: String,
    },
    /// The robot said that all went well, and the disc is still in the drive.
    #[error("the changer said that it had taken the disc out of drive {0}, which is still full")]
    NotLeft(u32),
    /// A disc in a drive has nowhere to go.
    #[error("no slot is empty for the disc in drive {0}")]
    NoEmptySlot(u32),
    /// There is a disc in the drive by the robot's word, and the drive sees none.
    #[error(
        "the changer says that there is a disc in drive {drive}, and {} sees none",
        printable_path(device)
    )]
    NotSeen {
        /// The changer's number for the drive.
        drive: u32,
        /// The drive's own device.
        device: PathBuf,
    },
    /// There is nothing left to write on.
    #[error("no blank disc is left in the changer; {0}")]
    NoBlank(String),
    /// Several discs failed one after the other.
    #[error(
        "{count} discs failed one after the other in drive {drive}, so the drive may be at fault; the last one: {why}"
    )]
    ManyBad {
        /// How many.
        count: usize,
        /// The changer's number for the drive.
        drive: u32,
        /// Why the last one was given up.
        why: String,
    },
    /// A drive failed, and it is not the disc's fault.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

impl ChangerError {
    /// Whether the cure is another disc.
    pub fn wants_disc(&self) -> bool {
        matches!(
            self,
            Self::NoBlank(_) | Self::NotHere(_) | Self::SlotEmpty(_) | Self::DriveEmpty(_)
        )
    }

    /// What to do next.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Locked(LockError::Held { .. }) => "wait until it has ended; nothing was done",
            Self::Locked(LockError::Io { .. }) => {
                "<working_dir> has to be a directory in which this user may write"
            }
            Self::Robot {
                source: RunError::Missing { .. },
                ..
            } => {
                "install it (Debian: mtx), or correct <program>, or name its place with an <override>"
            }
            Self::Robot { .. } | Self::NotArrived { .. } | Self::NotLeft(_) => {
                "look at the changer; `cback changer status` says where it sees discs. Then run it again: it goes on"
            }
            Self::WrongDisc { .. } => {
                "the inventory is right again; run it again. If it happens once more, the robot's numbers are wrong"
            }
            Self::Status { .. } => {
                "is it the right device, or program? docs/changers.md has what is understood"
            }
            Self::Inventory { .. } => "is its file system full, and may this user write there?",
            Self::NoDrive(_) => {
                "correct <drive>; `cback changer status` lists what the changer has"
            }
            Self::NoSlot(_) | Self::SlotEmpty(_) | Self::SlotFull(_) | Self::DriveEmpty(_) => {
                "`cback changer status` says where discs are"
            }
            Self::NoFreeDrive => "wait until one is free",
            Self::NotHere(_) => "put it into an empty slot, and run `cback changer scan`",
            Self::NoEmptySlot(_) => "take a disc out of the changer, and run it again",
            Self::NotSeen { .. } => {
                "is <device> the device of that drive? the numbers are the changer's"
            }
            Self::NoBlank(_) => {
                "put blank discs in and run it again, or let it wait for them with --wait-for-disc"
            }
            Self::ManyBad { .. } => {
                "try the drive with `cback changer load` and `cback disc info`; when it is mended, `cback changer scan SLOT…` \
                 looks at those discs afresh"
            }
            Self::Drive(_) => return None,
        })
    }
}
