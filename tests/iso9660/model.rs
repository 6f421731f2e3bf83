//! What a test wants a volume to contain, independent of the module under test, and how it is compared.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cback::iso9660::{FileReader, Kind, ReadAt, Time, Tree};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Dir,
    /// Bytes that follow from a seed.
    File {
        seed: u64,
        bytes: u64,
    },
    Link(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub what: What,
    pub mode: u32,
    pub mtime: i64,
}

/// Paths without a leading slash, and what is there.
pub type Model = BTreeMap<Vec<u8>, Item>;

pub fn dir() -> Item {
    Item {
        what: What::Dir,
        mode: 0o755,
        mtime: 1_700_000_000,
    }
}

pub fn file(seed: u64, bytes: u64) -> Item {
    Item {
        what: What::File { seed, bytes },
        mode: 0o640,
        mtime: 1_600_000_001 + i64::try_from(seed % 1000).unwrap(),
    }
}

pub fn link(target: impl AsRef<[u8]>) -> Item {
    Item {
        what: What::Link(target.as_ref().to_vec()),
        mode: 0o777,
        mtime: 1_650_000_000,
    }
}

/// The bytes of a file: a cheap sequence that differs for every seed.
pub struct Bytes {
    state: u64,
    left: u64,
}

impl Bytes {
    pub fn new(seed: u64, bytes: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            left: bytes,
        }
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::try_from(self.left).unwrap().min(buffer.len());
        for byte in &mut buffer[..count] {
            self.state = self
                .state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = self.state.to_be_bytes()[0];
        }
        self.left -= count as u64;
        Ok(count)
    }
}

pub fn bytes_of(seed: u64, bytes: u64) -> Vec<u8> {
    let mut all = Vec::new();
    Bytes::new(seed, bytes).read_to_end(&mut all).unwrap();
    all
}

/// What was found somewhere: kind, mode, time, content or target.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub what: &'static str,
    pub mode: u32,
    pub mtime: i64,
    pub bytes: Vec<u8>,
}

pub type Listing = BTreeMap<Vec<u8>, Found>;

pub fn expected(model: &Model) -> Listing {
    model
        .iter()
        .map(|(path, item)| {
            let (what, bytes) = match &item.what {
                What::Dir => ("dir", Vec::new()),
                What::File { seed, bytes } => ("file", bytes_of(*seed, *bytes)),
                What::Link(target) => ("link", target.clone()),
            };
            let found = Found {
                what,
                mode: if what == "link" { 0 } else { item.mode },
                mtime: item.mtime,
                bytes,
            };
            (path.clone(), found)
        })
        .collect()
}

/// What our own reader finds.
pub fn read_tree(medium: &dyn ReadAt, tree: &Tree) -> Listing {
    tree.walk()
        .map(|(path, node)| {
            let (what, bytes) = match &node.kind {
                Kind::Directory => ("dir", Vec::new()),
                Kind::File(cback::iso9660::Content::Old(extents)) => {
                    let mut all = Vec::new();
                    FileReader::new(medium, extents)
                        .read_to_end(&mut all)
                        .unwrap();
                    ("file", all)
                }
                Kind::Symlink(target) => ("link", target.to_vec()),
                other => panic!("{} is {other:?}", path.escape_ascii()),
            };
            let Time { seconds, nanos } = node.meta.mtime;
            assert_eq!(nanos, 0);
            let found = Found {
                what,
                mode: if what == "link" { 0 } else { node.meta.mode },
                mtime: seconds,
                bytes,
            };
            (path, found)
        })
        .collect()
}

/// What is in a directory of this machine.
pub fn read_directory(root: &Path) -> Listing {
    walkdir::WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(root).unwrap();
            let facts = entry.metadata().unwrap();
            let (what, bytes) = if facts.is_dir() {
                ("dir", Vec::new())
            } else if facts.is_file() {
                ("file", std::fs::read(entry.path()).unwrap())
            } else {
                let target = std::fs::read_link(entry.path()).unwrap();
                ("link", target.as_os_str().as_bytes().to_vec())
            };
            let found = Found {
                what,
                mode: if what == "link" {
                    0
                } else {
                    facts.mode() & 0o7777
                },
                mtime: facts.mtime(),
                bytes,
            };
            (path.as_os_str().as_bytes().to_vec(), found)
        })
        .collect()
}

/// Compares, and says the first differences in words that can be read.
pub fn assert_same(who: &str, found: &Listing, wanted: &Listing) {
    let show = |path: &Vec<u8>, what: &str| format!("{}: {what}", path.escape_ascii());
    let missing = wanted
        .keys()
        .filter(|path| !found.contains_key(*path))
        .map(|path| show(path, "missing"));
    let extra = found
        .keys()
        .filter(|path| !wanted.contains_key(*path))
        .map(|path| show(path, "not asked for"));
    let other = wanted.iter().filter_map(|(path, wanted)| {
        let found = found.get(path)?;
        if found == wanted {
            return None;
        }
        let facts = |one: &Found| (one.what, one.mode, one.mtime, one.bytes.len());
        let words = format!("{:?} instead of {:?}", facts(found), facts(wanted));
        Some(show(path, &words))
    });
    let all: Vec<String> = missing.chain(extra).chain(other).collect();
    assert!(
        all.is_empty(),
        "{who}: {} differences: {:#?}",
        all.len(),
        &all[..all.len().min(20)]
    );
}
