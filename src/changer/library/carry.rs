//! The robot at work: discs into drives and back.

use std::collections::BTreeSet;

use super::{Inner, Library};
use crate::changer::inventory::Place;
use crate::changer::{ChangerError, Loaded};
use crate::event::Tell as _;
use crate::media::{Drive as _, Treatment};

impl Library<'_> {
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

    /// Empties every drive with which nobody works.
    pub fn clear_drives(&self) -> Result<(), ChangerError> {
        let all = self.setup.bays.iter().map(|bay| bay.number).collect();
        self.put_back_all(&all)
    }

    /// Puts back what is in `drives`, but for discs with which somebody works. Every one is tried.
    pub fn put_back_all(&self, drives: &BTreeSet<u32>) -> Result<(), ChangerError> {
        let mut failed = None;
        for &drive in drives {
            let mut inner = self.inner();
            let is_full = inner.status.drives.get(&drive).is_some_and(Option::is_some);
            if is_full && !inner.busy.contains(&drive) {
                failed = self.carry_back(&mut inner, drive, None).err().or(failed);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
