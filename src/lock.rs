//! One run at a time; the second one learns who holds the lock and since when.
//!
//! The kernel releases the lock when its holder dies, so there is nothing stale to clean up. The
//! file's text is only for people.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::event::printable_path;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _held: Flock<File>,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is at work.
    #[error("another run holds {}: {holder}", printable_path(path))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the other run wrote about itself.
        holder: String,
    },
    /// The lock file cannot be made or read.
    #[error("cannot use the lock file {}", printable_path(path))]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock at `path` without waiting. `holder` says to others who we are and since when.
    pub fn take(path: &Path, holder: &str) -> Result<Self, LockError> {
        let fault = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(fault)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut held) => {
                // The text is only for people: on a full disk the run that would make room has to go on without it.
                let _ = held
                    .set_len(0)
                    .and_then(|()| held.rewind())
                    .and_then(|()| writeln!(held, "{holder}"));
                Ok(Self { _held: held })
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                    "a run that has not yet said who it is".clone_into(&mut holder);
                }
                Err(LockError::Held {
                    path: path.to_owned(),
                    holder: holder.trim().to_owned(),
                })
            }
            Err((_, errno)) => Err(fault(errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_second_run_learns_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::take(&path, "process 7 since noon").unwrap();
        let error = Lock::take(&path, "me").unwrap_err();
        assert!(
            error.to_string().contains("process 7 since noon"),
            "{error}"
        );
        drop(held);
        Lock::take(&path, "me").unwrap();
    }

    #[test]
    fn a_full_disk_does_not_keep_a_run_from_making_room() {
        Lock::take(Path::new("/dev/full"), "me").unwrap();
    }
}
