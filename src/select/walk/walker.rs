//! The walking thread: goes from directory to directory, applies the rules, hands over what it comes across.

mod links;
mod outlet;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::filter::Filter;
use super::super::found::{Anchor, Found, Stat, Type, open_below, open_quietly};
use super::super::listing::Listing;
use super::super::{CacheDirs, Dereference, Mounts, NoDump};
use super::Step;

use links::{Later, Walked};
use outlet::Outlet;

pub(super) use outlet::Gone;

/// Directories kept open while others below them are walked; those above are opened again.
const OPEN_DIRS: usize = 64;
/// A longer path cannot be written down.
const LONGEST_PATH: usize = 60_000;
/// How a `CACHEDIR.TAG` begins.
const CACHE_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Walks, and hands over what it comes across in batches.
pub(super) struct Walker {
    filter: Filter,
    asks_for_paths: bool,
    out: Outlet,
    /// What links led to, in the order of paths: link depth, and the path as the rules see it.
    later: BTreeMap<Vec<u8>, Later>,
    walked: Vec<Walked>,
    /// Whether what is walked was handed over before, and only its links are followed further.
    is_again: bool,
    round: u32,
    /// The file system of the tree that is being walked.
    device: u64,
}

/// A directory that is being walked.
struct Frame {
    anchor: Arc<Anchor>,
    below: PathBuf,
    fd: Option<OwnedFd>,
    listing: Listing,
    next: usize,
    depth: i64,
}

impl Walker {
    /// A walker that keeps to `filter` and hands over to `out`.
    pub fn new(filter: Filter, out: SyncSender<Vec<Step>>) -> Self {
        Self {
            asks_for_paths: filter.asks_for_paths(),
            filter,
            out: Outlet::new(out),
            later: BTreeMap::new(),
            walked: Vec::new(),
            is_again: false,
            round: 0,
            device: 0,
        }
    }

    /// Walks the source, then what links led to, and says that this was all.
    pub fn walk(&mut self, path: &Path, depth: i64, shape: Type) -> Result<(), Gone> {
        self.source(path, depth, shape)?;
        self.out.end()
    }

    fn source(&mut self, path: &Path, depth: i64, shape: Type) -> Result<(), Gone> {
        let stat = match Stat::at(CWD, path.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if shape == Type::Dir && !leads_to_dir(path, &stat) => {
                return self.lost(path, Errno::NOTDIR);
            }
            Ok(stat) if shape == Type::File && stat.kind() == Type::Dir => {
                return self.lost(path, Errno::ISDIR);
            }
            Ok(stat) => stat,
            Err(errno) => return self.lost(path, errno),
        };
        self.root(path, path, depth, &stat)?;
        while !self.later.is_empty() {
            self.round += 1;
            for (_, later) in std::mem::take(&mut self.later) {
                if self.excludes(&later.seen_as) {
                    continue;
                }
                let stat = match Stat::at(CWD, later.path.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => stat,
                    Err(Errno::NOENT) => continue,
                    Err(errno) => {
                        self.trouble(later.path, &errno)?;
                        continue;
                    }
                };
                let found_with = self.found_with(&later.path);
                let is_enough = found_with.is_some_and(|left| match stat.kind() {
                    Type::Dir => later.depth <= left.max(0),
                    Type::Symlink => later.depth <= left,
                    _ => true,
                });
                if !is_enough {
                    self.is_again = found_with.is_some();
                    self.root(&later.path, &later.seen_as, later.depth, &stat)?;
                    self.is_again = false;
                }
            }
        }
        for (pattern, path) in self.filter.undecided() {
            self.out.take(Step::Undecided { pattern, path }, 0)?;
        }
        Ok(())
    }

    /// Walks what is at `path`, which the rules see as `seen_as`.
    fn root(&mut self, path: &Path, seen_as: &Path, depth: i64, stat: &Stat) -> Result<(), Gone> {
        if self.excludes(seen_as) {
            return Ok(());
        }
        self.device = stat.device;
        if stat.kind() == Type::Dir {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
            let fd = match open_quietly(CWD, path.as_os_str(), flags) {
                Ok(fd) => fd,
                Err(errno) if self.round == 0 => return self.lost(path, errno),
                Err(errno) => return self.trouble(path.to_owned(), &errno),
            };
            let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            self.walked.push(Walked {
                whole,
                seen_as: seen_as.to_owned(),
                depth,
            });
            return self.tree(&Self::anchor(fd, path, seen_as), depth);
        }
        let Some(name) = path.file_name() else {
            return Ok(());
        };
        let parent = path.parent().unwrap_or(Path::new("/"));
        let dir = match open_quietly(CWD, parent.as_os_str(), OFlags::DIRECTORY) {
            Ok(dir) => dir,
            Err(errno) => return self.trouble(path.to_owned(), &errno),
        };
        let seen_parent = seen_as.parent().unwrap_or(Path::new("/"));
        let anchor = Self::anchor(dir, parent, seen_parent);
        let target = if stat.kind() == Type::Symlink {
            // What the source, or a link to a link, points to is wanted as well; under its real path.
            if let Ok(real) = std::fs::canonicalize(path) {
                self.follow_later(real, seen_as.to_owned(), depth);
            }
            match rustix::fs::readlinkat(&anchor.fd, name, Vec::new()) {
                Ok(target) => Some(OsString::from_vec(target.into_bytes())),
                Err(errno) => return self.trouble(path.to_owned(), &errno),
            }
        } else {
            None
        };
        self.emit(&anchor, PathBuf::from(name), *stat, target, None)
    }

    fn anchor(fd: OwnedFd, path: &Path, seen_as: &Path) -> Arc<Anchor> {
        Arc::new(Anchor {
            fd,
            path: seen_as.to_owned(),
            stored: path.to_owned(),
        })
    }

    /// Walks the directory `anchor` and all below it.
    fn tree(&mut self, anchor: &Arc<Anchor>, depth: i64) -> Result<(), Gone> {
        let mut stack = Vec::new();
        let top = anchor.fd.try_clone().map_err(|error| error.to_string());
        match top {
            Ok(fd) => self.enter(anchor, PathBuf::new(), fd, depth, &mut stack)?,
            Err(error) => self.trouble(anchor.path.clone(), &error)?,
        }
        while let Some(frame) = stack.last_mut() {
            let Some((name, kind)) = frame.listing.get(frame.next) else {
                stack.pop();
                continue;
            };
            let (name, at) = (name.to_owned(), frame.next);
            frame.next = at + 1;
            if frame.fd.is_none() {
                match open_below(&frame.anchor, &frame.below) {
                    Ok(fd) => frame.fd = Some(fd),
                    Err(errno) => {
                        let path = join(&frame.anchor.path, &frame.below);
                        stack.pop();
                        self.trouble(path, &errno)?;
                        continue;
                    }
                }
            }
            self.entry(&name, kind, &mut stack)?;
            // Too many open directories: those at the top are opened again when it is their turn.
            if let Some(above) = stack.len().checked_sub(OPEN_DIRS)
                && let Some(frame) = stack.get_mut(above)
            {
                frame.fd = None;
            }
        }
        Ok(())
    }

    /// Looks at `name` in the directory at the top of the stack.
    fn entry(&mut self, name: &OsStr, kind: FileType, stack: &mut Vec<Frame>) -> Result<(), Gone> {
        let Some(frame) = stack.last() else {
            return Ok(());
        };
        let Some(dir) = frame.fd.as_ref() else {
            return Ok(());
        };
        let (anchor, depth) = (Arc::clone(&frame.anchor), frame.depth);
        let below = frame.below.join(name);
        if self.asks_for_paths && self.excludes(&anchor.path.join(&below)) {
            if self.filter.dereference == Dereference::Yes && depth > 0 {
                // Only the link is excluded: what it leads to has a path of its own to be excluded by.
                if let Ok(target) = rustix::fs::readlinkat(dir, name, Vec::new())
                    && Stat::at(dir.as_fd(), name, AtFlags::empty()).is_ok()
                {
                    let target = OsString::from_vec(target.into_bytes());
                    self.dereference(&anchor, &below, &target, depth);
                }
            }
            return Ok(());
        }
        if below.as_os_str().len() > LONGEST_PATH {
            let text = "its path is longer than can be written down";
            return self.trouble(anchor.path.join(&below), text);
        }
        if matches!(kind, FileType::Directory) {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
            match open_quietly(dir.as_fd(), name, flags) {
                Ok(fd) => return self.enter(&anchor, below, fd, depth - 1, stack),
                Err(Errno::NOENT) => return Ok(()),
                // It became something else, or may not be listed: look what it is.
                Err(_) => {}
            }
        }
        let stat = match Stat::at(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return self.trouble(anchor.path.join(&below), &errno),
        };
        if self.filter.nodump == NoDump::Skip && stat.nodump {
            return Ok(());
        }
        match stat.kind() {
            Type::Dir => {
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
                match open_quietly(dir.as_fd(), name, flags) {
                    Ok(fd) => self.enter(&anchor, below, fd, depth - 1, stack),
                    Err(errno) => {
                        self.trouble(anchor.path.join(&below), &unlisted(errno))?;
                        self.emit(&anchor, below, stat, None, Some(unlisted(errno)))
                    }
                }
            }
            Type::Symlink => self.link(name, below, stat, stack),
            Type::Socket => {
                log::debug!("left out a socket: {}", anchor.path.join(&below).display());
                Ok(())
            }
            _ => self.emit(&anchor, below, stat, None, None),
        }
    }

    /// Takes the directory `fd` and puts it on the stack, unless the rules leave it out.
    fn enter(
        &mut self,
        anchor: &Arc<Anchor>,
        below: PathBuf,
        fd: OwnedFd,
        depth: i64,
        stack: &mut Vec<Frame>,
    ) -> Result<(), Gone> {
        let path = || join(&anchor.path, &below);
        let stat = match Stat::of(&fd) {
            Ok(stat) => stat,
            Err(error) => return self.trouble(path(), &error),
        };
        if self.filter.nodump == NoDump::Skip && stat.nodump {
            return Ok(());
        }
        if self.filter.mounts == Mounts::Stay && stat.device != self.device {
            return self.emit(anchor, below, stat, None, None);
        }
        let (mut listing, fault) = Listing::read(fd.as_fd());
        if let Some(name) = &self.filter.ignore_file {
            let there = listing.find(name).is_some()
                && Stat::at(fd.as_fd(), name, AtFlags::empty()).is_ok();
            if there {
                let is_source = self.round == 0 && stack.is_empty() && below.as_os_str().is_empty();
                return if is_source {
                    self.out.take(Step::Ignored, 0)
                } else {
                    Ok(())
                };
            }
        }
        if self.filter.cache_dirs == CacheDirs::Skip
            && let Some(tag) = listing.find(OsStr::new("CACHEDIR.TAG"))
            && is_cache(&fd)
        {
            listing.keep_only(tag);
        }
        let unlisted = fault.map(unlisted);
        if let Some(reason) = &unlisted {
            self.trouble(path(), reason)?;
        }
        self.emit(anchor, below.clone(), stat, None, unlisted)?;
        stack.push(Frame {
            anchor: Arc::clone(anchor),
            below,
            fd: Some(fd),
            listing,
            next: 0,
            depth,
        });
        Ok(())
    }

    fn excludes(&self, path: &Path) -> bool {
        self.asks_for_paths && self.filter.excludes(path)
    }

    fn emit(
        &mut self,
        anchor: &Arc<Anchor>,
        below: PathBuf,
        stat: Stat,
        target: Option<OsString>,
        unlisted: Option<String>,
    ) -> Result<(), Gone> {
        if self.is_again {
            return Ok(());
        }
        let bytes = below.as_os_str().len();
        let found = Found {
            anchor: Arc::clone(anchor),
            below,
            stat,
            target,
            round: self.round,
            unlisted,
        };
        self.out.take(Step::Found(found), bytes)
    }

    fn trouble(
        &mut self,
        path: PathBuf,
        reason: &(impl std::fmt::Display + ?Sized),
    ) -> Result<(), Gone> {
        if self.is_again {
            return Ok(()); // it was told
        }
        let reason = reason.to_string();
        self.out.take(Step::Trouble { path, reason }, 0)
    }

    fn lost(&mut self, path: &Path, errno: Errno) -> Result<(), Gone> {
        let (path, reason) = (path.to_owned(), errno.into());
        self.out.take(Step::Lost { path, reason }, 0)
    }
}

/// Whether `path`, of which `stat` is known, is a directory or a link to one.
fn leads_to_dir(path: &Path, stat: &Stat) -> bool {
    match stat.kind() {
        Type::Dir => true,
        Type::Symlink => path.is_dir(),
        _ => false,
    }
}

/// Whether the directory `fd` has a sound `CACHEDIR.TAG`.
fn is_cache(fd: &OwnedFd) -> bool {
    use std::io::Read as _;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(tag) = rustix::fs::openat(fd, "CACHEDIR.TAG", flags, Mode::empty()) else {
        return false;
    };
    let mut start = [0; CACHE_TAG.len()];
    std::fs::File::from(tag).read_exact(&mut start).is_ok() && start == *CACHE_TAG
}

fn unlisted(errno: Errno) -> String {
    format!("what is in it could not be listed: {errno}")
}

fn join(anchor: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() {
        anchor.to_owned()
    } else {
        anchor.join(below)
    }
}
