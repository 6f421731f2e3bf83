//! The tables, their version, and what to do with a file that has others.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::CatalogError;
use crate::fsx;

/// Raised with every change of the tables. There is no migration: a catalog is filled again.
const VERSION: i64 = 1;

/// The `application_id` of a catalog that was begun and not yet filled with what is staged and on the disc. It is 0
/// afterwards, as it always was in catalogs of earlier versions of this program.
const UNFILLED: i64 = 1;

/// Names are bytes, so they are blobs; days are `YYYY-MM-DD`, so that people can query them.
const TABLES: &str = "
    CREATE TABLE disc (
        id TEXT PRIMARY KEY, label TEXT NOT NULL, kind TEXT NOT NULL, place BLOB NOT NULL
    ) STRICT;
    CREATE TABLE session (
        disc TEXT NOT NULL REFERENCES disc ON DELETE CASCADE,
        number INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
        label TEXT NOT NULL, burnt INTEGER NOT NULL,
        PRIMARY KEY (disc, number)
    ) STRICT;
    CREATE TABLE copy (
        disc TEXT NOT NULL REFERENCES disc ON DELETE CASCADE,
        day TEXT NOT NULL, name BLOB NOT NULL, bytes INTEGER NOT NULL, digest BLOB NOT NULL,
        session INTEGER NOT NULL,
        PRIMARY KEY (disc, day, name, digest)
    ) STRICT;
    CREATE INDEX copy_day ON copy (day);
    CREATE TABLE staged (
        day TEXT NOT NULL, name BLOB NOT NULL, bytes INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (day, name)
    ) STRICT;";

/// Why a file could not be opened as a catalog.
pub(super) enum Fault {
    /// It is readable, and no sound catalog of this version.
    NoCatalog(String),
    /// Something that putting it aside would not cure.
    Other(rusqlite::Error),
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> CatalogError {
        let source = match self {
            Self::NoCatalog(reason) => {
                rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(11), Some(reason))
            }
            Self::Other(source) => source,
        };
        CatalogError::Database {
            path: path.to_owned(),
            source,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::NoCatalog(error.to_string())
            }
            _ => Self::Other(error),
        }
    }
}

/// Whether a catalog has been filled since it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Yes,
    /// The run that began it was killed before it had filled it, or could not.
    No,
    /// It was begun a moment ago.
    Begun,
}

fn is_filled(db: &Connection) -> rusqlite::Result<Filled> {
    let id: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(if id == UNFILLED {
        Filled::No
    } else {
        Filled::Yes
    })
}

/// Takes note that the catalog is filled.
pub(super) fn filled(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", 0)
}

/// Opens the file at `path` for reading only, and checks that it is sound.
pub(super) fn look(path: &Path) -> Result<(Connection, Filled), Fault> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if version == VERSION && verdict == "ok" {
        let filled = is_filled(&db)?;
        Ok((db, filled))
    } else {
        Err(Fault::NoCatalog(verdict))
    }
}

/// Opens the file at `path`, makes its tables if it is empty, and checks that it is sound.
pub(super) fn open(path: &Path) -> Result<(Connection, Filled), Fault> {
    let mut db = Connection::open(path)?;
    // The directory entry of the journal counts as much as its bytes: EXTRA syncs both.
    db.pragma_update(None, "synchronous", "EXTRA")?;
    db.pragma_update(None, "foreign_keys", true)?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (version, tables) {
        (VERSION, _) => {
            let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if verdict != "ok" {
                return Err(Fault::NoCatalog(verdict));
            }
        }
        (0, 0) => {
            let change = db.transaction()?;
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "user_version", VERSION)?;
            change.pragma_update(None, "application_id", UNFILLED)?;
            change.commit()?;
            return Ok((db, Filled::Begun));
        }
        (other, _) => {
            return Err(Fault::NoCatalog(format!(
                "it is of version {other}, and this program writes version {VERSION}"
            )));
        }
    }
    let filled = is_filled(&db)?;
    Ok((db, filled))
}

/// Renames the file to the first free one of `NAME.old`, `NAME.old2`, ... with its journal, which must
/// never be applied to another file.
pub(super) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |path: &Path, suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut aside = with(path, ".old");
    let mut number = 2;
    while aside.try_exists()? {
        aside = with(path, &format!(".old{number}"));
        number += 1;
    }
    for suffix in ["-journal", "-wal", "-shm"] {
        match std::fs::rename(with(path, suffix), with(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fsx::rename_durably(path, &aside)?;
    Ok(aside)
}
