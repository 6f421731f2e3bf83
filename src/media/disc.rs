//! A disc as a drive reports it, and all arithmetic of room, in one place.
//!
//! Everything is counted in sectors of 2048 bytes. On a CD each session costs more than its own sectors:
//! the lead-out and the next lead-in. Cedar Backup's pools plan with 11 400 sectors for the first
//! session and 6 900 for each further one, and so do we. DVD and Blu-ray cost nothing that counts.

use super::{MediaKind, label};
use crate::iso9660::{self, ReadAt, SpaceSize};
use crate::sums::Digest;
use crate::units::Day;

/// Bytes in a sector.
pub const SECTOR: u64 = 2048;

/// Lead-in and lead-out of a CD's first session.
pub(super) const CD_FIRST: u64 = 11_400;
/// Lead-in and lead-out of each further session of a CD.
pub(super) const CD_NEXT: u64 = 6_900;

/// One burn on a multisession disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its first sector.
    pub start: u32,
    /// The sector after its last one.
    pub end: u32,
    /// Its volume identifier without padding; bytes, since a stranger may have written it.
    pub label: Vec<u8>,
}

/// How an empty disc comes to be in the drive when the one in it will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The disc is blanked: what is on it is lost.
    Blank,
    /// The drive puts the disc aside by itself and takes a fresh one: nothing is lost.
    SetAside,
    /// Somebody has to insert one.
    Insert,
}

/// Whether another session can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appendable {
    /// It can.
    Open,
    /// The disc is closed, or was not written in a way that can be continued.
    Closed,
}

/// What comes of a burn for the sessions before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burn {
    /// A new disc begins; how, the disc's [`Renewal`] says.
    New,
    /// The session follows those that are there.
    Append,
}

/// A disc in a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disc {
    /// What kind of medium it is.
    pub kind: MediaKind,
    /// Its sessions, oldest first; none on a blank disc.
    pub sessions: Vec<Session>,
    /// Where the next session begins.
    pub next_writable: u32,
    /// Where the first session begins when the disc is written from the start.
    pub first_writable: u32,
    /// Sectors when empty, with what the next session costs besides its own; see [`Disc::size`].
    pub capacity: u64,
    /// Whether another session can follow.
    pub appendable: Appendable,
    /// How a new disc is begun.
    pub renewal: Renewal,
    /// What the volume space size of its sessions has to say.
    pub space_size: SpaceSize,
}

impl Disc {
    /// Whether nothing was ever written on it.
    pub fn is_blank(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The newest session.
    pub fn newest(&self) -> Option<&Session> {
        self.sessions.last()
    }

    /// The label that the disc shows: its newest session's. `None` on a blank disc.
    pub fn label(&self) -> Option<&[u8]> {
        self.newest().map(|session| session.label.as_slice())
    }

    /// The day on which the disc was begun, if its first session has one of our labels.
    pub fn begun(&self) -> Option<Day> {
        self.sessions
            .first()
            .and_then(|session| label::day(&session.label))
    }

    /// The day on which it was last written, if its newest session has one of our labels.
    pub fn written(&self) -> Option<Day> {
        self.newest().and_then(|session| label::day(&session.label))
    }

    /// What tells the disc from every other one: the digest of its first session's volume descriptor, which has its
    /// label, its size, the time of its creation, and what tells its contents from those of other discs of the same run. `medium` is the disc; `None` if it is blank or cannot be read.
    pub fn identity(&self, medium: &dyn ReadAt) -> Option<String> {
        let first = self.sessions.first()?;
        let mut sector = [0; 2048];
        let at = iso9660::descriptor_sector(medium, first.start).ok()? * SECTOR;
        let mut got = 0;
        while got < sector.len() {
            match medium.read_at(&mut sector[got..], at + got as u64) {
                Ok(count) if count > 0 => got += count,
                _ => return None,
            }
        }
        let mut hex = Digest::of(&sector).to_string();
        hex.truncate(16);
        Some(hex)
    }

    /// Sectors that are written.
    pub fn used(&self) -> u64 {
        if self.is_blank() {
            0
        } else {
            u64::from(self.next_writable)
        }
    }

    /// The sector at which a session begins that is burnt so.
    pub fn start(&self, burn: Burn) -> u32 {
        match burn {
            Burn::New => self.first_writable,
            Burn::Append => self.next_writable,
        }
    }

    /// Sectors that a session may have that is burnt so.
    pub fn available(&self, burn: Burn) -> u64 {
        let blank = self.is_blank() || burn == Burn::New;
        if !blank && self.appendable == Appendable::Closed {
            return 0;
        }
        let start = self.start(if blank { Burn::New } else { burn });
        self.capacity
            .saturating_sub(self.overhead(blank))
            .saturating_sub(u64::from(start))
    }

    /// What a session costs besides its own sectors.
    fn overhead(&self, first: bool) -> u64 {
        match (self.kind.is_cd(), first) {
            (false, _) => 0,
            (true, true) => CD_FIRST,
            (true, false) => CD_NEXT,
        }
    }

    /// Sectors that can be written in all, without what the next session costs besides its own: of a blank disc, all of
    /// them are free.
    pub fn size(&self) -> u64 {
        self.capacity.saturating_sub(self.overhead(self.is_blank()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disc(kind: MediaKind, ends: &[(u32, u32)]) -> Disc {
        let sessions: Vec<Session> = ends
            .iter()
            .map(|&(start, end)| Session {
                start,
                end,
                label: b"CEDAR BACKUP 16-NOV-2026".to_vec(),
            })
            .collect();
        Disc {
            kind,
            next_writable: sessions.last().map_or(0, |last| last.end),
            first_writable: 0,
            sessions,
            capacity: kind.sectors(),
            appendable: Appendable::Open,
            renewal: Renewal::Insert,
            space_size: SpaceSize::End,
        }
    }

    #[test]
    fn room_is_counted_as_cedar_backup_counts_it() {
        use MediaKind::{CdR74, CdR80, DvdPlusR};
        for (kind, sessions, used, available) in [
            (CdR74, &[][..], 0, 332_800 - 11_400),
            (CdR80, &[][..], 0, 358_400 - 11_400),
            (CdR74, &[(0, 1)], 1, 332_800 - 1 - 6_900),
            (CdR74, &[(0, 999)], 999, 332_800 - 999 - 6_900),
            (
                CdR80,
                &[(0, 500), (500, 1000)],
                1000,
                358_400 - 1000 - 6_900,
            ),
            (CdR74, &[(0, 330_000)], 330_000, 0),
            (DvdPlusR, &[], 0, 2_295_104),
            (DvdPlusR, &[(0, 95_104)], 95_104, 2_200_000),
            (DvdPlusR, &[(0, 2_295_104)], 2_295_104, 0),
        ] {
            let disc = disc(kind, sessions);
            assert_eq!(disc.used(), used, "{disc:?}");
            assert_eq!(disc.available(Burn::Append), available, "{disc:?}");
            if available > 0 {
                assert_eq!(disc.size(), used + available, "{disc:?}");
            }
        }
    }

    #[test]
    fn a_new_disc_has_all_its_room_whatever_is_in_the_drive() {
        let cd = disc(MediaKind::CdRw74, &[(0, 330_000)]);
        assert_eq!(cd.available(Burn::New), 332_800 - 11_400);
        let mut file = disc(MediaKind::DvdPlusR, &[(32, 1000)]);
        file.first_writable = 32;
        assert_eq!(file.available(Burn::New), 2_295_104 - 32);
        assert_eq!(file.start(Burn::New), 32);
        assert_eq!(file.start(Burn::Append), 1000);
    }

    #[test]
    fn a_closed_disc_has_no_room_for_another_session() {
        let mut closed = disc(MediaKind::DvdPlusR, &[(0, 1000)]);
        closed.appendable = Appendable::Closed;
        assert_eq!(closed.available(Burn::Append), 0);
        assert_eq!(closed.available(Burn::New), 2_295_104);
    }

    #[test]
    fn a_disc_knows_the_day_on_which_it_was_begun() {
        let disc = disc(MediaKind::DvdPlusR, &[(0, 1000)]);
        assert_eq!(
            disc.begun().map(|day| day.to_string()).as_deref(),
            Some("2026-11-16")
        );
    }
}
