//! Why an extension could not do its work.

use std::io;
use std::path::PathBuf;

use crate::action::ActionError;
use crate::dump::DumpError;
use crate::event::printable;
use crate::media::{DriveError, WrongDisc};

/// Why an extension could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ExtendError {
    /// The configuration lacks a section that the extension reads.
    #[error("the configuration has no <{0}> section, which this extension needs")]
    NoSection(&'static str),
    /// This program cannot do it.
    #[error("this version of cback cannot run the extension {0}")]
    CannotRun(&'static str),
    /// A file or directory cannot be used.
    #[error("cannot use {}: {source}", printable(&path.to_string_lossy()))]
    Use {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no disc to look at.
    #[error("there is no disc in {}", printable(&.0.to_string_lossy()))]
    NoDisc(PathBuf),
    /// The disc in the drive is not one of ours.
    #[error(transparent)]
    WrongDisc(#[from] WrongDisc),
    /// A dump failed for a reason that others would fail for, too.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The drive cannot be used.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// Something that the actions do as well failed.
    #[error(transparent)]
    Action(#[from] ActionError),
}
