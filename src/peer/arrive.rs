//! How bytes from elsewhere become verified, durable files.
//!
//! The digest is taken of the bytes as they arrive, in the memory that they are written from. A file that goes on where
//! an interrupted fetch ended is read once more as a whole, since nobody has seen its first part.
//!
//! Two ways to the disk, by size. Syncing thousands of small files one by one takes far longer than fetching them: they
//! are gathered, and when enough of them have come, the file system is synced once, while the next ones arrive
//! ([`settle`]). A large file goes to the disk while it arrives ([`large`]).

mod arriving;
mod large;
mod settle;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, SeekFrom};
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::PeerError;
use super::begun::{Begun, Follower, Found};
use super::copy::{mode_here, proof_at};
use super::transport::{Entry, Job, Refused};
use crate::fsx::{self, ALIGN};
use crate::sums::{Proof, Prover};
pub(super) use arriving::Arriving;
use arriving::Way;
use large::{Ending, Large};
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
    gathered: Vec<Come<'a>>,
    bytes: u64,
    settler: Option<Settler>,
    /// What the settler has, the oldest first.
    settling: VecDeque<Vec<Come<'a>>>,
    /// Large files that are whole and not yet durable.
    ending: VecDeque<(&'a Entry, Option<Proof>, Large)>,
    again: Vec<&'a Entry>,
    begun: Begun,
    /// Of files that will be asked for from where they were.
    found: RefCell<HashMap<&'a OsStr, Found>>,
}

/// A file that has come, and what it is.
type Come<'a> = (&'a Entry, Proof);

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
        let claimed = self.job.claimed.get(entry.name.as_bytes());
        let found = match resume {
            Resume::Yes if claimed.is_none() => {
                self.look_for(entry);
                self.found.borrow_mut().remove(entry.name.as_os_str())
            }
            _ => None,
        };
        let (from, overlap, prover) = match found {
            Some(found) => (found.from, found.overlap, found.prover),
            None => (0, Vec::new(), self.prover(entry)),
        };
        let begun = || -> io::Result<(Way, u64)> {
            let flags = OFlags::RDWR | OFlags::CREATE;
            let mode = Mode::RUSR | Mode::WUSR;
            if resume == Resume::Yes && !self.before.contains(&entry.name) {
                let file = fsx::open_in(&self.dir, &entry.name, flags | OFlags::EXCL, mode)?;
                return Ok((self.way(entry, file, 0, Ending::Synced)?, 0));
            }
            let mut file = fsx::open_in(&self.dir, &entry.name, flags, mode)?;
            let there = file.metadata()?.len();
            let bytes = match resume {
                Resume::Yes if claimed.is_some() => continued(entry, there),
                // What is proved; nothing, if nothing is.
                _ => from,
            };
            if bytes < there {
                file.set_len(bytes)?;
            }
            file.seek(SeekFrom::Start(bytes))?;
            let ending = match claimed {
                Some(claimed) if bytes > 0 => Ending::Read(claimed),
                _ => Ending::Synced,
            };
            Ok((self.way(entry, file, bytes, ending)?, bytes))
        };
        let (way, bytes) = begun().map_err(|error| unwritable(&path, error))?;
        if bytes > 0 {
            (self.job.progress)(bytes)?;
        }
        let follower = match claimed {
            None => Some(self.begun.follow(entry, prover, bytes)),
            Some(_) if bytes == 0 => Some(Follower::unrecorded(prover)),
            Some(_) => None,
        };
        Ok(Arriving::new(way, path, follower, (bytes, overlap)))
    }

    fn way(&self, entry: &Entry, file: File, there: u64, ending: Ending) -> io::Result<Way> {
        if entry.bytes < LARGE {
            return Ok(Way::Gathered(file, Vec::new()));
        }
        Large::begin(&self.dir, &entry.name, file, there, ending).map(Way::Large)
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
        let opened = || -> io::Result<(File, Proof)> {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK;
            let file = fsx::open_in(&self.dir, &entry.name, flags, Mode::empty())?;
            let proof = proof_at(&file, u64::MAX, self.prover(entry))?;
            Ok((file, proof))
        };
        let (file, proof) = opened().map_err(|error| unwritable(&path, error))?;
        if !is_claimed(self.job, entry, proof) {
            return self.refused(entry, Refused::Different);
        }
        let given = || {
            let mode = file.metadata()?.permissions().mode();
            self.give(&file, mode)
        };
        given().map_err(|error| unwritable(&path, error))?;
        self.gather((entry, proof))
    }

    /// Who takes the digest of `entry` that is claimed, or that suits it.
    fn prover(&self, entry: &Entry) -> Prover {
        let claimed = self.job.claimed.get(entry.name.as_bytes());
        claimed.map_or_else(|| Prover::for_length(entry.bytes), Proof::prover)
    }

    /// The file of `entry` is whole, and has that mode.
    pub(super) fn whole(
        &mut self,
        entry: &'a Entry,
        arriving: Arriving,
        mode: u32,
    ) -> Result<(), PeerError> {
        if arriving.other {
            self.once_more(entry);
            return Ok(());
        }
        let proof = arriving.follower.map(|follower| follower.proof());
        if proof.is_some_and(|proof| !is_claimed(self.job, entry, proof)) {
            drop(arriving.way);
            return self.refused(entry, Refused::Different);
        }
        let path = arriving.path;
        let unwritable = |error| unwritable(&path, error);
        match arriving.way {
            Way::Gathered(file, _) => {
                self.give(&file, mode).map_err(unwritable)?;
                let proof = match proof {
                    Some(proof) => proof,
                    None => proof_at(&file, u64::MAX, self.prover(entry)).map_err(unwritable)?,
                };
                if !is_claimed(self.job, entry, proof) {
                    // What was there belonged to another file of that name.
                    self.once_more(entry);
                    return Ok(());
                }
                self.gather((entry, proof))
            }
            Way::Large(mut large) => {
                let ended = self.give(large.file(), mode).and_then(|()| large.end());
                ended.map_err(unwritable)?;
                self.ending.push_back((entry, proof, large));
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

    /// Makes everything that came durable.
    pub(super) fn settle(&mut self) -> Result<(), PeerError> {
        if !self.gathered.is_empty() {
            let last = mem::take(&mut self.gathered);
            if self.settling.is_empty() {
                // Nobody else has anything to do meanwhile.
                let outcome = settle::settle(&self.dir);
                self.settled(&last, outcome)?;
            } else {
                self.hand_over(last)?;
            }
        }
        self.bytes = 0;
        self.take_all_but(0)?;
        self.end_all_but(0)
    }

    /// All of `entry` has come, and has to come once more.
    fn once_more(&mut self, entry: &'a Entry) {
        (self.job.in_vain)(entry.bytes);
        self.again.push(entry);
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
        file.set_permissions(Permissions::from_mode(mode_here(mode)))
    }

    fn gather(&mut self, come: Come<'a>) -> Result<(), PeerError> {
        self.gathered.push(come);
        self.bytes += come.0.bytes;
        if self.gathered.len() < FILES && self.bytes < BYTES {
            return Ok(());
        }
        self.bytes = 0;
        let batch = mem::take(&mut self.gathered);
        self.take_all_but(BATCHES - 1)?;
        self.hand_over(batch)
    }

    /// Lets the settler settle the batch; without one, does it here.
    fn hand_over(&mut self, batch: Vec<Come<'a>>) -> Result<(), PeerError> {
        if self.settler.is_none() {
            self.settler = Settler::start(Arc::clone(&self.dir)).ok();
        }
        let Some(settler) = &self.settler else {
            let outcome = settle::settle(&self.dir);
            return self.settled(&batch, outcome);
        };
        settler.settle();
        self.settling.push_back(batch);
        Ok(())
    }

    /// Takes back from the settler what it has done, until it has no more than `most` batches.
    fn take_all_but(&mut self, most: usize) -> Result<(), PeerError> {
        while self.settling.len() > most
            && let Some(settler) = &self.settler
            && let Some(batch) = self.settling.pop_front()
        {
            let outcome = settler.settled();
            self.settled(&batch, outcome)?;
        }
        Ok(())
    }

    fn settled(&self, batch: &[Come<'a>], outcome: io::Result<()>) -> Result<(), PeerError> {
        outcome.map_err(|error| unwritable(self.job.into, error))?;
        for (entry, proof) in batch {
            (self.job.done)(entry, Ok(*proof));
        }
        Ok(())
    }

    fn end_all_but(&mut self, most: usize) -> Result<(), PeerError> {
        while self.ending.len() > most
            && let Some((entry, proof, large)) = self.ending.pop_front()
        {
            let ended = large.ended();
            let read =
                ended.map_err(|error| unwritable(&self.job.into.join(&entry.name), error))?;
            match proof.or(read) {
                Some(proof) if is_claimed(self.job, entry, proof) => {
                    (self.job.done)(entry, Ok(proof));
                }
                // What was there belonged to another file of that name.
                _ => self.once_more(entry),
            }
        }
        Ok(())
    }
}

/// Whether the peer claims nothing else of `entry`.
fn is_claimed(job: &Job<'_>, entry: &Entry, proof: Proof) -> bool {
    let claimed = job.claimed.get(entry.name.as_bytes());
    claimed.is_none_or(|claimed| claimed == proof)
}

/// How many of the bytes that are there are kept. A large file goes on where a block of the disk begins.
fn continued(entry: &Entry, there: u64) -> u64 {
    if there > entry.bytes {
        0
    } else if entry.bytes < LARGE {
        there
    } else {
        there - there % ALIGN as u64
    }
}

/// Whether what is there already counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    Yes,
    No,
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
