//! What is known of the discs: what is seen on them, and what is remembered of it.

use std::time::Duration;

use super::{Inner, Library};
use crate::changer::inventory::{Entry, Place, State};
use crate::changer::{ChangerError, Loaded, pick};
use crate::event::{Tell as _, printable_bytes};
use crate::media::{self, Appendable, Burn, Drive as _, SECTOR};
use crate::units::Day;

/// How often a drive is asked whether it sees the disc that was carried into it, a second apart.
const ASKED: u32 = 60;

/// What was seen on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    state: State,
    label: Option<String>,
    disc: Option<String>,
    free: u64,
    written: Option<Day>,
}

impl Library<'_> {
    /// Looks at the disc in `drive`. A drive that does not see its disc yet is waited for.
    pub fn examine(&self, drive: &Loaded) -> Result<Seen, ChangerError> {
        let mut disc = drive.inspect()?;
        let mut asked = 1;
        while disc.is_none() && asked < ASKED {
            self.around.clock.sleep(Duration::from_secs(1));
            disc = drive.inspect()?;
            asked += 1;
        }
        let disc = disc.ok_or_else(|| ChangerError::NotSeen {
            drive: drive.number,
            device: drive.place().to_owned(),
        })?;
        let free = disc.available(Burn::Append) * SECTOR;
        let state = match disc.label() {
            None => State::Blank,
            Some(label) if !media::is_ours(label) => State::Foreign,
            Some(_) if disc.appendable == Appendable::Open && free > 0 => State::InUse,
            Some(_) => State::Full,
        };
        let medium = if disc.is_blank() {
            None
        } else {
            Some(drive.open()?)
        };
        Ok(Seen {
            state,
            label: disc.label().map(printable_bytes),
            disc: medium.and_then(|medium| disc.identity(&*medium)),
            free,
            written: disc.written(),
        })
    }

    /// Takes note of what was seen on `disc`, and gives its state then. A disc that is known to be bad or full stays so. If
    /// it is not the one that was remembered, that is told, and other discs without barcodes are not believed any more.
    pub fn note(&self, disc: usize, seen: &Seen) -> Result<State, ChangerError> {
        let mut inner = self.inner();
        inner.seen.insert(disc);
        let entry = inner.inventory.discs[disc].clone();
        let is_other = entry.disc.is_some() && entry.disc != seen.disc;
        if is_other {
            self.around.monitor.warn(format!(
                "another disc than the one that is remembered is in slot {}: not {}, but {}",
                entry
                    .slot
                    .map_or_else(|| "?".to_owned(), |slot| slot.to_string()),
                entry.name(),
                seen.name()
            ));
            inner.displace(disc);
        }
        inner.take_over(disc, seen);
        let today = self.around.today;
        let entry = &mut inner.inventory.discs[disc];
        entry.state = match (entry.state, seen.state) {
            (State::Bad, _) => State::Bad,
            (State::Full, State::InUse) => State::Full,
            (_, state) => state,
        };
        entry.label.clone_from(&seen.label);
        entry.disc.clone_from(&seen.disc);
        entry.free = Some(seen.free);
        entry.written = seen.written;
        entry.seen = Some(today);
        let state = entry.state;
        self.save(&inner)?;
        Ok(state)
    }

    /// Remembers that sessions of the copy `copy` go onto `disc`, and onto no other one any more.
    pub(in crate::changer) fn use_for(&self, disc: usize, copy: u32) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        for (at, entry) in inner.inventory.discs.iter_mut().enumerate() {
            if entry.state == State::InUse && at == disc {
                entry.copy = Some(copy);
            } else if entry.state == State::InUse && entry.copy == Some(copy) {
                entry.state = State::Full;
            }
        }
        self.save(&inner)
    }

    /// Remembers that nothing more is written on `disc`.
    pub(in crate::changer) fn close(&self, disc: usize, state: State) -> Result<(), ChangerError> {
        self.change(disc, |entry| entry.state = state)
    }

    /// Remembers that `disc` is bad, and why; then carries it to where bad discs go.
    pub fn reject(&self, disc: usize, drive: u32, why: &str) -> Result<u32, ChangerError> {
        self.change(disc, |entry| {
            entry.state = State::Bad;
            entry.why = Some(why.to_owned());
        })?;
        let reject = self.setup.reject_slot.filter(|slot| {
            let inner = self.inner();
            let there = inner.status.slots.get(slot);
            there.is_some_and(|slot| slot.held.is_none())
        });
        self.put_into(drive, reject)
    }

    /// Forgets what is known of `disc`, so that it is looked at afresh.
    pub fn forget(&self, disc: usize) -> Result<(), ChangerError> {
        self.change(disc, |entry| {
            *entry = Entry::unknown(entry.slot, entry.place, entry.barcode.take());
        })
    }

    /// Of the discs in use, the newest for each copy stay so.
    pub fn settle(&self) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        pick::settle(&mut inner.inventory.discs, self.setup.copies.get());
        self.save(&inner)
    }
}

impl Inner {
    /// The disc that was remembered at the place of `disc` is not there: it is out, as far as anybody knows.
    fn displace(&mut self, disc: usize) {
        let entry = &self.inventory.discs[disc];
        let fresh = Entry::unknown(entry.slot, entry.place, entry.barcode.clone());
        let mut gone = std::mem::replace(&mut self.inventory.discs[disc], fresh);
        gone.place = Place::Out;
        let had_barcode = gone.barcode.take().is_some();
        self.inventory.discs.push(gone);
        if had_barcode {
            return;
        }
        // Somebody has filled the slots anew.
        for (at, other) in self.inventory.discs.iter_mut().enumerate() {
            let is_suspect = other.is_here()
                && other.barcode.is_none()
                && other.state != State::Bad
                && at != disc
                && !self.seen.contains(&at)
                && !self.taken.contains(&at);
            if is_suspect {
                *other = Entry::unknown(other.slot, other.place, None);
            }
        }
    }

    /// A disc that was out and is the one that was `seen` now is in its place again.
    fn take_over(&mut self, disc: usize, seen: &Seen) {
        let discs = &mut self.inventory.discs;
        let Some(identity) = &seen.disc else { return };
        if discs[disc].disc.is_some() {
            return;
        }
        let back = (0..discs.len())
            .find(|&at| discs[at].place == Place::Out && discs[at].disc.as_ref() == Some(identity));
        let Some(back) = back else { return };
        let nobody = Entry::unknown(None, Place::Out, None);
        let known = std::mem::replace(&mut discs[back], nobody);
        let here = &mut discs[disc];
        here.copy = known.copy;
        here.why = known.why;
        here.disc = known.disc;
        if known.state != State::Unknown {
            here.state = known.state;
        }
    }
}

impl Seen {
    /// What it is, in words.
    pub fn name(&self) -> String {
        match &self.label {
            Some(label) => format!("`{label}`"),
            None => "a blank one".to_owned(),
        }
    }

    /// What it is good for.
    pub fn state(&self) -> State {
        self.state
    }
}
