//! Why an action could not do its work.

use std::io;

use crate::catalog::CatalogError;
use crate::changer::ChangerError;
use crate::collect::CollectError;
use crate::stage::StageError;
use crate::staging::ChooseError;
use crate::store::StoreError;
use crate::units::{AbsPath, Day};

/// Why an action could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The configuration lacks the action's section.
    #[error("the configuration has no <{0}> section, which this action needs")]
    NoSection(&'static str),
    /// The section has nothing in it.
    #[error("the <collect> section names no <file> and no <dir>, so there is nothing to collect")]
    NothingToCollect,
    /// The world is not as the configuration says.
    #[error("the configuration can be read, but {}", not_as_it_says(*.0))]
    Invalid(usize),
    /// A directory cannot be looked into.
    #[error("cannot look into {path}: {source}")]
    Look {
        /// The directory.
        path: AbsPath,
        /// Why.
        source: io::Error,
    },
    /// No day of the week has been staged.
    #[error(
        "no day since the start of the week has been staged, so there is nothing to rebuild from"
    )]
    NothingToRebuild,
    /// No day is chosen to be stored.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// Collecting failed.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// Staging failed.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Storing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The changer failed, or has no disc.
    #[error(transparent)]
    Changer(#[from] ChangerError),
    /// Only a disc in a drive of its own is prepared.
    #[error("discs in a changer need no preparation: blank ones are used as they are")]
    NotForChanger,
    /// Only a disc in a drive of its own is closed.
    #[error("a disc in a changer is not closed by --close; nothing was done")]
    NotClosedInChanger,
    /// A day is on its discs and cannot be marked.
    #[error(
        "{day} is on its discs, but cannot be marked as stored: {source}; the next run marks it"
    )]
    Mark {
        /// The day.
        day: Day,
        /// Why.
        source: io::Error,
    },
}

fn not_as_it_says(things: usize) -> String {
    match things {
        1 => "one thing is not as it says".to_owned(),
        more => format!("{more} things are not as it says"),
    }
}
