//! The master's staging directory: a calendar of daily directories, `YYYY/MM/DD`, each with a directory per
//! peer.
//!
//! Indicators in a daily directory say how far it has come: `cback.stage` that its peers are in it,
//! `cback.store` that it is on a disc. Existence alone counts, whatever the text inside. What cannot be looked
//! at is an error, never "not there".
//!
//! Anything that is no `YYYY/MM/DD` directory with a date that exists is not ours and is passed by.

mod backups;
mod choose;
mod daily;
mod leftovers;
mod list;
mod parts;
mod receive;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::fsx;
use crate::units::{AbsPath, Day, Ids};

pub use backups::{BackupFile, ENCRYPTED, SPLIT, is_peers_indicator};
pub use choose::{Because, Choice, ChooseError, Scope, State, choose};
pub use daily::{Daily, StagedFile};
pub use parts::{part_name, whole_name};
pub use receive::{Incoming, Received};

/// Indicator in a daily directory: the day has been staged.
pub const STAGED: &str = "cback.stage";
/// Indicator in a daily directory: the day is on a disc.
pub const STORED: &str = "cback.store";
/// Indicator in a daily directory: the day is on S3.
pub const UPLOADED: &str = "cback.amazons3";

/// A staging directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    root: AbsPath,
}

impl Staging {
    /// The staging directory at `root`, which need not exist yet.
    pub fn new(root: AbsPath) -> Self {
        Self { root }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The daily directory of `day`, whether it exists or not.
    pub fn daily(&self, day: Day) -> Daily {
        Daily::new(day, self.root.join(day.path()).into())
    }

    /// Makes the daily directory of `day` with its parents, given to `ids`. The staging directory itself
    /// must exist: a file system that is not mounted must not be mistaken for a fresh start.
    pub fn make(&self, day: Day, ids: Option<Ids>) -> io::Result<Daily> {
        fsx::make_dirs(&self.root, &day.path(), ids)?;
        Ok(self.daily(day))
    }

    /// Every daily directory there is, ascending.
    pub fn days(&self) -> io::Result<Vec<Daily>> {
        let mut first = None;
        let days = self.readable_days(&mut |_, error| {
            first.get_or_insert(error);
        });
        first.map_or(Ok(days), Err)
    }

    /// Every daily directory that can be found, ascending. `trouble` is told of each directory that cannot be listed, the
    /// staging directory itself among them.
    pub fn readable_days(&self, trouble: &mut dyn FnMut(&Path, io::Error)) -> Vec<Daily> {
        let mut list = |path: &Path, digits| {
            numbered(path, digits).unwrap_or_else(|error| {
                trouble(path, error);
                Vec::new()
            })
        };
        let mut days = Vec::new();
        for (year, path) in list(&self.root, 4) {
            for (month, path) in list(&path, 2) {
                for (day, path) in list(&path, 2) {
                    if let Ok(day) = Day::new(year.cast_signed(), month, day) {
                        days.push(Daily::new(day, path));
                    }
                }
            }
        }
        days.sort_unstable_by_key(Daily::day);
        days
    }

    /// How far every daily directory has come, ascending: what [`choose`] decides on.
    pub fn states(&self) -> io::Result<Vec<State>> {
        self.days()?
            .iter()
            .map(|daily| {
                Ok(State {
                    day: daily.day(),
                    staged: daily.is_staged()?,
                    stored: daily.is_stored()?,
                })
            })
            .collect()
    }
}

/// The directories (no links) in `path` whose name is a number of `digits` digits.
fn numbered(path: &Path, digits: usize) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if let Some(number) = number(&entry.file_name(), digits)
            && entry.file_type()?.is_dir()
        {
            found.push((number, entry.path()));
        }
    }
    Ok(found)
}

fn number(name: &OsStr, digits: usize) -> Option<u32> {
    let bytes = name.as_bytes();
    let sound = bytes.len() == digits && bytes.iter().all(u8::is_ascii_digit);
    sound.then(|| name.to_str()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_directories_of_dates_that_exist_are_days() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "2026/11/21/alpha",
            "2026/11/03",
            "2025/12/31",
            "2026/02/29",
            "2026/13/01",
            "2026/1/01",
            "0000/01/01",
            "lost+found/01/01",
            "2026/11/x",
        ] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        std::fs::write(dir.path().join("2026/11/22"), "a file").unwrap();
        std::os::unix::fs::symlink("21", dir.path().join("2026/11/23")).unwrap();
        let staging = Staging::new(AbsPath::new(dir.path()).unwrap());
        let days: Vec<String> = staging
            .days()
            .unwrap()
            .iter()
            .map(|daily| daily.day().to_string())
            .collect();
        assert_eq!(days, ["2025-12-31", "2026-11-03", "2026-11-21"]);
    }

    #[test]
    fn a_staging_directory_that_is_not_there_is_not_empty() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::new(AbsPath::new(dir.path().join("none")).unwrap());
        assert!(staging.days().is_err());
        let day = "2026-11-21".parse().unwrap();
        assert!(staging.make(day, None).is_err());
    }
}
