//! Files off a disc, without mounting it.
//!
//! Names come from the disc, so nothing that is there already is followed or replaced. A file that the day's list of
//! digests names is checked against it; a damaged one keeps `.damaged` behind its name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use super::{DiscError, inspect, session};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _};
use crate::fsx::AtomicFile;
use crate::iso9660::{Content, Kind, Meta, Node, Tree, Volume};
use crate::media::Drive;
use crate::sums::{self, Digest, Hasher, Sums};

const TASK: &str = "copying from the disc";
/// No list of digests is longer.
const LIST_MAX: u64 = 256 << 20;

/// What was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose digest is on the disc's list, and right.
    pub checked: u64,
    /// Files whose bytes are not those that were written.
    pub damaged: u64,
    /// Directories and links.
    pub others: u64,
}

struct Taking<'a> {
    volume: Volume<'a>,
    tree: &'a Tree,
    lists: BTreeMap<PathBuf, Option<Sums>>,
    taken: Taken,
    monitor: &'a dyn Monitor,
}

/// Copies what is at `paths` on the disc, with all below, into the directory `into`: each under its last name. Trouble
/// with single files is told to `monitor`.
pub fn take(
    drive: &dyn Drive,
    number: Option<usize>,
    paths: &[PathBuf],
    into: &Path,
    monitor: &dyn Monitor,
) -> Result<Taken, DiscError> {
    let disc = inspect(drive)?;
    let medium = drive.open()?;
    let volume = session(drive, &disc, number, &*medium)?;
    let tree = super::tree(&volume, drive.place(), monitor)?;
    for path in paths {
        if tree.lookup(path).is_none() {
            return Err(DiscError::NoSuchFile(path.clone()));
        }
    }
    fs::create_dir_all(into).map_err(|source| DiscError::Io {
        path: into.to_owned(),
        doing: "make",
        source,
    })?;
    let mut taking = Taking {
        volume,
        tree: &tree,
        lists: BTreeMap::new(),
        taken: Taken::default(),
        monitor,
    };
    for path in paths {
        taking.all(path, into);
    }
    monitor.observe(&Event::ProgressEnd(TASK));
    Ok(taking.taken)
}

impl Taking<'_> {
    fn all(&mut self, path: &Path, into: &Path) {
        let tree = self.tree;
        let mut dirs: Vec<(PathBuf, Meta)> = Vec::new();
        let base = path.parent().unwrap_or(Path::new(""));
        // A directory in whose place there is something else. What is below it stays on the disc: a link would lead elsewhere.
        let mut barred: Option<PathBuf> = None;
        let mut one = |this: &mut Self, at: &Path, node: &Node| {
            if barred.as_ref().is_some_and(|barred| at.starts_with(barred)) {
                return;
            }
            let below = at.strip_prefix(base).unwrap_or(at);
            let target = into.join(below);
            match this.entry(at, node, &target) {
                Ok(()) if node.is_directory() => dirs.push((target, node.meta)),
                Ok(()) => {}
                Err(error) if node.is_directory() => {
                    barred = Some(at.to_owned());
                    let reason = format!("nothing in this directory was taken: {error}");
                    this.monitor.problem(&Problem::with_file(&target, &reason));
                }
                Err(error) => this.monitor.problem(&Problem::with_file(&target, &error)),
            }
        };
        if !path.as_os_str().is_empty()
            && let Some(node) = tree.lookup(path)
        {
            one(self, path, &node);
        }
        for (at, node) in tree.walk() {
            let at = Path::new(OsStr::from_bytes(&at));
            if at.starts_with(path) && at != path {
                one(self, at, &node);
            }
        }
        // Modes come last: a directory may forbid writing.
        for (dir, meta) in dirs.iter().rev() {
            if let Err(error) = settle(dir, *meta) {
                self.monitor.problem(&Problem::with_file(dir, &error));
            }
        }
    }

    fn entry(&mut self, at: &Path, node: &Node, target: &Path) -> io::Result<()> {
        match &node.kind {
            Kind::Directory => {
                match fs::create_dir(target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        if !fs::symlink_metadata(target)?.is_dir() {
                            return Err(error);
                        }
                    }
                    made => made?,
                }
                self.taken.others += 1;
            }
            Kind::Symlink(to) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(to), target)?;
                self.taken.others += 1;
            }
            Kind::File(content) => self.file(at, content, node.meta, target)?,
            Kind::Special(_) => {
                return Err(io::Error::other(
                    "is a device, a pipe or a socket; left out",
                ));
            }
        }
        Ok(())
    }

    fn file(&mut self, at: &Path, content: &Content, meta: Meta, target: &Path) -> io::Result<()> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let expected = self.expected(at);
        let (digest, file) = self.copy(content, target)?;
        self.taken.files += 1;
        if expected.is_none_or(|expected| expected == digest) {
            file.commit(None)?;
            self.taken.checked += u64::from(expected.is_some());
            return settle(target, meta);
        }
        drop(file);
        self.taken.damaged += 1;
        let reason = "its bytes on the disc are not those that were written";
        let mut name = target.as_os_str().to_owned();
        name.push(".damaged");
        if fs::symlink_metadata(&name).is_ok() {
            let problem = Problem::with_file(target, reason)
                .advise("there is a file already with `.damaged` behind its name, which stays");
            self.monitor.problem(&problem);
            return Ok(());
        }
        let (_, file) = self.copy(content, Path::new(&name))?;
        file.commit(None)?;
        let problem = Problem::with_file(target, reason)
            .advise("what there is of it has `.damaged` behind its name");
        self.monitor.problem(&problem);
        Ok(())
    }

    fn copy(&mut self, content: &Content, target: &Path) -> io::Result<(Digest, AtomicFile)> {
        let mut file = AtomicFile::create(target)?;
        let mut reader = self.volume.file(content);
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok((hasher.finish(), file));
            }
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count])?;
            self.taken.bytes += count as u64;
            self.monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done: self.taken.bytes,
                total: None,
                files: Some(self.taken.files),
            }));
        }
    }

    /// What the nearest list of digests above says of a file.
    fn expected(&mut self, at: &Path) -> Option<Digest> {
        for dir in at.ancestors().skip(1) {
            let name = at.strip_prefix(dir).ok()?.as_os_str().as_bytes();
            if !self.lists.contains_key(dir) {
                let list = self.list(dir);
                self.lists.insert(dir.to_owned(), list);
            }
            if let Some(Some(list)) = self.lists.get(dir) {
                return list.get(name);
            }
        }
        None
    }

    /// The list of digests in `dir`, if there is one. One that is of no use is told: what it names is not checked.
    fn list(&self, dir: &Path) -> Option<Sums> {
        let path = dir.join(sums::FILE_NAME);
        let Kind::File(content) = &self.tree.lookup(&path)?.kind else {
            return None;
        };
        let unusable = |error: &dyn std::fmt::Display| {
            let reason = format!("cannot be used, so that its files are not checked: {error}");
            self.monitor.problem(&Problem::with_file(&path, &reason));
        };
        let mut text = Vec::new();
        let mut reader = self.volume.file(content).take(LIST_MAX);
        let read = reader.read_to_end(&mut text);
        read.map_err(|error| unusable(&error)).ok()?;
        Sums::parse(&text).map_err(|error| unusable(&error)).ok()
    }
}

fn settle(path: &Path, meta: Meta) -> io::Result<()> {
    // Set-id bits lend the rights of an owner that is somebody else here.
    fs::set_permissions(path, fs::Permissions::from_mode(meta.mode & 0o777))?;
    let away = Duration::from_secs(meta.mtime.seconds.unsigned_abs());
    let time = if meta.mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(away)
    } else {
        UNIX_EPOCH.checked_add(away)
    };
    let time = time.ok_or_else(|| io::Error::other("its time is none of this machine's"))?;
    match fs::File::open(path) {
        Ok(file) => file.set_modified(time),
        Err(_) => Ok(()), // its mode forbids even us to open it; its bytes are there
    }
}
