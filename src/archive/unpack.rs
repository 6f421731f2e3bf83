//! Unpacking in a thread ahead of whoever reads.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Compression;

/// Bytes handed over at once.
const CHUNK: usize = 256 << 10;
/// Chunks that may lie ready.
const AHEAD: usize = 8;

/// Unpacks `packed` in a thread and gives `work` a reader of what comes out. Several gzip members, bzip2
/// streams and zstd frames in a row are one stream. What `work` does not read is not unpacked.
pub fn unpack<T>(
    way: Compression,
    packed: impl Read + Send,
    work: impl FnOnce(&mut dyn Read) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            match decoder(way, packed) {
                Ok(mut decoder) => pump(&mut decoder, &sender),
                // Nobody listens any more: nobody wants to know.
                Err(error) => drop(sender.send(Err(error))),
            }
        });
        work(&mut Chunks {
            receiver,
            chunk: Vec::new(),
            at: 0,
        })
    })
}

fn decoder<'a>(way: Compression, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let packed = io::BufReader::with_capacity(CHUNK, packed);
    Ok(match way {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
    })
}

/// Sends all of `from`, its end as an empty chunk, or its error.
fn pump(from: &mut dyn Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let mut filled = 0;
        let fault = loop {
            match from.read(&mut chunk[filled..]) {
                Ok(0) => break None,
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
            if filled == CHUNK {
                break None;
            }
        };
        chunk.truncate(filled);
        let ended = filled == 0;
        if to.send(Ok(chunk)).is_err() {
            return;
        }
        if let Some(error) = fault {
            drop(to.send(Err(error)));
            return;
        }
        if ended {
            return;
        }
    }
}

/// The reading end.
struct Chunks {
    receiver: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            // A closed channel: the end or the error was given before.
            self.chunk = self.receiver.recv().unwrap_or(Ok(Vec::new()))?;
            self.at = 0;
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..][..count]);
        self.at += count;
        Ok(count)
    }
}
