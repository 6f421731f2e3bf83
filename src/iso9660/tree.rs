//! What an image shall contain, or what a volume contains: directories, files, symbolic links.
//!
//! Names and link targets are bytes. Paths are relative to the root, with single slashes. Nodes live in
//! one vector, so that a tree of any depth is made, walked and dropped without recursion.

use std::collections::btree_map::Iter;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::date::Time;

/// The longest name in bytes: that of POSIX file systems.
pub const NAME_MAX: usize = 255;
/// The longest target of a symbolic link in bytes that is written or read.
pub const TARGET_MAX: usize = 65_535;

/// Facts about an entry of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification. Volumes hold whole seconds of the years 1900 to 2155.
    pub mtime: Time,
}

/// A run of bytes on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First sector, counted from the beginning of the medium.
    pub sector: u32,
    /// Length in bytes; may be more than 4 GiB.
    pub bytes: u64,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// To be written with the image.
    New {
        /// What the caller's opener is asked for. Contents are laid out in ascending order of this
        /// number; files with the same number share one copy.
        source: usize,
        /// Its length, which is kept whatever the source does.
        bytes: u64,
    },
    /// On the medium already.
    Old(Vec<Extent>),
}

impl Content {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::New { bytes, .. } => *bytes,
            Self::Old(extents) => extents.iter().map(|extent| extent.bytes).sum(),
        }
    }
}

/// A device, pipe or socket. Only Rock Ridge has them; they are kept for discs of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Special {
    /// The file type bits of POSIX (`S_IFCHR`, `S_IFBLK`, `S_IFIFO`, `S_IFSOCK`).
    pub format: u32,
    /// The two halves of the device number as Rock Ridge stores them.
    pub device: (u32, u32),
}

/// The entries of a directory. Opaque: see [`Tree::list`].
#[derive(Debug, Clone, Default)]
pub struct Children {
    map: BTreeMap<Box<[u8]>, NodeId>,
    directories: u32,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory.
    Directory(Children),
    /// A regular file.
    File(Content),
    /// A symbolic link and its target.
    Symlink(Box<[u8]>),
    /// Something else.
    Special(Special),
}

/// An entry.
#[derive(Debug, Clone)]
pub struct Node {
    /// Facts about it.
    pub meta: Meta,
    /// What it is.
    pub kind: Kind,
}

impl Node {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }
}

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
}

/// Index of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// A number for the node that no other node of the tree has; never 0.
    pub(super) fn serial(self) -> u32 {
        self.0.wrapping_add(1)
    }
}

/// A tree of entries below a root directory.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
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
        Self {
            nodes: vec![Node {
                meta: root,
                kind: Kind::Directory(Children::default()),
            }],
        }
    }

    /// Makes a directory and those above it that are missing, all with `meta`. A directory that is there
    /// already keeps its entries and gets `meta`.
    pub fn make_dir(&mut self, path: impl AsRef<Path>, meta: Meta) -> Result<(), TreeError> {
        let path = path.as_ref();
        let mut at = NodeId::ROOT;
        for name in components(path)? {
            at = match self.child(at, name) {
                Some(child) if self.node(child).is_directory() => child,
                Some(_) => return Err(TreeError::Occupied(path.to_owned())),
                None => self.insert(at, name, meta, Kind::Directory(Children::default())),
            };
        }
        self.nodes[at.index()].meta = meta;
        Ok(())
    }

    /// Adds a file to a directory that exists; replaces what is no directory and has that name.
    pub fn add_file(
        &mut self,
        path: impl AsRef<Path>,
        meta: Meta,
        content: Content,
    ) -> Result<(), TreeError> {
        self.add(path.as_ref(), meta, Kind::File(content))
    }

    /// Adds a symbolic link to a directory that exists; replaces what is no directory and has that name.
    pub fn add_symlink(
        &mut self,
        path: impl AsRef<Path>,
        meta: Meta,
        target: impl AsRef<Path>,
    ) -> Result<(), TreeError> {
        let target = target.as_ref().as_os_str().as_bytes();
        if target.is_empty() || target.len() > TARGET_MAX || target.contains(&0) {
            return Err(TreeError::Target(path.as_ref().to_owned()));
        }
        self.add(path.as_ref(), meta, Kind::Symlink(target.into()))
    }

    fn add(&mut self, path: &Path, meta: Meta, kind: Kind) -> Result<(), TreeError> {
        let names = components(path)?;
        let Some((name, above)) = names.split_last() else {
            return Err(TreeError::Occupied(path.to_owned()));
        };
        let parent = self
            .find(above)
            .filter(|parent| self.node(*parent).is_directory())
            .ok_or_else(|| TreeError::NoDirectory(path.to_owned()))?;
        match self.child(parent, name) {
            Some(old) if self.node(old).is_directory() => {
                return Err(TreeError::Occupied(path.to_owned()));
            }
            Some(old) => self.nodes[old.index()] = Node { meta, kind },
            None => {
                self.insert(parent, name, meta, kind);
            }
        }
        Ok(())
    }

    /// Removes an entry with all that is below it. Says whether it was there; the root cannot be removed.
    pub fn remove(&mut self, path: impl AsRef<Path>) -> bool {
        let Ok(names) = components(path.as_ref()) else {
            return false;
        };
        let Some((name, above)) = names.split_last() else {
            return false;
        };
        let Some(parent) = self.find(above) else {
            return false;
        };
        let gone = match self.child(parent, name) {
            Some(child) => u32::from(self.node(child).is_directory()),
            None => return false,
        };
        if let Kind::Directory(children) = &mut self.nodes[parent.index()].kind {
            children.directories -= gone;
            return children.map.remove(*name).is_some();
        }
        false
    }

    /// The entry at a path; the empty path is the root.
    pub fn lookup(&self, path: impl AsRef<Path>) -> Option<&Node> {
        let names = components(path.as_ref()).ok()?;
        self.find(&names).map(|id| self.node(id))
    }

    /// The entries of the directory at a path with their names, sorted by bytes.
    pub fn list(&self, path: impl AsRef<Path>) -> Option<impl Iterator<Item = (&[u8], &Node)>> {
        match &self.lookup(path)?.kind {
            Kind::Directory(children) => Some(
                children
                    .map
                    .iter()
                    .map(|(name, id)| (name.as_ref(), self.node(*id))),
            ),
            _ => None,
        }
    }

    /// All entries below the root with their paths: depth first, a directory before what it contains,
    /// names sorted by bytes.
    pub fn walk(&self) -> Walk<'_> {
        let Kind::Directory(children) = &self.nodes[0].kind else {
            return Walk {
                tree: self,
                path: Vec::new(),
                stack: Vec::new(),
            };
        };
        Walk {
            tree: self,
            path: Vec::new(),
            stack: vec![(0, children.map.iter())],
        }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// One more than the highest index of a node.
    pub(super) fn capacity(&self) -> usize {
        self.nodes.len()
    }

    /// Names and nodes of a directory, sorted by bytes; none for anything else.
    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = (&[u8], NodeId)> {
        let map = match &self.node(id).kind {
            Kind::Directory(children) => Some(&children.map),
            _ => None,
        };
        map.into_iter()
            .flatten()
            .map(|(name, id)| (name.as_ref(), *id))
    }

    /// How many of the entries of a directory are directories.
    pub(super) fn subdirectories(&self, id: NodeId) -> u32 {
        match &self.node(id).kind {
            Kind::Directory(children) => children.directories,
            _ => 0,
        }
    }

    pub(super) fn set_meta(&mut self, id: NodeId, meta: Meta) {
        self.nodes[id.index()].meta = meta;
    }

    pub(super) fn child(&self, id: NodeId, name: &[u8]) -> Option<NodeId> {
        match &self.node(id).kind {
            Kind::Directory(children) => children.map.get(name).copied(),
            _ => None,
        }
    }

    /// Puts a new node into a directory. The caller has checked the name and that it is free.
    pub(super) fn insert(&mut self, parent: NodeId, name: &[u8], meta: Meta, kind: Kind) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let is_directory = matches!(kind, Kind::Directory(_));
        self.nodes.push(Node { meta, kind });
        if let Kind::Directory(children) = &mut self.nodes[parent.index()].kind {
            children.map.insert(name.into(), id);
            children.directories += u32::from(is_directory);
        }
        id
    }

    /// Gives the path of a directory by its node, empty for the root or what is no directory of the tree.
    pub(super) fn paths(&self) -> impl Fn(NodeId) -> Vec<u8> + use<> {
        let mut above: HashMap<NodeId, (NodeId, Box<[u8]>)> = HashMap::new();
        let mut waiting = vec![NodeId::ROOT];
        while let Some(directory) = waiting.pop() {
            for (name, id) in self.children(directory) {
                if self.node(id).is_directory() {
                    above.insert(id, (directory, name.into()));
                    waiting.push(id);
                }
            }
        }
        move |node| {
            let mut names = Vec::new();
            let mut at = node;
            while let Some((parent, name)) = above.get(&at) {
                names.push(name.as_ref());
                at = *parent;
            }
            names.reverse();
            names.join(&b'/')
        }
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

type Entries<'a> = Iter<'a, Box<[u8]>, NodeId>;

/// The entries of a tree: see [`Tree::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    tree: &'a Tree,
    path: Vec<u8>,
    /// Length of the path of the directory, and what is left of its entries.
    stack: Vec<(usize, Entries<'a>)>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Vec<u8>, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (length, entries) = self.stack.last_mut()?;
            let length = *length;
            let Some((name, id)) = entries.next() else {
                self.stack.pop();
                continue;
            };
            self.path.truncate(length);
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
            let node = self.tree.node(*id);
            if let Kind::Directory(children) = &node.kind {
                self.stack.push((self.path.len(), children.map.iter()));
            }
            return Some((self.path.clone(), node));
        }
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
