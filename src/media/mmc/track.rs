//! READ TRACK INFORMATION (MMC-6 6.27).

use super::Command;
use super::answer::{Answer, Malformed};

/// What READ TRACK INFORMATION says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInformation {
    /// Its number.
    pub track: u16,
    /// The session that it is in.
    pub session: u16,
    /// Whether nothing is written in it.
    pub blank: bool,
    /// Whether it was being written when something went wrong.
    pub damaged: bool,
    /// First sector.
    pub start: u32,
    /// Where writing goes on, if anywhere.
    pub next_writable: Option<u32>,
    /// Sectors that can still be written in it.
    pub free: u32,
    /// Length in sectors; for one that is open, with what is free.
    pub size: u32,
    /// The last sector that was written, if the drive knows.
    pub last_recorded: Option<u32>,
}

impl TrackInformation {
    /// The command for a track's number.
    pub fn command(track: u16) -> Command {
        let [high, low] = track.to_be_bytes();
        Command {
            bytes: vec![0x52, 1, 0, 0, high, low, 0, 0, 48, 0],
            room: 48,
        }
    }

    /// Decodes the answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let answer = Answer::counted16(bytes)?;
        let high = |at: usize| u16::from(answer.byte(at).unwrap_or(0)) << 8;
        let low = |at: usize| answer.byte(at).map(u16::from);
        let (mode, valid) = (answer.byte(6)?, answer.byte(7)?);
        let next = answer.be32(12)?;
        Ok(Self {
            track: low(2)? | high(32),
            session: low(3)? | high(33),
            damaged: answer.byte(5)? & 0x20 != 0,
            blank: mode & 0x40 != 0,
            start: answer.be32(8)?,
            next_writable: (valid & 1 != 0).then_some(next),
            free: answer.be32(16)?,
            size: answer.be32(24)?,
            last_recorded: (valid & 2 != 0).then(|| answer.be32(28).ok()).flatten(),
        })
    }

    /// The sector after the last one that holds data, if any is written.
    pub fn end(&self) -> Option<u32> {
        if self.blank {
            return None;
        }
        let by_size = self.start.checked_add(self.size);
        let by_last = self
            .last_recorded
            .filter(|last| *last >= self.start)
            .and_then(|last| last.checked_add(1));
        let by_next = self.next_writable.filter(|next| *next > self.start);
        match (self.next_writable, by_last) {
            (Some(_), Some(last)) => Some(last),
            (Some(_), None) => by_next,
            (None, _) => by_size,
        }
    }
}
