//! What is lost with a disc that is blanked: named before it happens.
//!
//! The rules of the configuration may blank a disc that holds the only copy of something; that is how a
//! week's disc is used again. Nobody shall learn of it on the worst day of the year.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::steps::Previous;
use super::{Store, record};
use crate::event::{Tell as _, printable};
use crate::iso9660::{Kind, Tree};
use crate::media::Disc;
use crate::units::{Day, PeerName};

/// Warns of everything on the disc that is neither staged nor on another disc. `id` is the disc's in the
/// catalog.
pub(super) fn warn(job: &Store<'_>, disc: &Disc, previous: Option<&Previous>, id: Option<&str>) {
    let label = disc.label().unwrap_or_default().escape_ascii().to_string();
    if !crate::media::is_ours(disc.label().unwrap_or_default()) {
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
    let days = record::days(&previous.tree);
    let lost: Vec<String> = days
        .iter()
        .filter_map(|&day| {
            let peers = only_here(job, &previous.tree, day, id);
            (!peers.is_empty()).then(|| format!("{day} ({})", peers.join(", ")))
        })
        .collect();
    if !lost.is_empty() {
        job.monitor.warn(format!(
            "with the disc labelled `{label}`, the only known copy is erased of: {}",
            lost.join("; ")
        ));
    }
    let staged: Vec<String> = days
        .iter()
        .filter(|&&day| job.staging.daily(day).is_staged().unwrap_or(false))
        .filter(|&&day| {
            let copies = job.catalog.copies(day, None).unwrap_or_default();
            copies.iter().all(|copy| Some(copy.disc.id.as_str()) == id)
        })
        .map(ToString::to_string)
        .collect();
    if !staged.is_empty() {
        job.monitor.note(format!(
            "of these days, only the staged copy remains, until it is purged: {}",
            staged.join(", ")
        ));
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
        if missing
            .iter()
            .any(|file| !elsewhere(job, day, peer, file, id))
        {
            peers.push(printable(&String::from_utf8_lossy(peer)));
        }
    }
    peers
}

/// The files in the directory `there` of the disc that are not, with the same length, in `here`.
fn missing(tree: &Tree, there: &Path, here: &Path) -> Vec<Vec<u8>> {
    let mut missing = Vec::new();
    for (name, node) in tree.list(there).into_iter().flatten() {
        let path = here.join(std::ffi::OsStr::from_bytes(name));
        let staged = std::fs::symlink_metadata(path).ok();
        let same = match &node.kind {
            Kind::File(content) => staged.is_some_and(|file| file.len() == content.bytes()),
            _ => staged.is_some(),
        };
        if !same {
            missing.push(name.to_vec());
        }
    }
    missing
}

/// Whether the catalog knows the file on another disc.
fn elsewhere(job: &Store<'_>, day: Day, peer: &[u8], file: &[u8], id: Option<&str>) -> bool {
    let Some(peer) = std::str::from_utf8(peer)
        .ok()
        .and_then(|peer| peer.parse::<PeerName>().ok())
    else {
        return false;
    };
    let name = [format!("{peer}/").as_bytes(), file].concat();
    job.catalog
        .copies(day, Some(&peer))
        .unwrap_or_default()
        .iter()
        .any(|copy| Some(copy.disc.id.as_str()) != id && copy.file.name == name)
}
