//! Where the walk hands over what it comes across, in batches: often enough that whoever collects does not wait, seldom
//! enough that handing over costs nothing.

use std::sync::mpsc::SyncSender;

use crate::select::walk::Step;

/// Steps handed over at once, at most.
const BATCH: usize = 512;
/// Bytes of paths handed over at once, at most.
const BATCH_BYTES: usize = 128 << 10;
/// Open directories handed over at once, at most.
const BATCH_ANCHORS: usize = 4;

/// Nobody listens any more.
pub(in crate::select::walk) struct Gone;

/// The way out of the walking thread.
pub(super) struct Outlet {
    out: SyncSender<Vec<Step>>,
    batch: Vec<Step>,
    bytes: usize,
    anchors: usize,
}

impl Outlet {
    pub(super) fn new(out: SyncSender<Vec<Step>>) -> Self {
        Self {
            out,
            batch: Vec::with_capacity(BATCH),
            bytes: 0,
            anchors: 0,
        }
    }

    /// Takes `step`, whose path has so many bytes below its anchor.
    pub(super) fn take(&mut self, step: Step, bytes: usize) -> Result<(), Gone> {
        if matches!(step, Step::Found(_)) && bytes == 0 {
            self.anchors += 1;
        }
        self.batch.push(step);
        self.bytes += bytes;
        let full =
            self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES || self.anchors >= BATCH_ANCHORS;
        if full { self.flush() } else { Ok(()) }
    }

    /// Hands over what is there; nothing if there is nothing.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        (self.bytes, self.anchors) = (0, 0);
        self.out.send(batch).map_err(|_| Gone)
    }

    /// Hands over what is there, and says by an empty batch that this was all.
    pub(super) fn end(&mut self) -> Result<(), Gone> {
        self.flush()?;
        self.out.send(Vec::new()).map_err(|_| Gone)
    }
}
