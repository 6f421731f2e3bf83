//! What is in a drive.

use serde::Serialize;

use super::DiscError;
use crate::event::{Monitor, printable_bytes, printable_path};
use crate::iso9660::Volume;
use crate::media::{Appendable, Burn, Drive, SECTOR};

/// What can be done with a disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Nothing was ever written on it.
    Blank,
    /// Another session can follow.
    Appendable,
    /// None can.
    Closed,
}

/// A session, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionFacts {
    /// Its number, counted from 1.
    pub number: usize,
    /// Its first sector.
    pub start: u32,
    /// Its length in sectors.
    pub sectors: u32,
    /// Its volume identifier; what is no UTF-8 is replaced, what is not printable is escaped.
    pub label: String,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// Why it cannot be read, if so.
    pub trouble: Option<String>,
}

/// What is in a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The drive, or the file that is the disc.
    pub place: String,
    /// The kind of disc, in the configuration's word.
    pub kind: &'static str,
    /// What can be done with it.
    pub condition: Condition,
    /// Its sessions, oldest first.
    pub sessions: Vec<SessionFacts>,
    /// Bytes that sessions may have.
    pub capacity: u64,
    /// Bytes up to the end of the newest session, and between sessions.
    pub used: u64,
    /// Bytes that another session may have.
    pub free: u64,
    /// What the drive and the medium say about themselves, in pairs of a word and its value.
    pub details: Vec<(String, String)>,
}

/// Looks into a drive. A session that cannot be read is no error. A disc that is damaged as a whole is told to `monitor`; that
/// nothing at all can be found on it is an error.
pub fn survey(drive: &dyn Drive, monitor: &dyn Monitor) -> Result<Survey, DiscError> {
    let disc = super::look(drive, monitor)?;
    let medium = if disc.is_blank() {
        None
    } else {
        Some(drive.open()?)
    };
    let mut sessions = Vec::new();
    for (at, session) in disc.sessions.iter().enumerate() {
        let volume = medium.as_deref().map(|m| Volume::open(m, session.start));
        let (created, trouble) = match volume {
            Some(Ok(volume)) => (
                volume.created().map(|time| time.seconds),
                volume.trouble().map(|error| error.to_string()),
            ),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        sessions.push(SessionFacts {
            number: at + 1,
            start: session.start,
            sectors: session.end.saturating_sub(session.start),
            label: printable_bytes(&session.label),
            created,
            trouble,
        });
    }
    let mut details = drive.details()?;
    if disc.is_blank() && super::is_missing(drive) {
        let row = ("file", "none yet; it is made when the disc is burnt");
        details.push((row.0.to_owned(), row.1.to_owned()));
    }
    Ok(Survey {
        place: printable_path(drive.place()),
        kind: disc.kind.word(),
        condition: match (disc.is_blank(), disc.appendable) {
            (true, _) => Condition::Blank,
            (false, Appendable::Open) => Condition::Appendable,
            (false, Appendable::Closed) => Condition::Closed,
        },
        sessions,
        capacity: disc.size() * SECTOR,
        used: disc.used() * SECTOR,
        free: disc.available(Burn::Append) * SECTOR,
        details,
    })
}
