//! How a program ended, and why it could not be run.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::command::Command;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this exit status.
    Exited(i32),
    /// By a signal of this number.
    Signalled(i32),
    /// By us, because its time was over.
    TimedOut,
}

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// The last ten lines that it printed, escaped, without those that went to a writer.
    pub tail: Vec<String>,
}

/// Why a program could not be run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no such program.
    #[error("there is no program {program}")]
    Missing {
        /// Its name or path.
        program: String,
    },
    /// It cannot be started.
    #[error("cannot run {command}")]
    Start {
        /// The command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// It ended otherwise than with status 0.
    #[error("{command} {status}{}", said(tail))]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: Status,
        /// The last lines that it printed.
        tail: Vec<String>,
    },
    /// What it printed could not be written to where it was to go, or what it was to read could not be given.
    #[error("cannot take what {command} prints")]
    Output {
        /// The command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// It printed more than its caller is ready to keep.
    #[error("{command} printed more than {limit} bytes")]
    TooMuch {
        /// The command.
        command: String,
        /// What would have been kept.
        limit: usize,
    },
}

impl Status {
    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or(0)),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "ended with status {code}"),
            Self::Signalled(number) => match nix::sys::signal::Signal::try_from(*number) {
                Ok(signal) => write!(f, "was ended by {signal}"),
                Err(_) => write!(f, "was ended by signal {number}"),
            },
            Self::TimedOut => f.write_str("took longer than its time limit and was ended"),
        }
    }
}

impl Ended {
    /// Whether it ended with status 0.
    pub fn success(&self) -> bool {
        self.status == Status::Exited(0)
    }

    /// An error that says how `command` ended and what it printed last, unless it ended with status 0.
    pub fn ok(self, command: &Command) -> Result<(), RunError> {
        if self.success() {
            return Ok(());
        }
        Err(RunError::Failed {
            command: format!("`{command}`"),
            status: self.status,
            tail: self.tail,
        })
    }
}

fn said(tail: &[String]) -> String {
    if tail.is_empty() {
        "; it printed nothing".to_owned()
    } else {
        format!("; its last output: {}", tail.join(" / "))
    }
}
