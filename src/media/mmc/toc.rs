//! READ TOC/PMA/ATIP (MMC-6 6.26): tracks, sessions and lead-outs, for drives that have nothing better, and for CDs, whose
//! table of contents is written on the disc itself.

use super::Command;
use super::answer::{Answer, Malformed};

/// The number of the lead-out.
const LEAD_OUT: u8 = 0xaa;

/// What READ TOC says, format 0.
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

/// A session of a CD as its table of contents has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TocSession {
    /// Its number.
    pub number: u8,
    /// The first sector of its first track.
    pub start: u32,
    /// Where its lead-out begins: the sector after the last one.
    pub end: u32,
}

/// The command for the whole table of a CD, format 2.
pub fn full_toc_command() -> Command {
    Command {
        bytes: vec![0x43, 2, 2, 0, 0, 0, 1, 0x10, 0, 0],
        room: 0x1000,
    }
}

/// The closed sessions in the answer to [`full_toc_command`], in ascending order. Addresses are minutes, seconds and
/// frames; 75 frames are a second, and sector 0 is at 2 seconds.
pub fn full_toc(bytes: &[u8]) -> Result<Vec<TocSession>, Malformed> {
    let answer = Answer::counted16(bytes)?;
    let mut starts: Vec<(u8, u32)> = Vec::new();
    let mut ends: Vec<(u8, u32)> = Vec::new();
    let mut at = 4;
    while at + 11 <= answer.len() {
        let (session, point) = (answer.byte(at)?, answer.byte(at + 3)?);
        let sector = sector(answer.slice(at + 8, 3)?);
        match (point, sector) {
            (1..=99, Some(sector)) => starts.push((session, sector)),
            (0xa2, Some(sector)) => ends.push((session, sector)),
            _ => {}
        }
        at += 11;
    }
    let mut sessions: Vec<TocSession> = ends
        .into_iter()
        .filter_map(|(number, end)| {
            let own = starts.iter().filter(|(session, _)| *session == number);
            let start = own.map(|(_, start)| *start).min()?;
            (start < end).then_some(TocSession { number, start, end })
        })
        .collect();
    sessions.sort_unstable_by_key(|session| session.number);
    sessions.dedup_by_key(|session| session.number);
    Ok(sessions)
}

/// The command for what is pressed into a CD that can be written (ATIP), format 4.
pub fn atip_command() -> Command {
    Command {
        bytes: vec![0x43, 2, 4, 0, 0, 0, 0, 0, 28, 0],
        room: 28,
    }
}

/// The sectors of an empty CD, in the answer to [`atip_command`]: where its last lead-out has to begin.
pub fn atip(bytes: &[u8]) -> Option<u32> {
    let answer = Answer::counted16(bytes).ok()?;
    sector(answer.slice(12, 3).ok()?).filter(|sectors| *sectors > 0)
}

/// The sector of an address in minutes, seconds and frames; `None` for one that cannot be.
fn sector(address: &[u8]) -> Option<u32> {
    let &[minutes, seconds, frames] = address else {
        return None;
    };
    if seconds >= 60 || frames >= 75 {
        return None;
    }
    let frames = (u32::from(minutes) * 60 + u32::from(seconds)) * 75 + u32::from(frames);
    frames.checked_sub(150)
}
