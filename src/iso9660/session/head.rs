//! What the head of a medium becomes, so that readers that know nothing of sessions see the newest.

use super::super::descriptor::{self, Parsed};
use super::super::image::SYSTEM_AREA;
use super::super::medium::{ReadAt, ReadError, read_exact};
use super::super::{SECTOR, SECTOR_LEN};
use super::{HEAD, KEPT, descriptor_sector, primary};

/// What the first [`HEAD`] sectors of a medium become whose first session starts at sector 0, and which was continued
/// by a session whose descriptors for the head are `descriptors`. `old` is what they are now.
///
/// The descriptor of what was there before is kept, if it is not already. Behind the descriptors there may be anything,
/// so only as many sectors are changed as the old ones have; Joliet's is left out if there is no room for it.
pub fn grown_head(old: &[u8], descriptors: &[u8]) -> Vec<u8> {
    let sector = |number: u32| number as usize * SECTOR_LEN..(number as usize + 1) * SECTOR_LEN;
    let mut new = old.to_vec();
    new.resize(HEAD as usize * SECTOR_LEN, 0);
    if !matches!(descriptor::parse(&new[sector(KEPT)]), Parsed::Primary(_)) {
        new.copy_within(sector(SYSTEM_AREA), sector(KEPT).start);
    }
    let place = SYSTEM_AREA as usize * SECTOR_LEN;
    let ends = |one: &[u8]| descriptor::parse(one) == Parsed::Terminator;
    let room = new[place..].chunks(SECTOR_LEN).position(ends);
    let room = (room.unwrap_or(1) + 1) * SECTOR_LEN;
    if descriptors.len() <= room {
        new[place..place + descriptors.len()].copy_from_slice(descriptors);
    } else {
        let terminator = descriptors.len() - SECTOR_LEN;
        new[place..place + SECTOR_LEN].copy_from_slice(&descriptors[..SECTOR_LEN]);
        new[place + SECTOR_LEN..place + 2 * SECTOR_LEN].copy_from_slice(&descriptors[terminator..]);
    }
    new
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::copy::tests::sequential;
    use super::super::tests::session;
    use super::super::{sessions, sessions_of_copy};
    use super::*;
    use crate::iso9660::SpaceSize;

    #[test]
    fn a_head_without_room_for_joliet_gets_none() {
        let (mut disc, _) = session(0, "ONE", 1000);
        disc.resize(64 * 2048, 0);
        let terminator = disc[18 * 2048..19 * 2048].to_vec();
        disc[17 * 2048..18 * 2048].copy_from_slice(&terminator);
        disc[18 * 2048..19 * 2048].fill(b'x');
        let (_, head) = session(64, "TWO", 2000);
        let new = grown_head(&disc[..32 * 2048], &head);
        assert_eq!(new[16 * 2048..17 * 2048], head[..2048]);
        assert_eq!(new[17 * 2048..18 * 2048], terminator);
        assert!(new[18 * 2048..19 * 2048].iter().all(|byte| *byte == b'x'));
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
