//! Purge: what has grown old goes, except for the only copy of something.
//!
//! One directory is purged bottom-up in one run: files that are old enough, then the directories that became
//! empty by that or were empty and old. Age is what Cedar Backup takes for it: whole days since the later of last
//! access and last modification; for directories and indicators since their modification, because purge itself looks
//! into them.
//!
//! Three things are not deleted, however old:
//!
//! - files of a day that was staged and is not stored, while something is to be stored;
//! - archives in the collect directory that no master has acknowledged;
//! - what says how far a day or a collect directory has come, while something else is still in it. Without
//!   `cback.store`, a stored day would be stored again.
//!
//! What stays for the first two reasons is a problem, told once a directory. Nothing outside the directory is
//! reached: every step goes through the handle of the directory above, no link is followed, no other file system
//! is entered.
//!
//! The catalog forgets a day before its first file goes; killed in between, the files are purged the next time.

mod entry;
mod guard;
mod sums;
mod walk;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::event::{Monitor, printable_path};
use crate::staging::Staging;
use crate::units::Day;

/// What becomes of the only copy of something that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnlyCopy {
    /// It stays, however old it is.
    #[default]
    Keep,
    /// It is deleted like everything else.
    Purge,
}

/// Whether anything of what is staged is to be stored somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storing {
    /// This machine stores what it has staged.
    Configured,
    /// The staging directory is where backups stay.
    No,
}

/// What is known about directories that hold backups. They may be the purged directory, above it, or below it.
#[derive(Debug, Clone, Copy)]
pub struct Guard<'a> {
    /// The staging directory, if there is one.
    pub staging: Option<&'a Staging>,
    /// The collect directory, if there is one.
    pub collect_dir: Option<&'a Path>,
    /// Whether staged days are to be stored.
    pub storing: Storing,
    /// What becomes of only copies.
    pub only_copy: OnlyCopy,
}

/// Whether anything is really done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What is old is deleted.
    Delete,
    /// It is only listed: a dry run.
    List,
}

/// What to purge.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The directory. It stays itself.
    pub dir: &'a Path,
    /// What is younger than this many whole days stays.
    pub retain_days: u64,
    /// The time that ages are taken at.
    pub now: SystemTime,
    /// The day of the run; its daily directory stays.
    pub today: Day,
    /// What must not go.
    pub guard: Guard<'a>,
    /// Whether anything is really done.
    pub effect: Effect,
}

/// Called as the work goes on.
pub struct Hooks<'a> {
    /// The catalog forgets that files of this day are staged. Called before the first of them goes; if it fails,
    /// they stay.
    pub forget: &'a mut dyn FnMut(Day) -> Result<(), Box<dyn Error>>,
    /// Takes note of each path that goes, or would go.
    pub gone: &'a mut dyn FnMut(&Path),
}

/// What went, or would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Files, links, and special files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Directories.
    pub directories: u64,
    /// Files that are old enough and stay, because they are the only copy.
    pub kept: u64,
}

/// Why a directory could not be purged at all. Trouble with something in it is a problem, and the rest goes on.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// It is the root of all files.
    #[error("{} is the root directory; it is never purged", printable_path(.0))]
    Root(PathBuf),
    /// It cannot be read.
    #[error("cannot purge {}: {source}", printable_path(path))]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Purges one directory.
pub fn purge(
    request: &Request<'_>,
    hooks: &mut Hooks<'_>,
    monitor: &dyn Monitor,
) -> Result<Purged, PurgeError> {
    let unreadable = |source| PurgeError::Unreadable {
        path: request.dir.to_owned(),
        source,
    };
    // The way there may lead through links; from there on, none is followed.
    let dir = request.dir.canonicalize().map_err(unreadable)?;
    if dir == Path::new("/") {
        return Err(PurgeError::Root(request.dir.to_owned()));
    }
    let places = guard::Places::new(&request.guard, request.today).map_err(unreadable)?;
    walk::Walk::new(request, &places, hooks, monitor)
        .run(&dir)
        .map_err(unreadable)
}
