//! What is in a directory, looked at through its handle: kinds, sizes and times.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat, openat2, statat,
};
use rustix::io::Errno;

/// Opens the directory `name`; `None` if it is on another file system.
pub(super) fn enter(above: &OwnedFd, name: &OsStr, stat: &Stat) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat2(above, name, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        Ok(handle) => Ok(Some(handle)),
        Err(Errno::XDEV) => Ok(None),
        // An old kernel, or one that forbids the call: the device tells, if not every mount.
        Err(Errno::NOSYS | Errno::PERM) => {
            if rustix::fs::fstat(above)?.st_dev != stat.st_dev {
                return Ok(None);
            }
            Ok(Some(openat(above, name, flags, Mode::empty())?))
        }
        Err(error) => Err(error.into()),
    }
}

/// Every entry of a directory.
pub(super) fn everything(handle: &OwnedFd) -> io::Result<Vec<(OsString, Stat)>> {
    let mut all = Vec::new();
    for entry in Dir::read_from(handle)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            let stat = statat(handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
            all.push((name.to_owned(), stat));
        }
    }
    Ok(all)
}

/// Whether it is a directory, no link to one.
pub(super) fn is_dir(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Its length.
pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// When it was last modified.
#[allow(clippy::unnecessary_cast)] // the fields' types differ between machines
pub(super) fn modified(stat: &Stat) -> SystemTime {
    moment(stat.st_mtime as i64, stat.st_mtime_nsec as u64)
}

/// When it was last read.
#[allow(clippy::unnecessary_cast)] // the fields' types differ between machines
pub(super) fn accessed(stat: &Stat) -> SystemTime {
    moment(stat.st_atime as i64, stat.st_atime_nsec as u64)
}

fn moment(seconds: i64, nanoseconds: u64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let at = if seconds < 0 {
        epoch.checked_sub(whole)
    } else {
        epoch.checked_add(whole)
    };
    at.unwrap_or(epoch) + Duration::from_nanos(nanoseconds)
}
