//! What of a day is on the disc already.
//!
//! A run that was killed after its burn, or a day that was staged again after it had been stored, finds its
//! files in the disc's newest session. A file may stay where it is only if the medium itself proves it: same
//! length, same digest on the disc's list as in staging, and the bytes on the medium have that digest. So a
//! damaged copy is never kept, and the next session replaces it.

use std::collections::BTreeMap;
use std::fs::File;

use super::staged::{Entry, StagedDay, What, is_indicator};
use crate::iso9660::{Content, Extent, FileReader, Kind, ReadAt, Tree};
use crate::sums::{self, Digest, Proof, Seen, Sums};

/// No list of digests is longer.
pub(super) const LIST_MAX: u64 = 256 << 20;

/// What of a day is on the disc.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Files that are there, sound, with their digests, by name in the daily directory.
    pub files: BTreeMap<Vec<u8>, (Vec<Extent>, Digest)>,
    /// What the disc's list says of all files of that day that the disc has.
    pub others: Sums,
    /// Whether nothing that was backed up is missing: the day need not be burnt.
    pub complete: bool,
}

/// Looks for the files of `day` in `tree`, which is what is on `medium`.
pub(super) fn find(medium: &dyn ReadAt, tree: &Tree, day: &StagedDay) -> Kept {
    let Some(mut list) = list(medium, tree, day) else {
        return Kept::default();
    };
    list.retain(|name| {
        let node = tree.lookup(day.on_disc(name));
        node.is_some_and(|node| matches!(node.kind, Kind::File(_)))
    });
    let mut kept = Kept {
        files: BTreeMap::new(),
        others: list,
        complete: true,
    };
    for entry in &day.entries {
        let there = match &entry.what {
            What::File { bytes, promised } => {
                let found = file(medium, tree, day, entry, *bytes, *promised, &kept.others);
                let there = found.is_some();
                if let Some(found) = found {
                    kept.files.insert(entry.name.clone(), found);
                }
                there
            }
            What::Directory => tree
                .lookup(day.on_disc(&entry.name))
                .is_some_and(|node| node.is_directory()),
            What::Link(target) => {
                use std::os::unix::ffi::OsStrExt as _;
                tree.lookup(day.on_disc(&entry.name)).is_some_and(|node| {
                    matches!(&node.kind, Kind::Symlink(there) if **there == *target.as_os_str().as_bytes())
                })
            }
        };
        kept.complete &= there || is_indicator(&entry.name);
    }
    kept
}

/// The disc's list of the day's digests, if it can be read; without it nothing is kept.
fn list(medium: &dyn ReadAt, tree: &Tree, day: &StagedDay) -> Option<Sums> {
    use std::io::Read as _;
    let extents = old(tree, &day.on_disc(sums::FILE_NAME.as_bytes()))?;
    let mut text = Vec::new();
    FileReader::new(medium, &extents)
        .take(LIST_MAX)
        .read_to_end(&mut text)
        .ok()?;
    let mut list = Sums::parse(&text).ok()?;
    list.keep_sha256();
    Some(list)
}

fn file(
    medium: &dyn ReadAt,
    tree: &Tree,
    day: &StagedDay,
    entry: &Entry,
    bytes: u64,
    promised: Option<Proof>,
    list: &Sums,
) -> Option<(Vec<Extent>, Digest)> {
    let extents = old(tree, &day.on_disc(&entry.name))?;
    let listed = list.get(&entry.name)?.sha256()?;
    let length: u64 = extents.iter().map(|extent| extent.bytes).sum();
    if length != bytes || promised.is_some_and(|promised| promised.contradicts(listed.into())) {
        return None;
    }
    let on_medium = Seen::of_reader(&mut FileReader::new(medium, &extents), promised).ok()?;
    let is_staged = match promised {
        Some(promised) => on_medium.is(promised),
        None => Proof::from(listed)
            .holds(&mut File::open(day.path(entry)).ok()?)
            .ok()?,
    };
    (on_medium.digest == listed && is_staged).then_some((extents, listed))
}

/// Where the file at `path` is on the medium.
fn old(tree: &Tree, path: &std::path::Path) -> Option<Vec<Extent>> {
    match tree.lookup(path)?.kind {
        Kind::File(Content::Old(extents)) => Some(extents),
        _ => None,
    }
}
