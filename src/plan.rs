//! What a run will do, in order: a pure function of what was asked and of what is configured.
//!
//! A [`Plan`] can be printed, which is all that `--dry-run` needs, and is then carried out step by step. Hidden here:
//! what may be combined, the order, and which managed peers an action has.

mod combine;
mod hook;
mod managed;
mod order;

use std::fmt;

use crate::action::Action;
use crate::config::{self, Config, OrderMode};
use crate::units::{ActionName, PeerName};

pub use hook::{HookError, run as run_hook};
pub use order::{Order, OrderError};

/// Where actions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// On this machine.
    #[default]
    Here,
    /// On this machine, and on managed peers: `--managed`.
    HereAndManaged,
    /// On managed peers only: `--managed-only`.
    ManagedOnly,
}

/// Something that this machine does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// An action that is built in.
    BuiltIn(Action),
    /// An action with a section of its own.
    Extension(config::Extension),
}

/// When a hook is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Immediately before its action, each time.
    Before,
    /// Immediately after it, if it went well.
    After,
}

/// One step of a run. The next one is taken only if this one went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command of the administrator.
    Hook {
        /// When.
        when: When,
        /// The command, and the action that it belongs to.
        hook: config::Hook,
    },
    /// An action on this machine.
    Run(Task),
    /// An action that managed peers are asked to run, one after the other.
    Managed {
        /// The action.
        action: ActionName,
        /// The peers, in the order of the configuration; at least one.
        peers: Vec<PeerName>,
    },
}

/// The steps of a run, in the order in which they will be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    mode: OrderMode,
    order: Vec<String>,
    steps: Vec<Step>,
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such action.
    #[error("`{name}` is no action; there are {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An action that stands alone was combined.
    #[error("`{0}` stands alone; it cannot be combined with other actions, nor be named twice")]
    Alone(String),
    /// A word without letters.
    #[error("the name of an action is empty")]
    Empty,
    /// Nothing was asked for.
    #[error("no action is named")]
    Nothing,
    /// There is no order.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl Task {
    /// The word on the command line.
    pub fn word(&self) -> &str {
        match self {
            Self::BuiltIn(action) => action.word(),
            Self::Extension(extension) => extension.name.as_str(),
        }
    }
}

impl Plan {
    /// The steps for the actions named by `words`. Names are checked first, then the combinations.
    ///
    /// The order on the command line decides only between actions of the same place: a repeated action runs twice. An
    /// action of this machine precedes the same action on managed peers.
    pub fn new(words: &[String], reach: Reach, config: &Config) -> Result<Self, PlanError> {
        let order = Order::new(&config.extensions)?;
        let tasks = combine::tasks(words, &config.extensions.actions)?;
        let mut items: Vec<(u32, Vec<Step>)> = Vec::new();
        for task in &tasks {
            let place = order.place(task.word()).unwrap_or(0);
            if reach != Reach::ManagedOnly {
                items.push((place, here(task, &config.options)));
            }
        }
        items.sort_by_key(|item| item.0);
        if reach != Reach::Here {
            for task in &tasks {
                let place = order.place(task.word()).unwrap_or(0);
                items.extend(managed::step(task, &config.peers).map(|step| (place, vec![step])));
            }
            // Stable: what this machine does at a place stands before what its managed peers do there.
            items.sort_by_key(|item| item.0);
        }
        Ok(Self {
            mode: order.mode,
            order: order.names().map(str::to_owned).collect(),
            steps: items.into_iter().flat_map(|item| item.1).collect(),
        })
    }

    /// The steps, first one first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What this machine does, first one first.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.steps.iter().filter_map(|step| match step {
            Step::Run(task) => Some(task),
            Step::Hook { .. } | Step::Managed { .. } => None,
        })
    }

    /// Every action, asked for or not, in the order in which they would run.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// Where the order comes from, and every action in it, asked for or not, as a sentence.
    pub fn order(&self) -> String {
        let mode = match self.mode {
            OrderMode::Index => "index",
            OrderMode::Dependency => "dependency",
        };
        format!(
            "order of all actions ({mode} mode): {}",
            self.order.join(", ")
        )
    }
}

fn here(task: &Task, options: &config::Options) -> Vec<Step> {
    let hooks = |when, hooks: &[config::Hook]| -> Vec<Step> {
        let own = hooks
            .iter()
            .filter(|hook| hook.action.as_str() == task.word());
        own.map(|hook| Step::Hook {
            when,
            hook: hook.clone(),
        })
        .collect()
    };
    let mut steps = hooks(When::Before, &options.pre_action_hooks);
    steps.push(Step::Run(task.clone()));
    steps.extend(hooks(When::After, &options.post_action_hooks));
    steps
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook { when, hook } => {
                write!(f, "hook {when} {}: {}", hook.action, hook.command)
            }
            Self::Run(task) => f.write_str(task.word()),
            Self::Managed { action, peers } => {
                let names: Vec<&str> = peers.iter().map(PeerName::as_str).collect();
                write!(f, "{action} on {}", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
