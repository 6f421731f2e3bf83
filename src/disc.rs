//! What a person does with a disc by hand: look, list, take files off, burn, copy, compare.
//!
//! Everything works on drives and on discs that are files alike. Hidden here: how a tree is gathered from directories,
//! how sectors are read that do not want to be read, and which file a sector belongs to.

mod compare;
mod copy;
mod doctor;
mod error;
mod gather;
mod head;
mod list;
mod make;
mod owners;
mod rescue;
mod same;
mod sectors;
mod survey;
mod take;

pub use compare::{Comparison, Ranges, compare};
pub use copy::{Copied, Verify, copy};
pub use doctor::{Checkup, Sacrifice, Trial, TrialResult, Unfit, checkup, fit};
pub use error::DiscError;
pub use list::{Depth, Entry, What, list};
pub use make::{Made, Wish, burn, image};
pub use survey::{Condition, SessionFacts, Survey, survey};
pub use take::{Taken, take};

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::event::{Monitor, Problem, Tell as _};
use crate::iso9660::{Loss, ReadAt, ReadError, Tree, Volume};
use crate::media::{Disc, Drive, DriveError};

/// The disc in `drive`; an empty drive is an error.
pub fn inspect(drive: &dyn Drive) -> Result<Disc, DiscError> {
    drive
        .inspect()?
        .ok_or_else(|| DiscError::NoDisc(drive.place().to_owned()))
}

/// The disc in `drive`, for somebody who only looks: of one that is damaged, what is found all the same, and that is told.
fn look(drive: &dyn Drive, monitor: &dyn Monitor) -> Result<Disc, DiscError> {
    let error = match drive.inspect() {
        Err(error @ DriveError::Unreadable { .. }) => error,
        looked => {
            return looked?.ok_or_else(|| DiscError::NoDisc(drive.place().to_owned()));
        }
    };
    let Some(disc) = drive.salvage() else {
        return Err(error.into());
    };
    let reason = match &error {
        DriveError::Unreadable { why, .. } => format!("the disc is damaged: {why}"),
        other => other.to_string(),
    };
    let problem = Problem::with_file(drive.place(), &reason);
    monitor.problem(&problem.advise(
        "what can be found on it is used; take what you need off it, or from another copy of it",
    ));
    Ok(disc)
}

/// The same, for somebody who wants something that is on it: a mistyped name is no blank disc.
fn to_read(drive: &dyn Drive, monitor: &dyn Monitor) -> Result<Disc, DiscError> {
    let disc = look(drive, monitor)?;
    if disc.is_blank() && is_missing(drive) {
        return Err(DiscError::NoFile(drive.place().to_owned()));
    }
    Ok(disc)
}

/// Whether the disc is a file that nobody has made yet.
fn is_missing(drive: &dyn Drive) -> bool {
    let there = std::fs::symlink_metadata(drive.place());
    there.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// What could be read of a volume's directories.
struct Readable {
    tree: Tree,
    /// Directories of which something is missing.
    losses: Vec<Loss>,
}

impl Readable {
    /// Whether something at `path`, which is not in the tree, may have been in a directory that cannot be read.
    fn may_have_lost(&self, path: &Path) -> bool {
        self.losses.iter().any(|loss| is_below(path, loss))
    }
}

/// Whether `path` is in the directory of `loss`, or below.
fn is_below(path: &Path, loss: &Loss) -> bool {
    path.starts_with(OsStr::from_bytes(&loss.path))
}

/// Everything in `volume`, which is on the disc at `place`. Of what directories something cannot be read is told.
fn tree(volume: &Volume<'_>, place: &Path, monitor: &dyn Monitor) -> Result<Readable, DiscError> {
    let salvaged = volume.salvage();
    let (tree, losses) = salvaged.map_err(|source| unreadable(place, source))?;
    for loss in &losses {
        lost(loss, place, monitor);
    }
    Ok(Readable { tree, losses })
}

fn unreadable(place: &Path, source: ReadError) -> DiscError {
    let place = place.to_owned();
    DiscError::Read { place, source }
}

/// Tells that not everything in a directory of the disc at `place` can be read.
fn lost(loss: &Loss, place: &Path, monitor: &dyn Monitor) {
    let path = place.join(OsStr::from_bytes(&loss.path));
    let reason = format!(
        "not everything in this directory can be read: {}",
        loss.error
    );
    monitor.problem(
        &Problem::with_file(&path, &reason)
            .advise("an earlier session may have it (--session), or another drive may read it"),
    );
}

/// The session of that number, counted from 1; the newest one if none is asked for.
fn session<'a>(
    drive: &dyn Drive,
    disc: &Disc,
    number: Option<usize>,
    medium: &'a dyn ReadAt,
) -> Result<Volume<'a>, DiscError> {
    let place: PathBuf = drive.place().to_owned();
    let number = number.unwrap_or(disc.sessions.len());
    let Some(session) = number.checked_sub(1).and_then(|at| disc.sessions.get(at)) else {
        return Err(if disc.is_blank() {
            DiscError::Blank(place)
        } else {
            DiscError::NoSession {
                place,
                number,
                sessions: disc.sessions.len(),
            }
        });
    };
    Volume::open(medium, session.start).map_err(|source| DiscError::Read { place, source })
}
