//! A volume's entries, read directory by directory: only the directories above the entry that is shown are in memory.

use super::super::descriptor::Found;
use super::super::medium::{ReadAt, ReadError};
use super::super::tree::{Node, NodeId, Tree};
use super::scan::{Pending, Scan};
use super::{Loss, Names};

/// The entries of a volume with their paths: depth first, a directory before what it contains, names sorted by bytes.
/// Where something cannot be read, its loss comes instead. See [`super::Volume::listing`].
pub struct Listing<'a> {
    scan: Scan<'a>,
    levels: Vec<Level>,
    /// The directory that was shown last: it is read next.
    next: Option<Pending>,
    path: Vec<u8>,
    losses: std::vec::IntoIter<ReadError>,
}

/// A directory whose entries are being shown.
struct Level {
    entries: Tree,
    waiting: std::vec::IntoIter<NodeId>,
    /// Where its directories are, ascending by node.
    below: Vec<Pending>,
    /// Length of its path.
    path: usize,
}

impl<'a> Listing<'a> {
    pub(super) fn new(
        medium: &'a dyn ReadAt,
        names: Names,
        skip: usize,
        root: &Found,
    ) -> Result<Self, ReadError> {
        let mut scan = Scan::new(medium, names, skip)?;
        let root = scan.begin(root)?;
        Ok(Self {
            scan,
            levels: Vec::new(),
            next: Some(root),
            path: Vec::new(),
            losses: Vec::new().into_iter(),
        })
    }

    /// Leaves out what is in the directory that was shown last: it is not even read.
    pub fn pass_over(&mut self) {
        self.next = None;
    }

    fn read(&mut self, directory: &Pending) {
        let (entries, below, losses) = self.scan.alone(directory);
        let waiting: Vec<NodeId> = entries.children(NodeId::ROOT).collect();
        self.levels.push(Level {
            entries,
            waiting: waiting.into_iter(),
            below,
            path: self.path.len(),
        });
        self.losses = losses.into_iter();
    }
}

impl Iterator for Listing<'_> {
    type Item = Result<(Vec<u8>, Node), Loss>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(directory) = self.next.take() {
            self.read(&directory);
        }
        if let Some(error) = self.losses.next() {
            let path = self.path.clone();
            return Some(Err(Loss { path, error }));
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(id) = level.waiting.next() else {
                self.levels.pop();
                continue;
            };
            self.path.truncate(level.path);
            if level.path > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(level.entries.name_of(id));
            let found = level.below.binary_search_by_key(&id, |one| one.node);
            self.next = found.ok().map(|at| level.below[at]);
            return Some(Ok((self.path.clone(), level.entries.node(id))));
        }
    }
}

impl std::fmt::Debug for Listing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
