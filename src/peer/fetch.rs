//! All of a peer's files, over whatever way: what is claimed, what is there, what comes, what is missing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::earlier::{Found, take_over};
use super::limits::Watched;
use super::transport::{Entry, Job, Listing, Refused, Transport, is_wanted};
use super::{COLLECTED, Fetched, PeerError, Target};
use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::sums::{Proof, Sums};
use crate::units::PeerName;

/// Whose files go where.
pub(super) struct Order<'a> {
    pub(super) name: &'a PeerName,
    pub(super) collect_dir: &'a Path,
    pub(super) target: &'a Target<'a>,
}

/// Fetches as [`Peer::fetch`](super::Peer::fetch) promises.
pub(super) fn fetch(
    order: &Order<'_>,
    transport: &dyn Transport,
    monitor: &dyn Monitor,
) -> Result<Fetched, PeerError> {
    let dir = order.collect_dir;
    let target = order.target;
    let limits = Watched::new(target.limits);
    let Some(collected) = transport.collected(&limits)? else {
        return Err(PeerError::Changing(dir.to_owned()));
    };
    let claimed = claimed(&collected.text, &dir.join(COLLECTED), monitor);
    let Listing {
        entries,
        mut refused,
    } = transport.list(target.into, &limits)?;
    limits.files(entries.len() + refused.len())?;
    let entries = plain_names(entries, &mut refused);
    let needed = entries
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
    limits.bytes(needed)?;
    refused.extend(missing(&claimed, &entries, &refused));
    let (there, entries) = earlier(target, entries, &claimed)?;
    let mut sums = Sums::new();
    for (entry, proof) in &there {
        sums.insert(entry.name.as_bytes(), *proof);
    }
    let linked = there.iter().map(|(entry, _)| entry.bytes).sum();
    let come = Come {
        limits: &limits,
        claimed: &claimed,
        needed,
        linked,
    };
    let (sums, mut refused) = come.get(order, transport, &entries, (sums, refused), monitor)?;
    refused.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (name, reason) in &refused {
        tell(monitor, &dir.join(name), reason);
    }
    transport.unchanged()?;
    if sums.is_empty() {
        return Err(PeerError::Nothing(dir.to_owned()));
    }
    let kept = |name: &OsStr| sums.get(name.as_bytes()).is_some();
    let bytes = there
        .iter()
        .map(|(entry, _)| entry)
        .chain(&entries)
        .filter(|entry| kept(&entry.name))
        .map(|entry| entry.bytes)
        .sum();
    Ok(Fetched { sums, bytes })
}

/// What an earlier fetch has brought already, with digests, and what has to come.
fn earlier(target: &Target<'_>, entries: Vec<Entry>, claimed: &Sums) -> Result<Found, PeerError> {
    let Some(earlier) = target.earlier else {
        return Ok((Vec::new(), entries));
    };
    let found = take_over(entries, claimed, earlier, target.into);
    found.map_err(|source| PeerError::Unwritable {
        path: target.into.to_owned(),
        source,
    })
}

/// Names that are not staged, and why.
type Left = Vec<(OsString, Refused)>;

/// What is known when files begin to come.
struct Come<'a> {
    limits: &'a Watched,
    /// The digests that they should have.
    claimed: &'a Sums,
    /// Bytes in all.
    needed: u64,
    /// Bytes of those that need not come.
    linked: u64,
}

impl Come<'_> {
    /// Brings the files of `entries`. What came, and what did not, is added to what is known.
    fn get(
        &self,
        order: &Order<'_>,
        transport: &dyn Transport,
        entries: &[Entry],
        (sums, refused): (Sums, Left),
        monitor: &dyn Monitor,
    ) -> Result<(Sums, Left), PeerError> {
        let task = format!("staging {}", order.name);
        let came = AtomicU64::new(self.linked);
        let (sums, refused) = (Mutex::new(sums), Mutex::new(refused));
        let progress = |more| {
            let done = came.fetch_add(more, Ordering::Relaxed) + more;
            monitor.observe(&Event::Progress(Progress {
                task: &task,
                done,
                total: Some(self.needed),
                files: None,
            }));
            self.limits.bytes(done)
        };
        // What comes once more is still there only once.
        let in_vain = |bytes| {
            came.fetch_sub(bytes, Ordering::Relaxed);
        };
        let done = |entry: &Entry, outcome: Result<Proof, Refused>| match outcome {
            Ok(proof) => {
                locked(&sums).insert(entry.name.as_bytes(), proof);
            }
            Err(reason) => locked(&refused).push((entry.name.clone(), reason)),
        };
        let outcome = transport.get(&Job {
            entries,
            into: order.target.into,
            limits: self.limits,
            claimed: self.claimed,
            ids: order.target.ids,
            progress: &progress,
            in_vain: &in_vain,
            done: &done,
        });
        monitor.observe(&Event::ProgressEnd(&task));
        outcome.map_err(|error| match error {
            PeerError::Full { path, .. } => PeerError::Full {
                path,
                needed: self.needed,
            },
            error => error,
        })?;
        Ok((into_inner(sums), into_inner(refused)))
    }
}

/// The entries that can be files of one directory, each name once; the others are refused.
fn plain_names(entries: Vec<Entry>, refused: &mut Vec<(OsString, Refused)>) -> Vec<Entry> {
    let mut seen = std::collections::HashSet::new();
    let (plain, odd): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| is_plain(&entry.name) && seen.insert(entry.name.clone()));
    refused.extend(odd.into_iter().map(|entry| (entry.name, Refused::Name)));
    plain
}

/// Whether `name` leads nowhere but to a file of its own in the directory.
fn is_plain(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    is_wanted(name)
        && (1..=255).contains(&bytes.len())
        && !bytes.contains(&b'/')
        && !bytes.contains(&0)
}

/// The digests that the peer says it collected; none if `cback.collect` is not ours, or damaged.
fn claimed(text: &[u8], path: &Path, monitor: &dyn Monitor) -> Sums {
    Sums::parse(text).unwrap_or_else(|error| {
        let mut lines = text.split(|byte| *byte == b'\n');
        if lines.any(|line| Sums::parse(line).is_ok_and(|one| !one.is_empty())) {
            let reason = format!(
                "the list of what was collected is damaged: {error}; what is there is staged, and nobody knows whether it is \
                 whole"
            );
            monitor.problem(
                &Problem::with_file(path, &reason)
                    .advise("run `cback collect` on the peer, then `cback stage` again"),
            );
        } else {
            // Somebody else's indicator.
            monitor.note(format!(
                "{}: {error}; its text is not used",
                event::printable_path(path)
            ));
        }
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
        Refused::Name => problem.advise("look at that machine: no file system allows such a name"),
        Refused::NotRegular(_) => problem.advise(
            "a collect directory holds archives; move this away, or collect it as a source",
        ),
        Refused::Missing | Refused::Different => {
            problem.advise("run `cback collect` on the peer, or the extension that makes it, then `cback stage` again")
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused_and_each_comes_once() {
        let long = "n".repeat(256);
        let names: [&[u8]; 12] = [
            b"etc.tar.gz",
            b"..",
            b"a/b",
            b"/etc/passwd",
            b"../alpha/etc.tar.gz",
            b"",
            b"nul\0",
            long.as_bytes(),
            b"cback.stage",
            b".x.partial",
            b"etc.tar.gz",
            b"odd \x1b[2J\n\xff",
        ];
        let entries = names.map(|name| Entry {
            name: OsStr::from_bytes(name).to_owned(),
            bytes: 1,
            mark: None,
        });
        let mut refused = Vec::new();
        let plain = plain_names(entries.into(), &mut refused);
        let plain: Vec<&[u8]> = plain.iter().map(|entry| entry.name.as_bytes()).collect();
        assert_eq!(plain, [names[0], names[11]]);
        assert_eq!(refused.len(), 10);
    }
}
