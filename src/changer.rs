//! A changer: slots with discs, drives, and a robot that carries discs between them.
//!
//! The changer's own word counts for where something lies; the inventory remembers what cannot be seen from outside:
//! labels, and which discs are blank, in use, full, bad, or somebody else's. Both are reconciled at the start of every
//! run, and the inventory is written durably after each move and each look, so that a run that dies anywhere leaves
//! nothing that the next one does not find out. Before anything is written onto a disc it is read, and has to be the one
//! that is remembered.
//!
//! Hidden here: the words of `mtx` and of a site's own program, how a disc is found again, which disc is next, and
//! what becomes of one that fails.

mod error;
mod inventory;
mod library;
mod loaded;
mod medium;
mod mtx;
mod pick;
mod program;
mod reconcile;
mod robot;
mod slots;
mod status;
mod tagged;
mod writing;

use std::num::NonZeroU32;

use crate::units::AbsPath;

pub use error::ChangerError;
pub use inventory::{Entry, FILE_NAME, Inventory, Place, State};
pub use library::{Contents, Library, Seen, Surroundings};
pub use loaded::Loaded;
pub use medium::{Counter, DiscInChanger, Wishes};
pub use pick::{Pick, Want, pick_for};
pub use slots::{Slots, SlotsError};
pub use status::{Held, Port, Slot, Status};
pub use tagged::Tagged;
pub use writing::{Fresh, Trouble, Verdict, is_of_disc, write};

/// Discs that fail one after the other before the drive is suspected.
pub const BAD_IN_A_ROW: usize = 3;

/// A changer as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Who moves discs.
    pub robot: Robot,
    /// Its drives that are ours, in order of their numbers; at least one.
    pub bays: Vec<Bay>,
    /// Its slots that are ours; `None`: all but import and export slots.
    pub slots: Option<Slots>,
    /// Where bad discs go; `None`: back to where they were.
    pub reject_slot: Option<u32>,
    /// On how many discs everything is written; not more than there are drives.
    pub copies: NonZeroU32,
}

/// Who moves discs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Robot {
    /// A SCSI media changer at that device, through `mtx`.
    Mtx(AbsPath),
    /// A program of the site.
    Program(AbsPath),
}

/// A drive in a changer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bay {
    /// The changer's number for it, counted from 0.
    pub number: u32,
    /// The drive's own device, or the file that a disc is while it is in that drive.
    pub device: AbsPath,
}

impl Setup {
    /// The drive of that number.
    pub fn bay(&self, number: u32) -> Option<&Bay> {
        self.bays.iter().find(|bay| bay.number == number)
    }

    /// Whether `disc` can be had: it is in the changer, and not in a drive that is somebody else's.
    pub fn reaches(&self, disc: &Entry) -> bool {
        match disc.place {
            Place::Slot => true,
            Place::Drive(number) => self.bay(number).is_some(),
            Place::Out => false,
        }
    }

    /// Whether discs of that slot are ours.
    pub fn has(&self, number: u32, slot: &Slot) -> bool {
        match &self.slots {
            Some(slots) => slots.contains(number) || self.reject_slot == Some(number),
            None => slot.port == Port::Inside || self.reject_slot == Some(number),
        }
    }
}
