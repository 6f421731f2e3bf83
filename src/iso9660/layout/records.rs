//! The records of a directory: which entries, in what order, and their bytes.

use super::super::SECTOR_LEN;
use super::super::charset::{self, Identifiers, Namespace, Role};
use super::super::directory::{self, FLAG_DIRECTORY, RECORD_MAX, Record, record_length};
use super::super::image::ImageError;
use super::super::rock_ridge::{self, Continuation, Place};
use super::super::tree::{Node, NodeId, Tree};

/// The entries of a directory that a namespace can hold, in the order of the records.
pub(super) struct Entries {
    pub identifiers: Identifiers,
    /// Where each one's identifier is.
    pub sorted: Vec<(u32, NodeId)>,
}

impl Entries {
    pub(super) fn of(
        tree: &Tree,
        directory: NodeId,
        namespace: Namespace,
    ) -> Result<Self, ImageError> {
        let shown = |id: &NodeId| namespace == Namespace::Primary || tree.is_plain(*id);
        let shown = tree.children(directory).filter(shown);
        let count = shown.clone().count();
        let names = shown.clone().map(|id| (tree.name_of(id), role(tree, id)));
        let (identifiers, places) =
            charset::identifiers(names, count, namespace).ok_or(ImageError::TooLarge)?;
        let mut sorted: Vec<_> = places.into_iter().zip(shown).collect();
        let with_role = |(place, id): &(u32, NodeId)| (*place, role(tree, *id));
        sorted.sort_unstable_by(|a, b| identifiers.compare(with_role(a), with_role(b)));
        Ok(Self {
            identifiers,
            sorted,
        })
    }
}

pub(super) fn role(tree: &Tree, id: NodeId) -> Role {
    if tree.is_directory(id) {
        Role::Directory
    } else {
        Role::File
    }
}

/// Which of the two runs of sectors of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    Records,
    Continuation,
}

/// Who takes the sectors of a directory, as far as they are made.
pub(super) type Out<'a, E> = dyn FnMut(Run, &[u8]) -> Result<(), E> + 'a;

/// Bytes that are gathered before they are handed over.
pub(super) const PIECE: usize = 64 * 1024;

/// Takes the records of a directory.
pub(super) struct DirectoryWriter<'a> {
    pub namespace: Namespace,
    pub tree: &'a Tree,
    pub records: Vec<u8>,
    pub continuation: Continuation,
}

impl DirectoryWriter<'_> {
    pub(super) fn record(
        &mut self,
        identifier: &[u8],
        id: NodeId,
        node: &Node,
        (sector, bytes): (u32, u32),
        flags: u8,
        place: Place<'_>,
    ) {
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

    /// Hands whole sectors over, of each run if it has more than `least` bytes. What is begun stays here.
    pub(super) fn hand_over<E>(&mut self, least: usize, out: &mut Out<'_, E>) -> Result<(), E> {
        let continuation = &mut self.continuation;
        for (run, bytes) in [
            (Run::Records, &mut self.records),
            (Run::Continuation, &mut continuation.bytes),
        ] {
            let whole = bytes.len() / SECTOR_LEN;
            if bytes.len() <= least || whole == 0 {
                continue;
            }
            out(run, &bytes[..whole * SECTOR_LEN])?;
            bytes.drain(..whole * SECTOR_LEN);
            if run == Run::Continuation {
                let sectors = u32::try_from(whole).unwrap_or(u32::MAX);
                continuation.sector = continuation.sector.saturating_add(sectors);
            }
        }
        Ok(())
    }
}
