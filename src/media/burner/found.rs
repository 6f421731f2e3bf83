//! What a drive says, as a [`Disc`].

use super::Burner;
use super::part::{copied, session};
use super::reader::Reader;
use crate::iso9660::{self, ReadAt, SpaceSize, Volume};
use crate::media::disc::{CD_FIRST, CD_NEXT};
use crate::media::mmc::{Medium, Part, Profile, SgIo, Status};
use crate::media::{self, Appendable, Disc, DriveError, MediaKind, Renewal, SECTOR, Session};

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

/// What can be found on a disc that [`disc`] calls unreadable. Nothing can be written onto it. A session whose beginning cannot
/// be read has no label.
pub(super) fn salvage(burner: &Burner, drive: &SgIo, medium: &Medium) -> Disc {
    let sessions: Vec<Session> = if medium.profile.is_overwritable() {
        let reader = Reader::new(drive, u32::try_from(medium.readable).unwrap_or(u32::MAX));
        let at = |start: u32| {
            let volume = Volume::open(&reader, start).ok()?;
            Some(Session {
                start,
                end: volume.end(),
                label: volume.volume_id().to_vec(),
            })
        };
        let starts = iso9660::readable_sessions(&reader).starts;
        starts.into_iter().filter_map(at).collect()
    } else {
        let bare = |part: &Part| Session {
            start: part.start,
            end: part.end,
            label: Vec::new(),
        };
        let parts = medium.sessions.iter();
        let one = |part: &Part| match session(burner, drive, *part) {
            Ok(held) => held.whole(),
            Err(_) => Some(bare(part)),
        };
        parts.filter_map(one).collect()
    };
    Disc {
        kind: kind(medium.profile, medium.capacity).unwrap_or(burner.kind),
        next_writable: sessions.last().map_or(0, |last| last.end),
        first_writable: 0,
        sessions,
        capacity: medium.capacity,
        appendable: Appendable::Closed,
        renewal: Renewal::Insert,
        space_size: SpaceSize::End,
    }
}

pub(super) fn of_volume(session: iso9660::Session) -> Session {
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
    let reader = Reader::new(drive, end);
    // One that was never formatted cannot be read; nor one that was formatted quickly, and not written since: its drive says
    // that it has no sectors, or one.
    let is_readable = medium.formatted && medium.readable > u64::from(iso9660::SYSTEM_AREA);
    let (found, shown) = if is_readable {
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
fn newest_root(reader: &dyn ReadAt) -> std::io::Result<u32> {
    let mut head = [0; 2048];
    let got = reader.read_at(&mut head, 16 * SECTOR)?;
    let is_head = got == head.len() && &head[1..6] == b"CD001";
    // ECMA-119 8.4.18: the root's record at 156, in it the place at 2
    let root = u32::from_le_bytes([head[158], head[159], head[160], head[161]]);
    Ok(if is_head { root } else { 0 })
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

#[cfg(test)]
mod tests {
    use super::*;

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
