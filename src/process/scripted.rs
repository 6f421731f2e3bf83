//! The fake: programs that do what a test has written down.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::command::Command;
use super::ended::{Ended, RunError, Status};
use super::{Runner, Stdout};

/// What a scripted program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it ends.
    pub status: Status,
    /// What it prints on standard output.
    pub stdout: Vec<u8>,
    /// What it prints on standard error.
    pub stderr: String,
}

impl Answer {
    /// Ends with status 0 after printing `stdout`.
    pub fn well(stdout: impl Into<Vec<u8>>) -> Self {
        Self {
            status: Status::Exited(0),
            stdout: stdout.into(),
            stderr: String::new(),
        }
    }

    /// Ends with `code` after complaining.
    pub fn failing(code: i32, stderr: impl Into<String>) -> Self {
        Self {
            status: Status::Exited(code),
            stdout: Vec::new(),
            stderr: stderr.into(),
        }
    }
}

/// Commands in the order in which they are expected, each with its answer.
#[derive(Debug, Default)]
pub struct Scripted {
    script: Mutex<VecDeque<(Command, Answer)>>,
}

impl Scripted {
    /// Expects nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects `command` next.
    #[must_use]
    pub fn expect(self, command: Command, answer: Answer) -> Self {
        self.script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back((command, answer));
        self
    }

    /// The commands that nobody has run.
    pub fn left(&self) -> Vec<Command> {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.iter().map(|(command, _)| command.clone()).collect()
    }
}

impl Runner for Scripted {
    /// # Panics
    /// If this is not the command that is expected.
    fn run(&self, command: &Command, stdout: Stdout<'_>) -> Result<Ended, RunError> {
        let next = self
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some((expected, answer)) = next else {
            panic!("nobody expected {command:?}");
        };
        assert_eq!(*command, expected, "another command was expected");
        let mut printed = Vec::new();
        match stdout {
            Stdout::Lines => printed.extend_from_slice(&answer.stdout),
            Stdout::Keep(kept) => {
                kept.extend_from_slice(&answer.stdout);
                printed.extend_from_slice(&answer.stdout);
            }
            Stdout::Bytes(out) => {
                out.write_all(&answer.stdout)
                    .map_err(|source| RunError::Output {
                        command: format!("`{command}`"),
                        source,
                    })?;
            }
        }
        printed.extend_from_slice(answer.stderr.as_bytes());
        let text = String::from_utf8_lossy(&printed).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(10)..];
        Ok(Ended {
            status: answer.status,
            tail: tail.iter().map(|&line| line.to_owned()).collect(),
        })
    }
}
