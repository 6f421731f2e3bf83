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
/// have been written. Gives what `produce` gives, and whether all that was written out meanwhile arrived: the system
/// tells of a failure once, and a later sync of the same file knows nothing of it.
pub(super) fn write_out<T>(
    file: &File,
    base: u64,
    progress: &(dyn Fn(u64) + Sync),
    produce: impl FnOnce(&mut (dyn Write + Send)) -> T,
) -> (T, io::Result<()>) {
    let (tick, ticks) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        let syncing = scope.spawn(move || {
            let mut arrived = Ok(());
            while ticks.recv().is_ok() {
                arrived = arrived.and(file.sync_data());
            }
            arrived
        });
        let produced = produce(&mut Output {
            file,
            base,
            done: 0,
            asked: 0,
            progress,
            tick,
        });
        let arrived = syncing.join();
        (
            produced,
            arrived.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())),
        )
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sync_that_fails_on_the_way_is_not_forgotten() {
        // Takes every byte, and cannot be synced.
        let file = File::options().write(true).open("/dev/null").unwrap();
        let block = vec![0; 1 << 20];
        for (blocks, arrives) in [(1, true), (65, false)] {
            let (written, arrived) = write_out(&file, 0, &|_| {}, |out| {
                (0..blocks).try_for_each(|_| out.write_all(&block))
            });
            written.unwrap();
            assert_eq!(arrived.is_ok(), arrives, "{blocks} MiB");
        }
    }
}
