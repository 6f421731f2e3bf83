//! Reading sectors in large pieces, and one by one where that fails.

use std::io;
use std::ops::Range;

use crate::iso9660::ReadAt;

/// Bytes in a sector, for lengths in memory.
pub(super) const SECTOR: usize = 2048;
/// Sectors that are read at a time.
pub(super) const AT_ONCE: usize = 512;
/// How often a sector is asked for.
const TRIES: usize = 3;

/// Some sectors in a row.
pub(super) struct Piece {
    /// Number of the first one.
    pub first: u64,
    /// Their bytes; zeros stand for what cannot be read.
    pub bytes: Vec<u8>,
    /// Numbers of those that cannot be read, ascending.
    pub unreadable: Vec<u64>,
}

/// The pieces of `sectors`, in order.
pub(super) fn pieces(medium: &dyn ReadAt, sectors: Range<u64>) -> impl Iterator<Item = Piece> + '_ {
    let end = sectors.end;
    sectors
        .step_by(AT_ONCE)
        .map(move |first| piece(medium, first, end))
}

fn piece(medium: &dyn ReadAt, first: u64, end: u64) -> Piece {
    let count = usize::try_from(end - first).map_or(AT_ONCE, |left| left.min(AT_ONCE));
    let mut piece = Piece {
        first,
        bytes: vec![0; count * SECTOR],
        unreadable: Vec::new(),
    };
    if fill(medium, &mut piece.bytes, first).is_ok() {
        return piece;
    }
    for (number, sector) in (first..).zip(piece.bytes.chunks_mut(SECTOR)) {
        let tried = (0..TRIES).find_map(|_| fill(medium, sector, number).ok());
        if tried.is_none() {
            sector.fill(0);
            piece.unreadable.push(number);
        }
    }
    piece
}

/// Fills `buffer` from the sector `first` on. The last sector of a medium may be incomplete, zeros follow then.
fn fill(medium: &dyn ReadAt, buffer: &mut [u8], first: u64) -> io::Result<()> {
    let at = first * SECTOR as u64;
    let mut done = 0;
    while done < buffer.len() {
        match medium.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) if done % SECTOR != 0 && buffer.len() - done < SECTOR => {
                buffer[done..].fill(0);
                return Ok(());
            }
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;

    /// A medium on which some sectors fail, some of them only at first.
    struct Scratched {
        bytes: Vec<u8>,
        /// Sector and how often it fails.
        bad: Mutex<Vec<(u64, usize)>>,
    }

    impl ReadAt for Scratched {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let first = offset / 2048;
            let last = (offset + buffer.len() as u64 - 1) / 2048;
            for (sector, times) in self.bad.lock().unwrap().iter_mut() {
                if (first..=last).contains(sector) && *times > 0 {
                    *times -= 1;
                    return Err(io::Error::other("scratched"));
                }
            }
            self.bytes.read_at(buffer, offset)
        }
        fn len(&self) -> io::Result<u64> {
            ReadAt::len(&self.bytes)
        }
    }

    #[test]
    fn what_can_be_read_is_read_and_the_rest_is_named() {
        let bytes: Vec<u8> = (0..2048u32 * 1500 + 100)
            .map(|at| (at / 2048).to_le_bytes()[0])
            .collect();
        let medium = Scratched {
            bytes: bytes.clone(),
            bad: Mutex::new(vec![
                (7, 1),
                (600, 3),
                (601, usize::MAX),
                (1499, usize::MAX),
            ]),
        };
        let mut all = Vec::new();
        let mut unreadable = Vec::new();
        for piece in pieces(&medium, 0..1501) {
            assert_eq!(piece.first * 2048, all.len() as u64);
            all.extend(piece.bytes);
            unreadable.extend(piece.unreadable);
        }
        assert_eq!(unreadable, [601, 1499]);
        let mut expected = bytes;
        expected.resize(1501 * 2048, 0);
        for sector in [601, 1499] {
            expected[sector * 2048..(sector + 1) * 2048].fill(0);
        }
        assert!(all == expected);
    }
}
