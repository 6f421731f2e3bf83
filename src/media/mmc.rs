//! What a drive says about itself and its disc: the read-only commands of MMC-6 (INCITS 468), asked and decoded.
//!
//! Drives differ in what they answer, cut answers short, and lie about lengths. So each answer is decoded by a pure
//! function that takes nothing beyond its end for granted; only what several commands agree on, or what one cannot do
//! without, is an error. What a drive does not know stays unknown and is never guessed.

mod answer;
mod configuration;
mod disc_information;
mod event;
mod format;
mod medium;
mod performance;
mod sg_io;
mod structure;
mod toc;
mod track;

use std::io;

pub use answer::Malformed;
pub use configuration::{Configuration, Profile};
pub use disc_information::{DiscInformation, Status};
pub use event::{MediaEvent, MediaStatus};
pub use format::{FormatCapacities, FormatState};
pub use medium::{Medium, Part, survey};
pub use performance::{Capabilities, capabilities, speeds};
pub use sg_io::SgIo;
pub use structure::{media_id, spare_blocks};
pub use toc::{Toc, TocSession, atip, full_toc, toc};
pub use track::TrackInformation;

/// A command to a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The most that it may answer.
    pub room: usize,
}

/// Sends a command to a drive and gives what it answers.
pub type Ask<'a> = dyn Fn(&Command) -> Result<Vec<u8>, AskError> + 'a;

/// Why a drive did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It refused, and said why.
    #[error("{}", sense(*key, *asc, *ascq))]
    Sense {
        /// Sense key.
        key: u8,
        /// Additional sense code.
        asc: u8,
        /// Its qualifier.
        ascq: u8,
    },
    /// The command did not reach it, or the answer did not come back.
    #[error("the drive does not answer: {0}")]
    Transport(#[source] io::Error),
    /// There is a disc, and the drive does not know what to do with it.
    #[error("the drive has a disc that it cannot use")]
    Unusable,
    /// Its answer makes no sense.
    #[error("the drive's answer to {command} {source}")]
    Malformed {
        /// The command.
        command: &'static str,
        /// What is wrong with the answer.
        source: Malformed,
    },
}

impl AskError {
    /// Whether the tray is open or empty (2/3A).
    pub fn is_no_medium(&self) -> bool {
        matches!(
            self,
            Self::Sense {
                key: 2,
                asc: 0x3a,
                ..
            }
        )
    }

    /// Whether the drive is still busy with getting ready (2/04).
    pub fn is_becoming_ready(&self) -> bool {
        matches!(
            self,
            Self::Sense {
                key: 2,
                asc: 0x04,
                ..
            }
        )
    }

    /// Whether the drive does not know the command, or an option of it (5/20, 5/24), or not for this disc (5/30, 5/64).
    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Sense {
                key: 5,
                asc: 0x20 | 0x24 | 0x30 | 0x64,
                ..
            }
        )
    }

    /// Whether the medium was changed, or the drive was reset, since it was asked last (6/28, 6/29).
    pub fn is_attention(&self) -> bool {
        matches!(self, Self::Sense { key: 6, .. })
    }
}

/// What a drive's reason means, for those reasons that people meet.
fn sense(key: u8, asc: u8, ascq: u8) -> String {
    let words = match (key, asc, ascq) {
        (2, 0x3a, _) => "there is no disc",
        (2, 0x04, _) => "the drive is not ready yet",
        (2 | 5, 0x30, _) => "the drive cannot use this disc",
        (3, 0x11, _) => "the disc cannot be read there",
        (3, 0x0c, _) => "the disc cannot be written there",
        (3, _, _) => "the disc is damaged",
        (4, _, _) => "the drive is broken",
        (5, 0x20, _) => "the drive does not know this command",
        (5, 0x24, _) => "the drive does not know this option",
        (5, 0x21, _) => "there is no such place on the disc",
        (5, 0x53, 0x02) => "the tray is locked",
        (5, 0x64, _) => "the drive does not do this with this kind of disc",
        (6, 0x28, _) => "another disc was put in",
        (6, _, _) => "the drive was reset",
        (7, _, _) => "the disc is protected",
        _ => "the drive refuses",
    };
    format!("{words} (sense {key:X}/{asc:02X}/{ascq:02X})")
}

/// TEST UNIT READY.
pub fn test_unit_ready() -> Command {
    Command {
        bytes: vec![0; 6],
        room: 0,
    }
}

/// INQUIRY: vendor, product and revision.
pub fn inquiry() -> Command {
    Command {
        bytes: vec![0x12, 0, 0, 0, 96, 0],
        room: 96,
    }
}

/// The drive's name as INQUIRY tells it.
pub fn name(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer.get(8..36)?);
    let words: Vec<&str> = text
        .split([' ', '\0'])
        .filter(|word| !word.is_empty())
        .collect();
    Some(crate::event::printable(&words.join(" ")))
}

/// START STOP UNIT: opens the tray, or closes it.
pub fn tray(tray: Tray) -> Command {
    Command {
        bytes: vec![0x1b, 0, 0, 0, tray as u8, 0],
        room: 0,
    }
}

/// What the tray shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tray {
    /// Open.
    Open = 2,
    /// Close.
    Close = 3,
}

/// PREVENT ALLOW MEDIUM REMOVAL: the tray may be opened.
pub fn unlock() -> Command {
    Command {
        bytes: vec![0x1e, 0, 0, 0, 0, 0],
        room: 0,
    }
}

/// READ CAPACITY.
pub fn read_capacity() -> Command {
    Command {
        bytes: vec![0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        room: 8,
    }
}

/// The number of sectors that READ CAPACITY tells.
pub fn capacity(answer: &[u8]) -> Result<u64, Malformed> {
    let answer = answer::Answer::whole(answer);
    Ok(u64::from(answer.be32(0)?) + 1)
}

#[cfg(test)]
mod tests;
