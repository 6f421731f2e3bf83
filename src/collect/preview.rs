//! What a collection would do, without doing it: nothing is written, nothing noted as staged.
//!
//! The same decisions as those of the collection, and a walk that opens no file: how much is to be read is estimated from
//! sizes and times. What changes until the collection, or while it runs, makes a difference, and so does a comparison of
//! contents.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::acknowledge::{self, Waiting};
use super::attributes::is_same;
use super::decide::{Decision, Last, decide};
use super::outputs::Stems;
use super::snapshot::{self, Record, Records, Snapshot};
use super::takeover::{self, Takeover};
use super::{CollectError, Full, Mode, Request, Shape, Source};
use crate::archive::path_order;
use crate::event::{Monitor, Problem, Tell as _};
use crate::select::{self, Rules, Start, Step, Type, Walk};
use crate::units::{AbsPath, ArchiveName, Day};

/// What would become of a source, or of a part of one that was split by levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// The directory or file.
    pub path: PathBuf,
    /// What its archive is called, without a number and an extension.
    pub name: OsString,
    /// How much of it would be collected.
    pub decision: Decision,
    /// The day of the last collection that was staged.
    pub last: Option<Day>,
    /// Things in it. 0 if it is not due.
    pub entries: u64,
    /// Files whose bytes would be read into an archive.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Tells `each` what would become of every source. What could not be looked at is told to `monitor` as problems.
pub fn preview(
    request: &Request<'_>,
    monitor: &dyn Monitor,
    each: &mut dyn FnMut(Foreseen),
) -> Result<(), CollectError> {
    let staged_at = takeover::staged_at(request.collect_dir);
    let staged = acknowledge::waiting(request.collect_dir, request.working_dir, monitor)?;
    let mut stems = Stems::default();
    let own: Vec<_> = request
        .sources
        .iter()
        .map(|source| stems.take(source.name.as_os_str()))
        .collect();
    let mut today = Today {
        request,
        monitor,
        staged,
        staged_at,
        stems,
        each,
    };
    for (source, stem) in request.sources.iter().zip(own) {
        match &source.shape {
            Shape::File => today.unit(source, &source.path, None, stem),
            Shape::Dir {
                rules,
                recursion_level,
            } => today.level(source, &source.path, rules, *recursion_level, stem),
        }
    }
    Ok(())
}

struct Today<'a> {
    request: &'a Request<'a>,
    monitor: &'a dyn Monitor,
    /// Collections on which this one would build, although that is not noted yet.
    staged: Waiting,
    /// When the master left word that it staged what is in the collect directory.
    staged_at: Option<SystemTime>,
    stems: Stems,
    each: &'a mut dyn FnMut(Foreseen),
}

impl Today<'_> {
    fn level(
        &mut self,
        source: &Source,
        path: &AbsPath,
        rules: &Rules,
        level: i64,
        stem: OsString,
    ) {
        if level == 0 {
            return self.unit(source, path, Some(rules), stem);
        }
        let children = match select::children(path, rules) {
            Ok(children) => children,
            Err(error) => return self.lost(path, &error),
        };
        let mut rest = rules.clone();
        for child in children {
            let name = ArchiveName::of(&child, source.name.naming());
            let part = self.stems.take(name.as_os_str());
            self.level(source, &child, rules, level - 1, part);
            rest.exclude_paths.push(child);
        }
        self.unit(source, path, Some(&rest), stem);
    }

    fn unit(&mut self, source: &Source, path: &AbsPath, rules: Option<&Rules>, stem: OsString) {
        let base = self.base(source, &stem);
        let facts = match &base {
            Base::Nothing => None,
            Base::Ours(snapshot) => Some(snapshot.facts()),
            Base::Cedars(takeover) => Some(takeover.facts()),
        };
        let last = facts.map(|facts| Last {
            day: facts.day,
            full: facts.full,
        });
        let request = self.request;
        let decision = decide(source.mode, last, request.day, request.start, request.full);
        let mut sum = Sum::default();
        if decision != Decision::NotToday {
            let start = match rules {
                Some(rules) => Start::Dir(path, rules),
                None => Start::File(path),
            };
            let same = |record: &Record, found: &select::Found| {
                is_same(&record.identity, &found.stat, source.compare)
            };
            let full = |sum: &mut Sum| sum.up(&start, &mut Records::none(), &same, self.monitor);
            let missing = match base {
                _ if decision != Decision::Incremental => full(&mut sum),
                Base::Nothing => full(&mut sum),
                Base::Ours(base) => base
                    .read(|records| sum.up(&start, records, &same, self.monitor))
                    .unwrap_or_else(|error| Some(io::Error::other(error))),
                Base::Cedars(takeover) => {
                    sum.cedars = Some(takeover);
                    full(&mut sum)
                }
            };
            if let Some(error) = missing {
                return self.lost(path, &error);
            }
        }
        (self.each)(Foreseen {
            path: path.as_path().to_owned(),
            name: stem,
            decision,
            last: last.map(|last| last.day),
            entries: sum.entries,
            files: sum.files,
            bytes: sum.bytes,
        });
    }

    /// On what the collection would build.
    fn base(&self, source: &Source, stem: &OsStr) -> Base {
        let working_dir = self.request.working_dir;
        let path = if self.staged.heads.contains_key(stem) {
            snapshot::pending_path(working_dir, stem)
        } else {
            snapshot::path(working_dir, stem)
        };
        match Snapshot::open(&path) {
            Ok(Some(snapshot)) => Base::Ours(snapshot),
            Ok(None) if source.mode == Mode::Incr && self.request.full == Full::No => {
                let found = Takeover::find(self.request, stem, self.staged_at, self.monitor);
                found.map_or(Base::Nothing, Base::Cedars)
            }
            Ok(None) => Base::Nothing,
            Err(error) => {
                self.monitor
                    .warn(format!("{error}; everything will be collected instead"));
                Base::Nothing
            }
        }
    }

    fn lost(&self, path: &Path, error: &io::Error) {
        let text = format!("the source cannot be collected: {error}");
        self.monitor.problem(&Problem::with_file(path, &text));
    }
}

/// On what a collection would build.
enum Base {
    /// On nothing.
    Nothing,
    /// On one of ours.
    Ours(Snapshot),
    /// On the last one of Cedar Backup.
    Cedars(Takeover),
}

#[derive(Default)]
struct Sum {
    /// What Cedar Backup has: a file that it knows, and that is older than its digests, will be the same.
    cedars: Option<Takeover>,
    entries: u64,
    files: u64,
    bytes: u64,
    /// Files with several names, which are read once.
    links: HashSet<(u64, u64)>,
}

impl Sum {
    /// Adds up what the walk from `start` finds and no record is the `same` as. Gives why the source is lost, if it is.
    fn up(
        &mut self,
        start: &Start<'_>,
        records: &mut Records<'_>,
        same: &dyn Fn(&Record, &select::Found) -> bool,
        monitor: &dyn Monitor,
    ) -> Option<io::Error> {
        // A snapshot that breaks off has no more records: what follows is collected.
        let mut next = || records.next_record().ok().flatten();
        let mut ahead = next();
        for (number, step) in Walk::begin(start).enumerate() {
            let found = match step {
                Step::Found(found) => found,
                Step::Lost { reason, .. } if number == 0 => return Some(reason),
                Step::Lost { path, reason } => {
                    monitor.problem(&Problem::with_file(&path, &reason));
                    continue;
                }
                Step::Trouble { path, reason } => {
                    monitor.problem(&Problem::with_file(&path, &reason));
                    continue;
                }
                Step::Undecided { pattern, path } => {
                    monitor.warn(Step::undecided(&pattern, &path));
                    continue;
                }
                Step::Ignored => continue,
            };
            self.entries += 1;
            let path = found.stored_path();
            let order = |record: &Record| {
                let rounds = record.round.cmp(&found.round);
                rounds.then_with(|| path_order(&record.path, &path))
            };
            while ahead.as_ref().map(order) == Some(Ordering::Less) {
                ahead = next();
            }
            let known = match &ahead {
                Some(record) if order(record) == Ordering::Equal => {
                    let known = same(record, &found);
                    ahead = next();
                    known
                }
                _ => false,
            };
            let facts = &found.stat;
            let cedars = self.cedars.as_ref();
            let known = known || cedars.is_some_and(|old| old.recorded(&path, facts).is_some());
            if known || facts.kind() != Type::File {
                continue;
            }
            if facts.links > 1 && !self.links.insert((facts.device, facts.inode)) {
                continue;
            }
            self.files += 1;
            self.bytes += facts.size;
        }
        None
    }
}
