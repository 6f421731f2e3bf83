//! What Cedar Backup left in the working directory, for taking a machine over: which files it had archived, and how
//! far its extensions had come.
//!
//! The files are Python pickles. Only the few instructions that Cedar Backup 2 and 3 write are understood; whatever
//! else is there makes a file unreadable, and nothing in it is ever carried out. Nothing here writes: Cedar's files
//! stay as they are, so that going back is possible.

mod digests;
mod marks;
mod pickle;

use std::io;
use std::path::PathBuf;

use crate::event::printable_path;

pub use digests::{Digests, Sha1, digests_path};
pub use marks::{dumped_until, revision};

/// Why a file of Cedar Backup's is not used.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// It cannot be read.
    #[error("cannot read {}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what Cedar Backup writes.
    #[error("{} is not as Cedar Backup writes it: {reason}", printable_path(path))]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
