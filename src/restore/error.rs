//! Why nothing, or not all of it, can be restored, and what to do then.

use std::path::PathBuf;

use super::recipe::Missing;
use super::target::{TargetError, Unsafe, WriteError};
use crate::event::printable_path;
use crate::units::{Day, PeerName};

/// Why a restore does not begin, or ends before everything is done.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Nothing was collected until then.
    #[error("there is no backup{}", until(*as_of))]
    Nothing {
        /// The day that was asked for.
        as_of: Option<Day>,
        /// The earliest day that there is.
        earliest: Option<Day>,
    },
    /// There is no backup of that peer.
    #[error("there is no backup of `{peer}`")]
    UnknownPeer {
        /// The peer.
        peer: PeerName,
        /// Those that there are.
        known: Vec<PeerName>,
    },
    /// There was nothing of that name then.
    #[error("`{}` is not in {}", printable_path(path), state(*as_of))]
    NoSuchPath {
        /// The path that was asked for.
        path: PathBuf,
        /// The day that was asked for.
        as_of: Option<Day>,
        /// What there is instead.
        advice: String,
    },
    /// Archives are missing; nothing was written.
    #[error("{} needed and not here", archives(.0))]
    Missing(Vec<Missing>),
    /// Archives without a manifest hold several versions of a file, of which only the latest is wanted; that
    /// can be seen only in a directory that was empty.
    #[error("some archives have no manifest; they can be restored into an empty directory only")]
    NeedsEmpty,
    /// The target directory cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The peer's name leads elsewhere.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// Nothing more can be written.
    #[error(
        "`{}` cannot be written, and so nothing more was restored",
        printable_path(path)
    )]
    Write {
        /// What was being restored.
        path: PathBuf,
        /// Why not.
        source: WriteError,
    },
}

impl RestoreError {
    /// What to do next, if there is something to do.
    pub fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Nothing {
                earliest: Some(earliest),
                ..
            } => format!(
                "the earliest is of {earliest}; earlier ones may be on other discs (--from)"
            ),
            Self::Nothing { .. } => {
                "name a disc or a staging directory that has one (--from)".to_owned()
            }
            Self::UnknownPeer { known, .. } => {
                let known: Vec<&str> = known.iter().map(PeerName::as_str).collect();
                format!("there are backups of {}", known.join(", "))
            }
            Self::NoSuchPath { advice, .. } => advice.clone(),
            Self::Missing(missing) => {
                let missing: Vec<String> = missing.iter().map(Missing::to_string).collect();
                format!(
                    "insert the disc or name it with --from, or restore what can be had with --incomplete; missing:\n  {}",
                    missing.join("\n  ")
                )
            }
            Self::NeedsEmpty => "name a directory that is empty or does not exist yet".to_owned(),
            Self::Target(TargetError::NotEmpty(_)) => {
                "name a directory that is empty or does not exist yet, or say what becomes of the files in this \
                 one: --existing keep, --existing replace"
                    .to_owned()
            }
            Self::Target(_) | Self::Write { .. } => {
                "make room, or name a directory on another file system, and restore again"
                    .to_owned()
            }
            Self::Unsafe(_) => return None,
        };
        Some(text)
    }
}

fn until(as_of: Option<Day>) -> String {
    as_of.map_or_else(String::new, |day| format!(" of {day} or before"))
}

fn state(as_of: Option<Day>) -> String {
    as_of.map_or_else(
        || "the latest backups".to_owned(),
        |day| format!("the backups as of {day}"),
    )
}

fn archives(missing: &[Missing]) -> String {
    match missing.len() {
        1 => "an archive is".to_owned(),
        more => format!("{more} archives are"),
    }
}
