//! Where an image's bytes go: to their place in the file, and on to the disk all the while.
//!
//! The image hands its blocks to a thread of its own, so reading and writing go on at the same time.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use crate::fsx::EarlySync;

/// Runs `produce` with a writer that writes into `file` from byte `base` on. `progress` is told how many bytes
/// have been written. Gives what `produce` gives, and whether all that was written out meanwhile arrived: the system
/// tells of a failure once, and a later sync of the same file knows nothing of it.
pub(super) fn write_out<T>(
    file: &File,
    base: u64,
    progress: &(dyn Fn(u64) + Sync),
    produce: impl FnOnce(&mut (dyn Write + Send)) -> T,
) -> (T, io::Result<()>) {
    let mut output = Output {
        file,
        base,
        done: 0,
        progress,
        early: EarlySync::default(),
    };
    let produced = produce(&mut output);
    (produced, output.early.finish())
}

struct Output<'a> {
    file: &'a File,
    base: u64,
    done: u64,
    progress: &'a (dyn Fn(u64) + Sync),
    early: EarlySync,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.base + self.done)?;
        self.done += written as u64;
        (self.progress)(self.done);
        self.early.wrote(self.file, written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
