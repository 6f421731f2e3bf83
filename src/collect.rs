//! Source and snapshot become an archive, a manifest and a new snapshot.
//!
//! Everything that a source contains is walked and compared with the snapshot of the last collection that is
//! known to have been staged. What differs goes into today's archive; the manifest lists everything and says
//! which archive has it. The new snapshot waits until staging is acknowledged. Every file appears whole, and
//! the indicator `cback.collect` appears last.

mod acknowledge;
mod attributes;
mod collection;
mod content;
mod decide;
mod forecast;
mod links;
mod outputs;
mod preview;
mod snapshot;
mod source;
mod takeover;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use snapshot::fuzzing;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::archive::Timestamp;
use crate::event::{Event, Monitor, Problem, Tell as _, printable_path};
use crate::fsx;
use crate::select::{self, Rules, Start};
use crate::sums::Sums;
use crate::units::{AbsPath, ArchiveName, Day, Ids, Weekday};

pub use acknowledge::acknowledge;
pub use decide::{Decision, Full, Last, decide};
pub use preview::{Foreseen, preview};
pub use snapshot::SnapshotError;
pub use source::{Compare, Mode, Shape, Source};

use collection::{Base, Collected, Unit, collect};
use outputs::Stems;
use snapshot::{Head, Output, Snapshot};
use takeover::Takeover;

/// Says in a collect directory that everything of the day is there.
pub const COLLECT_INDICATOR: &str = "cback.collect";
/// Says in a collect directory that what is there was staged.
pub const STAGE_INDICATOR: &str = "cback.stage";

/// What to collect, and for when.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What to collect, in this order.
    pub sources: &'a [Source],
    /// Where archives and manifests go.
    pub collect_dir: &'a Path,
    /// Where snapshots are.
    pub working_dir: &'a Path,
    /// The day of the run.
    pub day: Day,
    /// The day on which the week starts.
    pub start: Weekday,
    /// Whether everything is wanted.
    pub full: Full,
    /// Whom the files belong to; nobody else than the process if there is none.
    pub ids: Option<Ids>,
    /// When the run began.
    pub now: SystemTime,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Sources and parts of sources that were collected.
    pub sources: u64,
    /// Sources that were not due.
    pub not_due: u64,
    /// Things that the sources contained.
    pub entries: u64,
    /// Files whose bytes were stored today.
    pub stored: u64,
    /// Bytes of files that were read.
    pub read: u64,
    /// Bytes of today's archives.
    pub bytes: u64,
    /// Problems that were told.
    pub problems: u64,
}

/// Why nothing could be collected, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A directory that must be there is not.
    #[error("the {what} directory {} cannot be used", printable_path(path))]
    Directory {
        /// Which one: `collect`, `working`.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something of ours cannot be read.
    #[error("cannot read {}", printable_path(path))]
    Read {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An archive or something beside it cannot be written; it did not appear.
    #[error("cannot write {}", printable_path(path))]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why: perhaps the disk is full.
        source: io::Error,
    },
    /// A snapshot cannot be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// How long before a collection the last change of a thing has to be, so that a later one is sure to show: file
/// systems keep times no coarser than this.
pub const GRANULARITY: Duration = Duration::from_secs(2);

/// [`run_with`] the usual [`GRANULARITY`].
pub fn run(request: &Request<'_>, monitor: &dyn Monitor) -> Result<Summary, CollectError> {
    run_with(request, GRANULARITY, monitor)
}

/// Collects every source that is due. What the master staged of the last collection is noted first; old
/// indicators are removed before anything is written, and `cback.collect` is written after everything else.
///
/// What could not be saved is told to `monitor` as problems, and the work goes on. What changed less than
/// `granularity` before the collection began is archived again the next time, whether it changed or not.
pub fn run_with(
    request: &Request<'_>,
    granularity: Duration,
    monitor: &dyn Monitor,
) -> Result<Summary, CollectError> {
    for (what, path) in [
        ("collect", request.collect_dir),
        ("working", request.working_dir),
    ] {
        let is_dir = std::fs::metadata(path).and_then(|stat| {
            let error = io::ErrorKind::NotADirectory.into();
            if stat.is_dir() { Ok(()) } else { Err(error) }
        });
        is_dir.map_err(|source| CollectError::Directory {
            what,
            path: path.to_owned(),
            source,
        })?;
    }
    let staged_at = takeover::staged_at(request.collect_dir);
    acknowledge(request.collect_dir, request.working_dir, monitor)?;
    for name in [COLLECT_INDICATOR, STAGE_INDICATOR] {
        let path = request.collect_dir.join(name);
        fsx::remove_durably(&path).map_err(|source| CollectError::Write { path, source })?;
    }
    for dir in [request.collect_dir, request.working_dir] {
        sweep(dir)?;
    }
    let mut day = Today {
        request,
        granularity,
        monitor,
        staged_at,
        stems: Stems::default(),
        sums: Sums::new(),
        summary: Summary::default(),
    };
    // Configured names first: parts of split sources make way for them.
    let stems: Vec<_> = request
        .sources
        .iter()
        .map(|source| day.stems.take(source.name.as_os_str()))
        .collect();
    for (source, stem) in request.sources.iter().zip(stems) {
        day.source(source, stem)?;
    }
    day.gone()?;
    let path = request.collect_dir.join(COLLECT_INDICATOR);
    let write = || -> io::Result<()> {
        use std::io::Write as _;
        let mut file = fsx::AtomicFile::create(&path)?;
        file.write_all(&day.sums.to_text())?;
        file.commit(request.ids)
    };
    write().map_err(|source| CollectError::Write {
        path: path.clone(),
        source,
    })?;
    Ok(day.summary)
}

/// Removes what a killed run left under partial names.
fn sweep(dir: &Path) -> Result<(), CollectError> {
    for name in acknowledge::read_dir(dir)? {
        if fsx::is_partial(&name) {
            let path = dir.join(&name);
            if path.symlink_metadata().is_ok_and(|stat| stat.is_dir()) {
                continue; // not ours
            }
            fsx::remove_durably(&path).map_err(|source| CollectError::Write { path, source })?;
        }
    }
    Ok(())
}

/// The work of one day.
struct Today<'a> {
    request: &'a Request<'a>,
    granularity: Duration,
    monitor: &'a dyn Monitor,
    /// When the master left word that it staged what is in the collect directory.
    staged_at: Option<SystemTime>,
    stems: Stems,
    sums: Sums,
    summary: Summary,
}

impl Today<'_> {
    /// Collects `source`, if it is due.
    fn source(&mut self, source: &Source, stem: OsString) -> Result<(), CollectError> {
        let task = format!("collecting {}", source.path);
        self.monitor.observe(&Event::Begin(&task));
        match &source.shape {
            Shape::File => self.unit(source, &source.path, None, (stem, None), Vec::new())?,
            Shape::Dir {
                rules,
                recursion_level,
            } => {
                let path = &source.path;
                self.level(source, path, rules, *recursion_level, (stem, None))?;
            }
        }
        self.monitor.observe(&Event::End(&task));
        Ok(())
    }

    /// Collects the directory `path`: above level 0, its subdirectories first, each into archives of its own,
    /// and then what is left. `stems` are its own stem and that of what it is a part of.
    fn level(
        &mut self,
        source: &Source,
        path: &AbsPath,
        rules: &Rules,
        level: i64,
        stems: (OsString, Option<OsString>),
    ) -> Result<(), CollectError> {
        let (stem, whole) = stems;
        if level == 0 {
            return self.unit(source, path, Some(rules), (stem, whole), Vec::new());
        }
        let children = match select::children(path, rules) {
            Ok(children) => children,
            Err(error) => {
                let text = format!("the source cannot be collected: {error}");
                self.monitor.problem(&Problem::with_file(path, &text));
                self.summary.problems += 1;
                return self.stay(&stem);
            }
        };
        let mut rest = rules.clone();
        let mut parts = Vec::new();
        for child in children {
            let name = ArchiveName::of(&child, source.name.naming());
            let part = self.stems.take(name.as_os_str());
            parts.push(part.clone());
            let stems = (part, Some(stem.clone()));
            self.level(source, &child, rules, level - 1, stems)?;
            rest.exclude_paths.push(child);
        }
        self.unit(source, path, Some(&rest), (stem, whole), parts)
    }

    /// Collects what becomes one archive, if it is due.
    fn unit(
        &mut self,
        source: &Source,
        path: &AbsPath,
        rules: Option<&Rules>,
        stems: (OsString, Option<OsString>),
        parts: Vec<OsString>,
    ) -> Result<(), CollectError> {
        let (stem, whole) = stems;
        let base = self.base(source, &stem);
        let facts = base.facts().cloned();
        let last = facts.as_ref().map(|facts| Last {
            day: facts.day,
            full: facts.full,
        });
        let request = self.request;
        let decision = decide(source.mode, last, request.day, request.start, request.full);
        let base = match decision {
            Decision::NotToday => {
                self.summary.not_due += 1;
                return self.stay(&stem);
            }
            Decision::Full => Base::Nothing,
            Decision::Incremental => base,
        };
        let unit = Unit {
            path,
            start: match rules {
                Some(rules) => Start::Dir(path, rules),
                None => Start::File(path),
            },
            numbered: self.numbered(&stem, decision, facts.as_ref()),
            created: self.created(&stem, facts.as_ref()),
            stem,
            compression: source.compression,
            level: source.level,
            compare: source.compare,
            granularity: self.granularity,
            whole,
            parts,
        };
        match collect(request, &unit, base, self.monitor, &mut self.summary)? {
            Collected::Lost => self.stay(&unit.stem),
            Collected::Outputs(outputs) => {
                self.summary.sources += 1;
                for output in &outputs {
                    self.sums.insert(output.name.as_bytes(), output.digest);
                }
                let is_new = |name: &OsStr| outputs.iter().any(|output| output.name == name);
                self.remove(&unit.stem, is_new)
            }
        }
    }

    /// The last collection that was staged. A snapshot that cannot be used counts as none: then everything is
    /// collected. If there never was one, Cedar Backup may have left its digests.
    fn base(&self, source: &Source, stem: &OsStr) -> Base {
        let path = snapshot::path(self.request.working_dir, stem);
        match Snapshot::open(&path) {
            Ok(Some(snapshot)) => Base::Ours(snapshot),
            Ok(None) if source.mode == Mode::Incr && self.request.full == Full::No => {
                let found = Takeover::find(self.request, stem, self.staged_at, self.monitor);
                found.map_or(Base::Nothing, Base::Cedars)
            }
            Ok(None) => Base::Nothing,
            Err(error) => {
                let instead = "everything is collected instead";
                self.monitor.warn(format!("{error}; {instead}"));
                Base::Nothing
            }
        }
    }

    /// The stem with a number: the plain one, unless what was staged `last` lies, or may lie, in the daily directory
    /// into which this collection will come. There it must not be replaced: an incremental builds on it, and on
    /// a day whose staging began after midnight it is the state of the day before. Only what was
    /// collected on the same day gives way to a full collection, which nothing needs then.
    fn numbered(&self, stem: &OsStr, decision: Decision, last: Option<&Head>) -> OsString {
        let today = self.request.day;
        let incremental = decision == Decision::Incremental;
        let beside = last.filter(|last| {
            last.day >= today || last.staged.map_or(incremental, |staged| staged >= today)
        });
        let mut number = beside.map_or(1, |last| {
            let replaces = !incremental && last.day == today;
            let number = self.stems.number_of(stem, &last.manifest.name);
            number.unwrap_or(0) + u32::from(!replaces || number.is_none())
        });
        loop {
            match self.stems.numbered(stem, number) {
                Some(numbered) => return numbered,
                None => number += 1,
            }
        }
    }

    /// When this collection began. A clock that was set back must not make the older manifest of a day look like
    /// the newer one.
    fn created(&self, stem: &OsStr, last: Option<&Head>) -> Timestamp {
        let now = self.request.now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let now = Timestamp {
            seconds: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            nanos: now.subsec_nanos(),
        };
        let pending = Snapshot::head(&snapshot::pending_path(self.request.working_dir, stem));
        let pending = pending.ok().flatten();
        let today = |head: &&Head| head.day == self.request.day;
        let before = last.into_iter().chain(&pending).filter(today);
        let follows = before.map(|head| Timestamp {
            seconds: head.created.seconds.saturating_add(1),
            ..head.created
        });
        follows.fold(now, Timestamp::max)
    }

    /// Nothing new of `stem` today: what was staged already must not be staged again as today's; what was
    /// not stays, to be staged yet.
    fn stay(&self, stem: &OsStr) -> Result<(), CollectError> {
        let working_dir = self.request.working_dir;
        let pending = Snapshot::head(&snapshot::pending_path(working_dir, stem));
        let settled = Snapshot::head(&snapshot::path(working_dir, stem));
        // What cannot be read says nothing: nothing is removed then.
        match (pending, settled) {
            (Ok(Some(head)), _) => self.remove(stem, |name| names(&head).any(|own| own == name)),
            (Ok(None), Ok(Some(_))) => self.remove(stem, |_| false),
            _ => Ok(()),
        }
    }

    /// What was collected before and is not there to be collected any more, a part of a source perhaps: nothing new of it.
    fn gone(&self) -> Result<(), CollectError> {
        for name in acknowledge::read_dir(self.request.working_dir)? {
            if let Some(stem) = snapshot::stem(&name)
                && self.stems.is_free(&stem)
            {
                self.stay(&stem)?;
            }
        }
        Ok(())
    }

    fn remove(&self, stem: &OsStr, keep: impl Fn(&OsStr) -> bool) -> Result<(), CollectError> {
        self.stems.remove(self.request.collect_dir, stem, keep)
    }
}

/// The files of a collection.
fn names(head: &Head) -> impl Iterator<Item = &OsStr> {
    let outputs = std::iter::once(&head.manifest).chain(&head.archive);
    outputs.map(|output: &Output| output.name.as_os_str())
}
