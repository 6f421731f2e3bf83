//! Carrying a recipe out, step by step.

use std::io::Read;
use std::path::Path;

use crate::archive::{Kind, Member};
use crate::event::{Event, Monitor, Problem, Tell as _, printable_path};
use crate::units::{PeerName, Proof};

use super::find::Copy;
use super::recipe::{Recipe, Rule, Source};
use super::shelf::Shelf;
use super::target::{Below, Existing, OnDamage, Target, WriteError};
use super::tell::{self, Course, Watched};
use super::unlisted;
use super::wanted;
use super::{IfMissing, RestoreError};
use super::{cedars, extract};

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
    /// Copies of archives that are damaged and that another copy stood in for.
    pub mended: u64,
    /// Copies of archives that are damaged, and none stood in: something that was in them may be lost.
    pub broken: u64,
}

/// Restores what `recipe` says from `shelves`, which are those that it was made for. Trouble with single
/// things is told to `monitor`. If archives are missing, nothing is written, unless the request says so.
pub fn carry_out(
    recipe: &Recipe,
    shelves: &[Shelf],
    monitor: &dyn Monitor,
) -> Result<Summary, RestoreError> {
    let request = &recipe.request;
    tell::troubles(recipe, shelves, monitor);
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
        course: Course {
            total: recipe.total_bytes,
            ..Course::default()
        },
        seen: recipe.seen.clone(),
    };
    tell::before(recipe, monitor);
    let worked = work.run();
    let Work {
        target, summary, ..
    } = work;
    // What is there gets its modes and times, even if the disk is full now.
    let finished = target.finish();
    monitor.observe(&Event::ProgressEnd(tell::TASK));
    worked?;
    tell::shortfalls(&finished?, monitor);
    Ok(summary)
}

/// A recipe that is being carried out.
pub(super) struct Work<'a> {
    pub recipe: &'a Recipe,
    pub shelves: &'a [Shelf],
    target: Target,
    monitor: &'a dyn Monitor,
    pub summary: Summary,
    course: Course,
    /// What was seen of the wanted paths.
    pub seen: wanted::Found,
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
    pub digest: Option<Proof>,
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

/// What became of a further name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// It is there, or why it is not was told.
    Yes,
    /// What it is a name of was not restored; nothing was told.
    NotYet,
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
                Rule::Cedars(number) => cedars::restore(self, step, &recipe.sources[*number])?,
                Rule::Everything(rule) => unlisted::restore(self, step, rule)?,
            }
        }
        for source in &recipe.sources {
            self.complete(source)?;
        }
        for file in &recipe.files {
            self.copy(file)?;
        }
        self.unseen();
        Ok(())
    }

    /// Tells which wishes were in nothing that was read: before, nobody could know.
    fn unseen(&mut self) {
        for (path, advice) in self.seen.missing(&self.recipe.request.paths) {
            self.summary.failed += 1;
            let name = printable_path(path);
            let reason = "is in none of the archives that could be read";
            self.monitor
                .problem(&Problem::new(name, reason).advise(advice));
        }
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
        let before = self.course.done;
        let mut content = Watched {
            inner: content,
            course: &mut self.course,
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
                self.course.files += 1;
                self.course.tell(self.monitor);
            }
            Ok(()) => self.summary.others += 1,
            Err(WriteError::Damaged { .. }) if thing.on_damage == OnDamage::Discard => {
                self.course.done = before;
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
    ) -> Result<Linked, RestoreError> {
        match self.target.link(at, first) {
            Ok(()) => self.summary.others += 1,
            Err(error) if exists.explains(&error) => {}
            Err(WriteError::Unlinked(_)) => return Ok(Linked::NotYet),
            Err(error) => self.refuse(peer, path, error)?,
        }
        Ok(Linked::Yes)
    }

    /// A copy of an archive is damaged, and another one will be read: all may come back, but the damage stays.
    pub fn stand_in(&mut self, archive: String, reason: &str) {
        self.summary.mended += 1;
        let advice = "what is restored is right; renew the damaged copy while another one is sound";
        self.monitor
            .problem(&Problem::new(archive, reason).advise(advice));
    }

    /// The last copy of an archive is damaged.
    pub fn broken(&mut self, archive: String, reason: &str) {
        self.summary.broken += 1;
        let advice = "another disc may have a copy; name it with --from";
        self.monitor
            .problem(&Problem::new(archive, reason).advise(advice));
    }

    /// Tells that the thing that was called `path` is not there now.
    pub fn lost(&mut self, peer: &PeerName, path: &Path, reason: &str) {
        self.summary.failed += 1;
        self.monitor
            .problem(&Problem::new(self.name(peer, path), reason));
    }

    /// As [`Work::lost`], of a file of `source` with bytes: what lies in its place is something else, and must not be given
    /// its further names.
    pub fn lost_file(
        &mut self,
        source: &Source,
        path: &Path,
        reason: &str,
    ) -> Result<(), RestoreError> {
        let at = source.place(source.scan.place_of(path))?;
        self.target.lack(&at);
        self.lost(&source.peer, path, reason);
        Ok(())
    }

    /// The bytes of what belongs at `at` are in an archive that is missing, which was told.
    pub fn lack(&mut self, at: &Below) {
        self.target.lack(at);
        self.summary.failed += 1;
    }

    /// Tells why the thing that was called `path` was not restored; ends the work if nothing more can be.
    pub fn refuse(
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
    pub fn name(&self, peer: &PeerName, path: &Path) -> String {
        let path = printable_path(path);
        if self.recipe.several {
            format!("{peer}:/{path}")
        } else {
            format!("/{path}")
        }
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
