//! Two discs, sector by sector.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use serde::Serialize;

use super::head::CopiedHead;
use super::owners::owners;
use super::sectors::{Piece, SECTOR, pieces};
use super::{DiscError, to_read};
use crate::event::{Event, Monitor, Progress};
use crate::iso9660::ReadAt;
use crate::media::{Disc, Drive};

/// Ranges that are kept; more are only counted.
const RANGES: usize = 10_000;
/// Pieces that are read ahead of the comparison.
const AHEAD: usize = 4;
const TASK: &str = "comparing";

/// Sectors, as ranges in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ranges {
    /// How many sectors in all.
    pub sectors: u64,
    /// First and last sector of each range; of very many, only the first ones.
    pub ranges: Vec<(u64, u64)>,
    /// How many ranges there are in all.
    pub count: u64,
}

impl Ranges {
    /// Adds a sector that is higher than all others.
    pub(super) fn push(&mut self, sector: u64) {
        self.sectors += 1;
        match self.ranges.last_mut() {
            Some(last) if last.1 + 1 == sector => last.1 = sector,
            _ => {
                self.count += 1;
                if self.ranges.len() < RANGES {
                    self.ranges.push((sector, sector));
                }
            }
        }
    }

    /// Those that are not in `others`. What is counted only, and not kept, may be in both or not: it counts as not in `others`.
    pub(super) fn without(&self, others: &Self) -> Self {
        let mut left = Self::default();
        let kept = self.ranges.iter().map(|(first, last)| last - first + 1);
        let only_counted = self.sectors - kept.sum::<u64>();
        let sectors = self.ranges.iter().flat_map(|&(first, last)| first..=last);
        sectors
            .filter(|&sector| !others.meets(sector, sector))
            .for_each(|sector| left.push(sector));
        left.sectors += only_counted;
        left.count += self.count - self.ranges.len() as u64;
        left
    }

    /// Whether any of the sectors from `first` to `last` is in it.
    pub(super) fn meets(&self, first: u64, last: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.1 < first);
        self.ranges.get(at).is_some_and(|range| range.0 <= last)
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Sectors that were compared.
    pub compared: u64,
    /// Those that differ.
    pub differing: Ranges,
    /// Those that differ as they must: one disc is a copy of the other, and shows its newest session where its original has a
    /// table of contents.
    pub head: Ranges,
    /// Those that cannot be read on the first disc.
    pub unreadable_first: Ranges,
    /// Those that cannot be read on the second.
    pub unreadable_second: Ranges,
    /// Sectors by which the first disc is longer; negative if the second is.
    pub longer: i64,
    /// The files that differing or unreadable sectors belong to, by either disc's directories.
    pub files: Vec<String>,
}

impl Comparison {
    /// Whether the discs are the same in every sector, but for what a copy needs in its head.
    pub fn is_identical(&self) -> bool {
        self.longer == 0
            && self.differing.sectors == 0
            && self.unreadable_first.sectors == 0
            && self.unreadable_second.sectors == 0
    }
}

/// Sectors of a disc that are worth comparing or copying: up to the end of its newest session. What drives and burning
/// programs put behind it differs from drive to drive.
pub(super) fn length(disc: &Disc, medium: &dyn ReadAt) -> std::io::Result<u64> {
    let there = medium.len()?.div_ceil(SECTOR as u64);
    let end = disc.sessions.iter().map(|session| session.end).max();
    Ok(match end {
        Some(end) => u64::from(end).min(there),
        None => there,
    })
}

/// Compares the discs in two drives.
pub fn compare(
    first: &dyn Drive,
    second: &dyn Drive,
    monitor: &dyn Monitor,
) -> Result<Comparison, DiscError> {
    let (one, two) = (to_read(first, monitor)?, to_read(second, monitor)?);
    for (drive, disc) in [(first, &one), (second, &two)] {
        if disc.is_blank() {
            return Err(DiscError::Blank(drive.place().to_owned()));
        }
    }
    let (medium_one, medium_two) = (first.open()?, second.open()?);
    let fault = |drive: &dyn Drive, source| DiscError::Io {
        path: drive.place().to_owned(),
        doing: "measure",
        source,
    };
    let length_one = length(&one, &*medium_one).map_err(|error| fault(first, error))?;
    let length_two = length(&two, &*medium_two).map_err(|error| fault(second, error))?;
    // Where this cannot be found out, what differs is a difference.
    let heads = [(&one, &medium_one), (&two, &medium_two)]
        .map(|(disc, medium)| CopiedHead::of(disc, &**medium).unwrap_or_default());
    let mut found = bytes(
        &*medium_one,
        &*medium_two,
        length_one.min(length_two),
        heads.each_ref(),
        monitor,
    );
    found.longer = length_one.cast_signed() - length_two.cast_signed();
    for (medium, disc) in [(&medium_one, &one), (&medium_two, &two)] {
        for ranges in [
            &found.differing,
            &found.unreadable_first,
            &found.unreadable_second,
        ] {
            if ranges.sectors > 0 {
                found.files.extend(owners(&**medium, disc, ranges));
            }
        }
    }
    found.files.sort();
    found.files.dedup();
    Ok(found)
}

/// Compares the sectors from 0 to before `end`. `heads` are those that copies of the first and of the second would have.
pub(super) fn bytes(
    one: &dyn ReadAt,
    two: &dyn ReadAt,
    end: u64,
    heads: [&CopiedHead; 2],
    monitor: &dyn Monitor,
) -> Comparison {
    let mut found = Comparison {
        compared: end,
        differing: Ranges::default(),
        head: Ranges::default(),
        unreadable_first: Ranges::default(),
        unreadable_second: Ranges::default(),
        longer: 0,
        files: Vec::new(),
    };
    thread::scope(|scope| {
        let ahead = |medium| -> Receiver<Piece> {
            let (send, receive) = sync_channel(AHEAD);
            scope.spawn(move || {
                for piece in pieces(medium, 0..end) {
                    if send.send(piece).is_err() {
                        break;
                    }
                }
            });
            receive
        };
        for (a, b) in ahead(one).into_iter().zip(ahead(two)) {
            note(&mut found, &a, &b, heads);
            monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done: (a.first + (a.bytes.len() / SECTOR) as u64) * SECTOR as u64,
                total: Some(end * SECTOR as u64),
                files: None,
            }));
        }
    });
    monitor.observe(&Event::ProgressEnd(TASK));
    found
}

fn note(found: &mut Comparison, a: &Piece, b: &Piece, [first, second]: [&CopiedHead; 2]) {
    for sector in &a.unreadable {
        found.unreadable_first.push(*sector);
    }
    for sector in &b.unreadable {
        found.unreadable_second.push(*sector);
    }
    if a.bytes == b.bytes && a.unreadable.is_empty() && b.unreadable.is_empty() {
        return;
    }
    let sectors = a.bytes.chunks(SECTOR).zip(b.bytes.chunks(SECTOR));
    for (number, (left, right)) in (a.first..).zip(sectors) {
        let readable = !a.unreadable.contains(&number) && !b.unreadable.contains(&number);
        if readable && left != right {
            if first.has(number, right) || second.has(number, left) {
                found.head.push(number);
            } else {
                found.differing.push(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;

    #[test]
    fn differing_sectors_are_counted_and_joined_to_ranges() {
        let one = vec![1; 2048 * 1200];
        let mut two = one.clone();
        for sector in [3, 4, 5, 511, 512, 1199] {
            two[sector * 2048 + 2047] ^= 1;
        }
        let none = CopiedHead::default();
        let found = bytes(&one, &two, 1200, [&none; 2], &Tally::default());
        assert_eq!(found.differing.sectors, 6);
        assert_eq!(found.differing.ranges, [(3, 5), (511, 512), (1199, 1199)]);
        assert!(!found.is_identical());
        assert!(bytes(&one, &one, 1200, [&none; 2], &Tally::default()).is_identical());
        for (first, last, meets) in [(0, 2, false), (0, 3, true), (5, 510, true), (6, 510, false)] {
            assert_eq!(found.differing.meets(first, last), meets, "{first}-{last}");
        }
    }

    #[test]
    fn many_ranges_are_counted_though_not_all_are_kept() {
        let mut ranges = Ranges::default();
        for at in 0..30_000 {
            ranges.push(at * 2);
        }
        assert_eq!((ranges.sectors, ranges.count), (30_000, 30_000));
        assert_eq!(ranges.ranges.len(), RANGES);
        // Of what is not kept, nobody can say that it is excused.
        let left = ranges.without(&ranges);
        assert_eq!((left.sectors, left.count), (20_000, 20_000));
        let mut few = Ranges::default();
        few.push(4);
        few.push(7);
        assert_eq!(few.without(&few), Ranges::default());
        assert_eq!(few.without(&ranges).ranges, [(7, 7)]);
    }
}
