//! A file's bytes off a disc, as far as they can be had.

use std::io::{self, Write};

use super::sectors::{SECTOR, pieces};
use crate::event;
use crate::iso9660::{Extent, ReadAt};
use crate::sums::{Proof, Prover};

/// Sectors of one file that cannot be read, after which the rest of it is not tried: a drive takes seconds for each.
const ENOUGH: u64 = 256;

/// What was had of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rescued {
    /// Digest of what was written.
    pub proof: Proof,
    /// How much was written, in bytes.
    pub bytes: u64,
    /// Sectors that cannot be read; zeros stand for them.
    pub lost: u64,
    /// Bytes behind what was written.
    pub rest: u64,
}

impl Rescued {
    /// Whether everything was read.
    pub fn is_whole(&self) -> bool {
        self.lost == 0 && self.rest == 0
    }

    /// What is wrong with it, by what could be read.
    pub fn fault(&self) -> String {
        let mut parts = Vec::new();
        if self.lost > 0 {
            let sectors = event::count(self.lost, "sector");
            parts.push(format!(
                "{sectors} of it cannot be read, and zeros stand for them"
            ));
        }
        if self.rest > 0 {
            let [rest, all] = [self.rest, self.bytes + self.rest].map(event::bytes);
            parts.push(format!("the last {rest} of its {all} are missing"));
        }
        if parts.is_empty() {
            parts.push("its bytes on the disc are not those that were written".to_owned());
        }
        parts.join("; ")
    }
}

/// Writes to `out` what is at `extents` of `medium`, and takes its digest by `prover`; `told` hears of the bytes. Sectors are tried one by one where that has
/// to be. What lies behind the end of the medium, or behind too many sectors that cannot be read, is left out.
/// Errors are those of `out`, and of a medium that has no length.
pub(super) fn rescue(
    medium: &dyn ReadAt,
    extents: &[Extent],
    mut prover: Prover,
    out: &mut dyn Write,
    told: &mut dyn FnMut(u64),
) -> io::Result<Rescued> {
    let length = medium.len()?;
    let sector = SECTOR as u64;
    let (mut bytes, mut lost) = (0, 0);
    'all: for extent in extents {
        let first = u64::from(extent.sector);
        let there = extent.bytes.min(length.saturating_sub(first * sector));
        let mut left = there;
        for piece in pieces(medium, first..first + there.div_ceil(sector)) {
            let count =
                usize::try_from(left).map_or(piece.bytes.len(), |left| left.min(piece.bytes.len()));
            out.write_all(&piece.bytes[..count])?;
            prover.update(&piece.bytes[..count]);
            left -= count as u64;
            bytes += count as u64;
            lost += piece.unreadable.len() as u64;
            told(count as u64);
            if lost >= ENOUGH {
                break 'all;
            }
        }
        if there < extent.bytes {
            break;
        }
    }
    let all: u64 = extents.iter().map(|extent| extent.bytes).sum();
    Ok(Rescued {
        proof: prover.finish(),
        bytes,
        lost,
        rest: all - bytes,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A medium of which some sectors cannot be read.
    struct Scratched(Vec<u8>, std::ops::Range<u64>);

    impl ReadAt for Scratched {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let end = (offset + buffer.len() as u64).div_ceil(2048);
            if offset / 2048 < self.1.end && self.1.start < end {
                return Err(io::Error::other("scratched"));
            }
            self.0.read_at(buffer, offset)
        }
        fn len(&self) -> io::Result<u64> {
            ReadAt::len(&self.0)
        }
    }

    #[test]
    fn what_can_be_read_of_a_file_is_had_and_the_rest_is_counted() {
        let bytes: Vec<u8> = (0..2048 * 3000u32)
            .map(|at| (at / 2048).to_le_bytes()[0] | 1)
            .collect();
        let extent = |sector, bytes| Extent { sector, bytes };
        // bad sectors, length of the medium, extents, bytes had, sectors lost, bytes missing
        for (bad, length, extents, had, lost, rest) in [
            (0..0, 3000 * 2048, vec![extent(10, 5000)], 5000, 0, 0),
            (0..0, 3000 * 2048, vec![], 0, 0, 0),
            // neighbours of the file do not matter
            (13..99, 3000 * 2048, vec![extent(10, 5000)], 5000, 0, 0),
            (11..12, 3000 * 2048, vec![extent(10, 5000)], 5000, 1, 0),
            (
                20..22,
                3000 * 2048,
                vec![extent(10, 2048), extent(21, 100), extent(30, 1)],
                2149,
                1,
                0,
            ),
            // cut off, within a sector and between two
            (0..0, 12 * 2048 + 7, vec![extent(10, 5000)], 4103, 0, 897),
            (
                0..0,
                12 * 2048,
                vec![extent(2, 10), extent(12, 10), extent(3, 10)],
                10,
                0,
                20,
            ),
            // enough is enough
            (
                0..600,
                3000 * 2048,
                vec![extent(0, 2000 * 2048)],
                512 * 2048,
                512,
                1488 * 2048,
            ),
        ] {
            let medium = Scratched(bytes[..length].to_vec(), bad.clone());
            let mut out = Vec::new();
            let mut told = 0;
            let found = rescue(
                &medium,
                &extents,
                Prover::default(),
                &mut out,
                &mut |count| told += count,
            )
            .unwrap();
            assert_eq!(
                (found.bytes, found.lost, found.rest),
                (had, lost, rest),
                "{extents:?}"
            );
            assert_eq!((out.len() as u64, told), (had, had));
            assert!(found.proof.holds(&mut &out[..]).unwrap());
            assert_eq!(found.is_whole(), lost == 0 && rest == 0);
            let mut expected: Vec<u8> = Vec::new();
            for extent in &extents {
                for at in 0..extent.bytes {
                    let sector = u64::from(extent.sector) + at / 2048;
                    let at = usize::try_from(u64::from(extent.sector) * 2048 + at).unwrap();
                    expected.push(if bad.contains(&sector) { 0 } else { bytes[at] });
                }
            }
            assert!(expected.starts_with(&out));
        }
    }
}
