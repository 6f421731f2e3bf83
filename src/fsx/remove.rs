//! Removing a tree whose permission bits somebody else chose.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};

/// Removes what is at `path`, with everything below it; what is not there is removed already. No link is followed. A
/// directory of ours that we may not look into, because of its bits, gets other ones first.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match remove(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // If that cannot be, the reason is why it could not be removed.
            open_up(CWD, path.as_os_str()).map_err(|_| error)?;
            remove(path)
        }
        removed => removed,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Lets us into the directory `name` of `dir`, and into every one below it.
fn open_up(dir: impl AsFd, name: &OsStr) -> io::Result<()> {
    let directory = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place: OwnedFd = openat(dir, name, directory | OFlags::PATH, Mode::empty())?;
    // By its handle, so that nobody can put anything else in its place.
    let handle = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
    fs::set_permissions(handle, Permissions::from_mode(0o700))?;
    let opened = openat(&place, ".", directory, Mode::empty())?;
    drop(place);
    for entry in Dir::read_from(&opened)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        match entry.file_type() {
            FileType::Directory => open_up(&opened, name)?,
            // Some file systems do not tell in a listing; what is no directory is an error then.
            FileType::Unknown => drop(open_up(&opened, name)),
            _ => {}
        }
    }
    Ok(())
}
