//! What is told while something is restored, and at the end.

use std::io::{self, Read};
use std::path::Path;

use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _, count};

use super::recipe::Recipe;
use super::sealed;
use super::shelf::Shelf;
use super::target::{Count, Shortfalls};

/// What the progress line says.
pub(super) const TASK: &str = "restoring";
const EXTENDED: &str = "lacks extended attributes or access control lists that it had";
const MODES: &str = "could not be given the mode or time that it had";
/// Bytes between two looks at the progress.
const STRIDE: u64 = 1 << 20;

/// Tells what could not be looked at while the recipe was made.
pub fn troubles(recipe: &Recipe, shelves: &[Shelf], monitor: &dyn Monitor) {
    let advice = "what is restored may be of an earlier day; another copy may be on another disc";
    unreadable(&recipe.troubles, shelves, advice, monitor);
}

/// Tells what could not be looked at, and that therefore `advice`.
pub(super) fn unreadable(
    manifests: &[String],
    shelves: &[Shelf],
    advice: &str,
    monitor: &dyn Monitor,
) {
    for shelf in shelves {
        for trouble in shelf.troubles() {
            monitor.problem(&Problem::new(shelf.name(), trouble).advise(advice));
        }
    }
    for trouble in manifests {
        monitor.problem(&Problem::new("manifest", trouble).advise(advice));
    }
}

/// Tells what was known before anything was read.
pub(super) fn before(recipe: &Recipe, monitor: &dyn Monitor) {
    if let Some((files, advice)) = sealed::next(recipe) {
        let reason = format!(
            "{} cannot be looked into and are copied as they are",
            count(files, "file")
        );
        monitor.problem(&Problem::new("encrypted", &reason).advise(advice));
    }
    for missing in &recipe.missing {
        let things = count(missing.files, "file");
        let reason = format!("not here; {things} in it cannot be restored");
        let name = format!("{} of {}", missing.what(), missing.day);
        monitor.problem(&Problem::new(name, &reason));
    }
}

/// Content that tells how far it has come.
pub(super) struct Watched<'a> {
    pub inner: &'a mut dyn Read,
    pub course: &'a mut Course,
    pub monitor: &'a dyn Monitor,
}

/// How far the work has come.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Bytes of files so far.
    pub done: u64,
    /// Files so far.
    pub files: u64,
    /// Bytes in all.
    pub total: u64,
    /// What `done` was when it was told last.
    pub told: u64,
}

impl Course {
    /// Tells it.
    pub fn tell(&mut self, monitor: &dyn Monitor) {
        self.told = self.done;
        monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done: self.done,
            total: Some(self.total),
            files: Some(self.files),
        }));
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.course.done += got as u64;
        if self.course.done.saturating_sub(self.course.told) >= STRIDE {
            self.course.tell(self.monitor);
        }
        Ok(got)
    }
}

/// Tells in sum what could not be set.
pub(super) fn shortfalls(shortfalls: &Shortfalls, monitor: &dyn Monitor) {
    let root = rustix::process::geteuid().is_root();
    // What cannot be opened, a link or a device, is reached by way of it.
    let without_proc = !Path::new("/proc/self/fd").exists();
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
            EXTENDED,
            "restore as root, to a file system that has them",
        ),
        (
            devices,
            "is a device and could not be made",
            "restore as root",
        ),
        (modes, MODES, ""),
    ] {
        let Count {
            times,
            first: Some((path, reason)),
        } = happened
        else {
            continue;
        };
        let first = event::printable_path(path);
        let others = match times - 1 {
            0 => String::new(),
            more => format!("; so it is with {}", count(more, "other")),
        };
        let mut problem = Problem::new(format!("/{first}"), &format!("{what} ({reason}){others}"));
        if without_proc && (what == EXTENDED || what == MODES) {
            problem = problem.advise(
                "/proc is not mounted: `mount -t proc proc /proc`, and restore again with --existing replace",
            );
        } else if !(advice.is_empty() || root && advice == "restore as root") {
            problem = problem.advise(advice);
        }
        monitor.problem(&problem);
    }
}
