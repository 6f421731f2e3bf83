//! A large file goes to the disk while it arrives.
//!
//! A thread writes it past the page cache where the file system can (`O_DIRECT`): nothing is copied, the disk is busy
//! from the beginning, and a pool of archives does not push out of memory what else the machine works with. Where it
//! cannot, stretches are synced while more arrives.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use rustix::fs::{Advice, Mode, OFlags, fadvise};

use crate::fsx::{self, ALIGN, Block};
use crate::peer::copy::proof_at;
use crate::sums::Proof;

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;
/// Pieces that wait for the disk.
const QUEUE: usize = 3;
/// With the page cache: bytes between two syncs.
const STRETCH: u64 = 32 << 20;

/// A file that is written.
pub(super) struct Large {
    file: Arc<File>,
    filling: Block,
    /// With so many bytes it is full. The first one ends where a block of the disk does.
    full: usize,
    /// `None` after the end.
    pieces: Option<SyncSender<Block>>,
    spare: Receiver<Block>,
    writer: Option<JoinHandle<io::Result<Option<Proof>>>>,
}

/// How the file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is synced.
    Synced,
    /// Then all of it is read, and its digest is taken by the function of this one: nobody has seen the bytes that were there
    /// before.
    Read(Proof),
}

impl Large {
    /// The new file, or the one whose first `there` bytes are kept: `file`, which is `name` in `dir`.
    pub(super) fn begin(
        dir: impl AsFd,
        name: &OsStr,
        file: File,
        there: u64,
        ending: Ending,
    ) -> io::Result<Self> {
        let direct = fsx::open_in(dir, name, OFlags::RDWR | OFlags::DIRECT, Mode::empty());
        let file = Arc::new(file);
        let (pieces, given) = sync_channel(QUEUE);
        let (back, spare) = channel();
        for _ in 0..QUEUE {
            // As many as there are places, and one is always being filled.
            let _ = back.send(Block::new(PIECE));
        }
        let mut way = Opened {
            plain: Arc::clone(&file),
            direct: direct.ok(),
        };
        let work = move || {
            way.write(there, &given, &back)?;
            match ending {
                Ending::Synced => Ok(None),
                Ending::Read(promised) => way.read(promised).map(Some),
            }
        };
        let writer = thread::Builder::new()
            .name("write".to_owned())
            .spawn(work)?;
        Ok(Self {
            file,
            filling: Block::new(PIECE),
            full: PIECE - usize::try_from(there % ALIGN as u64).unwrap_or(0),
            pieces: Some(pieces),
            spare,
            writer: Some(writer),
        })
    }

    /// The file, to change what is not its content.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The place for the next bytes. There is always some.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let left = self.full - self.filling.filled().len();
        &mut self.filling.room()[..left]
    }

    /// So many bytes were put there.
    pub(super) fn put(&mut self, count: usize) -> io::Result<()> {
        self.filling.put(count);
        if self.filling.filled().len() >= self.full {
            self.pass_on()?;
            self.full = PIECE;
        }
        Ok(())
    }

    /// No more bytes come. What did is on its way.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if !self.filling.filled().is_empty() {
            self.pass_on()?;
        }
        self.pieces = None;
        // The memory is the next file's.
        self.spare = channel().1;
        self.filling = Block::new(0);
        Ok(())
    }

    /// After the end: waits until the file is durable, and gives the digest of what was read, if it was to be.
    pub(super) fn ended(mut self) -> io::Result<Option<Proof>> {
        self.pieces = None;
        let gone = || Err(io::Error::other("the thread that writes a file ended"));
        match self.writer.take() {
            Some(writer) => writer.join().unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }

    /// Gives the piece that is being filled to the writer.
    fn pass_on(&mut self) -> io::Result<()> {
        let passed = self.spare.recv().is_ok_and(|spare| {
            let piece = mem::replace(&mut self.filling, spare);
            let pieces = self.pieces.as_ref();
            pieces.is_some_and(|pieces| pieces.send(piece).is_ok())
        });
        if passed {
            return Ok(());
        }
        // It ended before its time, and knows why.
        self.pieces = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => Err(error),
            _ => Err(io::Error::other("the thread that writes a file ended")),
        }
    }
}

impl Drop for Large {
    /// What came of a file that does not come to its end is there for the next try.
    fn drop(&mut self) {
        let _ = self.end();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The file, opened for both ways.
struct Opened {
    plain: Arc<File>,
    /// Past the page cache.
    direct: Option<File>,
}

impl Opened {
    /// Every piece but the first and the last has a whole number of blocks.
    fn write(
        &mut self,
        there: u64,
        pieces: &Receiver<Block>,
        back: &Sender<Block>,
    ) -> io::Result<()> {
        let mut at = there;
        let mut synced = there;
        while let Ok(mut piece) = pieces.recv() {
            let bytes = piece.filled();
            let aligned = at.is_multiple_of(ALIGN as u64) && bytes.len().is_multiple_of(ALIGN);
            let written = match &self.direct {
                Some(direct) if aligned => direct.write_all_at(bytes, at),
                _ => self.plain.write_all_at(bytes, at),
            };
            match written {
                // The file system has other thoughts of what is aligned.
                Err(error) if self.direct.is_some() && is_invalid(&error) => {
                    self.direct = None;
                    self.plain.write_all_at(bytes, at)?;
                }
                written => written?,
            }
            at += bytes.len() as u64;
            piece.clear();
            let _ = back.send(piece);
            if self.direct.is_none() && at - synced >= STRETCH {
                self.plain.sync_data()?;
                synced = at;
            }
        }
        self.plain.sync_all()
    }

    fn read(&self, promised: Proof) -> io::Result<Proof> {
        // From the device, if the file system lets go of its cache.
        let _ = fadvise(&self.plain, 0, None, Advice::DontNeed);
        proof_at(&self.plain, u64::MAX, promised.prover())
    }
}

fn is_invalid(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::Blake3;
    use std::fs;

    fn put(large: &mut Large, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = large.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            large.put(count)?;
        }
        Ok(())
    }

    /// Writes `bytes` in pieces of `step` behind the first `there` of them.
    fn write(
        dir: &std::path::Path,
        bytes: &[u8],
        (there, step): (usize, usize),
        ending: Ending,
    ) -> io::Result<Option<Proof>> {
        let path = dir.join("file");
        fs::write(&path, &bytes[..there])?;
        let file = File::options().read(true).write(true).open(path)?;
        let dir = File::open(dir)?;
        let mut large = Large::begin(dir, "file".as_ref(), file, there as u64, ending)?;
        for some in bytes[there..].chunks(step) {
            put(&mut large, some)?;
        }
        large.end()?;
        large.ended()
    }

    /// Beside this program: `/tmp` may be in memory.
    fn on_a_disk() -> io::Result<tempfile::TempDir> {
        let program = std::env::current_exe()?;
        tempfile::tempdir_in(program.parent().unwrap())
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn every_byte_gets_to_its_place() {
        // The second has no way past the page cache.
        let places = [on_a_disk(), tempfile::tempdir_in("/dev/shm")];
        for place in places.map(Result::unwrap) {
            for (bytes, there, step) in [
                (0, 0, 1),
                (1, 0, 1),
                (4096, 0, 100),
                (PIECE - 1, 0, 30_000),
                (PIECE, 0, 32_768),
                (PIECE + 1, 0, 32_768),
                (7 * PIECE + 12_345, 0, 261_120),
                (7 * PIECE + 12_345, 3 * PIECE + 8192, 261_120),
                (7 * PIECE + 12_345, 3 * PIECE + 777, 261_120),
                (PIECE + 5, PIECE - 1, 3),
                (36 * PIECE + 5, 4096, 3 * PIECE),
            ] {
                let content = noise(bytes);
                let case = format!("{bytes} {there} {step} in {}", place.path().display());
                let proof = Proof::Blake3(Blake3::of(&content));
                for (ending, digest) in [(Ending::Synced, None), (Ending::Read(proof), Some(proof))]
                {
                    let read = write(place.path(), &content, (there, step), ending).unwrap();
                    assert_eq!(read, digest, "{case}");
                    assert!(
                        fs::read(place.path().join("file")).unwrap() == content,
                        "{case}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_came_of_a_file_that_was_cut_off_is_there() {
        let dir = on_a_disk().unwrap();
        let content = noise(3 * PIECE + 777);
        let file = File::create_new(dir.path().join("file")).unwrap();
        let handle = File::open(dir.path()).unwrap();
        let mut large = Large::begin(handle, "file".as_ref(), file, 0, Ending::Synced).unwrap();
        put(&mut large, &content).unwrap();
        drop(large);
        assert!(fs::read(dir.path().join("file")).unwrap() == content);
    }

    #[test]
    fn a_disk_that_takes_no_more_is_told_of() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let file = full.try_clone().unwrap();
        let mut large = Large::begin(&full, "none".as_ref(), file, 0, Ending::Synced).unwrap();
        let bytes = vec![0; PIECE];
        let told = (0..100)
            .find_map(|_| put(&mut large, &bytes).err())
            .unwrap();
        assert!(fsx::is_full(&told), "{told}");
    }
}
