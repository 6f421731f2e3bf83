//! Going on from Cedar Backup's last run: its digest file says which files its archives have.
//!
//! A file is kept where Cedar Backup put it if its SHA-1 is the recorded one, and nothing else about it can have
//! changed or been left out: one name, no attribute changed since, no extended attributes (those archives have none).
//! Everything else is archived again. No digest is used if an archive of the source lies there that was
//! never staged: what the digests call saved may be in it. Then everything is collected.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use std::os::fd::AsFd as _;

use chrono::{DateTime, Local};

use super::attributes::{extended, is_before};
use super::content::{Body, whole};
use super::outputs::with_extension;
use super::snapshot::{self, Head, Output, Snapshot};
use super::{Request, STAGE_INDICATOR};
use crate::archive::Timestamp;
use crate::archive::manifest::{self, Stored};
use crate::event::{Monitor, Tell as _, printable_path};
use crate::fsx::Fate;
use crate::legacy::{Digests, Sha1, digests_path};
use crate::select::Stat;
use crate::units::{Day, Digest};

/// How Cedar Backup's archives of a source can be called.
const ARCHIVES: [&str; 3] = ["tar", "tar.gz", "tar.bz2"];

/// When the master staged what is in the collect directory, if it left word. To be asked before indicators go.
pub(super) fn staged_at(collect_dir: &Path) -> Option<SystemTime> {
    let stat = std::fs::metadata(collect_dir.join(STAGE_INDICATOR)).ok()?;
    stat.modified().ok()
}

/// What Cedar Backup knew of a source.
pub(super) struct Takeover {
    digests: Digests,
    /// Stands for its last collection.
    head: Head,
    /// Where the files are that did not change.
    pub stored: Arc<Stored>,
}

impl Takeover {
    /// What can be taken over of the source with that stem; nothing if there is none, or if there is a doubt
    /// whether it was staged.
    pub fn find(
        request: &Request<'_>,
        stem: &OsStr,
        staged_at: Option<SystemTime>,
        monitor: &dyn Monitor,
    ) -> Option<Self> {
        let path = digests_path(request.working_dir, stem);
        let digests = match Digests::load(&path) {
            Ok(digests) => digests?,
            Err(error) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                monitor.warn(format!("{error}{cause}; everything is collected instead"));
                return None;
            }
        };
        let pending = Snapshot::head(&snapshot::pending_path(request.working_dir, stem)).ok()?;
        if pending.as_ref().is_some_and(|head| head.full == head.day) {
            return None; // everything was collected already, and that is not staged either
        }
        let ours = pending.and_then(|head| head.archive);
        if let Some(name) = unstaged(request, stem, staged_at, ours.as_ref()) {
            monitor.warn(format!(
                "{}, by Cedar Backup, was not staged; everything is collected again",
                printable_path(request.collect_dir.join(name))
            ));
            return None;
        }
        let day = |time| Day::from(DateTime::<Local>::from(time).date_naive());
        let written = digests.written();
        let manifest = Output {
            name: with_extension(stem, manifest::EXTENSION),
            proof: Digest([0; 32]).into(),
        };
        let head = Head {
            day: day(written),
            // Cedar Backup forgets its digests at the start of the week.
            full: day(written).latest(request.start),
            created: timestamp(written),
            staged: staged_at.filter(|at| *at >= written).map(day),
            manifest,
            archive: None,
            body: Digest([0; 32]).into(),
        };
        let goes_on = if head.full < request.day.latest(request.start) {
            "which is before this week; everything is collected"
        } else {
            "only what differs from it is collected"
        };
        monitor.note(format!(
            "Cedar Backup's {} is of {}: {goes_on}",
            printable_path(&path),
            head.day
        ));
        Some(Self {
            stored: Arc::new(Stored::by_cedar(head.day, stem)),
            digests,
            head,
        })
    }

    /// What it was about, as far as it can be told.
    pub fn facts(&self) -> &Head {
        &self.head
    }

    /// Whether an archive of Cedar Backup's has the file at `path`, which `stat` describes: if so, what it has to be
    /// compared with.
    pub fn recorded(&self, path: &Path, stat: &Stat) -> Option<Sha1> {
        let is_settled = stat.links == 1 && !is_after(stat.ctime, self.head.created);
        is_settled.then(|| self.digests.get(&Path::new("/").join(path)))?
    }
}

/// An archive of Cedar Backup's that lies in the collect directory and was not staged at `staged_at`, for all that can be told;
/// `ours` is none of Cedar Backup's.
fn unstaged(
    request: &Request<'_>,
    stem: &OsStr,
    staged_at: Option<SystemTime>,
    ours: Option<&Output>,
) -> Option<OsString> {
    ARCHIVES.into_iter().find_map(|extension| {
        let name = with_extension(stem, extension);
        if ours.is_some_and(|ours| ours.name == name) {
            return None;
        }
        let written = match std::fs::metadata(request.collect_dir.join(&name)) {
            Ok(stat) => stat.modified().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => None,
        };
        (written.is_none() || written > staged_at).then_some(name)
    })
}

/// The SHA-256 of the open `file`, which `stat` describes, if its content is the `recorded` one and there is nothing
/// that Cedar Backup would have left out. `tell` hears how many of its bytes are done.
pub(super) fn unchanged(
    file: &File,
    stat: &Stat,
    recorded: Sha1,
    tell: &dyn Fn(u64),
) -> Option<Digest> {
    if !extended(file.as_fd()).is_ok_and(|extended| extended.is_empty()) {
        return None;
    }
    let all = whole(stat.size);
    let mut body = Body::new(file, &all, stat.size, tell);
    let (found, read) = Sha1::of(|mut hash| io::copy(&mut body, &mut hash));
    let (digest, fate) = body.finish();
    let after = Stat::of(file).ok()?;
    let settled = (after.size, after.mtime, after.ctime) == (stat.size, stat.mtime, stat.ctime);
    (read.is_ok() && settled && fate == Fate::Whole && found == recorded).then_some(digest)
}

fn is_after(time: (i64, u32), then: Timestamp) -> bool {
    let now = Timestamp {
        seconds: time.0,
        nanos: time.1,
    };
    now != then && !is_before(time, std::time::Duration::ZERO, then)
}

/// A time before 1970 is 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: since.subsec_nanos(),
    }
}
