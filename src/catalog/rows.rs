//! What the catalog knows, as plain values.

use std::path::PathBuf;

use crate::units::Day;

/// A disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscRow {
    /// What tells it from every other disc: made from its first session.
    pub id: String,
    /// The label of its newest session.
    pub label: String,
    /// The word of its kind: `dvd+r`.
    pub kind: String,
    /// Where it was last seen: a drive's device, or the file that it is.
    pub place: PathBuf,
}

/// A session on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Counted from 1.
    pub number: u32,
    /// Its first sector.
    pub start: u32,
    /// The sector after its last.
    pub end: u32,
    /// Its label.
    pub label: String,
    /// When it was burnt, in seconds since 1970.
    pub burnt: i64,
}

/// A file of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The day.
    pub day: Day,
    /// Its path in the daily directory: `PEER/NAME`.
    pub name: Vec<u8>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
}

/// A copy of a file of a day on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The file.
    pub file: FileRow,
    /// The disc.
    pub disc: DiscRow,
    /// The session that first held this copy, counted from 1.
    pub session: u32,
}

/// A copy that somebody who restores may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRow {
    /// The disc that it is on.
    pub disc: String,
    /// The label of that disc.
    pub label: String,
    /// Its path in the daily directory: `PEER/NAME`.
    pub name: Vec<u8>,
    /// Its day.
    pub day: Day,
}
