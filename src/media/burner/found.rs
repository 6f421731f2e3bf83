//! What a drive says, as a [`Disc`].

use super::Burner;
use super::reader::Reader;
use super::tray;
use super::way::{Manner, way};
use crate::iso9660::{self, ReadAt, SpaceSize};
use crate::media::disc::{CD_FIRST, CD_NEXT};
use crate::media::mmc::{self, Medium, Part, Profile, SgIo, Status};
use crate::media::{self, Appendable, Burn, Disc, DriveError, MediaKind, Renewal, SECTOR, Session};

/// Sectors that a session may be longer than its volume: what it is padded with.
const PADDING: u32 = 600;
/// Sectors at the end of a CD's track that have nothing of its volume.
const CD_END: u32 = 152;

pub(super) fn disc(burner: &Burner, drive: &SgIo, medium: &Medium) -> Result<Disc, DriveError> {
    let profile = medium.profile;
    let kind = kind(profile, medium.capacity).unwrap_or(burner.kind);
    let renewal = if profile.is_rewritable() {
        Renewal::Blank
    } else {
        Renewal::Insert
    };
    if profile.is_overwritable() {
        return overwritable(burner, drive, medium, kind, renewal);
    }
    let mut sessions = Vec::new();
    for part in &medium.sessions {
        // One that was closed before it was whole is as good as not there; `details` tells of it.
        sessions.extend(session(burner, drive, *part)?.whole());
    }
    if let ([part], [only]) = (&medium.sessions[..], &sessions[..])
        && let Some(copied) = copied(drive, profile, *part, only)
    {
        sessions = copied;
    }
    // A session that was broken off lies where the next one would begin: nothing can follow it in order.
    let open = medium.unfinished.is_none()
        && medium.next_writable.is_some()
        && medium.status != Status::Complete;
    if let Some(part) = medium.unfinished {
        sessions.push(Session {
            start: part.start,
            end: part.end,
            label: crate::media::BROKEN_OFF.to_vec(),
        });
    }
    let next = medium
        .next_writable
        .unwrap_or_else(|| sessions.last().map_or(0, |last| last.end));
    // Taken off by the arithmetic of `Disc`; what a drive reports as free has it taken off already.
    let overhead = match (profile.is_cd(), sessions.is_empty()) {
        (false, _) => 0,
        (true, true) => CD_FIRST,
        (true, false) => CD_NEXT,
    };
    Ok(Disc {
        kind,
        next_writable: next,
        // Behind what was broken off, if there is nothing else.
        first_writable: if sessions.is_empty() && open && !profile.is_rewritable() {
            next
        } else {
            0
        },
        capacity: (medium.capacity + overhead).saturating_sub(super::engine::cost(profile)),
        appendable: if open {
            Appendable::Open
        } else {
            Appendable::Closed
        },
        sessions,
        renewal,
        space_size: SpaceSize::End,
    })
}

/// The sessions of a disc that is the copy of one with several: the drive knows of one only, which is much longer than the
/// volume at its beginning. `None` if there is nothing behind that.
fn copied(drive: &SgIo, profile: Profile, part: Part, only: &Session) -> Option<Vec<Session>> {
    let behind = part.end.saturating_sub(only.end);
    if part.start > 0 || only.label.is_empty() || behind <= PADDING {
        return None;
    }
    // Some drives count sectors at the end of a CD's track that none reads; before them it is padded.
    let unread = if profile.is_cd() { CD_END } else { 0 };
    let reader = Borrowed {
        drive,
        end: part.end - unread,
    };
    let found = iso9660::sessions_of_copy(&reader)
        .inspect_err(|error| log::debug!("behind the volume: {error}"))
        .ok()?;
    (found.len() > 1).then(|| found.into_iter().map(of_volume).collect())
}

fn of_volume(session: iso9660::Session) -> Session {
    Session {
        start: session.start,
        end: session.end,
        label: session.volume_id,
    }
}

/// A disc that is written anywhere is laid out like a file.
fn overwritable(
    burner: &Burner,
    drive: &SgIo,
    medium: &Medium,
    kind: MediaKind,
    renewal: Renewal,
) -> Result<Disc, DriveError> {
    let end = u32::try_from(medium.readable).unwrap_or(u32::MAX);
    let reader = Borrowed { drive, end };
    // One that was never formatted cannot be read.
    let (found, shown) = if medium.formatted {
        let unreadable = |why: String| DriveError::Unreadable {
            path: burner.path.clone().into(),
            why,
        };
        let found = iso9660::sessions(&reader).map_err(|error| unreadable(error.to_string()))?;
        let shown = newest_root(&reader).map_err(|error| unreadable(error.to_string()))?;
        (found, shown)
    } else {
        (Vec::new(), 0)
    };
    let sessions: Vec<Session> = found
        .into_iter()
        .filter(|session| session.start <= shown)
        .map(of_volume)
        .collect();
    let next = sessions.last().map_or(iso9660::HEAD, |last| {
        last.end
            .checked_next_multiple_of(iso9660::ALIGNMENT)
            .unwrap_or(u32::MAX)
    });
    // Cedar Backup's begin at sector 0, and are continued.
    let is_ours = |first: &Session| first.start == iso9660::HEAD || media::is_ours(&first.label);
    let ours = sessions.first().is_none_or(is_ours);
    Ok(Disc {
        kind,
        sessions,
        next_writable: next,
        first_writable: iso9660::HEAD,
        capacity: medium.capacity,
        appendable: if ours {
            Appendable::Open
        } else {
            Appendable::Closed
        },
        renewal,
        space_size: SpaceSize::Length,
    })
}

/// Where the newest session has its root directory, as the head says that is written last; 0 if there is no head. What lies
/// behind was broken off, or is left from before the disc was begun anew.
fn newest_root(reader: &Borrowed<'_>) -> std::io::Result<u32> {
    let mut head = [0; 2048];
    let got = reader.read_at(&mut head, 16 * SECTOR)?;
    let is_head = got == head.len() && &head[1..6] == b"CD001";
    // ECMA-119 8.4.18: the root's record at 156, in it the place at 2
    let root = u32::from_le_bytes([head[158], head[159], head[160], head[161]]);
    Ok(if is_head { root } else { 0 })
}

/// A session with its label. Its end is what its descriptor says, if the part of the disc has it: drives count what they
/// pad a track with.
fn session(burner: &Burner, drive: &SgIo, part: Part) -> Result<Held, DriveError> {
    let reader = Borrowed {
        drive,
        end: part.end,
    };
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
enum Held {
    /// A session.
    Session(Session),
    /// One of ours that was closed before it was whole.
    Cut(Part),
}

impl Held {
    fn whole(self) -> Option<Session> {
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

/// The kind of a disc, by what the drive calls it and by how much it holds; `None` if it is only seen as something that is
/// read.
pub(super) fn kind(profile: Profile, sectors: u64) -> Option<MediaKind> {
    use MediaKind as Kind;
    let by_layers = |kinds: &[MediaKind]| {
        // Without spare areas a disc has a little more than its kind.
        let fitting = kinds
            .iter()
            .find(|kind| kind.sectors() + kind.sectors() / 10 >= sectors);
        fitting.or(kinds.last()).copied()
    };
    match profile.0 {
        // a disc of 74 minutes has 333 000 sectors, not 360 000
        0x09 if sectors < 340_000 => Some(Kind::CdR74),
        0x09 => Some(Kind::CdR80),
        0x0a if sectors < 340_000 => Some(Kind::CdRw74),
        0x0a => Some(Kind::CdRw80),
        0x11 => Some(Kind::DvdR),
        0x13 | 0x14 | 0x17 => Some(Kind::DvdRw),
        0x15 | 0x16 => Some(Kind::DvdRDl),
        0x12 | 0x1a | 0x2a => Some(Kind::DvdPlusRw),
        0x1b => Some(Kind::DvdPlusR),
        0x2b => Some(Kind::DvdPlusRDl),
        0x41 | 0x42 => by_layers(&[Kind::BdR, Kind::BdRDl, Kind::BdRTl, Kind::BdRQl]),
        0x43 => by_layers(&[Kind::BdRe, Kind::BdReDl, Kind::BdReTl]),
        _ => None,
    }
}

/// Drive and medium, for people.
pub(super) fn details(burner: &Burner, drive: &SgIo, medium: &Medium) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |word: &str, value: String| rows.push((word.to_owned(), value));
    let name = tray::ask(drive, &mmc::inquiry(), super::PATIENCE).ok();
    if let Some(name) = name.as_deref().and_then(mmc::name) {
        row("drive", name);
    }
    row("medium", medium.profile.name());
    if let Some(id) = &medium.media_id {
        row("made by", id.clone());
    }
    if !medium.speeds.is_empty() {
        let speeds: Vec<String> = medium
            .speeds
            .iter()
            .map(|speed| format!("{}.{} MB/s", speed / 1000, speed % 1000 / 100))
            .collect();
        row("writes at", speeds.join(", "));
    }
    if let Some(next) = medium.next_writable {
        row("next sector", next.to_string());
    }
    if let Some(blocks) = medium.spare_blocks {
        row(
            "spare areas",
            if blocks == 0 {
                "none".to_owned()
            } else {
                format!(
                    "{blocks} blocks; written at half speed, since the drive reads back what it writes"
                )
            },
        );
    }
    if !medium.formatted {
        row(
            "format",
            "none yet; it is formatted when it is written first".to_owned(),
        );
    }
    if way(medium, Burn::New).is_some_and(|way| way.manner == Manner::AtOnce) {
        row("sessions", "one only; it closes the disc".to_owned());
    }
    let cut = medium
        .sessions
        .iter()
        .filter(|_| !medium.profile.is_overwritable());
    let cut = cut.filter_map(|part| match session(burner, drive, *part) {
        Ok(Held::Cut(part)) => Some(part),
        _ => None,
    });
    for part in cut.chain(medium.unfinished) {
        row(
            "broken off",
            format!("a session at sector {} was not finished", part.start),
        );
    }
    if let Some(capabilities) = &medium.capabilities {
        if let Some(buffer) = capabilities.buffer {
            row("buffer", crate::event::bytes(buffer));
        }
        if capabilities.locked {
            row("tray", "locked".to_owned());
        }
    }
    rows
}

/// A reader on a drive that somebody else holds.
struct Borrowed<'a> {
    drive: &'a SgIo,
    end: u32,
}

impl ReadAt for Borrowed<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        Reader::read(self.drive, self.end, buffer, offset)
    }

    fn len(&self) -> std::io::Result<u64> {
        Ok(u64::from(self.end) * SECTOR)
    }
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

    /// CDs and DVDs by their names, Blu-ray by how much they hold.
    #[test]
    fn the_kind_is_what_the_drive_calls_it_and_how_much_it_holds() {
        for (profile, sectors, word) in [
            (0x09, 332_000, "cdr-74"),
            (0x0a, 359_849, "cdrw-80"),
            (0x11, 2_298_496, "dvd-r"),
            (0x13, 2_298_496, "dvd-rw"),
            (0x15, 4_171_712, "dvd-r-dl"),
            (0x2b, 4_173_824, "dvd+r-dl"),
            (0x41, 12_219_392, "bd-r"),
            (0x41, 24_438_784, "bd-r-dl"),
            (0x41, 48_878_592, "bd-r-tl"),
            (0x41, 62_500_864, "bd-r-ql"),
            (0x43, 11_826_176, "bd-re"),
            (0x43, 12_219_392, "bd-re"),
            (0x43, 23_652_352, "bd-re-dl"),
            (0x43, 47_305_728, "bd-re-tl"),
        ] {
            let found = kind(Profile(profile), sectors).map(MediaKind::word);
            assert_eq!(found, Some(word), "{profile:#04x} {sectors}");
        }
        assert_eq!(kind(Profile(0x10), 1), None);
    }
}
