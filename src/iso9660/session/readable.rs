//! The sessions of a medium of which something cannot be read: for somebody who wants what is left, not for who writes.
//!
//! On a medium that is written anywhere the head is what is written most often, and so what is worn out first. The chain does
//! not need it. Where the chain is broken, the head still tells where the newest session has its root directory, and that
//! session's own descriptor lies some way before.

use super::super::descriptor::Found;
use super::super::image::SYSTEM_AREA;
use super::super::medium::ReadAt;
use super::{HEAD, SESSIONS_MAX, following, kept, primary};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// First sectors of the sessions, oldest first; if none was found, sector 0, where one has to be.
    pub starts: Vec<u32>,
    /// Whether the last one is surely the newest, as the head says so.
    pub is_newest_known: bool,
}

/// Sectors before a root directory in which its session's descriptor has to be: the path tables of 65 535 directories are
/// between them.
const BEFORE_ROOT: u32 = 16_384;
/// Sectors that cannot be read until the search is given up: each may take a drive many seconds.
const BAD_MAX: usize = 16;

/// The sessions that can be found in spite of a head or a chain that is damaged.
pub fn readable_sessions(medium: &dyn ReadAt) -> Readable {
    let there = |start| primary(medium, start).ok().flatten();
    let head = there(0);
    let kept = kept(medium, head.as_ref()).ok().flatten();
    let begins_at_zero = head.as_ref().is_some_and(|head| head.root < HEAD);
    let is_kept = kept.is_some();
    let first = match kept {
        Some(kept) => Some((0, kept)),
        None if begins_at_zero => head.clone().map(|head| (0, head)),
        None => there(HEAD).map(|first| (HEAD, first)),
    };
    let is_shown = |found: &Found| head.as_ref().is_some_and(|head| head.root == found.root);
    let mut starts = Vec::new();
    let mut is_newest_known = false;
    let mut next = first;
    while let Some((start, found)) = next {
        starts.push(start);
        is_newest_known |= is_shown(&found);
        // What is older than this one is left of an earlier life of the medium, unless the head says that more follows.
        let expected = head.is_some() && !is_newest_known;
        next = following(medium, start, found.space)
            .ok()
            .flatten()
            .filter(|after| expected || after.descriptor.created >= found.created)
            .filter(|_| starts.len() < SESSIONS_MAX)
            .map(|after| (after.start, after.descriptor));
    }
    if let Some(head) = head.filter(|_| !is_newest_known) {
        // Where its own descriptor is damaged, the copy in the head has to do.
        let newest = start_of(medium, &head).or((!is_kept).then_some(0));
        is_newest_known = newest.is_some();
        starts.extend(newest);
    }
    if starts.is_empty() {
        starts.push(0);
    }
    Readable {
        starts,
        is_newest_known,
    }
}

/// Where the session begins that has its root directory where `head` says.
fn start_of(medium: &dyn ReadAt, head: &Found) -> Option<u32> {
    let last = head.root.checked_sub(SYSTEM_AREA + 2)?;
    let mut bad = 0;
    for start in (last.saturating_sub(BEFORE_ROOT).max(1)..=last).rev() {
        match primary(medium, start) {
            Ok(Some(found)) if found.root == head.root => return Some(start),
            Ok(_) => {}
            Err(_) if bad == BAD_MAX => return None,
            Err(_) => bad += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io;

    use super::super::tests::{disc, session};
    use super::super::{grown_head, sessions};
    use super::*;
    use crate::iso9660::{ReadError, SpaceSize, Volume};

    /// A medium of which one sector cannot be read.
    struct Scratched {
        bytes: Vec<u8>,
        at: u64,
    }

    impl ReadAt for Scratched {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let (first, end) = (offset / 2048, (offset + buffer.len() as u64).div_ceil(2048));
            if (first..end).contains(&self.at) {
                return Err(io::Error::other("no seek complete"));
            }
            self.bytes.read_at(buffer, offset)
        }

        fn len(&self) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }
    }

    #[allow(clippy::ptr_arg)] // a slice is no medium
    fn starts(disc: &Vec<u8>) -> Vec<u32> {
        let found = sessions(disc).unwrap();
        found.iter().map(|session| session.start).collect()
    }

    fn newest(medium: &dyn ReadAt, found: &Readable) -> Vec<u8> {
        let start = *found.starts.last().unwrap();
        Volume::open(medium, start).unwrap().volume_id().to_vec()
    }

    #[test]
    fn where_nothing_is_wrong_all_sessions_are_found() {
        for space_size in [SpaceSize::End, SpaceSize::Length] {
            let disc = disc(space_size, &["ONE", "TWO", "THREE"]);
            let expected = Readable {
                starts: starts(&disc),
                is_newest_known: true,
            };
            assert_eq!(readable_sessions(&disc), expected);
        }
        let nothing = readable_sessions(&vec![0; 300_000]);
        assert_eq!((nothing.starts, nothing.is_newest_known), (vec![0], false));
    }

    #[test]
    fn without_its_head_the_chain_leads_to_the_newest() {
        let bytes = disc(SpaceSize::Length, &["ONE", "TWO", "THREE"]);
        let expected = starts(&bytes);
        let scratched = Scratched { bytes, at: 16 };
        assert!(matches!(sessions(&scratched), Err(ReadError::Io { .. })));
        let found = readable_sessions(&scratched);
        assert_eq!(found.starts, expected);
        assert!(!found.is_newest_known);
        assert_eq!(newest(&scratched, &found), b"THREE");
    }

    #[test]
    fn behind_a_gap_in_the_chain_the_head_leads_to_the_newest() {
        let bytes = disc(SpaceSize::Length, &["ONE", "TWO", "THREE", "FOUR"]);
        let all = starts(&bytes);
        for (lost, left) in [
            (1, vec![all[0], all[3]]),
            (0, vec![all[3]]),
            (3, [&all[..3], &[0]].concat()),
        ] {
            let at = u64::from(all[lost]) + 16;
            let mut zeros = bytes.clone();
            zeros[usize::try_from(at).unwrap() * 2048..][..2048].fill(0);
            let scratched = Scratched {
                bytes: bytes.clone(),
                at,
            };
            for medium in [&zeros as &dyn ReadAt, &scratched] {
                let found = readable_sessions(medium);
                assert_eq!(found.starts, left, "{lost}");
                assert!(found.is_newest_known);
                assert_eq!(newest(medium, &found), b"FOUR");
            }
        }
    }

    #[test]
    fn a_disc_that_begins_at_sector_0_shows_its_newest_in_spite_of_a_gap() {
        let (mut disc, _) = session(0, "ONE", 1000);
        for (start, label, seconds) in [(64, "TWO", 2000), (128, "THREE", 3000)] {
            disc.resize(start * 2048, 0);
            let (bytes, head) = session(u32::try_from(start).unwrap(), label, seconds);
            disc.extend(bytes);
            let new = grown_head(&disc[..32 * 2048], &head);
            disc[..32 * 2048].copy_from_slice(&new);
        }
        assert_eq!(starts(&disc), [0, 64, 128]);
        let scratched = Scratched {
            bytes: disc,
            at: 80,
        };
        assert!(sessions(&scratched).is_err());
        let found = readable_sessions(&scratched);
        assert_eq!(found.starts, [0, 128]);
        assert_eq!(newest(&scratched, &found), b"THREE");
    }
}
