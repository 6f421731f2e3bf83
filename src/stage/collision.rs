//! Two collections that want one place.
//!
//! What is collected before midnight and staged after it lies in the directory of the day after. If that day is
//! then staged in time, its archives have the same names. Replacing the others would lose the state of a day, and
//! perhaps the full archive that later ones refer to.
//!
//! The day of a manifest that was encrypted cannot be seen any more. Then the peer's own lists tell: what it collects
//! again on one day it adds under other names.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::archive::manifest::{EXTENSION, Header, ManifestReader};
use crate::peer::COLLECTED;
use crate::sums::Sums;
use crate::units::Day;

/// What an encrypted file's name ends in.
const SUFFIX: &str = ".gpg";
/// No list is longer: what is longer was made to fill our memory.
const LONGEST_LIST: u64 = 32 << 20;

/// A manifest that would replace that of another day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collision {
    /// The manifest's name.
    pub name: OsString,
    /// The day of the collection that is there; `None` if it was encrypted.
    pub there: Option<Day>,
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
        let Some(new) = header(&incoming.join(&name)) else {
            continue;
        };
        let there = header(&present.join(&name)).map(|old| old.day);
        let collides = match there {
            Some(there) => there != new.day,
            None => is_sealed(present, &name) && replaces(present, incoming, &new.archive),
        };
        if collides {
            let coming = new.day;
            return Ok(Some(Collision {
                name,
                there,
                coming,
            }));
        }
    }
    Ok(None)
}

/// What the manifest at `path` is about. One that is not there, or cannot be read, can be replaced.
fn header(path: &Path) -> Option<Header> {
    let file = File::open(path).ok()?;
    Some(ManifestReader::new(file).ok()?.header().clone())
}

/// Whether the file `name` was encrypted.
fn is_sealed(dir: &Path, name: &OsStr) -> bool {
    let mut sealed = name.to_owned();
    sealed.push(SUFFIX);
    !dir.join(name).exists() && dir.join(sealed).exists()
}

/// Whether the peer's lists have different files of the name `archive`.
fn replaces(present: &Path, incoming: &Path, archive: &OsStr) -> bool {
    let claimed = |dir: &Path| list(dir)?.get(archive.as_bytes());
    let (there, coming) = (claimed(present), claimed(incoming));
    there.is_some() && coming.is_some() && there != coming
}

/// What the peer says in `dir` that it collected.
fn list(dir: &Path) -> Option<Sums> {
    let mut text = Vec::new();
    let file = File::open(dir.join(COLLECTED)).ok()?;
    file.take(LONGEST_LIST).read_to_end(&mut text).ok()?;
    Sums::parse(&text).ok()
}
