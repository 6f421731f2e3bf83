//! One collection: a walk is compared with the last snapshot; what differs goes into an archive, everything
//! into a manifest and a new snapshot.

mod finish;
mod same;
mod store;

use std::cmp::Ordering;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::attributes::{Names, is_same};
use super::forecast::Forecast;
use super::links::Links;
use super::outputs::with_extension;
use super::snapshot::{self, Head, Output, Record, Records, Snapshot, SnapshotWriter};
use super::takeover::Takeover;
use super::{CollectError, Compare, Request, Summary};
use crate::archive::manifest::{self, Coverage, Entry, Header, ManifestWriter, Place, Stored};
use crate::archive::{Compression, Kind, Packer, Timestamp, Writer, path_order};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _, printable_path};
use crate::fsx::AtomicFile;
use crate::select::{Found, Opener, Start, Step, Type, Walk};

/// What becomes one archive: a source, or a part of one that was split by levels.
pub(super) struct Unit<'a> {
    pub path: &'a Path,
    pub start: Start<'a>,
    pub stem: OsString,
    /// The stem with today's number.
    pub numbered: OsString,
    pub compression: Compression,
    pub level: Option<u8>,
    pub compare: Compare,
    pub granularity: Duration,
    /// What its manifest is dated with.
    pub created: Timestamp,
    pub whole: Option<OsString>,
    pub parts: Vec<OsString>,
}

const UNMOUNTED: &str =
    "the archives of earlier days are kept; check the path, or whether it is mounted";

/// What a collection builds on.
pub(super) enum Base {
    /// Nothing: it has everything.
    Nothing,
    /// The last one that was staged.
    Ours(Snapshot),
    /// What Cedar Backup collected.
    Cedars(Takeover),
}

impl Base {
    /// What it was about.
    pub fn facts(&self) -> Option<&Head> {
        match self {
            Self::Nothing => None,
            Self::Ours(snapshot) => Some(snapshot.facts()),
            Self::Cedars(takeover) => Some(takeover.facts()),
        }
    }
}

/// What came of it.
pub(super) enum Collected {
    /// These files are in the collect directory now.
    Outputs(Vec<Output>),
    /// The source is not there: nothing was written, and nothing is known about what it contains.
    Lost,
}

/// Collects `unit`; what differs from `base` goes into the archive.
pub(super) fn collect(
    request: &Request<'_>,
    unit: &Unit<'_>,
    base: Base,
    monitor: &dyn Monitor,
    summary: &mut Summary,
) -> Result<Collected, CollectError> {
    let (snapshot, began) = SnapshotWriter::create(request.working_dir, &unit.stem)?;
    let mut walk = Walk::begin(&unit.start);
    let first = walk.next();
    if let Some(Step::Lost { path, reason }) = &first {
        let text = format!("the source cannot be collected: {reason}");
        monitor.problem(&Problem::with_file(path, &text).advise(UNMOUNTED));
        summary.problems += 1;
        return Ok(Collected::Lost);
    }
    let second = walk.next();
    let is_bare = matches!(first, Some(Step::Found(_)))
        && matches!(second, None | Some(Step::Undecided { .. }))
        && unit.parts.is_empty();
    if is_bare && Snapshot::had_more(&snapshot::path(request.working_dir, &unit.stem), unit.path) {
        let text = "nothing is in it any more, and there was when it was last collected";
        monitor.problem(&Problem::with_file(unit.path, text).advise(UNMOUNTED));
        summary.problems += 1;
    }
    let full = base.facts().map_or(request.day, |facts| facts.full);
    let mut run = Run::begin(request, unit, &base, (snapshot, began), monitor, summary)?;
    let steps = first.into_iter().chain(second).chain(walk);
    let reached = match base {
        Base::Ours(base) => base.read(|records| run.walk(steps, records))??,
        Base::Nothing => run.walk(steps, &mut Records::none())?,
        Base::Cedars(takeover) => {
            run.takeover = Some(takeover);
            run.walk(steps, &mut Records::none())?
        }
    };
    match reached {
        Reached::End => run.commit(request, full),
        Reached::Part => Ok(Collected::Lost),
    }
}

type Manifest = (ManifestWriter<Packer<AtomicFile>>, PathBuf);

fn begin_manifest(
    request: &Request<'_>,
    unit: &Unit<'_>,
    header: &Header,
) -> Result<Manifest, CollectError> {
    let name = with_extension(&unit.numbered, manifest::EXTENSION);
    let path = request.collect_dir.join(name);
    let create = || {
        let file = AtomicFile::create(&path)?;
        ManifestWriter::new(Packer::new(Compression::Gzip, Some(1), file), header)
    };
    match create() {
        Ok(writer) => Ok((writer, path)),
        Err(source) => Err(CollectError::Write { path, source }),
    }
}

/// A collection under way.
struct Run<'a> {
    unit: &'a Unit<'a>,
    monitor: &'a dyn Monitor,
    summary: &'a mut Summary,
    task: Arc<str>,
    forecast: Option<Forecast>,
    began: Timestamp,
    today: Arc<Stored>,
    archive_path: PathBuf,
    /// There is none before there is something to store.
    archive: Option<Writer<AtomicFile>>,
    manifest: Manifest,
    snapshot: SnapshotWriter,
    names: Names,
    opener: Opener,
    links: Links,
    unreported: u64,
    done: u64,
    entries: u64,
    /// What Cedar Backup knew, if it is its last run that is built on.
    takeover: Option<Takeover>,
}

/// How far the walk came.
enum Reached {
    End,
    /// It broke off: what was not seen may be there all the same.
    Part,
}

impl<'a> Run<'a> {
    fn begin(
        request: &Request<'_>,
        unit: &'a Unit<'a>,
        base: &Base,
        (snapshot, began): (SnapshotWriter, Timestamp),
        monitor: &'a dyn Monitor,
        summary: &'a mut Summary,
    ) -> Result<Self, CollectError> {
        let archive = with_extension(&unit.numbered, unit.compression.extension());
        let header = Header {
            source: unit.path.to_owned(),
            name: unit.stem.clone(),
            day: request.day,
            created: unit.created,
            coverage: match base {
                Base::Nothing => Coverage::Full,
                Base::Ours(_) | Base::Cedars(_) => Coverage::Incremental,
            },
            archive: archive.clone(),
            whole: unit.whole.clone(),
            parts: unit.parts.clone(),
        };
        Ok(Self {
            unit,
            monitor,
            summary,
            task: format!("collecting {}", printable_path(unit.path)).into(),
            forecast: (!matches!(base, Base::Ours(_)) && monitor.is_watched())
                .then(|| Forecast::begin(&unit.start)),
            began,
            archive_path: request.collect_dir.join(&archive),
            today: Arc::new(Stored {
                day: request.day,
                archive,
            }),
            archive: None,
            manifest: begin_manifest(request, unit, &header)?,
            snapshot,
            names: Names::default(),
            opener: Opener::default(),
            links: Links::default(),
            unreported: 0,
            done: 0,
            entries: 0,
            takeover: None,
        })
    }

    /// Takes every step, each with the record that the last snapshot has of it.
    fn walk(
        &mut self,
        steps: impl Iterator<Item = Step>,
        records: &mut Records<'_>,
    ) -> Result<Reached, CollectError> {
        let mut ahead = self.next_record(records);
        for step in steps {
            match step {
                Step::Found(found) => {
                    let path = found.stored_path();
                    let order = |record: &Record| {
                        let rounds = record.round.cmp(&found.round);
                        rounds.then_with(|| path_order(&record.path, &path))
                    };
                    while ahead.as_ref().map(order) == Some(Ordering::Less) {
                        ahead = self.next_record(records);
                    }
                    let known = if ahead.as_ref().map(order) == Some(Ordering::Equal) {
                        std::mem::replace(&mut ahead, self.next_record(records))
                    } else {
                        None
                    };
                    self.take(&found, &path, known)?;
                    self.report(1);
                }
                Step::Trouble { path, reason } => self.problem(&path, &reason),
                Step::Lost { path, reason } => {
                    self.problem(&path, &format!("nothing of it is collected: {reason}"));
                    self.monitor.observe(&Event::ProgressEnd(&self.task));
                    return Ok(Reached::Part);
                }
                Step::Undecided { pattern, path } => {
                    self.monitor.warn(Step::undecided(&pattern, &path));
                }
                Step::Ignored => self.monitor.warn(format!(
                    "nothing of {} is collected: the ignore file is in its top directory",
                    printable_path(self.unit.path)
                )),
            }
        }
        self.monitor.observe(&Event::ProgressEnd(&self.task));
        Ok(Reached::End)
    }

    /// The next record. The snapshot was sound when it was opened; if it cannot be read on all the same,
    /// what follows counts as new.
    fn next_record(&self, records: &mut Records<'_>) -> Option<Record> {
        records.next_record().unwrap_or_else(|error| {
            self.monitor.warn(format!(
                "the snapshot of {} cannot be read to its end ({error}); what follows is archived again",
                printable_path(self.unit.path)
            ));
            None
        })
    }

    fn take(
        &mut self,
        found: &Found,
        path: &Path,
        known: Option<Record>,
    ) -> Result<(), CollectError> {
        let link = self.links.get(&found.stat);
        let first = link.as_ref().map(|link| link.first.clone());
        let known = known.filter(|record| {
            found.unlisted.is_none()
                && is_same(&record.identity, &found.stat, self.unit.compare)
                && record.first == first
                && link.as_ref().is_none_or(|link| link.unchanged)
        });
        if let Some(record) = known
            && self.has_same_content(found, &record)
        {
            self.links.note(&found.stat, path, None);
            return self.keep(found, record);
        }
        if found.stat.kind() != Type::File {
            return self.store_other(found);
        }
        if let Some(record) = self.taken_over(found) {
            return self.keep(found, record);
        }
        match link.and_then(|link| Some((link.first, link.stored?))) {
            Some((first, copy)) => self.store_link(found, first, &copy),
            None => self.store_file(found, first),
        }
    }

    /// What did not change: where its bytes are is known already.
    fn keep(&mut self, found: &Found, record: Record) -> Result<(), CollectError> {
        let mut member = self.names.member(found, &found.stat);
        if let Some(first) = &record.first {
            member.kind = Kind::HardLink(first.clone());
        }
        self.snapshot.add(&record)?;
        self.list(&Entry {
            member,
            links: found.stat.links.into(),
            digest: record.digest,
            place: Place::Whole(record.stored),
        })
    }

    fn problem(&mut self, path: &Path, reason: &(impl std::fmt::Display + ?Sized)) {
        self.summary.problems += 1;
        self.monitor.problem(&Problem::with_file(path, reason));
    }

    /// Tells progress now and then.
    fn report(&mut self, entries: u64) {
        self.unreported += entries;
        if entries == 0 || self.unreported >= 256 {
            self.unreported = 0;
            let progress = self.progress(&self.task);
            self.monitor.observe(&Event::Progress(progress));
        }
    }

    /// Tells progress within a file, by how many of its bytes are done.
    fn progress_within<'t>(&self, task: &'t str) -> impl Fn(u64) + use<'a, 't> {
        let (monitor, before) = (self.monitor, self.progress(task));
        move |done| {
            let done = before.done + done;
            monitor.observe(&Event::Progress(Progress { done, ..before }));
        }
    }

    fn progress<'t>(&self, task: &'t str) -> Progress<'t> {
        Progress {
            task,
            done: self.done,
            total: self.forecast.as_ref().and_then(Forecast::bytes),
            files: Some(self.entries),
        }
    }
}
