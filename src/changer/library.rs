//! A changer at work: its discs are carried, looked at, and remembered.
//!
//! Every method holds the one robot for as long as it takes; burning and reading happen outside. The inventory is
//! written after each step that changed something.

mod carry;
mod known;

pub use known::Seen;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::inventory::{Entry, FILE_NAME, Inventory, Place, State};
use super::pick::{self, Pick, Want};
use super::reconcile::reconcile;
use super::status::Status;
use super::{ChangerError, Setup};
use crate::clock::Clock;
use crate::event::{Monitor, Tell as _, printable_path};
use crate::lock::Lock;
use crate::media::Drive;
use crate::process::Runner;
use crate::units::{AbsPath, Day, Ids};

/// The lock in the working directory.
const LOCK: &str = "changer.lock";

/// What a library needs and does not decide.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Who runs the robot's program.
    pub runner: &'a dyn Runner,
    /// Makes the drive at a device.
    pub drives: &'a (dyn Fn(&AbsPath) -> Box<dyn Drive> + Sync),
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
    /// The day of the run.
    pub today: Day,
    /// To whom files are given.
    pub ids: Option<Ids>,
}

/// A changer at work.
pub struct Library<'a> {
    setup: &'a Setup,
    around: Surroundings<'a>,
    path: PathBuf,
    inner: Mutex<Inner>,
    _lock: Lock,
}

struct Inner {
    inventory: Inventory,
    /// As it was written last.
    saved: Inventory,
    status: Status,
    /// Discs that somebody works with.
    taken: BTreeSet<usize>,
    /// Drives that somebody works with.
    busy: BTreeSet<u32>,
    /// Discs that were looked at by this run.
    seen: BTreeSet<usize>,
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The changer's own word.
    pub status: Status,
    /// What is remembered, brought up to date with it.
    pub discs: Vec<Entry>,
}

impl Contents {
    /// What `setup` holds, without changing anything; a damaged inventory counts as an empty one.
    pub fn look(
        setup: &Setup,
        runner: &dyn Runner,
        working_dir: &Path,
    ) -> Result<Self, ChangerError> {
        let mut inventory = Inventory::look(&working_dir.join(FILE_NAME))?.unwrap_or_default();
        let status = setup.robot.status(runner)?;
        bring_up_to_date(setup, &mut inventory, &status);
        Ok(Self {
            status,
            discs: inventory.discs,
        })
    }
}

fn bring_up_to_date(setup: &Setup, inventory: &mut Inventory, status: &Status) {
    let is_ours = |number: u32| {
        let slot = status.slots.get(&number);
        slot.is_some_and(|slot| setup.has(number, slot))
    };
    reconcile(inventory, status, &is_ours);
}

impl<'a> Library<'a> {
    /// Takes the changer for this run alone, reads the inventory in `working_dir`, and asks the changer where everything
    /// is. `holder` says to others who we are.
    pub fn open(
        setup: &'a Setup,
        around: Surroundings<'a>,
        working_dir: &Path,
        holder: &str,
    ) -> Result<Self, ChangerError> {
        let lock_path = working_dir.join(LOCK);
        let lock = Lock::take(&lock_path, holder)?;
        // The backup user takes the same lock in a run of its own.
        if let Err(error) = crate::fsx::give(&lock_path, around.ids) {
            let text = format!("the changer's lock stays root's: {error}");
            around.monitor.warn(text);
        }
        let path = working_dir.join(FILE_NAME);
        let (inventory, aside) = Inventory::read(&path)?;
        if let Some((aside, reason)) = aside {
            around.monitor.warn(format!(
                "the changer's inventory could not be used ({reason}); it is now {}, and discs are looked at again",
                printable_path(&aside)
            ));
        }
        let library = Self {
            setup,
            around,
            path,
            inner: Mutex::new(Inner {
                saved: inventory.clone(),
                inventory,
                status: Status::default(),
                taken: BTreeSet::new(),
                busy: BTreeSet::new(),
                seen: BTreeSet::new(),
            }),
            _lock: lock,
        };
        library.refresh(&mut library.inner())?;
        Ok(library)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is told.
    pub fn monitor(&self) -> &dyn Monitor {
        self.around.monitor
    }

    /// Where everything is.
    pub fn contents(&self) -> Contents {
        let inner = self.inner();
        Contents {
            status: inner.status.clone(),
            discs: inner.inventory.discs.clone(),
        }
    }

    /// How many drives there are.
    pub fn bays(&self) -> usize {
        self.setup.bays.len()
    }

    /// The disc of that index.
    pub fn disc(&self, disc: usize) -> Entry {
        self.inner().inventory.discs[disc].clone()
    }

    /// Asks the changer again where everything is. Whether anything is elsewhere than it was.
    pub fn look_again(&self) -> Result<bool, ChangerError> {
        let mut inner = self.inner();
        let before = inner.status.clone();
        self.refresh(&mut inner)?;
        Ok(inner.status != before)
    }

    /// Asks the changer where everything is. What was remembered otherwise is written, what the caller has changed, too.
    fn refresh(&self, inner: &mut Inner) -> Result<(), ChangerError> {
        let status = self.setup.robot.status(self.around.runner)?;
        bring_up_to_date(self.setup, &mut inner.inventory, &status);
        inner.status = status;
        self.save(inner)
    }

    fn save(&self, inner: &mut Inner) -> Result<(), ChangerError> {
        if inner.inventory == inner.saved {
            return Ok(());
        }
        inner.inventory.save(&self.path, self.around.ids)?;
        inner.saved = inner.inventory.clone();
        Ok(())
    }

    /// Changes what is remembered of a disc.
    fn change(&self, disc: usize, change: impl FnOnce(&mut Entry)) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        change(&mut inner.inventory.discs[disc]);
        self.save(&mut inner)
    }

    /// The next disc, which is the caller's alone until [`Library::release`].
    pub(super) fn claim(&self, want: Want, copy: u32) -> Result<Pick, ChangerError> {
        let mut inner = self.inner();
        let mut taken = inner.taken.clone();
        let discs = &mut inner.inventory.discs;
        taken.extend(pick::out_of_reach(discs, self.setup));
        let is_open =
            |at: usize, disc: &Entry| disc.state == State::Unknown && !taken.contains(&at);
        let unknown = discs.iter().enumerate().any(|(at, disc)| is_open(at, disc));
        if want == Want::Any || (want == Want::Current && !unknown) {
            pick::settle(discs, self.setup.copies.get());
        }
        let picked = pick::pick(discs, want, copy, &taken);
        if let Pick::Take(at) | Pick::Look(at) = picked {
            inner.taken.insert(at);
        }
        self.save(&mut inner)?;
        Ok(picked)
    }

    /// The caller is done with `disc`, and with the drive that it is in.
    pub fn release(&self, disc: usize) {
        let mut inner = self.inner();
        inner.taken.remove(&disc);
        if let Place::Drive(drive) = inner.inventory.discs[disc].place {
            inner.busy.remove(&drive);
        }
    }

    /// Whether `disc` can be had: see [`Setup::reaches`].
    pub fn reaches(&self, disc: &Entry) -> bool {
        self.setup.reaches(disc)
    }

    /// What there is and what there is not, for somebody who needs a blank disc.
    pub(super) fn shortage(&self) -> String {
        let inner = self.inner();
        let count = |state: State| {
            let discs = inner.inventory.discs.iter();
            let some = discs.filter(|disc| self.setup.reaches(disc) && disc.state == state);
            match some.count() {
                0 => None,
                number => Some(format!("{number} {}", state.word())),
            }
        };
        let states = [State::InUse, State::Full, State::Bad, State::Foreign];
        let there: Vec<String> = states.into_iter().filter_map(count).collect();
        // The disc in a drive goes back to where it came from.
        let is_left = |number: u32| {
            let mut discs = inner.inventory.discs.iter();
            discs.any(|disc| matches!(disc.place, Place::Drive(_)) && disc.slot == Some(number))
        };
        let is_empty = |(number, slot): &(&u32, &super::Slot)| {
            slot.held.is_none() && self.setup.has(**number, slot) && !is_left(**number)
        };
        let slots = inner.status.slots.iter().filter(is_empty);
        let empty: Vec<String> = slots.map(|(number, _)| number.to_string()).collect();
        let there = match there.join(", ") {
            none if none.is_empty() => "no disc is in it".to_owned(),
            there => format!("its discs are: {there}"),
        };
        let room = match empty.join(", ") {
            none if none.is_empty() => "no slot is empty, so take a disc out first".to_owned(),
            empty => format!("empty slots: {empty}"),
        };
        // What lies in its slot now may be another disc than the one that is remembered.
        let mut discs = inner.inventory.discs.iter();
        let may_differ = discs.any(|disc| {
            let is_known = states[1..].contains(&disc.state);
            self.setup.reaches(disc) && disc.barcode.is_none() && is_known
        });
        let hint = if may_differ {
            "; the slot of a disc that was exchanged has to be named to `cback changer scan`, since it has no barcode"
        } else {
            ""
        };
        format!("{there}; {room}{hint}")
    }
}
