//! Faults to order.

use std::time::Duration;

use crate::sense::{self, Sense};

/// What a close that fails has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedClose {
    /// The session is closed all the same: a false alarm.
    Closed,
    /// It is not.
    Open,
}

/// What goes wrong, and where.
#[derive(Debug, Default)]
pub struct Faults {
    /// Writing this sector fails, once.
    pub write: Option<u32>,
    /// Reading these fails: first sector, count.
    pub read: Vec<(u32, u32)>,
    /// The next close fails.
    pub close: Option<FailedClose>,
    /// Writing this sector takes that long, once.
    pub stall: Option<(u32, Duration)>,
    /// Commands that the drive does not know.
    pub unknown: Vec<u8>,
    /// GET CONFIGURATION tells little.
    pub poor: bool,
    /// A closed disc calls itself one that is only read.
    pub closed_is_rom: bool,
    /// Sectors at a track's end that are counted and cannot be read.
    pub link_blocks: u32,
}

impl Faults {
    /// Fails or delays a write.
    pub fn check_write(&mut self, first: u32, count: u32) -> Result<(), Sense> {
        let range = first..first.saturating_add(count);
        if let Some((at, time)) = self.stall
            && range.contains(&at)
        {
            self.stall = None;
            std::thread::sleep(time);
        }
        match self.write {
            Some(at) if range.contains(&at) => {
                self.write = None;
                Err(sense::WRITE_ERROR.about(at))
            }
            _ => Ok(()),
        }
    }

    /// Fails a read.
    pub fn check_read(&self, first: u32, count: u32) -> Result<(), Sense> {
        let end = first.saturating_add(count);
        let bad = |(at, length): &(u32, u32)| first < at.saturating_add(*length) && *at < end;
        match self.read.iter().filter(|range| bad(range)).min() {
            Some((at, _)) => Err(sense::READ_ERROR.about(first.max(*at))),
            None => Ok(()),
        }
    }
}
