//! Many small files become durable with one sync, by a thread of its own, while more arrive.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// The thread.
pub(super) struct Settler {
    orders: Sender<()>,
    outcomes: Receiver<io::Result<()>>,
}

impl Settler {
    /// Begins to sync the file system of `dir` whenever it is told to.
    pub(super) fn start(dir: Arc<File>) -> io::Result<Self> {
        let (orders, given) = channel();
        let (told, outcomes) = channel();
        let work = move || {
            while let Ok(()) = given.recv() {
                if told.send(settle(&dir)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("settle".to_owned())
            .spawn(work)?;
        Ok(Self { orders, outcomes })
    }

    /// Lets it make durable what was written until now.
    pub(super) fn settle(&self) {
        // If it has gone, there will be no outcome, and that is seen.
        let _ = self.orders.send(());
    }

    /// Waits for the outcome of the first order that none was asked for yet.
    pub(super) fn settled(&self) -> io::Result<()> {
        let gone = |_| Err(io::Error::other("the thread that settles files ended"));
        self.outcomes.recv().unwrap_or_else(gone)
    }
}

/// Syncs the file system of `dir`.
pub(super) fn settle(dir: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(dir)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustix::fs::{Mode, OFlags};

    use super::*;

    #[test]
    fn every_order_has_its_outcome() {
        let dir = tempfile::tempdir().unwrap();
        let settler = Settler::start(Arc::new(File::open(dir.path()).unwrap())).unwrap();
        settler.settle();
        settler.settle();
        for _ in 0..2 {
            settler.settled().unwrap();
        }
        // A handle that only names a place cannot be synced.
        let place = rustix::fs::open(dir.path(), OFlags::PATH, Mode::empty()).unwrap();
        let settler = Settler::start(Arc::new(place.into())).unwrap();
        settler.settle();
        settler.settled().unwrap_err();
    }
}
