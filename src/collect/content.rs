//! Reading one file as an archive wants it: exactly the promised bytes, hashed on the way, holes passed over.
//!
//! A hole is not read, but its zeros are hashed, which takes a while for a large one: it counts as work, and is told.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::archive::Parts;
use crate::fsx::{Exact, Fate};
use crate::units::{Digest, Hasher};

/// More parts than this are not worth a map: the file is stored with its zeros.
const MOST_PARTS: usize = 100_000;

/// The parts of `file` that are not holes, if it has holes at all. `size` and `blocks` are those of its stat.
pub(super) fn parts(file: &File, size: u64, blocks: u64) -> Option<Parts> {
    if blocks.saturating_mul(512) >= size {
        return None;
    }
    let mut parts = Parts::new();
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) if start < size => start,
            Ok(_) | Err(Errno::NXIO) => break, // nothing but a hole from here on
            Err(_) => return None,
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start))
            .ok()?
            .min(size);
        // Where a hole was made that very moment, what follows is still to be stored.
        if end <= start || parts.len() == MOST_PARTS {
            return None;
        }
        parts.push((start, end - start));
        at = end;
    }
    let stored: u64 = parts.iter().map(|part| part.1).sum();
    // A file that is only compressed by its file system has no holes.
    (stored < size).then_some(parts)
}

/// The parts of a file of `size` bytes without holes.
pub(super) fn whole(size: u64) -> Parts {
    Vec::from_iter((size > 0).then_some((0, size)))
}

/// Bytes between two tellings of how far it has come.
const STRIDE: u64 = 4 << 20;

/// A file being read. Its digest is that of `size` bytes with zeros for the holes.
pub(super) struct Body<'a> {
    inner: Exact<InParts<'a>>,
    parts: &'a [(u64, u64)],
    /// The part that is being read, and how much of it was.
    at: (usize, u64),
    hash: Hasher,
    hashed: u64,
    size: u64,
    tell: &'a dyn Fn(u64),
    told: u64,
}

impl<'a> Body<'a> {
    /// Reads `parts` of `file`, which is `size` bytes long. `tell` hears every few megabytes how many of these are done, so
    /// that a single large file does not look like a standstill.
    pub fn new(file: &'a File, parts: &'a [(u64, u64)], size: u64, tell: &'a dyn Fn(u64)) -> Self {
        let stored = parts.iter().map(|part| part.1).sum();
        let inner = InParts {
            file,
            parts,
            size,
            at: (0, 0),
        };
        Self {
            inner: Exact::new(inner, stored),
            parts,
            at: (0, 0),
            hash: Hasher::default(),
            hashed: 0,
            size,
            tell,
            told: 0,
        }
    }

    /// After everything was read: the digest, and what became of the file.
    pub fn finish(mut self) -> (Digest, Fate) {
        self.zeros(self.size);
        (self.hash.finish(), self.inner.finish())
    }

    /// Hashes zeros up to the position `to`.
    fn zeros(&mut self, to: u64) {
        const ZEROS: [u8; 8 << 10] = [0; 8 << 10];
        while self.hashed < to {
            let count = (to - self.hashed).min(ZEROS.len() as u64);
            self.update(&ZEROS[..usize::try_from(count).unwrap_or(0)]);
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.hashed += bytes.len() as u64;
        if self.hashed - self.told >= STRIDE {
            self.told = self.hashed;
            (self.tell)(self.hashed);
        }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (part, done) = self.at;
        let Some(&(start, length)) = self.parts.get(part) else {
            return Ok(0);
        };
        self.zeros(start);
        let most =
            usize::try_from(length - done).map_or(buffer.len(), |left| left.min(buffer.len()));
        let got = self.inner.read(&mut buffer[..most])?;
        self.update(&buffer[..got]);
        self.at = if done + got as u64 == length {
            (part + 1, 0)
        } else {
            (part, done + got as u64)
        };
        Ok(got)
    }
}

/// Reads the parts of a file one after the other, and then whatever lies behind its promised end.
#[derive(Debug)]
struct InParts<'a> {
    file: &'a File,
    parts: &'a [(u64, u64)],
    size: u64,
    at: (usize, u64),
}

impl Read for InParts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (part, done) = self.at;
        let Some(&(start, length)) = self.parts.get(part) else {
            return self.file.read_at(buffer, self.size);
        };
        let most =
            usize::try_from(length - done).map_or(buffer.len(), |left| left.min(buffer.len()));
        let got = self.file.read_at(&mut buffer[..most], start + done)?;
        self.at = if done + got as u64 == length {
            (part + 1, 0)
        } else {
            (part, done + got as u64)
        };
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn read(file: &File, parts: &[(u64, u64)], size: u64) -> (Vec<u8>, Digest, Fate) {
        let mut body = Body::new(file, parts, size, &|_| {});
        let mut all = Vec::new();
        body.read_to_end(&mut all).unwrap();
        let (digest, fate) = body.finish();
        (all, digest, fate)
    }

    #[test]
    fn holes_are_passed_over_but_hashed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 << 20).unwrap();
        file.write_all_at(b"data", 1 << 20).unwrap();
        let stat = file.metadata().unwrap();
        let parts = parts(&file, stat.size(), stat.blocks()).unwrap();
        assert_eq!(parts.len(), 1);
        let (stored, digest, fate) = read(&file, &parts, stat.size());
        assert!(stored.len() < 1 << 16);
        let mut whole = vec![0; 3 << 20];
        whole[1 << 20..][..4].copy_from_slice(b"data");
        assert_eq!((digest, fate), (Digest::of(&whole), Fate::Whole));
    }

    #[test]
    fn holes_are_told_as_they_are_hashed_the_last_one_too() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(41 << 20).unwrap();
        file.write_all_at(b"data", 20 << 20).unwrap();
        let parts = [(20 << 20, 4096)];
        let told = std::cell::RefCell::new(Vec::<u64>::new());
        let tell = |done| told.borrow_mut().push(done >> 20);
        let mut body = Body::new(&file, &parts, 41 << 20, &tell);
        body.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(told.borrow().last(), Some(&20));
        body.finish();
        let every_stride: Vec<u64> = (4..=40).step_by(4).collect();
        assert_eq!(*told.borrow(), every_stride);
    }

    #[test]
    fn a_file_without_holes_has_no_map() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![7; 100_000], 0).unwrap();
        file.sync_all().unwrap();
        let stat = file.metadata().unwrap();
        assert_eq!(parts(&file, stat.size(), stat.blocks()), None);
        assert_eq!(parts(&file, 0, 0), None);
    }

    #[test]
    fn what_changed_meanwhile_is_told() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"12345", 0).unwrap();
        for (size, delivered, fate) in [
            (5, &b"12345"[..], Fate::Whole),
            (3, b"123", Fate::Long),
            (7, b"12345\0\0", Fate::Short(5)),
        ] {
            let read = read(&file, &[(0, size)], size);
            assert_eq!(read, (delivered.to_vec(), Digest::of(delivered), fate));
        }
    }
}
