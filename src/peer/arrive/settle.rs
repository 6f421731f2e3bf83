//! Many small files become durable with one sync, and are read back.
//!
//! A thread of its own does that, while more arrive. The files' pages are let go of, so that it is the device that is
//! read; a device is asked for the next files before the first one's answer has come.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::fs::{Advice, Mode, OFlags, fadvise};

use crate::fsx;
use crate::sums::{Digest, Hasher};

/// Files that the device is asked for at the same time.
const ASKED: usize = 32;
/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Names and sizes.
type Batch = Vec<(OsString, u64)>;
/// What became of each file of a batch, in its order. The outer error is that of the sync.
type Outcome = io::Result<Vec<io::Result<Digest>>>;

/// The thread.
pub(super) struct Settler {
    batches: Sender<Batch>,
    outcomes: Receiver<Outcome>,
}

impl Settler {
    /// Begins to settle files of `dir`.
    pub(super) fn start(dir: Arc<File>) -> io::Result<Self> {
        let (batches, given) = channel::<Batch>();
        let (told, outcomes) = channel();
        let work = move || {
            while let Ok(batch) = given.recv() {
                if told.send(settle(&dir, &batch)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("settle".to_owned())
            .spawn(work)?;
        Ok(Self { batches, outcomes })
    }

    /// Gives it a batch to settle.
    pub(super) fn settle(&self, batch: Batch) {
        // If it has gone, there will be no outcome, and that is seen.
        let _ = self.batches.send(batch);
    }

    /// Waits for the outcome of the first batch that none was asked for yet.
    pub(super) fn settled(&self) -> Outcome {
        let gone = |_| Err(io::Error::other("the thread that settles files ended"));
        self.outcomes.recv().unwrap_or_else(gone)
    }
}

/// Syncs the file system of `dir`, and reads back each file of the batch.
pub(super) fn settle(dir: &File, batch: &[(OsString, u64)]) -> Outcome {
    rustix::fs::syncfs(dir)?;
    let mut buffer = Vec::new();
    let mut asked = VecDeque::new();
    let mut read = Vec::with_capacity(batch.len());
    for (name, bytes) in batch {
        if asked.len() == ASKED {
            read.extend(asked.pop_front().map(|file| digest(file, &mut buffer)));
        }
        let file = fsx::open_in(dir, name, OFlags::RDONLY, Mode::empty()).inspect(|file| {
            let _ = fadvise(file, 0, None, Advice::DontNeed);
            if asked.len() + 1 < batch.len() {
                let _ = fadvise(file, 0, None, Advice::WillNeed);
            }
        });
        asked.push_back((file, *bytes));
    }
    read.extend(asked.into_iter().map(|file| digest(file, &mut buffer)));
    Ok(read)
}

/// The digest of the whole file, which is expected to have so many bytes.
fn digest((file, bytes): (io::Result<File>, u64), buffer: &mut Vec<u8>) -> io::Result<Digest> {
    let file = file?;
    // One more, so that the end shows with the last bytes.
    let most = usize::try_from(bytes).map_or(PIECE, |bytes| (bytes + 1).min(PIECE));
    if buffer.len() < most {
        buffer.resize(most, 0);
    }
    let mut hasher = Hasher::default();
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer[..most], at) {
            Ok(got) => {
                hasher.update(&buffer[..got]);
                at += got as u64;
                if got == 0 || (got < most && at == bytes) {
                    return Ok(hasher.finish());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn each_file_of_a_batch_is_read_to_its_end_whatever_size_was_expected() {
        let dir = tempfile::tempdir().unwrap();
        let mut batch = Vec::new();
        let mut wanted = Vec::new();
        for number in 0..100_usize {
            let name = OsString::from(number.to_string());
            let bytes = match number {
                7 => PIECE - 1,
                8 => PIECE,
                9 => PIECE + 1,
                10 => 3 * PIECE,
                _ => number,
            };
            let content = vec![u8::try_from(number).unwrap(); bytes];
            fs::write(dir.path().join(&name), &content).unwrap();
            // Shorter and longer than it is.
            let expected = match number {
                20..30 => bytes - 1,
                30..40 => bytes + 1,
                _ => bytes,
            };
            batch.push((name, expected as u64));
            wanted.push(Digest::of(&content));
        }
        batch.push(("absent".into(), 1));
        let dir = Arc::new(File::open(dir.path()).unwrap());
        let settler = Settler::start(Arc::clone(&dir)).unwrap();
        settler.settle(batch.clone());
        settler.settle(batch[..1].to_vec());
        let mut read = settler.settled().unwrap();
        assert!(read.pop().unwrap().is_err());
        let read: Vec<Digest> = read.into_iter().map(Result::unwrap).collect();
        assert_eq!(read, wanted);
        assert_eq!(settler.settled().unwrap().len(), 1);
    }
}
