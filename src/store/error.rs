//! What can keep days from getting onto a disc.

use std::io;
use std::path::PathBuf;

use crate::event;
use crate::iso9660::{ImageError, ReadError, TreeError};
use crate::media::{DriveError, Renewal, SECTOR, WrongDisc};
use crate::units::Day;

/// Why nothing was stored, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The drive is empty.
    #[error("there is no disc in {}", event::printable_path(.0))]
    NoDisc(PathBuf),
    /// The disc is not one of this backup's.
    #[error(transparent)]
    WrongDisc(#[from] WrongDisc),
    /// The drive or the medium failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// What is on the disc cannot be read, so it cannot be continued.
    #[error(
        "the newest session on {} cannot be read: {source}",
        event::printable_path(place)
    )]
    Volume {
        /// The drive.
        place: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// No session can hold such a tree.
    #[error("the session cannot be laid out: {0}")]
    Tree(#[from] TreeError),
    /// No image can hold such a session.
    #[error("the session cannot be laid out: {0}")]
    Image(#[from] ImageError),
    /// The disc has no room for another session, and a new one may not be begun without being asked for.
    #[error(
        "the disc is full: the session needs {}, and {} are free; {}",
        event::bytes(needed * SECTOR),
        event::bytes(free * SECTOR),
        another(*renewal)
    )]
    DiscFull {
        /// How another disc could be begun.
        renewal: Renewal,
        /// Sectors that the session needs.
        needed: u64,
        /// Sectors that are free.
        free: u64,
    },
    /// The disc takes no other session, whatever room it has, and a new one may not be begun without being asked for.
    #[error(
        "the disc is closed and takes no other session; {}",
        another(*renewal)
    )]
    DiscClosed {
        /// How another disc could be begun.
        renewal: Renewal,
    },
    /// The session is larger than an empty disc.
    #[error(
        "the session of {} is larger than an empty disc of {}; configure a larger media type, or collect \
         and store less at a time",
        event::bytes(needed * SECTOR),
        event::bytes(free * SECTOR)
    )]
    TooLarge {
        /// Sectors that the session needs.
        needed: u64,
        /// Sectors of an empty disc.
        free: u64,
    },
    /// A rule would erase a disc of a kind that the configuration does not speak of.
    #[error(
        "a new disc has to be begun, and the one in the drive is a `{found}` that was written; the configuration says \
         `{expected}`, whose discs are never erased, so it is left as it is; insert a blank disc, or erase this one with \
         `cback --full store`"
    )]
    NotErased {
        /// What the configuration says.
        expected: &'static str,
        /// What is in the drive.
        found: &'static str,
    },
    /// Only a rewritable disc can be prepared.
    #[error(
        "{0} is written once and needs no preparation; only a rewritable disc can be initialized"
    )]
    WriteOnce(&'static str),
    /// None of the days can be read.
    #[error("none of the days to be stored can be read")]
    NothingReadable,
    /// The session on the disc is not what was written.
    #[error(
        "the disc is not what was written: {differences} differences; no day was marked as stored, and \
         the next run writes again what is damaged; if that fails too, use another disc"
    )]
    CheckFailed {
        /// How many things differ.
        differences: usize,
    },
    /// The disc does not show the session that was just burnt.
    #[error("the session was burnt, but the disc does not show it; no day was marked as stored")]
    NotThere,
    /// A day is marked as stored, perhaps on the disc that was to be erased, and stays so.
    #[error(
        "the disc was not erased: {day} is marked as stored, and that cannot be taken back before: {source}"
    )]
    Unmark {
        /// The day.
        day: Day,
        /// Why.
        source: io::Error,
    },
    /// A day is on the disc and cannot be marked.
    #[error(
        "{day} is on the disc, but cannot be marked as stored: {source}; the next run marks it"
    )]
    Mark {
        /// The day.
        day: Day,
        /// Why.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether the cure is another disc in the drive.
    pub fn wants_another_disc(&self) -> bool {
        matches!(
            self,
            Self::NoDisc(_)
                | Self::WrongDisc(_)
                | Self::DiscFull { .. }
                | Self::DiscClosed { .. }
                | Self::NotErased { .. }
                | Self::Drive(DriveError::NotBlank | DriveError::NoDisc(_) | DriveError::Closed(_))
        )
    }
}

/// What to do about a disc that takes nothing more.
fn another(renewal: Renewal) -> &'static str {
    match renewal {
        Renewal::Blank => "insert another disc, or erase this one with `cback --full store`",
        Renewal::Insert | Renewal::SetAside => "insert another disc",
    }
}
