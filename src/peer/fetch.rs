//! All of a peer's files, over whatever way: what is claimed, what is there, what comes, what is missing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::transport::{Entry, Job, Listing, Refused, Transport};
use super::{COLLECTED, Fetched, PeerError};
use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::sums::{Digest, Sums};
use crate::units::{Ids, PeerName};

/// Whose files go where.
pub(super) struct Order<'a> {
    pub(super) name: &'a PeerName,
    pub(super) collect_dir: &'a Path,
    pub(super) into: &'a Path,
    pub(super) ids: Option<Ids>,
}

/// Fetches as [`Peer::fetch`](super::Peer::fetch) promises.
pub(super) fn fetch(
    order: &Order<'_>,
    transport: &dyn Transport,
    monitor: &dyn Monitor,
) -> Result<Fetched, PeerError> {
    let dir = order.collect_dir;
    let Some(collected) = transport.collected()? else {
        return Err(PeerError::Changing(dir.to_owned()));
    };
    let claimed = claimed(&collected.text, &dir.join(COLLECTED), monitor);
    let Listing {
        entries,
        mut refused,
    } = transport.list(order.into)?;
    let needed = entries.iter().map(|entry| entry.bytes).sum();
    refused.extend(missing(&claimed, &entries, &refused));

    let task = format!("staging {}", order.name);
    let came = AtomicU64::new(0);
    let sums = Mutex::new(Sums::new());
    let refused = Mutex::new(refused);
    let progress = |more| {
        monitor.observe(&Event::Progress(Progress {
            task: &task,
            done: came.fetch_add(more, Ordering::Relaxed) + more,
            total: Some(needed),
            files: None,
        }));
    };
    let done = |entry: &Entry, outcome: Result<Digest, Refused>| match outcome {
        Ok(digest) => {
            locked(&sums).insert(entry.name.as_bytes(), digest);
        }
        Err(reason) => locked(&refused).push((entry.name.clone(), reason)),
    };
    let outcome = transport.get(&Job {
        entries: &entries,
        into: order.into,
        claimed: &claimed,
        ids: order.ids,
        progress: &progress,
        done: &done,
    });
    monitor.observe(&Event::ProgressEnd(&task));
    outcome.map_err(|error| match error {
        PeerError::Full { path, .. } => PeerError::Full { path, needed },
        error => error,
    })?;
    let mut refused = into_inner(refused);
    refused.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (name, reason) in &refused {
        tell(monitor, &dir.join(name), reason);
    }
    transport.unchanged()?;
    let sums = into_inner(sums);
    if sums.is_empty() {
        return Err(PeerError::Nothing(dir.to_owned()));
    }
    let kept = |name: &OsStr| sums.get(name.as_bytes()).is_some();
    let bytes = entries
        .iter()
        .filter(|entry| kept(&entry.name))
        .map(|entry| entry.bytes)
        .sum();
    Ok(Fetched { sums, bytes })
}

/// The digests that the peer says it collected; none if `cback.collect` is not ours.
fn claimed(text: &[u8], path: &Path, monitor: &dyn Monitor) -> Sums {
    Sums::parse(text).unwrap_or_else(|error| {
        monitor.note(format!(
            "{}: {error}; its text is not used",
            event::printable(&path.to_string_lossy())
        ));
        Sums::new()
    })
}

/// What the peer says it collected and does not have.
fn missing(
    claimed: &Sums,
    entries: &[Entry],
    refused: &[(OsString, Refused)],
) -> Vec<(OsString, Refused)> {
    let there: std::collections::HashSet<&OsStr> = entries
        .iter()
        .map(|entry| entry.name.as_os_str())
        .chain(refused.iter().map(|(name, _)| name.as_os_str()))
        .collect();
    claimed
        .iter()
        .map(|(name, _)| OsStr::from_bytes(name))
        .filter(|name| !there.contains(name))
        .map(|name| (name.to_owned(), Refused::Missing))
        .collect()
}

fn tell(monitor: &dyn Monitor, path: &Path, refused: &Refused) {
    let problem = Problem::with_file(path, refused);
    monitor.problem(&match refused {
        Refused::NotRegular(_) => problem.advise(
            "a collect directory holds archives; move this away, or collect it as a source",
        ),
        Refused::Missing | Refused::Different => {
            problem.advise("run `cback collect` on the peer, then `cback stage` again")
        }
        Refused::Unreadable(_) => problem.advise("let the backup user read it, then stage again"),
    });
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
