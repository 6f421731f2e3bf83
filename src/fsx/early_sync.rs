//! Keeps the disk busy while a large file is written.
//!
//! Left alone, the system gathers gigabytes in memory, and the disk idles until the last sync. A thread of its own
//! syncs now and then what was written so far. The system tells of a failure once, and a later sync of the same
//! file knows nothing of it: so this thread's failures are kept, and have to be asked for.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes between two syncs.
const STRETCH: u64 = 64 << 20;

/// Syncs a file while it grows.
#[derive(Debug, Default)]
pub struct EarlySync {
    unasked: u64,
    syncing: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl EarlySync {
    /// Takes note that `bytes` more were written to `file`, always the same one.
    pub fn wrote(&mut self, file: &File, bytes: u64) {
        self.unasked += bytes;
        if self.unasked < STRETCH {
            return;
        }
        self.unasked = 0;
        if self.syncing.is_none() {
            // Without a thread the last sync does it all.
            self.syncing = begin(file).ok();
        }
        if let Some((ask, _)) = &self.syncing {
            // One that is under way takes what it finds; another one may wait.
            let _ = ask.try_send(());
        }
    }

    /// Waits for the syncs that were begun. An error means that bytes did not arrive. What was written after
    /// the last of them still has to be synced.
    pub fn finish(&mut self) -> io::Result<()> {
        let Some((ask, syncing)) = self.syncing.take() else {
            return Ok(());
        };
        drop(ask);
        syncing
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }
}

fn begin(file: &File) -> io::Result<(SyncSender<()>, JoinHandle<io::Result<()>>)> {
    let file = file.try_clone()?;
    let (ask, asked) = sync_channel::<()>(1);
    let sync = move || {
        let mut arrived = Ok(());
        while asked.recv().is_ok() {
            arrived = arrived.and(file.sync_data());
        }
        arrived
    };
    let thread = thread::Builder::new().name("sync".to_owned()).spawn(sync)?;
    Ok((ask, thread))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sync_that_fails_on_the_way_is_not_forgotten() {
        // Takes every byte, and cannot be synced.
        let file = File::options().write(true).open("/dev/null").unwrap();
        for (stretches, arrives) in [(0, true), (1, false)] {
            let mut early = EarlySync::default();
            early.wrote(&file, STRETCH - 1);
            early.wrote(&file, stretches);
            assert_eq!(early.finish().is_ok(), arrives);
            assert!(early.finish().is_ok(), "told once");
        }
    }
}
