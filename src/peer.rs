//! A peer: somebody's collect directory, from which the master fetches archives.
//!
//! A peer says with `cback.collect` that its directory is complete; if the indicator has a text, that text lists
//! the digests of what was collected. The master fetches every regular file there, verifies each, and says with
//! `cback.stage`, which lists what was staged, that the peer may forget or build on it.
//!
//! How the files are reached is private: today a directory of this machine.

mod copy;
mod ignore;
mod local;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::fsx;
use crate::sums::{self, Sums};
use crate::units::{AbsPath, Day, Ids, PeerName};

pub use ignore::{Ignore, Occasion};
use local::{Local, Refused};

/// Indicator in a collect directory: its data may be fetched.
pub const COLLECTED: &str = "cback.collect";
/// Indicator in a collect directory: the peer was staged.
pub const STAGED: &str = "cback.stage";

/// Files that are copied and verified at the same time. They wait for the disk more than for a processor.
const WORKERS: usize = 4;

/// Somebody's collect directory.
#[derive(Debug, Clone)]
pub struct Peer {
    name: PeerName,
    place: Local,
}

/// How far a peer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Its directory is complete and was not staged yet.
    Ready,
    /// Its directory is complete, and nothing was collected since it was staged.
    Staged,
    /// It has no `cback.collect`.
    NotReady,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Digests of the files that are there now, by name.
    pub sums: Sums,
    /// Their bytes in all.
    pub bytes: u64,
}

/// Why a peer could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its directory cannot be read.
    #[error("cannot read {}: {source}", event::printable(&path.to_string_lossy()))]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file changed while it was copied, and again when it was copied once more; or the directory did.
    #[error("{} changed while it was copied", event::printable(&.0.to_string_lossy()))]
    Changing(PathBuf),
    /// There is not a single file that could be staged.
    #[error("{} has no file that could be staged", event::printable(&.0.to_string_lossy()))]
    Nothing(PathBuf),
    /// The daily directory has the collection of another day under the same name.
    #[error(
        "{} of {coming} would replace that of {there}, which is in the same daily directory; it stays where it \
         is, and what the peer collects next has everything that is in it",
        event::printable(&name.to_string_lossy())
    )]
    OtherDay {
        /// The name of the manifest.
        name: OsString,
        /// The day of the collection that is there.
        there: Day,
        /// The day of the one that was to be staged.
        coming: Day,
    },
    /// What was written reads back as something else: the disk or the memory of this machine is failing.
    #[error("the copy {} reads back differently than it was written", event::printable(&.0.to_string_lossy()))]
    Corrupted(PathBuf),
    /// The file system that the files are copied to is full.
    #[error("no room for {}", event::printable(&path.to_string_lossy()))]
    Full {
        /// The file that found no room.
        path: PathBuf,
        /// Bytes of all of the peer's files.
        needed: u64,
    },
    /// The copy cannot be written.
    #[error("cannot write {}: {source}", event::printable(&path.to_string_lossy()))]
    Unwritable {
        /// The copy, or the indicator in the collect directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Peer {
    /// The peer `name` whose collect directory is on this machine.
    pub fn local(name: PeerName, collect_dir: AbsPath) -> Self {
        Self {
            name,
            place: Local::new(collect_dir),
        }
    }

    /// Its name.
    pub fn name(&self) -> &PeerName {
        &self.name
    }

    /// Its collect directory, on whatever machine that is.
    pub fn collect_dir(&self) -> &Path {
        self.place.path()
    }

    /// Whether its files may be fetched.
    pub fn readiness(&self) -> Result<Readiness, PeerError> {
        self.place.readiness()
    }

    /// Copies every regular file of the collect directory into the empty directory `into`, gives them to `ids`,
    /// and makes them durable.
    ///
    /// What is guaranteed of each file that is on the returned list: the copy was read back after it was written
    /// out (from the device, where the file system lets go of its cache), and its digest is that of the source's
    /// bytes. These are the digest that the peer wrote into `cback.collect`, where it did; else the source is read
    /// for it. A copy that shares the source's blocks (reflink) is read once for both. The source had the same
    /// size, times and inode before and after.
    ///
    /// Anything that is no regular file, and a file that is not what the peer says it collected, is a problem and
    /// left out. Partial names and an old `cback.stage` are passed by. Permission bits stay as they are, except
    /// set-user and set-group, which must not come into the backup user's hands.
    pub fn fetch(
        &self,
        into: &Path,
        ids: Option<Ids>,
        monitor: &dyn Monitor,
    ) -> Result<Fetched, PeerError> {
        let source = self.place.open()?;
        let claimed = source.claimed(monitor)?;
        let local::Listing {
            entries,
            mut refused,
        } = source.list()?;
        let needed = entries.iter().map(|entry| entry.bytes).sum();
        refused.extend(missing(&claimed, &entries, &refused));

        let task = format!("staging {}", self.name);
        let done = AtomicU64::new(0);
        let next = AtomicUsize::new(0);
        let sums = Mutex::new(Sums::new());
        let refused = Mutex::new(refused);
        let failed = Mutex::new(None);
        let work = || {
            while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                let progress = &mut |more| {
                    monitor.observe(&Event::Progress(Progress {
                        task: &task,
                        done: done.fetch_add(more, Ordering::Relaxed) + more,
                        total: Some(needed),
                        files: None,
                    }));
                };
                let expected = claimed.get(entry.name.as_bytes());
                match source.get(&entry.name, into, expected, ids, progress) {
                    Ok(Ok(digest)) => {
                        locked(&sums).insert(entry.name.as_bytes(), digest);
                    }
                    Ok(Err(reason)) => locked(&refused).push((entry.name.clone(), reason)),
                    Err(error) => {
                        // Nobody takes up another file.
                        next.store(entries.len(), Ordering::Relaxed);
                        locked(&failed).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..WORKERS.min(entries.len()) {
                scope.spawn(work);
            }
            work();
        });
        monitor.observe(&Event::ProgressEnd(&task));
        if let Some(mut error) = into_inner(failed) {
            if let PeerError::Full { needed: all, .. } = &mut error {
                *all = needed;
            }
            return Err(error);
        }
        let mut refused = into_inner(refused);
        refused.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, reason) in &refused {
            tell(monitor, &self.collect_dir().join(name), reason);
        }
        source.unchanged()?;
        let sums = into_inner(sums);
        if sums.is_empty() {
            return Err(PeerError::Nothing(self.collect_dir().to_owned()));
        }
        let kept = |name: &OsStr| sums.get(name.as_bytes()).is_some();
        let bytes = entries
            .iter()
            .filter(|entry| kept(&entry.name))
            .map(|entry| entry.bytes)
            .sum();
        Ok(Fetched { sums, bytes })
    }

    /// Says to the peer, with `cback.stage` in its collect directory, that what is on the list is safe on the
    /// master, in the directory of `day`. To be called when it is.
    pub fn acknowledge(&self, day: Day, sums: &Sums, ids: Option<Ids>) -> Result<(), PeerError> {
        let mut text = format!("{}{day}\n", sums::STAGED_ON).into_bytes();
        text.extend_from_slice(&sums.to_text());
        self.place.put(STAGED, &text, ids)
    }
}

/// What the peer says it collected and does not have.
fn missing(
    claimed: &Sums,
    entries: &[local::Entry],
    refused: &[(OsString, Refused)],
) -> Vec<(OsString, Refused)> {
    let there: std::collections::HashSet<&OsStr> = entries
        .iter()
        .map(|entry| entry.name.as_os_str())
        .chain(refused.iter().map(|(name, _)| name.as_os_str()))
        .collect();
    claimed
        .iter()
        .map(|(name, _)| OsStr::from_bytes(name))
        .filter(|name| !there.contains(name))
        .map(|name| (name.to_owned(), Refused::Missing))
        .collect()
}

fn tell(monitor: &dyn Monitor, path: &Path, refused: &Refused) {
    let problem = Problem::with_file(path, refused);
    monitor.problem(&match refused {
        Refused::NotRegular(_) => problem.advise(
            "a collect directory holds archives; move this away, or collect it as a source",
        ),
        Refused::Missing | Refused::Different => {
            problem.advise("run `cback collect` on the peer, then `cback stage` again")
        }
        Refused::Unreadable(_) => problem.advise("let the backup user read it, then stage again"),
    });
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether `name` is staged at all.
fn is_wanted(name: &OsStr) -> bool {
    name != STAGED && !fsx::is_partial(name)
}
