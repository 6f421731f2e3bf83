//! What a run will do, in order: a pure function of what was asked and of what is configured.

mod hook;

use std::fmt;

pub use hook::{Hook, HookError, Output};

/// An action that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the words say it
pub enum Builtin {
    Rebuild,
    Validate,
    Initialize,
    Collect,
    Stage,
    Store,
    Purge,
}

/// Word, action, place in the order.
const BUILTINS: [(&str, Builtin, u32); 7] = [
    ("rebuild", Builtin::Rebuild, 0),
    ("validate", Builtin::Validate, 0),
    ("initialize", Builtin::Initialize, 0),
    ("collect", Builtin::Collect, 100),
    ("stage", Builtin::Stage, 200),
    ("store", Builtin::Store, 300),
    ("purge", Builtin::Purge, 400),
];

/// What `all` stands for.
const ALL: [Builtin; 4] = [
    Builtin::Collect,
    Builtin::Stage,
    Builtin::Store,
    Builtin::Purge,
];

impl Builtin {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        BUILTINS
            .iter()
            .find(|row| row.1 == self)
            .map_or("", |row| row.0)
    }

    fn index(self) -> u32 {
        BUILTINS
            .iter()
            .find(|row| row.1 == self)
            .map_or(0, |row| row.2)
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The actions of a run, in the order in which they will be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Builtin>);

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
    /// Names are checked first, then the combinations, in the order rebuild, validate, initialize, all
    /// (`cback` names the first offender of that order). The sort is stable: a repeated action runs twice.
    pub fn new(words: &[String], extensions: &[&str]) -> Result<Self, PlanError> {
        for word in words {
            let known = word == "all" || BUILTINS.iter().any(|row| row.0 == word);
            if !known && extensions.contains(&word.as_str()) {
                return Err(PlanError::Extension(word.clone()));
            }
            if !known {
                return Err(PlanError::Unknown(word.clone()));
            }
        }
        for alone in ["rebuild", "validate", "initialize", "all"] {
            if words.len() > 1 && words.iter().any(|word| word == alone) {
                return Err(PlanError::Alone(alone.to_owned()));
            }
        }
        let mut actions: Vec<Builtin> = Vec::new();
        for word in words {
            match BUILTINS.iter().find(|row| row.0 == word) {
                Some(row) => actions.push(row.1),
                None => actions.extend(ALL),
            }
        }
        actions.sort_by_key(|action| action.index());
        Ok(Self(actions))
    }

    /// The actions, first one first.
    pub fn actions(&self) -> &[Builtin] {
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
