//! Long files go to the disk past the page cache.
//!
//! A backup is written once and not read soon. In the page cache it would push out what the machine needs for its
//! work, and cost a copy of every byte. So what is longer than [`LONG`] is written by `O_DIRECT` from there on, by a
//! thread of its own; a file system that refuses that gets plain writes, with the disk kept busy meanwhile.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::{ALIGN, Block, EarlySync};

/// Bytes that go through the page cache first: what is not longer is probably read again soon.
const LONG: u64 = 64 << 20;

/// What is written at once past the cache.
const BLOCK: usize = 4 << 20;

/// Blocks that are on their way at most.
const BLOCKS: usize = 3;

/// Writes a file from one place on. Always the same file is meant; nobody else writes to it meanwhile.
#[derive(Debug, Default)]
pub struct LongWriter {
    at: u64,
    written: u64,
    way: Way,
}

#[derive(Debug, Default)]
enum Way {
    /// Not long yet.
    #[default]
    Short,
    Direct(Direct),
    /// Past the cache is refused.
    Plain(EarlySync),
}

impl LongWriter {
    /// One that begins at byte `at`.
    pub fn new(at: u64) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Writes `bytes` behind what was written before. An error may be that of earlier bytes.
    pub fn write_all(&mut self, file: &File, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            let count = match &mut self.way {
                Way::Direct(direct) => direct.take(left)?,
                Way::Plain(early) => {
                    file.write_all_at(left, self.at)?;
                    early.wrote(file, left.len() as u64);
                    left.len()
                }
                Way::Short => {
                    let count = self.short(left.len());
                    file.write_all_at(&left[..count], self.at)?;
                    count
                }
            };
            left = &left[count..];
            self.at += count as u64;
            self.written += count as u64;
            if matches!(self.way, Way::Short)
                && self.written >= LONG
                && self.at.is_multiple_of(ALIGN as u64)
            {
                self.way = match Direct::begin(file, self.at) {
                    Ok(direct) => Way::Direct(direct),
                    Err(_) => Way::Plain(EarlySync::default()),
                };
            }
        }
        Ok(())
    }

    /// How many of `most` bytes go through the cache before the file counts as long.
    fn short(&self, most: usize) -> usize {
        let end = (self.at + LONG.saturating_sub(self.written)).next_multiple_of(ALIGN as u64);
        usize::try_from(end - self.at).map_or(most, |until| until.min(most))
    }

    /// Waits until everything is written. What went through the cache still has to be synced. An error means that
    /// bytes did not arrive; it is told once.
    pub fn finish(&mut self, file: &File) -> io::Result<()> {
        match std::mem::take(&mut self.way) {
            Way::Short => Ok(()),
            Way::Plain(mut early) => early.finish(),
            Way::Direct(mut direct) => {
                direct.join()?;
                let tail = direct.block.filled();
                file.write_all_at(tail, self.at - tail.len() as u64)
            }
        }
    }
}

/// Full blocks go to a thread that writes them past the cache.
#[derive(Debug)]
struct Direct {
    block: Block,
    full: Option<SyncSender<Block>>,
    empty: Receiver<Block>,
    disk: Option<JoinHandle<io::Result<()>>>,
}

impl Direct {
    fn begin(file: &File, at: u64) -> io::Result<Self> {
        let own = file.try_clone()?;
        let flags = fcntl_getfl(file)?;
        fcntl_setfl(file, flags | OFlags::DIRECT)?;
        let (full, blocks) = sync_channel::<Block>(BLOCKS);
        let (give_back, empty) = sync_channel(BLOCKS);
        let write = move || {
            let result = write_blocks(&own, at, &blocks, &give_back);
            // The flag is that of the open file, which others hold too.
            fcntl_setfl(&own, flags)?;
            result
        };
        let disk = thread::Builder::new().name("disk".into()).spawn(write);
        if disk.is_err() {
            // Whoever writes plainly from now on knows nothing of blocks.
            fcntl_setfl(file, flags)?;
        }
        Ok(Self {
            block: Block::new(BLOCK),
            full: Some(full),
            empty,
            disk: Some(disk?),
        })
    }

    /// Takes some of `bytes`; how many.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.block.take(bytes);
        if self.block.room().is_empty() {
            let next = self.empty.try_recv().unwrap_or_else(|_| Block::new(BLOCK));
            let full = std::mem::replace(&mut self.block, next);
            let sent = self.full.as_ref().is_some_and(|to| to.send(full).is_ok());
            if !sent {
                self.join()?;
                return Err(io::Error::other("the writing thread ended early"));
            }
        }
        Ok(count)
    }

    fn join(&mut self) -> io::Result<()> {
        self.full = None;
        let Some(disk) = self.disk.take() else {
            return Ok(());
        };
        disk.join()
            .unwrap_or_else(|_| Err(io::Error::other("the writing thread died")))
    }
}

impl Drop for Direct {
    /// Given up: waits, so that nothing is written any more.
    fn drop(&mut self) {
        let _ = self.join();
    }
}

fn write_blocks(
    file: &File,
    mut at: u64,
    blocks: &Receiver<Block>,
    give_back: &SyncSender<Block>,
) -> io::Result<()> {
    for mut block in blocks {
        match file.write_all_at(block.filled(), at) {
            // Some file systems say only now that they cannot.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                fcntl_setfl(file, fcntl_getfl(file)? - OFlags::DIRECT)?;
                file.write_all_at(block.filled(), at)?;
            }
            result => result?,
        }
        at += BLOCK as u64;
        block.clear();
        let _ = give_back.try_send(block);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn every_byte_arrives_at_its_place_whatever_the_length() {
        let block = BLOCK as u64;
        // An odd length, so that no block is like the one before it.
        let pattern: Vec<u8> = (0u32..250_001)
            .flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes())
            .chain([1, 2, 3])
            .collect();
        for (base, length) in [
            (0, 0),
            (0, 5),
            (0, LONG - 1),
            (0, LONG),
            (0, LONG + 1),
            (2048, LONG + block + 4097),
            (1, LONG + 5 * block - 1),
            (0, LONG + 4 * block),
        ] {
            for file in [tempfile::tempfile(), tempfile::tempfile_in("/dev/shm")] {
                let file = file.unwrap();
                let mut writer = LongWriter::new(base);
                let mut done = 0;
                while done < length {
                    let more = (length - done).min(pattern.len() as u64);
                    writer.write_all(&file, &pattern[..size(more)]).unwrap();
                    done += more;
                }
                writer.finish(&file).unwrap();
                assert_eq!(
                    fcntl_getfl(&file).unwrap() & OFlags::DIRECT,
                    OFlags::empty()
                );
                let end = file.metadata().unwrap().len();
                assert_eq!(end, if length == 0 { 0 } else { base + length });
                let mut there = vec![0; pattern.len()];
                for at in (0..length).step_by(there.len()) {
                    let there = &mut there[..pattern.len().min(size(length - at))];
                    file.read_exact_at(there, base + at).unwrap();
                    assert!(*there == pattern[..there.len()], "{base} {length} {at}");
                }
            }
        }
    }

    fn size(bytes: u64) -> usize {
        usize::try_from(bytes).unwrap()
    }

    #[test]
    fn an_error_of_the_disk_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("name");
        std::fs::write(&path, b"").unwrap();
        let not_for_writing = File::open(&path).unwrap();
        let mut direct = Direct::begin(&not_for_writing, 0).unwrap();
        let bytes = vec![1; BLOCK];
        let told = (0..10).find_map(|_| direct.take(&bytes).err());
        assert_eq!(
            told.unwrap().raw_os_error(),
            Some(Errno::BADF.raw_os_error())
        );
    }
}
