//! How bytes from elsewhere become verified, durable files.
//!
//! Two ways, by size. Syncing thousands of small files one by one takes far longer than fetching them: they are
//! gathered, and when enough of them have come, the file system is synced once and each is read back, while the next
//! ones arrive ([`settle`]). A large file goes to the disk, and is read back from there, while it arrives ([`large`]).

mod large;
mod settle;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::PeerError;
use super::begun::{Begun, Follower, Found};
use super::copy::digest_at;
use super::transport::{Entry, Job, Refused};
use crate::fsx;
use crate::sums::{Digest, Hasher};
use large::{ALIGNED, Large};
use settle::Settler;

/// So many files, or so many bytes, are synced together.
const FILES: usize = 2000;
const BYTES: u64 = 256 << 20;
/// Batches that are settled while the next one comes.
const BATCHES: usize = 2;
/// From so many bytes on a file is a large one.
const LARGE: u64 = 8 << 20;
/// Large files whose end is settled while the next one comes.
const ENDINGS: usize = 2;

/// Takes the files of one job.
pub(super) struct Arrivals<'a> {
    job: &'a Job<'a>,
    dir: Arc<File>,
    /// What an interrupted fetch left.
    before: HashSet<OsString>,
    /// Small files that are written and not yet durable.
    gathered: Vec<Waiting<'a>>,
    bytes: u64,
    settler: Option<Settler>,
    /// What the settler has, the oldest first.
    settling: VecDeque<Vec<Waiting<'a>>>,
    /// Large files that are whole and not yet durable.
    ending: VecDeque<(Waiting<'a>, Large)>,
    again: Vec<&'a Entry>,
    begun: Begun,
    /// Of files that will be asked for from where they were.
    found: RefCell<HashMap<&'a OsStr, Found>>,
}

/// A file that is to become durable and be read back.
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
    way: Way,
    path: PathBuf,
    /// Whoever claims no digest is followed. After the way: what is recorded is on the disk.
    follower: Option<Follower>,
    resumed: bool,
    /// Bytes that are there.
    pub(super) bytes: u64,
    /// What has to come first, if it is still the same file.
    overlap: Vec<u8>,
    /// It is another one.
    other: bool,
}

/// How it gets to the disk.
enum Way {
    Gathered(File),
    Large(Large),
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Result<Self, PeerError> {
        let opened = || -> io::Result<(File, HashSet<OsString>)> {
            let dir = File::open(job.into)?;
            let names = std::fs::read_dir(job.into)?.map(|entry| Ok(entry?.file_name()));
            Ok((dir, names.collect::<io::Result<_>>()?))
        };
        let (dir, before) = opened().map_err(|error| unwritable(job.into, error))?;
        Ok(Self {
            job,
            dir: Arc::new(dir),
            before,
            gathered: Vec::new(),
            bytes: 0,
            settler: None,
            settling: VecDeque::new(),
            ending: VecDeque::new(),
            again: Vec::new(),
            begun: Begun::of(job),
            found: RefCell::default(),
        })
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
        let begun = || -> io::Result<(Way, u64)> {
            let flags = OFlags::RDWR | OFlags::CREATE;
            let mode = Mode::RUSR | Mode::WUSR;
            if resume == Resume::Yes && !self.before.contains(&entry.name) {
                let file = fsx::open_in(&self.dir, &entry.name, flags | OFlags::EXCL, mode)?;
                return Ok((self.way(entry, file, 0)?, 0));
            }
            let mut file = fsx::open_in(&self.dir, &entry.name, flags, mode)?;
            let there = file.metadata()?.len();
            let bytes = match resume {
                Resume::Yes if claimed => continued(entry, there),
                // What is proved; nothing, if nothing is.
                _ => from,
            };
            if bytes < there {
                file.set_len(bytes)?;
            }
            file.seek(SeekFrom::Start(bytes))?;
            Ok((self.way(entry, file, bytes)?, bytes))
        };
        let (way, bytes) = begun().map_err(|error| unwritable(&path, error))?;
        if bytes > 0 {
            (self.job.progress)(bytes)?;
        }
        Ok(Arriving {
            way,
            path,
            follower: (!claimed).then(|| self.begun.follow(entry, hasher, bytes)),
            resumed: bytes > 0,
            bytes,
            overlap,
            other: false,
        })
    }

    fn way(&self, entry: &Entry, file: File, there: u64) -> io::Result<Way> {
        if entry.bytes < LARGE {
            return Ok(Way::Gathered(file));
        }
        Large::begin(&self.dir, &entry.name, file, there).map(Way::Large)
    }

    /// How many bytes of `entry` [`begin`](Self::begin) would find, if it may.
    pub(super) fn there(&self, entry: &'a Entry) -> Result<u64, PeerError> {
        if !self.before.contains(&entry.name) {
            return Ok(0);
        }
        if self.job.claimed.get(entry.name.as_bytes()).is_none() {
            self.look_for(entry);
            let found = self.found.borrow();
            let found = found.get(entry.name.as_os_str());
            return Ok(found.map_or(0, |found| found.from));
        }
        let path = self.job.into.join(&entry.name);
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(continued(entry, metadata.len())),
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
            let file = fsx::open_in(&self.dir, &entry.name, flags, Mode::empty())?;
            let digest = digest_at(&file, u64::MAX)?;
            Ok((file, digest))
        };
        let (file, digest) = opened().map_err(|error| unwritable(&path, error))?;
        if let Some(claimed) = self.job.claimed.get(entry.name.as_bytes())
            && claimed != digest
        {
            return self.refused(entry, Refused::Different);
        }
        let given = || {
            let mode = file.metadata()?.permissions().mode();
            self.give(&file, mode)
        };
        given().map_err(|error| unwritable(&path, error))?;
        self.gather(
            Waiting {
                entry,
                digest,
                whose: Whose::Arrived,
                resumed: false,
            },
            entry.bytes,
        )
    }

    /// The file of `entry` is whole, and has that mode.
    pub(super) fn whole(
        &mut self,
        entry: &'a Entry,
        arriving: Arriving,
        mode: u32,
    ) -> Result<(), PeerError> {
        if arriving.other {
            self.again.push(entry);
            return Ok(());
        }
        let claimed = self.job.claimed.get(entry.name.as_bytes());
        let (digest, whose) = match (arriving.follower, claimed) {
            (Some(follower), _) => (follower.digest(), Whose::Arrived),
            (None, Some(claimed)) => (claimed, Whose::Claimed),
            (None, None) => (Hasher::default().finish(), Whose::Arrived),
        };
        let waiting = Waiting {
            entry,
            digest,
            whose,
            resumed: arriving.resumed,
        };
        let path = arriving.path;
        match arriving.way {
            Way::Gathered(file) => {
                self.give(&file, mode)
                    .map_err(|error| unwritable(&path, error))?;
                self.gather(waiting, arriving.bytes)
            }
            Way::Large(mut large) => {
                self.give(large.file(), mode)
                    .and_then(|()| large.end())
                    .map_err(|error| unwritable(&path, error))?;
                self.ending.push_back((waiting, large));
                self.end_all_but(ENDINGS)
            }
        }
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
        if !self.gathered.is_empty() {
            let last = mem::take(&mut self.gathered);
            if self.settling.is_empty() {
                // Nobody else has anything to do meanwhile.
                let read = settle::settle(&self.dir, &names(&last));
                self.settled(&last, read)?;
            } else {
                self.hand_over(last)?;
            }
        }
        self.bytes = 0;
        self.take_all_but(0)?;
        self.end_all_but(0)
    }

    /// After everything settled: what has to be fetched again from the beginning.
    pub(super) fn again(&mut self) -> Vec<&'a Entry> {
        mem::take(&mut self.again)
    }

    /// Gives the file to whom it shall belong.
    fn give(&self, file: &File, mode: u32) -> io::Result<()> {
        if let Some(ids) = self.job.ids {
            std::os::unix::fs::fchown(file, Some(ids.uid), Some(ids.gid))?;
        }
        file.set_permissions(Permissions::from_mode(mode & 0o777))
    }

    fn gather(&mut self, waiting: Waiting<'a>, bytes: u64) -> Result<(), PeerError> {
        self.gathered.push(waiting);
        self.bytes += bytes;
        if self.gathered.len() < FILES && self.bytes < BYTES {
            return Ok(());
        }
        self.bytes = 0;
        let batch = mem::take(&mut self.gathered);
        self.take_all_but(BATCHES - 1)?;
        self.hand_over(batch)
    }

    /// Lets the settler settle the batch; without one, does it here.
    fn hand_over(&mut self, batch: Vec<Waiting<'a>>) -> Result<(), PeerError> {
        let names = names(&batch);
        if self.settler.is_none() {
            self.settler = Settler::start(Arc::clone(&self.dir)).ok();
        }
        let Some(settler) = &self.settler else {
            let read = settle::settle(&self.dir, &names);
            return self.settled(&batch, read);
        };
        settler.settle(names);
        self.settling.push_back(batch);
        Ok(())
    }

    /// Takes back from the settler what it has done, until it has no more than `most` batches.
    fn take_all_but(&mut self, most: usize) -> Result<(), PeerError> {
        while self.settling.len() > most
            && let Some(settler) = &self.settler
            && let Some(batch) = self.settling.pop_front()
        {
            let read = settler.settled();
            self.settled(&batch, read)?;
        }
        Ok(())
    }

    fn end_all_but(&mut self, most: usize) -> Result<(), PeerError> {
        while self.ending.len() > most
            && let Some((waiting, large)) = self.ending.pop_front()
        {
            let read = large.ended();
            self.proved(&waiting, read)?;
        }
        Ok(())
    }

    fn settled(
        &mut self,
        batch: &[Waiting<'a>],
        read: io::Result<Vec<io::Result<Digest>>>,
    ) -> Result<(), PeerError> {
        let read = read.map_err(|error| unwritable(self.job.into, error))?;
        for (waiting, read) in batch.iter().zip(read) {
            self.proved(waiting, read)?;
        }
        Ok(())
    }

    /// The file is durable, and was read back with that result.
    fn proved(&mut self, waiting: &Waiting<'a>, read: io::Result<Digest>) -> Result<(), PeerError> {
        let path = || self.job.into.join(&waiting.entry.name);
        let digest = read.map_err(|error| unwritable(&path(), error))?;
        if digest == waiting.digest {
            (self.job.done)(waiting.entry, Ok(digest));
            Ok(())
        } else if waiting.whose == Whose::Arrived {
            Err(PeerError::Corrupted(path()))
        } else if waiting.resumed {
            // What was there belonged to another file of that name.
            self.again.push(waiting.entry);
            Ok(())
        } else {
            self.refused(waiting.entry, Refused::Different)
        }
    }
}

/// How many of the bytes that are there are kept. A large file goes on where a block of the disk begins.
fn continued(entry: &Entry, there: u64) -> u64 {
    if there > entry.bytes {
        0
    } else if entry.bytes < LARGE {
        there
    } else {
        there - there % ALIGNED
    }
}

fn names(batch: &[Waiting<'_>]) -> Vec<(OsString, u64)> {
    let names = batch.iter().map(|waiting| waiting.entry);
    names
        .map(|entry| (entry.name.clone(), entry.bytes))
        .collect()
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
        let written = match &mut self.way {
            Way::Gathered(file) => file.write_all(bytes),
            Way::Large(large) => large.write(bytes),
        };
        written.map_err(|error| unwritable(&self.path, error))?;
        if let Some(follower) = &mut self.follower {
            let same = bytes.len().min(self.overlap.len());
            if self.overlap.drain(..same).ne(bytes[..same].iter().copied()) {
                self.other = true;
                follower.forget();
            }
            follower.update(bytes);
        }
        self.bytes += bytes.len() as u64;
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
