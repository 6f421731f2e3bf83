//! Why a run does not end well: exit status, causes, advice, and where in the program it was met.

use std::backtrace::Backtrace;
use std::error::Error;
use std::io::{self, Write as _};

use super::args::Common;
use super::exit::Exit;
use crate::event::printable;
use crate::fault;
use crate::process;

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
            let said = failure.causes.last().unwrap_or(&failure.what);
            if !said.ends_with(&text) {
                failure.causes.push(text);
            }
            cause = error.source();
        }
        failure
    }

    /// Ends with another status.
    pub fn with(self, exit: Exit) -> Self {
        Self { exit, ..self }
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

    /// Adds further advice, if there is some.
    pub fn advised_also(mut self, advice: Option<&str>) -> Self {
        self.advice = match (self.advice, advice) {
            (Some(first), Some(second)) => Some(format!("{first}\n{second}")),
            (first, second) => first.or(second.map(str::to_owned)),
        };
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

    /// Says something else first, with what to do about that.
    pub fn behind(mut self, first: &str, advice: Option<String>) -> Self {
        self.what = format!("{first}; and {}", self.what);
        let all: Vec<String> = advice.into_iter().chain(self.advice.take()).collect();
        self.advice = (!all.is_empty()).then(|| all.join(" Otherwise "));
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

/// Prints `text` on standard error. Where it cannot be printed there is nobody to be told so.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// From now on a panic, in whatever thread, if it is not [contained](fault::contain), ends the process as a failed action does: what was finished stays, what was
/// not is begun again by the next run. The screen and the log say where it was; with `--stack`, how it came there.
pub fn on_panic(common: &Common) {
    let stack = common.stack;
    let quiet = common.quiet;
    std::panic::set_hook(Box::new(move |panic| {
        if !fault::is_contained() {
            process::end_all();
        }
        let backtrace = stack.then(Backtrace::force_capture);
        let text = told(&panic.to_string(), backtrace.as_ref());
        for line in text.lines() {
            log::error!(target: "cback", "{line}");
        }
        if !quiet {
            say(&format!("cback: error: {text}"));
        }
        if !fault::is_contained() {
            std::process::exit(Exit::Failed.number().into());
        }
    }));
}

/// What is said of a panic: `what` the standard library says, and how it came there.
fn told(what: &str, backtrace: Option<&Backtrace>) -> String {
    let what: Vec<String> = what.lines().map(printable).collect();
    let head = format!(
        "this is a mistake in cback {}, not yours: {}",
        env!("CARGO_PKG_VERSION"),
        what.join(" ")
    );
    match backtrace {
        Some(backtrace) => format!("{head}\nmet at:\n{backtrace}"),
        None => format!("{head}\nrun it again with --stack, and report what it says"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Cause(&'static str, #[source] Option<Box<Cause>>);

    fn failure() -> Failure {
        let disk = Cause("the disk is full", None);
        let write = Cause("cannot write x", Some(Box::new(disk)));
        Failure::of(Exit::Failed, write).during("collect")
    }

    #[test]
    fn a_failure_says_all_its_causes() {
        assert_eq!(
            failure().sentence(),
            "collect: cannot write x: the disk is full"
        );
    }

    #[test]
    fn with_its_stack_each_cause_has_a_line_and_the_place_is_named() {
        let stack = failure().stack();
        let mut lines = stack.lines();
        assert_eq!(lines.next(), Some("collect: cannot write x"));
        assert_eq!(lines.next(), Some("  because the disk is full"));
        assert_eq!(lines.next(), Some("met at:"));
        assert!(stack.contains("Failure::of"), "{stack}");
    }

    #[test]
    fn a_panic_is_told_in_a_sentence_with_what_to_do() {
        let text = told("panicked at src/x.rs:1:2:\nindex out of bounds", None);
        assert!(
            text.contains("src/x.rs:1:2: index out of bounds\n"),
            "{text}"
        );
        assert!(text.ends_with("--stack, and report what it says"));
        let text = told("x", Some(&Backtrace::force_capture()));
        assert!(text.contains("failure::tests::a_panic"), "{text}");
    }
}
