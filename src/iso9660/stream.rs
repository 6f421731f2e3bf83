//! The way of an image's bytes to the output: large blocks, read and written at the same time.
//!
//! Sources are read straight into the block that will be written, so that no byte is copied twice. A second
//! thread writes, while the next block is filled.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::SECTOR;

const BLOCK: usize = 1 << 20;
/// Blocks on their way; memory is this many times [`BLOCK`].
const BLOCKS: usize = 4;

/// What was wrong with a source.
#[derive(Debug)]
pub enum Cause {
    /// It ended early; zeros follow.
    Short,
    /// It has more bytes than were promised; they were left out.
    Long,
    /// It could not be opened or read; zeros follow.
    Failed(io::Error),
}

/// Takes bytes and hands them to the thread that writes.
pub(super) struct Stream {
    block: Vec<u8>,
    filled: usize,
    written: u64,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

impl Stream {
    /// Runs `fill`; everything that it puts into the stream goes to `out`, in order. An error of `out` comes first.
    pub(super) fn run<T>(
        out: &mut (dyn Write + Send),
        fill: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<T> {
        std::thread::scope(|scope| {
            let (to_write, blocks) = sync_channel::<Vec<u8>>(BLOCKS);
            let (give_back, empty) = sync_channel(BLOCKS);
            for _ in 1..BLOCKS {
                let _ = give_back.send(vec![0; BLOCK]); // room for all: never blocks
            }
            let writer = scope.spawn(move || {
                for mut block in blocks {
                    out.write_all(&block)?;
                    block.resize(BLOCK, 0);
                    let _ = give_back.send(block); // nobody waits for it after the end
                }
                out.flush()
            });
            let mut stream = Self {
                block: vec![0; BLOCK],
                filled: 0,
                written: 0,
                full: to_write,
                empty,
            };
            let filled = fill(&mut stream).and_then(|value| {
                stream.finish()?;
                Ok(value)
            });
            drop(stream);
            match writer.join() {
                Ok(Ok(())) => filled,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::Error::other("the output panicked")),
            }
        })
    }

    /// Bytes taken so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    fn advance(&mut self, count: usize) -> io::Result<()> {
        self.filled += count;
        self.written += count as u64;
        if self.filled == self.block.len() {
            let gone = || io::Error::other("the output has failed");
            let next = self.empty.recv().map_err(|_| gone())?;
            let full = std::mem::replace(&mut self.block, next);
            self.filled = 0;
            self.full.send(full).map_err(|_| gone())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut last = std::mem::take(&mut self.block);
        last.truncate(self.filled);
        self.full
            .send(last)
            .map_err(|_| io::Error::other("the output has failed"))
    }

    /// Puts bytes in.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = &mut self.block[self.filled..];
            let count = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            room[..count].copy_from_slice(now);
            bytes = later;
            self.advance(count)?;
        }
        Ok(())
    }

    /// Puts zeros in.
    pub(super) fn zeros(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let room = &mut self.block[self.filled..];
            let now = usize::try_from(count).map_or(room.len(), |count| count.min(room.len()));
            room[..now].fill(0);
            count -= now as u64;
            self.advance(now)?;
        }
        Ok(())
    }

    /// Puts zeros in up to the end of the sector.
    pub(super) fn fill_sector(&mut self) -> io::Result<()> {
        self.zeros(self.written.next_multiple_of(SECTOR) - self.written)
    }

    /// Puts exactly `bytes` bytes of a source in, zeros for what it does not deliver. Says how many it delivered and what
    /// was wrong, if something was.
    pub(super) fn pour(
        &mut self,
        source: &mut dyn Read,
        bytes: u64,
    ) -> io::Result<Option<(u64, Cause)>> {
        let mut left = bytes;
        let fault = loop {
            if left == 0 {
                let mut one = [0];
                let more = read(source, &mut one).is_ok_and(|count| count > 0);
                break more.then_some(Cause::Long);
            }
            let room = &mut self.block[self.filled..];
            let count = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
            match read(source, &mut room[..count]) {
                Ok(0) => break Some(Cause::Short),
                Ok(count) => {
                    left -= count as u64;
                    self.advance(count)?;
                }
                Err(error) => break Some(Cause::Failed(error)),
            }
        };
        self.zeros(left)?;
        Ok(fault.map(|cause| (bytes - left, cause)))
    }
}

fn read(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_arrive_in_order_over_many_blocks() {
        let source: Vec<u8> = (0..5 * BLOCK + 77)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        let mut out = Vec::new();
        let fault = Stream::run(&mut out, |stream| {
            stream.write(b"head")?;
            stream.fill_sector()?;
            let fault = stream.pour(&mut &source[..], source.len() as u64)?;
            stream.fill_sector()?;
            Ok(fault)
        })
        .unwrap();
        assert!(fault.is_none());
        assert_eq!(out.len() % 2048, 0);
        assert!(out[2048..].starts_with(&source));
    }

    #[test]
    fn an_output_that_fails_ends_the_work_with_its_error() {
        let error = Stream::run(&mut Broken, |stream| stream.zeros(1 << 30)).unwrap_err();
        assert_eq!(error.to_string(), "no space");
        let error = Stream::run(&mut Broken, |stream| stream.zeros(1)).unwrap_err();
        assert_eq!(error.to_string(), "no space");
    }

    #[test]
    fn a_source_gives_exactly_what_it_promised() {
        for (promised, expected) in [(3, None), (5, Some(3)), (2, Some(2))] {
            let mut out = Vec::new();
            let fault =
                Stream::run(&mut out, |stream| stream.pour(&mut &b"abc"[..], promised)).unwrap();
            assert_eq!(out.len() as u64, promised);
            assert_eq!(fault.map(|(delivered, _)| delivered), expected);
        }
    }
}
