//! Which manifests say what a peer had on a day, and where the archives lie that they name.
//!
//! A file lies under the day on which it was staged, which may be a day or two after the one on which it was
//! collected: peers collect before midnight, the master stages after it. What counts is the day in the
//! manifest's header. An archive belongs to the manifest that lies beside it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::Arc;

use crate::archive::Compression;
use crate::archive::manifest::{self, Header, ManifestReader, Stored};
use crate::event::{printable, with_causes};
use crate::restore::shelf::{Item, Shelf};
use crate::units::{Day, PeerName};

/// Days after the collection within which a peer's files are staged: usually one, if that is after midnight; more,
/// if a machine was switched off in between.
pub const LATE: usize = 14;

/// A copy of a file: on which of the shelves, and which one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Copy {
    /// Number of the shelf.
    pub shelf: usize,
    /// The file.
    pub item: Item,
}

/// A manifest that counts.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it lies.
    pub copy: Copy,
    /// What it is about.
    pub header: Arc<Header>,
}

/// Looks for manifests and archives on shelves.
pub struct Finder<'a> {
    shelves: &'a [Shelf],
    headers: RefCell<HashMap<Copy, Option<Arc<Header>>>>,
    /// Manifests that turned out to be unreadable.
    bad: RefCell<HashSet<Copy>>,
    /// Manifests that lie beside an archive of somebody else.
    left_over: RefCell<HashSet<Copy>>,
    troubles: RefCell<Vec<String>>,
}

impl<'a> Finder<'a> {
    /// Looks on `shelves`, earlier ones first.
    pub fn new(shelves: &'a [Shelf]) -> Self {
        Self {
            shelves,
            headers: RefCell::default(),
            bad: RefCell::default(),
            left_over: RefCell::default(),
            troubles: RefCell::default(),
        }
    }

    /// The shelves.
    pub fn shelves(&self) -> &'a [Shelf] {
        self.shelves
    }

    /// What could not be read, for people.
    pub fn into_troubles(self) -> Vec<String> {
        self.troubles.into_inner()
    }

    /// Never considers `copy` again, because of `reason`.
    pub fn reject(&self, copy: &Copy, reason: &dyn std::error::Error) {
        let on = &self.shelves[copy.shelf];
        let text = format!(
            "manifest {}: {}",
            on.whereabouts(&copy.item),
            with_causes(reason)
        );
        self.troubles.borrow_mut().push(printable(&text));
        self.bad.borrow_mut().insert(copy.clone());
    }

    /// The manifests that say what `peer` had at the end of `as_of`, one for each source, by the source's
    /// name. Parts of a source that were gone by then are left out.
    pub fn manifests(&self, peer: &PeerName, as_of: Option<Day>) -> Vec<Found> {
        let newest = self.newest(peer, as_of);
        let there = newest.values().filter(|found| !is_gone(found, &newest));
        there.cloned().collect()
    }

    /// The newest manifest of every source of `peer` that was collected until `as_of`, by the source's name;
    /// of parts that were gone by then, too.
    pub fn newest(&self, peer: &PeerName, as_of: Option<Day>) -> BTreeMap<OsString, Found> {
        // The newest of each file name; then the newest of each source, which may have several names.
        let mut newest: BTreeMap<OsString, Found> = BTreeMap::new();
        for mut copies in self.copies_by_name(peer, as_of) {
            copies.sort_by_key(|copy| (std::cmp::Reverse(copy.item.day), copy.shelf));
            let mut day = None;
            for copy in copies {
                if day.is_some_and(|day| day != copy.item.day) {
                    break;
                }
                let Some(header) = self.header(&copy) else {
                    continue;
                };
                if self.is_left_over(&copy, &header) {
                    self.left_over.borrow_mut().insert(copy);
                    continue;
                }
                if as_of.is_some_and(|as_of| header.day > as_of) {
                    continue;
                }
                day = Some(copy.item.day);
                let found = Found { copy, header };
                match newest.entry(found.header.name.clone()) {
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(found);
                    }
                    std::collections::btree_map::Entry::Occupied(mut entry) => {
                        if age(entry.get()) < age(&found) {
                            entry.insert(found);
                        }
                    }
                }
            }
        }
        newest
    }

    /// Every manifest of `peers` that lies under a day before `until`, the latest first. One that cannot be read is left
    /// out.
    pub fn history<'s>(
        &'s self,
        peers: &'s [PeerName],
        until: Option<Day>,
    ) -> impl Iterator<Item = Found> + 's {
        let mut copies = Vec::new();
        for (shelf, held) in self.shelves.iter().enumerate() {
            for item in peers.iter().flat_map(|peer| held.items_of(peer)) {
                let before = until.is_none_or(|until| item.day < until);
                if before && stem_of_manifest(&item.name).is_some() {
                    copies.push((shelf, item));
                }
            }
        }
        copies.sort_by_key(|(shelf, item)| (std::cmp::Reverse(item.day), *shelf));
        copies.into_iter().filter_map(|(shelf, item)| {
            let copy = Copy {
                shelf,
                item: item.clone(),
            };
            let header = self.header(&copy)?;
            Some(Found { copy, header })
        })
    }

    /// Manifests of `peer` that may be of a day not after `as_of`, those of one name together.
    fn copies_by_name(&self, peer: &PeerName, as_of: Option<Day>) -> Vec<Vec<Copy>> {
        let latest = as_of.map(|day| (0..LATE).fold(day, |day, _| day.succ()));
        let bad = self.bad.borrow();
        let mut by_name: BTreeMap<&OsStr, Vec<Copy>> = BTreeMap::new();
        for (shelf, held) in self.shelves.iter().enumerate() {
            for item in held.items_of(peer) {
                let soon = latest.is_none_or(|latest| item.day <= latest);
                if soon && stem_of_manifest(&item.name).is_some() {
                    let copy = Copy {
                        shelf,
                        item: item.clone(),
                    };
                    if !bad.contains(&copy) {
                        by_name.entry(&item.name).or_default().push(copy);
                    }
                }
            }
        }
        by_name.into_values().collect()
    }

    /// Copies of the archive `stored` of `peer`, the best first. `near` is the shelf of the manifest that
    /// names it. If there is no better one, those whose own manifest cannot be read: the digests of what is in them will tell.
    pub fn archives(&self, peer: &PeerName, stored: &Stored, near: usize) -> Vec<Copy> {
        let mut sure = Vec::new();
        let mut likely = Vec::new();
        let mut doubtful = Vec::new();
        let others = (0..self.shelves.len()).filter(|shelf| *shelf != near);
        for shelf in std::iter::once(near).chain(others) {
            let mut day = stored.day;
            for late in 0..=LATE {
                let item = Item {
                    peer: peer.clone(),
                    day,
                    name: stored.archive.clone(),
                };
                day = day.succ();
                if self.shelves[shelf].length(&item).is_none() {
                    continue;
                }
                let beside = stem_of_archive(&item.name).map(|(stem, _)| manifest_name(stem));
                let beside = beside.map(|name| item.beside(item.day, &name));
                let beside = beside.map(|item| Copy { shelf, item });
                let left_over = beside
                    .as_ref()
                    .is_some_and(|manifest| self.left_over.borrow().contains(manifest));
                let is_there =
                    |manifest: &Copy| self.shelves[shelf].length(&manifest.item).is_some();
                let unreadable = beside.as_ref().is_some_and(is_there);
                let header = beside.and_then(|manifest| self.header(&manifest));
                let copy = Copy { shelf, item };
                match header {
                    _ if left_over => {}
                    Some(header)
                        if header.day == stored.day && header.archive == stored.archive =>
                    {
                        sure.push(copy);
                    }
                    None if late == 0 => likely.push(copy),
                    None if unreadable => doubtful.push(copy),
                    _ => {}
                }
            }
        }
        sure.extend(likely);
        if sure.is_empty() { doubtful } else { sure }
    }

    /// Archives of the source `stem` of `peer` that Cedar Backup made: those without a manifest of theirs beside them. By
    /// the day under which they lie; of one day, copies of one file together.
    pub fn by_cedar(&self, peer: &PeerName, stem: &OsStr) -> BTreeMap<Day, Vec<Copy>> {
        let mut found: BTreeMap<Day, Vec<Copy>> = BTreeMap::new();
        let manifest = manifest_name(stem);
        for (shelf, held) in self.shelves.iter().enumerate() {
            let named = |item: &&Item| {
                stem_of_archive(&item.name).is_some_and(|(own, _)| own == stem) && {
                    let item = item.beside(item.day, &manifest);
                    held.length(&item).is_none()
                        || self.left_over.borrow().contains(&Copy { shelf, item })
                }
            };
            for item in held.items_of(peer).filter(named) {
                found.entry(item.day).or_default().push(Copy {
                    shelf,
                    item: item.clone(),
                });
            }
        }
        for copies in found.values_mut() {
            copies.sort_by(|a, b| (&a.item, a.shelf).cmp(&(&b.item, b.shelf)));
        }
        found
    }

    /// Whether the manifest `copy` came already on an earlier day, beside another archive: then somebody else, who knows
    /// nothing of manifests, has made the one that lies beside it now.
    fn is_left_over(&self, copy: &Copy, header: &Header) -> bool {
        let beside = |manifest: &Copy| {
            let on = &self.shelves[manifest.shelf];
            let archive = manifest.item.beside(manifest.item.day, &header.archive);
            // Without a list the lengths have to do.
            Some((on.length(&archive)?, on.digest(&archive).ok().flatten()))
        };
        let Some((length, digest)) = beside(copy) else {
            return false;
        };
        let mut earlier: Vec<Copy> = Vec::new();
        for (shelf, held) in self.shelves.iter().enumerate() {
            let own = held.items_of(&copy.item.peer);
            let before = own.filter(|item| item.name == copy.item.name && item.day < copy.item.day);
            earlier.extend(before.cloned().map(|item| Copy { shelf, item }));
        }
        earlier.sort_by_key(|copy| std::cmp::Reverse(copy.item.day));
        for other in earlier {
            let Some(known) = self.header(&other) else {
                continue;
            };
            if known.created != header.created {
                return false;
            }
            let is_another = beside(&other).is_some_and(|(other_length, other_digest)| {
                let proofs = other_digest.zip(digest);
                other_length != length || proofs.is_some_and(|(a, b)| a.contradicts(b))
            });
            if is_another {
                return true;
            }
        }
        false
    }

    /// The header of the manifest `copy`; `None` if there is none that can be read.
    fn header(&self, copy: &Copy) -> Option<Arc<Header>> {
        if let Some(known) = self.headers.borrow().get(copy) {
            return known.clone();
        }
        let on = &self.shelves[copy.shelf];
        on.length(&copy.item)?;
        let read = on
            .read(&copy.item)
            .map_err(manifest::ManifestError::from)
            .and_then(|packed| Ok(Arc::new(ManifestReader::new(packed)?.header().clone())));
        let header = read.map_err(|error| self.reject(copy, &error)).ok();
        self.headers
            .borrow_mut()
            .insert(copy.clone(), header.clone());
        header
    }
}

/// Whether the source of `found` is a part that the latest manifest of its whole does not name any more, or a
/// part of such a part.
fn is_gone(found: &Found, newest: &BTreeMap<OsString, Found>) -> bool {
    let mut part = found;
    // No chain is longer than there are sources, unless it is a circle.
    for _ in newest {
        let whole = part.header.whole.as_ref();
        let Some(whole) = whole.and_then(|name| newest.get(name)) else {
            return false;
        };
        if !whole.header.parts.contains(&part.header.name) {
            return true;
        }
        part = whole;
    }
    false
}

/// What makes a manifest newer than another one of the same source.
fn age(found: &Found) -> impl Ord + use<> {
    (found.header.day, found.header.created)
}

/// `etc` for `etc.mtree.gz`.
pub fn stem_of_manifest(name: &OsStr) -> Option<&OsStr> {
    strip(name, manifest::EXTENSION)
}

/// `etc` and gzip for `etc.tar.gz`.
pub fn stem_of_archive(name: &OsStr) -> Option<(&OsStr, Compression)> {
    Compression::ALL
        .into_iter()
        .find_map(|way| Some((strip(name, way.extension())?, way)))
}

fn strip<'a>(name: &'a OsStr, extension: &str) -> Option<&'a OsStr> {
    let rest = name.as_bytes().strip_suffix(extension.as_bytes())?;
    let stem = rest.strip_suffix(b".")?;
    (!stem.is_empty()).then(|| OsStr::from_bytes(stem))
}

fn manifest_name(stem: &OsStr) -> OsString {
    OsString::from_vec([stem.as_bytes(), b".", manifest::EXTENSION.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_and_manifests_are_known_by_their_names() {
        let stem = |name: &str| {
            stem_of_archive(OsStr::new(name)).map(|(stem, way)| (stem.to_owned(), way))
        };
        assert_eq!(stem("etc.tar.gz"), Some(("etc".into(), Compression::Gzip)));
        assert_eq!(stem("a.b+2.tar"), Some(("a.b+2".into(), Compression::None)));
        for name in ["tar", ".tar", "x.tar.xz", "etc.mtree.gz"] {
            assert_eq!(stem(name), None, "{name}");
        }
        assert_eq!(
            stem_of_manifest(OsStr::new("etc.mtree.gz")),
            Some(OsStr::new("etc"))
        );
        assert_eq!(stem_of_manifest(OsStr::new("etc.tar.gz")), None);
        assert_eq!(manifest_name(OsStr::new("etc")), "etc.mtree.gz");
    }
}
