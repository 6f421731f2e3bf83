//! What can go wrong with the directory that is restored into, and with one thing in it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Unsafe;

use crate::event::printable_path;

/// Why nothing can be restored into a directory.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Things are in it.
    #[error("`{}` is not empty", printable_path(.0))]
    NotEmpty(PathBuf),
    /// It cannot be made or opened.
    #[error("`{}` cannot be used to restore into", printable_path(path))]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be made sure that everything is on the disk.
    #[error(
        "what was restored into `{}` may not be on the disk",
        printable_path(path)
    )]
    Sync {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Why one thing was not restored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its path leads out of the target directory.
    #[error("not restored: {0}")]
    Unsafe(#[from] Unsafe),
    /// Something else is there.
    #[error("not restored, because something is there already")]
    Exists,
    /// A directory on its way is something else, for example a link.
    #[error("not restored, because `{}` on its way is not a directory", printable_path(.0))]
    InTheWay(OsString),
    /// A directory with something in it is where something else should be.
    #[error("not restored, because a directory is there that is not empty")]
    Occupied,
    /// The bytes are not those that were saved.
    #[error("damaged: {reason}{}", kept_as(.kept.as_deref()))]
    Damaged {
        /// What is wrong with them.
        reason: String,
        /// Where the bytes are that could be read.
        kept: Option<PathBuf>,
    },
    /// A further name of a file that was not restored.
    #[error("not restored, because it is another name of `{}`, which was not restored", printable_path(.0))]
    Unlinked(PathBuf),
    /// Only root may make a device. Counted in the [`Shortfalls`].
    #[error("not restored, because only root may make a device")]
    NotAllowed,
    /// The system refused.
    #[error("not restored: {0}")]
    Io(#[from] io::Error),
}

impl WriteError {
    /// Whether it would happen to everything that follows: the disk is full, broken or read-only.
    pub fn ends_the_work(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self, Self::Io(error)
            if matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
                || error.raw_os_error() == Some(Errno::IO.raw_os_error()))
    }
}

impl From<Errno> for WriteError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

fn kept_as(kept: Option<&Path>) -> String {
    kept.map_or_else(String::new, |path| {
        format!("; what could be read is in `{}`", printable_path(path))
    })
}
