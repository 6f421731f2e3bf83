//! Copies of whole discs: sessions with gaps between that only a table of contents knew, which a copy has not.

use super::super::descriptor::Found;
use super::super::image::SYSTEM_AREA;
use super::super::medium::{ReadAt, ReadError, length};
use super::{SESSIONS_MAX, Session, claimed_end, ends, primary, sessions};

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
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::iso9660::{Image, Meta, Options, SpaceSize, Tree};

    /// Sessions as on a disc that is written once, with gaps between: such a disc, first sectors and ends.
    pub fn sequential(space_size: SpaceSize) -> (Vec<u8>, Vec<(u32, u32)>) {
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
}
