//! What is lost with a disc that is blanked: named before it happens.
//!
//! The rules of the configuration may blank a disc that holds the only copy of something; that is how a
//! week's disc is used again. Nobody shall learn of it on the worst day of the year.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::found::Previous;
use super::{Store, record};
use crate::catalog::{CopyRow, DiscRow};
use crate::event::{Problem, Tell as _, printable};
use crate::iso9660::{Kind, Tree};
use crate::media::{self, Disc};
use crate::units::{Day, PeerName};

/// Names everything on the disc that is not on another disc, but for the days `anew`, which are about to be burnt
/// again. `id` is the disc's in the catalog.
pub(super) fn warn(
    job: &Store<'_>,
    disc: &Disc,
    previous: Option<&Previous>,
    id: Option<&str>,
    anew: &[Day],
) {
    let label = disc.label().unwrap_or_default().escape_ascii().to_string();
    if !media::is_ours(disc.label().unwrap_or_default()) {
        job.monitor.warn(format!(
            "the disc labelled `{label}` is none of this backup's; everything on it is erased"
        ));
        return;
    }
    let Some(previous) = previous else {
        job.monitor.warn(format!(
            "the disc labelled `{label}` is erased; what is on it could not be listed"
        ));
        return;
    };
    // What is collected in a week builds on what was collected before in that week.
    let week = job.today.latest(job.starting_day);
    let mut lost = Named::default();
    let mut remains = Named::default();
    for day in record::days(&previous.tree) {
        if anew.contains(&day) {
            continue;
        }
        let peers = only_here(job, &previous.tree, day, id);
        if !peers.is_empty() {
            lost.add(format!("{day} ({})", peers.join(", ")), day >= week);
        } else if job.staging.daily(day).is_staged().unwrap_or(false) {
            let copies = job.catalog.copies(day, None).unwrap_or_default();
            if copies.iter().all(|copy| Some(copy.disc.id.as_str()) == id) {
                remains.add(day.to_string(), day >= week);
            }
        }
    }
    let disc = format!("the disc labelled `{label}`");
    lost.tell(
        job,
        &disc,
        "with it, the only known copy is erased of",
        "what was collected since then this week builds on it; run `cback --full collect`, then stage and store",
    );
    remains.tell(
        job,
        &disc,
        "it is erased, and only the staged copy remains, until it is purged, of",
        "run `cback rebuild` to have this week on the disc",
    );
}

/// Tells if the disc that is a file is not there any more: perhaps its file system is not mounted, and a new disc
/// is about to be begun in the empty directory.
pub(super) fn missed(job: &Store<'_>) {
    let place = job.drive.place();
    if !matches!(place.try_exists(), Ok(false)) {
        return;
    }
    let discs = job.catalog.discs().unwrap_or_default();
    let was = |disc: &&DiscRow| disc.place == place && media::is_ours(disc.label.as_bytes());
    if let Some(disc) = discs.iter().rev().find(was) {
        let label = printable(&disc.label);
        let reason =
            format!("the disc labelled `{label}` is not there any more; a new one is begun");
        let advice = "if it is not mounted, mount it, and remove `cback.store` from the days that were stored here";
        job.monitor
            .problem(&Problem::with_file(place, &reason).advise(advice));
    }
}

/// Days, in words.
#[derive(Default)]
struct Named {
    days: Vec<String>,
    /// Whether one of them is of this week.
    matters: bool,
}

impl Named {
    fn add(&mut self, day: String, matters: bool) {
        self.days.push(day);
        self.matters |= matters;
    }

    /// Says that `what` is so of these days: a problem if one is of this week, else what is usual every week.
    fn tell(&self, job: &Store<'_>, disc: &str, what: &str, advice: &str) {
        let text = format!("{what}: {}", self.days.join("; "));
        if self.matters {
            job.monitor
                .problem(&Problem::new(disc, &text).advise(advice));
        } else if !self.days.is_empty() {
            job.monitor.warn(format!("{disc}: {text}"));
        }
    }
}

/// The peers of `day` of which something is on this disc only.
fn only_here(job: &Store<'_>, tree: &Tree, day: Day, id: Option<&str>) -> Vec<String> {
    let root = day.path();
    let staged = job.staging.daily(day);
    let mut peers = Vec::new();
    for (peer, node) in tree.list(&root).into_iter().flatten() {
        if !node.is_directory() {
            continue;
        }
        let name = std::ffi::OsStr::from_bytes(peer);
        let missing = missing(tree, &root.join(name), &staged.path().join(name));
        if !missing.is_empty() && !elsewhere(job, day, peer, &missing, id) {
            peers.push(printable(&String::from_utf8_lossy(peer)));
        }
    }
    peers
}

/// The files in the directory `there` of the disc that are not, with the same length, in `here`; with their lengths.
fn missing(tree: &Tree, there: &Path, here: &Path) -> Vec<(Vec<u8>, u64)> {
    let mut missing = Vec::new();
    for (name, node) in tree.list(there).into_iter().flatten() {
        let path = here.join(std::ffi::OsStr::from_bytes(name));
        let staged = std::fs::symlink_metadata(path).ok();
        let same = match &node.kind {
            Kind::File(content) => staged.is_some_and(|file| file.len() == content.bytes()),
            _ => staged.is_some(),
        };
        if !same {
            let bytes = match &node.kind {
                Kind::File(content) => content.bytes(),
                _ => 0,
            };
            missing.push((name.to_vec(), bytes));
        }
    }
    missing
}

/// Whether the catalog knows all of `files`, as they are on this disc, on others.
fn elsewhere(
    job: &Store<'_>,
    day: Day,
    peer: &[u8],
    files: &[(Vec<u8>, u64)],
    id: Option<&str>,
) -> bool {
    let Some(peer) = std::str::from_utf8(peer)
        .ok()
        .and_then(|peer| peer.parse::<PeerName>().ok())
    else {
        return false;
    };
    let copies = job.catalog.copies(day, Some(&peer)).unwrap_or_default();
    let is_here = |copy: &&CopyRow| Some(copy.disc.id.as_str()) == id;
    files.iter().all(|(file, bytes)| {
        let name = [format!("{peer}/").as_bytes(), file].concat();
        let of_name = || copies.iter().filter(|copy| copy.file.name == name);
        // The newest session has what the disc shows; a day that was stored twice has two digests.
        let own = of_name().filter(is_here).max_by_key(|copy| copy.session);
        of_name()
            .filter(|copy| !is_here(copy))
            .any(|copy| match own {
                Some(own) => copy.file.digest == own.file.digest,
                None => copy.file.bytes == *bytes,
            })
    })
}
