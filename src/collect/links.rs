//! Hard links: which name of a file came first, in the manifest and in today's archive.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::select::{Stat, Type};
use crate::units::Digest;

/// What is known about a file with several names.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its first name in the manifest.
    pub first: PathBuf,
    /// Whether nothing had to be stored for the first name.
    pub unchanged: bool,
    /// The name under which today's archive has its bytes, and what became of them.
    pub stored: Option<Copy>,
    /// Names that were seen.
    seen: u32,
}

/// A file's bytes in today's archive.
#[derive(Debug, Clone)]
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
pub(super) struct Links(HashMap<(u64, u64), Known>);

impl Links {
    /// What is known about the file of `stat`.
    pub fn get(&self, stat: &Stat) -> Option<&Known> {
        let key = key(stat)?;
        self.0.get(&key)
    }

    /// Notes that `path` is a name of the file of `stat`, which was `unchanged` or is `stored` now.
    pub fn note(&mut self, stat: &Stat, path: &Path, stored: Option<Copy>) {
        let Some(key) = key(stat) else { return };
        let known = self.0.entry(key).or_insert_with(|| Known {
            first: path.to_owned(),
            unchanged: stored.is_none(),
            stored: None,
            seen: 0,
        });
        if known.stored.is_none() {
            known.stored = stored;
        }
        known.seen += 1;
        if known.seen >= stat.links {
            self.0.remove(&key);
        }
    }
}

/// File system and number of a regular file with several names.
fn key(stat: &Stat) -> Option<(u64, u64)> {
    (stat.links > 1 && stat.kind() == Type::File).then_some((stat.device, stat.inode))
}
