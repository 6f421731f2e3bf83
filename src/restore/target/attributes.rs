//! Owners, modes, times and extended attributes: as they were, as far as the one who restores may.
//!
//! The order is forced by the kernel: a change of owner drops set-id bits and capabilities, so the owner
//! comes first; attributes of a user need a file that is still writable, so the mode comes after them; the
//! times come last.

use std::ffi::CString;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;

use crate::archive::{Extended, Member, Timestamp};

/// The access control list that things made in a directory inherit.
pub const DEFAULT_ACL: &str = "system.posix_acl_default";
const ACCESS_ACL: &str = "system.posix_acl_access";

/// What could not be set, counted; each with the first thing that it happened to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfalls {
    /// Things that belong to whoever restored them instead of their owner or group.
    pub owners: Count,
    /// Things that lack extended attributes, access control lists or capabilities.
    pub extended: Count,
    /// Devices that could not be made.
    pub devices: Count,
    /// Things whose mode or times could not be set.
    pub modes: Count,
}

/// How often something happened, and to what first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// The first thing and the reason that the system gave.
    pub first: Option<(PathBuf, String)>,
}

impl Count {
    /// Counts one more.
    pub fn add(&mut self, path: &std::path::Path, error: Errno) {
        self.times += 1;
        self.first
            .get_or_insert_with(|| (path.to_owned(), std::io::Error::from(error).to_string()));
    }
}

/// Which of the ids of a thing are as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The owner.
    pub user: bool,
    /// The group.
    pub group: bool,
}

impl Owned {
    /// The mode without set-id bits that would lend somebody else's rights.
    pub fn mode(self, mode: u32) -> Mode {
        let mut mode = Mode::from_raw_mode(mode & 0o7777);
        mode.set(Mode::SUID, mode.contains(Mode::SUID) && self.user);
        mode.set(Mode::SGID, mode.contains(Mode::SGID) && self.group);
        mode
    }
}

/// Gives the thing behind `change` to the member's owner; as a user, at least to the group, if it is one of
/// the user's.
pub fn own(
    member: &Member,
    shortfalls: &mut Shortfalls,
    change: impl Fn(Option<Uid>, Option<Gid>) -> Result<(), Errno>,
) -> Owned {
    // `-1` would mean "leave it" to the kernel, and the types below do not allow it.
    if member.uid == u32::MAX || member.gid == u32::MAX {
        shortfalls.owners.add(&member.path, Errno::INVAL);
        return Owned {
            user: false,
            group: false,
        };
    }
    let (uid, gid) = (Uid::from_raw(member.uid), Gid::from_raw(member.gid));
    let Err(error) = change(Some(uid), Some(gid)) else {
        return Owned {
            user: true,
            group: true,
        };
    };
    shortfalls.owners.add(&member.path, error);
    Owned {
        user: change(Some(uid), None).is_ok(),
        group: change(None, Some(gid)).is_ok(),
    }
}

/// Where attributes are set.
#[derive(Clone, Copy)]
pub enum On<'a> {
    /// On an open file or directory.
    Open(BorrowedFd<'a>),
    /// On something that cannot be opened, through a handle that only names it: a link, a device.
    Named(BorrowedFd<'a>),
}

impl On<'_> {
    /// A path that leads to what the handle names, even to a link itself. Needs `/proc`.
    fn proc_path(handle: BorrowedFd<'_>) -> String {
        format!("/proc/self/fd/{}", handle.as_raw_fd())
    }

    fn set(self, name: &CString, value: &[u8]) -> Result<(), Errno> {
        let flags = XattrFlags::empty();
        match self {
            On::Open(handle) => rustix::fs::fsetxattr(handle, name, value, flags),
            On::Named(handle) => rustix::fs::setxattr(Self::proc_path(handle), name, value, flags),
        }
    }

    fn remove(self, name: &str) {
        // Nothing there to remove, or nothing like it on this file system: both are what is wanted.
        let _ = match self {
            On::Open(handle) => rustix::fs::fremovexattr(handle, name),
            On::Named(handle) => rustix::fs::removexattr(Self::proc_path(handle), name),
        };
    }

    /// Sets the permission bits.
    pub fn chmod(self, mode: Mode) -> Result<(), Errno> {
        match self {
            On::Open(handle) => rustix::fs::fchmod(handle, mode),
            On::Named(handle) => rustix::fs::chmod(Self::proc_path(handle), mode),
        }
    }

    /// Removes the access control lists that a new thing inherited from its directory.
    pub fn disinherit(self) {
        self.remove(ACCESS_ACL);
        self.remove(DEFAULT_ACL);
    }

    /// Sets the extended attributes.
    pub fn extend(self, member: &Member, shortfalls: &mut Shortfalls) {
        let mut failed = None;
        for (name, value) in &member.extended as &Extended {
            let set = match CString::new(name.as_bytes()) {
                Ok(name) => self.set(&name, value),
                Err(_) => Err(Errno::INVAL),
            };
            failed = failed.or(set.err());
        }
        if let Some(error) = failed {
            shortfalls.extended.add(&member.path, error);
        }
    }
}

/// The times to set: the last change of the content; the last access is left alone.
pub fn times(mtime: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime.seconds,
            // 999 999 999 at most; more would be a special order to the kernel.
            tv_nsec: i64::from(mtime.nanos.min(999_999_999)),
        },
    }
}

/// Owner, times and attributes of what cannot be opened, still under its partial name in `dir`.
pub fn dress(
    dir: BorrowedFd<'_>,
    partial: &std::ffi::OsStr,
    member: &Member,
    inherits: bool,
    shortfalls: &mut Shortfalls,
) {
    let nofollow = AtFlags::SYMLINK_NOFOLLOW;
    let owned = own(member, shortfalls, |uid, gid| {
        rustix::fs::chownat(dir, partial, uid, gid, nofollow)
    });
    let is_link = matches!(member.kind, crate::archive::Kind::Symlink(_));
    if !is_link || !member.extended.is_empty() {
        let flags =
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
        match rustix::fs::openat(dir, partial, flags, Mode::empty()) {
            Ok(handle) => {
                let on = On::Named(std::os::fd::AsFd::as_fd(&handle));
                if inherits {
                    on.disinherit();
                }
                on.extend(member, shortfalls);
                if !is_link && let Err(error) = on.chmod(owned.mode(member.mode)) {
                    shortfalls.modes.add(&member.path, error);
                }
            }
            Err(error) => shortfalls.modes.add(&member.path, error),
        }
    }
    if let Err(error) = rustix::fs::utimensat(dir, partial, &times(member.mtime), nofollow) {
        shortfalls.modes.add(&member.path, error);
    }
}
