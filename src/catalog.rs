//! The catalog: which archive is on which disc. A cache; the bytes in staging and on discs are the truth.
//!
//! One `SQLite` file, compiled in. A file that is damaged, or of another version, is put aside and a fresh one
//! begins, which the caller then fills again from staging and discs. Hidden here: the schema, `SQLite`'s
//! settings, and what counts as damage.

mod rows;
mod schema;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::event::printable_path;
use crate::units::{Day, PeerName};

pub use rows::{CopyRow, DiscRow, FileRow, SessionRow, WantedRow};

/// The name of the catalog in the working directory.
pub const FILE_NAME: &str = "catalog.sqlite3";

/// An open catalog.
#[derive(Debug)]
pub struct Catalog {
    db: Connection,
    path: PathBuf,
}

/// What was found where the catalog should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A catalog.
    Sound,
    /// Nothing; a fresh one has begun.
    Missing,
    /// One that was begun and never [filled](Catalog::filled): its run was killed, or could not see the disc.
    Unfilled,
    /// Something that is no catalog of this version; it was put aside and a fresh one has begun.
    PutAside {
        /// Where it is now.
        aside: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
}

impl Found {
    fn of(filled: schema::Filled) -> Self {
        match filled {
            schema::Filled::Yes => Self::Sound,
            schema::Filled::No => Self::Unfilled,
            schema::Filled::Begun => Self::Missing,
        }
    }
}

/// Why the catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database failed.
    #[error("cannot use the catalog {}: {source}", printable_path(path))]
    Database {
        /// The catalog.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// A damaged catalog cannot be put aside.
    #[error("cannot put the damaged catalog {} aside", printable_path(path))]
    Aside {
        /// The catalog.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Catalog {
    /// Opens the catalog at `path`, or begins one, which the caller has to fill.
    pub fn open(path: &Path) -> Result<(Self, Found), CatalogError> {
        match schema::open(path) {
            Ok((db, filled)) => Ok((Self::with(db, path), Found::of(filled))),
            Err(schema::Fault::NoCatalog(reason)) => {
                let aside = schema::put_aside(path).map_err(|source| CatalogError::Aside {
                    path: path.to_owned(),
                    source,
                })?;
                let (db, _) = schema::open(path).map_err(|fault| fault.at(path))?;
                Ok((Self::with(db, path), Found::PutAside { aside, reason }))
            }
            Err(fault) => Err(fault.at(path)),
        }
    }

    /// The catalog at `path` to be looked at, or, if there is none that can be used, an empty one in memory. Nothing
    /// at `path` changes, neither now nor later.
    pub fn look(path: &Path) -> Result<(Self, Found), CatalogError> {
        if path.exists()
            && let Ok((db, filled)) = schema::look(path)
        {
            return Ok((Self::with(db, path), Found::of(filled)));
        }
        Ok((Self::in_memory(path)?, Found::Missing))
    }

    /// An empty one in memory, in place of that at `path`.
    pub fn in_memory(path: &Path) -> Result<Self, CatalogError> {
        let (db, _) = schema::open(Path::new(":memory:")).map_err(|fault| fault.at(path))?;
        Ok(Self::with(db, path))
    }

    /// Takes note that the catalog knows what is staged and what is on the disc: until then it is filled again each time
    /// that it is opened.
    pub fn filled(&mut self) -> Result<(), CatalogError> {
        schema::filled(&self.db).map_err(self.fault())
    }

    fn with(db: Connection, path: &Path) -> Self {
        Self {
            db,
            path: path.to_owned(),
        }
    }

    fn fault(&self) -> impl Fn(rusqlite::Error) -> CatalogError + use<> {
        let path = self.path.clone();
        move |source| CatalogError::Database {
            path: path.clone(),
            source,
        }
    }

    /// Takes note of a session with the files of days that it added or kept. All of it or nothing.
    pub fn record_session(
        &mut self,
        disc: &DiscRow,
        session: &SessionRow,
        files: &[FileRow],
    ) -> Result<(), CatalogError> {
        let fault = self.fault();
        let work = |db: &mut Connection| {
            let change = db.transaction()?;
            change.execute(
                "INSERT INTO disc (id, label, kind, place) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET label = ?2, kind = ?3, place = ?4",
                params![disc.id, disc.label, disc.kind, blob(&disc.place)],
            )?;
            change.execute(
                "INSERT OR REPLACE INTO session (disc, number, start, end, label, burnt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    disc.id,
                    session.number,
                    session.start,
                    session.end,
                    session.label,
                    session.burnt
                ],
            )?;
            {
                let mut copy = change.prepare(
                    "INSERT INTO copy (disc, day, name, bytes, digest, session)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (disc, day, name, digest) DO NOTHING",
                )?;
                for file in files {
                    copy.execute(params![
                        disc.id,
                        file.day.to_string(),
                        file.name,
                        file.bytes.cast_signed(),
                        file.digest,
                        session.number
                    ])?;
                }
            }
            change.commit()
        };
        work(&mut self.db).map_err(fault)
    }

    /// Takes note of files that are staged.
    pub fn record_staged(&mut self, files: &[FileRow]) -> Result<(), CatalogError> {
        let fault = self.fault();
        let work = |db: &mut Connection| {
            let change = db.transaction()?;
            {
                let mut staged = change.prepare(
                    "INSERT OR REPLACE INTO staged (day, name, bytes, digest)
                     VALUES (?1, ?2, ?3, ?4)",
                )?;
                for file in files {
                    staged.execute(params![
                        file.day.to_string(),
                        file.name,
                        file.bytes.cast_signed(),
                        file.digest
                    ])?;
                }
            }
            change.commit()
        };
        work(&mut self.db).map_err(fault)
    }

    /// Forgets that files of `day` are staged; done before they are deleted.
    pub fn forget_staged(&mut self, day: Day) -> Result<(), CatalogError> {
        self.db
            .execute("DELETE FROM staged WHERE day = ?1", [day.to_string()])
            .map(drop)
            .map_err(self.fault())
    }

    /// Whether files of `day` are known to be staged.
    pub fn is_staged(&self, day: Day) -> Result<bool, CatalogError> {
        self.db
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM staged WHERE day = ?1)",
                [day.to_string()],
                |row| row.get(0),
            )
            .map_err(self.fault())
    }

    /// Takes note that a disc is at another place: it was set aside.
    pub fn move_disc(&mut self, id: &str, place: &Path) -> Result<(), CatalogError> {
        self.db
            .execute(
                "UPDATE disc SET place = ?2 WHERE id = ?1",
                params![id, blob(place)],
            )
            .map(drop)
            .map_err(self.fault())
    }

    /// Forgets a disc with everything on it: it was blanked.
    pub fn forget_disc(&mut self, id: &str) -> Result<(), CatalogError> {
        self.db
            .execute("DELETE FROM disc WHERE id = ?1", [id])
            .map(drop)
            .map_err(self.fault())
    }

    /// Forgets everything, to be filled again.
    pub fn clear(&mut self) -> Result<(), CatalogError> {
        self.db
            .execute_batch("BEGIN; DELETE FROM staged; DELETE FROM disc; COMMIT")
            .map_err(self.fault())
    }

    /// Every disc, by the time of its first session.
    pub fn discs(&self) -> Result<Vec<DiscRow>, CatalogError> {
        self.rows(
            "SELECT id, label, kind, place FROM disc
             ORDER BY (SELECT min(burnt) FROM session WHERE disc = id), id",
            params![],
            |row| disc(row, 0),
        )
    }

    /// The sessions of a disc, oldest first.
    pub fn sessions(&self, disc: &str) -> Result<Vec<SessionRow>, CatalogError> {
        self.rows(
            "SELECT number, start, end, label, burnt FROM session WHERE disc = ?1 ORDER BY number",
            [disc],
            |row| {
                Ok(SessionRow {
                    number: row.get(0)?,
                    start: row.get(1)?,
                    end: row.get(2)?,
                    label: row.get(3)?,
                    burnt: row.get(4)?,
                })
            },
        )
    }

    /// Every copy on a disc of a file of `day`: of one peer, or of all. Newest session first.
    pub fn copies(&self, day: Day, peer: Option<&PeerName>) -> Result<Vec<CopyRow>, CatalogError> {
        let below = peer.map_or_else(Vec::new, |peer| format!("{peer}/").into_bytes());
        self.rows(
            "SELECT name, bytes, digest, session, id, label, kind, place
             FROM copy JOIN disc ON disc = id
             WHERE day = ?1 AND substr(name, 1, length(?2)) = ?2
             ORDER BY (SELECT burnt FROM session
                       WHERE session.disc = id AND number = copy.session) DESC, name, id",
            params![day.to_string(), below],
            |row| {
                Ok(CopyRow {
                    file: FileRow {
                        day,
                        name: row.get(0)?,
                        bytes: row.get::<_, i64>(1)?.cast_unsigned(),
                        digest: row.get(2)?,
                    },
                    session: row.get(3)?,
                    disc: disc(row, 4)?,
                })
            },
        )
    }

    /// What has to be at hand for the state of `as_of`, or the latest: of every file name the newest copy, and those of the
    /// week before it, since what is newer may build on them. Newest days first.
    pub fn wanted(
        &self,
        as_of: Option<Day>,
        peer: Option<&PeerName>,
    ) -> Result<Vec<WantedRow>, CatalogError> {
        let below = peer.map_or_else(Vec::new, |peer| format!("{peer}/").into_bytes());
        let until = as_of.map_or_else(|| "9999-12-31".to_owned(), |day| day.to_string());
        self.rows(
            "WITH latest AS (
                 SELECT name, max(day) AS last FROM copy
                 WHERE day <= ?1 AND substr(name, 1, length(?2)) = ?2 GROUP BY name)
             SELECT DISTINCT id, label, copy.name, day
             FROM copy JOIN latest ON copy.name = latest.name JOIN disc ON disc = id
             WHERE day <= last AND day > date(last, '-7 days')
             ORDER BY day DESC, copy.name, id",
            params![until, below],
            |row| {
                let day: String = row.get(3)?;
                let wrong = |_| rusqlite::Error::InvalidQuery;
                Ok(WantedRow {
                    disc: row.get(0)?,
                    label: row.get(1)?,
                    name: row.get(2)?,
                    day: day.parse().map_err(wrong)?,
                })
            },
        )
    }

    /// The disc that holds every one of `files`, other than the disc `except`; the first of several.
    pub fn disc_with_all(
        &self,
        files: &[FileRow],
        except: &str,
    ) -> Result<Option<String>, CatalogError> {
        let work = || {
            let mut discs = self
                .db
                .prepare("SELECT id FROM disc WHERE id <> ?1 ORDER BY id")?;
            let discs: Vec<String> = discs
                .query_map([except], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut copy = self.db.prepare(
                "SELECT 1 FROM copy WHERE disc = ?1 AND day = ?2 AND name = ?3 AND digest = ?4",
            )?;
            'discs: for disc in discs {
                for file in files {
                    let at = params![disc, file.day.to_string(), file.name, file.digest];
                    if copy.query_row(at, |_| Ok(())).optional()?.is_none() {
                        continue 'discs;
                    }
                }
                return Ok(Some(disc));
            }
            Ok(None)
        };
        work().map_err(self.fault())
    }

    fn rows<T>(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, CatalogError> {
        self.db
            .prepare(query)
            .and_then(|mut query| query.query_map(parameters, read)?.collect())
            .map_err(self.fault())
    }
}

/// A disc in the columns from `at`.
fn disc(row: &Row<'_>, at: usize) -> rusqlite::Result<DiscRow> {
    let place: Vec<u8> = row.get(at + 3)?;
    Ok(DiscRow {
        id: row.get(at)?,
        label: row.get(at + 1)?,
        kind: row.get(at + 2)?,
        place: PathBuf::from(OsStr::from_bytes(&place)),
    })
}

fn blob(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests;
