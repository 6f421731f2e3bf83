//! Directories and files of this machine as a tree for an image, and the way back from a number to a file.
//!
//! Paths are kept as a directory and a name: a million files stay small.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::DiscError;
use crate::event::{Monitor, Problem, Tell as _};
use crate::iso9660::{Content, Meta, Time, Tree};

/// Why something is left out that is neither file, directory nor link.
const NO_FILE: &str = "it is a device, a pipe or a socket, which no disc holds";

/// A tree, and where its new contents come from.
pub(super) struct Gathered {
    pub tree: Tree,
    dirs: Vec<PathBuf>,
    /// By number: the index of the directory, and the name in it.
    files: Vec<(u32, Box<OsStr>)>,
    /// Files with several names, by device and inode.
    linked: HashMap<(u64, u64), (usize, u64)>,
}

impl Gathered {
    /// Begins with what `tree` has already.
    pub fn onto(tree: Tree) -> Self {
        Self {
            tree,
            dirs: Vec::new(),
            files: Vec::new(),
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
        let dir = self.dir(whole.parent().unwrap_or(Path::new("/")));
        self.file(dir, &name, name.as_os_str(), &facts)
    }

    fn dir(&mut self, path: &Path) -> u32 {
        self.dirs.push(path.to_owned());
        u32::try_from(self.dirs.len() - 1).unwrap_or(u32::MAX)
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
            let names = match names(&from) {
                Ok(names) => names,
                Err(error) => {
                    let problem = Problem::with_file(&from, &format!("cannot be read: {error}"));
                    monitor.problem(&problem);
                    continue;
                }
            };
            let dir = self.dir(&from);
            let mut below = Vec::new();
            for name in names {
                let (source, target) = (from.join(&name), to.join(&name));
                match self.entry(dir, &source, &target, &name) {
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
    fn entry(
        &mut self,
        dir: u32,
        source: &Path,
        target: &Path,
        name: &OsStr,
    ) -> Result<bool, DiscError> {
        let fault = |source_error| DiscError::Io {
            path: source.to_owned(),
            doing: "read",
            source: source_error,
        };
        let facts = fs::symlink_metadata(source).map_err(fault)?;
        let kind = facts.file_type();
        let there = self
            .tree
            .lookup(target)
            .map(crate::iso9660::Node::is_directory);
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
            self.file(dir, target, name, &facts)?;
        } else {
            return Err(fault(io::Error::other(NO_FILE)));
        }
        Ok(false)
    }

    fn file(
        &mut self,
        dir: u32,
        target: &Path,
        name: &OsStr,
        facts: &Metadata,
    ) -> Result<(), DiscError> {
        let key = (facts.dev(), facts.ino());
        let known = self.linked.get(&key).copied();
        let (source, bytes) = known.unwrap_or((self.files.len(), facts.len()));
        let content = Content::New { source, bytes };
        self.tree.add_file(target, meta(facts), content)?;
        if known.is_none() {
            self.files.push((dir, name.into()));
            if facts.nlink() > 1 {
                self.linked.insert(key, (source, bytes));
            }
        }
        Ok(())
    }

    /// Where the content of that number comes from.
    pub fn path(&self, number: usize) -> PathBuf {
        self.files
            .get(number)
            .and_then(|(dir, name)| Some(self.dirs.get(*dir as usize)?.join(&**name)))
            .unwrap_or_default()
    }

    /// Opens the content of that number.
    pub fn open(&self, number: usize) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(self.path(number))?))
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

fn names(dir: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok(names)
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
