//! Symbolic links that are followed: at once, in the link's place, or later, under the real path.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::io::Errno;

use super::{Frame, Gone, Walker, unlisted};
use crate::select::found::{Anchor, Stat, Type, open_quietly};
use crate::select::{CacheDirs, Dereference, Mounts, NoDump};

/// Something that a link led to and that is walked later.
pub(super) struct Later {
    pub(super) path: PathBuf,
    pub(super) seen_as: PathBuf,
    pub(super) depth: i64,
}

/// A directory that was walked.
pub(super) struct Walked {
    /// Its real path.
    pub(super) whole: PathBuf,
    pub(super) seen_as: PathBuf,
    pub(super) depth: i64,
}

impl Walker {
    /// Takes a symbolic link: itself, or what it leads to, or both.
    pub(super) fn link(
        &mut self,
        name: &OsStr,
        below: PathBuf,
        stat: Stat,
        stack: &[Frame],
    ) -> Result<(), Gone> {
        let Some((dir, frame)) = stack
            .last()
            .and_then(|frame| Some((frame.fd.as_ref()?, frame)))
        else {
            return Ok(());
        };
        let (anchor, depth) = (Arc::clone(&frame.anchor), frame.depth);
        let target = match rustix::fs::readlinkat(dir, name, Vec::new()) {
            Ok(target) => OsString::from_vec(target.into_bytes()),
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return self.trouble(anchor.path.join(&below), &errno),
        };
        if depth > 0 {
            let led_to = Stat::at(dir.as_fd(), name, AtFlags::empty()).ok();
            let to_dir = led_to.is_some_and(|led_to| led_to.kind() == Type::Dir);
            if led_to.is_some() && self.filter.dereference == Dereference::Yes {
                self.dereference(&anchor, &below, &target, depth);
            } else if to_dir {
                let path = anchor.path.join(&below);
                let fd = match open_quietly(dir.as_fd(), name, OFlags::DIRECTORY) {
                    Ok(fd) => fd,
                    Err(errno) => {
                        self.trouble(path, &unlisted(errno))?;
                        return self.emit(&anchor, below, stat, Some(target), None);
                    }
                };
                let stored = anchor.stored.join(&below);
                let followed = Self::anchor(fd, &stored, &path);
                let device = std::mem::replace(&mut self.device, 0);
                self.device = Stat::of(&followed.fd).map_or(device, |stat| stat.device);
                let walked = self.tree(&followed, depth - 1);
                self.device = device;
                return walked;
            }
        }
        self.emit(&anchor, below, stat, Some(target), None)
    }

    /// Has what the link `below` leads to walked later, under its real path.
    pub(super) fn dereference(
        &mut self,
        anchor: &Anchor,
        below: &Path,
        target: &OsStr,
        depth: i64,
    ) {
        // The directory as the kernel knows it: the link's own path may contain links.
        let own = anchor.stored.join(below);
        let raw = own.parent().unwrap_or(Path::new("/")).join(target);
        let parent = raw.parent().and_then(|dir| std::fs::canonicalize(dir).ok());
        let real = match (parent, raw.file_name()) {
            (Some(parent), Some(last)) => Some(parent.join(last)),
            _ => std::fs::canonicalize(&raw).ok(),
        };
        if let Some(real) = real {
            self.follow_later(real.clone(), real, depth - 1);
        }
    }

    /// Has `path` walked in the next round, seen by the rules as `seen_as`.
    pub(super) fn follow_later(&mut self, path: PathBuf, seen_as: PathBuf, depth: i64) {
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        let key = path.as_os_str().as_bytes().iter().map(rank).collect();
        let later = Later {
            path,
            seen_as,
            depth,
        };
        let known = self.later.entry(key).or_insert_with(|| Later { ..later });
        known.depth = known.depth.max(depth);
    }

    /// If `path` surely was found already below a directory that was walked: the link depth that was left there, below 0
    /// where links were not followed any more.
    pub(super) fn found_with(&self, path: &Path) -> Option<i64> {
        let filter = &self.filter;
        let special = filter.cache_dirs == CacheDirs::Skip
            || filter.nodump == NoDump::Skip
            || filter.mounts == Mounts::Stay;
        let left = |walked: &Walked| {
            let below = path.strip_prefix(&walked.whole).ok()?;
            if below.as_os_str().is_empty() {
                return Some(walked.depth);
            }
            let mut parts = below
                .ancestors()
                .filter(|part| !part.as_os_str().is_empty());
            let mut dirs = below.ancestors().skip(1);
            let was_found = !special
                && parts.all(|part| !self.excludes(&walked.seen_as.join(part)))
                && dirs.all(|dir| !self.is_ignored(&walked.whole.join(dir)));
            let levels = i64::try_from(below.components().count()).ok()?;
            was_found.then_some(walked.depth - levels)
        };
        self.walked.iter().filter_map(left).max()
    }

    /// Whether the ignore file lies in the directory `dir`; if that cannot be seen, it may.
    fn is_ignored(&self, dir: &Path) -> bool {
        let Some(name) = &self.filter.ignore_file else {
            return false;
        };
        let found = Stat::at(CWD, dir.join(name).as_os_str(), AtFlags::empty());
        !matches!(found, Err(Errno::NOENT))
    }
}
