//! GET EVENT STATUS NOTIFICATION, media class, polled (MMC-6 6.6): the tray and whether there is a disc. The drive answers
//! at once, without a disc being spun up for it.

use super::Command;

/// What the drive says of its tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaStatus {
    /// What has happened since it was asked last.
    pub event: MediaEvent,
    /// Whether the tray is open.
    pub open: bool,
    /// Whether there is a disc.
    pub present: bool,
}

/// What may have happened. A drive tells of it once, and not always to us: the kernel asks, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// Nothing that the drive knows of.
    None,
    /// Somebody has pressed the button.
    EjectRequest,
    /// A disc is there that was not there before.
    New,
    /// The disc has gone.
    Removed,
    /// Something else.
    Other,
}

impl MediaStatus {
    /// The command.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0],
            room: 8,
        }
    }

    /// Decodes the answer; `None` if the drive has no media events.
    pub fn decode(answer: &[u8]) -> Option<Self> {
        let bytes = answer.get(..6)?;
        let none = bytes[2] & 0x80 != 0 || bytes[2] & 7 != 4;
        (!none).then(|| Self {
            event: match bytes[4] & 0x0f {
                0 => MediaEvent::None,
                1 => MediaEvent::EjectRequest,
                2 => MediaEvent::New,
                3 => MediaEvent::Removed,
                _ => MediaEvent::Other,
            },
            open: bytes[5] & 1 != 0,
            present: bytes[5] & 2 != 0,
        })
    }
}
