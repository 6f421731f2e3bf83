//! READ DISC INFORMATION (MMC-6 6.22).

use super::Command;
use super::answer::{Answer, Malformed};

/// How far a disc or a session is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not at all.
    Empty,
    /// More can follow.
    Open,
    /// Nothing can follow.
    Complete,
    /// Neither; a disc that is written anywhere, or a session that was damaged.
    Other,
}

impl Status {
    fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Empty,
            1 => Self::Open,
            2 => Self::Complete,
            _ => Self::Other,
        }
    }
}

/// What READ DISC INFORMATION says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscInformation {
    /// The disc.
    pub disc: Status,
    /// Its last session; `Other` is complete (3).
    pub last_session: Status,
    /// Whether it can be erased.
    pub erasable: bool,
    /// Sessions, the open or empty one included.
    pub sessions: u16,
    /// First track of the last session.
    pub first_track: u16,
    /// Last track of the last session.
    pub last_track: u16,
}

impl DiscInformation {
    /// The command.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0],
            room: 34,
        }
    }

    /// Decodes the answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let answer = Answer::counted16(bytes)?;
        let state = answer.byte(2)?;
        // The high bytes came later; old drives end before them.
        let high = |at: usize| u16::from(answer.byte(at).unwrap_or(0)) << 8;
        let low = |at: usize| answer.byte(at).map(u16::from);
        Ok(Self {
            disc: Status::of(state),
            last_session: Status::of(state >> 2),
            erasable: state & 0x10 != 0,
            sessions: low(4)? | high(9),
            first_track: low(5)? | high(10),
            last_track: low(6)? | high(11),
        })
    }
}
