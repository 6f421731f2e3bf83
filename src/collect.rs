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
mod today;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use snapshot::fuzzing;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::claims::Place;
use crate::event::{Monitor, printable_path};
use crate::fsx;
use crate::sums::Sums;
use crate::units::{Day, Ids, Weekday};

pub use acknowledge::acknowledge;
pub use decide::{Decision, Full, Last, decide};
pub use preview::{Foreseen, preview};
pub use snapshot::SnapshotError;
pub use source::{Compare, Mode, Shape, Source};

use today::Today;

pub use crate::claims::COLLECTED as COLLECT_INDICATOR;
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
    /// Things that may have extended attributes, which could not be asked for. Told once.
    pub unasked: u64,
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
    let (mut sums, summary) = Today::new(request, granularity, staged_at, monitor).all()?;
    for (name, proof) in dumped(request).iter() {
        sums.insert(name, proof);
    }
    let path = request.collect_dir.join(COLLECT_INDICATOR);
    let write = || -> io::Result<()> {
        use std::io::Write as _;
        let mut file = fsx::AtomicFile::create(&path)?;
        file.write_all(&sums.to_text())?;
        file.commit(request.ids)
    };
    write().map_err(|source| CollectError::Write {
        path: path.clone(),
        source,
    })?;
    Ok(summary)
}

/// What dumps put beside the archives.
fn dumped(request: &Request<'_>) -> Sums {
    let place = Place {
        collect_dir: request.collect_dir,
        working_dir: request.working_dir,
    };
    place.noted(request.day)
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
