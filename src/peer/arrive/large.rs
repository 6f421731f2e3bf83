//! A large file goes to the disk, and is read back from there, while it arrives.
//!
//! Two threads: one writes, the other reads behind it and computes the digest. Both go past the page cache where the
//! file system can (`O_DIRECT`): nothing is copied, what is read comes from the device, and a pool of archives does
//! not push out of memory what else the machine works with. Where it cannot, stretches are synced and let go of
//! before they are read.

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

use crate::fsx;
use crate::sums::{Digest, Hasher};

/// Where writes past the page cache may begin and end: a page, which is a multiple of every block.
pub(super) const ALIGNED: u64 = 4096;
const ALIGNMENT: usize = 4096;
/// Bytes that are written at once.
const PIECE: usize = 1 << 20;
/// Pieces that wait for the disk.
const QUEUE: usize = 3;
/// With the page cache: bytes between two syncs.
const STRETCH: u64 = 32 << 20;

/// A file that is written.
pub(super) struct Large {
    file: Arc<File>,
    filling: Piece,
    /// With so many bytes it is full. The first one ends where a block of the disk does.
    full: usize,
    /// `None` after the end.
    pieces: Option<SyncSender<Piece>>,
    spare: Receiver<Piece>,
    writer: Option<JoinHandle<io::Result<Digest>>>,
}

impl Large {
    /// The new file, or the one whose first `there` bytes are kept: `file`, which is `name` in `dir`.
    pub(super) fn begin(dir: impl AsFd, name: &OsStr, file: File, there: u64) -> io::Result<Self> {
        let direct = fsx::open_in(dir, name, OFlags::RDWR | OFlags::DIRECT, Mode::empty());
        let file = Arc::new(file);
        let (pieces, given) = sync_channel(QUEUE);
        let (back, spare) = channel();
        for _ in 0..QUEUE {
            // As many as there are places, and one is always being filled.
            let _ = back.send(Piece::new());
        }
        let way = Opened {
            plain: Arc::clone(&file),
            direct: direct.ok().map(Arc::new),
        };
        let writer = thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || way.write(there, &given, &back))?;
        Ok(Self {
            file,
            filling: Piece::new(),
            full: PIECE - usize::try_from(there % ALIGNED).unwrap_or(0),
            pieces: Some(pieces),
            spare,
            writer: Some(writer),
        })
    }

    /// The file, to change what is not its content.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The next bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = self.full - self.filling.len;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.filling.fill(now);
            bytes = rest;
            if self.filling.len == self.full {
                self.pass_on()?;
                self.full = PIECE;
            }
        }
        Ok(())
    }

    /// No more bytes come. What did is on its way.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.filling.len > 0 {
            self.pass_on()?;
        }
        self.pieces = None;
        // The memory is the next file's.
        self.spare = channel().1;
        self.filling = Piece::default();
        Ok(())
    }

    /// After the end: waits until the file is durable, and gives the digest of what was read back.
    pub(super) fn ended(mut self) -> io::Result<Digest> {
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

/// Bytes at an address that the device accepts.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Piece {
    fn new() -> Self {
        let bytes = vec![0; PIECE + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self {
            bytes,
            start,
            len: 0,
        }
    }

    fn fill(&mut self, bytes: &[u8]) {
        let at = self.start + self.len;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + PIECE]
    }
}

/// The file, opened for both.
#[derive(Clone)]
struct Opened {
    plain: Arc<File>,
    /// Past the page cache.
    direct: Option<Arc<File>>,
}

impl Opened {
    /// The writer. Every piece but the first and the last has a whole number of blocks.
    fn write(
        mut self,
        there: u64,
        pieces: &Receiver<Piece>,
        back: &Sender<Piece>,
    ) -> io::Result<Digest> {
        let (on_disk, ask) = channel();
        let behind = self.clone();
        let reader = thread::Builder::new()
            .name("read back".to_owned())
            .spawn(move || behind.read(&ask))?;
        let mut at = there;
        let mut synced = 0;
        while let Ok(mut piece) = pieces.recv() {
            let bytes = piece.filled();
            let aligned = at.is_multiple_of(ALIGNED) && bytes.len().is_multiple_of(ALIGNMENT);
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
            piece.len = 0;
            let _ = back.send(piece);
            if self.direct.is_some() {
                // The rest of a block is on the disk after the sync.
                let _ = on_disk.send(at - at % ALIGNED);
            } else if at - synced >= STRETCH {
                self.plain.sync_data()?;
                synced = at;
                let _ = on_disk.send(at - at % ALIGNED);
            }
        }
        self.plain.sync_all()?;
        let _ = on_disk.send(at);
        drop(on_disk);
        reader
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }

    /// The reader. It is told how far it may go; every time but the last that is where a block begins.
    fn read(mut self, asked: &Receiver<u64>) -> io::Result<Digest> {
        let mut hasher = Hasher::default();
        let mut piece = Piece::new();
        let mut at = 0;
        for end in asked {
            if self.direct.is_none() {
                let _ = fadvise(&self.plain, at, None, Advice::DontNeed);
            }
            while at < end {
                let most = usize::try_from(end - at).map_or(PIECE, |left| left.min(PIECE));
                let room = piece.room();
                let got = match &self.direct {
                    // To the end of the block, of which the file may have less.
                    Some(direct) => {
                        direct.read_at(&mut room[..most.next_multiple_of(ALIGNMENT)], at)
                    }
                    None => self.plain.read_at(&mut room[..most], at),
                };
                match got {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(got) => {
                        let got = got.min(most);
                        hasher.update(&piece.room()[..got]);
                        at += got as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if self.direct.is_some() && is_invalid(&error) => {
                        self.direct = None;
                        let _ = fadvise(&self.plain, at, None, Advice::DontNeed);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(hasher.finish())
    }
}

fn is_invalid(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    /// Writes `bytes` in pieces of `step` behind the first `there` of them.
    fn write(dir: &std::path::Path, bytes: &[u8], there: usize, step: usize) -> io::Result<Digest> {
        let path = dir.join("file");
        fs::write(&path, &bytes[..there])?;
        let file = File::options().read(true).write(true).open(path)?;
        let mut large = Large::begin(File::open(dir)?, "file".as_ref(), file, there as u64)?;
        for some in bytes[there..].chunks(step) {
            large.write(some)?;
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
    fn the_digest_is_that_of_what_is_on_the_disk() {
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
                let read = write(place.path(), &content, there, step).unwrap();
                assert_eq!(read, Digest::of(&content), "{case}");
                assert!(
                    fs::read(place.path().join("file")).unwrap() == content,
                    "{case}"
                );
            }
        }
    }

    #[test]
    fn what_came_of_a_file_that_was_cut_off_is_there() {
        let dir = on_a_disk().unwrap();
        let content = noise(3 * PIECE + 777);
        let file = File::create_new(dir.path().join("file")).unwrap();
        let handle = File::open(dir.path()).unwrap();
        let mut large = Large::begin(handle, "file".as_ref(), file, 0).unwrap();
        large.write(&content).unwrap();
        drop(large);
        assert!(fs::read(dir.path().join("file")).unwrap() == content);
    }

    #[test]
    fn a_disk_that_takes_no_more_is_told_of() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut large = Large::begin(&full, "none".as_ref(), full.try_clone().unwrap(), 0).unwrap();
        let bytes = vec![0; PIECE];
        let told = (0..100).find_map(|_| large.write(&bytes).err()).unwrap();
        assert!(fsx::is_full(&told), "{told}");
    }
}
