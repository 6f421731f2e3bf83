//! Sectors read by the drive's own READ(10): the kernel's idea of the disc may be that of yesterday.

use std::borrow::Borrow;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::tray;
use crate::iso9660::ReadAt;
use crate::media::mmc::{Command, SgIo};
use crate::media::{SECTOR, Session};

/// Sectors that every host adapter gives in one go.
const AT_ONCE: u64 = 32;

/// The disc in a drive, which belongs to the reader or is only lent to it.
pub(super) struct Reader<D> {
    drive: D,
    end: u32,
    /// First sectors and ends of what was written; empty if that is everything. Between the sessions of a disc that is
    /// written once there are thousands of sectors that nobody writes and no drive reads.
    written: Vec<(u32, u32)>,
    /// The sectors that were read last: readers ask for a few bytes after a few bytes.
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    first: u64,
    bytes: Vec<u8>,
}

impl<D: Borrow<SgIo> + Send + Sync> Reader<D> {
    /// The sectors before `end`.
    pub fn new(drive: D, end: u32) -> Self {
        Self {
            drive,
            end,
            written: Vec::new(),
            last: Mutex::default(),
        }
    }

    /// The same; what lies between these sessions is zeros.
    pub fn of_sessions(drive: D, sessions: &[Session]) -> Self {
        let end = sessions.iter().map(|session| session.end).max();
        let written = sessions.iter().map(|one| (one.start, one.end)).collect();
        Self {
            written,
            ..Self::new(drive, end.unwrap_or(0))
        }
    }

    /// Some of the sectors from `first` on, at most `count`: those that are of one session, or of none.
    fn fetch(&self, first: u64, count: u64) -> io::Result<Vec<u8>> {
        let within =
            |range: &&(u32, u32)| (u64::from(range.0)..u64::from(range.1)).contains(&first);
        if self.written.is_empty() {
            return sectors(self.drive.borrow(), first, count);
        }
        if let Some((_, end)) = self.written.iter().find(within) {
            return sectors(
                self.drive.borrow(),
                first,
                count.min(u64::from(*end) - first),
            );
        }
        let next = self.written.iter().map(|range| u64::from(range.0));
        let next = next.filter(|start| *start > first).min();
        let empty = next.map_or(count, |next| count.min(next - first));
        Ok(vec![0; usize::try_from(empty * SECTOR).unwrap_or(0)])
    }

    /// Fills `buffer` from the beginning of the disc.
    pub fn read_exact_at_start(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(&mut buffer[done..], done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }

    /// Reads some bytes of at most [`AT_ONCE`] sectors, 0 at the end.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let first = offset / SECTOR;
        let skip = usize::try_from(offset % SECTOR).unwrap_or(0);
        let left = u64::from(self.end).saturating_sub(first);
        let wanted = (skip as u64 + buffer.len() as u64).div_ceil(SECTOR);
        let count = wanted.min(left).min(AT_ONCE);
        if count == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let bytes = sectors(self.drive.borrow(), first, count)?;
        some(&bytes, skip, buffer)
    }
}

/// Copies what there is of `bytes` from `skip` on, as much as there is room for. An answer that ends before that was cut
/// short: it is not the end of the disc.
fn some(bytes: &[u8], skip: usize, buffer: &mut [u8]) -> io::Result<usize> {
    let there = bytes.get(skip..).unwrap_or_default();
    let copied = there.len().min(buffer.len());
    if copied == 0 && !buffer.is_empty() {
        return Err(io::Error::other(
            "the drive answered with less than was asked for",
        ));
    }
    buffer[..copied].copy_from_slice(&there[..copied]);
    Ok(copied)
}

fn sectors(drive: &SgIo, first: u64, count: u64) -> io::Result<Vec<u8>> {
    let address = u32::try_from(first)
        .map_err(io::Error::other)?
        .to_be_bytes();
    let [high, low] = u16::try_from(count)
        .map_err(io::Error::other)?
        .to_be_bytes();
    let [a, b, c, d] = address;
    let command = Command {
        bytes: vec![0x28, 0, a, b, c, d, 0, high, low, 0],
        room: usize::try_from(count * SECTOR).unwrap_or(0),
    };
    tray::ask(drive, &command, super::PATIENCE).map_err(io::Error::other)
}

impl<D: Borrow<SgIo> + Send + Sync> ReadAt for Reader<D> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let small = (buffer.len() as u64) < AT_ONCE * SECTOR;
        if !small && self.written.is_empty() {
            return self.read(buffer, offset);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let sector = offset / SECTOR;
        let known = sector
            .checked_sub(last.first)
            .is_some_and(|behind| behind * SECTOR < last.bytes.len() as u64);
        if !known {
            let count = u64::from(self.end).saturating_sub(sector).min(AT_ONCE);
            if count == 0 {
                return Ok(0);
            }
            // One bad sector must not hide its neighbours.
            let bytes = match self.fetch(sector, count) {
                Ok(bytes) => bytes,
                Err(_) if count > 1 => self.fetch(sector, 1)?,
                Err(error) => return Err(error),
            };
            *last = Last {
                first: sector,
                bytes,
            };
        }
        let at = usize::try_from(offset - last.first * SECTOR).unwrap_or(usize::MAX);
        some(&last.bytes, at, buffer)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(u64::from(self.end) * SECTOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_short_is_no_end_of_the_disc() {
        let mut buffer = [0; 4];
        for (bytes, skip, expected) in [
            (&b"abcdef"[..], 0, Some(4)),
            (b"abcdef", 4, Some(2)),
            (b"abcdef", 6, None),
            (b"", 0, None),
            (b"", 2048, None),
        ] {
            let found = some(bytes, skip, &mut buffer).ok();
            assert_eq!(found, expected, "{skip}");
        }
        assert_eq!(some(b"", 0, &mut []).ok(), Some(0));
    }
}
