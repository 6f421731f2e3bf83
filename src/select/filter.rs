//! The rules of a source, ready to be asked for every path.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::{CacheDirs, Dereference, Mounts, NoDump, Rules};
use crate::units::{Pattern, Undecided, text_of};

/// What is excluded, and what else the walk asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    paths: HashSet<Vec<u8>>,
    patterns: Vec<Pattern>,
    /// The first path of which a pattern could not tell whether it matches, by the pattern's number.
    undecided: RefCell<BTreeMap<usize, PathBuf>>,
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
            undecided: RefCell::default(),
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
    /// patterns see each byte that is no UTF-8 as a character of its own. A pattern that cannot tell excludes nothing,
    /// and is remembered.
    pub fn excludes(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        if self.paths.contains(bytes) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let text = text_of(bytes);
        self.patterns.iter().enumerate().any(|(number, pattern)| {
            pattern.judge(&text).unwrap_or_else(|Undecided| {
                let mut undecided = self.undecided.borrow_mut();
                undecided.entry(number).or_insert_with(|| path.to_owned());
                false
            })
        })
    }

    /// Each pattern that could not tell whether it matches, with the first path of which it could not.
    pub fn undecided(&self) -> Vec<(Pattern, PathBuf)> {
        let undecided = self.undecided.borrow();
        let pairs = undecided.iter().filter_map(|(number, path)| {
            let pattern = self.patterns.get(*number)?;
            Some((pattern.clone(), path.clone()))
        });
        pairs.collect()
    }
}
