//! Which words name actions, and which of them may stand together.

use super::{PlanError, Task};
use crate::action::Action;
use crate::config::Extension;

/// What `all` stands for. Extensions are not part of it.
const ALL: [Action; 4] = [Action::Collect, Action::Stage, Action::Store, Action::Purge];

/// Words that are not combined with others, in the order in which offenders are named.
const ALONE: [&str; 4] = ["rebuild", "validate", "initialize", "all"];

/// The actions that `words` name, in their order. Names are checked first, then the combinations.
pub(super) fn tasks(words: &[String], extensions: &[Extension]) -> Result<Vec<Task>, PlanError> {
    if words.is_empty() {
        return Err(PlanError::Nothing);
    }
    let mut tasks = Vec::new();
    for word in words {
        let built_in = Action::ALL.into_iter().find(|action| action.word() == word);
        let extension = extensions.iter().find(|one| one.name.as_str() == word);
        match (built_in, extension) {
            _ if word == "all" => tasks.extend(ALL.map(Task::BuiltIn)),
            (Some(action), _) => tasks.push(Task::BuiltIn(action)),
            (None, Some(extension)) => tasks.push(Task::Extension(extension.clone())),
            (None, None) if word.is_empty() => return Err(PlanError::Empty),
            (None, None) => return Err(unknown(word, extensions)),
        }
    }
    for alone in ALONE {
        if words.len() > 1 && words.iter().any(|word| word == alone) {
            return Err(PlanError::Alone(alone.to_owned()));
        }
    }
    Ok(tasks)
}

fn unknown(word: &str, extensions: &[Extension]) -> PlanError {
    let built_in = ["collect", "stage", "store", "purge", "all"];
    let alone = ["rebuild", "validate", "initialize"];
    let own = extensions.iter().map(|extension| extension.name.as_str());
    PlanError::Unknown {
        name: word.to_owned(),
        known: built_in
            .into_iter()
            .chain(own)
            .chain(alone)
            .map(str::to_owned)
            .collect(),
    }
}
