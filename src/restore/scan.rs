//! A first look at a manifest: what of it is wanted, and which archives are needed for that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::find::Found;
use super::shelf::Shelf;
use super::wanted::{self, Part, Wanted};
use crate::archive::manifest::{Entry, ManifestError, ManifestReader, Place, Stored};
use crate::archive::{Kind, Member};

/// Paths that are remembered as examples.
const EXAMPLES: usize = 5;

/// What a manifest asks of one archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// Things of any kind, names of one file counted each.
    pub things: u64,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Some of the paths.
    pub examples: Vec<PathBuf>,
}

/// What a manifest asks for.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// By archive, the oldest first.
    pub needs: BTreeMap<Arc<Stored>, Need>,
    /// Further names of files.
    pub links: u64,
    /// Things that were never saved.
    pub unsaved: u64,
    /// Files that changed while they were saved.
    pub torn: u64,
    /// Directories above what is wanted, from the top.
    pub ways: Vec<Member>,
    /// Files that are not wanted under their first name, but under another one: which one takes its place.
    /// Only when not everything is wanted, so that few are.
    pub stand_ins: BTreeMap<PathBuf, PathBuf>,
    /// What was seen of the wanted paths.
    pub found: wanted::Found,
}

impl Scan {
    /// Reads the whole manifest `found`; nothing is believed of one that is not complete.
    pub fn new(shelf: &Shelf, found: &Found, wanted: &Wanted) -> Result<Self, ManifestError> {
        let mut scan = Self::default();
        for entry in ManifestReader::new(shelf.read(&found.copy.item)?)? {
            scan.take(entry?, wanted);
        }
        if !scan.stand_ins.is_empty() {
            scan.count_stand_ins(ManifestReader::new(shelf.read(&found.copy.item)?)?)?;
        }
        Ok(scan)
    }

    fn take(&mut self, entry: Entry, wanted: &Wanted) {
        let path = &entry.member.path;
        wanted.look(path, &mut self.found);
        match wanted.part(path) {
            Part::Left => return,
            Part::Way => {
                if entry.member.kind == Kind::Dir {
                    self.ways.push(entry.member);
                }
                return;
            }
            Part::Wanted => {}
        }
        if let Kind::HardLink(first) = &entry.member.kind {
            self.links += 1;
            if wanted.part(first) != Part::Wanted && !self.stand_ins.contains_key(first) {
                self.stand_ins.insert(first.clone(), path.clone());
            }
        }
        self.count(&entry);
    }

    fn count(&mut self, entry: &Entry) {
        self.torn += u64::from(matches!(entry.place, Place::Torn(..)));
        match stored(&entry.place) {
            Some(stored) => {
                let need = self.needs.entry(Arc::clone(stored)).or_default();
                need.things += 1;
                if entry.member.kind == Kind::File {
                    need.files += 1;
                    need.bytes = need.bytes.saturating_add(entry.member.size);
                }
                if need.examples.len() < EXAMPLES {
                    need.examples.push(entry.member.path.clone());
                }
            }
            None => self.unsaved += 1,
        }
    }

    /// The bytes of a file are where its first name is.
    fn count_stand_ins(
        &mut self,
        entries: impl Iterator<Item = Result<Entry, ManifestError>>,
    ) -> Result<(), ManifestError> {
        for entry in entries {
            let entry = entry?;
            if self.stand_ins.contains_key(&entry.member.path) {
                self.count(&entry);
            }
        }
        Ok(())
    }

    /// Under which path what the manifest calls `path` is restored.
    pub fn place_of<'a>(&'a self, path: &'a Path) -> &'a Path {
        self.stand_ins.get(path).map_or(path, PathBuf::as_path)
    }

    /// Whether the bytes of the entry at `path` are wanted, under this or another name.
    pub fn wants(&self, path: &Path, wanted: &Wanted) -> bool {
        wanted.part(path) == Part::Wanted || self.stand_ins.contains_key(path)
    }

    /// Files and bytes in all.
    pub fn totals(&self) -> (u64, u64) {
        let needs = self.needs.values();
        needs.fold((0, 0), |(files, bytes), need| {
            (files + need.files, bytes.saturating_add(need.bytes))
        })
    }
}

/// The archive that holds an entry.
pub fn stored(place: &Place) -> Option<&Arc<Stored>> {
    match place {
        Place::Whole(stored) | Place::Torn(stored, _) => Some(stored),
        Place::Missing(_) => None,
    }
}
