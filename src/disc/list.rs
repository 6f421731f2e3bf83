//! Listing a directory of a disc.

use std::path::Path;

use serde::Serialize;

use super::{DiscError, session, to_read};
use crate::event::{Monitor, printable_bytes, printable_path};
use crate::iso9660::{Kind, Node};
use crate::media::Drive;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the words say it
pub enum What {
    Directory,
    File,
    Link,
    Special,
}

/// An entry of a directory on a disc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its path on the disc; what is not printable is escaped.
    pub path: String,
    /// What it is.
    pub what: What,
    /// Its length in bytes; 0 for what is no file.
    pub bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification in seconds since 1970.
    pub mtime: i64,
    /// The first sector of a file's bytes.
    pub sector: Option<u32>,
    /// Where a link leads.
    pub target: Option<String>,
}

/// Gives `tell` every entry at and below `path` (the empty path is the root), in a session counted from 1, or the
/// newest one: with everything below, or a directory's own entries only. Sorted by bytes. What cannot be read is told to
/// `monitor`.
pub fn list(
    drive: &dyn Drive,
    number: Option<usize>,
    path: &Path,
    depth: Depth,
    monitor: &dyn Monitor,
    tell: &mut dyn FnMut(Entry),
) -> Result<(), DiscError> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let disc = to_read(drive, monitor)?;
    let medium = drive.open()?;
    let volume = session(drive, &disc, number, &*medium)?;
    let mut listing = volume
        .listing()
        .map_err(|source| super::unreadable(drive.place(), source))?;
    let mut is_found = path.as_os_str().is_empty();
    let mut is_lost = false;
    while let Some(found) = listing.next() {
        let (at, node) = match found {
            Ok(found) => found,
            Err(loss) => {
                is_lost |= super::is_below(path, &loss);
                super::lost(&loss, drive.place(), monitor);
                continue;
            }
        };
        let at = Path::new(OsStr::from_bytes(&at));
        let Ok(below) = at.strip_prefix(path) else {
            if !path.starts_with(at) {
                listing.pass_over();
            }
            continue;
        };
        is_found = true;
        let is_itself = below.as_os_str().is_empty();
        if depth == Depth::All || !is_itself || !node.is_directory() {
            tell(entry(at, &node));
        }
        if depth == Depth::Own && !is_itself {
            listing.pass_over();
        }
    }
    match (is_found, is_lost) {
        (true, _) => Ok(()),
        (false, true) => Err(DiscError::Lost(path.to_owned())),
        (false, false) => Err(DiscError::NoSuchFile(path.to_owned())),
    }
}

/// How deep a listing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A directory's own entries.
    Own,
    /// Everything below.
    All,
}

fn entry(path: &Path, node: &Node) -> Entry {
    let (what, bytes, sector, target) = match &node.kind {
        Kind::Directory => (What::Directory, 0, None, None),
        Kind::File(content) => (What::File, content.bytes(), first(content), None),
        Kind::Symlink(to) => {
            let to = printable_bytes(to);
            (What::Link, 0, None, Some(to))
        }
        Kind::Special(_) => (What::Special, 0, None, None),
    };
    Entry {
        path: printable_path(path),
        what,
        bytes,
        mode: node.meta.mode,
        uid: node.meta.uid,
        gid: node.meta.gid,
        mtime: node.meta.mtime.seconds,
        sector,
        target,
    }
}

fn first(content: &crate::iso9660::Content) -> Option<u32> {
    match content {
        crate::iso9660::Content::Old(extents) => extents.first().map(|extent| extent.sector),
        crate::iso9660::Content::New { .. } => None,
    }
}
