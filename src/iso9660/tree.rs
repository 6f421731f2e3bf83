//! What an image shall contain, or what a volume contains: directories, files, symbolic links.
//!
//! Names and link targets are bytes. Paths are relative to the root, with single slashes. Entries live in
//! one vector, so that a tree of any depth is made, walked and dropped without recursion, and takes few bytes: a
//! [`Node`] is made when it is asked for. What was removed or replaced is not shown, but keeps its place in memory.

mod entry;
mod record;
mod sorted;
mod walk;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use self::record::{Directory, Record, Words};
use self::sorted::Sorted;

pub use self::entry::{Content, Extent, Kind, Meta, NAME_MAX, Node, Special, TARGET_MAX};
pub use self::walk::Walk;

/// Why something cannot be added to a tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError {
    /// A component of the path is empty, `.`, `..`, too long, or has a NUL byte.
    #[error("{0:?} cannot be a path in a volume: {1}")]
    Name(std::path::PathBuf, &'static str),
    /// The directory that it shall be in does not exist, or is none.
    #[error("{0:?} has no directory in the tree to be in")]
    NoDirectory(std::path::PathBuf),
    /// A directory would be replaced by something else or the other way round.
    #[error("{0:?} is in the tree already, as something else")]
    Occupied(std::path::PathBuf),
    /// The target of a symbolic link is empty, too long, or has a NUL byte.
    #[error(
        "the target of the symbolic link {0:?} is empty, has a NUL byte, or is longer than {TARGET_MAX} bytes"
    )]
    Target(std::path::PathBuf),
    /// There are 2^32 entries, or 4 GiB of names, or the source of a file has a larger number.
    #[error("{0:?} does not fit into the tree")]
    Full(std::path::PathBuf),
}

/// Index of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);

    fn index(self) -> usize {
        self.0 as usize
    }

    /// A number for the node that no other node of the tree has; never 0.
    pub(super) fn serial(self) -> u32 {
        self.0.wrapping_add(1)
    }
}

/// A file or link that was added to a tree: see [`Tree::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added(NodeId);

/// A tree of entries below a root directory.
#[derive(Debug, Clone)]
pub struct Tree {
    /// By [`NodeId`].
    records: Vec<Record>,
    words: Words,
    directories: Vec<Directory>,
    /// Files of no extent or several.
    scattered: Vec<Box<[Extent]>>,
}

/// Why a name is no name, if so. Its length is another question: Joliet names of other programs are longer in UTF-8.
pub(super) fn name_fault(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => Some("an empty name"),
        b"." | b".." => Some("a name that stands for a directory"),
        _ if name.contains(&0) => Some("a NUL byte"),
        _ if name.contains(&b'/') => Some("a slash in a name"),
        _ => None,
    }
}

impl Tree {
    /// A tree that consists of a root directory.
    pub fn new(root: Meta) -> Self {
        let mut words = Words::default();
        let name = words.keep(b"").unwrap_or(0);
        Self {
            records: vec![Record::directory(name, root, 0)],
            words,
            directories: vec![Directory {
                node: NodeId::ROOT,
                above: NodeId::ROOT,
                children: Sorted::default(),
                directories: 0,
            }],
            scattered: Vec::new(),
        }
    }

    /// Makes a directory and those above it that are missing, all with `meta`. A directory that is there
    /// already keeps its entries and gets `meta`.
    pub fn make_dir(&mut self, path: impl AsRef<Path>, meta: Meta) -> Result<(), TreeError> {
        let path = path.as_ref();
        let mut at = NodeId::ROOT;
        for name in components(path)? {
            at = match self.child(at, name) {
                Some(child) if self.is_directory(child) => child,
                Some(_) => return Err(TreeError::Occupied(path.to_owned())),
                None => self
                    .insert(at, name, meta, &Kind::Directory)
                    .ok_or_else(|| TreeError::Full(path.to_owned()))?,
            };
        }
        self.set_meta(at, meta);
        Ok(())
    }

    /// Adds a file to a directory that exists; replaces what is no directory and has that name.
    pub fn add_file(
        &mut self,
        path: impl AsRef<Path>,
        meta: Meta,
        content: Content,
    ) -> Result<Added, TreeError> {
        self.add(path.as_ref(), meta, &Kind::File(content))
    }

    /// Adds a symbolic link to a directory that exists; replaces what is no directory and has that name.
    pub fn add_symlink(
        &mut self,
        path: impl AsRef<Path>,
        meta: Meta,
        target: impl AsRef<Path>,
    ) -> Result<Added, TreeError> {
        let target = target.as_ref().as_os_str().as_bytes();
        if target.is_empty() || target.len() > TARGET_MAX || target.contains(&0) {
            return Err(TreeError::Target(path.as_ref().to_owned()));
        }
        self.add(path.as_ref(), meta, &Kind::Symlink(target.into()))
    }

    fn add(&mut self, path: &Path, meta: Meta, kind: &Kind) -> Result<Added, TreeError> {
        let names = components(path)?;
        let Some((name, above)) = names.split_last() else {
            return Err(TreeError::Occupied(path.to_owned()));
        };
        let parent = self
            .find(above)
            .filter(|parent| self.is_directory(*parent))
            .ok_or_else(|| TreeError::NoDirectory(path.to_owned()))?;
        if self
            .child(parent, name)
            .is_some_and(|old| self.is_directory(old))
        {
            return Err(TreeError::Occupied(path.to_owned()));
        }
        self.insert(parent, name, meta, kind)
            .map(Added)
            .ok_or_else(|| TreeError::Full(path.to_owned()))
    }

    /// The last component of the path that something was added with, whatever became of it.
    pub fn name(&self, added: Added) -> &[u8] {
        self.name_of(added.0)
    }

    /// Removes an entry with all that is below it. Says whether it was there; the root cannot be removed.
    pub fn remove(&mut self, path: impl AsRef<Path>) -> bool {
        let Ok(names) = components(path.as_ref()) else {
            return false;
        };
        let Some((name, above)) = names.split_last() else {
            return false;
        };
        let Some(parent) = self.find(above).and_then(|parent| self.directory(parent)) else {
            return false;
        };
        let Ok(spot) = parent.children.search(name, |node| self.name_of(node)) else {
            return false;
        };
        let child = parent.children.get(spot);
        let (number, gone) = (
            parent.node,
            child.is_some_and(|child| self.is_directory(child)),
        );
        if let Some(parent) = self.directory_mut(number) {
            parent.children.remove(spot);
            parent.directories -= u32::from(gone);
        }
        true
    }

    /// The entry at a path; the empty path is the root.
    pub fn lookup(&self, path: impl AsRef<Path>) -> Option<Node> {
        let names = components(path.as_ref()).ok()?;
        self.find(&names).map(|id| self.node(id))
    }

    /// The entries of the directory at a path with their names, sorted by bytes.
    pub fn list(&self, path: impl AsRef<Path>) -> Option<impl Iterator<Item = (&[u8], Node)>> {
        let names = components(path.as_ref()).ok()?;
        let directory = self.directory(self.find(&names)?)?;
        let entry = |id: &NodeId| (self.name_of(*id), self.node(*id));
        Some(directory.children.iter().map(entry))
    }

    /// All entries below the root with their paths: depth first, a directory before what it contains,
    /// names sorted by bytes.
    pub fn walk(&self) -> Walk<'_> {
        Walk::of(self)
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        let record = &self.records[id.index()];
        Node {
            meta: record.meta(),
            kind: record.kind(&self.words, &self.scattered),
        }
    }

    /// Numbers and lengths of the new contents, in no order; one that several files share comes several times.
    pub(super) fn sources(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut walk = self.walk();
        std::iter::from_fn(move || walk.step()).filter_map(|id| self.records[id.index()].source())
    }

    /// How many directories there have ever been.
    pub(super) fn directories(&self) -> usize {
        self.directories.len()
    }

    /// The number of a directory, less than [`Tree::directories`].
    pub(super) fn number(&self, id: NodeId) -> Option<usize> {
        self.records[id.index()].number()
    }

    pub(super) fn is_directory(&self, id: NodeId) -> bool {
        self.number(id).is_some()
    }

    /// Whether it is a directory or a file, which all volumes can hold.
    pub(super) fn is_plain(&self, id: NodeId) -> bool {
        self.records[id.index()].is_plain()
    }

    fn directory(&self, id: NodeId) -> Option<&Directory> {
        self.directories.get(self.number(id)?)
    }

    fn directory_mut(&mut self, id: NodeId) -> Option<&mut Directory> {
        let number = self.number(id)?;
        self.directories.get_mut(number)
    }

    /// The nodes in a directory, sorted by the bytes of their names; none for anything else.
    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + Clone {
        let children = self.directory(id).map(|found| found.children.iter());
        children.into_iter().flatten().copied()
    }

    pub(super) fn name_of(&self, id: NodeId) -> &[u8] {
        let record = self.records[id.index()];
        self.words.at(record.name)
    }

    /// How many of the entries of a directory are directories.
    pub(super) fn subdirectories(&self, id: NodeId) -> u32 {
        self.directory(id).map_or(0, |found| found.directories)
    }

    pub(super) fn set_meta(&mut self, id: NodeId, meta: Meta) {
        let record = &mut self.records[id.index()];
        *record = record.with(meta);
    }

    pub(super) fn child(&self, id: NodeId, name: &[u8]) -> Option<NodeId> {
        let children = &self.directory(id)?.children;
        let spot = children.search(name, |node| self.name_of(node)).ok()?;
        children.get(spot)
    }

    /// Puts a new node into a directory, in the place of what is no directory and has that name. The caller has checked
    /// the name. Nothing if the tree is full.
    pub(super) fn insert(
        &mut self,
        parent: NodeId,
        name: &[u8],
        meta: Meta,
        kind: &Kind,
    ) -> Option<NodeId> {
        let spot = self
            .directory(parent)?
            .children
            .search(name, |node| self.name_of(node));
        let id = match spot {
            Ok(spot) => self.directory(parent)?.children.get(spot)?,
            Err(_) => NodeId(u32::try_from(self.records.len()).ok()?),
        };
        let name = self.words.keep(name)?;
        let record = if let Kind::Directory = kind {
            let number = u32::try_from(self.directories.len()).ok()?;
            self.directories.push(Directory {
                node: id,
                above: parent,
                children: Sorted::default(),
                directories: 0,
            });
            Record::directory(name, meta, number)
        } else {
            Record::other(name, meta, kind, &mut self.words, &mut self.scattered)?
        };
        match spot {
            Ok(_) => self.records[id.index()] = record,
            Err(spot) => {
                self.records.push(record);
                let parent = self.directory_mut(parent)?;
                parent.children.insert(spot, id);
                parent.directories += u32::from(matches!(kind, Kind::Directory));
            }
        }
        Some(id)
    }

    /// Puts an entry at a path, unless there is one, or no directory for it, or no room.
    pub(super) fn put(&mut self, path: &[u8], node: &Node) {
        let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let mut names = above
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty());
        let parent = names.try_fold(NodeId::ROOT, |at, name| self.child(at, name));
        if let Some(parent) = parent.filter(|parent| self.child(*parent, name).is_none()) {
            self.insert(parent, name, node.meta, &node.kind);
        }
    }

    /// The path of a directory, empty for the root or what is no directory.
    pub(super) fn path(&self, node: NodeId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = self.directory(node);
        while let Some(directory) = at.filter(|found| found.node != NodeId::ROOT) {
            names.push(self.name_of(directory.node));
            at = self.directory(directory.above);
        }
        names.reverse();
        names.join(&b'/')
    }

    fn find(&self, names: &[&[u8]]) -> Option<NodeId> {
        names
            .iter()
            .try_fold(NodeId::ROOT, |at, name| self.child(at, name))
    }
}

fn components(path: &Path) -> Result<Vec<&[u8]>, TreeError> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
    let fault = |name: &&[u8]| match name.len() {
        0..=NAME_MAX => name_fault(name),
        _ => Some("a name longer than 255 bytes"),
    };
    match names.iter().find_map(fault) {
        Some(fault) => Err(TreeError::Name(path.to_owned(), fault)),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file() -> Content {
        Content::New {
            source: 0,
            bytes: 1,
        }
    }

    #[test]
    fn directories_are_made_with_those_above_and_walked_in_order() {
        let mut tree = Tree::new(Meta::default());
        tree.make_dir("b/c", Meta::default()).unwrap();
        tree.add_file("b/c/f", Meta::default(), file()).unwrap();
        tree.add_file("b-", Meta::default(), file()).unwrap();
        tree.add_symlink("a", Meta::default(), "b").unwrap();
        let paths: Vec<_> = tree.walk().map(|(path, _)| path).collect();
        assert_eq!(paths, [&b"a"[..], b"b", b"b/c", b"b/c/f", b"b-"]);
        assert!(tree.remove("b"));
        assert!(!tree.remove("b"));
        assert_eq!(tree.walk().count(), 2);
        assert_eq!(tree.subdirectories(NodeId::ROOT), 0);
    }

    #[test]
    fn paths_that_lead_astray_are_refused() {
        let mut tree = Tree::new(Meta::default());
        for path in ["/a", "a//b", "../a", "a/.", "a/", "a\0b"] {
            assert!(matches!(
                tree.make_dir(path, Meta::default()),
                Err(TreeError::Name(..))
            ));
        }
        let long = "x".repeat(256);
        assert!(tree.make_dir(long, Meta::default()).is_err());
        let lost = tree.add_file("no/f", Meta::default(), file());
        assert!(matches!(lost, Err(TreeError::NoDirectory(_))));
        let empty = tree.add_symlink("l", Meta::default(), "");
        assert!(matches!(empty, Err(TreeError::Target(_))));
    }

    #[test]
    fn a_file_replaces_a_file_but_never_a_directory() {
        let mut tree = Tree::new(Meta::default());
        tree.make_dir("d", Meta::default()).unwrap();
        tree.add_file("f", Meta::default(), file()).unwrap();
        tree.add_file("f", Meta::default(), Content::Old(Vec::new()))
            .unwrap();
        assert!(matches!(
            &tree.lookup("f").unwrap().kind,
            Kind::File(Content::Old(_))
        ));
        assert!(matches!(
            tree.add_file("d", Meta::default(), file()),
            Err(TreeError::Occupied(_))
        ));
        assert!(matches!(
            tree.make_dir("f/g", Meta::default()),
            Err(TreeError::Occupied(_))
        ));
    }
}
