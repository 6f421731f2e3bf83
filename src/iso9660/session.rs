//! The sessions on a medium that has no table of contents of its own: a file, DVD+RW, BD-RE.
//!
//! The layout is the one that libburnia's programs use there. Sectors 0 to 31 are a head, whose sector 16 has a
//! copy of the newest session's volume descriptors, so that readers that know nothing of sessions see the newest. The
//! first session starts at sector 32, each next one at the end of the one before, rounded up to 32 sectors.
//!
//! growisofs lays them out in another way: the first session starts at sector 0, each next one at the end of the one
//! before, rounded up to 16 sectors, and its primary descriptor, with the absolute end as its size, is written over that
//! of the first. So the earlier ones are only to be found in the newest tree, and all of them are one session here that
//! starts at sector 0. When such a medium is continued ([`grown_head`]), that session's descriptor is kept in sector 14,
//! in the system area, so that from then on there is a chain.
//!
//! The copy of a disc that is written once has its sessions where they were, with gaps between, and no table of contents that
//! says where. Its head is made one that shows the newest session in the same way ([`copied_head`]).

mod copy;
mod head;
mod readable;

use super::descriptor::{self, Found, Parsed};
use super::image::SYSTEM_AREA;
use super::medium::{ReadAt, ReadError, length, read_exact};
use super::{SECTOR, SECTOR_LEN};
pub use copy::sessions_of_copy;
pub use head::{copied_head, grown_head, shown_descriptors};
pub use readable::{Readable, readable_sessions};

/// Sectors of the head, and start of the first session.
pub const HEAD: u32 = 32;
/// Sessions start at multiples of this many sectors.
pub const ALIGNMENT: u32 = 32;

/// Sessions of growisofs start at multiples of this many.
const ALIGNMENT_OF_OTHERS: u32 = 16;
/// Where the descriptor is kept of a first session that starts at sector 0 and has others after it.
const KEPT: u32 = 14;

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
    if let Some(kept) = kept(medium, head.as_ref())? {
        return chain(medium, head.as_ref(), 0, kept);
    }
    let first = primary(medium, HEAD)?;
    match (head, first) {
        (None, None) if is_blank(medium)? => Ok(Vec::new()),
        (None, None) => Err(ReadError::Incompatible(
            "there is something on the medium, but no ISO 9660 volume".to_owned(),
        )),
        (Some(head), first) if first.is_none() || head.root < HEAD => {
            if head.root < head.space {
                let all = head.clone();
                return chain(medium, Some(&head), 0, all);
            }
            // Its size is not its end: nothing can be said of what follows.
            Ok(vec![Session {
                start: 0,
                end: head.space,
                volume_id: head.volume_id,
            }])
        }
        (head, Some(first)) => chain(medium, head.as_ref(), HEAD, first),
        (Some(_), None) => Ok(Vec::new()), // the arm before the last takes it
    }
}

/// The descriptor of the first session, if that starts at sector 0 and its own place has that of a later one.
fn kept(medium: &dyn ReadAt, head: Option<&Found>) -> Result<Option<Found>, ReadError> {
    let kept = primary_at(medium, u64::from(KEPT))?;
    let counts = |kept: &Found| head.is_none_or(|head| head.root >= kept.space || head == kept);
    Ok(kept.filter(counts))
}

/// The sector of the primary descriptor of the session that starts at `start`.
pub fn descriptor_sector(medium: &dyn ReadAt, start: u32) -> Result<u64, ReadError> {
    let own = u64::from(start) + u64::from(SYSTEM_AREA);
    if start > 0 {
        return Ok(own);
    }
    let head = primary(medium, 0)?;
    Ok(match kept(medium, head.as_ref())? {
        Some(_) => u64::from(KEPT),
        None => own,
    })
}

/// The sessions from the one that starts at `start` on, of which `first` is the descriptor, up to the one that the head shows.
fn chain(
    medium: &dyn ReadAt,
    head: Option<&Found>,
    start: u32,
    first: Found,
) -> Result<Vec<Session>, ReadError> {
    let chain = Chain {
        medium,
        head,
        begun_at_zero: start == 0,
        sectors: length(medium)?,
    };
    let mut sessions = Vec::new();
    let mut current = (start, first);
    // The head is a copy of the descriptor of one of them.
    let mut is_shown = head.is_none();
    loop {
        let (start, found) = current;
        is_shown |= chain.shows(&found);
        if sessions.len() == SESSIONS_MAX {
            return Err(ReadError::corrupt(
                start,
                "the chain of sessions has no end",
            ));
        }
        let next = chain.next(start, &found, is_shown)?;
        let end = match (&next, head) {
            (Some(next), _) => next.end,
            (None, Some(head)) if chain.shows(&found) && head.space > found.root => head.space,
            (None, _) => claimed_end(start, found.space, chain.sectors),
        };
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
    if is_shown {
        return Ok(sessions);
    }
    // How far the last one reaches is only what it claims: what follows may lie within that.
    let newest = sessions.last().map_or(0, |session| u64::from(session.end));
    Err(ReadError::corrupt(
        newest.next_multiple_of(ALIGNMENT.into()) + u64::from(SYSTEM_AREA),
        "there is no session here, though the head of the medium shows a later one",
    ))
}

/// What is known of all sessions of a medium while they are looked for.
struct Chain<'a> {
    medium: &'a dyn ReadAt,
    head: Option<&'a Found>,
    begun_at_zero: bool,
    sectors: u64,
}

impl Chain<'_> {
    /// Whether the head is a copy of that descriptor.
    fn shows(&self, found: &Found) -> bool {
        self.head.is_some_and(|head| head.root == found.root)
    }

    /// The session after the one that starts at `start`. `is_shown`: that one, or one before it, is what the head shows.
    fn next(
        &self,
        start: u32,
        found: &Found,
        is_shown: bool,
    ) -> Result<Option<Following>, ReadError> {
        let mut next = match following(self.medium, start, found.space) {
            // A disc that is formatted as it is written has nothing to read behind its newest session. If there is one all
            // the same, the head shows it.
            Err(ReadError::Io { .. }) if self.head.is_some() => None,
            found => found?,
        };
        if next.is_none() && !is_shown && self.begun_at_zero {
            // The copy of a disc that had gaps between its sessions, whose head shows the newest.
            next = copy::behind(self.medium, start, found.space, self.sectors)?.map(
                |(end, start, descriptor)| Following {
                    end,
                    start,
                    descriptor,
                },
            );
        }
        if self.shows(found) {
            // What lies behind it may be a later one that was interrupted, or one that is left of an earlier life of the
            // medium.
            next = next.filter(|next| next.descriptor.created >= found.created);
        }
        Ok(next)
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

/// Looks for a session where the one that starts at `start` may end. An error only if none is found, and a place where one
/// could be cannot be read.
fn following(medium: &dyn ReadAt, start: u32, space: u32) -> Result<Option<Following>, ReadError> {
    let mut unreadable = None;
    for end in ends(start, space) {
        for alignment in [ALIGNMENT, ALIGNMENT_OF_OTHERS] {
            let Some(after) = end.checked_next_multiple_of(alignment) else {
                continue;
            };
            if after <= start {
                continue;
            }
            match primary(medium, after) {
                // its root directory lies within a session
                Ok(Some(descriptor)) if descriptor.root >= after => {
                    return Ok(Some(Following {
                        end,
                        start: after,
                        descriptor,
                    }));
                }
                Ok(_) => {}
                Err(error) => unreadable = Some(error),
            }
        }
    }
    unreadable.map_or(Ok(None), Err)
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
    Ok(match following(medium, start, space) {
        Ok(Some(next)) => next.end,
        // Between the sessions of a disc that is written once there are sectors that nobody ever writes.
        Ok(None) | Err(ReadError::Io { .. }) => claimed_end(start, space, length(medium)?),
        Err(error) => return Err(error),
    })
}

/// The primary descriptor of a session that starts there, if there is one.
fn primary(medium: &dyn ReadAt, start: u32) -> Result<Option<Found>, ReadError> {
    primary_at(medium, u64::from(start) + u64::from(SYSTEM_AREA))
}

/// The primary descriptor in that sector, if there is one.
fn primary_at(medium: &dyn ReadAt, at: u64) -> Result<Option<Found>, ReadError> {
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

    pub(super) fn disc(space_size: SpaceSize, labels: &[&str]) -> Vec<u8> {
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

    /// A session of a disc that begins at sector 0, made at `seconds`.
    pub(super) fn session(start: u32, label: &str, seconds: i64) -> (Vec<u8>, Vec<u8>) {
        let options = Options {
            start,
            volume_id: label.to_owned(),
            space_size: SpaceSize::Length,
            created: crate::iso9660::Time::from_seconds(seconds),
            padding: 30,
            ..Options::default()
        };
        let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
        let mut bytes = Vec::new();
        image.write(&mut bytes, &mut |_| unreachable!()).unwrap();
        (bytes, image.head_descriptors())
    }

    #[allow(clippy::ptr_arg)] // a slice is no medium
    fn labels(disc: &Vec<u8>) -> Vec<String> {
        let label = |one: Session| String::from_utf8(one.volume_id).unwrap();
        sessions(disc).unwrap().into_iter().map(label).collect()
    }

    #[test]
    fn a_disc_that_begins_at_sector_0_is_continued_and_what_is_left_of_an_earlier_life_is_not_there()
     {
        let (mut disc, _) = session(0, "ONE", 1000);
        disc.resize(64 * 2048, 0);
        let (stale, _) = session(64, "STALE", 500);
        disc.extend(&stale);
        assert_eq!(labels(&disc), ["ONE"]);

        disc.truncate(64 * 2048);
        let (second, head) = session(64, "TWO", 2000);
        disc.extend(&second);
        // Interrupted before the head: it is there.
        assert_eq!(labels(&disc), ["ONE", "TWO"]);
        let first = disc[16 * 2048..17 * 2048].to_vec();
        let old = disc[..32 * 2048].to_vec();
        let new = grown_head(&old, &head);
        let changed = |at: &usize| old[at * 2048..][..2048] != new[at * 2048..][..2048];
        assert_eq!((0..32).filter(changed).collect::<Vec<_>>(), [14, 16, 17]);
        assert_eq!(new[14 * 2048..15 * 2048], first);
        disc[..32 * 2048].copy_from_slice(&new);
        assert_eq!(labels(&disc), ["ONE", "TWO"]);
        assert_eq!(descriptor_sector(&disc, 0).unwrap(), 14);
        let one = crate::iso9660::Volume::open(&disc, 0).unwrap();
        assert_eq!(one.volume_id(), b"ONE");
        // A head that arrived in part.
        disc[16 * 2048..17 * 2048].fill(0);
        assert_eq!(labels(&disc), ["ONE", "TWO"]);
        // Begun anew by somebody who left the place alone.
        disc[16 * 2048..17 * 2048]
            .copy_from_slice(&session(0, "NEW", 3000).0[16 * 2048..17 * 2048]);
        disc.truncate(64 * 2048);
        assert_eq!(labels(&disc), ["NEW"]);
    }

    #[test]
    fn zeros_are_blank_and_anything_else_is_foreign() {
        assert_eq!(sessions(&Vec::new()).unwrap(), []);
        assert_eq!(sessions(&vec![0; 300_000]).unwrap(), []);
        let text = vec![b'x'; 300_000];
        assert!(matches!(sessions(&text), Err(ReadError::Incompatible(_))));
    }
}
