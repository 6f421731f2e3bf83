//! Files off a disc, without mounting it.
//!
//! Names come from the disc, so nothing that is there already is followed or replaced; what an earlier call took is not taken
//! again, and the partial files of one that was killed are removed. A file has its name when its bytes are durable. One that
//! the day's list of digests names is checked against it; a damaged one keeps `.damaged` behind its name.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use super::rescue::rescue;
use super::same::same;
use super::{DiscError, session, to_read};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _, printable_path};
use crate::fsx::{self, Named, NewFile, NewFiles};
use crate::iso9660::{Content, Kind, Meta, Node, ReadAt, Tree, Volume};
use crate::media::Drive;
use crate::sums::{self, Proof, Sums};

const TASK: &str = "copying from the disc";
/// No list of digests is longer.
const LIST_MAX: u64 = 256 << 20;
/// The longest name that file systems take.
const NAME_MAX: usize = 255;
/// Names that are tried for a damaged file.
const DAMAGED: u32 = 100;

/// What was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose digest is on the disc's list, and right.
    pub checked: u64,
    /// Files whose bytes are not those that were written, or cannot be read; and paths that were asked for, and may have been
    /// in a directory that cannot be read.
    pub damaged: u64,
    /// Directories and links.
    pub others: u64,
}

struct Taking<'a> {
    medium: &'a dyn ReadAt,
    volume: Volume<'a>,
    tree: &'a Tree,
    lists: BTreeMap<PathBuf, Option<Sums>>,
    /// Complete files without a name.
    waiting: NewFiles,
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
    let disc = to_read(drive, monitor)?;
    let medium = drive.open()?;
    let volume = session(drive, &disc, number, &*medium)?;
    let found = super::tree(&volume, drive.place(), monitor)?;
    let is_there = |path: &&PathBuf| found.tree.lookup(path).is_some();
    let (there, missing): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(is_there);
    if let Some(path) = missing.iter().find(|path| !found.may_have_lost(path)) {
        return Err(DiscError::NoSuchFile((*path).clone()));
    }
    for path in &missing {
        let error = DiscError::Lost((*path).clone());
        monitor.problem(&Problem::with_file(drive.place(), &error));
    }
    fs::create_dir_all(into).map_err(|source| DiscError::Io {
        path: into.to_owned(),
        doing: "make",
        source,
    })?;
    NewFile::sweep(into);
    let mut taking = Taking {
        medium: &*medium,
        volume,
        tree: &found.tree,
        lists: BTreeMap::new(),
        waiting: NewFiles::default(),
        taken: Taken {
            damaged: missing.len() as u64,
            ..Taken::default()
        },
        monitor,
    };
    for path in there {
        taking.all(path, into);
    }
    if let Err(error) = taking.waiting.sync() {
        let reason = format!("some of what was taken may not be on the disk: {error}");
        monitor.problem(&Problem::with_file(into, &reason));
    }
    monitor.observe(&Event::ProgressEnd(TASK));
    Ok(taking.taken)
}

/// Whether something was made, or was there before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    New,
    Before,
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
                // One that was there keeps its mode and its time.
                Ok(Came::New) if node.is_directory() => dirs.push((target, node.meta)),
                Ok(_) => {}
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
        let named = self.waiting.settle();
        self.named(named);
        // Modes come last: a directory may forbid writing.
        for (dir, meta) in dirs.iter().rev() {
            if let Err(error) = fs::File::open(dir).and_then(|dir| dress(&dir, *meta)) {
                self.monitor.problem(&Problem::with_file(dir, &error));
            }
        }
    }

    /// Tells of the files that could not have their names.
    fn named(&mut self, named: Vec<Named>) {
        for (target, named) in named {
            if let Err(error) = named {
                self.taken.files -= 1;
                let error = match error.kind() {
                    io::ErrorKind::AlreadyExists => occupied(),
                    _ => error,
                };
                self.monitor.problem(&Problem::with_file(&target, &error));
            }
        }
    }

    fn entry(&mut self, at: &Path, node: &Node, target: &Path) -> io::Result<Came> {
        match &node.kind {
            Kind::Directory => {
                // Until everything is in it, it is the owner's alone.
                let came = match fs::DirBuilder::new().mode(0o700).create(target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        if !fs::symlink_metadata(target)?.is_dir() {
                            return Err(error);
                        }
                        NewFile::sweep(target);
                        Came::Before
                    }
                    made => made.map(|()| Came::New)?,
                };
                self.taken.others += 1;
                return Ok(came);
            }
            Kind::Symlink(to) => {
                let to = OsStr::from_bytes(to);
                match std::os::unix::fs::symlink(to, target) {
                    // An earlier call has taken it.
                    Err(_) if fs::read_link(target).is_ok_and(|there| there == to) => {}
                    made => made?,
                }
                self.taken.others += 1;
            }
            Kind::File(content) => self.file(at, content, node.meta, target)?,
            Kind::Special(_) => {
                return Err(io::Error::other(
                    "is a device, a pipe or a socket; left out",
                ));
            }
        }
        Ok(Came::New)
    }

    fn file(&mut self, at: &Path, content: &Content, meta: Meta, target: &Path) -> io::Result<()> {
        let expected = self.expected(at);
        if let Ok(there) = fs::symlink_metadata(target) {
            let may_be = there.is_file() && there.len() == content.bytes();
            if !may_be || !self.is_there(content, target, expected) {
                return Err(occupied());
            }
            // An earlier call has taken it.
            self.taken.files += 1;
            self.taken.checked += u64::from(expected.is_some());
            return Ok(());
        }
        let extents = match content {
            Content::Old(extents) => &extents[..],
            Content::New { .. } => &[],
        };
        let mut file = NewFile::create_in(fsx::parent(target))?;
        let prover = expected.map(Proof::prover).unwrap_or_default();
        let rescued = rescue(self.medium, extents, prover, &mut file, &mut |bytes| {
            self.taken.bytes += bytes;
            self.monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done: self.taken.bytes,
                total: None,
                files: Some(self.taken.files),
            }));
        })?;
        self.taken.files += 1;
        let dressed = dress(file.end()?, meta);
        if rescued.is_whole() && expected.is_none_or(|expected| expected == rescued.proof) {
            self.taken.checked += u64::from(expected.is_some());
            let named = self.waiting.add(file, target.to_owned());
            self.named(named);
            return dressed;
        }
        self.taken.damaged += 1;
        let kept = if rescued.bytes == 0 {
            Err("nothing of it can be had".to_owned())
        } else {
            let kept = file.name(damaged_names(target));
            kept.map_err(|error| format!("what there is of it could not be kept: {error}"))
        };
        let advice = match &kept {
            Ok(name) => format!("what there is of it is {}", printable_path(name)),
            Err(why) => why.clone(),
        };
        let elsewhere =
            "an earlier session (--session), or another copy of the disc, may have all of it";
        self.monitor.problem(
            &Problem::with_file(target, &rescued.fault()).advise(format!("{advice}; {elsewhere}")),
        );
        kept.map_or(Ok(()), |_| dressed)
    }

    /// Whether the file at `target` is the one that is on the disc.
    fn is_there(&self, content: &Content, target: &Path, expected: Option<Proof>) -> bool {
        let Ok(mut there) = fs::File::open(target) else {
            return false;
        };
        match expected {
            Some(expected) => expected.holds(&mut there).unwrap_or(false),
            None => same(&mut self.volume.file(content), &mut there).unwrap_or(false),
        }
    }

    /// What the nearest list of digests above says of a file.
    fn expected(&mut self, at: &Path) -> Option<Proof> {
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

/// Names for a damaged file, in the order in which they are tried.
fn damaged_names(target: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    (1..DAMAGED).map(move |number| {
        let suffix = match number {
            1 => ".damaged".to_owned(),
            more => format!(".{more}.damaged"),
        };
        let name = target.file_name().unwrap_or_default().as_bytes();
        let kept = &name[..name.len().min(NAME_MAX - suffix.len())];
        let name = OsString::from_vec([kept, suffix.as_bytes()].concat());
        target.with_file_name(name)
    })
}

/// Why a file cannot have its name.
fn occupied() -> io::Error {
    let what = "there is something of that name already, which stays";
    io::Error::new(io::ErrorKind::AlreadyExists, what)
}

/// Mode and time.
fn dress(file: &fs::File, meta: Meta) -> io::Result<()> {
    // Set-id bits lend the rights of an owner that is somebody else here.
    file.set_permissions(fs::Permissions::from_mode(meta.mode & 0o777))?;
    let away = Duration::from_secs(meta.mtime.seconds.unsigned_abs());
    let time = if meta.mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(away)
    } else {
        UNIX_EPOCH.checked_add(away)
    };
    let time = time.ok_or_else(|| io::Error::other("its time is none of this machine's"))?;
    file.set_modified(time)
}
