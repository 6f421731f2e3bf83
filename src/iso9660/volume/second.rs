//! The second hierarchy of directories, Joliet's, for what cannot be read of the first. The files are the same, so that a
//! scratch in a directory loses names in bytes, owners and links, but no file that both have.

use std::collections::HashSet;

use super::super::descriptor::Found;
use super::super::medium::{ReadAt, ReadError};
use super::super::tree::{Content, Kind, NodeId, Tree};
use super::Names;
use super::scan::{Pending, Scan};

/// Joliet's directories.
pub(super) struct Second<'a> {
    scan: Scan<'a>,
    root: Pending,
}

/// Entries of a directory that only Joliet still has.
pub(super) struct Missing {
    /// All of Joliet's, in a tree of its own.
    pub entries: Tree,
    /// Those that are missing.
    pub ids: Vec<NodeId>,
    /// Where the directories among all of them are, ascending by node.
    pub below: Vec<Pending>,
}

impl<'a> Second<'a> {
    pub(super) fn new(medium: &'a dyn ReadAt, joliet: &Found) -> Result<Self, ReadError> {
        let mut scan = Scan::new(medium, Names::Joliet, 0)?;
        let root = scan.begin(joliet)?;
        Ok(Self { scan, root })
    }

    /// Reads one of its directories, as [`Scan::alone`].
    pub(super) fn alone(&mut self, directory: &Pending) -> (Tree, Vec<Pending>, Vec<ReadError>) {
        self.scan.alone(directory)
    }

    /// What Joliet has in the directory at `path` and `known` has not in `at`. Nothing if Joliet has no directory of that
    /// path, if that cannot be read either, or if there was too much to read already.
    pub(super) fn missing(&mut self, path: &[u8], known: &Tree, at: NodeId) -> Option<Missing> {
        self.scan.restart(&self.root).ok()?;
        let (mut entries, mut below, _) = self.scan.alone(&self.root);
        for name in path
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
        {
            let id = entries.child(NodeId::ROOT, name)?;
            let place = below.binary_search_by_key(&id, |one| one.node).ok()?;
            let directory = below[place];
            (entries, below, _) = self.scan.alone(&directory);
        }
        // A long name is cut in Joliet, but its bytes are where they are.
        let places: HashSet<u32> = known
            .children(at)
            .filter_map(|id| first_sector(known, id))
            .collect();
        let is_missing = |id: &NodeId| {
            known.child(at, entries.name_of(*id)).is_none()
                && first_sector(&entries, *id).is_none_or(|sector| !places.contains(&sector))
        };
        let ids = entries.children(NodeId::ROOT).filter(is_missing).collect();
        Some(Missing {
            entries,
            ids,
            below,
        })
    }
}

/// Where the bytes of a file begin that has some.
fn first_sector(tree: &Tree, id: NodeId) -> Option<u32> {
    match tree.node(id).kind {
        Kind::File(Content::Old(extents)) => extents.first().map(|extent| extent.sector),
        _ => None,
    }
}
