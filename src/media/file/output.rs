//! Where an image's bytes go: to their place in the file, and on to the disk all the while.
//!
//! The image hands its blocks to a thread of its own, so reading and writing go on at the same time. Left
//! alone, the system gathers gigabytes in memory, and the disk idles until the last sync; another thread
//! keeps it busy.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{SyncSender, sync_channel};

/// How many bytes are written before the system is asked again to write them out.
const WRITE_OUT: u64 = 64 << 20;

/// Runs `produce` with a writer that writes into `file` from byte `base` on. `progress` is told how many bytes
/// have been written.
pub(super) fn write_out<T>(
    file: &File,
    base: u64,
    progress: &(dyn Fn(u64) + Sync),
    produce: impl FnOnce(&mut (dyn Write + Send)) -> T,
) -> T {
    let (tick, ticks) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ticks.recv().is_ok() {
                // A failure shows again in the sync that ends the burn.
                let _ = file.sync_data();
            }
        });
        produce(&mut Output {
            file,
            base,
            done: 0,
            asked: 0,
            progress,
            tick,
        })
    })
}

struct Output<'a> {
    file: &'a File,
    base: u64,
    done: u64,
    asked: u64,
    progress: &'a (dyn Fn(u64) + Sync),
    tick: SyncSender<()>,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.base + self.done)?;
        self.done += written as u64;
        (self.progress)(self.done);
        if self.done - self.asked >= WRITE_OUT {
            self.asked = self.done;
            let _ = self.tick.try_send(());
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
