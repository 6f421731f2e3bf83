//! A disc: what kind it is, what was written where, and its bytes.
//!
//! Two families. Discs with tracks are written in the order of their sectors, each sector once, in sessions that are closed one
//! after the other. Discs that are written anywhere have no sessions; they are formatted first, and how far they are formatted
//! says what can be written and read.

mod file;
mod kind;
mod track;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::sense::{self, Sense};
pub use kind::Kind;
pub use track::Track;

pub const SECTOR: usize = 2048;
/// Sectors before a track of a CD that are not counted to it.
pub const PREGAP: u32 = 150;

/// How far a disc that is written anywhere is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    None,
    /// Up to that sector; what follows is formatted when it is written or in the background.
    Until(u32),
    Whole,
}

/// How far a disc or its last session is written (MMC-6 6.22.3). Of a session, 3 is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Empty = 0,
    Open = 1,
    Complete = 2,
    Other = 3,
}

/// A disc.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not depend on one another
pub struct Disc {
    pub kind: Kind,
    /// Sectors in all, those to be spare included.
    pub sectors: u32,
    /// Sectors kept in place of bad ones.
    pub spare: u32,
    pub tracks: Vec<Track>,
    pub closed_sessions: u16,
    /// Nothing can follow.
    pub finalized: bool,
    /// A DVD-RW that was blanked in a hurry: it is written at once, as a whole.
    pub once_only: bool,
    /// A DVD-RW that was formatted.
    pub restricted: bool,
    pub format: Format,
    in_use: bool,
    path: PathBuf,
    contents: File,
}

impl Disc {
    fn blank(path: &Path, contents: File, kind: Kind, sectors: u32) -> Self {
        let is_whole = kind == Kind::DvdRam;
        Self {
            kind,
            sectors,
            spare: 0,
            tracks: Vec::new(),
            closed_sessions: 0,
            finalized: false,
            once_only: false,
            restricted: false,
            format: if is_whole {
                Format::Whole
            } else {
                Format::None
            },
            in_use: true,
            path: path.to_owned(),
            contents,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its profile as it is now.
    pub fn profile(&self) -> u16 {
        if self.restricted {
            0x13
        } else {
            self.kind.profile()
        }
    }

    /// Whether it is written anywhere.
    pub fn is_random(&self) -> bool {
        self.kind.is_random() || self.restricted
    }

    /// Sectors that can be written.
    pub fn capacity(&self) -> u32 {
        self.sectors - self.spare
    }

    /// The session that the next track belongs to.
    pub fn session(&self) -> u16 {
        self.closed_sessions + 1
    }

    /// The track that is open towards the end of the disc, by its place.
    pub fn open_ended(&self) -> Option<usize> {
        self.tracks.iter().position(Track::is_open_ended)
    }

    /// Where a track would begin that nobody has begun; `None` if there is none.
    pub fn invisible(&self) -> Option<u32> {
        if self.finalized || self.is_random() || self.open_ended().is_some() {
            return None;
        }
        let Some(last) = self.tracks.last() else {
            return Some(0);
        };
        let end = last.end.unwrap_or(last.next);
        let gap = if last.session < self.session() {
            self.kind.gap(last.session)
        } else if self.kind.is_cd() {
            PREGAP
        } else {
            0
        };
        Some((end + gap).next_multiple_of(self.kind.block()))
    }

    /// Tracks, with the one that nobody has begun.
    pub fn track_count(&self) -> u16 {
        self.tracks.len() as u16 + u16::from(self.invisible().is_some())
    }

    /// The disc and its last session.
    pub fn status(&self) -> (Status, Status) {
        if self.is_random() {
            let blank = self.format == Format::None;
            return match (self.kind, blank) {
                (_, true) => (Status::Empty, Status::Empty),
                (Kind::DvdRam | Kind::BdRe, _) => (Status::Other, Status::Other),
                (_, false) => (Status::Complete, Status::Other),
            };
        }
        if self.finalized {
            return (Status::Complete, Status::Other);
        }
        let is_begun = self
            .tracks
            .iter()
            .any(|track| track.session == self.session());
        match (self.tracks.is_empty(), is_begun) {
            (true, _) => (Status::Empty, Status::Empty),
            (false, true) => (Status::Open, Status::Open),
            (false, false) => (Status::Open, Status::Empty),
        }
    }

    /// Whether readers see a track: its session is closed, or, on a Blu-ray disc, itself.
    pub fn is_seen(&self, track: &Track) -> bool {
        track.session <= self.closed_sessions || (self.kind == Kind::BdR && track.closed)
    }

    /// The sector after the last one that readers see.
    pub fn lead_out(&self) -> Option<u32> {
        let mut seen = self.tracks.iter().rev().filter(|track| self.is_seen(track));
        seen.next().and_then(|track| track.end)
    }

    /// What a program of old sees as the disc's size.
    pub fn visible_end(&self) -> u32 {
        if !self.is_random() {
            return self.lead_out().unwrap_or(0);
        }
        match self.format {
            Format::None => 0,
            Format::Until(end) if self.restricted => end,
            _ => self.capacity(),
        }
    }

    /// Reads sectors that were written.
    pub fn read(&self, first: u32, count: u32) -> Result<Vec<u8>, Sense> {
        let end = first.checked_add(count).ok_or(sense::OUT_OF_RANGE)?;
        let limit = match self.invisible().or_else(|| self.lead_out()) {
            _ if self.is_random() || self.open_ended().is_some() => self.capacity(),
            Some(limit) => limit,
            None => 0,
        };
        if end > limit {
            return Err(sense::OUT_OF_RANGE);
        }
        if let Some(bad) = (first..end).find(|sector| !self.is_readable(*sector)) {
            let in_run_out = self
                .tracks
                .iter()
                .any(|track| track.run_out > 0 && (track.start..track.next).contains(&bad));
            let why = match self.kind {
                _ if in_run_out || self.kind.is_cd() => sense::ILLEGAL_MODE,
                _ if self.kind.is_dvd_minus() => sense::BLANK_CHECK,
                _ => sense::READ_ERROR,
            };
            return Err(why.about(bad));
        }
        let mut data = vec![0; count as usize * SECTOR];
        let mut done = 0;
        let at = u64::from(first) * SECTOR as u64;
        while done < data.len() {
            match self.contents.read_at(&mut data[done..], at + done as u64) {
                Ok(0) => break, // zeros that were never stored
                Ok(count) => done += count,
                Err(_) => return Err(sense::READ_ERROR),
            }
        }
        Ok(data)
    }

    fn is_readable(&self, sector: u32) -> bool {
        if self.is_random() {
            return match self.format {
                Format::None => false,
                Format::Until(end) => sector < end,
                Format::Whole => true,
            };
        }
        let pregap = if self.kind.is_cd() { PREGAP } else { 0 };
        self.tracks.iter().any(|track| {
            let lead_in = track.start.saturating_sub(pregap)..track.start;
            track.reads(sector) || (track.closed && lead_in.contains(&sector))
        })
    }

    /// Stores bytes; whether they may be written there was found out before.
    pub fn store(&self, first: u32, data: &[u8]) -> Result<(), Sense> {
        let at = u64::from(first) * SECTOR as u64;
        let written = self.contents.write_all_at(data, at);
        written.map_err(|_| sense::WRITE_ERROR)
    }

    /// Forgets all bytes.
    pub fn erase(&mut self) -> io::Result<()> {
        self.contents.set_len(0)?;
        self.tracks.clear();
        self.closed_sessions = 0;
        self.finalized = false;
        self.restricted = false;
        self.once_only = false;
        self.spare = 0;
        self.format = Format::None;
        Ok(())
    }

    /// What is true of a disc that was being written when the current went away: the drive finds the end of what it wrote, but
    /// on a CD or DVD-R it no longer goes on there.
    pub fn power_was_lost(&mut self) {
        let (block, stored) = (self.kind.block(), self.contents.metadata());
        let stored = stored
            .map_or(0, |facts| facts.len())
            .div_ceil(SECTOR as u64);
        let goes_on = !self.kind.is_cd() && !self.kind.is_dvd_minus();
        for track in self.tracks.iter_mut().filter(|track| !track.closed) {
            if track.end.is_none() {
                let found = (stored as u32).next_multiple_of(block);
                track.next = track.next.max(found);
            }
            track.damaged = !goes_on && track.next > track.start;
        }
    }
}
