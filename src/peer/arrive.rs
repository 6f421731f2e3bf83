//! How bytes from elsewhere become verified, durable files.
//!
//! Syncing thousands of small files one by one takes far longer than fetching them. So they are gathered: when
//! enough of them have come, the file system is synced once, and then each is read back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, Mode, OFlags, fadvise};

use super::PeerError;
use super::begun::{Begun, Follower, Found};
use super::copy::digest_at;
use super::transport::{Entry, Job, Refused};
use crate::fsx::{self, EarlySync};
use crate::sums::{Digest, Hasher};

/// So many files, or so many bytes, are synced together.
const FILES: usize = 1000;
const BYTES: u64 = 256 << 20;

/// Takes the files of one job.
pub(super) struct Arrivals<'a> {
    job: &'a Job<'a>,
    waiting: Vec<Waiting<'a>>,
    bytes: u64,
    again: Vec<&'a Entry>,
    begun: Begun,
    /// Of files that will be asked for from where they were.
    found: RefCell<HashMap<&'a OsStr, Found>>,
}

/// A file that is written and not yet durable.
struct Waiting<'a> {
    entry: &'a Entry,
    /// What it must be.
    digest: Digest,
    whose: Whose,
    resumed: bool,
}

/// Who says what the digest is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The peer claims it.
    Claimed,
    /// The bytes had it when they arrived.
    Arrived,
}

/// A file that is being written.
pub(super) struct Arriving {
    file: File,
    path: PathBuf,
    /// Whoever claims no digest is followed.
    follower: Option<Follower>,
    early: EarlySync,
    resumed: bool,
    /// Bytes that are there.
    pub(super) bytes: u64,
    /// What has to come first, if it is still the same file.
    overlap: Vec<u8>,
    /// It is another one.
    other: bool,
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        Self {
            job,
            waiting: Vec::new(),
            bytes: 0,
            again: Vec::new(),
            begun: Begun::of(job),
            found: RefCell::default(),
        }
    }

    /// Begins the file of `entry`. What an interrupted fetch left of it counts, if the peer claims a digest for the
    /// whole, by which it will be proved, or if it is [proved](Begun::found) already; the next byte is that at
    /// [`Arriving::bytes`].
    pub(super) fn begin(&self, entry: &'a Entry, resume: Resume) -> Result<Arriving, PeerError> {
        let path = self.job.into.join(&entry.name);
        let claimed = self.job.claimed.get(entry.name.as_bytes()).is_some();
        let found = match resume {
            Resume::Yes if !claimed => {
                self.look_for(entry);
                self.found.borrow_mut().remove(entry.name.as_os_str())
            }
            _ => None,
        };
        let (from, overlap, hasher) = match found {
            Some(found) => (found.from, found.overlap, found.hasher),
            None => (0, Vec::new(), Hasher::default()),
        };
        let opened = || -> io::Result<(File, u64)> {
            let mut file = fsx::open_beneath(
                self.job.into,
                &entry.name,
                OFlags::RDWR | OFlags::CREATE,
                Mode::RUSR | Mode::WUSR,
            )?;
            let there = file.metadata()?.len();
            if !claimed {
                file.set_len(from)?;
            } else if resume == Resume::No || there > entry.bytes {
                file.set_len(0)?;
            }
            let bytes = file.seek(SeekFrom::End(0))?;
            Ok((file, bytes))
        };
        let (file, bytes) = opened().map_err(|error| unwritable(&path, error))?;
        (self.job.progress)(bytes)?;
        Ok(Arriving {
            file,
            path,
            follower: (!claimed).then(|| self.begun.follow(entry, hasher, bytes)),
            early: EarlySync::default(),
            resumed: bytes > 0,
            bytes,
            overlap,
            other: false,
        })
    }

    /// How many bytes of `entry` [`begin`](Self::begin) would find, if it may.
    pub(super) fn there(&self, entry: &'a Entry) -> Result<u64, PeerError> {
        if self.job.claimed.get(entry.name.as_bytes()).is_none() {
            self.look_for(entry);
            let found = self.found.borrow();
            return Ok(found
                .get(entry.name.as_os_str())
                .map_or(0, |found| found.from));
        }
        let path = self.job.into.join(&entry.name);
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.len() <= entry.bytes => Ok(metadata.len()),
            Ok(_) => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(unwritable(&path, error)),
        }
    }

    /// Looks once whether `entry`, for which no digest is claimed, was begun.
    fn look_for(&self, entry: &'a Entry) {
        let mut found = self.found.borrow_mut();
        if !found.contains_key(entry.name.as_os_str())
            && let Some(one) = self.begun.found(self.job.into, entry)
        {
            found.insert(&entry.name, one);
        }
    }

    /// The file of `entry` was brought here by a program.
    pub(super) fn came(&mut self, entry: &'a Entry) -> Result<(), PeerError> {
        let path = self.job.into.join(&entry.name);
        let opened = || -> io::Result<(File, Digest)> {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK;
            let file = fsx::open_beneath(self.job.into, &entry.name, flags, Mode::empty())?;
            let digest = digest_at(&file, u64::MAX)?;
            Ok((file, digest))
        };
        let (file, digest) = opened().map_err(|error| unwritable(&path, error))?;
        if let Some(claimed) = self.job.claimed.get(entry.name.as_bytes())
            && claimed != digest
        {
            return self.refused(entry, Refused::Different);
        }
        let settled = || -> io::Result<()> {
            if let Some(ids) = self.job.ids {
                std::os::unix::fs::fchown(&file, Some(ids.uid), Some(ids.gid))?;
            }
            let mode = file.metadata()?.permissions().mode() & 0o777;
            file.set_permissions(Permissions::from_mode(mode))
        };
        settled().map_err(|error| unwritable(&path, error))?;
        self.waiting.push(Waiting {
            entry,
            digest,
            whose: Whose::Arrived,
            resumed: false,
        });
        Ok(())
    }

    /// The file of `entry` is whole, and has that mode.
    pub(super) fn whole(
        &mut self,
        entry: &'a Entry,
        arriving: Arriving,
        mode: u32,
    ) -> Result<(), PeerError> {
        let Arriving {
            file,
            path,
            follower,
            mut early,
            resumed,
            bytes,
            other,
            ..
        } = arriving;
        if other {
            self.again.push(entry);
            return Ok(());
        }
        let mut settled = || -> io::Result<()> {
            early.finish()?;
            if let Some(ids) = self.job.ids {
                std::os::unix::fs::fchown(&file, Some(ids.uid), Some(ids.gid))?;
            }
            file.set_permissions(Permissions::from_mode(mode & 0o777))
        };
        settled().map_err(|error| unwritable(&path, error))?;
        let (digest, whose) = match (follower, self.job.claimed.get(entry.name.as_bytes())) {
            (Some(follower), _) => (follower.digest(), Whose::Arrived),
            (None, Some(claimed)) => (claimed, Whose::Claimed),
            (None, None) => (Hasher::default().finish(), Whose::Arrived),
        };
        self.waiting.push(Waiting {
            entry,
            digest,
            whose,
            resumed,
        });
        self.bytes += bytes;
        if self.waiting.len() >= FILES || self.bytes >= BYTES {
            self.settle()?;
        }
        Ok(())
    }

    /// The file of `entry` did not come.
    pub(super) fn refused(&self, entry: &Entry, why: Refused) -> Result<(), PeerError> {
        let path = self.job.into.join(&entry.name);
        fsx::remove_if_there(&path).map_err(|error| unwritable(&path, error))?;
        (self.job.done)(entry, Err(why));
        Ok(())
    }

    /// Makes everything that came durable, and reads it back.
    pub(super) fn settle(&mut self) -> Result<(), PeerError> {
        let into = self.job.into;
        let dir = File::open(into).map_err(|error| unwritable(into, error))?;
        if !self.waiting.is_empty() {
            rustix::fs::syncfs(&dir).map_err(|error| unwritable(into, error.into()))?;
        }
        for waiting in self.waiting.drain(..) {
            let path = into.join(&waiting.entry.name);
            let read_back = || -> io::Result<Digest> {
                let name = &waiting.entry.name;
                let file = fsx::open_beneath(into, name, OFlags::RDONLY, Mode::empty())?;
                // Out of the cache, so that it is the device that is read.
                let _ = fadvise(&file, 0, None, Advice::DontNeed);
                digest_at(&file, u64::MAX)
            };
            let digest = read_back().map_err(|error| unwritable(&path, error))?;
            if digest == waiting.digest {
                (self.job.done)(waiting.entry, Ok(digest));
            } else if waiting.whose == Whose::Arrived {
                return Err(PeerError::Corrupted(path));
            } else if waiting.resumed {
                // What was there belonged to another file of that name.
                self.again.push(waiting.entry);
            } else {
                fsx::remove_if_there(&path).map_err(|error| unwritable(&path, error))?;
                (self.job.done)(waiting.entry, Err(Refused::Different));
            }
        }
        self.bytes = 0;
        Ok(())
    }

    /// After everything settled: what has to be fetched again from the beginning.
    pub(super) fn again(&mut self) -> Vec<&'a Entry> {
        std::mem::take(&mut self.again)
    }
}

/// Whether what is there already counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    Yes,
    No,
}

impl Arriving {
    /// The next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PeerError> {
        self.file
            .write_all(bytes)
            .map_err(|error| unwritable(&self.path, error))?;
        if let Some(follower) = &mut self.follower {
            let same = bytes.len().min(self.overlap.len());
            if self.overlap.drain(..same).ne(bytes[..same].iter().copied()) {
                self.other = true;
                follower.forget();
            }
            follower.update(bytes);
        }
        self.bytes += bytes.len() as u64;
        self.early.wrote(&self.file, bytes.len() as u64);
        Ok(())
    }
}

/// A full file system is something else than one that cannot be written.
pub(super) fn unwritable(path: &Path, source: io::Error) -> PeerError {
    let path = path.to_owned();
    if fsx::is_full(&source) {
        PeerError::Full { path, needed: 0 }
    } else {
        PeerError::Unwritable { path, source }
    }
}
