//! Where an image's bytes go: to their place in the file, and on to the disk all the while.
//!
//! The image hands its blocks to a thread of its own, so reading and writing go on at the same time.

use std::fs::File;
use std::io::{self, Write};

use crate::fsx::LongWriter;

/// Runs `produce` with a writer that writes into `file` from byte `base` on. `progress` is told how many bytes
/// have been taken. Gives what `produce` gives, and whether all that it wrote arrived.
pub(super) fn write_out<T>(
    file: &File,
    base: u64,
    progress: &(dyn Fn(u64) + Sync),
    produce: impl FnOnce(&mut (dyn Write + Send)) -> T,
) -> (T, io::Result<()>) {
    let mut output = Output {
        file,
        done: 0,
        progress,
        long: LongWriter::new(base),
    };
    let produced = produce(&mut output);
    (produced, output.long.finish(file))
}

struct Output<'a> {
    file: &'a File,
    done: u64,
    progress: &'a (dyn Fn(u64) + Sync),
    long: LongWriter,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.long.write_all(self.file, bytes)?;
        self.done += bytes.len() as u64;
        (self.progress)(self.done);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
