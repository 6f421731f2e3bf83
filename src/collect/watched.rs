//! A reader that tells how far it has come.

use std::io::{self, Read};

use crate::event::{Event, Monitor, Progress};

/// Bytes between two tellings.
const STRIDE: u64 = 4 << 20;

/// Tells the monitor after every few megabytes, so that a single large file does not look like a standstill.
pub(super) struct Watched<'a, R> {
    inner: R,
    monitor: &'a dyn Monitor,
    progress: Progress<'a>,
    untold: u64,
}

impl<'a, R: Read> Watched<'a, R> {
    /// `inner`, which begins at `progress`.
    pub fn new(inner: R, monitor: &'a dyn Monitor, progress: Progress<'a>) -> Self {
        Self {
            inner,
            monitor,
            progress,
            untold: 0,
        }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.progress.done += got as u64;
        self.untold += got as u64;
        if self.untold >= STRIDE {
            self.untold = 0;
            self.monitor.observe(&Event::Progress(self.progress));
        }
        Ok(got)
    }
}
