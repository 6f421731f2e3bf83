//! What a run that was killed left under partial names, told from what another run is at work on.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat, flock};

/// Shows other runs that `file` is being worked on, until it is closed. An error if another one does, or where there are
/// no locks; nobody [sweeps](sweep) files away there.
pub fn hold(file: impl AsFd) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Removes from `dir` what a run left: it has such a `name`, and `is_left` says so of what is there. Of files, only those
/// that nobody [holds](hold) are removed.
pub fn sweep(
    dir: BorrowedFd<'_>,
    mut name: impl FnMut(&[u8]) -> bool,
    mut is_left: impl FnMut(&Stat) -> bool,
) {
    // What cannot be listed or removed has a name that says what it is.
    let Ok(entries) = Dir::read_from(dir) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let at = entry.file_name();
        if !name(at.to_bytes()) {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(dir, at, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        if !is_left(&stat) {
            continue;
        }
        // Until it is removed, nobody else takes hold of it.
        let held = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => match unheld(dir, at) {
                Ok(file) => Some(file),
                Err(_) => continue,
            },
            _ => None,
        };
        let _ = rustix::fs::unlinkat(dir, at, AtFlags::empty());
        drop(held);
    }
}

/// The file, which nobody but us holds now.
fn unheld(dir: BorrowedFd<'_>, name: &CStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    hold(&file)?;
    Ok(file)
}
