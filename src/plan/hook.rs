//! Hooks: commands of the administrator, run before or after an action.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// What becomes of a hook's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It goes to the log.
    Log,
    /// It is shown only if the hook fails.
    Drop,
}

/// Why a hook failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It could not be started or read.
    #[error("the hook `{command}` cannot be run")]
    Run {
        /// The hook.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended otherwise than with 0.
    #[error("the hook `{command}` ended with {status}; its last output: {tail}")]
    Ended {
        /// The hook.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last ten lines of its output, joined by ` / `.
        tail: String,
    },
}

/// Output lines that are kept for the message of a hook that fails.
const TAIL: usize = 10;

/// Runs the hook through a shell: its words are the administrator's own. Standard input is empty;
/// output and errors come as one stream. Fails unless it ends with 0.
pub fn run(hook: &str, output: Output) -> Result<(), HookError> {
    let fault = |source| HookError::Run {
        command: hook.to_owned(),
        source,
    };
    let (reader, writer) = std::io::pipe().map_err(fault)?;
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(hook)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(fault)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(fault)?;
    // The command holds the pipe's write end; reading would never end with it open here.
    drop(command);
    let mut tail = std::collections::VecDeque::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.map_err(fault)?;
        let line = crate::event::printable(&String::from_utf8_lossy(&line));
        if output == Output::Log {
            log::info!(target: "output", "{line}");
        }
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = child.wait().map_err(fault)?;
    if status.success() {
        return Ok(());
    }
    let tail: Vec<String> = tail.into();
    Err(HookError::Ended {
        command: hook.to_owned(),
        status,
        tail: if tail.is_empty() {
            "(none)".to_owned()
        } else {
            tail.join(" / ")
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn run(command: &str) -> Result<(), HookError> {
        super::run(command, Output::Drop)
    }

    #[test]
    fn a_hook_succeeds_with_status_0() {
        run("test \"a b\" = 'a b'").unwrap();
    }

    #[test]
    fn a_hook_that_fails_shows_the_end_of_its_output() {
        let error = run("seq 1 20; echo bad >&2; exit 3")
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("19 / 20 / bad"), "{error}");
        assert!(!error.contains(" 11 /"), "{error}");
    }
}
