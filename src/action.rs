//! Actions: the only place where a configuration section meets the services.
//!
//! Each action has a `run`, and a `check` that looks whether the world is as the configuration says; `validate`
//! is all checks together.

mod blank;
pub mod changer;
mod closing;
mod collect;
mod error;
mod initialize;
pub(crate) mod look;
pub mod peers;
mod preview;
mod purge;
mod rebuild;
pub mod span;
mod stage;
mod status;
mod store;
mod validate;
mod wait;

use std::path::PathBuf;
use std::time::SystemTime;

use crate::catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Monitor;
use crate::process::System;
use crate::units::{Day, Ids};

pub use error::ActionError;
pub use look::Finding;
pub use preview::Preview;
pub use status::{DiscStatus, PeerStatus, Status, status};
pub use store::{drive, handling};

/// How much a run backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As the configuration says.
    Configured,
    /// Everything: `--full`.
    Full,
}

/// What happens when another disc is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patience {
    /// The run ends, and says what is needed.
    #[default]
    None,
    /// It waits for the disc: `--wait-for-disc`.
    ForDisc,
}

/// Whether a disc takes another session after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closing {
    /// It does, as long as there is room.
    #[default]
    Open,
    /// It is closed when the session is on it and was checked: `--close`.
    Closed,
}

/// What every action of a run knows.
pub struct Context<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The day of the run.
    pub day: Day,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The time that things made by this run are dated with.
    pub stamp: SystemTime,
    /// How much is backed up.
    pub extent: Extent,
    /// What happens when another disc is needed.
    pub patience: Patience,
    /// Whether the disc that is written is closed then.
    pub closing: Closing,
    /// To whom files are given; `None` unless this process is root.
    pub ids: Option<Ids>,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
    /// Who runs other programs.
    pub programs: &'a System<'a>,
}

/// The programs of this machine, where `config` says that they are. Every outside program is run by these.
pub fn programs<'a>(config: &Config, monitor: &'a dyn Monitor) -> System<'a> {
    let overrides = config.options.overrides.iter();
    overrides.fold(System::new(monitor), |system, row| {
        system.overriding(&row.command, row.path.as_path())
    })
}

/// An action that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the words say it
pub enum Action {
    Rebuild,
    Validate,
    Initialize,
    Collect,
    Stage,
    Store,
    Purge,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Rebuild,
        Self::Validate,
        Self::Initialize,
        Self::Collect,
        Self::Stage,
        Self::Store,
        Self::Purge,
    ];

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Validate => "validate",
            Self::Initialize => "initialize",
            Self::Collect => "collect",
            Self::Stage => "stage",
            Self::Store => "store",
            Self::Purge => "purge",
        }
    }

    /// Carries the action out. Trouble with single files and peers is told to the context's monitor; an error
    /// means that the action could not do its work.
    pub fn run(self, cx: &Context<'_>) -> Result<(), ActionError> {
        match self {
            Self::Rebuild => rebuild::run(cx),
            Self::Validate => validate::run(cx),
            Self::Initialize => initialize::run(cx),
            Self::Collect => collect::run(cx),
            Self::Stage => stage::run(cx),
            Self::Store => store::run(cx),
            Self::Purge => purge::run(cx),
        }
    }
}

impl Action {
    /// What [`Action::run`] would do, as things are now. Nothing is changed; what cannot be looked at is told as a
    /// problem.
    pub fn preview(self, cx: &Context<'_>) -> Result<Preview, ActionError> {
        Ok(match self {
            Self::Rebuild => Preview::Rebuild(rebuild::preview(cx)?),
            Self::Validate => Preview::Validate(validate::preview(cx)),
            Self::Initialize => Preview::Initialize(initialize::preview(cx)?),
            Self::Collect => Preview::Collect(collect::preview(cx)?),
            Self::Stage => Preview::Stage(stage::preview(cx)?),
            Self::Store => Preview::Store(store::preview(cx)?),
            Self::Purge => Preview::Purge(purge::preview(cx)?),
        })
    }
}

impl Context<'_> {
    /// Where the catalog is.
    fn catalog_path(&self) -> PathBuf {
        let working = &self.config.options.working_dir;
        working.join(catalog::FILE_NAME).into()
    }
}
