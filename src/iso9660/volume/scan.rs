//! From directory records to a tree. Every directory is read once, level by level, without recursion.
//!
//! A directory that is reached twice is a loop; together they cannot be longer than [`BYTES_MAX`], nor have more
//! entries than [`ENTRIES_MAX`], nor be deeper than a path can be long.
//!
//! What is wrong ends the work, or, if as much is wanted as can be had, costs the sector that it is in.

mod entry;

use std::collections::{HashSet, VecDeque};

use self::entry::{Sections, meta};
use super::super::descriptor::Found;
use super::super::directory::Record;
use super::super::medium::{ReadAt, ReadError, length, read_exact};
use super::super::rock_ridge::{self, Facts};
use super::super::tree::{Meta, NodeId, Tree};
use super::super::{SECTOR, SECTOR_LEN};
use super::Names;

/// Entries of a whole volume.
const ENTRIES_MAX: u64 = 1 << 21;
/// Bytes of all directories and continuation areas.
const BYTES_MAX: u64 = 1 << 30;
/// A path of 4096 bytes has no more directories.
const DEPTH_MAX: u32 = 2048;
/// Losses that are kept.
pub(super) const LOSSES_MAX: usize = 1000;
/// Bytes of a directory that are read at a time.
const CHUNK: usize = 64 * 1024;

/// A directory that is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub node: NodeId,
    sector: u32,
    bytes: u32,
    depth: u32,
}

/// A tree, and which of its directories lack something.
pub(super) type Salvaged = (Tree, Vec<(NodeId, ReadError)>);

/// A volume while it is read.
pub(super) struct Scan<'a> {
    medium: &'a dyn ReadAt,
    names: Names,
    skip: usize,
    sectors: u64,
    tree: Tree,
    seen: HashSet<u32>,
    queue: VecDeque<Pending>,
    entries: u64,
    bytes: u64,
    /// The sector that continuation areas were last read from.
    cached: Option<(u32, Vec<u8>)>,
    /// What could not be read of which directory; `None` if that is an error.
    losses: Option<Vec<(NodeId, ReadError)>>,
}

/// Damage without a place, or an error with one.
enum Fail {
    Word(&'static str),
    Read(ReadError),
}

impl From<&'static str> for Fail {
    fn from(what: &'static str) -> Self {
        Self::Word(what)
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        medium: &'a dyn ReadAt,
        names: Names,
        skip: usize,
    ) -> Result<Self, ReadError> {
        Ok(Self {
            medium,
            names,
            skip,
            sectors: length(medium)?,
            tree: Tree::new(Meta::default()),
            seen: HashSet::new(),
            queue: VecDeque::new(),
            entries: 0,
            bytes: 0,
            cached: None,
            losses: None,
        })
    }

    /// Reads everything below a root.
    pub(super) fn run(mut self, root: &Found) -> Result<Tree, ReadError> {
        self.all(root)?;
        Ok(self.tree)
    }

    /// Reads what can be read below a root: and of which directories something is missing.
    pub(super) fn salvage(mut self, root: &Found) -> Result<Salvaged, ReadError> {
        self.losses = Some(Vec::new());
        self.all(root)?;
        let losses = self.losses.take().unwrap_or_default();
        Ok((self.tree, losses))
    }

    fn all(&mut self, root: &Found) -> Result<(), ReadError> {
        let root = self.begin(root)?;
        self.queue.push_back(root);
        while let Some(directory) = self.queue.pop_front() {
            let ended = self.directory(&directory);
            self.lost(&directory, ended)?;
        }
        Ok(())
    }

    /// Looks at the root directory, which is to be read first.
    pub(super) fn begin(&mut self, root: &Found) -> Result<Pending, ReadError> {
        let (meta, _) = self.itself(root.root)?;
        self.tree.set_meta(NodeId::ROOT, meta);
        self.enter(NodeId::ROOT, root.root, root.root_bytes, 0)
    }

    /// Begins again at the root: what was read before may be read once more, though no more in all.
    pub(super) fn restart(&mut self, root: &Pending) -> Result<(), ReadError> {
        self.seen.clear();
        self.seen.insert(root.sector);
        self.charge(u64::from(root.bytes), root.sector)
    }

    /// Reads one directory as far as that is possible: gives it as the root of a tree of its own, the directories in it
    /// ascending by node, and what could not be read.
    pub(super) fn alone(&mut self, directory: &Pending) -> (Tree, Vec<Pending>, Vec<ReadError>) {
        self.tree = Tree::new(Meta::default());
        self.losses = Some(Vec::new());
        let directory = Pending {
            node: NodeId::ROOT,
            ..*directory
        };
        let ended = self.directory(&directory);
        let mut losses: Vec<_> = self.losses.take().unwrap_or_default();
        losses.extend(ended.err().map(|error| (directory.node, error)));
        let tree = std::mem::replace(&mut self.tree, Tree::new(Meta::default()));
        let losses = losses.into_iter().map(|(_, error)| error).collect();
        (tree, self.queue.drain(..).collect(), losses)
    }

    /// Takes note of an error that costs only a part of a directory, if that is wanted.
    fn lost(&mut self, directory: &Pending, ended: Result<(), ReadError>) -> Result<(), ReadError> {
        match (ended, &mut self.losses) {
            (Err(error), Some(losses)) => {
                if losses.len() < LOSSES_MAX {
                    losses.push((directory.node, error));
                }
                Ok(())
            }
            (ended, _) => ended,
        }
    }

    /// What Rock Ridge says in a system use area of a record in this sector.
    pub(super) fn facts(
        &mut self,
        sector: u32,
        system_use: &[u8],
        skip: usize,
    ) -> Result<Facts, ReadError> {
        rock_ridge::facts(system_use, skip, &mut |at, offset, length| {
            self.continuation(at, offset, length)
        })
        .map_err(|fail| match fail {
            Fail::Word(what) => ReadError::corrupt(sector, what),
            Fail::Read(error) => error,
        })
    }

    fn continuation(&mut self, sector: u32, offset: usize, length: usize) -> Result<Vec<u8>, Fail> {
        let end = offset.checked_add(length);
        if u64::from(sector) >= self.sectors || end.is_none_or(|end| end > SECTOR_LEN) {
            return Err(Fail::Word(
                "a continuation area is not within a sector of the medium",
            ));
        }
        self.charge(length.max(64) as u64, sector)
            .map_err(Fail::Read)?;
        if self.cached.as_ref().is_none_or(|(at, _)| *at != sector) {
            let mut bytes = vec![0; SECTOR_LEN];
            let at = u64::from(sector) * SECTOR;
            read_exact(self.medium, &mut bytes, at).map_err(Fail::Read)?;
            self.cached = Some((sector, bytes));
        }
        let area = self
            .cached
            .as_ref()
            .and_then(|(_, bytes)| bytes.get(offset..offset + length));
        Ok(area.unwrap_or(&[]).to_vec())
    }

    fn charge(&mut self, bytes: u64, sector: u32) -> Result<(), ReadError> {
        self.bytes += bytes;
        if self.bytes > BYTES_MAX {
            return Err(ReadError::corrupt(
                sector,
                "the directories are longer together than any real ones",
            ));
        }
        Ok(())
    }

    /// The first record of a directory, which describes itself: facts and length.
    fn itself(&mut self, sector: u32) -> Result<(Meta, u32), ReadError> {
        let corrupt = |what| ReadError::corrupt(sector, what);
        let mut bytes = vec![0; SECTOR_LEN];
        read_exact(self.medium, &mut bytes, u64::from(sector) * SECTOR)?;
        let length = usize::from(bytes[0]);
        if length < 34 {
            return Err(corrupt("there is no directory"));
        }
        let (record, system_use) = Record::parse(&bytes[..length]).map_err(corrupt)?;
        if record.identifier != [0] {
            return Err(corrupt("a directory does not begin with itself"));
        }
        let facts = if self.names == Names::RockRidge {
            // the root's first area announces and is not shifted
            let skip = if rock_ridge::is_announced(system_use).is_some() {
                0
            } else {
                self.skip
            };
            self.facts(sector, system_use, skip)?
        } else {
            Facts::default()
        };
        Ok((meta(&facts, record.time, 0o755), record.bytes))
    }

    /// Checks a directory that is to be read.
    fn enter(
        &mut self,
        node: NodeId,
        sector: u32,
        bytes: u32,
        depth: u32,
    ) -> Result<Pending, ReadError> {
        let corrupt = |what| Err(ReadError::corrupt(sector, what));
        let end = u64::from(sector) + u64::from(bytes).div_ceil(SECTOR);
        if end > self.sectors {
            return corrupt("a directory lies beyond the end of the medium");
        }
        if depth > DEPTH_MAX {
            return corrupt("directories are deeper than any path");
        }
        if bytes > 0 && !self.seen.insert(sector) {
            return corrupt("a directory is in two places, or contains itself");
        }
        self.charge(u64::from(bytes), sector)?;
        Ok(Pending {
            node,
            sector,
            bytes,
            depth,
        })
    }

    fn directory(&mut self, directory: &Pending) -> Result<(), ReadError> {
        let mut open: Option<Sections> = None;
        let mut chunk = vec![0; CHUNK.min(directory.bytes as usize)];
        let mut sector = directory.sector;
        let mut left = directory.bytes as usize;
        while left > 0 {
            let now = left.min(chunk.len());
            self.fetch(directory, sector, &mut chunk[..now])?;
            for records in chunk[..now].chunks(SECTOR_LEN) {
                let ended = self.records(directory, sector, records, &mut open);
                if ended.is_err() {
                    open = None;
                }
                self.lost(directory, ended)?;
                sector = sector.saturating_add(1);
            }
            left -= now;
        }
        match open {
            Some(_) => Err(ReadError::corrupt(
                directory.sector,
                "the last section of a file is missing",
            )),
            None => Ok(()),
        }
    }

    /// Reads sectors of a directory. One that cannot be read is lost alone, and has no records then.
    fn fetch(
        &mut self,
        directory: &Pending,
        sector: u32,
        chunk: &mut [u8],
    ) -> Result<(), ReadError> {
        let place = |sector: u32| u64::from(sector) * SECTOR;
        let read = read_exact(self.medium, chunk, place(sector));
        if read.is_ok() || self.losses.is_none() {
            return read;
        }
        for (at, one) in (sector..).zip(chunk.chunks_mut(SECTOR_LEN)) {
            let read = read_exact(self.medium, one, place(at));
            if read.is_err() {
                one.fill(0);
            }
            self.lost(directory, read)?;
        }
        Ok(())
    }

    /// Reads the records in a sector.
    fn records(
        &mut self,
        directory: &Pending,
        sector: u32,
        mut rest: &[u8],
        open: &mut Option<Sections>,
    ) -> Result<(), ReadError> {
        let corrupt = |what| ReadError::corrupt(sector, what);
        // a zero ends the records of a sector
        while let Some(length) = rest.first().copied().filter(|length| *length > 0) {
            let record = rest
                .get(..usize::from(length))
                .filter(|record| record.len() >= 34)
                .ok_or_else(|| corrupt("a directory record crosses the end of its sector"))?;
            rest = &rest[record.len()..];
            let (record, system_use) = Record::parse(record).map_err(corrupt)?;
            let ended = self.record(directory, sector, record, system_use, open);
            // Where a record ends is known, whatever is wrong in it.
            self.lost(directory, ended)?;
        }
        Ok(())
    }
}
