//! Why a run does not end well: exit status, causes, advice, and where in the program it was met.

use std::backtrace::Backtrace;
use std::error::Error;

use super::exit::Exit;
use crate::event::printable;

/// Why a run does not end well, with all that a person needs.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    what: String,
    causes: Vec<String>,
    /// What to do next.
    pub advice: Option<String>,
    /// Shown as it is before the message; problems of a configuration.
    pub exhibit: Option<String>,
    /// Where in the program it was met.
    backtrace: Box<Backtrace>,
}

impl Failure {
    /// A failure that nothing caused.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            causes: Vec::new(),
            advice: None,
            exhibit: None,
            backtrace: Box::new(Backtrace::force_capture()),
        }
    }

    /// `error` with all its causes.
    pub fn of(exit: Exit, error: impl Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Messages that already say their cause are not said twice.
            if !failure.what.ends_with(&text) {
                failure.causes.push(text);
            }
            cause = error.source();
        }
        failure
    }

    /// Adds what to do next.
    pub fn advise(self, advice: impl Into<String>) -> Self {
        self.advised(Some(advice.into()))
    }

    /// Adds what to do next, if there is something to do.
    pub fn advised(mut self, advice: Option<String>) -> Self {
        self.advice = self.advice.or(advice);
        self
    }

    /// Adds why.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Says in which action it happened.
    pub fn during(mut self, action: &str) -> Self {
        self.what = format!("{action}: {}", self.what);
        self
    }

    /// What happened and all that caused it, as one sentence.
    pub fn sentence(&self) -> String {
        let mut text = self.what.clone();
        for cause in &self.causes {
            text = format!("{text}: {cause}");
        }
        text
    }

    /// Each cause on a line of its own, and where in the program the failure was met.
    pub fn stack(&self) -> String {
        let mut text = printable(&self.what);
        for cause in &self.causes {
            text = format!("{text}\n  because {}", printable(cause));
        }
        format!("{text}\nmet at:\n{}", self.backtrace)
    }
}
