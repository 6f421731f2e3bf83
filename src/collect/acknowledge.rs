//! Which collections are known to have been staged.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::snapshot::{self, Head, Output, Snapshot};
use super::{COLLECT_INDICATOR, CollectError, STAGE_INDICATOR};
use crate::event::{Monitor, Tell as _, printable_path};
use crate::fsx;
use crate::sums::{self, Sums};
use crate::units::Day;

/// Looks whether the latest collections in `collect_dir` were staged, and if so lets later incrementals
/// build on them. The indicator `cback.stage` lists the digests of what was staged; an empty one, as Cedar
/// Backup writes it, counts if it is not older than `cback.collect`.
pub fn acknowledge(
    collect_dir: &Path,
    working_dir: &Path,
    monitor: &dyn Monitor,
) -> Result<(), CollectError> {
    let waiting = waiting(collect_dir, working_dir, monitor)?;
    for (stem, mut head) in waiting.heads {
        let pending = snapshot::pending_path(working_dir, &stem);
        if head.staged != waiting.day {
            head.staged = waiting.day;
            Snapshot::rewrite_head(&pending, &head)?;
        }
        let settled = snapshot::path(working_dir, &stem);
        fsx::rename_durably(&pending, &settled).map_err(|source| CollectError::Write {
            path: settled.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Collections that were staged, which is not noted yet.
#[derive(Default)]
pub(super) struct Waiting {
    /// In which day's directory they are, if the master said so.
    day: Option<Day>,
    /// Their stems and heads.
    pub heads: BTreeMap<OsString, Head>,
}

/// Which of the latest collections were staged. Looks only.
pub(super) fn waiting(
    collect_dir: &Path,
    working_dir: &Path,
    monitor: &dyn Monitor,
) -> Result<Waiting, CollectError> {
    let mut waiting = Waiting::default();
    let path = collect_dir.join(STAGE_INDICATOR);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(waiting),
        Err(source) => return Err(CollectError::Read { path, source }),
    };
    let staged = match Sums::parse(&text) {
        Ok(sums) if sums.is_empty() && !follows_collect(collect_dir) => return Ok(waiting),
        Ok(sums) => sums,
        Err(error) => {
            // Whoever wrote it says that it was staged, but not what: nothing is promoted.
            monitor.warn(format!(
                "{} is not a list of digests ({error}); what is in it counts as not staged",
                printable_path(path)
            ));
            return Ok(waiting);
        }
    };
    waiting.day = staged_on(&text);
    for name in read_dir(working_dir)? {
        let Some(stem) = snapshot::pending_stem(&name) else {
            continue;
        };
        match Snapshot::head(&working_dir.join(&name)) {
            Ok(Some(head)) if was_staged(&head, &staged) => {
                waiting.heads.insert(stem, head);
            }
            Ok(_) => {}
            Err(error) => {
                let advice = "the next collection replaces it";
                monitor.warn(format!("{error}; {advice}"));
            }
        }
    }
    Ok(waiting)
}

/// In which day's directory the files were staged; `None` if the master does not say so.
fn staged_on(text: &[u8]) -> Option<Day> {
    let mut lines = text.split(|&byte| byte == b'\n');
    let day = lines.find_map(|line| line.strip_prefix(sums::STAGED_ON.as_bytes()))?;
    std::str::from_utf8(day).ok()?.parse().ok()
}

/// An empty list names nothing and so says everything.
fn was_staged(head: &Head, staged: &Sums) -> bool {
    let is_listed = |output: &Output| staged.get(output.name.as_bytes()) == Some(output.proof);
    staged.is_empty() || (is_listed(&head.manifest) && head.archive.as_ref().is_none_or(is_listed))
}

/// Whether the stage indicator is not older than the collect indicator.
fn follows_collect(collect_dir: &Path) -> bool {
    let time =
        |name: &str| std::fs::metadata(collect_dir.join(name)).and_then(|stat| stat.modified());
    match (time(COLLECT_INDICATOR), time(STAGE_INDICATOR)) {
        (Ok(collected), Ok(staged)) => staged >= collected,
        _ => false,
    }
}

/// The names in `dir`, sorted.
pub(super) fn read_dir(dir: &Path) -> Result<Vec<std::ffi::OsString>, CollectError> {
    let read = || -> io::Result<Vec<_>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            names.push(entry?.file_name());
        }
        names.sort_unstable_by(|a: &std::ffi::OsString, b| OsStr::cmp(a, b));
        Ok(names)
    };
    read().map_err(|source| CollectError::Read {
        path: dir.to_owned(),
        source,
    })
}
