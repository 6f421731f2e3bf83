//! The target directory itself: opened, looked at, and a place in it for what waits.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Opens the directory at `path`, made if it is missing, for its owner alone.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Whether the directory is as empty as a new file system is.
pub(super) fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() != "lost+found" || !entry.file_type()?.is_dir() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file in the directory that has no name; `name` for a moment.
pub(super) fn spill(root: BorrowedFd<'_>, name: &OsStr) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(root, name, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::unlinkat(root, name, AtFlags::empty())?;
    Ok(File::from(file))
}
