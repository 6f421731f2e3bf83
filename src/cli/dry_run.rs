//! `--dry-run`: the plan, and what each of its steps would do. Nothing is changed; the log alone is written.

use std::fmt::Write as _;

use serde::Serialize;

use super::exit::Exit;
use super::managed;
use super::run;
use super::session::{Failure, Session};
use crate::action::{Action, ActionError, Context, Preview};
use crate::event::printable;
use crate::extend::ExtendError;
use crate::plan::{Plan, Step, Task};
use crate::staging::ChooseError;

/// A plan with what its steps would do.
#[derive(Debug, Serialize)]
struct Foreseen {
    /// The order of all actions, asked for or not.
    order: Vec<String>,
    /// Those that would be taken.
    steps: Vec<Line>,
    /// Whether none of them would fail.
    #[serde(skip)]
    complete: bool,
}

/// A step with what it would do.
#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Line {
    /// A command of the administrator.
    Hook {
        when: String,
        action: String,
        command: String,
    },
    /// An action.
    Run {
        name: String,
        /// What it would do as things are now; none for an extension.
        preview: Option<Preview>,
        /// What an extension would do, or why nothing more is known.
        notes: Vec<String>,
    },
    /// An action on managed peers.
    Managed {
        action: String,
        peers: Vec<String>,
        /// What each of them would do.
        foreseen: Vec<managed::Foreseen>,
    },
}

/// Shows what carrying `plan` out would do.
pub fn show(session: &Session, plan: &Plan, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut steps = Vec::new();
    let mut failed = None;
    let mut earlier = Vec::new();
    for step in plan.steps() {
        match line(step, &earlier, context) {
            Ok(line) => steps.push(line),
            // As in a real run, nothing comes after what fails.
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
        if let Step::Run(Task::BuiltIn(action)) = step {
            earlier.push(*action);
        }
    }
    let foreseen = Foreseen {
        order: plan.names().map(str::to_owned).collect(),
        steps,
        complete: failed.is_none(),
    };
    session.show(&foreseen, |foreseen| foreseen.text(session));
    match failed {
        Some(failure) => Err(failure),
        None => Ok(Exit::Well),
    }
}

/// What `step` would do after the `earlier` actions.
fn line(step: &Step, earlier: &[Action], context: &Context<'_>) -> Result<Line, Failure> {
    Ok(match step {
        Step::Hook { when, hook } => Line::Hook {
            when: when.to_string(),
            action: hook.action.as_str().to_owned(),
            command: printable(&hook.command),
        },
        Step::Managed { action, peers } => Line::Managed {
            action: action.as_str().to_owned(),
            peers: peers.iter().map(|peer| peer.as_str().to_owned()).collect(),
            foreseen: managed::foresee(action, peers, context),
        },
        Step::Run(Task::Extension(extension)) => Line::Run {
            name: extension.name.as_str().to_owned(),
            preview: None,
            notes: match run::ours(extension)?.preview(context) {
                Ok(notes) => notes,
                Err(ExtendError::Choose(
                    ChooseError::NothingWaits(_) | ChooseError::TodayNotStaged(_),
                )) if earlier.contains(&Action::Stage) => {
                    vec!["what this run stages is uploaded; nothing else waits".to_owned()]
                }
                Err(error) => {
                    let failure = Failure::of(Exit::Failed, error);
                    return Err(failure.during(extension.name.as_str()));
                }
            },
        },
        Step::Run(Task::BuiltIn(action)) => {
            let mut notes = Vec::new();
            let preview = match action.preview(context) {
                Ok(preview) => Some(preview),
                Err(ActionError::Choose(
                    ChooseError::NothingWaits(_) | ChooseError::TodayNotStaged(_),
                )) if earlier.contains(&Action::Stage) => {
                    notes.push("what this run stages is stored; nothing else waits".to_owned());
                    None
                }
                Err(error) => return Err(run::failure(*action, error)),
            };
            if let Some(before) = feeds(*action).filter(|before| earlier.contains(before))
                && preview.is_some()
            {
                notes.push(format!("as things are now, before {}", before.word()));
            }
            Line::Run {
                name: action.word().to_owned(),
                preview,
                notes,
            }
        }
    })
}

/// The action whose results `action` works on.
fn feeds(action: Action) -> Option<Action> {
    match action {
        Action::Stage => Some(Action::Collect),
        Action::Store => Some(Action::Stage),
        Action::Purge => Some(Action::Store),
        Action::Collect | Action::Rebuild | Action::Validate | Action::Initialize => None,
    }
}

impl Foreseen {
    fn text(&self, session: &Session) -> String {
        let mut text = String::new();
        for (number, step) in (1..).zip(&self.steps) {
            // OK: writing to a string does not fail
            let _ = match step {
                Line::Hook {
                    when,
                    action,
                    command,
                } => {
                    writeln!(text, "{number}. the hook {when} {action}: {command}")
                }
                Line::Managed {
                    action,
                    peers,
                    foreseen,
                } => writeln!(
                    text,
                    "{number}. {action} on managed peers: {}",
                    peers.join(", ")
                )
                .and_then(|()| {
                    foreseen
                        .iter()
                        .flat_map(managed::Foreseen::lines)
                        .try_for_each(|line| writeln!(text, "     {}", printable(&line)))
                }),
                Line::Run {
                    name,
                    preview,
                    notes,
                } => {
                    let mut lines: Vec<String> = notes.clone();
                    let preview = preview
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    lines.extend(preview.lines().map(str::to_owned));
                    writeln!(text, "{number}. {name}").and_then(|()| {
                        lines
                            .iter()
                            .try_for_each(|line| writeln!(text, "     {}", printable(line)))
                    })
                }
            };
        }
        if self.steps.is_empty() && self.complete {
            text.push_str("there is nothing to do\n");
        }
        let log = if session.has_log() {
            "; only the log was written"
        } else {
            ""
        };
        text.extend(["this was a dry run: nothing was changed", log]);
        text
    }
}
