//! One file on its way to the disk. What comes is read to where it is written from, and its digest is taken there, while
//! the processor still has the bytes at hand.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;

use super::large::Large;
use super::unwritable;
use crate::peer::PeerError;
use crate::peer::begun::Follower;

/// The most that is read at once: what a processor keeps at hand until its digest is taken.
const AT_ONCE: usize = 160 << 10;

/// A file that is being written.
pub(in crate::peer) struct Arriving {
    pub(super) way: Way,
    pub(super) path: PathBuf,
    /// Takes the digest; nobody, where bytes were there before that only the peer's claim can prove. After the way:
    /// what is recorded is on the disk.
    pub(super) follower: Option<Follower>,
    /// Bytes that are there.
    pub(in crate::peer) bytes: u64,
    /// What has to come first, if it is still the same file.
    overlap: Vec<u8>,
    /// It is another one.
    pub(super) other: bool,
}

/// How it gets to the disk.
pub(super) enum Way {
    /// With memory for what comes.
    Gathered(File, Vec<u8>),
    Large(Large),
}

impl Way {
    /// The place for the next bytes, of which `most` come at most.
    fn room(&mut self, most: usize) -> &mut [u8] {
        let most = most.min(AT_ONCE);
        match self {
            Self::Gathered(_, buffer) => {
                if buffer.len() < most {
                    buffer.resize(most, 0);
                }
                &mut buffer[..most]
            }
            Self::Large(large) => {
                let room = large.room();
                let most = most.min(room.len());
                &mut room[..most]
            }
        }
    }

    /// So many bytes were put there.
    fn put(&mut self, count: usize) -> io::Result<()> {
        match self {
            Self::Gathered(file, buffer) => file.write_all(&buffer[..count]),
            Self::Large(large) => large.put(count),
        }
    }
}

impl Arriving {
    /// The file at `path`, of which `bytes` are there; `overlap` must come first.
    pub(super) fn new(
        way: Way,
        path: PathBuf,
        follower: Option<Follower>,
        (bytes, overlap): (u64, Vec<u8>),
    ) -> Self {
        Self {
            way,
            path,
            follower,
            bytes,
            overlap,
            other: false,
        }
    }

    /// The next bytes, by one call of `from`, which has `most` of them at most; how many. The inner error is that of
    /// `from`.
    pub(in crate::peer) fn read(
        &mut self,
        from: &mut dyn Read,
        most: usize,
    ) -> Result<io::Result<usize>, PeerError> {
        let room = self.way.room(most);
        let count = match from.read(room) {
            Ok(count) => count,
            Err(error) => return Ok(Err(error)),
        };
        let bytes = &room[..count];
        let same = count.min(self.overlap.len());
        if self.overlap.drain(..same).ne(bytes[..same].iter().copied()) {
            self.other = true;
            if let Some(follower) = &mut self.follower {
                follower.forget();
            }
        }
        if let Some(follower) = &mut self.follower {
            follower.update(bytes);
        }
        let put = self.way.put(count);
        put.map_err(|error| unwritable(&self.path, error))?;
        self.bytes += count as u64;
        Ok(Ok(count))
    }

    /// The next bytes.
    pub(in crate::peer) fn write(&mut self, mut bytes: &[u8]) -> Result<(), PeerError> {
        while !bytes.is_empty() {
            let most = bytes.len();
            // There is always room, and memory is read without errors.
            let _ = self.read(&mut bytes, most)?;
        }
        Ok(())
    }
}
