//! One collection: a walk is compared with the last snapshot; what differs goes into an archive, everything
//! into a manifest and a new snapshot.

mod finish;
mod same;

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::attributes::{Names, extended, extended_of_located, identity, is_before, is_same};
use super::content::{Body, parts, whole};
use super::forecast::Forecast;
use super::links::{Copy, Links};
use super::outputs::with_extension;
use super::snapshot::{self, Head, Output, Record, Records, Snapshot, SnapshotWriter};
use super::takeover::Takeover;
use super::watched::Watched;
use super::{CollectError, Compare, Request, Summary};
use crate::archive::manifest::{self, Coverage, Entry, Header, ManifestWriter, Place, Stored};
use crate::archive::{Compression, Kind, Member, Packer, Timestamp, Writer, path_order};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _, printable_path};
use crate::fsx::{AtomicFile, Fate};
use crate::select::{Found, Opener, Start, Stat, Step, Type, Walk};

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
    if second
        .as_ref()
        .is_none_or(|step| matches!(step, Step::Undecided { .. }))
        && unit.parts.is_empty()
        && Snapshot::had_more(&snapshot::path(request.working_dir, &unit.stem), unit.path)
    {
        let text = "nothing is in it any more, and there was when it was last collected";
        monitor.problem(&Problem::with_file(unit.path, text).advise(UNMOUNTED));
        summary.problems += 1;
    }
    let coverage = match base {
        Base::Nothing => Coverage::Full,
        Base::Ours(_) | Base::Cedars(_) => Coverage::Incremental,
    };
    let full = base.facts().map_or(request.day, |facts| facts.full);
    let archive = with_extension(&unit.numbered, unit.compression.extension());
    let header = Header {
        source: unit.path.to_owned(),
        name: unit.stem.clone(),
        day: request.day,
        created: unit.created,
        coverage,
        archive: archive.clone(),
        whole: unit.whole.clone(),
        parts: unit.parts.clone(),
    };
    let mut run = Run {
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
    };
    let steps = first.into_iter().chain(second).chain(walk);
    match base {
        Base::Ours(base) => base.read(|records| run.walk(steps, records))??,
        Base::Nothing => run.walk(steps, &mut Records::none())?,
        Base::Cedars(takeover) => {
            run.takeover = Some(takeover);
            run.walk(steps, &mut Records::none())?;
        }
    }
    run.commit(request, full)
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

impl Run<'_> {
    /// Takes every step, each with the record that the last snapshot has of it.
    fn walk(
        &mut self,
        steps: impl Iterator<Item = Step>,
        records: &mut Records<'_>,
    ) -> Result<(), CollectError> {
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
                Step::Lost { path, reason } => self.problem(&path, &reason),
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
        Ok(())
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

    /// A regular file whose bytes have to be stored.
    fn store_file(&mut self, found: &Found, first: Option<PathBuf>) -> Result<(), CollectError> {
        let opened = self.opener.open(found).and_then(|file| {
            let stat = Stat::of(&file)?;
            Ok((file, stat))
        });
        let (file, stat) = match opened {
            Ok((file, stat)) if stat.kind() == Type::File => (file, stat),
            Ok(_) => return self.miss(found, "it became something else while it was collected"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.miss(found, "it vanished before it could be read");
            }
            Err(error) => return self.miss(found, &format!("it cannot be opened: {error}")),
        };
        let mut member = self.names.member(found, &stat);
        let mut reasons = Vec::new();
        match extended(file.as_fd()) {
            Ok(extended) => member.extended = extended,
            Err(error) => reasons.push(format!("its extended attributes cannot be read: {error}")),
        }
        let (digest, fate) = self.append(&member, &file, &stat)?;
        let after = Stat::of(&file).ok();
        let times = |stat: Stat| (stat.size, stat.mtime);
        reasons.extend(match fate {
            Fate::Whole if after.map(times) == Some(times(stat)) => None,
            Fate::Whole => Some("it changed while it was read".to_owned()),
            Fate::Long => {
                Some("it grew while it was read; what was added is not stored".to_owned())
            }
            Fate::Short(at) => Some(format!(
                "it shrank to {at} bytes while it was read; zeros are stored for the rest"
            )),
            Fate::Failed(at, why) => Some(format!(
                "it cannot be read after {at} bytes ({why}); zeros are stored for the rest"
            )),
        });
        let torn = (!reasons.is_empty()).then(|| reasons.join("; "));
        let copy = Copy {
            path: member.path.clone(),
            digest,
            size: stat.size,
            torn,
        };
        // A change of attributes while it was read: sound bytes, but next time it is new again.
        let settled = after.map(|after| after.ctime) == Some(stat.ctime);
        let same_file = (stat.device, stat.inode) == (found.stat.device, found.stat.inode);
        let first = first.filter(|_| same_file);
        if same_file {
            self.links
                .note(&found.stat, &member.path, Some(copy.clone()));
        }
        if let Some(reason) = &copy.torn {
            self.problem(&found.path(), reason);
        }
        if let Some(first) = &first {
            member.kind = Kind::HardLink(first.clone());
        }
        self.remember(found, &stat, &copy, first, settled)?;
        self.list_copy(member, &stat, copy)
    }

    /// Writes a file's headers and bytes.
    fn append(
        &mut self,
        member: &Member,
        file: &File,
        stat: &Stat,
    ) -> Result<(crate::units::Digest, Fate), CollectError> {
        let sparse = parts(file, stat.size, stat.blocks);
        let all = whole(stat.size);
        let mut body = Body::new(file, sparse.as_deref().unwrap_or(&all), stat.size);
        let (monitor, task) = (self.monitor, Arc::clone(&self.task));
        let progress = self.progress(&task);
        let mut watched = Watched::new(&mut body, monitor, progress);
        let archive = self.archive()?;
        let written = match &sparse {
            Some(parts) => archive.append_sparse(member, parts, &mut watched),
            None => archive.append_file(member, &mut watched),
        };
        written.map_err(|source| self.write_error(source))?;
        self.done += stat.size;
        self.summary.stored += 1;
        self.report(0);
        Ok(body.finish())
    }

    /// A further name of a file that today's archive has.
    fn store_link(
        &mut self,
        found: &Found,
        first: PathBuf,
        copy: &Copy,
    ) -> Result<(), CollectError> {
        let mut member = self.names.member(found, &found.stat);
        member.kind = Kind::HardLink(copy.path.clone());
        let written = self.archive()?.append(&member);
        written.map_err(|source| self.write_error(source))?;
        self.links.note(&found.stat, &member.path, None);
        member.kind = Kind::HardLink(first.clone());
        self.remember(found, &found.stat, copy, Some(first), true)?;
        self.list_copy(member, &found.stat, copy.clone())
    }

    /// Anything but a regular file.
    fn store_other(&mut self, found: &Found) -> Result<(), CollectError> {
        let mut member = self.names.member(found, &found.stat);
        let mut torn = found.unlisted.clone();
        if member.kind != Kind::Dir || torn.is_none() {
            let located = self.opener.locate(found);
            match located.and_then(|fd| extended_of_located(&fd)) {
                Ok(extended) => member.extended = extended,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let reason = format!("its extended attributes cannot be read: {error}");
                    self.problem(&found.path(), &reason);
                    torn = Some(reason);
                }
            }
        }
        let written = self.archive()?.append(&member);
        written.map_err(|source| self.write_error(source))?;
        member.extended.clear();
        if torn.is_none() && is_before(found.stat.ctime, self.unit.granularity, self.began) {
            self.snapshot.add(&Record {
                round: found.round,
                path: member.path.clone(),
                identity: identity(&found.stat),
                digest: None,
                first: None,
                stored: Arc::clone(&self.today),
            })?;
        }
        let stored = Arc::clone(&self.today);
        self.list(&Entry {
            member,
            links: found.stat.links.into(),
            digest: None,
            place: match torn {
                Some(reason) => Place::Torn(stored, reason),
                None => Place::Whole(stored),
            },
        })
    }

    /// What could not be stored.
    fn miss(&mut self, found: &Found, reason: &str) -> Result<(), CollectError> {
        self.problem(&found.path(), reason);
        let member = self.names.member(found, &found.stat);
        self.list(&Entry {
            member,
            links: found.stat.links.into(),
            digest: None,
            place: Place::Missing(reason.to_owned()),
        })
    }

    /// Puts a stored file into the snapshot, if it would be recognised by what is written there.
    fn remember(
        &mut self,
        found: &Found,
        stat: &Stat,
        copy: &Copy,
        first: Option<PathBuf>,
        settled: bool,
    ) -> Result<(), CollectError> {
        // A later change has to be sure to show.
        let settled = settled && is_before(stat.ctime, self.unit.granularity, self.began);
        if !settled || copy.torn.is_some() {
            return Ok(());
        }
        Ok(self.snapshot.add(&Record {
            round: found.round,
            path: found.stored_path(),
            identity: identity(stat),
            digest: Some(copy.digest),
            first,
            stored: Arc::clone(&self.today),
        })?)
    }

    fn list_copy(
        &mut self,
        mut member: Member,
        stat: &Stat,
        copy: Copy,
    ) -> Result<(), CollectError> {
        member.size = copy.size;
        member.extended.clear();
        let stored = Arc::clone(&self.today);
        self.list(&Entry {
            member,
            links: stat.links.into(),
            digest: Some(copy.digest),
            place: match copy.torn {
                Some(reason) => Place::Torn(stored, reason),
                None => Place::Whole(stored),
            },
        })
    }

    fn list(&mut self, entry: &Entry) -> Result<(), CollectError> {
        self.entries += 1;
        let (manifest, path) = &mut self.manifest;
        manifest.add(entry).map_err(|source| CollectError::Write {
            path: path.clone(),
            source,
        })
    }

    /// The archive, begun now if it was not before.
    fn archive(&mut self) -> Result<&mut Writer<AtomicFile>, CollectError> {
        if self.archive.is_none() {
            let file = AtomicFile::create(&self.archive_path);
            let file = file.map_err(|source| self.write_error(source))?;
            let writer = Writer::new(self.unit.compression, self.unit.level, file);
            return Ok(self.archive.insert(writer));
        }
        self.archive.as_mut().ok_or_else(|| CollectError::Write {
            path: self.archive_path.clone(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn write_error(&self, source: io::Error) -> CollectError {
        CollectError::Write {
            path: self.archive_path.clone(),
            source,
        }
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

    fn progress<'t>(&self, task: &'t str) -> Progress<'t> {
        Progress {
            task,
            done: self.done,
            total: self.forecast.as_ref().and_then(Forecast::bytes),
            files: Some(self.entries),
        }
    }
}
