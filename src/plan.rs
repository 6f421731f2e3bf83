//! What a run will do, in order: a pure function of what was asked and of what is configured.

mod hook;

pub use hook::{HookError, Output, run as run_hook};

use crate::action::Action;

/// What `all` stands for.
const ALL: [Action; 4] = [Action::Collect, Action::Stage, Action::Store, Action::Purge];

/// Words that are not combined with others, in the order in which offenders are named.
const ALONE: [&str; 4] = ["rebuild", "validate", "initialize", "all"];

/// Place in the order; Cedar Backup's numbers, between which extensions find theirs.
fn index(action: Action) -> u32 {
    match action {
        Action::Rebuild | Action::Validate | Action::Initialize => 0,
        Action::Collect => 100,
        Action::Stage => 200,
        Action::Store => 300,
        Action::Purge => 400,
    }
}

/// The actions of a run, in the order in which they will be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Action>);

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such action.
    #[error(
        "`{0}` is no action; there are collect, stage, store, purge, all, rebuild, validate and initialize"
    )]
    Unknown(String),
    /// A configured extension that this program cannot run.
    #[error("`{0}` is a configured extension that this version of cback cannot run")]
    Extension(String),
    /// An action that stands alone was combined.
    #[error("`{0}` stands alone; it cannot be combined with other actions")]
    Alone(String),
}

impl Plan {
    /// The order for the actions named by `words`; `extensions` are the names of configured ones.
    ///
    /// Names are checked first, then the combinations. The sort is stable: a repeated action runs twice.
    pub fn new(words: &[String], extensions: &[&str]) -> Result<Self, PlanError> {
        let mut actions: Vec<Action> = Vec::new();
        for word in words {
            let named = Action::ALL.into_iter().find(|action| action.word() == word);
            match named {
                Some(action) => actions.push(action),
                None if word == "all" => actions.extend(ALL),
                None if extensions.contains(&word.as_str()) => {
                    return Err(PlanError::Extension(word.clone()));
                }
                None => return Err(PlanError::Unknown(word.clone())),
            }
        }
        for alone in ALONE {
            if words.len() > 1 && words.iter().any(|word| word == alone) {
                return Err(PlanError::Alone(alone.to_owned()));
            }
        }
        actions.sort_by_key(|action| index(*action));
        Ok(Self(actions))
    }

    /// The actions, first one first.
    pub fn actions(&self) -> &[Action] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(words: &str) -> Result<String, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let plan = Plan::new(&words, &["mysql"]).map_err(|error| error.to_string())?;
        let order: Vec<_> = plan.actions().iter().map(|action| action.word()).collect();
        Ok(order.join(" "))
    }

    #[test]
    fn actions_run_in_their_order_however_they_are_named() {
        for (words, order) in [
            ("all", "collect stage store purge"),
            ("purge store collect", "collect store purge"),
            ("collect collect", "collect collect"),
            ("rebuild", "rebuild"),
            ("validate", "validate"),
            ("initialize", "initialize"),
        ] {
            assert_eq!(plan(words).as_deref(), Ok(order), "{words}");
        }
    }

    #[test]
    fn what_stands_alone_is_not_combined() {
        for (words, offender) in [
            ("all all", "`all`"),
            ("rebuild rebuild", "`rebuild`"),
            ("all rebuild", "`rebuild`"),
            ("initialize validate", "`validate`"),
            ("collect all", "`all`"),
            ("Collect", "`Collect`"),
            ("mysql collect", "`mysql`"),
        ] {
            let error = plan(words).unwrap_err();
            assert!(error.starts_with(offender), "{words}: {error}");
        }
    }
}
