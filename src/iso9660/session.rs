//! The sessions on a medium that has no table of contents of its own: a file, DVD+RW, BD-RE.
//!
//! The layout is the one that libburnia's programs use there. Sectors 0 to 31 are a head, whose sector 16 has a
//! copy of the newest session's volume descriptors, so that readers that know nothing of sessions see the newest. The
//! first session starts at sector 32, each next one at the end of the one before, rounded up to 32 sectors. A medium
//! whose head has a volume of its own is one session that starts at sector 0.

use super::descriptor::{self, Found, Parsed};
use super::image::SYSTEM_AREA;
use super::medium::{ReadAt, ReadError, length, read_exact};
use super::{SECTOR, SECTOR_LEN};

/// Sectors of the head, and start of the first session.
pub const HEAD: u32 = 32;
/// Sessions start at multiples of this many sectors.
pub const ALIGNMENT: u32 = 32;

const SESSIONS_MAX: usize = 65_536;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// First sector.
    pub start: u32,
    /// Sector after the last one.
    pub end: u32,
    /// Volume identifier.
    pub volume_id: Vec<u8>,
}

/// Finds the sessions of a medium, oldest first; none if all is zeros where sessions and their head would be.
///
/// A session that was interrupted before its descriptors were written is not found. Errors: a chain that does not lead
/// to the session that the head shows is damage; a medium with something else on it is incompatible.
pub fn sessions(medium: &dyn ReadAt) -> Result<Vec<Session>, ReadError> {
    let head = primary(medium, 0)?;
    let first = primary(medium, HEAD)?;
    match (head, first) {
        (None, None) if is_blank(medium)? => Ok(Vec::new()),
        (None, None) => Err(ReadError::Incompatible(
            "there is something on the medium, but no ISO 9660 volume".to_owned(),
        )),
        (Some(head), first) if first.is_none() || head.root < HEAD => Ok(vec![Session {
            start: 0,
            end: head.space,
            volume_id: head.volume_id,
        }]),
        (head, Some(first)) => chain(medium, head.as_ref(), first),
        (Some(_), None) => Ok(Vec::new()), // the arm before the last takes it
    }
}

fn chain(
    medium: &dyn ReadAt,
    head: Option<&Found>,
    first: Found,
) -> Result<Vec<Session>, ReadError> {
    let sectors = length(medium)?;
    let mut sessions = Vec::new();
    let mut current = (HEAD, first);
    loop {
        let (start, found) = current;
        if sessions.len() == SESSIONS_MAX {
            return Err(ReadError::corrupt(
                start,
                "the chain of sessions has no end",
            ));
        }
        let next = following(medium, start, found.space)?;
        let mut end = match &next {
            Some(next) => next.end,
            None => claimed_end(start, found.space, sectors),
        };
        let same = |head: &&Found| head.root == found.root && head.space > found.root;
        let shown = head.filter(|head| next.is_none() && same(head));
        if let Some(head) = shown {
            end = head.space;
        }
        sessions.push(Session {
            start,
            end,
            volume_id: found.volume_id,
        });
        match next {
            Some(next) => current = (next.start, next.descriptor),
            None => break,
        }
    }
    let newest = sessions.last().map_or(0, |session| session.end);
    match head {
        Some(head) if head.root >= newest => Err(ReadError::corrupt(
            newest.next_multiple_of(ALIGNMENT) + SYSTEM_AREA,
            "there is no session here, though the head of the medium shows a later one",
        )),
        _ => Ok(sessions),
    }
}

/// Where a session may end: its volume space size counts from the beginning of the medium, or from its start.
fn ends(start: u32, space: u32) -> impl Iterator<Item = u32> {
    let absolute = Some(space).filter(|end| *end > start);
    absolute.into_iter().chain(start.checked_add(space))
}

/// The session after one, and thereby where that one ends.
struct Following {
    end: u32,
    start: u32,
    descriptor: Found,
}

/// Looks for a session where the one that starts at `start` may end.
fn following(medium: &dyn ReadAt, start: u32, space: u32) -> Result<Option<Following>, ReadError> {
    for end in ends(start, space) {
        let Some(after) = end.checked_next_multiple_of(ALIGNMENT) else {
            continue;
        };
        // its root directory lies within a session
        if after > start
            && let Some(descriptor) = primary(medium, after)?
            && descriptor.root >= after
        {
            return Ok(Some(Following {
                end,
                start: after,
                descriptor,
            }));
        }
    }
    Ok(None)
}

/// Where a session ends that has none after it: the later place that the medium has.
fn claimed_end(start: u32, space: u32, sectors: u64) -> u32 {
    ends(start, space)
        .filter(|end| u64::from(*end) <= sectors)
        .max()
        .or(ends(start, space).next())
        .unwrap_or(u32::MAX)
}

/// Where the session ends that starts at `start` and whose volume space size is `space`.
pub(super) fn end(medium: &dyn ReadAt, start: u32, space: u32) -> Result<u32, ReadError> {
    if start == 0 {
        return Ok(space);
    }
    Ok(match following(medium, start, space)? {
        Some(next) => next.end,
        None => claimed_end(start, space, length(medium)?),
    })
}

/// The primary descriptor of a session that starts there, if there is one.
fn primary(medium: &dyn ReadAt, start: u32) -> Result<Option<Found>, ReadError> {
    let at = u64::from(start) + u64::from(SYSTEM_AREA);
    if at >= length(medium)? {
        return Ok(None);
    }
    let mut sector = vec![0; SECTOR_LEN];
    match read_exact(medium, &mut sector, at * SECTOR) {
        Ok(()) => {}
        Err(ReadError::Corrupt { .. }) => return Ok(None), // half a sector, at the end
        Err(error) => return Err(error),
    }
    match descriptor::parse(&sector) {
        Parsed::Primary(found) => Ok(Some(found)),
        _ => Ok(None),
    }
}

/// Whether all is zeros where descriptors would be.
fn is_blank(medium: &dyn ReadAt) -> Result<bool, ReadError> {
    let wanted = u64::from(HEAD + SYSTEM_AREA + 2) * SECTOR;
    let bytes = medium
        .len()
        .map_err(|source| ReadError::Io { sector: 0, source })?;
    let mut all = vec![0; usize::try_from(wanted.min(bytes)).unwrap_or(0)];
    read_exact(medium, &mut all, 0)?;
    Ok(all.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::iso9660::{Image, Meta, Options, SpaceSize, Tree};

    fn disc(space_size: SpaceSize, labels: &[&str]) -> Vec<u8> {
        let mut disc = vec![0; HEAD as usize * 2048];
        for label in labels {
            let start = disc.len().next_multiple_of(ALIGNMENT as usize * 2048);
            disc.resize(start, 0);
            let options = Options {
                start: u32::try_from(start / 2048).unwrap(),
                volume_id: (*label).to_owned(),
                space_size,
                ..Options::default()
            };
            let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
            image.write(&mut disc, &mut |_| unreachable!()).unwrap();
            let head = image.head_descriptors();
            disc[16 * 2048..16 * 2048 + head.len()].copy_from_slice(&head);
        }
        disc
    }

    #[test]
    fn chains_of_both_ways_to_count_are_followed() {
        for space_size in [SpaceSize::End, SpaceSize::Length] {
            let disc = disc(space_size, &["ONE", "TWO", "THREE", "FOUR"]);
            let found = sessions(&disc).unwrap();
            let names: Vec<_> = found.iter().map(|one| one.volume_id.clone()).collect();
            assert_eq!(names, [&b"ONE"[..], b"TWO", b"THREE", b"FOUR"]);
            assert_eq!(found[0].start, 32);
            assert!(found.windows(2).all(|two| two[0].end <= two[1].start));
            assert_eq!(found[3].end as usize, disc.len() / 2048);
            for one in found {
                let volume = crate::iso9660::Volume::open(&disc, one.start).unwrap();
                assert_eq!(volume.end(), one.end);
            }
        }
    }

    #[test]
    fn an_interrupted_session_is_not_there_and_a_lost_one_is_damage() {
        let mut disc = disc(SpaceSize::Length, &["ONE", "TWO", "THREE"]);
        let all = sessions(&disc).unwrap();
        let descriptor = (all[2].start as usize + 16) * 2048;
        disc[descriptor..descriptor + 2048].fill(0);
        assert!(matches!(sessions(&disc), Err(ReadError::Corrupt { .. })));
        let head = (all[1].start as usize + 16) * 2048;
        let older = disc[head..head + 2048].to_vec();
        disc[16 * 2048..17 * 2048].copy_from_slice(&older);
        assert_eq!(sessions(&disc).unwrap().len(), 2);
    }

    #[test]
    fn zeros_are_blank_and_anything_else_is_foreign() {
        assert_eq!(sessions(&Vec::new()).unwrap(), []);
        assert_eq!(sessions(&vec![0; 300_000]).unwrap(), []);
        let text = vec![b'x'; 300_000];
        assert!(matches!(sessions(&text), Err(ReadError::Incompatible(_))));
    }
}
