//! The drive's buffer: filled by the computer, emptied by the laser.

use std::time::{Duration, Instant};

/// Bytes of the buffer.
pub const BUFFER: u64 = 4 << 20;

/// A buffer that empties at a rate; without one at once.
#[derive(Debug, Default)]
pub struct Sink {
    /// Bytes a second.
    pub rate: Option<u64>,
    fill: u64,
    since: Option<Instant>,
    times_empty: u64,
}

impl Sink {
    /// Takes bytes, and waits for room.
    pub fn take(&mut self, bytes: u64, parts: u64) {
        let Some(rate) = self.rate.map(|rate| (rate / parts.max(1)).max(1)) else {
            return;
        };
        let was = self.fill;
        self.drain(rate);
        if was > 0 && self.fill == 0 {
            self.times_empty += 1;
        }
        let too_many = (self.fill + bytes).saturating_sub(BUFFER);
        if too_many > 0 {
            std::thread::sleep(Duration::from_secs_f64(too_many as f64 / rate as f64));
            self.drain(rate);
        }
        self.fill += bytes;
    }

    fn drain(&mut self, rate: u64) {
        let now = Instant::now();
        let since = self.since.replace(now).unwrap_or(now);
        let gone = (now - since).as_secs_f64() * rate as f64;
        self.fill = self.fill.saturating_sub(gone as u64);
    }

    /// Waits until everything is on the disc.
    pub fn flush(&mut self) {
        if let Some(rate) = self.rate {
            self.drain(rate);
            std::thread::sleep(Duration::from_secs_f64(self.fill as f64 / rate as f64));
        }
        self.fill = 0;
        self.since = None;
    }

    /// Bytes that are free.
    pub fn room(&mut self) -> u64 {
        if let Some(rate) = self.rate {
            self.drain(rate);
        }
        BUFFER.saturating_sub(self.fill)
    }

    /// How often it was empty while a track was being written.
    pub fn times_empty(&self) -> u64 {
        self.times_empty
    }
}
