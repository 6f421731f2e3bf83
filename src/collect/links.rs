//! Hard links: which name of a file came first, in the manifest and in today's archive.
//!
//! A tree may have a million files with several names each, and whether the others are in it is known at its end only.
//! So a file is kept in few bytes: directories once for all the names in them, and most copies without their path, which
//! is that of the first name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::select::{Stat, Type};
use crate::units::Digest;

/// What is known about a file with several names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Its first name in the manifest.
    pub first: PathBuf,
    /// Whether nothing had to be stored for the first name.
    pub unchanged: bool,
    /// The name under which today's archive has its bytes, and what became of them.
    pub stored: Option<Copy>,
}

/// A file's bytes in today's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// The member that has them.
    pub path: PathBuf,
    /// Their digest.
    pub digest: Digest,
    /// Their length.
    pub size: u64,
    /// If they are not those of one moment: why.
    pub torn: Option<String>,
}

/// Files with several names, by file system and number. One whose names were all seen is forgotten.
#[derive(Debug, Default)]
pub(super) struct Links {
    files: BTreeMap<(u64, u64), Packed>,
    /// Where first names are. A directory that the walk comes back to is there again.
    dirs: Vec<Box<Path>>,
}

/// A [`Known`], and how many names were seen.
#[derive(Debug)]
struct Packed {
    /// Number of the first name's directory.
    dir: u32,
    seen: u32,
    name: Box<OsStr>,
    stored: Option<Box<PackedCopy>>,
}

#[derive(Debug)]
struct PackedCopy {
    digest: Digest,
    size: u64,
    /// Whether the first name had to be stored.
    with_first: bool,
    /// What few files have: another path than the first name's, something wrong.
    odd: Option<Box<(PathBuf, Option<String>)>>,
}

impl Links {
    /// What is known about the file of `stat`.
    pub fn get(&self, stat: &Stat) -> Option<Known> {
        let packed = self.files.get(&key(stat)?)?;
        let first = match self.dirs.get(packed.dir as usize) {
            Some(dir) => dir.join(&*packed.name),
            None => PathBuf::from(&*packed.name),
        };
        Some(Known {
            unchanged: packed.stored.as_ref().is_none_or(|copy| !copy.with_first),
            stored: packed.stored.as_ref().map(|copy| copy.unpack(&first)),
            first,
        })
    }

    /// Notes that `path` is a name of the file of `stat`, which was `unchanged` or is `stored` now.
    pub fn note(&mut self, stat: &Stat, path: &Path, stored: Option<Copy>) {
        let Some(key) = key(stat) else { return };
        if let Some(packed) = self.files.get_mut(&key) {
            packed.seen += 1;
            if packed.seen >= stat.links {
                self.files.remove(&key);
            } else if packed.stored.is_none() {
                // Compared with its own path, which is not the first name: it is kept.
                packed.stored = stored.map(|copy| Box::new(PackedCopy::new(copy, None)));
            }
            return;
        }
        let parent = path.parent().unwrap_or(Path::new(""));
        if self.dirs.last().is_none_or(|last| **last != *parent) {
            self.dirs.push(parent.into());
        }
        let packed = Packed {
            // OK: four thousand million directories do not fit into the memory
            dir: u32::try_from(self.dirs.len() - 1).unwrap_or(u32::MAX),
            seen: 1,
            name: path.file_name().unwrap_or(path.as_os_str()).into(),
            stored: stored.map(|copy| Box::new(PackedCopy::new(copy, Some(path)))),
        };
        self.files.insert(key, packed);
    }
}

impl PackedCopy {
    /// `first` is the first name, if it is what is stored.
    fn new(copy: Copy, first: Option<&Path>) -> Self {
        let is_plain = first == Some(&copy.path) && copy.torn.is_none();
        Self {
            digest: copy.digest,
            size: copy.size,
            with_first: first.is_some(),
            odd: (!is_plain).then(|| Box::new((copy.path, copy.torn))),
        }
    }

    fn unpack(&self, first: &Path) -> Copy {
        let (path, torn) = match self.odd.as_deref() {
            Some((path, torn)) => (path.clone(), torn.clone()),
            None => (first.to_owned(), None),
        };
        Copy {
            path,
            digest: self.digest,
            size: self.size,
            torn,
        }
    }
}

/// File system and number of a regular file with several names.
fn key(stat: &Stat) -> Option<(u64, u64)> {
    (stat.links > 1 && stat.kind() == Type::File).then_some((stat.device, stat.inode))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn copy(path: &str, torn: Option<&str>) -> Copy {
        Copy {
            path: path.into(),
            digest: Digest::of(path.as_bytes()),
            size: 7,
            torn: torn.map(str::to_owned),
        }
    }

    /// What the kernel says of a file with so many names.
    fn stat(links: u32) -> Stat {
        let mut stat = Stat::of(tempfile::tempfile().unwrap()).unwrap();
        (stat.links, stat.inode) = (links, links.into());
        stat
    }

    #[test]
    fn what_was_noted_is_known_until_every_name_was_seen() {
        for (first, noted) in [
            ("etc/a", None),
            ("etc/a", Some(copy("etc/a", None))),
            ("a", Some(copy("a", Some("it grew")))),
            ("a/b/c", Some(copy("a/b/other", None))),
        ] {
            let mut links = Links::default();
            let file = stat(3);
            assert_eq!(links.get(&file), None);
            links.note(&stat(2), Path::new("elsewhere/x"), None);
            links.note(&file, Path::new(first), noted.clone());
            let known = Known {
                first: first.into(),
                unchanged: noted.is_none(),
                stored: noted.clone(),
            };
            assert_eq!(links.get(&file), Some(known.clone()));
            let second = copy("z/second", Some("torn"));
            links.note(&file, Path::new("z/second"), Some(second.clone()));
            let stored = noted.or(Some(second));
            assert_eq!(links.get(&file), Some(Known { stored, ..known }));
            links.note(&file, Path::new("z/third"), None);
            assert_eq!(links.get(&file), None);
        }
    }

    #[test]
    fn a_file_with_one_name_is_not_kept() {
        let mut links = Links::default();
        links.note(&stat(1), Path::new("a"), None);
        assert!(links.files.is_empty());
    }

    #[test]
    fn a_file_with_several_names_costs_little() {
        assert_eq!(size_of::<((u64, u64), Packed)>(), 48);
        assert_eq!(size_of::<PackedCopy>(), 56);
    }
}
