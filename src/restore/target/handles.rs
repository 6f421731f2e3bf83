//! Open directories on the way to the place where something is written.
//!
//! Every directory is opened from the handle of the one that holds it, by a single name that is no link.
//! So no link, whoever made it and however fast, leads out of the tree: the kernel is never given a path
//! of more than one name. Things come in the order of a walk, so most of the way is open already.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::WriteError;
use super::partial::Partials;

/// Handles kept open at a time; deeper trees close the ones near the root and open them again when needed.
const OPEN: usize = 100;

/// A way from the target directory downwards.
pub struct Handles {
    root: OwnedFd,
    root_inherits: bool,
    way: Vec<Level>,
    /// In directories that are there already, what other restores left is swept away.
    sweeps: Option<Partials>,
    device: u64,
    /// Other file systems, which are met where things are mounted below the target directory.
    met: Vec<(u64, OwnedFd)>,
}

struct Level {
    name: OsString,
    handle: Option<OwnedFd>,
    inherits: bool,
}

/// An open directory.
#[derive(Clone, Copy)]
pub struct Dir<'a> {
    /// Its handle.
    pub handle: BorrowedFd<'a>,
    /// Whether things that are made in it inherit an access control list.
    pub inherits: bool,
}

/// What to do about a directory that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it, as `mkdir` would.
    Make,
    /// Fail.
    Fail,
}

impl Handles {
    /// Ways that begin in the directory `root`. If anything may be there already, `sweeps` are the names of this restore.
    pub fn new(root: OwnedFd, sweeps: Option<Partials>) -> Result<Self, Errno> {
        if let Some(own) = sweeps {
            own.sweep(root.as_fd());
        }
        Ok(Self {
            sweeps,
            root_inherits: inherits(root.as_fd()),
            device: rustix::fs::fstat(&root)?.st_dev,
            root,
            way: Vec::new(),
            met: Vec::new(),
        })
    }

    /// The target directory.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// One handle for each file system that was met, the target directory's first.
    pub fn file_systems(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.root.as_fd()).chain(self.met.iter().map(|(_, handle)| handle.as_fd()))
    }

    /// The directory at `path`, which consists of plain names. Told of each directory that it makes.
    pub fn open(
        &mut self,
        path: &Path,
        missing: Missing,
        made: &mut dyn FnMut(&Path),
    ) -> Result<Dir<'_>, WriteError> {
        let common = self
            .way
            .iter()
            .zip(path)
            .take_while(|(level, name)| level.name == *name)
            .count();
        self.way.truncate(common);
        if self.way.last().is_some_and(|last| last.handle.is_none()) {
            // Closed to save handles: go down again from the target directory.
            self.way.clear();
        }
        let known = self.way.len();
        if path.iter().nth(known).is_none() {
            return Ok(self.last());
        }
        let mut whole: PathBuf = path.iter().take(known).collect();
        for name in path.iter().skip(known) {
            whole.push(name);
            let level = self.enter(name, missing, || made(&whole))?;
            self.way.push(level);
            if let Some(far) = self.way.len().checked_sub(OPEN + 1) {
                self.way[far].handle = None;
            }
        }
        Ok(self.last())
    }

    /// Forgets the way below `path`, which is no directory any more, or another one.
    pub fn forget(&mut self, path: &Path) {
        let depth = path.iter().count();
        let below = self
            .way
            .iter()
            .zip(path)
            .all(|(way, name)| way.name == name);
        if below && self.way.len() >= depth {
            self.way.truncate(depth.saturating_sub(1));
        }
    }

    /// The directory that was opened last.
    pub fn last(&self) -> Dir<'_> {
        match self.way.last() {
            Some(Level {
                handle: Some(handle),
                inherits,
                ..
            }) => Dir {
                handle: handle.as_fd(),
                inherits: *inherits,
            },
            _ => Dir {
                handle: self.root.as_fd(),
                inherits: self.root_inherits,
            },
        }
    }

    fn enter(
        &mut self,
        name: &OsStr,
        missing: Missing,
        made: impl FnOnce(),
    ) -> Result<Level, WriteError> {
        let parent = self.last();
        let mut there = true;
        let opened = match open_dir(parent.handle, name) {
            Err(Errno::NOENT) if missing == Missing::Make => {
                match rustix::fs::mkdirat(parent.handle, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) => {
                        there = false;
                        made();
                    }
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                open_dir(parent.handle, name)
            }
            other => other,
        };
        let handle = match opened {
            Ok(handle) => handle,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(WriteError::InTheWay(name.to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(own) = self.sweeps.filter(|_| there) {
            own.sweep(handle.as_fd());
        }
        self.meet(handle.as_fd())?;
        Ok(Level {
            name: name.to_owned(),
            inherits: inherits(handle.as_fd()),
            handle: Some(handle),
        })
    }

    fn meet(&mut self, handle: BorrowedFd<'_>) -> Result<(), WriteError> {
        let device = rustix::fs::fstat(handle)?.st_dev;
        if device != self.device && self.met.iter().all(|(known, _)| *known != device) {
            let kept = rustix::io::fcntl_dupfd_cloexec(handle, 3)?;
            self.met.push((device, kept));
        }
        Ok(())
    }
}

/// Opens the directory `name` in `parent`; a link is an error, wherever it points.
pub fn open_dir(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags | OFlags::RDONLY, Mode::empty()) {
        // One that may be passed through but not listed.
        Err(Errno::ACCESS) => rustix::fs::openat(parent, name, flags | OFlags::PATH, Mode::empty()),
        other => other,
    }
}

/// Whether things made in the directory inherit an access control list from it.
fn inherits(dir: BorrowedFd<'_>) -> bool {
    rustix::fs::fgetxattr_query(dir, super::attributes::DEFAULT_ACL).is_ok_and(|length| length > 0)
}
