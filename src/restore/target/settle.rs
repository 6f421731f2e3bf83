//! From a partial name to the name that a thing is to have.

use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::{Existing, WriteError};

/// The longest name that file systems take.
const NAME_MAX: usize = 255;

/// Gives what is called `partial` in `dir` its `name`. If it fails, what was there is still there, and the
/// partial thing is not.
pub fn settle(
    dir: BorrowedFd<'_>,
    partial: &OsStr,
    name: &OsStr,
    existing: Existing,
) -> Result<(), WriteError> {
    let settled = match existing {
        Existing::Replace => replace(dir, partial, name),
        Existing::Refuse | Existing::Keep => rename_new(dir, partial, name),
    };
    if settled.is_err() {
        discard(dir, partial);
    }
    settled.map_err(|error| match error {
        Errno::EXIST => WriteError::Exists,
        Errno::NOTEMPTY => WriteError::Occupied,
        other => other.into(),
    })
}

/// Before much is written: whether it would be in vain.
pub fn look_first(dir: BorrowedFd<'_>, name: &OsStr, existing: Existing) -> Result<(), WriteError> {
    if existing == Existing::Replace {
        return Ok(());
    }
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(WriteError::Exists),
        Err(_) => Ok(()),
    }
}

/// Gives a damaged file a name that says so; `None` if none could be had, and the file is removed.
pub fn keep_damaged(dir: BorrowedFd<'_>, partial: &OsStr, name: &OsStr) -> Option<OsString> {
    for attempt in 1..100 {
        let suffix = match attempt {
            1 => ".damaged".to_owned(),
            more => format!(".{more}.damaged"),
        };
        let kept = &name.as_bytes()[..name.len().min(NAME_MAX - suffix.len())];
        let damaged = OsString::from_vec([kept, suffix.as_bytes()].concat());
        match rename_new(dir, partial, &damaged) {
            Ok(()) => return Some(damaged),
            Err(Errno::EXIST) => {}
            Err(_) => break,
        }
    }
    discard(dir, partial);
    None
}

/// Removes what has not been finished.
pub fn discard(dir: BorrowedFd<'_>, partial: &OsStr) {
    // What cannot be removed has a name that says what it is.
    let _ = rustix::fs::unlinkat(dir, partial, AtFlags::empty());
}

fn replace(dir: BorrowedFd<'_>, partial: &OsStr, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat(dir, partial, dir, name) {
        Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            // An empty directory gives way.
            rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?;
            rustix::fs::renameat(dir, partial, dir, name)?;
        }
        other => other?,
    }
    // To rename one name of a file over another one does nothing.
    discard(dir, partial);
    Ok(())
}

fn rename_new(dir: BorrowedFd<'_>, partial: &OsStr, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, partial, dir, name, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it: look, then rename.
        Err(Errno::INVAL | Errno::NOSYS) => {
            match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => rustix::fs::renameat(dir, partial, dir, name),
                Err(error) => Err(error),
            }
        }
        other => other,
    }
}
