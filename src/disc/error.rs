//! Why something could not be done with a disc.

use std::io;
use std::path::PathBuf;

use crate::event::printable_path;
use crate::iso9660::{ImageError, ReadError, TreeError};
use crate::media::DriveError;

/// Why something could not be done with a disc.
#[derive(Debug, thiserror::Error)]
pub enum DiscError {
    /// The drive or the medium failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The drive is empty.
    #[error("there is no disc in {}", printable_path(.0))]
    NoDisc(PathBuf),
    /// There is nothing on the disc.
    #[error("the disc in {} is blank", printable_path(.0))]
    Blank(PathBuf),
    /// There are fewer sessions.
    #[error(
        "the disc in {} has {sessions} sessions, and none is number {number}",
        printable_path(place)
    )]
    NoSession {
        /// The drive.
        place: PathBuf,
        /// What was asked for.
        number: usize,
        /// How many there are.
        sessions: usize,
    },
    /// A session cannot be read.
    #[error("the disc in {} cannot be read: {source}", printable_path(place))]
    Read {
        /// The drive.
        place: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// The disc would be a file, and there is none.
    #[error("there is no disc {}: no such file", printable_path(.0))]
    NoFile(PathBuf),
    /// It may have been in a directory of the disc that cannot be read.
    #[error("`{}` is not among what can be read of the disc", printable_path(.0))]
    Lost(PathBuf),
    /// There is no such file on the disc.
    #[error("there is no `{}` on the disc", printable_path(.0))]
    NoSuchFile(PathBuf),
    /// A disc would be copied onto itself.
    #[error("the disc in {} would be copied onto itself", printable_path(.0))]
    Itself(PathBuf),
    /// Two things that would come to the same place.
    #[error(
        "{} and {} have the same name, and one would take the other's place",
        printable_path(first),
        printable_path(second)
    )]
    SameName {
        /// One of them.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// No image can hold it.
    #[error("the image cannot be laid out: {0}")]
    Image(#[from] ImageError),
    /// No image can hold such a tree.
    #[error("the image cannot be laid out: {0}")]
    Tree(#[from] TreeError),
    /// A file outside of the disc.
    #[error("cannot {doing} {}: {source}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}
