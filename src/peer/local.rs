//! A collect directory on this machine.
//!
//! Everything goes through one open handle of the directory, so that nobody can exchange the directory for a
//! link while it is read. No link in it is followed.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use super::copy::{CopyError, Wanted, proof_at, write_copy};
use super::limits::Watched;
use super::transport::{
    Collected, Entry, Errand, Job, LONGEST_INDICATOR, Listing, Refused, Transport, is_wanted,
};
use super::{COLLECTED, PeerError, STAGED};
use crate::fsx;
use crate::sums::Proof;
use crate::units::{AbsPath, Ids};

/// Files that are copied and verified at the same time. They wait for the disk more than for a processor.
const WORKERS: usize = 4;

/// The collect directory, held open.
#[derive(Debug)]
pub(super) struct Local {
    path: PathBuf,
    handle: File,
    /// What `cback.collect` was when the fetching began.
    indicator: Option<Mark>,
}

/// What must stay the same while a file is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: i64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Mark {
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // the fields' types differ between machines
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino as u64,
            bytes: stat.st_size as i64,
            mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::of(&fstat(file)?))
    }
}

/// How one attempt to copy a file ended.
enum Attempt {
    Copied(Proof),
    Changed,
    Refused(Refused),
}

impl Local {
    /// Opens the directory at `path`.
    pub(super) fn open(path: &AbsPath) -> Result<Self, PeerError> {
        let unreadable = |source| PeerError::Unreadable {
            path: path.clone().into(),
            source,
        };
        let handle = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::DIRECTORY.bits().cast_signed())
            .open(path)
            .map_err(unreadable)?;
        let mut local = Self {
            path: path.clone().into(),
            handle,
            indicator: None,
        };
        local.indicator = local.look_at_indicator().map_err(unreadable)?;
        Ok(local)
    }
}

impl Transport for Local {
    fn collected(&self, _limits: &Watched) -> Result<Option<Collected>, PeerError> {
        let modified = |name: &str| {
            modified(&self.handle, name).map_err(|source| self.unreadable(OsStr::new(name), source))
        };
        let Some(collected) = modified(COLLECTED)? else {
            return Ok(None);
        };
        let staged = modified(STAGED)?.is_some_and(|staged| staged >= collected);
        let mut text = Vec::new();
        match self.open_file(OsStr::new(COLLECTED)) {
            Ok(Ok(file)) => {
                file.take(LONGEST_INDICATOR)
                    .read_to_end(&mut text)
                    .map_err(|source| self.unreadable(OsStr::new(COLLECTED), source))?;
            }
            // Whatever is there says that the directory is complete; the listing tells the problem.
            Ok(Err(_)) => {}
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.unreadable(OsStr::new(COLLECTED), source)),
        }
        Ok(Some(Collected { text, staged }))
    }

    fn list(&self, _into: &Path, limits: &Watched) -> Result<Listing, PeerError> {
        let mut entries = Vec::new();
        let mut refused = Vec::new();
        let fault = |source: rustix::io::Errno| PeerError::Unreadable {
            path: self.path.clone(),
            source: source.into(),
        };
        for entry in Dir::read_from(&self.handle).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            if entries.len() + refused.len() > limits.most_files() {
                break;
            }
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if !is_wanted(name) {
                continue;
            }
            let stat = match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(rustix::io::Errno::NOENT) => {
                    return Err(PeerError::Changing(self.path.join(name)));
                }
                Err(error) => {
                    refused.push((name.to_owned(), Refused::Unreadable(error.into())));
                    continue;
                }
            };
            match foreign(FileType::from_raw_mode(stat.st_mode)) {
                None => entries.push(Entry {
                    name: name.to_owned(),
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                    mark: None,
                }),
                Some(what) => refused.push((name.to_owned(), Refused::NotRegular(what))),
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Listing { entries, refused })
    }

    fn get(&self, job: &Job<'_>) -> Result<(), PeerError> {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        let work = || {
            while let Some(entry) = job.entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.get_one(entry, job) {
                    Ok(outcome) => (job.done)(entry, outcome),
                    Err(error) => {
                        // Nobody takes up another file.
                        next.store(job.entries.len(), Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..WORKERS.min(job.entries.len()) {
                scope.spawn(work);
            }
            work();
        });
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), Err)
    }

    fn unchanged(&self) -> Result<(), PeerError> {
        match self.look_at_indicator() {
            Ok(now) if now == self.indicator => Ok(()),
            Ok(_) => Err(PeerError::Changing(self.path.clone())),
            Err(source) => Err(self.unreadable(OsStr::new(COLLECTED), source)),
        }
    }

    fn put(&self, name: &str, text: &[u8], ids: Option<Ids>) -> Result<(), PeerError> {
        let path = self.path.join(name);
        fsx::write_indicator(&path, text, ids)
            .map_err(|source| PeerError::Unwritable { path, source })
    }

    fn exec(&self, errand: &Errand<'_>, _output: &mut dyn FnMut(&[u8])) -> Result<(), PeerError> {
        Err(PeerError::Unmanaged(errand.words.join(" ")))
    }
}

impl Local {
    /// Copies and verifies one file. A file that changes meanwhile is tried once more.
    fn get_one(&self, entry: &Entry, job: &Job<'_>) -> Result<Result<Proof, Refused>, PeerError> {
        let name = &entry.name;
        let target = job.into.join(name);
        let expected = job.claimed.get(name.as_bytes());
        // What an interrupted fetch left is copied again: on one machine that is quicker than proving it.
        let swept = fsx::remove_if_there(&target);
        swept.map_err(|source| PeerError::Unwritable {
            path: target.clone(),
            source,
        })?;
        for _ in 0..2 {
            let mut enough = Ok(());
            let mut came = 0;
            let progress = &mut |more| {
                if enough.is_ok() {
                    came += more;
                    enough = (job.progress)(more);
                }
            };
            let attempt = self.attempt(name, &target, expected, job.ids, progress)?;
            enough?;
            match attempt {
                Attempt::Copied(digest) => return Ok(Ok(digest)),
                Attempt::Refused(why) => return Ok(Err(why)),
                Attempt::Changed => (job.in_vain)(came),
            }
        }
        Err(PeerError::Changing(self.path.join(name)))
    }

    fn attempt(
        &self,
        name: &OsStr,
        target: &Path,
        expected: Option<Proof>,
        ids: Option<Ids>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Attempt, PeerError> {
        let source = match self.open_file(name) {
            Ok(Ok(source)) => source,
            Ok(Err(what)) => return Ok(Attempt::Refused(Refused::NotRegular(what))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Attempt::Changed),
            Err(error) => return Ok(Attempt::Refused(Refused::Unreadable(error))),
        };
        let unreadable = |error| self.unreadable(name, error);
        let before = Mark::of_file(&source).map_err(unreadable)?;
        let wanted = match expected {
            Some(expected) => Wanted::ReadBack(expected),
            None => Wanted::Both,
        };
        let copy = write_copy(&source, target, ids, wanted, progress);
        let give_up = || {
            let removed = std::fs::remove_file(target);
            removed.map_err(|source| PeerError::Unwritable {
                path: target.to_owned(),
                source,
            })
        };
        if before != Mark::of_file(&source).map_err(unreadable)? {
            give_up()?;
            return Ok(Attempt::Changed);
        }
        let copy = match copy {
            Ok(copy) => copy,
            Err(CopyError::Source(error)) => {
                give_up()?;
                return Ok(Attempt::Refused(Refused::Unreadable(error)));
            }
            Err(CopyError::Target(source)) => {
                let path = target.to_owned();
                return Err(if fsx::is_full(&source) {
                    PeerError::Full { path, needed: 0 }
                } else {
                    PeerError::Unwritable { path, source }
                });
            }
        };
        let sound = match expected {
            Some(expected) => expected == copy.read_back,
            None => copy.source == Some(copy.read_back),
        };
        if sound {
            return Ok(Attempt::Copied(copy.read_back));
        }
        give_up()?;
        // Not what was collected, or not what was copied: the source itself tells.
        let now = proof_at(&source, u64::MAX, copy.read_back.prover());
        let now = now.map_err(unreadable)?;
        if expected.is_some() && now == copy.read_back {
            Ok(Attempt::Refused(Refused::Different))
        } else {
            Err(PeerError::Corrupted(target.to_owned()))
        }
    }

    fn look_at_indicator(&self) -> io::Result<Option<Mark>> {
        match statat(&self.handle, COLLECTED, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Mark::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the file `name`, or says what it is instead of a regular file. Never waits for a FIFO.
    fn open_file(&self, name: &OsStr) -> io::Result<Result<File, &'static str>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => return Ok(Err("a symbolic link")),
            Err(error) => return Err(error.into()),
        };
        Ok(
            match foreign(FileType::from_raw_mode(fstat(&file)?.st_mode)) {
                None => Ok(file),
                Some(what) => Err(what),
            },
        )
    }

    fn unreadable(&self, name: &OsStr, source: io::Error) -> PeerError {
        PeerError::Unreadable {
            path: self.path.join(name),
            source,
        }
    }
}

/// When the file `name` in `dir` was last modified, or what it links to; `None` if it does not exist.
#[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // the fields' types differ between machines
fn modified(dir: &File, name: &str) -> io::Result<Option<(i64, i64)>> {
    match statat(dir, name, AtFlags::empty()) {
        Ok(stat) => Ok(Some((stat.st_mtime as i64, stat.st_mtime_nsec as i64))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a thing is that is no regular file.
pub(super) fn foreign(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    }
}
