//! Where everything of an image goes, and the bytes of directories and path tables.
//!
//! One routine makes the bytes of a directory. It runs once to measure, when no location is known, and once to
//! write; what it makes has the same length both times, because no length depends on a location. It hands them over
//! piece by piece: a directory of a million files has more of them than shall be in memory.

mod records;
mod sources;

use self::records::{DirectoryWriter, Entries, Out, PIECE, Run, role};
use super::SECTOR;
use super::charset::{Namespace, Role};
use super::directory::{self, ByteOrder, FLAG_CONTINUES};
use super::image::ImageError;
use super::rock_ridge::{Continuation, Place};
use super::tree::{Kind, NodeId, Tree};

pub(super) use self::sources::Sources;

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
    /// Index by the number that the tree has given a directory.
    by_number: Vec<u32>,
    pub path_table_bytes: u32,
    pub path_table_little: u32,
    pub path_table_big: u32,
}

fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Sectors that this many bytes take.
pub(super) fn sectors(bytes: u64) -> u64 {
    bytes.div_ceil(SECTOR)
}

impl Hierarchy {
    /// Orders and measures the directories of a tree.
    pub(super) fn measure(tree: &Tree, namespace: Namespace) -> Result<Self, ImageError> {
        let mut this = Self {
            namespace,
            directories: vec![Planned::new(NodeId::ROOT, 0, Vec::new())],
            by_number: vec![0; tree.directories()],
            path_table_bytes: 0,
            path_table_little: 0,
            path_table_big: 0,
        };
        let mut at = 0;
        while at < this.directories.len() {
            let node = this.directories[at].node;
            if let Some(number) = tree.number(node) {
                this.by_number[number] = low_u32(at as u64);
            }
            if tree.subdirectories(node) > 0 {
                let entries = Entries::of(tree, node, namespace)?;
                for (place, child) in entries.sorted {
                    if tree.is_directory(child) {
                        let mut identifier = Vec::new();
                        let identifiers = &entries.identifiers;
                        identifiers.write(place, Role::Directory, &mut identifier);
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
            let (mut records, mut continuation) = (0, 0);
            this.directory(tree, &nothing, at, &mut |run, bytes| {
                match run {
                    Run::Records => records += bytes.len() as u64,
                    Run::Continuation => continuation += bytes.len() as u64,
                }
                Ok::<(), ImageError>(())
            })?;
            if u32::try_from(records).is_err() {
                return Err(ImageError::TooLarge);
            }
            let planned = &mut this.directories[at];
            planned.sectors = low_u32(sectors(records));
            planned.continuation = low_u32(sectors(continuation));
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

    /// A directory, and its first sector.
    pub(super) fn place(&self, at: usize) -> (NodeId, u32) {
        let planned = &self.directories[at];
        (planned.node, planned.sector)
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

    /// Gives `out` the bytes of a directory and of its continuation areas, piece by piece as they arise, each filled up
    /// to whole sectors in the end.
    fn directory<E: From<ImageError>>(
        &self,
        tree: &Tree,
        sources: &Sources,
        at: usize,
        out: &mut Out<'_, E>,
    ) -> Result<(), E> {
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
            let node = tree.node(shown.node);
            writer.record(&[identifier], shown.node, &node, section, 0, place);
        }
        let entries = Entries::of(tree, planned.node, self.namespace)?;
        let mut identifier = Vec::new();
        for (place, id) in entries.sorted {
            let node = tree.node(id);
            let identifiers = &entries.identifiers;
            identifiers.write(place, role(tree, id), &mut identifier);
            let place = Place::Named(tree.name_of(id));
            match &node.kind {
                Kind::Directory => {
                    let number = tree.number(id).unwrap_or(0);
                    let child = &self.directories[self.by_number[number] as usize];
                    writer.record(&identifier, id, &node, child.section(), 0, place);
                }
                Kind::File(content) => {
                    let sections = sources.sections(content);
                    let last = sections.len() - 1;
                    for (number, section) in sections.into_iter().enumerate() {
                        let flags = if number < last { FLAG_CONTINUES } else { 0 };
                        writer.record(&identifier, id, &node, section, flags, place);
                    }
                }
                Kind::Symlink(_) | Kind::Special(_) => {
                    writer.record(&identifier, id, &node, (sources.empty, 0), 0, place);
                }
            }
            writer.hand_over(PIECE, out)?;
        }
        directory::fill_sector(&mut writer.records);
        directory::fill_sector(&mut writer.continuation.bytes);
        writer.hand_over(0, out)
    }

    /// Gives `out` the sectors of a directory in order: its records, then its continuation areas.
    pub(super) fn emit<E: From<ImageError>>(
        &self,
        tree: &Tree,
        sources: &Sources,
        at: usize,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let runs = match self.directories[at].continuation {
            0 => &[Run::Records][..],
            _ => &[Run::Records, Run::Continuation],
        };
        for wanted in runs {
            self.directory(tree, sources, at, &mut |run, bytes| match run {
                run if run == *wanted => out(bytes),
                _ => Ok(()),
            })?;
        }
        Ok(())
    }
}
