//! From what somebody wants back to files on the disk: a wish becomes a [`Recipe`], and the recipe becomes files.
//!
//! - A [`Shelf`] is where days of backups lie: the staging directory, a disc.
//! - The latest manifest of a source that is not after the wanted day says what there was, and which archives
//!   have it. What was deleted before is not in it, so it is not restored.
//! - Each archive is read once. It and the manifest have the same order, so neither is held in memory.
//! - Each file's digest is checked while it is written; what differs is looked for in another copy of the
//!   archive, and if there is none, it is kept under a name that ends in `.damaged` and reported.
//! - Everything about a file but its digest comes from the archive, which has its attributes; what an archive
//!   cannot give any more, but the manifest says (directories, links, devices), comes from there.
//! - Archives without manifests, by Cedar Backup, are read from the latest back to the start of the week, and
//!   what a later one brought stays; what was deleted in between comes back, for nobody knows.
//! - Where Cedar Backup was replaced in the middle of a week, its archives have what did not change since; and if it
//!   took over again, its later archives come on top of our latest manifest.
//! - [`target`] makes sure that nothing is written outside of the directory that was named.

mod by_hand;
mod carry;
mod cedars;
mod complete;
mod error;
mod extract;
mod find;
mod look_back;
mod orphans;
mod planning;
mod recipe;
mod scan;
mod sealed;
mod shelf;
pub mod target;
mod tell;
mod unlisted;
mod wanted;

use std::path::PathBuf;

use crate::units::{Day, PeerName, Weekday};

pub use carry::{Summary, carry_out};
pub use error::RestoreError;
pub use look_back::explain;
pub use planning::{Discs, Unplanned, plan};
pub use recipe::{Missing, PlainFile, Recipe, Source, Step};
pub use shelf::{Item, Shelf, ShelfError};
pub use target::Existing;
pub use tell::troubles;

/// What somebody wants back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The state of this day; of the latest one if there is none.
    pub as_of: Option<Day>,
    /// What this peer had; every peer if there is none.
    pub peer: Option<PeerName>,
    /// The directory to restore into. What one peer had goes to `DIR/etc/fstab`; where there are several, to
    /// `DIR/PEER/etc/fstab`.
    pub into: PathBuf,
    /// Files and directories that are wanted, with all below them; everything if there are none.
    pub paths: Vec<PathBuf>,
    /// What to do about things that are in the directory already.
    pub existing: Existing,
    /// What to do if archives are missing.
    pub missing: IfMissing,
    /// The first day of the backup week, for archives without manifests.
    pub starting_day: Option<Weekday>,
}

/// What to do if archives are missing that hold something wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMissing {
    /// Nothing is restored before they are there.
    #[default]
    Stop,
    /// What can be had is restored, and the rest is a problem.
    GoOn,
}
