//! The manifest beside an archive: gzip'd mtree(5) text that says what a source contained at one moment,
//! and which archive holds the bytes of each thing.
//!
//! bsdtar lists a manifest, mtree(8) verifies a tree against it, and restoring needs nothing else to know
//! which archives to open and what is no longer there. What mtree has no keyword for rides in comments at
//! the top (`# key=value`), in `tags=`, and in a last comment that counts the entries, so that a manifest
//! that was cut short is noticed.
//!
//! ```text
//! #mtree
//! # cback-manifest 1
//! # source=/etc
//! # name=etc
//! # day=2026-11-21
//! # created=1795304023.572820582
//! # coverage=incremental
//! # archive=etc.tar.gz
//! /set type=file uid=0 gid=0 uname=root gname=root
//! . type=dir tags=above
//! ./etc type=dir mode=0755 time=1795304020.000000000 nlink=9 tags=in:2026-11-15/etc.tar.gz
//! ./etc/motd mode=0644 size=3 time=… nlink=1 sha256digest=98ea… tags=in:2026-11-21/etc.tar.gz
//! # entries=2
//! ```
//!
//! Tags: `in:DAY/ARCHIVE` where it is stored (`in:DAY/etc.sha`: in one of the archives `etc` that Cedar Backup made
//! until that day, before this program took over; its digest tells in which); `link:PATH` the earlier name of the same file; `torn:WHY` the
//! stored bytes are not those of one moment; `unsaved:WHY` nothing was stored; `above` a directory that is
//! only on the way to the source. Names and reasons in tags are escaped like file names.

mod lines;
mod mention;
mod read;
#[cfg(test)]
mod tests;
mod vis;
mod write;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Member, Timestamp};
use crate::units::{Day, Digest};

pub use mention::mentions;
pub use read::ManifestReader;
pub use vis::{escape, unescape};
pub use write::ManifestWriter;

/// The extension of a manifest beside its archive's stem.
pub const EXTENSION: &str = "mtree.gz";

/// How much of a source an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// Everything that the source contained.
    Full,
    /// What differs from the last collection that was staged.
    Incremental,
}

/// What a manifest is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Absolute path of what was collected.
    pub source: PathBuf,
    /// The stem that all archives of this source have, without `+2` and extension.
    pub name: OsString,
    /// The day of the collection.
    pub day: Day,
    /// When the collection began.
    pub created: Timestamp,
    /// How much the archive of this collection holds.
    pub coverage: Coverage,
    /// File name of the archive of this collection. There is none if nothing had to be stored in it, and
    /// then no entry names it.
    pub archive: OsString,
    /// If the source was split by levels and this is a part: the stem of the whole.
    pub whole: Option<OsString>,
    /// If the source was split by levels and this is the whole: stems of the parts that it had on this
    /// day. A part that is not named by the latest whole is no longer there.
    pub parts: Vec<OsString>,
}

/// An archive that somebody stored something in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stored {
    /// The day on which it was collected, which is where it is staged.
    pub day: Day,
    /// Its file name: `etc.tar.gz`.
    pub archive: OsString,
}

/// What the name of an archive ends in that stands for all of Cedar Backup's of a source.
const BY_CEDAR: &str = ".sha";

impl Stored {
    /// Some archive of the source with the stem `name` that Cedar Backup had made when it wrote its digests last, on
    /// `day`. Which one it is nobody knows before they are read.
    pub fn by_cedar(day: Day, name: &OsStr) -> Self {
        let mut archive = name.to_owned();
        archive.push(BY_CEDAR);
        Self { day, archive }
    }

    /// The stem of the archives that this stands for, if it is by [`Stored::by_cedar`].
    pub fn cedars(&self) -> Option<&OsStr> {
        use std::os::unix::ffi::OsStrExt as _;
        let stem = self.archive.as_bytes().strip_suffix(BY_CEDAR.as_bytes())?;
        Some(OsStr::from_bytes(stem))
    }
}

/// Where an entry's bytes and attributes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this archive, under the entry's path.
    Whole(Arc<Stored>),
    /// In this archive; but the file changed or failed while it was read, so that the bytes are not those
    /// of one moment. Says what happened.
    Torn(Arc<Stored>, String),
    /// Nowhere. Says why.
    Missing(String),
}

/// One thing that the source contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it was. `path` as in the archive, the top of the root directory being `.`; `extended` is always
    /// empty (the archive has it). A [`super::Kind::HardLink`] is a regular file that has an earlier name
    /// in this manifest; `size` is the file's.
    pub member: Member,
    /// How many names the file had.
    pub links: u64,
    /// SHA-256 of the stored bytes of a regular file, of hard links too.
    pub digest: Option<Digest>,
    /// Where it is stored.
    pub place: Place,
}

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes cannot be had or unpacked.
    #[error("the manifest cannot be read")]
    Io(#[from] io::Error),
    /// It is not a manifest of this program, or of a version that is not known.
    #[error("not a manifest that this version reads: {0}")]
    Incompatible(String),
    /// It is damaged.
    #[error("the manifest is damaged in line {line}: {reason}")]
    Corrupt {
        /// Number of the line from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It ends before its last line.
    #[error("the manifest is cut short after line {0}")]
    Truncated(u64),
}
