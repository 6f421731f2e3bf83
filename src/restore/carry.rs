//! Carrying a recipe out: everything that is told while it goes on, and what is told at the end.

use std::io::{self, Read};
use std::path::Path;

use crate::archive::manifest::{Entry, ManifestReader, Place};
use crate::archive::{Kind, Member, Timestamp};
use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::units::{Digest, PeerName};

use super::extract;
use super::find::Copy;
use super::recipe::{self, PlainFile, Recipe, Rule, Source, count};
use super::scan;
use super::shelf::Shelf;
use super::target::{Below, Count, Existing, OnDamage, Shortfalls, Target, WriteError};
use super::wanted::Part;
use super::{IfMissing, RestoreError};

/// What the progress line says.
const TASK: &str = "restoring";
/// Bytes between two looks at the progress.
const STRIDE: u64 = 1 << 20;

/// What was restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Regular files, each once, however many names it has.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Directories, links, further names of files, devices.
    pub others: u64,
    /// Files whose bytes are not those that were saved.
    pub damaged: u64,
    /// Other things that were wanted and are not there now.
    pub failed: u64,
}

/// Restores what `recipe` says from `shelves`, which are those that it was made for. Trouble with single
/// things is told to `monitor`. If archives are missing, nothing is written, unless the request says so.
pub fn carry_out(
    recipe: &Recipe,
    shelves: &[Shelf],
    monitor: &dyn Monitor,
) -> Result<Summary, RestoreError> {
    let request = &recipe.request;
    if request.missing == IfMissing::Stop && !recipe.missing.is_empty() {
        return Err(RestoreError::Missing(recipe.missing.clone()));
    }
    let blind = recipe.steps.iter().any(|step| step.files.is_none());
    if blind && request.existing != Existing::Refuse {
        return Err(RestoreError::NeedsEmpty);
    }
    let mut work = Work {
        recipe,
        shelves,
        target: Target::open(&recipe.into, request.existing)?,
        monitor,
        summary: Summary::default(),
        done: 0,
    };
    work.tell_what_is_known();
    let worked = work.run();
    let Work {
        target, summary, ..
    } = work;
    // What is there gets its modes and times, even if the disk is full now.
    let finished = target.finish();
    monitor.observe(&Event::ProgressEnd(TASK));
    worked?;
    tell_shortfalls(&finished?, monitor);
    Ok(summary)
}

/// A recipe that is being carried out.
pub(super) struct Work<'a> {
    pub recipe: &'a Recipe,
    pub shelves: &'a [Shelf],
    target: Target,
    monitor: &'a dyn Monitor,
    pub summary: Summary,
    /// Bytes of files so far.
    done: u64,
}

/// One thing to restore.
pub(super) struct Thing<'a> {
    /// What it was called.
    pub path: &'a Path,
    /// Where it goes.
    pub at: &'a Below,
    /// Everything about it but its bytes.
    pub member: &'a Member,
    /// What its digest has to be.
    pub digest: Option<Digest>,
    /// What it means if there is something already.
    pub exists: Exists,
    /// What becomes of it if it is damaged.
    pub on_damage: OnDamage,
}

/// What it means if there is something already where a thing is to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exists {
    /// It is a problem.
    Problem,
    /// It is a later version of the same thing, or what took its place later, restored before.
    Later,
}

impl Exists {
    /// Whether `error` means no more than that something later is there.
    fn explains(self, error: &WriteError) -> bool {
        let later = matches!(
            error,
            WriteError::Exists | WriteError::Occupied | WriteError::InTheWay(_)
        );
        self == Self::Later && later
    }
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// It is there, or why it is not was told.
    Yes,
    /// The archive could not give it; another copy may.
    Damaged,
}

impl<'a> Work<'a> {
    fn run(&mut self) -> Result<(), RestoreError> {
        let recipe = self.recipe;
        for source in &recipe.sources {
            for member in &source.scan.ways {
                let at = source.place(&member.path)?;
                self.way(&source.peer, &at, member, source.exists())?;
            }
        }
        for step in &recipe.steps {
            match &step.rule {
                Rule::Manifest(number) => {
                    extract::by_manifest(self, step, &recipe.sources[*number])?;
                }
                Rule::Everything(rule) => extract::everything(self, step, rule)?,
            }
        }
        for source in &recipe.sources {
            self.complete(source)?;
        }
        for file in &recipe.files {
            self.copy(file)?;
        }
        Ok(())
    }

    pub fn shelf(&self, copy: &Copy) -> &'a Shelf {
        &self.shelves[copy.shelf]
    }

    pub fn monitor(&self) -> &dyn Monitor {
        self.monitor
    }

    /// Restores `thing`, whose bytes are `content`. Tells what is wrong, unless another copy will be tried.
    pub fn put(
        &mut self,
        peer: &PeerName,
        thing: &Thing<'_>,
        content: &mut dyn Read,
    ) -> Result<Done, RestoreError> {
        let before = self.done;
        let mut content = Watched {
            inner: content,
            done: &mut self.done,
            told: before,
            files: self.summary.files,
            total: self.recipe.total_bytes,
            monitor: self.monitor,
        };
        let Thing { at, member, .. } = thing;
        let written = self
            .target
            .write(at, member, &mut content, thing.digest, thing.on_damage);
        match written {
            Ok(()) if member.kind == Kind::File => {
                self.summary.files += 1;
                self.summary.bytes += member.size;
                self.progress();
            }
            Ok(()) => self.summary.others += 1,
            Err(WriteError::Damaged { .. }) if thing.on_damage == OnDamage::Discard => {
                self.done = before;
                return Ok(Done::Damaged);
            }
            Err(error) if thing.exists.explains(&error) => {}
            Err(error) => {
                let damaged = matches!(error, WriteError::Damaged { .. });
                self.refuse(peer, thing.path, error)?;
                if damaged {
                    self.summary.failed -= 1;
                    self.summary.damaged += 1;
                    return Ok(Done::Damaged);
                }
            }
        }
        Ok(Done::Yes)
    }

    /// Makes the directory `at` unless something is there.
    pub fn way(
        &mut self,
        peer: &PeerName,
        at: &Below,
        member: &Member,
        exists: Exists,
    ) -> Result<(), RestoreError> {
        match self.target.way(at, member) {
            Ok(()) => Ok(()),
            Err(error) if exists.explains(&error) => Ok(()),
            Err(error) => self.refuse(peer, &member.path, error),
        }
    }

    /// Makes `at`, which was called `path`, a further name of `first`.
    pub fn link(
        &mut self,
        peer: &PeerName,
        path: &Path,
        at: &Below,
        first: &Below,
        exists: Exists,
    ) -> Result<(), RestoreError> {
        match self.target.link(at, first) {
            Ok(()) => self.summary.others += 1,
            Err(error) if exists.explains(&error) => {}
            Err(error) => self.refuse(peer, path, error)?,
        }
        Ok(())
    }

    /// Tells that the thing that was called `path` is not there now.
    pub fn lost(&mut self, peer: &PeerName, path: &Path, reason: &str) {
        self.summary.failed += 1;
        self.monitor
            .problem(&Problem::new(self.name(peer, path), reason));
    }

    /// Tells why the thing that was called `path` was not restored; ends the work if nothing more can be.
    fn refuse(
        &mut self,
        peer: &PeerName,
        path: &Path,
        error: WriteError,
    ) -> Result<(), RestoreError> {
        if error.ends_the_work() {
            return Err(RestoreError::Write {
                path: path.to_owned(),
                source: error,
            });
        }
        self.summary.failed += 1;
        // Devices that only root can make are told in sum.
        if !matches!(error, WriteError::NotAllowed) {
            self.monitor
                .problem(&Problem::new(self.name(peer, path), &error));
        }
        Ok(())
    }

    /// What people call a peer's file.
    fn name(&self, peer: &PeerName, path: &Path) -> String {
        let path = path.display();
        if self
            .recipe
            .sources
            .iter()
            .any(|source| source.peer != *peer)
        {
            format!("{peer}:/{path}")
        } else {
            format!("/{path}")
        }
    }

    fn progress(&self) {
        self.monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done: self.done,
            total: Some(self.recipe.total_bytes),
            files: Some(self.summary.files),
        }));
    }

    /// Tells what was known before anything was read.
    fn tell_what_is_known(&self) {
        for trouble in self.shelves.iter().filter_map(Shelf::trouble) {
            self.monitor.problem(&Problem::new("disc", trouble));
        }
        for trouble in &self.recipe.troubles {
            let advice =
                "what was restored may be of an earlier day; another copy may be on another disc";
            self.monitor
                .problem(&Problem::new("manifest", trouble).advise(advice));
        }
        for missing in &self.recipe.missing {
            let things = count(missing.files, "file");
            let reason = format!("not here; {things} in it cannot be restored");
            let name = format!("{} of {}", recipe::path(&missing.archive), missing.day);
            self.monitor.problem(&Problem::new(name, &reason));
        }
    }

    /// What archives do not hold: further names, directories and links whose archive is missing; and what
    /// has to be told of things that were not saved as they should have been.
    fn complete(&mut self, source: &Source) -> Result<(), RestoreError> {
        let scan = &source.scan;
        let missing: Vec<_> = scan
            .needs
            .keys()
            .filter(|stored| !self.is_at_hand(source, stored))
            .collect();
        if scan.links + scan.unsaved + scan.torn == 0 && missing.is_empty() {
            return Ok(());
        }
        let entries = self
            .shelf(&source.found.copy)
            .read(&source.found.copy.item)
            .map_err(crate::archive::manifest::ManifestError::from)
            .and_then(ManifestReader::new);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.lost(
                    &source.peer,
                    &source.path,
                    &format!("further names of files: {error}"),
                );
                return Ok(());
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.lost(
                        &source.peer,
                        &source.path,
                        &format!("further names of files: {error}"),
                    );
                    break;
                }
            };
            if source.wanted.part(&entry.member.path) == Part::Wanted {
                let is_missing =
                    scan::stored(&entry.place).is_some_and(|stored| missing.contains(&stored));
                self.complete_one(source, &entry, is_missing)?;
            }
        }
        Ok(())
    }

    fn is_at_hand(&self, source: &Source, stored: &crate::archive::manifest::Stored) -> bool {
        !self.recipe.missing.iter().any(|missing| {
            missing.peer == source.peer
                && missing.day == stored.day
                && missing.archive.as_os_str() == stored.archive
        })
    }

    fn complete_one(
        &mut self,
        source: &Source,
        entry: &Entry,
        is_missing: bool,
    ) -> Result<(), RestoreError> {
        let member = &entry.member;
        let at = source.place(&member.path)?;
        let exists = source.exists();
        if let Place::Missing(reason) = &entry.place {
            self.lost(
                &source.peer,
                &member.path,
                &format!("was not saved: {reason}"),
            );
            if member.kind == Kind::Dir {
                self.way(&source.peer, &at, member, exists)?;
            }
            return Ok(());
        }
        match &member.kind {
            Kind::HardLink(first) => {
                let first = source.place(source.scan.place_of(first))?;
                if first != at {
                    self.link(&source.peer, &member.path, &at, &first, exists)?;
                }
            }
            Kind::File if is_missing => self.summary.failed += 1,
            Kind::File => {}
            _ if is_missing => self.put_described(source, entry)?,
            _ => {}
        }
        if let (Place::Torn(_, reason), false) = (&entry.place, is_missing) {
            let name = self.name(&source.peer, &member.path);
            self.monitor
                .warn(format!("{name}: changed while it was saved: {reason}"));
        }
        Ok(())
    }

    /// Restores something that has no bytes as the manifest describes it. It lacks extended attributes.
    pub fn put_described(&mut self, source: &Source, entry: &Entry) -> Result<(), RestoreError> {
        let at = source.place(&entry.member.path)?;
        let thing = Thing {
            path: &entry.member.path,
            at: &at,
            member: &entry.member,
            digest: None,
            exists: source.exists(),
            on_damage: OnDamage::Keep,
        };
        self.put(&source.peer, &thing, &mut io::empty())?;
        Ok(())
    }

    fn copy(&mut self, file: &PlainFile) -> Result<(), RestoreError> {
        let item = &file.copy.item;
        let from = self.shelf(&file.copy);
        let digest = from.digest(item);
        let mut content = match from.read(item) {
            Ok(content) => content,
            Err(error) => {
                self.lost(&item.peer, &file.to, &format!("cannot be read: {error}"));
                return Ok(());
            }
        };
        let member = plain_member(file);
        let thing = Thing {
            path: &file.to,
            at: &file.at,
            member: &member,
            digest,
            exists: Exists::Problem,
            on_damage: OnDamage::Keep,
        };
        self.put(&item.peer, &thing, &mut content)?;
        Ok(())
    }
}

impl Source {
    /// Where what was called `path` goes.
    pub(super) fn place(&self, path: &Path) -> Result<Below, RestoreError> {
        Ok(Below::new(path)?.under(&self.prefix))
    }

    /// What it means if there is something already.
    pub(super) fn exists(&self) -> Exists {
        match self.overlaps {
            Some(_) => Exists::Later,
            None => Exists::Problem,
        }
    }
}

/// A file that is copied as it is belongs to whoever copies it.
fn plain_member(file: &PlainFile) -> Member {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    Member {
        path: file.to.clone(),
        kind: Kind::File,
        mode: 0o600,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        user: std::ffi::OsString::new(),
        group: std::ffi::OsString::new(),
        mtime: Timestamp {
            seconds: now.as_secs().cast_signed(),
            nanos: now.subsec_nanos(),
        },
        size: file.bytes,
        extended: Vec::new(),
    }
}

/// Content that tells how far it has come.
struct Watched<'a> {
    inner: &'a mut dyn Read,
    done: &'a mut u64,
    told: u64,
    files: u64,
    total: u64,
    monitor: &'a dyn Monitor,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        *self.done += got as u64;
        if *self.done - self.told >= STRIDE {
            self.told = *self.done;
            self.monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done: self.told,
                total: Some(self.total),
                files: Some(self.files),
            }));
        }
        Ok(got)
    }
}

/// Tells in sum what could not be set.
fn tell_shortfalls(shortfalls: &Shortfalls, monitor: &dyn Monitor) {
    let root = rustix::process::geteuid().is_root();
    let Shortfalls {
        owners,
        extended,
        devices,
        modes,
    } = shortfalls;
    for (happened, what, advice) in [
        (
            owners,
            "could not be given to the owner or group that it had",
            "restore as root",
        ),
        (
            extended,
            "lacks extended attributes or access control lists that it had",
            "restore as root, to a file system that has them",
        ),
        (
            devices,
            "is a device and could not be made",
            "restore as root",
        ),
        (modes, "could not be given the mode or time that it had", ""),
    ] {
        let Count {
            times,
            first: Some((path, reason)),
        } = happened
        else {
            continue;
        };
        let first = event::printable(&path.to_string_lossy());
        let others = match times - 1 {
            0 => String::new(),
            more => format!(", and so do {}", count(more, "other")),
        };
        let mut problem = Problem::new(format!("/{first}"), &format!("{what} ({reason}){others}"));
        if !(advice.is_empty() || root && advice == "restore as root") {
            problem = problem.advise(advice);
        }
        monitor.problem(&problem);
    }
}
