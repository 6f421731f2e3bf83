//! A changer at work: its discs are carried, looked at, and remembered.
//!
//! Every method holds the one robot for as long as it takes; burning and reading happen outside. The inventory is
//! written after each step that changed something.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::inventory::{Entry, FILE_NAME, Inventory, Place, State};
use super::pick::{self, Pick, Want};
use super::reconcile::reconcile;
use super::status::Status;
use super::{ChangerError, Loaded, Setup};
use crate::clock::Clock;
use crate::event::{Monitor, Tell as _, printable_bytes};
use crate::lock::Lock;
use crate::media::{self, Appendable, Burn, Drive, SECTOR, Treatment};
use crate::process::Runner;
use crate::units::{AbsPath, Day, Ids};

/// The lock in the working directory.
const LOCK: &str = "changer.lock";
/// How often a drive is asked whether it sees the disc that was carried into it, a second apart.
const ASKED: u32 = 60;

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

/// What was seen on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    state: State,
    label: Option<String>,
    disc: Option<String>,
    free: u64,
    written: Option<Day>,
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
                aside.display()
            ));
        }
        let library = Self {
            setup,
            around,
            path,
            inner: Mutex::new(Inner {
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

    fn refresh(&self, inner: &mut Inner) -> Result<(), ChangerError> {
        let status = self.setup.robot.status(self.around.runner)?;
        let before = inner.inventory.clone();
        bring_up_to_date(self.setup, &mut inner.inventory, &status);
        inner.status = status;
        if inner.inventory == before {
            return Ok(());
        }
        self.save(inner)
    }

    fn save(&self, inner: &Inner) -> Result<(), ChangerError> {
        inner.inventory.save(&self.path, self.around.ids)
    }

    /// Changes what is remembered of a disc.
    fn change(&self, disc: usize, change: impl FnOnce(&mut Entry)) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        change(&mut inner.inventory.discs[disc]);
        self.save(&inner)
    }

    /// The next disc, which is the caller's alone until [`Library::release`].
    pub(super) fn claim(&self, want: Want, copy: u32) -> Result<Pick, ChangerError> {
        let mut inner = self.inner();
        let taken = inner.taken.clone();
        let discs = &mut inner.inventory.discs;
        let is_open = |at: usize, disc: &Entry| {
            disc.is_here() && disc.state == State::Unknown && !taken.contains(&at)
        };
        let unknown = discs.iter().enumerate().any(|(at, disc)| is_open(at, disc));
        if want == Want::Any || (want == Want::Current && !unknown) {
            pick::settle(discs, self.setup.copies.get());
        }
        let picked = pick::pick(discs, want, copy, &taken);
        if let Pick::Take(at) | Pick::Look(at) = picked {
            inner.taken.insert(at);
        }
        self.save(&inner)?;
        Ok(picked)
    }

    /// The caller is done with `disc`, and with the drive that it is in.
    pub(super) fn release(&self, disc: usize) {
        let mut inner = self.inner();
        inner.taken.remove(&disc);
        if let Place::Drive(drive) = inner.inventory.discs[disc].place {
            inner.busy.remove(&drive);
        }
    }

    /// Carries `disc` into a drive: into `wanted`, or one that is free. It stays where it is if it is in a drive already.
    /// The drive is the caller's until [`Library::put_back`], or until its disc is released.
    pub fn load(&self, disc: usize, wanted: Option<u32>) -> Result<Loaded, ChangerError> {
        let mut inner = self.inner();
        let entry = inner.inventory.discs[disc].clone();
        let slot = match (entry.place, entry.slot) {
            (Place::Drive(drive), _) if wanted.is_none_or(|wanted| wanted == drive) => {
                if inner.busy.contains(&drive) {
                    return Err(ChangerError::NoFreeDrive);
                }
                let loaded = self.drive(drive)?;
                inner.busy.insert(drive);
                return Ok(loaded);
            }
            (Place::Drive(drive), _) => {
                self.carry_back(&mut inner, drive, None)?;
                match inner.inventory.discs[disc].slot {
                    Some(slot) => slot,
                    None => return Err(ChangerError::NotHere(entry.name())),
                }
            }
            (Place::Slot, Some(slot)) => slot,
            _ => return Err(ChangerError::NotHere(entry.name())),
        };
        let drive = self.free_drive(&mut inner, wanted)?;
        self.around.monitor.note(format!(
            "the changer carries the disc {} into drive {drive}",
            entry.name()
        ));
        let carried = self.setup.robot.load(self.around.runner, slot, drive);
        if carried.is_ok() {
            // For changers that do not say from where the disc in a drive came.
            inner.inventory.discs[disc].place = Place::Drive(drive);
        }
        let refreshed = self.refresh(&mut inner);
        carried?;
        refreshed?;
        if inner.inventory.discs[disc].place == Place::Drive(drive) {
            let loaded = self.drive(drive)?;
            inner.busy.insert(drive);
            return Ok(loaded);
        }
        let discs = &inner.inventory.discs;
        let found = discs.iter().find(|disc| disc.place == Place::Drive(drive));
        Err(match found {
            None => ChangerError::NotArrived { slot, drive },
            Some(found) => ChangerError::WrongDisc {
                slot,
                drive,
                expected: entry.name(),
                found: found.name(),
            },
        })
    }

    fn drive(&self, number: u32) -> Result<Loaded, ChangerError> {
        let bay = self
            .setup
            .bay(number)
            .ok_or(ChangerError::NoDrive(number))?;
        Ok(Loaded::new((self.around.drives)(&bay.device), number))
    }

    /// An empty drive; one that has a disc in it with which nobody works is emptied.
    fn free_drive(&self, inner: &mut Inner, wanted: Option<u32>) -> Result<u32, ChangerError> {
        let is_there = |number: u32| inner.status.drives.contains_key(&number);
        let bays = self.setup.bays.iter().map(|bay| bay.number);
        let open: Vec<u32> = bays
            .filter(|&number| wanted.is_none_or(|wanted| wanted == number))
            .filter(|number| !inner.busy.contains(number) && is_there(*number))
            .collect();
        let holds = |number: &u32| inner.status.drives.get(number).is_some_and(Option::is_some);
        if let Some(&empty) = open.iter().find(|number| !holds(number)) {
            return Ok(empty);
        }
        let Some(&full) = open.first() else {
            let number = wanted.or_else(|| Some(self.setup.bays.first()?.number));
            return Err(match number {
                Some(number) if !is_there(number) => ChangerError::NoDrive(number),
                _ => ChangerError::NoFreeDrive,
            });
        };
        self.carry_back(inner, full, None)?;
        Ok(full)
    }

    /// Carries the disc in `drive` back to its slot, or to another one that is empty; gives the slot.
    pub fn put_back(&self, drive: u32) -> Result<u32, ChangerError> {
        self.put_into(drive, None)
    }

    /// Carries the disc in `drive` into `slot`; without one, as [`Library::put_back`] does.
    pub fn put_into(&self, drive: u32, slot: Option<u32>) -> Result<u32, ChangerError> {
        let mut inner = self.inner();
        inner.busy.remove(&drive);
        self.carry_back(&mut inner, drive, slot)
    }

    fn carry_back(
        &self,
        inner: &mut Inner,
        drive: u32,
        wanted: Option<u32>,
    ) -> Result<u32, ChangerError> {
        let loaded = self.drive(drive)?;
        if !inner.status.drives.get(&drive).is_some_and(Option::is_some) {
            return Err(ChangerError::DriveEmpty(drive));
        }
        let discs = &inner.inventory.discs;
        let disc = discs
            .iter()
            .position(|disc| disc.place == Place::Drive(drive));
        let own = disc.and_then(|disc| inner.inventory.discs[disc].slot);
        let slot = match wanted {
            Some(slot) => match inner.status.slots.get(&slot) {
                Some(there) if there.held.is_some() => return Err(ChangerError::SlotFull(slot)),
                Some(_) => slot,
                None => return Err(ChangerError::NoSlot(slot)),
            },
            None => self
                .empty_slot(inner, own)
                .ok_or(ChangerError::NoEmptySlot(drive))?,
        };
        let name = disc.map_or_else(
            || "in it".to_owned(),
            |disc| inner.inventory.discs[disc].name(),
        );
        self.around.monitor.note(format!(
            "the changer carries the disc {name} from drive {drive} into slot {slot}"
        ));
        let robot = &self.setup.robot;
        let mut carried = robot.unload(self.around.runner, slot, drive);
        if carried.is_err() && loaded.treat(Treatment::Eject, self.around.monitor).is_ok() {
            // Many drives hold on to their disc until they are told to let go.
            carried = robot.unload(self.around.runner, slot, drive);
        }
        if carried.is_ok()
            && let Some(disc) = disc
        {
            inner.inventory.discs[disc].place = Place::Slot;
            inner.inventory.discs[disc].slot = Some(slot);
        }
        let refreshed = self.refresh(inner);
        carried?;
        refreshed?;
        if inner.status.drives.get(&drive).is_some_and(Option::is_some) {
            return Err(ChangerError::NotLeft(drive));
        }
        Ok(slot)
    }

    /// An empty slot: `own` if it is one, else the first of ours. Slots that belong to discs in drives come last.
    fn empty_slot(&self, inner: &Inner, own: Option<u32>) -> Option<u32> {
        let slots = &inner.status.slots;
        let is_empty = |number: &u32| {
            slots
                .get(number)
                .is_some_and(|slot| slot.held.is_none() && self.setup.has(*number, slot))
        };
        if let Some(own) = own.filter(is_empty) {
            return Some(own);
        }
        let discs = &inner.inventory.discs;
        let in_drives: BTreeSet<u32> = discs
            .iter()
            .filter(|disc| matches!(disc.place, Place::Drive(_)))
            .filter_map(|disc| disc.slot)
            .collect();
        let mut empty: Vec<u32> = slots
            .keys()
            .copied()
            .filter(|number| is_empty(number))
            .collect();
        empty.sort_by_key(|number| {
            (
                self.setup.reject_slot == Some(*number),
                in_drives.contains(number),
                *number,
            )
        });
        empty.first().copied()
    }

    /// The drives of ours in which there is a disc with which nobody works.
    pub fn idle_drives(&self) -> Vec<u32> {
        let inner = self.inner();
        let bays = self.setup.bays.iter().map(|bay| bay.number);
        bays.filter(|number| !inner.busy.contains(number))
            .filter(|number| inner.status.drives.get(number).is_some_and(Option::is_some))
            .collect()
    }

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
    pub(super) fn use_for(&self, disc: usize, copy: u32) -> Result<(), ChangerError> {
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
    pub(super) fn close(&self, disc: usize, state: State) -> Result<(), ChangerError> {
        self.change(disc, |entry| entry.state = state)
    }

    /// Remembers that `disc` is bad, and why; then carries it to where bad discs go.
    pub(super) fn reject(&self, disc: usize, drive: u32, why: &str) -> Result<u32, ChangerError> {
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

    /// What there is and what there is not, for somebody who needs a blank disc.
    pub(super) fn shortage(&self) -> String {
        let inner = self.inner();
        let count = |state: State| {
            let discs = inner.inventory.discs.iter();
            let some = discs.filter(|disc| disc.is_here() && disc.state == state);
            match some.count() {
                0 => None,
                number => Some(format!("{number} {}", state.word())),
            }
        };
        let states = [State::InUse, State::Full, State::Bad, State::Foreign];
        let there: Vec<String> = states.into_iter().filter_map(count).collect();
        let is_empty = |(number, slot): &(&u32, &super::Slot)| {
            slot.held.is_none() && self.setup.has(**number, slot)
        };
        let slots = inner.status.slots.iter().filter(is_empty);
        let empty: Vec<String> = slots.map(|(number, _)| number.to_string()).collect();
        let there = match there.join(", ") {
            none if none.is_empty() => "no disc is in it".to_owned(),
            there => format!("its discs are: {there}"),
        };
        match empty.join(", ") {
            none if none.is_empty() => {
                format!("{there}; no slot is empty, so take a disc out first")
            }
            empty => format!("{there}; empty slots: {empty}"),
        }
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
