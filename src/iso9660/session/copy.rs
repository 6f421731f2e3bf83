//! Copies of whole discs: sessions with gaps between that only a table of contents knew, which a copy has not.

use super::super::descriptor::{self, Found, Parsed};
use super::super::image::SYSTEM_AREA;
use super::super::medium::{ReadAt, ReadError, length, read_exact};
use super::super::{SECTOR, SECTOR_LEN};
use super::{
    HEAD, KEPT, SESSIONS_MAX, Session, claimed_end, descriptor_sector, ends, grown_head, primary,
    sessions,
};

/// The volume descriptors of the session from `start` to `end`, as the head of a medium has them: their size is the absolute
/// end (ECMA-119 8.4.8).
pub fn shown_descriptors(medium: &dyn ReadAt, start: u32, end: u32) -> Result<Vec<u8>, ReadError> {
    let first = descriptor_sector(medium, start)?;
    let mut set = Vec::new();
    for at in first..first + u64::from(HEAD - SYSTEM_AREA) {
        let mut sector = [0; SECTOR_LEN];
        read_exact(medium, &mut sector, at * SECTOR)?;
        let parsed = descriptor::parse(&sector);
        // Types 1 and 2 describe a volume, by the same fields.
        if matches!(sector[0], 1 | 2) {
            sector[80..84].copy_from_slice(&end.to_le_bytes());
            sector[84..88].copy_from_slice(&end.to_be_bytes());
        }
        set.extend_from_slice(&sector);
        if parsed == Parsed::Terminator {
            break;
        }
    }
    Ok(set)
}

/// The sectors that the copy of a medium has to have in place of its own so that every reader of the copy finds its newest
/// session: a disc that is written once has a table of contents that says where that is, and a copy of its sectors has none.
/// Number and bytes of each; none if the newest session is shown already.
///
/// `sessions` are those of `medium`, oldest first. Errors: incompatible if there is no room for the descriptor that has to be
/// kept, since something else is in the system area.
pub fn copied_head(
    medium: &dyn ReadAt,
    sessions: &[(u32, u32)],
) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
    let Some(head) = primary(medium, 0)? else {
        return Ok(Vec::new());
    };
    let mut newest = None;
    for &(start, end) in sessions.iter().rev() {
        // One that was broken off has none.
        if primary(medium, start)?.is_some() {
            newest = Some((start, end));
            break;
        }
    }
    let Some((start, end)) = newest.filter(|(start, _)| *start > 0 && head.root < *start) else {
        return Ok(Vec::new());
    };
    let mut old = vec![0; HEAD as usize * SECTOR_LEN];
    read_exact(medium, &mut old, 0)?;
    let place = KEPT as usize * SECTOR_LEN;
    let kept = &old[place..place + SECTOR_LEN];
    if kept.iter().any(|byte| *byte != 0) && !matches!(descriptor::parse(kept), Parsed::Primary(_))
    {
        return Err(ReadError::Incompatible(format!(
            "sector {KEPT}, in which the descriptor of the first session would be kept, has something else in it"
        )));
    }
    let new = grown_head(&old, &shown_descriptors(medium, start, end)?);
    let pairs = old.chunks(SECTOR_LEN).zip(new.chunks(SECTOR_LEN));
    let changed = (0..).zip(pairs).filter(|(_, (old, new))| old != new);
    Ok(changed.map(|(at, (_, new))| (at, new.to_vec())).collect())
}

/// The most sectors that lie between two sessions of a disc that is written once: the first border zone of a DVD-R has up
/// to 56 MB.
const GAP_MAX: u32 = 32_768;

/// The sessions of an image that may be the copy of a whole disc. As [`sessions`]; and if the first one begins at sector 0,
/// those behind it, although only the table of contents of the disc knew where they begin.
pub fn sessions_of_copy(medium: &dyn ReadAt) -> Result<Vec<Session>, ReadError> {
    let mut found = sessions(medium)?;
    let sectors = length(medium)?;
    let mut space = match &found[..] {
        [only] if only.start == 0 => only.end,
        _ => return Ok(found),
    };
    while let Some(last) = found.last_mut()
        && let Some((end, start, next)) = behind(medium, last.start, space, sectors)?
    {
        last.end = end;
        space = next.space;
        found.push(Session {
            start,
            end: claimed_end(start, next.space, sectors),
            volume_id: next.volume_id,
        });
        if found.len() == SESSIONS_MAX {
            break;
        }
    }
    Ok(found)
}

/// The session behind the one that starts at `start`, with a gap between: where that one ends, where this one starts.
pub(super) fn behind(
    medium: &dyn ReadAt,
    start: u32,
    space: u32,
    sectors: u64,
) -> Result<Option<(u32, u32, Found)>, ReadError> {
    for end in ends(start, space) {
        // One that says that it has no sectors is not the one behind itself.
        let first = end.max(start.saturating_add(1));
        for at in first..end.saturating_add(GAP_MAX) {
            if u64::from(at) + u64::from(SYSTEM_AREA) >= sectors {
                break;
            }
            if let Some(found) = primary(medium, at)?
                && found.root > at
            {
                return Ok(Some((end, at, found)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::iso9660::{Image, Meta, Options, SpaceSize, Tree};

    /// Sessions as on a disc that is written once, with gaps between: such a disc, first sectors and ends.
    fn sequential(space_size: SpaceSize) -> (Vec<u8>, Vec<(u32, u32)>) {
        let mut disc = Vec::new();
        let mut places = Vec::new();
        for (label, gap) in [("ONE", 0), ("TWO", 11_401), ("THREE", 6_901)] {
            disc.resize(disc.len() + gap * 2048, 0);
            let start = u32::try_from(disc.len() / 2048).unwrap();
            let options = Options {
                start,
                volume_id: label.to_owned(),
                space_size,
                ..Options::default()
            };
            let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
            image.write(&mut disc, &mut |_| unreachable!()).unwrap();
            places.push((start, image.end()));
        }
        (disc, places)
    }

    #[test]
    fn the_copy_of_a_disc_with_gaps_has_all_its_sessions() {
        for space_size in [SpaceSize::End, SpaceSize::Length] {
            let (disc, places) = sequential(space_size);
            let found = sessions_of_copy(&disc).unwrap();
            let starts: Vec<_> = found.iter().map(|one| one.start).collect();
            assert!(starts.iter().eq(places.iter().map(|place| &place.0)));
            let names: Vec<_> = found.iter().map(|one| one.volume_id.clone()).collect();
            assert_eq!(names, [&b"ONE"[..], b"TWO", b"THREE"]);
            assert_eq!(found[2].end as usize, disc.len() / 2048);
            assert!(found.windows(2).all(|two| two[0].end < two[1].start));
        }
    }

    #[test]
    fn a_session_that_claims_to_have_no_sectors_is_there_once() {
        let (mut disc, places) = sequential(SpaceSize::End);
        for one in [0, 1] {
            let at = (places[one].0 as usize + 16) * 2048 + 80;
            disc[at..at + 8].fill(0);
        }
        let found = sessions_of_copy(&disc).unwrap();
        let starts: Vec<_> = found.iter().map(|one| one.start).collect();
        assert!(starts.iter().eq(places.iter().map(|place| &place.0)));
    }

    #[test]
    fn the_head_of_a_copy_shows_the_newest_session_and_none_is_lost() {
        for space_size in [SpaceSize::End, SpaceSize::Length] {
            let (mut disc, places) = sequential(space_size);
            let original = disc.clone();
            // what was broken off behind them has no descriptors
            let end = places[2].1;
            disc.resize(disc.len() + 100 * 2048, 0);
            let broken = [&places[..], &[(end, end + 100)]].concat();
            let changed = copied_head(&disc, &broken).unwrap();
            let numbers: Vec<u64> = changed.iter().map(|(at, _)| *at).collect();
            assert_eq!(numbers, [14, 16, 17]);
            disc.truncate(original.len());
            for (at, bytes) in &changed {
                let at = usize::try_from(*at).unwrap() * 2048;
                disc[at..at + 2048].copy_from_slice(bytes);
            }
            let shown = crate::iso9660::Volume::open(&disc, 0).unwrap();
            assert_eq!(shown.volume_id(), b"ONE"); // by its kept descriptor
            assert_eq!(disc[16 * 2048 + 40..][..5], *b"THREE");
            assert_eq!(disc[16 * 2048 + 80..][..4], end.to_le_bytes());
            for found in [sessions(&disc), sessions_of_copy(&disc)] {
                let found = found.unwrap();
                let there: Vec<_> = found.iter().map(|one| (one.start, one.end)).collect();
                assert_eq!(there, places);
                assert_eq!(found[0].volume_id, b"ONE");
            }
            // a copy of the copy is the same
            assert_eq!(copied_head(&disc, &places).unwrap(), []);
            // one session needs nothing, and what somebody else has there stays
            assert_eq!(copied_head(&original, &places[..1]).unwrap(), []);
            let mut booted = original;
            booted[14 * 2048] = 1;
            let refused = copied_head(&booted, &places);
            assert!(matches!(refused, Err(ReadError::Incompatible(_))));
        }
    }
}
