//! What a directory is to the backup, and which of its files must not go.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use super::{Guard, OnlyCopy, Storing};
use crate::peer;
use crate::staging::{Daily, STORED, is_peers_indicator};
use crate::sums::{self, Sums};
use crate::units::Day;

/// The places that the guard speaks of, without links in their paths.
pub(super) struct Places {
    staging: Option<PathBuf>,
    collect_dir: Option<PathBuf>,
    storing: Storing,
    only_copy: OnlyCopy,
    today: Day,
}

/// What a directory is to the backup.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// Nothing in particular.
    Plain,
    /// A daily directory.
    Daily(Day, Fate),
    /// Within a daily directory.
    InDay(Day, Fate),
    /// The collect directory.
    Collect(Acknowledged),
    /// Within the collect directory: never staged, since stage takes regular files only.
    InCollect,
}

/// What may become of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its old files may go, then it.
    Free,
    /// It is the only copy.
    OnlyCopy,
}

/// What a master has taken from the collect directory.
#[derive(Debug, Clone)]
pub(super) enum Acknowledged {
    /// It does not matter.
    Indifferent,
    /// Nothing.
    Nothing,
    /// These files, as they were then; everything if the master did not list them.
    Files(SystemTime, Option<Sums>),
}

impl Places {
    pub(super) fn new(guard: &Guard<'_>, today: Day) -> io::Result<Self> {
        let staging = guard.staging.map(|staging| real(staging.root()));
        Ok(Self {
            staging: staging.transpose()?.flatten(),
            collect_dir: guard.collect_dir.map(real).transpose()?.flatten(),
            storing: guard.storing,
            only_copy: guard.only_copy,
            today,
        })
    }

    /// The role of the directory at `path`, which has no links in it.
    pub(super) fn role(&self, path: &Path) -> io::Result<Role> {
        if let Some(collect_dir) = &self.collect_dir {
            if path == collect_dir {
                return Ok(Role::Collect(self.acknowledged(path)?));
            }
            if path.starts_with(collect_dir) {
                return Ok(match self.only_copy {
                    OnlyCopy::Keep => Role::InCollect,
                    OnlyCopy::Purge => Role::Plain,
                });
            }
        }
        let Some(staging) = &self.staging else {
            return Ok(Role::Plain);
        };
        let Some((day, daily, depth)) = day_of(staging, path) else {
            return Ok(Role::Plain);
        };
        let fate = self.fate(&Daily::new(day, daily))?;
        Ok(if depth == 0 {
            Role::Daily(day, fate)
        } else {
            Role::InDay(day, fate)
        })
    }

    /// Whether `path` is the daily directory of the day of the run.
    pub(super) fn is_today(&self, path: &Path) -> bool {
        let staging = self.staging.as_ref();
        staging.is_some_and(|staging| path == staging.join(self.today.path()))
    }

    fn fate(&self, daily: &Daily) -> io::Result<Fate> {
        if self.only_copy == OnlyCopy::Purge || self.storing == Storing::No {
            return Ok(Fate::Free);
        }
        // A list without the indicator: an interrupted staging, which the next one completes.
        let ours = daily.is_listed()?;
        let waits = (daily.is_staged()? || ours) && !daily.is_stored()? && !daily.is_uploaded()?;
        Ok(if waits { Fate::OnlyCopy } else { Fate::Free })
    }

    fn acknowledged(&self, dir: &Path) -> io::Result<Acknowledged> {
        if self.only_copy == OnlyCopy::Purge {
            return Ok(Acknowledged::Indifferent);
        }
        let path = dir.join(peer::STAGED);
        let when = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Acknowledged::Nothing);
            }
            metadata => metadata?.modified()?,
        };
        // Cedar Backup's master leaves the indicator empty: everything that was there then. A text that cannot be
        // understood acknowledges nothing.
        Ok(match Sums::parse(&std::fs::read(&path)?) {
            Ok(sums) => Acknowledged::Files(when, (!sums.is_empty()).then_some(sums)),
            Err(_) => Acknowledged::Nothing,
        })
    }
}

impl Role {
    /// Whether the file `name`, modified then, is the only copy of something.
    pub(super) fn keeps(&self, name: &OsStr, modified: SystemTime) -> bool {
        match self {
            Self::Plain => false,
            Self::Daily(_, fate) | Self::InDay(_, fate) => *fate == Fate::OnlyCopy,
            Self::InCollect => true,
            Self::Collect(acknowledged) => match acknowledged {
                Acknowledged::Indifferent => false,
                Acknowledged::Nothing => true,
                Acknowledged::Files(when, sums) => {
                    let listed = |sums: &Sums| sums.get(name.as_bytes()).is_some();
                    modified > *when || !sums.as_ref().is_none_or(listed)
                }
            },
        }
    }

    /// Whether the file `name` says how far this directory has come: it goes last, or not at all.
    pub(super) fn is_indicator(&self, name: &OsStr) -> bool {
        match self {
            Self::Daily(..) => name.as_bytes().starts_with(b"cback.") || name == sums::FILE_NAME,
            Self::Collect(_) => is_peers_indicator(name),
            _ => false,
        }
    }

    /// The day that this directory is or is in.
    pub(super) fn day(&self) -> Option<Day> {
        match self {
            Self::Daily(day, _) | Self::InDay(day, _) => Some(*day),
            _ => None,
        }
    }

    /// Why files stay, and what to do.
    pub(super) fn explain(&self) -> (&'static str, &'static str) {
        match self {
            Self::Daily(..) | Self::InDay(..) => (
                "old enough to purge, but staged and never stored",
                "run `cback store`, or say <only_copy>purge</only_copy>",
            ),
            _ => (
                "old enough to purge, but never staged by a master",
                "run `cback stage` on the master, or say <only_copy>purge</only_copy>",
            ),
        }
    }
}

/// The order in which indicators go: `cback.stage` and the list first, `cback.store` last, so that a purge that is
/// killed leaves no day that looks staged and not stored. `cback.collect` goes before all of them: without `cback.stage`
/// it would say that an empty collect directory is complete and was never staged.
pub(super) fn rank(name: &OsStr) -> u8 {
    if name == peer::COLLECTED {
        0
    } else if name == peer::STAGED {
        1
    } else if name == STORED {
        3
    } else {
        2
    }
}

/// The day that `path` is or is in, its directory, and how far below it `path` is.
fn day_of(staging: &Path, path: &Path) -> Option<(Day, PathBuf, usize)> {
    let tail: Vec<&OsStr> = path
        .strip_prefix(staging)
        .ok()?
        .components()
        .map(Component::as_os_str)
        .collect();
    let date = tail.get(..3)?.join(OsStr::new("/"));
    let day = date.to_str()?.parse().ok()?;
    Some((day, staging.join(&date), tail.len() - 3))
}

/// `path` without links; `None` if it does not exist.
fn real(path: &Path) -> io::Result<Option<PathBuf>> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        path => path.map(Some),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_path_below_the_staging_directory_belongs_to_its_day() {
        for (path, expected) in [
            ("/s/2026/11/21", Some(0)),
            ("/s/2026/11/21/alpha/sub", Some(2)),
            ("/s/2026/11", None),
            ("/s/2026/11/31/x", None),
            ("/s/2026/x/21", None),
            ("/other/2026/11/21", None),
        ] {
            let found = day_of(Path::new("/s"), Path::new(path));
            assert_eq!(found.map(|(_, _, depth)| depth), expected, "{path}");
        }
    }

    #[test]
    fn indicators_go_in_the_order_that_never_lies() {
        let mut names = ["cback.store", "SHA256SUMS", "cback.stage", "cback.encrypt"];
        names.sort_by_key(|name| rank(OsStr::new(name)));
        assert_eq!((names[0], names[3]), ("cback.stage", "cback.store"));
        let mut names = ["cback.stage", "cback.collect"];
        names.sort_by_key(|name| rank(OsStr::new(name)));
        assert_eq!(names[0], "cback.collect");
    }
}
