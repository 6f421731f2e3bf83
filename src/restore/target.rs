//! The directory into which things are restored, and nothing outside of it, whatever an archive contains.
//!
//! A member's path is taken apart into plain names ([`Below`]), and each directory on its way is opened from
//! the one above it without following a link. Nothing is ever opened for writing but files that were
//! made here a moment ago under a partial name; they get their own name when they are complete and their
//! digest is the one that the manifest promised.
//!
//! What is written where:
//!
//! - A file that turns out to be damaged stays under a name that ends in `.damaged`: half a file may be worth
//!   a lot, but never under the name of the whole one.
//! - Runs of zeros become holes.
//! - Directories get their modes and times when everything else is done; until then they are the owner's
//!   alone.
//! - Owners are numbers: the names of a rescue system lead elsewhere.
//! - A set-id bit is kept only if the owner that it lends is the one from the archive.

mod attributes;
mod below;
mod body;
mod deferred;
mod error;
mod handles;
mod make;
mod partial;
mod root;
mod settle;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use crate::archive::{Kind, Member};
use crate::units::Proof;

use body::Copier;
use deferred::{Deferred, Later};
use handles::{Dir, Handles, Missing};
use make::{Before, Inherits};
use partial::Partials;

pub use attributes::{Count, Shortfalls};
pub use below::{Below, Unsafe};
pub use error::{TargetError, WriteError};

/// What to do about things that are in the target directory already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// The directory has to be empty.
    #[default]
    Refuse,
    /// They stay as they are; each one that stands where something should be restored is a problem.
    Keep,
    /// They are replaced, each in one step. Directories stay and get the modes and times from the archive.
    Replace,
}

/// What becomes of a file whose bytes are not those that were saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDamage {
    /// It is kept under a name that says so.
    Keep,
    /// It is removed, for another copy will be tried.
    Discard,
}

/// A directory into which things are restored.
pub struct Target {
    path: PathBuf,
    existing: Existing,
    handles: Handles,
    deferred: Deferred,
    shortfalls: Shortfalls,
    copier: Copier,
    hasher: RandomState,
    /// Hashes of what was not restored: other names of it must not lead to something else.
    failed: HashSet<u64>,
    /// Hashes of directories that were made on the way to something, and of which nothing more is known yet.
    made: HashSet<u64>,
    partials: Partials,
}

impl Target {
    /// Begins to restore into `path`, which is made if it is missing, for its owner alone.
    pub fn open(path: &Path, existing: Existing) -> Result<Self, TargetError> {
        let fault = |source| TargetError::Open {
            path: path.to_owned(),
            source,
        };
        let root = root::open(path).map_err(fault)?;
        if existing == Existing::Refuse && !root::is_empty(path).map_err(fault)? {
            return Err(TargetError::NotEmpty(path.to_owned()));
        }
        let hasher = RandomState::new();
        let mut partials = Partials::new(hasher.hash_one(std::process::id()));
        // Where nothing has to be there beforehand, a restore may have been killed.
        let sweeps = (existing != Existing::Refuse).then_some(partials);
        let spill = root::spill(root.as_fd(), &partials.next());
        let spill = spill.map_err(|error| fault(error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            existing,
            handles: Handles::new(root, sweeps).map_err(|error| fault(error.into()))?,
            deferred: Deferred::new(spill),
            shortfalls: Shortfalls::default(),
            copier: Copier::new(),
            hasher,
            failed: HashSet::new(),
            made: HashSet::new(),
            partials,
        })
    }

    /// Restores one thing as `at`. `content` gives the bytes of a regular file, of which there are
    /// `member.size`; if their digest is not the `promised` one, the file is damaged. Hard links are made
    /// by [`Target::link`].
    pub fn write(
        &mut self,
        at: &Below,
        member: &Member,
        content: &mut dyn Read,
        promised: Option<Proof>,
        on_damage: OnDamage,
    ) -> Result<(), WriteError> {
        let done = match (at.split(), &member.kind) {
            (Some((parent, name)), kind) => match kind {
                Kind::Dir => self.dir(at, parent, name, member),
                Kind::File => self.file(parent, name, member, content, promised, on_damage),
                Kind::HardLink(first) => Err(WriteError::Unlinked(first.clone())),
                _ => self.special(parent, name, member),
            },
            (None, Kind::Dir) => {
                let root = rustix::io::fcntl_dupfd_cloexec(self.handles.root(), 3)?;
                self.dress_dir(at, root.as_fd(), member, Before::There, Inherits::No)
            }
            (None, _) => Err(WriteError::Occupied),
        };
        let hash = self.hasher.hash_one(at.as_path());
        if done.is_err() {
            self.failed.insert(hash);
        } else if !self.failed.is_empty() {
            self.failed.remove(&hash);
        }
        done
    }

    /// Takes note that `at` cannot be restored: what may be there is something else, and gets no further names.
    pub fn lack(&mut self, at: &Below) {
        self.failed.insert(self.hasher.hash_one(at.as_path()));
    }

    /// Makes `at` a further name of `first`, which was restored before.
    pub fn link(&mut self, at: &Below, first: &Below) -> Result<(), WriteError> {
        let unlinked = || WriteError::Unlinked(first.as_path().to_owned());
        let (Some((parent, name)), Some((first_parent, first_name))) = (at.split(), first.split())
        else {
            return Err(WriteError::Occupied);
        };
        let existing = self.existing;
        let dir = self.parent(parent)?;
        settle::look_first(dir.handle, name, existing)?;
        if self.failed.contains(&self.hasher.hash_one(first.as_path())) {
            return Err(unlinked());
        }
        let held = match self.handles.open(first_parent, Missing::Fail, &mut |_| {}) {
            Err(WriteError::InTheWay(_)) => return Err(unlinked()),
            Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(unlinked());
            }
            held => held?,
        };
        let held = rustix::io::fcntl_dupfd_cloexec(held.handle, 3)?;
        let partial = self.partials.next();
        let dir = self.parent(parent)?;
        match rustix::fs::linkat(&held, first_name, dir.handle, &partial, AtFlags::empty()) {
            Err(Errno::NOENT) => return Err(unlinked()),
            other => other?,
        }
        settle::settle(dir.handle, &partial, name, existing)
    }

    /// Restores the directory `at`, unless there is something that was not just made on the way to a thing
    /// below it.
    pub fn way(&mut self, at: &Below, member: &Member) -> Result<(), WriteError> {
        let Some((parent, name)) = at.split() else {
            return Ok(());
        };
        let dir = self.parent(parent)?;
        match rustix::fs::statat(dir.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => self.dir(at, parent, name, member),
            Err(error) => Err(error.into()),
            Ok(_) if self.made.contains(&self.hasher.hash_one(at.as_path())) => {
                self.dir(at, parent, name, member)
            }
            Ok(_) => Ok(()),
        }
    }

    /// Finishes the directories and waits until everything is on the disk. Gives what could not be set.
    pub fn finish(self) -> Result<Shortfalls, TargetError> {
        let Self {
            path,
            deferred,
            mut handles,
            mut shortfalls,
            ..
        } = self;
        let fault = |source| TargetError::Sync {
            path: path.clone(),
            source,
        };
        deferred
            .apply(|later| {
                if let Err(error) = complete(&mut handles, later) {
                    shortfalls.modes.add(&later.path, error);
                }
                Ok(())
            })
            .map_err(fault)?;
        for handle in handles.file_systems() {
            rustix::fs::syncfs(handle).map_err(|error| fault(error.into()))?;
        }
        Ok(shortfalls)
    }

    fn parent(&mut self, path: &Path) -> Result<Dir<'_>, WriteError> {
        let (hasher, made) = (&self.hasher, &mut self.made);
        self.handles.open(path, Missing::Make, &mut |path| {
            made.insert(hasher.hash_one(path));
        })
    }
}

/// Sets mode and time of a directory that is complete.
fn complete(handles: &mut Handles, later: &Later) -> Result<(), Errno> {
    let below = Below::new(&later.path).map_err(|_| Errno::INVAL)?;
    let opened;
    let handle = match below.split() {
        None => handles.root(),
        Some((parent, name)) => {
            let dir =
                handles
                    .open(parent, Missing::Fail, &mut |_| {})
                    .map_err(|error| match error {
                        WriteError::Io(error) => Errno::from_io_error(&error).unwrap_or(Errno::IO),
                        _ => Errno::NOTDIR,
                    })?;
            opened = handles::open_dir(dir.handle, name)?;
            opened.as_fd()
        }
    };
    rustix::fs::fchmod(handle, Mode::from_raw_mode(later.mode))?;
    rustix::fs::futimens(handle, &attributes::times(later.mtime))
}

#[cfg(test)]
mod tests;
