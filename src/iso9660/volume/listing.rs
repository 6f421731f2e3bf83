//! A volume's entries, read directory by directory: only the directories above the entry that is shown are in memory.

use super::super::medium::ReadError;
use super::super::tree::{Node, NodeId, Tree};
use super::Loss;
use super::scan::{Pending, Scan};
use super::second::{Missing, Second};

/// The entries of a volume with their paths: depth first, a directory before what it contains, names sorted by bytes.
/// Where something cannot be read, its loss comes instead, and then what Joliet still has of it. See
/// [`super::Volume::listing`].
pub struct Listing<'a> {
    scan: Scan<'a>,
    second: Option<Second<'a>>,
    levels: Vec<Level>,
    /// The directory that was shown last: it is read next.
    next: Option<(Pending, Side)>,
    path: Vec<u8>,
    losses: std::vec::IntoIter<ReadError>,
}

/// Whose directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    /// That of [`Second`].
    Second,
}

/// A directory whose entries are being shown.
struct Level {
    side: Side,
    entries: Tree,
    waiting: std::vec::IntoIter<NodeId>,
    /// Where its directories are, ascending by node.
    below: Vec<Pending>,
    /// Length of its path.
    path: usize,
}

impl Level {
    fn of(missing: Missing, path: usize) -> Self {
        Self {
            side: Side::Second,
            entries: missing.entries,
            waiting: missing.ids.into_iter(),
            below: missing.below,
            path,
        }
    }
}

impl<'a> Listing<'a> {
    /// Of all that is in and below the directory `root`; `lost` is known to be lost of that.
    pub(super) fn new(
        scan: Scan<'a>,
        second: Option<Second<'a>>,
        root: Pending,
        lost: Option<ReadError>,
    ) -> Self {
        let lost: Vec<ReadError> = lost.into_iter().collect();
        Self {
            next: Some((root, Side::First)),
            losses: lost.into_iter(),
            ..Self::of_second(scan, second)
        }
    }

    /// Of nothing before [`Listing::stand_in`].
    pub(super) fn of_second(scan: Scan<'a>, second: Option<Second<'a>>) -> Self {
        Self {
            scan,
            second,
            levels: Vec::new(),
            next: None,
            path: Vec::new(),
            losses: Vec::new().into_iter(),
        }
    }

    /// Shows next what only Joliet has in the directory at `path`, which is `at` in `known`.
    pub(super) fn stand_in(&mut self, path: &[u8], known: &Tree, at: NodeId) {
        let missing = self.second.as_mut();
        if let Some(missing) = missing.and_then(|second| second.missing(path, known, at)) {
            self.path.truncate(0);
            self.path.extend_from_slice(path);
            self.levels.push(Level::of(missing, path.len()));
        }
    }

    /// What is lost of the directory that was read last, as long as there is something.
    fn loss(&mut self) -> Option<Loss> {
        let error = self.losses.next()?;
        let path = self.path.clone();
        Some(Loss { path, error })
    }

    /// Leaves out what is in the directory that was shown last: it is not even read.
    pub fn pass_over(&mut self) {
        self.next = None;
    }

    fn read(&mut self, directory: &Pending, side: Side) {
        let (entries, below, losses) = match (side, &mut self.second) {
            (Side::Second, Some(second)) => second.alone(directory),
            _ => self.scan.alone(directory),
        };
        let missing = match &mut self.second {
            Some(second) if side == Side::First && !losses.is_empty() => {
                second.missing(&self.path, &entries, NodeId::ROOT)
            }
            _ => None,
        };
        let waiting: Vec<NodeId> = entries.children(NodeId::ROOT).collect();
        self.levels.push(Level {
            side,
            entries,
            waiting: waiting.into_iter(),
            below,
            path: self.path.len(),
        });
        // Above the other, and so shown before: another directory of Joliet's would be searched for meanwhile.
        self.levels
            .extend(missing.map(|missing| Level::of(missing, self.path.len())));
        self.losses = losses.into_iter();
    }
}

impl Iterator for Listing<'_> {
    type Item = Result<(Vec<u8>, Node), Loss>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(loss) = self.loss() {
            return Some(Err(loss));
        }
        if let Some((directory, side)) = self.next.take() {
            self.read(&directory, side);
            if let Some(loss) = self.loss() {
                return Some(Err(loss));
            }
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
            self.next = found.ok().map(|at| (level.below[at], level.side));
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
