//! The file system, used so that a power cut finds each step either not done or done.
//!
//! A file that others rely on is written under a partial name, synced, renamed, and its directory is
//! synced. Partial names begin with a dot and end in `.partial`: shell wildcards and the staging of other
//! programs pass them by, and the next run sweeps them.

mod atomic;
mod beneath;
mod block;
mod copy;
mod early_sync;
mod exact;
mod left;
mod long;
mod new_file;
mod new_files;
mod remove;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::units::Ids;

pub use atomic::AtomicFile;
pub use beneath::{open_beneath, open_in};
pub use block::{ALIGN, Block};
pub use copy::{copy_bytes, is_full, reflink};
pub use early_sync::EarlySync;
pub use exact::{Exact, Fate};
pub use left::{hold, sweep};
pub use long::LongWriter;
pub use new_file::NewFile;
pub use new_files::{Named, NewFiles};
pub use remove::remove_tree;

/// The partial name that a file of this path has while it is written: `dir/.name.partial`.
pub fn partial_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("")));
    name.push(".partial");
    path.with_file_name(name)
}

/// Whether `name` is a partial name.
pub fn is_partial(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b".") && name.ends_with(b".partial")
}

/// Makes the entries of the directory at `path` durable.
///
/// Some file systems (older CIFS, FUSE) cannot sync a directory and say so with `EINVAL`. That is no failure of the
/// write, and there is nothing the caller could do: it counts as done. `EIO`, `ENOSPC` and all others are errors.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    sync_opened_dir(&File::open(path)?)
}

/// [`sync_dir`] for a directory that is open.
pub fn sync_opened_dir(dir: &File) -> io::Result<()> {
    match dir.sync_all() {
        Err(error) if is_unsupported(&error) => Ok(()),
        done => done,
    }
}

/// Whether a sync was refused because there is nothing on this file system to sync.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

/// The directory that holds `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

/// Renames `from` to `to` in the same directory tree and makes it durable.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_dir(parent(to))?;
    if parent(from) != parent(to) {
        sync_dir(parent(from))?;
    }
    Ok(())
}

/// Removes the file at `path` durably; one that is not there is removed already.
pub fn remove_durably(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the file at `path`; one that is not there is removed already.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the directory `path` and its missing parents below `base` durable, each given to `ids`.
/// `base` must exist.
pub fn make_dirs(base: &Path, below: &Path, ids: Option<Ids>) -> io::Result<PathBuf> {
    let mut path = base.to_owned();
    for component in below.components() {
        path.push(component);
        match std::fs::create_dir(&path) {
            Ok(()) => {
                give(&path, ids)?;
                sync_dir(parent(&path))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path)
}

/// Gives the file at `path` (a link itself, not its target) to `ids`, if there are any.
pub fn give(path: &Path, ids: Option<Ids>) -> io::Result<()> {
    match ids {
        Some(ids) => std::os::unix::fs::lchown(path, Some(ids.uid), Some(ids.gid)),
        None => Ok(()),
    }
}

/// Writes the indicator at `path`, whose existence alone says that a milestone was reached. `text` is
/// for whoever looks inside; readers may rely on nothing but the name. It appears whole and durable.
pub fn write_indicator(path: &Path, text: impl AsRef<[u8]>, ids: Option<Ids>) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = AtomicFile::create(path)?;
    file.write_all(text.as_ref())?;
    file.commit(ids)
}
