//! Why there is no recipe, with what would help: what could not be read, and, of a path that is not in the state that was
//! asked for, when it was there last.
//!
//! To find that out the manifests of all earlier days may have to be read, the latest first. Only lines are looked at, not
//! what they say; of sources that do not have the path only if nothing is there that may have been meant.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::archive::manifest::{self, ManifestError};
use crate::event::{Event, Monitor, Progress, Tell as _, count, printable_path};
use crate::units::Day;

use super::find::{Finder, Found};
use super::planning::{self, Unplanned};
use super::shelf::Shelf;
use super::wanted;
use super::{Request, RestoreError, tell};

const TASK: &str = "looking into earlier backups";
/// More manifests than this take a while, and that is told.
const MANY: usize = 20;

/// The reason in `unplanned`, for `request` on `shelves`; what could not be read is told.
pub fn explain(
    unplanned: Unplanned,
    request: &Request,
    shelves: &[Shelf],
    monitor: &dyn Monitor,
) -> RestoreError {
    let Unplanned { error, troubles } = unplanned;
    let advice = "what is not found may be in there; another copy may be on another disc";
    tell::unreadable(&troubles, shelves, advice, monitor);
    let RestoreError::NoSuchPath {
        path,
        as_of,
        advice,
    } = error
    else {
        return error;
    };
    let advice = match last_seen(request, shelves, &path, &advice, monitor) {
        Some(day) => format!("it was there on {day}; to restore that, add --as-of {day}"),
        None => advice,
    };
    RestoreError::NoSuchPath {
        path,
        as_of,
        advice,
    }
}

/// The last day before the one that is asked for of which a backup has `path`. `meanwhile` is told if it takes long.
fn last_seen(
    request: &Request,
    shelves: &[Shelf],
    path: &Path,
    meanwhile: &str,
    monitor: &dyn Monitor,
) -> Option<Day> {
    let finder = Finder::new(shelves);
    let peers = planning::peers(request, &finder).ok()?;
    let readings = |found: &Found| {
        let peer = OsStr::new(found.copy.item.peer.as_str());
        wanted::readings(path, (peers.len() > 1).then_some(peer))
    };
    let is_of = |found: &Found, name: &Path| {
        let source = &found.header.source;
        let source = source.strip_prefix("/").unwrap_or(source);
        name.starts_with(source) || source.starts_with(name)
    };
    let mut manifests: Vec<(Found, Vec<PathBuf>)> = finder
        .history(&peers, request.as_of)
        .map(|found| {
            let names = readings(&found);
            (found, names)
        })
        .collect();
    // What a link led to may be in a source that is elsewhere.
    let own = |(found, names): &(Found, Vec<PathBuf>)| names.iter().any(|name| is_of(found, name));
    if manifests.iter().any(own) {
        manifests.retain(own);
    }
    if manifests.len() > MANY {
        let number = count(manifests.len() as u64, "earlier manifest");
        monitor.warn(format!(
            "`{}` is not there ({meanwhile}); looking for it in {number}, which takes a while",
            printable_path(path)
        ));
    }
    let found = search(shelves, &manifests, monitor);
    drop(manifests);
    tell::unreadable(
        &finder.into_troubles(),
        &[],
        "it may have been there",
        monitor,
    );
    found
}

/// The day of the first of `manifests` that has a line for one of the names beside it.
fn search(
    shelves: &[Shelf],
    manifests: &[(Found, Vec<PathBuf>)],
    monitor: &dyn Monitor,
) -> Option<Day> {
    let length = |found: &Found| {
        let copy = &found.copy;
        shelves[copy.shelf].length(&copy.item).unwrap_or(0)
    };
    let total = manifests.iter().map(|(found, _)| length(found)).sum();
    let mut done = 0;
    let mut day = None;
    for (found, names) in manifests {
        monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done,
            total: Some(total),
            files: None,
        }));
        let packed = shelves[found.copy.shelf].read(&found.copy.item);
        let has = packed.map_err(ManifestError::from);
        let has = has.and_then(|packed| manifest::mentions(packed, names));
        // One that is cut short has nothing more to say.
        if has.unwrap_or(false) {
            day = Some(found.header.day);
            break;
        }
        done += length(found);
    }
    monitor.observe(&Event::ProgressEnd(TASK));
    day
}
