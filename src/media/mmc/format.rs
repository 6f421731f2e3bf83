//! READ FORMAT CAPACITIES (MMC-6): whether a disc that is written anywhere is formatted, and how large it is or could be.

use super::Command;
use super::answer::{Answer, Malformed};

/// What READ FORMAT CAPACITIES says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatCapacities {
    /// How far the disc is formatted.
    pub state: FormatState,
    /// Sectors of the formatted disc, or the most that formatting can give.
    pub sectors: u32,
    /// What the disc can be formatted to: the type of the format (0 is a full one) and its sectors.
    pub formats: Vec<(u8, u32)>,
}

/// How far a disc is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatState {
    /// Not at all.
    Unformatted,
    /// It is, or was written.
    Formatted,
    /// There is no disc, or the drive does not say.
    Unknown,
}

impl FormatCapacities {
    /// The command.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x23, 0, 0, 0, 0, 0, 0, 0, 252, 0],
            room: 252,
        }
    }

    /// Decodes the answer. Its length counts what follows the first four bytes, in one byte.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let all = Answer::whole(bytes);
        let claimed = usize::from(all.byte(3)?) + 4;
        let answer = Answer::whole(&bytes[..claimed.min(bytes.len())]);
        let sectors = answer.be32(4)?;
        let state = match answer.byte(8)? & 3 {
            1 => FormatState::Unformatted,
            2 => FormatState::Formatted,
            _ => FormatState::Unknown,
        };
        let mut formats = Vec::new();
        let mut at = 12;
        while at + 8 <= answer.len() {
            formats.push((answer.byte(at + 4)? >> 2, answer.be32(at)?));
            at += 8;
        }
        Ok(Self {
            state,
            sectors,
            formats,
        })
    }

    /// The most sectors that the disc can have.
    pub fn most(&self) -> u64 {
        // Type 0 is a full format. Others count other things: 20h and above, for instance, grow in units of their own.
        let full = self
            .formats
            .iter()
            .filter(|(kind, _)| matches!(kind, 0x00 | 0x10 | 0x26))
            .map(|(_, sectors)| *sectors);
        full.chain([self.sectors]).max().map_or(0, u64::from)
    }
}
