//! Two collections that want one place.
//!
//! What is collected before midnight and staged after it lies in the directory of the day after. If that day is
//! then staged in time, its archives have the same names. Replacing the others would lose the state of a day, and
//! perhaps the full archive that later ones refer to.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::archive::manifest::{EXTENSION, ManifestReader};
use crate::units::Day;

/// A manifest that would replace that of another day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collision {
    /// The manifest's name.
    pub name: OsString,
    /// The day of the collection that is there.
    pub there: Day,
    /// The day of the one that comes.
    pub coming: Day,
}

/// The first manifest in `incoming` that would replace one of another day in `present`.
pub(super) fn find(present: &Path, incoming: &Path) -> io::Result<Option<Collision>> {
    if !present.try_exists()? {
        return Ok(None);
    }
    for entry in fs::read_dir(incoming)? {
        let name = entry?.file_name();
        if !name.as_bytes().ends_with(EXTENSION.as_bytes()) {
            continue;
        }
        let days = (day(&present.join(&name)), day(&incoming.join(&name)));
        if let (Some(there), Some(coming)) = days
            && there != coming
        {
            return Ok(Some(Collision {
                name,
                there,
                coming,
            }));
        }
    }
    Ok(None)
}

/// The day of the manifest at `path`. One that is not there, or cannot be read, can be replaced.
fn day(path: &Path) -> Option<Day> {
    let file = File::open(path).ok()?;
    Some(ManifestReader::new(file).ok()?.header().day)
}
