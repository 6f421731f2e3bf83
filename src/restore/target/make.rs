//! Making one thing in the target directory, under a partial name until it is complete.

use std::ffi::OsStr;
use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::Read;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::attributes::{self, On, Shortfalls};
use super::body::Ending;
use super::deferred::Later;
use super::{Below, Existing, OnDamage, Target, WriteError, handles, settle};
use crate::archive::{Kind, Member};
use crate::fsx::hold;
use crate::units::Proof;

impl Target {
    pub(super) fn dir(
        &mut self,
        at: &Below,
        parent: &Path,
        name: &OsStr,
        member: &Member,
    ) -> Result<(), WriteError> {
        let existing = self.existing;
        let dir = self.parent(parent)?;
        let inherits = if dir.inherits {
            Inherits::Yes
        } else {
            Inherits::No
        };
        let private = Mode::RWXU;
        let new = match rustix::fs::mkdirat(dir.handle, name, private) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let (handle, new) = match handles::open_dir(dir.handle, name) {
            Ok(handle) => (handle, new),
            Err(Errno::NOTDIR | Errno::LOOP) if existing == Existing::Replace => {
                rustix::fs::unlinkat(dir.handle, name, AtFlags::empty())?;
                rustix::fs::mkdirat(dir.handle, name, private)?;
                (handles::open_dir(dir.handle, name)?, true)
            }
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(WriteError::Exists),
            Err(error) => return Err(error.into()),
        };
        let made = self.made.remove(&self.hasher.hash_one(at.as_path()));
        let before = if new || made {
            Before::Nothing
        } else {
            Before::There
        };
        if existing == Existing::Keep && before == Before::There {
            return Ok(());
        }
        self.dress_dir(at, handle.as_fd(), member, before, inherits)
    }

    /// Sets what does not get into the way of filling the directory, and remembers the rest.
    pub(super) fn dress_dir(
        &mut self,
        at: &Below,
        handle: BorrowedFd<'_>,
        member: &Member,
        before: Before,
        inherits: Inherits,
    ) -> Result<(), WriteError> {
        let on = On::Open(handle);
        let meanwhile = match before {
            Before::Nothing => Mode::RWXU,
            // Others may be at work in it, and would be locked out if this is interrupted.
            Before::There => {
                let now = Mode::from_raw_mode(rustix::fs::fstat(handle)?.st_mode);
                Mode::RWXU | (now & Mode::from_raw_mode(member.mode & 0o7777))
            }
        };
        let owned = attributes::own(member, &mut self.shortfalls, |uid, gid| {
            rustix::fs::fchown(handle, uid, gid)
        });
        if inherits == Inherits::Yes {
            on.disinherit();
        }
        on.extend(member, &mut self.shortfalls);
        // It may have a list now that things made in it inherit.
        self.handles.forget(at.as_path());
        // Somebody else's that was there stays as it is; what belongs into it may still go there.
        if let Err(error) = on.chmod(meanwhile) {
            self.shortfalls.modes.add(&member.path, error);
            return Ok(());
        }
        self.deferred.push(&Later {
            path: at.as_path().to_owned(),
            mode: owned.mode(member.mode).as_raw_mode(),
            mtime: member.mtime,
        })?;
        Ok(())
    }

    pub(super) fn file(
        &mut self,
        parent: &Path,
        name: &OsStr,
        member: &Member,
        content: &mut dyn Read,
        promised: Option<Proof>,
        on_damage: OnDamage,
    ) -> Result<(), WriteError> {
        let partial = self.partials.next();
        let existing = self.existing;
        self.parent(parent)?;
        let dir = self.handles.last();
        if existing == Existing::Keep {
            settle::look_first(dir.handle, name, existing)?;
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let private = Mode::RUSR | Mode::WUSR;
        let file = File::from(rustix::fs::openat(dir.handle, &partial, flags, private)?);
        // Where there are no locks, nobody sweeps files away either.
        let _ = hold(&file);
        let prover = promised.map(Proof::prover).unwrap_or_default();
        let ending = match self.copier.copy(content, member.size, prover, &file) {
            Ok(ending) => ending,
            Err(error) => {
                settle::discard(dir.handle, &partial);
                return Err(error.into());
            }
        };
        dress_file(&file, member, dir.inherits, &mut self.shortfalls);
        let reason = match ending {
            Ending::Whole(proof) if promised.is_none_or(|promised| promised == proof) => {
                return settle::settle(dir.handle, &partial, name, existing);
            }
            Ending::Whole(_) => "its bytes are not those that were saved".to_owned(),
            Ending::Cut(got, why) => format!(
                "only {got} of {} bytes could be read from the archive: {why}",
                member.size
            ),
        };
        let kept = match on_damage {
            OnDamage::Keep => settle::keep_damaged(dir.handle, &partial, name),
            OnDamage::Discard => {
                settle::discard(dir.handle, &partial);
                None
            }
        };
        Err(WriteError::Damaged {
            reason,
            kept: kept.map(|name| self.path.join(parent).join(name)),
        })
    }

    pub(super) fn special(
        &mut self,
        parent: &Path,
        name: &OsStr,
        member: &Member,
    ) -> Result<(), WriteError> {
        let partial = self.partials.next();
        let existing = self.existing;
        self.parent(parent)?;
        let dir = self.handles.last();
        let node = |file_type, device| {
            let private = Mode::RUSR | Mode::WUSR;
            rustix::fs::mknodat(dir.handle, &partial, file_type, private, device)
        };
        let device = rustix::fs::makedev;
        let made = match &member.kind {
            Kind::Symlink(text) => rustix::fs::symlinkat(text, dir.handle, &partial),
            Kind::CharDevice(major, minor) => {
                node(FileType::CharacterDevice, device(*major, *minor))
            }
            Kind::BlockDevice(major, minor) => node(FileType::BlockDevice, device(*major, *minor)),
            Kind::Fifo | Kind::File | Kind::Dir | Kind::HardLink(_) => node(FileType::Fifo, 0),
        };
        let is_device = matches!(member.kind, Kind::CharDevice(..) | Kind::BlockDevice(..));
        match made {
            Err(error @ Errno::PERM) if is_device => {
                self.shortfalls.devices.add(&member.path, error);
                return Err(WriteError::NotAllowed);
            }
            other => other?,
        }
        attributes::dress(
            dir.handle,
            &partial,
            member,
            dir.inherits,
            &mut self.shortfalls,
        );
        settle::settle(dir.handle, &partial, name, existing)
    }
}

/// Owner, attributes, mode and time of a file that is still open.
fn dress_file(file: &File, member: &Member, inherits: bool, shortfalls: &mut Shortfalls) {
    let on = On::Open(file.as_fd());
    let owned = attributes::own(member, shortfalls, |uid, gid| {
        rustix::fs::fchown(file, uid, gid)
    });
    if inherits {
        on.disinherit();
    }
    on.extend(member, shortfalls);
    let set = on
        .chmod(owned.mode(member.mode))
        .and_then(|()| rustix::fs::futimens(file, &attributes::times(member.mtime)));
    if let Err(error) = set {
        shortfalls.modes.add(&member.path, error);
    }
}

/// What was there before a directory was restored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing, or what was made a moment ago on the way to something.
    Nothing,
    /// A directory.
    There,
}

/// Whether a directory inherits an access control list from the one that holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inherits {
    Yes,
    No,
}
