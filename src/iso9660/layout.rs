//! Where everything of an image goes, and the bytes of directories and path tables.
//!
//! One routine makes the bytes of a directory. It runs once to measure, when no location is known, and once to
//! write; what it makes has the same length both times, because no length depends on a location.

use super::SECTOR;
use super::charset::{self, Namespace, Role};
use super::directory::{
    self, ByteOrder, FLAG_CONTINUES, FLAG_DIRECTORY, RECORD_MAX, Record, SECTION_MAX, record_length,
};
use super::image::ImageError;
use super::rock_ridge::{self, Continuation, Place};
use super::tree::{Content, Extent, Kind, Node, NodeId, Tree};

/// A directory in one of the two hierarchies.
#[derive(Debug)]
pub(super) struct Planned {
    node: NodeId,
    /// Index of the directory above.
    parent: usize,
    identifier: Vec<u8>,
    sector: u32,
    sectors: u32,
    continuation: u32,
}

impl Planned {
    fn new(node: NodeId, parent: usize, identifier: Vec<u8>) -> Self {
        Self {
            node,
            parent,
            identifier,
            sector: 0,
            sectors: 0,
            continuation: 0,
        }
    }

    /// First sector and bytes.
    fn section(&self) -> (u32, u32) {
        let bytes = u64::from(self.sectors) * SECTOR;
        (self.sector, low_u32(bytes))
    }
}

/// All directories under one kind of identifiers, in the order of the path table (ECMA-119 6.9.1): by level, then
/// by number of the directory above, then by identifier.
#[derive(Debug)]
pub(super) struct Hierarchy {
    pub namespace: Namespace,
    directories: Vec<Planned>,
    /// Index of the directory that a node is.
    by_node: Vec<u32>,
    pub path_table_bytes: u32,
    pub path_table_little: u32,
    pub path_table_big: u32,
}

/// Where new contents are.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Number, first sector, length; ascending by number.
    pub placed: Vec<(usize, u32, u64)>,
    /// The sector that empty files name: the first one after the directories. libarchive takes 0 for a place before
    /// the file's continuation area, and refuses.
    pub empty: u32,
}

impl Sources {
    pub(super) fn find(&self, source: usize) -> Option<Extent> {
        let at = self
            .placed
            .binary_search_by_key(&source, |known| known.0)
            .ok()?;
        let (_, sector, bytes) = self.placed[at];
        Some(Extent { sector, bytes })
    }

    /// The runs of bytes that a content has, each of a length that a record can hold; one of length 0
    /// if it has none.
    fn sections(&self, content: &Content) -> Vec<(u32, u32)> {
        let new;
        let extents = match content {
            Content::Old(extents) => extents,
            Content::New { source, bytes } => {
                // while it is measured, no source has a place yet
                new = vec![self.find(*source).unwrap_or(Extent {
                    sector: 0,
                    bytes: *bytes,
                })];
                &new
            }
        };
        let mut sections = Vec::with_capacity(1);
        for extent in extents {
            let mut sector = extent.sector;
            let mut left = extent.bytes;
            while left > 0 {
                let bytes = left.min(SECTION_MAX);
                sections.push((sector, low_u32(bytes)));
                sector = sector.saturating_add(low_u32(bytes / SECTOR));
                left -= bytes;
            }
        }
        if sections.is_empty() {
            sections.push((self.empty, 0));
        }
        sections
    }
}

fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Sectors that this many bytes take.
pub(super) fn sectors(bytes: u64) -> u64 {
    bytes.div_ceil(SECTOR)
}

/// The entries of a directory that a namespace can hold, with their identifiers, in the order of the records.
fn entries(tree: &Tree, directory: NodeId, namespace: Namespace) -> Vec<(Vec<u8>, &[u8], NodeId)> {
    let shown = |(name, id): (_, NodeId)| {
        let role = match (&tree.node(id).kind, namespace) {
            (Kind::Directory(_), _) => Role::Directory,
            (Kind::File(_), _) | (_, Namespace::Primary) => Role::File,
            (Kind::Symlink(_) | Kind::Special(_), Namespace::Joliet) => return None,
        };
        Some((name, role, id))
    };
    let shown: Vec<(&[u8], Role, NodeId)> = tree.children(directory).filter_map(shown).collect();
    let names = shown.iter().map(|(name, role, _)| (*name, *role));
    let identifiers = charset::identifiers(names, namespace);
    let mut entries: Vec<_> = identifiers
        .into_iter()
        .zip(shown)
        .map(|(identifier, (name, _, id))| (identifier, name, id))
        .collect();
    entries.sort_by(|a, b| {
        charset::sort_key(&a.0, namespace).cmp(&charset::sort_key(&b.0, namespace))
    });
    entries
}

impl Hierarchy {
    /// Orders and measures the directories of a tree.
    pub(super) fn measure(tree: &Tree, namespace: Namespace) -> Result<Self, ImageError> {
        let mut this = Self {
            namespace,
            directories: vec![Planned::new(NodeId::ROOT, 0, Vec::new())],
            by_node: vec![0; tree.capacity()],
            path_table_bytes: 0,
            path_table_little: 0,
            path_table_big: 0,
        };
        let mut at = 0;
        while at < this.directories.len() {
            let node = this.directories[at].node;
            this.by_node[node.index()] = low_u32(at as u64);
            if tree.subdirectories(node) > 0 {
                for (identifier, _, child) in entries(tree, node, namespace) {
                    if tree.node(child).is_directory() {
                        this.directories.push(Planned::new(child, at, identifier));
                    }
                }
            }
            at += 1;
        }
        // a path table numbers directories above in two bytes
        if this.directories.len() > usize::from(u16::MAX) {
            return Err(ImageError::TooManyDirectories(this.directories.len()));
        }
        let nothing = Sources::default();
        for at in 0..this.directories.len() {
            let (records, continuation) = this.directory(tree, &nothing, at);
            let fits = u32::try_from(records.len()).is_ok();
            let planned = &mut this.directories[at];
            planned.sectors = low_u32(sectors(records.len() as u64));
            planned.continuation = low_u32(sectors(continuation.len() as u64));
            if !fits {
                return Err(ImageError::TooLarge);
            }
        }
        this.path_table_bytes = low_u32(this.path_table(ByteOrder::Little).len() as u64);
        Ok(this)
    }

    /// Gives the path tables their place from `next` on, and moves `next` behind them.
    pub(super) fn place_path_tables(&mut self, next: &mut u64) {
        let each = sectors(u64::from(self.path_table_bytes));
        self.path_table_little = low_u32(*next);
        self.path_table_big = low_u32(*next + each);
        *next += 2 * each;
    }

    /// Gives the directories their place from `next` on, and moves `next` behind them.
    pub(super) fn place_directories(&mut self, next: &mut u64) {
        for directory in &mut self.directories {
            directory.sector = low_u32(*next);
            *next += u64::from(directory.sectors) + u64::from(directory.continuation);
        }
    }

    /// First sector and length of the root directory.
    pub(super) fn root(&self) -> (u32, u32) {
        self.directories[0].section()
    }

    pub(super) fn count(&self) -> usize {
        self.directories.len()
    }

    pub(super) fn has_continuation(&self) -> bool {
        self.directories.iter().any(|one| one.continuation > 0)
    }

    /// The bytes of a path table, without padding.
    pub(super) fn path_table(&self, order: ByteOrder) -> Vec<u8> {
        let mut out = Vec::new();
        for directory in &self.directories {
            let parent = u16::try_from(directory.parent + 1).unwrap_or(u16::MAX);
            directory::write_path(
                &directory.identifier,
                directory.sector,
                parent,
                order,
                &mut out,
            );
        }
        out
    }

    /// The bytes of a directory and of its continuation areas, each filled up to whole sectors.
    pub(super) fn directory(
        &self,
        tree: &Tree,
        sources: &Sources,
        at: usize,
    ) -> (Vec<u8>, Vec<u8>) {
        let planned = &self.directories[at];
        let mut writer = DirectoryWriter {
            namespace: self.namespace,
            tree,
            records: Vec::new(),
            continuation: Continuation {
                sector: planned.sector.saturating_add(planned.sectors),
                bytes: Vec::new(),
            },
        };
        for (identifier, index) in [(0, at), (1, planned.parent)] {
            let shown = &self.directories[index];
            let place = if at == 0 && identifier == 0 {
                Place::RootItself
            } else {
                Place::Directory
            };
            let section = shown.section();
            writer.record(&[identifier], shown.node, section, 0, place);
        }
        for (identifier, name, id) in entries(tree, planned.node, self.namespace) {
            let place = Place::Named(name);
            match &tree.node(id).kind {
                Kind::Directory(_) => {
                    let child = &self.directories[self.by_node[id.index()] as usize];
                    let section = child.section();
                    writer.record(&identifier, id, section, 0, place);
                }
                Kind::File(content) => {
                    let sections = sources.sections(content);
                    let last = sections.len() - 1;
                    for (number, section) in sections.into_iter().enumerate() {
                        let flags = if number < last { FLAG_CONTINUES } else { 0 };
                        writer.record(&identifier, id, section, flags, place);
                    }
                }
                Kind::Symlink(_) | Kind::Special(_) => {
                    writer.record(&identifier, id, (sources.empty, 0), 0, place);
                }
            }
        }
        directory::fill_sector(&mut writer.records);
        directory::fill_sector(&mut writer.continuation.bytes);
        (writer.records, writer.continuation.bytes)
    }
}

struct DirectoryWriter<'a> {
    namespace: Namespace,
    tree: &'a Tree,
    records: Vec<u8>,
    continuation: Continuation,
}

impl DirectoryWriter<'_> {
    fn record(
        &mut self,
        identifier: &[u8],
        id: NodeId,
        (sector, bytes): (u32, u32),
        flags: u8,
        place: Place<'_>,
    ) {
        let node: &Node = self.tree.node(id);
        let (flags, links) = if node.is_directory() {
            (FLAG_DIRECTORY, 2 + self.tree.subdirectories(id))
        } else {
            (flags, 1)
        };
        let plain = record_length(identifier.len());
        let system_use = match self.namespace {
            Namespace::Joliet => Vec::new(),
            Namespace::Primary => {
                let entries = rock_ridge::entries(node, links, id.serial(), place);
                rock_ridge::place(entries, RECORD_MAX - plain, &mut self.continuation)
            }
        };
        directory::align_record(
            &mut self.records,
            (plain + system_use.len()).next_multiple_of(2),
        );
        Record {
            sector,
            bytes,
            time: node.meta.mtime,
            flags,
            identifier,
        }
        .write(&system_use, &mut self.records);
    }
}
