//! The rules of a source, ready to be asked for every path.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::{CacheDirs, Dereference, Mounts, NoDump, Rules};
use crate::units::{Pattern, text_of};

/// What is excluded, and what else the walk asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    paths: HashSet<Vec<u8>>,
    patterns: Vec<Pattern>,
    pub ignore_file: Option<OsString>,
    pub dereference: Dereference,
    pub cache_dirs: CacheDirs,
    pub nodump: NoDump,
    pub mounts: Mounts,
}

impl Filter {
    pub fn new(rules: &Rules) -> Self {
        let paths = rules.exclude_paths.iter();
        Self {
            paths: paths
                .map(|path| path.as_os_str().as_bytes().to_vec())
                .collect(),
            patterns: rules.exclude_patterns.clone(),
            ignore_file: rules.ignore_file.clone(),
            dereference: rules.dereference,
            cache_dirs: rules.cache_dirs,
            nodump: rules.nodump,
            mounts: rules.mounts,
        }
    }

    /// Whether anything can be excluded by its path at all.
    pub fn asks_for_paths(&self) -> bool {
        !self.paths.is_empty() || !self.patterns.is_empty()
    }

    /// Whether `path`, written as the walk joins it, is excluded. Bytes are compared, nothing is normalised;
    /// patterns see each byte that is no UTF-8 as a character of its own.
    pub fn excludes(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        if self.paths.contains(bytes) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let text = text_of(bytes);
        self.patterns.iter().any(|pattern| pattern.matches(&text))
    }
}
