//! The walk: depth first, each directory's names sorted, in a thread ahead of whoever collects.
//!
//! What symbolic links lead to (when links are followed *and* dereferenced, or when the source itself is a
//! link) is walked after everything else under its real path, in rounds, each in order of the paths: so the
//! order is the same every day, whichever link was seen first.

mod walker;

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use rustix::fs::{AtFlags, CWD, FileType, OFlags};
use walker::Walker;

use super::filter::Filter;
use super::found::{Found, Stat, Type, open_quietly};
use super::listing::Listing;
use super::{Mounts, NoDump, Rules};
use crate::event::{printable, printable_path};
use crate::units::{AbsPath, Pattern};

/// Batches that may lie ready.
const AHEAD: usize = 8;
/// Each link that is followed takes a little of the walking thread's stack.
const STACK: usize = 16 << 20;

/// What the walk comes across.
#[derive(Debug)]
pub enum Step {
    /// Something that belongs to the source.
    Found(Found),
    /// Something that may belong to it, but could not be looked at.
    Trouble {
        /// Which path.
        path: PathBuf,
        /// Why, as a lowercase fragment.
        reason: String,
    },
    /// The source is not there or cannot be listed, or its walk broke off: nothing is known about it, or about the rest of it.
    Lost {
        /// Which path.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The source itself is left out, because the ignore file is in it.
    Ignored,
    /// A pattern could not tell whether it matches, so that what it is about is not left out. Told once for each pattern,
    /// when the walk is at its end.
    Undecided {
        /// Which pattern.
        pattern: Pattern,
        /// The first path on which it failed.
        path: PathBuf,
    },
}

/// Where a walk begins.
#[derive(Debug, Clone)]
pub enum Start<'a> {
    /// A single file, without any rules.
    File(&'a Path),
    /// A directory.
    Dir(&'a Path, &'a Rules),
}

impl Start<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Dir(path, _) => path,
        }
    }
}

/// Steps of a walk that goes on in its own thread. Dropped, it ends.
#[derive(Debug)]
pub struct Walk {
    receiver: Receiver<Vec<Step>>,
    batch: std::vec::IntoIter<Step>,
    /// What is walked, as long as it is not known that this was all.
    path: Option<PathBuf>,
}

impl Walk {
    /// Begins to walk.
    pub fn begin(start: &Start<'_>) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        let (path, filter, depth, shape) = match start {
            Start::File(path) => (*path, Filter::default(), 0, Type::File),
            Start::Dir(path, rules) => (
                *path,
                Filter::new(rules),
                i64::from(rules.link_depth),
                Type::Dir,
            ),
        };
        let path = without_trailing_slash(path);
        let mut walker = Walker::new(filter, sender);
        let thread = std::thread::Builder::new().stack_size(STACK);
        let spawned = thread.spawn(move || {
            // An error only says that nobody listens any more.
            let _ = walker.walk(&path, depth, shape);
        });
        let path = start.path().to_owned();
        let (path, batch) = match spawned {
            Ok(_) => (Some(path), Vec::new()),
            Err(reason) => (None, vec![Step::Lost { path, reason }]),
        };
        Self {
            receiver,
            batch: batch.into_iter(),
            path,
        }
    }
}

impl Step {
    /// What is to be said of a pattern that cannot tell whether it matches.
    pub fn undecided(pattern: &Pattern, path: &Path) -> String {
        format!(
            "the pattern `{}` tries too many ways to match {}, and perhaps others: nothing is left out because of it; write it in \
             a simpler way",
            printable(pattern.as_str()),
            printable_path(path)
        )
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.batch.next() {
                return Some(step);
            }
            // The walking thread says when it is at its end; if it only falls silent, it died.
            let path = self.path.take()?;
            match self.receiver.recv() {
                Ok(batch) if batch.is_empty() => return None,
                Ok(batch) => {
                    self.batch = batch.into_iter();
                    self.path = Some(path);
                }
                Err(_) => {
                    let text = "looking through it broke off, which is a mistake of this program";
                    let reason = io::Error::other(text);
                    return Some(Step::Lost { path, reason });
                }
            }
        }
    }
}

/// The subdirectories of `path` that belong to it by `rules`, sorted: real ones, no links. The ignore file is
/// not looked for. A directory that is excluded itself has none.
pub fn children(path: &Path, rules: &Rules) -> io::Result<Vec<AbsPath>> {
    let path = without_trailing_slash(path);
    let filter = Filter::new(rules);
    if filter.excludes(&path) {
        return Ok(Vec::new());
    }
    let dir = open_quietly(CWD, path.as_os_str(), OFlags::DIRECTORY)?;
    let device = Stat::of(&dir)?.device;
    let (listing, fault) = Listing::read(dir.as_fd());
    if let Some(errno) = fault {
        return Err(errno.into());
    }
    let mut children = Vec::new();
    for (name, kind) in (0..).map_while(|index| listing.get(index)) {
        if !matches!(kind, FileType::Directory | FileType::Unknown) {
            continue;
        }
        let child = path.join(name);
        if filter.excludes(&child) {
            continue;
        }
        // What cannot be looked at (a file system of another user's, perhaps) stays with its directory, whose walk says so.
        let Ok(stat) = Stat::at(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let left_out = stat.kind() != Type::Dir
            || (filter.nodump == NoDump::Skip && stat.nodump)
            || (filter.mounts == Mounts::Stay && stat.device != device);
        if !left_out {
            children.push(AbsPath::new(child).map_err(io::Error::other)?);
        }
    }
    Ok(children)
}

/// One trailing slash is taken away, as in Cedar Backup; the root keeps its own.
fn without_trailing_slash(path: &Path) -> PathBuf {
    match path.as_os_str().as_bytes() {
        [rest @ .., b'/'] if !rest.is_empty() => PathBuf::from(OsStr::from_bytes(rest)),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_walk_that_breaks_off_is_not_at_its_end() {
        for (is_ended, lost) in [(true, 0), (false, 1)] {
            let (sender, receiver) = sync_channel(AHEAD);
            sender.send(vec![Step::Ignored]).unwrap();
            if is_ended {
                sender.send(Vec::new()).unwrap();
            }
            drop(sender);
            let walk = Walk {
                receiver,
                batch: Vec::new().into_iter(),
                path: Some(PathBuf::from("/source")),
            };
            let steps: Vec<Step> = walk.collect();
            assert_eq!(steps.len(), 1 + lost);
            let is_lost = |step: &&Step| matches!(step, Step::Lost { .. });
            assert_eq!(steps.iter().filter(is_lost).count(), lost);
        }
    }
}
