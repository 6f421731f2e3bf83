//! The drive: its tray, what it has to tell, its buffer, and the disc that is in.

mod close;
mod command;
mod faults;
mod format;
mod heard;
mod sink;
mod tray;
mod write;
mod write_cd;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::answer::modes;
use crate::disc::Disc;
use crate::sense::{self, Sense};
pub use faults::{FailedClose, Faults};
use heard::Heard;
pub use sink::Sink;

/// A drive.
pub struct Drive {
    disc: Option<Disc>,
    tray_open: bool,
    /// How often a command has opened it.
    opened: u64,
    locked: bool,
    /// What is told once, with the next command.
    attention: VecDeque<Sense>,
    /// The next media event (MMC-6 6.6).
    event: Option<u8>,
    /// Page 05h: how is written.
    write_page: [u8; 52],
    /// Something that takes long, until then.
    busy: Option<Busy>,
    /// A disc was put in, and is told of as soon as it can be used (MMC-6 6.6, the media class).
    arriving: bool,
    /// How long such a thing takes.
    pub slowness: Duration,
    /// The sectors of a CD session that was announced: the next one that must come.
    cue: Option<i64>,
    /// The reason of the last failure, for REQUEST SENSE.
    last: Sense,
    /// What was asked for.
    pub heard: Heard,
    pub sink: Sink,
    pub faults: Faults,
}

struct Busy {
    why: Sense,
    began: Instant,
    time: Duration,
}

impl Drive {
    /// An empty one with its tray closed.
    pub fn new() -> Self {
        Self {
            disc: None,
            tray_open: false,
            opened: 0,
            locked: false,
            attention: VecDeque::from([sense::RESET]),
            event: None,
            write_page: modes::write_parameters(),
            busy: None,
            arriving: false,
            slowness: Duration::from_millis(50),
            cue: None,
            last: sense::NO_SENSE,
            heard: Heard::new(),
            sink: Sink::default(),
            faults: Faults::default(),
        }
    }

    /// The disc that can be used.
    fn medium(&self) -> Result<&Disc, Sense> {
        if self.tray_open {
            return Err(sense::NO_MEDIUM_TRAY_OPEN);
        }
        self.disc.as_ref().ok_or(sense::NO_MEDIUM_TRAY_CLOSED)
    }

    fn medium_mut(&mut self) -> Result<&mut Disc, Sense> {
        if self.tray_open {
            return Err(sense::NO_MEDIUM_TRAY_OPEN);
        }
        self.disc.as_mut().ok_or(sense::NO_MEDIUM_TRAY_CLOSED)
    }

    /// Whether sessions can follow the one that is written (page 05h, multi-session).
    fn is_multi(&self) -> bool {
        self.write_page[3] >> 6 == 3
    }

    /// 0 incremental, 1 track at once, 2 session or disc at once (page 05h, write type).
    fn write_type(&self) -> u8 {
        self.write_page[2] & 0x0f
    }

    /// Refuses while something takes its time.
    fn ready(&mut self) -> Result<(), Sense> {
        let Some(busy) = &self.busy else {
            return Ok(());
        };
        let elapsed = busy.began.elapsed();
        if elapsed >= busy.time {
            self.busy = None;
            if std::mem::take(&mut self.arriving) {
                self.has_arrived();
            }
            return Ok(());
        }
        let part = elapsed.as_micros() * 65_535 / busy.time.as_micros().max(1);
        Err(busy.why.at(part as u16))
    }

    /// Something takes long: the command ends at once if it shall, and otherwise with it.
    fn take_time(&mut self, why: Sense, immediate: bool) {
        if immediate {
            self.busy = Some(Busy {
                why,
                began: Instant::now(),
                time: self.slowness,
            });
        } else {
            std::thread::sleep(self.slowness);
        }
    }

    fn save(&self) -> Result<(), Sense> {
        let Some(disc) = &self.disc else {
            return Ok(());
        };
        disc.save().map_err(|_| sense::WRITE_ERROR)
    }
}
