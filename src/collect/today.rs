//! The work of one day: which sources are due, on what they build, what their files are called, and which files go.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, SystemTime};

use super::acknowledge;
use super::collection::{Base, Collected, Unit, collect};
use super::decide::{Decision, Full, Last, decide};
use super::outputs::Stems;
use super::snapshot::{self, Head, Output, Snapshot};
use super::takeover::Takeover;
use super::{CollectError, Mode, Request, Shape, Source, Summary};
use crate::archive::Timestamp;
use crate::event::{Event, Monitor, Problem, Tell as _};
use crate::select::{self, Rules, Start};
use crate::sums::Sums;
use crate::units::{AbsPath, ArchiveName};

/// The work of one day.
pub(super) struct Today<'a> {
    request: &'a Request<'a>,
    granularity: Duration,
    monitor: &'a dyn Monitor,
    staged_at: Option<SystemTime>,
    stems: Stems,
    sums: Sums,
    summary: Summary,
}

impl<'a> Today<'a> {
    /// `staged_at` is when the master left word that it staged what is in the collect directory.
    pub fn new(
        request: &'a Request<'a>,
        granularity: Duration,
        staged_at: Option<SystemTime>,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            request,
            granularity,
            monitor,
            staged_at,
            stems: Stems::default(),
            sums: Sums::new(),
            summary: Summary::default(),
        }
    }

    /// Collects every source that is due. Gives the digests of what is new in the collect directory.
    pub fn all(mut self) -> Result<(Sums, Summary), CollectError> {
        let request = self.request;
        // Configured names first: parts of split sources make way for them.
        let stems: Vec<_> = request
            .sources
            .iter()
            .map(|source| self.stems.take(source.name.as_os_str()))
            .collect();
        for (source, stem) in request.sources.iter().zip(stems) {
            self.source(source, stem)?;
        }
        self.gone()?;
        Ok((self.sums, self.summary))
    }
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
                    self.sums.insert(output.name.as_bytes(), output.proof);
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
