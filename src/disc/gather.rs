//! Directories and files of this machine as a tree for an image, and the way back from a number to a file.
//!
//! Of a file, only where its name is in the tree is kept: a million files stay small.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::DiscError;
use crate::event::{Monitor, Problem, Tell as _};
use crate::iso9660::{Added, Content, Meta, Time, Tree};

/// Why something is left out that is neither file, directory nor link.
const NO_FILE: &str = "it is a device, a pipe or a socket, which no disc holds";

/// A tree, and where its new contents come from.
pub(super) struct Gathered {
    pub tree: Tree,
    sources: Sources,
    /// Files with several names, by device and inode.
    linked: HashMap<(u64, u64), (usize, u64)>,
}

/// Where new contents come from, by number. On the disc, files keep their names.
#[derive(Default)]
pub(super) struct Sources {
    files: Vec<Added>,
    /// The number of the first file of each directory, ascending.
    dirs: Vec<(usize, PathBuf)>,
}

impl Sources {
    /// The path of a file whose name is in `tree`.
    pub fn path(&self, tree: &Tree, number: usize) -> PathBuf {
        let dir = self.dirs.partition_point(|(first, _)| *first <= number);
        let dir = dir.checked_sub(1).and_then(|at| self.dirs.get(at));
        let path = |(_, dir): &(usize, PathBuf)| {
            let name = tree.name(*self.files.get(number)?);
            Some(dir.join(OsStr::from_bytes(name)))
        };
        dir.and_then(path).unwrap_or_default()
    }

    /// Opens a file whose name is in `tree`.
    pub fn open(&self, tree: &Tree, number: usize) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.path(tree, number))?))
    }
}

impl Gathered {
    /// Begins with what `tree` has already.
    pub fn onto(tree: Tree) -> Self {
        Self {
            tree,
            sources: Sources::default(),
            linked: HashMap::new(),
        }
    }

    /// Adds what is at `path`. What is in a single directory comes to the root of the tree; with `company`, each file or
    /// directory comes under its own name. Trouble with what is below is told to `monitor`.
    pub fn add(
        &mut self,
        path: &Path,
        company: Company,
        monitor: &dyn Monitor,
    ) -> Result<(), DiscError> {
        let fault = |source| DiscError::Io {
            path: path.to_owned(),
            doing: "read",
            source,
        };
        let facts = fs::metadata(path).map_err(fault)?;
        let whole = fs::canonicalize(path).map_err(fault)?;
        let name = PathBuf::from(whole.file_name().unwrap_or(OsStr::new("")));
        if facts.is_dir() {
            let at = match company {
                Company::None => PathBuf::new(),
                Company::Others => name,
            };
            if self
                .tree
                .lookup(&at)
                .is_some_and(|node| !node.is_directory())
            {
                self.tree.remove(&at);
            }
            self.tree.make_dir(&at, meta(&facts))?;
            return self.directory(&whole, &at, monitor);
        }
        if !facts.is_file() {
            return Err(fault(io::Error::other(NO_FILE)));
        }
        self.begin(whole.parent().unwrap_or(Path::new("/")));
        self.file(&name, &facts)
    }

    /// The next files are in this directory.
    fn begin(&mut self, dir: &Path) {
        let next = self.sources.files.len();
        self.sources.dirs.pop_if(|(first, _)| *first == next);
        self.sources.dirs.push((next, dir.to_owned()));
    }

    /// What was gathered: a tree, and where its new contents come from.
    pub fn finish(self) -> (Tree, Sources) {
        (self.tree, self.sources)
    }

    /// Adds everything in the directory `root`, which is `at` in the tree already.
    fn directory(
        &mut self,
        root: &Path,
        at: &Path,
        monitor: &dyn Monitor,
    ) -> Result<(), DiscError> {
        let mut waiting = vec![(root.to_owned(), at.to_owned())];
        while let Some((from, to)) = waiting.pop() {
            let names = match Names::of(&from) {
                Ok(names) => names,
                Err(error) => {
                    let problem = Problem::with_file(&from, &format!("cannot be read: {error}"));
                    monitor.problem(&problem);
                    continue;
                }
            };
            self.begin(&from);
            let mut below = Vec::new();
            for name in names.iter() {
                let (source, target) = (from.join(name), to.join(name));
                match self.entry(&source, &target) {
                    Ok(true) => below.push((source, target)),
                    Ok(false) => {}
                    Err(DiscError::Io { source: error, .. }) => {
                        monitor.problem(&Problem::with_file(&source, &error));
                    }
                    Err(error) => return Err(error),
                }
            }
            waiting.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// Adds one entry; says whether it is a directory, whose entries come later.
    fn entry(&mut self, source: &Path, target: &Path) -> Result<bool, DiscError> {
        let fault = |source_error| DiscError::Io {
            path: source.to_owned(),
            doing: "read",
            source: source_error,
        };
        let facts = fs::symlink_metadata(source).map_err(fault)?;
        let kind = facts.file_type();
        let there = self.tree.lookup(target).map(|node| node.is_directory());
        if there.is_some_and(|directory| directory != kind.is_dir()) {
            self.tree.remove(target);
        }
        if kind.is_dir() {
            self.tree.make_dir(target, meta(&facts))?;
            return Ok(true);
        }
        if kind.is_symlink() {
            let to = fs::read_link(source).map_err(fault)?;
            self.tree.add_symlink(target, meta(&facts), to)?;
        } else if kind.is_file() {
            self.file(target, &facts)?;
        } else {
            return Err(fault(io::Error::other(NO_FILE)));
        }
        Ok(false)
    }

    fn file(&mut self, target: &Path, facts: &Metadata) -> Result<(), DiscError> {
        let key = (facts.dev(), facts.ino());
        let known = self.linked.get(&key).copied();
        let next = self.sources.files.len();
        let (source, bytes) = known.unwrap_or((next, facts.len()));
        let content = Content::New { source, bytes };
        let added = self.tree.add_file(target, meta(facts), content)?;
        if known.is_none() {
            self.sources.files.push(added);
            if facts.nlink() > 1 {
                self.linked.insert(key, (source, bytes));
            }
        }
        Ok(())
    }
}

/// Whether a directory is the only thing that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// It is.
    None,
    /// There are others.
    Others,
}

/// Names in one buffer: a directory of a million files is small.
#[derive(Default)]
struct Names {
    text: Vec<u8>,
    /// Where each ends; it begins where the one before it ends.
    ends: Vec<usize>,
    /// The numbers of all of them, sorted by the bytes of the names.
    sorted: Vec<u32>,
}

impl Names {
    fn of(dir: &Path) -> io::Result<Self> {
        let mut this = Self::default();
        for entry in fs::read_dir(dir)? {
            let number = u32::try_from(this.ends.len()).map_err(io::Error::other)?;
            this.text.extend(entry?.file_name().as_bytes());
            this.ends.push(this.text.len());
            this.sorted.push(number);
        }
        let mut sorted = std::mem::take(&mut this.sorted);
        sorted.sort_unstable_by(|a, b| this.name(*a).cmp(this.name(*b)));
        this.sorted = sorted;
        Ok(this)
    }

    fn name(&self, number: u32) -> &OsStr {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        OsStr::from_bytes(&self.text[start..self.ends[number]])
    }

    fn iter(&self) -> impl Iterator<Item = &OsStr> {
        self.sorted.iter().map(|number| self.name(*number))
    }
}

fn meta(facts: &Metadata) -> Meta {
    Meta {
        mode: facts.mode() & 0o7777,
        uid: facts.uid(),
        gid: facts.gid(),
        mtime: Time {
            seconds: facts.mtime(),
            nanos: u32::try_from(facts.mtime_nsec()).unwrap_or(0),
        },
    }
}
