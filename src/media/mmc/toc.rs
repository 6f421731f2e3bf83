//! READ TOC/PMA/ATIP, format 0 (MMC-6 6.26): tracks and the lead-out, for drives that have nothing better.

use super::Command;
use super::answer::{Answer, Malformed};

/// The number of the lead-out.
const LEAD_OUT: u8 = 0xaa;

/// What READ TOC says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toc {
    /// Number and first sector of each track.
    pub tracks: Vec<(u8, u32)>,
    /// The sector after the last track.
    pub lead_out: Option<u32>,
}

impl Toc {
    /// The command.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x43, 0, 0, 0, 0, 0, 0, 8, 0, 0],
            room: 0x800,
        }
    }
}

/// Decodes the answer.
pub fn toc(bytes: &[u8]) -> Result<Toc, Malformed> {
    let answer = Answer::counted16(bytes)?;
    let mut found = Toc::default();
    let mut at = 4;
    while at + 8 <= answer.len() {
        let (number, start) = (answer.byte(at + 2)?, answer.be32(at + 4)?);
        if number == LEAD_OUT {
            found.lead_out = Some(start);
        } else {
            found.tracks.push((number, start));
        }
        at += 8;
    }
    Ok(found)
}
