//! A part of a disc that its drive tells of, and the session in it, by its volume descriptor.

use super::Burner;
use super::found::of_volume;
use super::reader::Reader;
use crate::iso9660::{self, ReadAt as _};
use crate::media::mmc::{Part, Profile, SgIo};
use crate::media::{DriveError, SECTOR, Session};

/// Sectors that no session can do with: its system area, two descriptors, two path tables and a directory.
const SMALLEST: u32 = 16 + 2 + 2 + 1;
/// Sectors at the end of a CD's track that have nothing of its volume.
const CD_END: u32 = 152;

/// The sessions of a disc that is the copy of one with several: the drive knows of one only, which is much longer than the
/// volume at its beginning, or whose head shows a later one. `None` if there is nothing behind that.
pub(super) fn copied(
    drive: &SgIo,
    profile: Profile,
    part: Part,
    only: &Session,
) -> Option<Vec<Session>> {
    let behind = part.end.saturating_sub(only.end);
    if part.start > 0 || only.label.is_empty() {
        return None;
    }
    // Some drives count sectors at the end of a CD's track that none reads; before them it is padded.
    let unread = if profile.is_cd() { CD_END } else { 0 };
    let reader = Reader::new(drive, part.end.saturating_sub(unread));
    // A copy whose head shows the newest session keeps the descriptor of the first elsewhere.
    let own = u64::from(iso9660::SYSTEM_AREA);
    let is_shown = iso9660::descriptor_sector(&reader, 0).is_ok_and(|at| at != own);
    if !is_shown && behind < SMALLEST {
        return None;
    }
    let found = iso9660::sessions_of_copy(&reader)
        .inspect_err(|error| log::debug!("behind the volume: {error}"))
        .ok()?;
    (found.len() > 1).then(|| found.into_iter().map(of_volume).collect())
}

/// A session with its label. Its end is what its descriptor says, if the part of the disc has it: drives count what they
/// pad a track with.
pub(super) fn session(burner: &Burner, drive: &SgIo, part: Part) -> Result<Held, DriveError> {
    let reader = Reader::new(drive, part.end);
    let mut sector = [0; 2048];
    let at = (u64::from(part.start) + 16) * SECTOR;
    let got = if part.end.saturating_sub(part.start) <= 16 {
        0
    } else {
        reader
            .read_at(&mut sector, at)
            .map_err(|source| DriveError::Unreadable {
                path: burner.path.clone().into(),
                why: format!("the session at sector {}: {source}", part.start),
            })?
    };
    Ok(held(part, &sector[..got]))
}

/// A part of a disc, by what is in its sector 16.
pub(super) enum Held {
    /// A session.
    Session(Session),
    /// One of ours that was closed before it was whole.
    Cut(Part),
}

impl Held {
    pub fn whole(self) -> Option<Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Cut(_) => None,
        }
    }
}

fn held(part: Part, sector: &[u8]) -> Held {
    let mut found = Session {
        start: part.start,
        end: part.end,
        label: Vec::new(),
    };
    let is_volume = sector.len() == 2048 && sector.starts_with(b"\x01CD001");
    if !is_volume {
        return Held::Session(found); // audio, or another file system
    }
    let space = u32::from_le_bytes([sector[80], sector[81], sector[82], sector[83]]);
    // Ours say their absolute end, others their length.
    let ends = [Some(space), part.start.checked_add(space)];
    let fits = |end: &u32| *end > part.start && *end <= part.end;
    match ends.into_iter().flatten().filter(fits).max() {
        Some(end) => found.end = end,
        // ECMA-119 8.4.20: the application. Others' programs may be wrong about sizes; ours is not.
        None if sector[574..].starts_with(b"CBACK") => return Held::Cut(part),
        None => {}
    }
    found.label = sector[40..72].to_vec();
    while matches!(found.label.last(), Some(b' ' | 0)) {
        found.label.pop();
    }
    Held::Session(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_session_ends_where_its_volume_says_and_one_that_was_cut_is_known() {
        let sector = |space: u32, application: &[u8]| {
            let mut sector = vec![0; 2048];
            sector[..6].copy_from_slice(b"\x01CD001");
            sector[40..48].copy_from_slice(b"LABEL   ");
            sector[80..84].copy_from_slice(&space.to_le_bytes());
            sector[574..574 + application.len()].copy_from_slice(application);
            sector
        };
        let part = Part {
            start: 1000,
            end: 6000,
        };
        // space, application, expected end
        for (space, application, end) in [
            (5900, &b"CBACK"[..], Some(5900)),
            (4900, b"XORRISO", Some(5900)),
            (9000, b"CBACK", None),
            (9000, b"XORRISO", Some(6000)),
        ] {
            let found = held(part, &sector(space, application)).whole();
            assert_eq!(found.map(|session| session.end), end, "{space}");
        }
        let label = held(part, &sector(5900, b"CBACK")).whole().unwrap().label;
        assert_eq!(label, b"LABEL");
        assert_eq!(held(part, &[]).whole().unwrap().end, 6000);
        assert_eq!(held(part, &[0; 2048]).whole().unwrap().label, b"");
    }
}
