//! One staging directory over several discs: which files go on which disc. Pure.
//!
//! A disc is filled by one of four rules that look at the files in some order and take each that still fits; what is
//! left goes to the next disc. A file is never cut. Sizes do not count what a disc needs for its directories:
//! whoever asks keeps some room back for that.

use std::str::FromStr;

/// In which order files are considered for a disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// As they are given.
    First,
    /// Large ones first.
    Best,
    /// Small ones first: the most files on the first discs.
    Worst,
    /// A small one and a large one in turn.
    Alternate,
}

impl Fit {
    /// Every rule and its word.
    pub const ALL: [(&'static str, Self); 4] = [
        ("first", Self::First),
        ("best", Self::Best),
        ("worst", Self::Worst),
        ("alternate", Self::Alternate),
    ];
}

impl FromStr for Fit {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let found = Self::ALL.iter().find(|row| row.0 == word);
        found.map(|row| row.1).ok_or(())
    }
}

/// Why files cannot be spread over discs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// A file is larger than a disc.
    #[error("a file of {size} bytes is larger than the {capacity} bytes of a disc")]
    TooLarge {
        /// Which one.
        item: usize,
        /// Its size.
        size: u64,
        /// What a disc takes.
        capacity: u64,
    },
    /// Discs without any room.
    #[error("a disc without room takes nothing")]
    NoCapacity,
}

/// Chooses, of the items with those `sizes`, what goes on one disc of `capacity` bytes: their positions, in the order
/// in which they were taken. Nothing more is looked at when the disc is exactly full.
pub fn pack(fit: Fit, sizes: &[u64], capacity: u64) -> Vec<usize> {
    let mut left = capacity;
    let mut taken = Vec::new();
    for item in order(fit, sizes) {
        if left == 0 {
            break;
        }
        if sizes[item] <= left {
            left -= sizes[item];
            taken.push(item);
        }
    }
    taken
}

/// Spreads all items over discs of `capacity` bytes: for each disc the positions of its items.
pub fn span(fit: Fit, sizes: &[u64], capacity: u64) -> Result<Vec<Vec<usize>>, SpanError> {
    if let Some((item, &size)) = sizes.iter().enumerate().find(|row| *row.1 > capacity) {
        return Err(SpanError::TooLarge {
            item,
            size,
            capacity,
        });
    }
    let mut left: Vec<usize> = (0..sizes.len()).collect();
    let mut discs = Vec::new();
    while !left.is_empty() {
        let rest: Vec<u64> = left.iter().map(|&item| sizes[item]).collect();
        let taken = pack(fit, &rest, capacity);
        if taken.is_empty() {
            return Err(SpanError::NoCapacity);
        }
        let disc: Vec<usize> = taken.iter().map(|&at| left[at]).collect();
        let mut is_taken = vec![false; left.len()];
        for at in taken {
            is_taken[at] = true;
        }
        let mut is_taken = is_taken.into_iter();
        left.retain(|_| !is_taken.next().unwrap_or(false));
        discs.push(disc);
    }
    Ok(discs)
}

/// The items in the order in which they are considered. Those of one size keep theirs.
fn order(fit: Fit, sizes: &[u64]) -> Vec<usize> {
    let mut items: Vec<usize> = (0..sizes.len()).collect();
    match fit {
        Fit::First => items,
        Fit::Best => {
            items.sort_by_key(|&item| std::cmp::Reverse(sizes[item]));
            items
        }
        Fit::Worst => {
            items.sort_by_key(|&item| sizes[item]);
            items
        }
        Fit::Alternate => {
            items.sort_by_key(|&item| sizes[item]);
            let back = items.split_off(items.len() / 2);
            let mut front = items.into_iter();
            let mut back = back.into_iter().rev();
            let mut mixed = Vec::with_capacity(sizes.len());
            loop {
                let pair = [front.next(), back.next()];
                if pair == [None, None] {
                    return mixed;
                }
                mixed.extend(pair.into_iter().flatten());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_rule_takes_what_fits_in_its_order() {
        use Fit::{Alternate, Best, First, Worst};
        // rule, sizes, capacity, what is taken
        for (fit, sizes, capacity, taken) in [
            (First, &[][..], 10, &[][..]),
            (First, &[1, 2], 0, &[]),
            (First, &[0], 0, &[]),
            (First, &[5, 4, 3, 2], 10, &[0, 1]),
            (First, &[5, 6, 5], 10, &[0, 2]),
            (First, &[11, 5], 10, &[1]),
            // exactly full: even what needs no room is left
            (First, &[10, 0], 10, &[0]),
            (First, &[0, 10], 10, &[0, 1]),
            (Best, &[1, 2, 3, 9], 10, &[3, 0]),
            (Best, &[5, 5, 5], 10, &[0, 1]),
            (Best, &[2, 8, 8], 10, &[1, 0]),
            (Worst, &[9, 3, 2, 1], 10, &[3, 2, 1]),
            (Worst, &[5, 5, 5], 10, &[0, 1]),
            // ascending 1 2 | 3 4 5, the second half from behind: 1 5 2 4 3
            (Alternate, &[5, 4, 3, 2, 1], 100, &[4, 0, 3, 1, 2]),
            (Alternate, &[5, 4, 3, 2, 1], 8, &[4, 0, 3]),
            (Alternate, &[1], 1, &[0]),
            (Alternate, &[2, 1], 3, &[1, 0]),
        ] {
            assert_eq!(
                pack(fit, sizes, capacity),
                taken,
                "{fit:?} {sizes:?} {capacity}"
            );
        }
    }

    #[test]
    fn every_file_gets_on_exactly_one_disc() {
        // A plain congruential sequence: many sets of sizes, zeros among them.
        let mut seed = 1_u64;
        let mut next = |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let count = next(40);
            let sizes: Vec<u64> = (0..count).map(|_| next(101)).collect();
            let capacity = 100 + next(300);
            for (_, fit) in Fit::ALL {
                let discs = span(fit, &sizes, capacity).unwrap();
                let mut packed: Vec<usize> = discs.concat();
                packed.sort_unstable();
                assert_eq!(packed, (0..sizes.len()).collect::<Vec<_>>());
                for disc in &discs {
                    let sum: u64 = disc.iter().map(|&item| sizes[item]).sum();
                    assert!(sum <= capacity && !disc.is_empty());
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_spread_is_told_before_anything_is() {
        let large = SpanError::TooLarge {
            item: 1,
            size: 11,
            capacity: 10,
        };
        for (sizes, capacity, expected) in [
            (&[][..], 0, Ok(vec![])),
            (&[10, 11], 10, Err(large)),
            (&[0, 0], 0, Err(SpanError::NoCapacity)),
            (&[6, 6], 10, Ok(vec![vec![0], vec![1]])),
        ] {
            assert_eq!(span(Fit::Worst, sizes, capacity), expected, "{sizes:?}");
        }
    }
}
