//! What an archive says about a file besides its bytes: names of owners, extended attributes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::archive::{Extended, Kind, Member, Timestamp};
use crate::select::{Found, Stat, Type};

use super::Compare;
use super::snapshot::Identity;

/// Names of users and groups, each asked for once.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: HashMap<u32, OsString>,
    groups: HashMap<u32, OsString>,
}

impl Names {
    /// The name of user `uid`; empty if there is none.
    fn user(&mut self, uid: u32) -> OsString {
        let ask = || User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let name = self.users.entry(uid);
        name.or_insert_with(|| ask().map_or_else(OsString::new, |user| user.name.into()))
            .clone()
    }

    /// The name of group `gid`; empty if there is none.
    fn group(&mut self, gid: u32) -> OsString {
        let ask = || Group::from_gid(Gid::from_raw(gid)).ok().flatten();
        let name = self.groups.entry(gid);
        name.or_insert_with(|| ask().map_or_else(OsString::new, |group| group.name.into()))
            .clone()
    }

    /// The member for `found`, of which the kernel says `stat`; without extended attributes.
    pub fn member(&mut self, found: &Found, stat: &Stat) -> Member {
        let (major, minor) = stat.numbers;
        let kind = match stat.kind() {
            Type::Dir => Kind::Dir,
            Type::Symlink => Kind::Symlink(found.target.clone().unwrap_or_default()),
            Type::Fifo => Kind::Fifo,
            Type::CharDevice => Kind::CharDevice(major, minor),
            Type::BlockDevice => Kind::BlockDevice(major, minor),
            Type::File | Type::Socket => Kind::File,
        };
        Member {
            path: found.stored_path(),
            size: if kind == Kind::File { stat.size } else { 0 },
            kind,
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            user: self.user(stat.uid),
            group: self.group(stat.gid),
            mtime: time(stat.mtime),
            extended: Vec::new(),
        }
    }
}

/// A time of [`Stat`].
pub(super) fn time((seconds, nanos): (i64, u32)) -> Timestamp {
    Timestamp { seconds, nanos }
}

/// The extended attributes of the open file `fd`, sorted by name.
pub(super) fn extended(fd: BorrowedFd<'_>) -> io::Result<Extended> {
    let mut names = vec![0; 256];
    let length = loop {
        match rustix::fs::flistxattr(fd, &mut names[..]) {
            Ok(length) => break length,
            Err(Errno::RANGE) => names.resize(names.len() * 4, 0),
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        }
    };
    let mut extended = Vec::new();
    for name in names[..length].split(|&byte| byte == 0) {
        if name.is_empty() {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let mut value = vec![0; 256];
        loop {
            match rustix::fs::fgetxattr(fd, name, &mut value[..]) {
                Ok(length) => {
                    value.truncate(length);
                    extended.push((name.to_owned(), value));
                    break;
                }
                Err(Errno::RANGE) => value.resize(value.len() * 8, 0),
                // Gone meanwhile, or not for us: another user's `trusted.` attributes are not even listed.
                Err(Errno::NODATA | Errno::OPNOTSUPP) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    extended.sort_unstable();
    Ok(extended)
}

/// The extended attributes of what `fd` only names (`O_PATH`), a link itself among them, asked by way of `/proc`. Without
/// that, a directory that may be read has them all the same; of anything else the error is of kind `NotFound`.
pub(super) fn extended_of_located(fd: &OwnedFd) -> io::Result<Extended> {
    match extended_at(&format!("/proc/self/fd/{}", fd.as_raw_fd())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(fd, ".", flags, Mode::empty());
            opened.map_or(Err(error), |directory| extended(directory.as_fd()))
        }
        asked => asked,
    }
}

fn extended_at(path: &str) -> io::Result<Extended> {
    let names = match xattr::list_deref(path) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut extended = Vec::new();
    for name in names {
        if let Some(value) = xattr::get_deref(path, &name)? {
            extended.push((name, value));
        }
    }
    extended.sort_unstable();
    Ok(extended)
}

/// What tells whether a thing changed.
pub(super) fn identity(stat: &Stat) -> Identity {
    Identity {
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        size: stat.size,
        mtime: time(stat.mtime),
        ctime: time(stat.ctime),
        inode: stat.inode,
    }
}

/// Whether a thing looks as it did. Who compares contents does so because the file system's numbers are not
/// stable: then they do not count.
pub(super) fn is_same(known: &Identity, stat: &Stat, compare: Compare) -> bool {
    let now = identity(stat);
    match compare {
        Compare::Metadata => *known == now,
        Compare::Content => {
            *known
                == Identity {
                    inode: known.inode,
                    ..now
                }
        }
    }
}

/// Whether the time of a stat was `granularity` before `then` at least.
pub(super) fn is_before(time: (i64, u32), granularity: Duration, then: Timestamp) -> bool {
    let (seconds, nanos) = time;
    let nanos = u64::from(nanos) + u64::from(granularity.subsec_nanos());
    let carry = (nanos / 1_000_000_000).cast_signed();
    let granularity = i64::try_from(granularity.as_secs()).unwrap_or(i64::MAX);
    let seconds = seconds.saturating_add(granularity).saturating_add(carry);
    (seconds, nanos % 1_000_000_000) < (then.seconds, then.nanos.into())
}
