//! What the walk finds, and how it is opened without being led elsewhere meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;

/// What the kernel says about a thing. Times are seconds since 1970 and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Number of the file system.
    pub device: u64,
    /// Number of the file on it.
    pub inode: u64,
    /// Type and permissions, as in `st_mode`.
    pub mode: u32,
    /// Names of the file.
    pub links: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Length in bytes.
    pub size: u64,
    /// 512-byte blocks on disc.
    pub blocks: u64,
    /// Last change of the content.
    pub mtime: (i64, u32),
    /// Last change of content or attributes.
    pub ctime: (i64, u32),
    /// Major and minor number of a device file.
    pub numbers: (u32, u32),
    /// Whether the `nodump` attribute is set.
    pub(super) nodump: bool,
}

/// The type of a thing, from its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A socket.
    Socket,
}

impl Stat {
    /// What the thing is; something the kernel invented later is no file either.
    pub fn kind(&self) -> Type {
        match self.mode & 0o170_000 {
            0o100_000 => Type::File,
            0o040_000 => Type::Dir,
            0o120_000 => Type::Symlink,
            0o010_000 => Type::Fifo,
            0o020_000 => Type::CharDevice,
            0o060_000 => Type::BlockDevice,
            _ => Type::Socket,
        }
    }

    /// Asks the kernel about the open file `fd`.
    pub fn of(fd: impl std::os::fd::AsFd) -> io::Result<Self> {
        Ok(Self::at(fd.as_fd(), OsStr::new(""), AtFlags::EMPTY_PATH)?)
    }

    /// Asks the kernel about `name` in `dir`, links not followed unless `flags` say so.
    pub(super) fn at(dir: BorrowedFd<'_>, name: &OsStr, flags: AtFlags) -> Result<Self, Errno> {
        let flags = flags | AtFlags::NO_AUTOMOUNT;
        let found = rustix::fs::statx(dir, name, flags, StatxFlags::BASIC_STATS)?;
        Ok(Self::from(found))
    }
}

impl From<Statx> for Stat {
    fn from(found: Statx) -> Self {
        let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
        Self {
            device,
            inode: found.stx_ino,
            mode: u32::from(found.stx_mode),
            links: found.stx_nlink,
            uid: found.stx_uid,
            gid: found.stx_gid,
            size: found.stx_size,
            blocks: found.stx_blocks,
            mtime: (found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
            ctime: (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
            numbers: (found.stx_rdev_major, found.stx_rdev_minor),
            nodump: found.stx_attributes.contains(StatxAttributes::NODUMP),
        }
    }
}

/// A directory (or the directory of a single file) from which a part of the walk began.
#[derive(Debug)]
pub struct Anchor {
    pub(super) fd: OwnedFd,
    /// Its path as the rules see it.
    pub(super) path: PathBuf,
    /// Its path as archives have it.
    pub(super) stored: PathBuf,
}

/// One thing that belongs to the source.
#[derive(Debug, Clone)]
pub struct Found {
    pub(super) anchor: Arc<Anchor>,
    /// Path from the anchor on; empty for the anchor itself.
    pub(super) below: PathBuf,
    /// What the kernel said about it.
    pub stat: Stat,
    /// What a symbolic link says.
    pub target: Option<OsString>,
    /// 0 for the source itself; what links led to comes in later rounds. Within a round, paths ascend.
    pub round: u32,
    /// Why what is in this directory could not be listed, or not all of it.
    pub unlisted: Option<String>,
}

impl Found {
    /// The path as the configuration and people see it.
    pub fn path(&self) -> PathBuf {
        join(&self.anchor.path, &self.below)
    }

    /// The path as archives have it: what a link led to has its real path. Without a leading slash;
    /// the root directory is `.`.
    pub fn stored_path(&self) -> PathBuf {
        let path = join(&self.anchor.stored, &self.below);
        let bytes = path.as_os_str().as_bytes();
        let start = bytes.iter().take_while(|&&byte| byte == b'/').count();
        match &bytes[start..] {
            b"" => PathBuf::from("."),
            rest => PathBuf::from(OsStr::from_bytes(rest)),
        }
    }
}

fn join(anchor: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() {
        anchor.to_owned()
    } else {
        anchor.join(below)
    }
}

/// Opens what was found. It remembers the last directory, since files come directory by directory.
#[derive(Debug, Default)]
pub struct Opener {
    last: Option<(Arc<Anchor>, PathBuf, OwnedFd)>,
}

impl Opener {
    /// Opens `found` for reading. No link on the way is followed, and neither its data nor its access time
    /// is touched if that can be helped. What is opened may be something else than what was found: compare
    /// [`Stat::of`].
    pub fn open(&mut self, found: &Found) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let Some(name) = found.below.file_name() else {
            let file = open_quietly(found.anchor.fd.as_fd(), OsStr::new("."), flags)?;
            return Ok(File::from(file));
        };
        Ok(File::from(open_quietly(self.parent(found)?, name, flags)?))
    }

    /// Opens `found` without access to its content: enough to ask for attributes, by way of `/proc`.
    pub fn locate(&mut self, found: &Found) -> io::Result<OwnedFd> {
        let Some(name) = found.below.file_name() else {
            return found.anchor.fd.try_clone();
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = self.parent(found)?;
        Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?)
    }

    /// The directory that holds `found`.
    fn parent(&mut self, found: &Found) -> io::Result<BorrowedFd<'_>> {
        let parent = found.below.parent().unwrap_or(Path::new(""));
        let known = self
            .last
            .take()
            .filter(|(anchor, path, _)| Arc::ptr_eq(anchor, &found.anchor) && path == parent);
        let open = if let Some(open) = known {
            open
        } else {
            let dir = open_below(&found.anchor, parent)?;
            (Arc::clone(&found.anchor), parent.to_owned(), dir)
        };
        Ok(self.last.insert(open).2.as_fd())
    }
}

/// Opens `name` in `dir` to read, its access time left alone where that is allowed.
pub(super) fn open_quietly(
    dir: BorrowedFd<'_>,
    name: &OsStr,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner and root may ask for it.
        Err(Errno::PERM) => rustix::fs::openat(dir, name, flags, Mode::empty()),
        other => other,
    }
}

/// Opens the directory `below` the anchor, no link followed.
pub(super) fn open_below(anchor: &Anchor, below: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if below.as_os_str().is_empty() {
        return rustix::fs::openat(&anchor.fd, ".", flags, Mode::empty());
    }
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    match rustix::fs::openat2(&anchor.fd, below, flags, Mode::empty(), resolve) {
        // Longer than one call takes, or an old kernel: step by step.
        Err(Errno::NAMETOOLONG | Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::INVAL) => {
            let mut dir: Option<OwnedFd> = None;
            for name in below {
                let from = dir.as_ref().unwrap_or(&anchor.fd);
                dir = Some(rustix::fs::openat(from, name, flags, Mode::empty())?);
            }
            dir.ok_or(Errno::INVAL)
        }
        other => other,
    }
}
