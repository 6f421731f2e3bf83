//! A collect directory on this machine.
//!
//! Everything goes through one open handle of the directory, so that nobody can exchange the directory for a
//! link while it is read. No link in it is followed.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use super::copy::{CopyError, Wanted, digest_at, write_copy};
use super::{COLLECTED, PeerError, Readiness, STAGED, is_wanted};
use crate::event::{Monitor, Tell as _, printable};
use crate::fsx;
use crate::sums::{Digest, Sums};
use crate::units::{AbsPath, Ids};

/// Where the collect directory is.
#[derive(Debug, Clone)]
pub(super) struct Local {
    path: AbsPath,
}

/// The collect directory, held open.
pub(super) struct Source {
    path: PathBuf,
    handle: File,
    /// What `cback.collect` was when the fetching began.
    indicator: Option<Mark>,
}

/// A regular file that is to be fetched.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) bytes: u64,
}

/// What is in a collect directory.
pub(super) struct Listing {
    /// What to fetch, by the bytes of the names.
    pub(super) entries: Vec<Entry>,
    /// What cannot be fetched.
    pub(super) refused: Vec<(OsString, Refused)>,
}

/// Why one entry of the directory is not staged, while the others are.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}; only regular files are staged")]
    NotRegular(&'static str),
    #[error("it is on the list of what was collected, but not there")]
    Missing,
    #[error("it is not what was collected: its digest differs from the one in cback.collect")]
    Different,
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
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
    Copied(Digest),
    Changed,
    Refused(Refused),
}

impl Local {
    pub(super) fn new(path: AbsPath) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn readiness(&self) -> Result<Readiness, PeerError> {
        let unreadable = |path: PathBuf| move |source| PeerError::Unreadable { path, source };
        // A directory that cannot be looked into is not one without the indicator.
        let directory =
            std::fs::metadata(&self.path).map_err(unreadable(self.path.clone().into()))?;
        if !directory.is_dir() {
            let error = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(unreadable(self.path.clone().into())(error));
        }
        let collected = self.path.join(COLLECTED).to_path_buf();
        let staged = self.path.join(STAGED).to_path_buf();
        let Some(collected) = modified(&collected).map_err(unreadable(collected))? else {
            return Ok(Readiness::NotReady);
        };
        match modified(&staged).map_err(unreadable(staged))? {
            Some(staged) if staged >= collected => Ok(Readiness::Staged),
            _ => Ok(Readiness::Ready),
        }
    }

    pub(super) fn open(&self) -> Result<Source, PeerError> {
        let unreadable = |source| PeerError::Unreadable {
            path: self.path.clone().into(),
            source,
        };
        let handle = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::DIRECTORY.bits().cast_signed())
            .open(&self.path)
            .map_err(unreadable)?;
        let mut source = Source {
            path: self.path.clone().into(),
            handle,
            indicator: None,
        };
        source.indicator = source.look_at_indicator().map_err(unreadable)?;
        Ok(source)
    }

    pub(super) fn put(&self, name: &str, text: &[u8], ids: Option<Ids>) -> Result<(), PeerError> {
        let path = self.path.join(name).to_path_buf();
        fsx::write_indicator(&path, text, ids)
            .map_err(|source| PeerError::Unwritable { path, source })
    }
}

impl Source {
    /// The digests that the peer says it collected; none if `cback.collect` is not ours.
    pub(super) fn claimed(&self, monitor: &dyn Monitor) -> Result<Sums, PeerError> {
        let mut file = match self.open_file(OsStr::new(COLLECTED)) {
            Ok(Ok(file)) => file,
            // Whatever is there says that the directory is complete; the listing tells the problem.
            Ok(Err(_)) => return Ok(Sums::new()),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(PeerError::Changing(self.path.clone()));
            }
            Err(source) => return Err(self.unreadable(OsStr::new(COLLECTED), source)),
        };
        let mut text = Vec::new();
        io::Read::read_to_end(&mut file, &mut text)
            .map_err(|source| self.unreadable(OsStr::new(COLLECTED), source))?;
        Ok(Sums::parse(&text).unwrap_or_else(|error| {
            let path = self.path.join(COLLECTED);
            monitor.note(format!(
                "{}: {error}; its text is not used",
                printable(&path.to_string_lossy())
            ));
            Sums::new()
        }))
    }

    /// Everything in the directory that is not passed by.
    pub(super) fn list(&self) -> Result<Listing, PeerError> {
        let mut entries = Vec::new();
        let mut refused = Vec::new();
        let fault = |source: rustix::io::Errno| PeerError::Unreadable {
            path: self.path.clone(),
            source: source.into(),
        };
        for entry in Dir::read_from(&self.handle).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." || !is_wanted(name) {
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
                }),
                Some(what) => refused.push((name.to_owned(), Refused::NotRegular(what))),
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Listing { entries, refused })
    }

    /// Copies the file `name` into the directory `into` and verifies it. A file that changes meanwhile is tried
    /// once more.
    pub(super) fn get(
        &self,
        name: &OsStr,
        into: &Path,
        expected: Option<Digest>,
        ids: Option<Ids>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Result<Digest, Refused>, PeerError> {
        let target = into.join(name);
        for _ in 0..2 {
            match self.attempt(name, &target, expected, ids, progress)? {
                Attempt::Copied(digest) => return Ok(Ok(digest)),
                Attempt::Refused(why) => return Ok(Err(why)),
                Attempt::Changed => {}
            }
        }
        Err(PeerError::Changing(self.path.join(name)))
    }

    fn attempt(
        &self,
        name: &OsStr,
        target: &Path,
        expected: Option<Digest>,
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
            Some(_) => Wanted::ReadBack,
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
        let now = digest_at(&source, u64::MAX).map_err(unreadable)?;
        if expected.is_some() && now == copy.read_back {
            Ok(Attempt::Refused(Refused::Different))
        } else {
            Err(PeerError::Corrupted(target.to_owned()))
        }
    }

    /// Whether `cback.collect` is still the one with which the fetching began. If not, a new collection is under
    /// way, and what was fetched may be half of it.
    pub(super) fn unchanged(&self) -> Result<(), PeerError> {
        match self.look_at_indicator() {
            Ok(now) if now == self.indicator => Ok(()),
            Ok(_) => Err(PeerError::Changing(self.path.clone())),
            Err(source) => Err(self.unreadable(OsStr::new(COLLECTED), source)),
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

/// When the file at `path` was last modified; `None` if it does not exist.
fn modified(path: &Path) -> io::Result<Option<SystemTime>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        metadata => metadata?.modified().map(Some),
    }
}

/// What a thing is that is no regular file.
fn foreign(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    }
}
