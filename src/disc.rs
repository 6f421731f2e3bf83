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
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::event::{Monitor, Problem, Tell as _};
use crate::iso9660::{Loss, ReadAt, ReadError, Tree, Volume};
use crate::media::{Disc, Drive};

/// The disc in `drive`; an empty drive is an error.
pub fn inspect(drive: &dyn Drive) -> Result<Disc, DiscError> {
    drive
        .inspect()?
        .ok_or_else(|| DiscError::NoDisc(drive.place().to_owned()))
}

/// Everything in `volume`, which is on the disc at `place`. Of what directories something cannot be read is told.
fn tree(volume: &Volume<'_>, place: &Path, monitor: &dyn Monitor) -> Result<Tree, DiscError> {
    let salvaged = volume.salvage();
    let (tree, losses) = salvaged.map_err(|source| unreadable(place, source))?;
    for loss in &losses {
        lost(loss, place, monitor);
    }
    Ok(tree)
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
