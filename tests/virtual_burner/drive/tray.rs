//! The tray, by commands of the computer and by hand.

use std::io;
use std::path::Path;

use super::Drive;
use crate::disc::Disc;
use crate::sense::{self, Sense};

/// Media events.
const EJECT_REQUEST: u8 = 1;
const NEW_MEDIA: u8 = 2;
const REMOVAL: u8 = 3;

impl Drive {
    /// START STOP UNIT: opens or closes the tray.
    pub(super) fn start_stop(&mut self, power: u8) -> Result<(), Sense> {
        match power & 3 {
            2 if self.locked => Err(sense::REMOVAL_PREVENTED),
            2 => {
                self.opened += 1;
                self.open_tray();
                Ok(())
            }
            3 => {
                self.close_tray();
                Ok(())
            }
            // a drive that is stopped or spun up
            _ => self.medium().map(|_| ()),
        }
    }

    fn open_tray(&mut self) {
        if self.tray_open {
            return;
        }
        self.tray_open = true;
        self.busy = None;
        self.arriving = false;
        self.cue = None;
        self.event = Some(REMOVAL);
    }

    /// Closes it; what is on it is new to the drive.
    pub fn close_tray(&mut self) {
        if !self.tray_open {
            return;
        }
        self.tray_open = false;
        if self.disc.is_some() {
            self.arrives();
        }
    }

    fn arrives(&mut self) {
        self.arriving = true;
        self.event = None;
        self.take_time(sense::BECOMING_READY, true);
    }

    pub(super) fn has_arrived(&mut self) {
        self.attention.push_back(sense::MEDIUM_CHANGED);
        self.event = Some(NEW_MEDIA);
    }

    /// GET EVENT STATUS NOTIFICATION, media class.
    pub(super) fn media_event(&mut self) -> [u8; 4] {
        let code = self.event.take().unwrap_or(0);
        let present = self.disc.is_some() && !self.tray_open;
        [
            code,
            u8::from(present) << 1 | u8::from(self.tray_open),
            0,
            0,
        ]
    }

    /// PREVENT ALLOW MEDIUM REMOVAL.
    pub(super) fn lock(&mut self, prevent: bool) {
        self.locked = prevent;
    }

    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Somebody presses the button: a locked tray stays shut, and the computer hears of it.
    pub fn press_button(&mut self) {
        if self.locked {
            self.event = Some(EJECT_REQUEST);
        } else if self.tray_open {
            self.close_tray();
        } else {
            self.open_tray();
        }
    }

    /// Somebody lays another disc in, or none, and closes the tray.
    pub fn change(&mut self, path: Option<&Path>) -> io::Result<()> {
        if self.locked {
            return Err(io::Error::other("the tray is locked"));
        }
        // it may be the same one
        if let Some(old) = self.disc.take() {
            old.remove()?;
        }
        self.disc = path.map(Disc::insert).transpose()?;
        self.tray_open = false;
        self.cue = None;
        self.busy = None;
        self.arriving = false;
        match self.disc {
            Some(_) => self.arrives(),
            None => self.event = Some(REMOVAL),
        }
        Ok(())
    }

    /// The current goes away and comes back.
    pub fn lose_power(&mut self) -> io::Result<()> {
        self.locked = false;
        self.cue = None;
        self.busy = None;
        self.write_page = crate::answer::modes::write_parameters();
        if let Some(disc) = &mut self.disc {
            disc.power_was_lost();
            disc.save()?;
        }
        self.attention.push_back(sense::RESET);
        Ok(())
    }

    /// What is in, for whoever asks by hand.
    pub fn describe(&self) -> String {
        let disc = match &self.disc {
            Some(disc) => format!("{} {}", disc.kind.word(), disc.path().display()),
            None => "empty".to_owned(),
        };
        let tray = if self.tray_open { "open" } else { "closed" };
        let lock = if self.locked { "locked" } else { "unlocked" };
        format!(
            "{disc}\ntray {tray} {lock}\nopened {}\nempty-buffer {}\n",
            self.opened,
            self.sink.times_empty()
        )
    }
}
