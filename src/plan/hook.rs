//! Hooks: commands of the administrator, run before or after an action.

use super::When;
use crate::config::Hook;
use crate::event::{Monitor, Tell as _};
use crate::process::{Command, RunError, Runner, Stdout};

/// A hook failed, and with it the action that it belongs to.
#[derive(Debug, thiserror::Error)]
#[error("the hook {when} it failed")]
pub struct HookError {
    /// When it was run.
    pub when: When,
    /// How it failed.
    pub source: RunError,
}

/// What a hook is: a shell with the administrator's own words, our environment and umask, and no input.
pub fn command(hook: &Hook) -> Command {
    let command = Command::shell(&hook.command);
    match hook.timeout {
        Some(limit) => command.time_limit(limit),
        None => command,
    }
}

/// Runs the hook. It fails unless it ends with status 0 in time; a failure that the configuration ignores is told to
/// `monitor`.
pub fn run(
    hook: &Hook,
    when: When,
    runner: &dyn Runner,
    monitor: &dyn Monitor,
) -> Result<(), HookError> {
    let command = command(hook);
    monitor.note(format!(
        "running the hook {when} {}: {command}",
        hook.action
    ));
    let ended = runner.run(&command, Stdout::Lines);
    match ended.and_then(|ended| ended.ok(&command)) {
        Ok(()) => Ok(()),
        Err(error) if hook.ignore_failure => {
            monitor.warn(format!(
                "the hook {when} {} failed, which the configuration ignores: {error}",
                hook.action
            ));
            Ok(())
        }
        Err(source) => Err(HookError { when, source }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::process::{Answer, Scripted};
    use std::time::Duration;

    fn hook(ignore_failure: bool) -> Hook {
        Hook {
            action: "collect".parse().unwrap(),
            command: "sync; true".to_owned(),
            timeout: Some(Duration::from_secs(7)),
            ignore_failure,
        }
    }

    fn ends(answer: Answer, ignore_failure: bool) -> (Result<(), HookError>, u64) {
        let expected = Command::shell("sync; true").time_limit(Duration::from_secs(7));
        let script = Scripted::new().expect(expected, answer);
        let tally = Tally::default();
        let hook = hook(ignore_failure);
        let result = run(&hook, When::Before, &script, &tally);
        (result, tally.warnings())
    }

    #[test]
    fn a_failure_counts_unless_the_configuration_ignores_it() {
        assert!(matches!(ends(Answer::well(""), false), (Ok(()), 0)));
        assert!(matches!(ends(Answer::failing(1, "bad"), true), (Ok(()), 1)));
        let (result, warnings) = ends(Answer::failing(1, "bad\nworse"), false);
        let error = result.unwrap_err();
        assert_eq!(warnings, 0);
        assert_eq!(error.to_string(), "the hook before it failed");
        assert_eq!(
            error.source.to_string(),
            "`sync; true` ended with status 1; its last output: bad / worse"
        );
    }
}
