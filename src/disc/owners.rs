//! Which file a sector belongs to.

use std::collections::BTreeSet;

use super::compare::Ranges;
use crate::event::printable_bytes;
use crate::iso9660::{Content, Kind, ReadAt, SECTOR, Volume};
use crate::media::Disc;

/// No more names are collected.
const MOST: usize = 10_000;

/// The files that lie in `ranges`, by what the sessions of `disc` say, sorted. What belongs to no file is named as a
/// session's descriptors and directories.
pub(super) fn owners(medium: &dyn ReadAt, disc: &Disc, ranges: &Ranges) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (at, session) in disc.sessions.iter().enumerate().rev() {
        let Ok(volume) = Volume::open(medium, session.start) else {
            continue;
        };
        let Ok((tree, _)) = volume.salvage() else {
            continue;
        };
        let mut files = session.end;
        for (path, node) in tree.walk() {
            let Kind::File(Content::Old(extents)) = &node.kind else {
                continue;
            };
            for extent in extents.iter().filter(|extent| extent.bytes > 0) {
                let first = u64::from(extent.sector);
                let last = first + (extent.bytes - 1) / SECTOR;
                if extent.sector >= session.start {
                    files = files.min(extent.sector);
                }
                if ranges.meets(first, last) && names.len() < MOST {
                    names.insert(printable_bytes(&path));
                }
            }
        }
        let (start, end) = (u64::from(session.start), u64::from(files));
        if end > start && ranges.meets(start, end - 1) {
            names.insert(format!("descriptors and directories of session {}", at + 1));
        }
    }
    names.into_iter().collect()
}
