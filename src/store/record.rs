//! What is remembered of a session: the catalog, then the indicators.
//!
//! The catalog is a cache, so trouble with it is told and does not undo a burn.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::staged::{StagedDay, What};
use super::{Store, StoreError};
use crate::catalog::{CatalogError, DiscRow, FileRow, SessionRow};
use crate::event::{Problem, Tell as _, printable_path, with_causes};
use crate::iso9660::{Content, FileReader, Kind, ReadAt, Tree, Volume};
use crate::media::Disc;
use crate::sums::{self, Digest, Sums};
use crate::units::Day;

/// A day and the digests of its files by name.
pub(super) type DayDigests<'a> = (&'a StagedDay, &'a dyn Fn(&[u8]) -> Option<Digest>);

/// What was read into the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recalled {
    /// Sessions of the disc.
    pub sessions: usize,
    /// Days that are staged and have a list of digests.
    pub staged_days: usize,
}

/// What tells a disc from every other one.
pub(super) fn disc_id(job: &Store<'_>, disc: &Disc) -> Option<String> {
    let medium = job.drive.open().ok()?;
    disc.identity(&*medium)
}

/// Takes note of the newest session of `disc`, with the files of `days`.
pub(super) fn session(job: &mut Store<'_>, disc: &Disc, days: &[DayDigests<'_>]) {
    let (Some(id), Some(newest)) = (disc_id(job, disc), disc.newest()) else {
        let reason = "it does not know of this session: the disc could not be read to identify it";
        job.monitor.problem(
            &Problem::new("the catalog", reason).advise(
                "the days are on the disc; a catalog that is removed is filled again from it",
            ),
        );
        return;
    };
    let since = job.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let session = SessionRow {
        number: u32::try_from(disc.sessions.len()).unwrap_or(u32::MAX),
        start: newest.start,
        end: newest.end,
        label: text(&newest.label),
        burnt: since.as_secs().cast_signed(),
    };
    let mut files = Vec::new();
    for (day, digest) in days {
        for entry in &day.entries {
            if let What::File { bytes, .. } = entry.what
                && let Some(digest) = digest(&entry.name)
            {
                files.push(FileRow {
                    day: day.day(),
                    name: entry.name.clone(),
                    bytes,
                    digest: *digest.as_bytes(),
                });
            }
        }
    }
    let disc = row(job, id, disc);
    let noted = job
        .catalog
        .record_session(&disc, &session, &files)
        .and_then(|()| job.catalog.record_staged(&files));
    tell(job, noted);
}

fn row(job: &Store<'_>, id: String, disc: &Disc) -> DiscRow {
    DiscRow {
        id,
        label: text(disc.label().unwrap_or_default()),
        kind: disc.kind.word().to_owned(),
        place: job.drive.place().to_owned(),
    }
}

fn text(label: &[u8]) -> String {
    String::from_utf8_lossy(label).into_owned()
}

/// Takes note of what became of the disc that had to give way.
pub(super) fn replaced(job: &mut Store<'_>, id: Option<&str>, set_aside: Option<&Path>) {
    if let Some(place) = set_aside {
        job.monitor.note(format!(
            "the disc before was set aside as {}",
            printable_path(place)
        ));
    }
    let Some(id) = id else { return };
    let noted = match set_aside {
        Some(place) => job.catalog.move_disc(id, place),
        None => job.catalog.forget_disc(id),
    };
    tell(job, noted);
}

/// Forgets the disc `id`, which is blanked next: a catalog that knew copies which a power cut had taken would be
/// believed.
pub(super) fn forget(job: &mut Store<'_>, id: &str) {
    let noted = job.catalog.forget_disc(id);
    tell(job, noted);
}

/// After a burn that failed: forgets the disc `id` that was to give way, if the drive shows that it has, and knows it
/// again if not.
pub(super) fn perhaps_gone(job: &mut Store<'_>, id: Option<&str>) {
    let Some(id) = id else { return };
    let unseen = match job.drive.inspect() {
        Err(error) => with_causes(&error),
        Ok(None) => "there is no disc in the drive".to_owned(),
        Ok(Some(disc)) if disc.is_blank() => return forget(job, id),
        Ok(Some(disc)) => match job.drive.open() {
            Err(error) => with_causes(&error),
            Ok(medium) => match disc.identity(&*medium) {
                Some(found) if found == id => {
                    sessions(job, &disc, &*medium);
                    return;
                }
                Some(_) => return forget(job, id),
                None => "its first session cannot be read".to_owned(),
            },
        },
    };
    let reason = format!(
        "it may be wrong about the disc that was to give way: whether that is still as it was cannot be seen: {unseen}"
    );
    job.monitor
        .problem(&Problem::new("the catalog", &reason).advise(
            "see with `cback disc info` what is on the disc; a catalog that is removed is filled again from it",
        ));
}

fn tell(job: &Store<'_>, noted: Result<(), CatalogError>) {
    if let Err(error) = noted {
        job.monitor.problem(
            &Problem::new("the catalog", &error)
                .advise("nothing is lost: the catalog can be filled again from staging and discs"),
        );
    }
}

/// What a day was burnt for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It was its turn.
    Stored,
    /// Its whole week went onto a fresh disc.
    Rebuilt,
}

/// The last line of the mark of a day whose week was rebuilt.
const REBUILT: &str = "rebuilt";

/// Marks the day as stored, last of all.
pub(super) fn mark(
    job: &Store<'_>,
    disc: &Disc,
    day: &StagedDay,
    occasion: Occasion,
) -> Result<(), StoreError> {
    let mut words = newest_words(disc).unwrap_or_default();
    if !words.is_empty() {
        words.push_str(&printable_path(job.drive.place()));
        words.push('\n');
        if occasion == Occasion::Rebuilt {
            words.push_str(REBUILT);
            words.push('\n');
        }
    }
    day.daily
        .mark_stored(&words, job.ids)
        .map_err(|source| StoreError::Mark {
            day: day.day(),
            source,
        })
}

/// Lists the files of `day` by the SHA-256 that they were just burnt with, if staging has listed them otherwise.
pub(super) fn settle_list(
    job: &Store<'_>,
    day: &StagedDay,
    digests: &dyn Fn(&[u8]) -> Option<Digest>,
) -> Result<(), StoreError> {
    let settled = day.daily.list_by_sha256(digests, job.ids);
    settled.map_err(|source| StoreError::Mark {
        day: day.day(),
        source,
    })
}

/// Takes the mark of the day back: the disc that it may be on is erased next.
pub(super) fn unmark(day: &StagedDay) -> Result<(), StoreError> {
    let unmarked = day.daily.take_from_disc();
    unmarked.map_err(|source| StoreError::Unmark {
        day: day.day(),
        source,
    })
}

/// What the mark of a day says of the newest session of `disc`; `None` on a blank one.
fn newest_words(disc: &Disc) -> Option<String> {
    let newest = disc.newest()?;
    Some(format!(
        "{}\nsession {}, sectors {} to {}\n",
        text(&newest.label).escape_debug(),
        disc.sessions.len(),
        newest.start,
        newest.end
    ))
}

/// Whether a day that was marked as stored with the text `mark` is in the newest session of `disc`.
pub fn is_newest_on(disc: &Disc, mark: &str) -> bool {
    newest_words(disc).is_some_and(|words| mark.starts_with(&words))
}

/// The same, and it came there when its week was rebuilt.
pub fn is_rebuilt_on(disc: &Disc, mark: &str) -> bool {
    is_newest_on(disc, mark) && mark.lines().last() == Some(REBUILT)
}

/// Reads every session of the disc, and the lists of the staged days, into the catalog, which counts as filled then. A
/// drive that cannot be used is an error. What cannot be read besides is told, and hinders nothing: the catalog is a cache.
pub(super) fn recall(job: &mut Store<'_>) -> Result<Recalled, StoreError> {
    let mut recalled = Recalled::default();
    if let Some(disc) = job.drive.inspect()?.filter(|disc| !disc.is_blank()) {
        let medium = job.drive.open()?;
        recalled.sessions = sessions(job, &disc, &*medium);
    }
    let mut whole = true;
    let days = job.staging.days().unwrap_or_else(|error| {
        let problem = Problem::with_file(job.staging.root(), &error);
        job.monitor.problem(&problem);
        Vec::new()
    });
    for daily in days {
        let list = match daily.sums() {
            Ok(Some(list)) => list,
            Ok(None) => continue,
            Err(error) => {
                let reason = format!("the catalog does not know what is staged there: {error}");
                let problem = Problem::with_file(daily.path(), &reason);
                job.monitor.problem(&problem);
                continue;
            }
        };
        let mut rows = Vec::new();
        for (name, digest) in by_sha256(&list) {
            use std::os::unix::ffi::OsStrExt as _;
            let path = daily.path().join(std::ffi::OsStr::from_bytes(name));
            if let Ok(metadata) = std::fs::metadata(path) {
                rows.push(FileRow {
                    day: daily.day(),
                    name: name.to_vec(),
                    bytes: metadata.len(),
                    digest: *digest.as_bytes(),
                });
            }
        }
        let noted = job.catalog.record_staged(&rows);
        whole &= noted.is_ok();
        tell(job, noted);
        recalled.staged_days += 1;
    }
    if whole {
        let noted = job.catalog.filled();
        tell(job, noted);
    }
    Ok(recalled)
}

/// Reads the sessions of `disc` into the catalog; gives how many it could.
fn sessions(job: &mut Store<'_>, disc: &Disc, medium: &dyn ReadAt) -> usize {
    let unknown = |job: &Store<'_>, what: &str, error: &dyn std::fmt::Display| {
        let reason = format!("the catalog does not know what is {what}: {error}");
        let problem = Problem::with_file(job.drive.place(), &reason);
        job.monitor.problem(&problem.advise(
            "a later session has what an earlier one had; `cback disc info` says what can be read",
        ));
    };
    let Some(id) = disc.identity(medium) else {
        unknown(job, "on it", &"its first session cannot be read");
        return 0;
    };
    let row = row(job, id, disc);
    let mut known = 0;
    for (number, session) in (1..).zip(&disc.sessions) {
        let tree = Volume::open(medium, session.start).and_then(|volume| volume.tree());
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => {
                unknown(job, &format!("in session {number}"), &error);
                continue;
            }
        };
        let noted = SessionRow {
            number,
            start: session.start,
            end: session.end,
            label: text(&session.label),
            // The time is not on the disc's list; the order of the sessions is what counts.
            burnt: disc.begun().map_or(0, seconds) + i64::from(number),
        };
        let noted = job
            .catalog
            .record_session(&row, &noted, &files(medium, &tree));
        tell(job, noted);
        known += 1;
    }
    known
}

fn seconds(day: Day) -> i64 {
    day.date()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp()
}

/// Every file of every day in `tree` that its day's list of digests names.
fn files(medium: &dyn ReadAt, tree: &Tree) -> Vec<FileRow> {
    let mut rows = Vec::new();
    for day in days(tree) {
        let root = day.path();
        let Some(list) = list(medium, tree, &root) else {
            continue;
        };
        for (name, digest) in by_sha256(&list) {
            use std::os::unix::ffi::OsStrExt as _;
            let path = root.join(std::ffi::OsStr::from_bytes(name));
            if let Some(Kind::File(content)) = tree.lookup(path).map(|node| node.kind) {
                rows.push(FileRow {
                    day,
                    name: name.to_vec(),
                    bytes: content.bytes(),
                    digest: *digest.as_bytes(),
                });
            }
        }
    }
    rows
}

/// What `list` lists by SHA-256: the catalog knows of what is on discs, and what is listed otherwise is on none.
fn by_sha256(list: &Sums) -> impl Iterator<Item = (&[u8], Digest)> {
    let listed = list.iter();
    listed.filter_map(|(name, proof)| Some((name, proof.sha256()?)))
}

/// The days that have a directory in `tree`, ascending.
pub fn days(tree: &Tree) -> Vec<Day> {
    let mut days = Vec::new();
    let names = |path: &str| -> Vec<String> {
        tree.list(path)
            .into_iter()
            .flatten()
            .filter(|(_, node)| node.is_directory())
            .filter_map(|(name, _)| std::str::from_utf8(name).ok().map(str::to_owned))
            .collect()
    };
    for year in names("") {
        for month in names(&year) {
            for of_month in names(&format!("{year}/{month}")) {
                if let Ok(day) = format!("{year}/{month}/{of_month}").parse() {
                    days.push(day);
                }
            }
        }
    }
    days
}

fn list(medium: &dyn ReadAt, tree: &Tree, root: &Path) -> Option<Sums> {
    use std::io::Read as _;
    let node = tree.lookup(root.join(sums::FILE_NAME))?;
    let Kind::File(Content::Old(extents)) = &node.kind else {
        return None;
    };
    let mut text = Vec::new();
    FileReader::new(medium, extents)
        .take(super::kept::LIST_MAX)
        .read_to_end(&mut text)
        .ok()?;
    Sums::parse(&text).ok()
}
