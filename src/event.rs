//! What happens during a run, told to people: events flow one way, from the services to a [`Monitor`].
//!
//! Developers' messages go through `log` instead; two audiences, two streams.

mod journal;
mod json;
mod log_file;
mod screen;
mod tally;
mod zone;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use zone::fuzz as fuzz_zone;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::units::ByteSize;

pub use json::{JsonLines, path_as_text, path_or_null};
pub use log_file::{Detail, LogFile, LogFileError, OUTPUT, hear_developers};
pub use screen::{Colour, Kind, Screen, Verbosity};
pub use tally::{Fan, Tally};

/// Something that was not saved or not checked. The work goes on; the exit status will not be 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: a file, a peer, a disc. Escaped when printed.
    pub subject: String,
    /// What happened and why, as a lowercase fragment without a full stop.
    pub reason: String,
    /// What to do next, if there is something to do.
    pub advice: Option<String>,
}

impl Problem {
    /// A problem with `subject` because of `reason`.
    pub fn new(subject: impl Into<String>, reason: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self {
            subject: subject.into(),
            reason: reason.to_string(),
            advice: None,
        }
    }

    /// A problem with the file at `path`.
    pub fn with_file(path: &Path, reason: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::new(printable_path(path), reason)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// How far long work has come. Sent as often as is convenient; the sink limits the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, as a present participle: `collecting /home`.
    pub task: &'a str,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
    /// Files done, if they are counted.
    pub files: Option<u64>,
}

/// How full the buffers are of work that burns. Sent as often as its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill<'a> {
    /// The work, as in [`Progress`].
    pub task: &'a str,
    /// Our own buffer, in percent.
    pub ours: u8,
    /// The drive's, in percent, if it is known.
    pub drives: Option<u8>,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// An action or another long step begins.
    Begin(&'a str),
    /// It ended as it should.
    End(&'a str),
    /// Worth knowing in the log, not worth a mail.
    Note(&'a str),
    /// Odd, but nothing was lost.
    Warning(&'a str),
    /// Something was not saved or not checked.
    Problem(&'a Problem),
    /// Long work goes on.
    Progress(Progress<'a>),
    /// How full the buffers are of long work that goes on.
    Fill(Fill<'a>),
    /// Long work of that name is over; its line may be cleared.
    ProgressEnd(&'a str),
}

/// Somebody who wants to know what happens. Called from several threads.
pub trait Monitor: Sync {
    /// Takes note of `event`. Never fails: a broken terminal must not break a backup.
    fn observe(&self, event: &Event<'_>);

    /// Whether somebody watches the progress, so that finding out how much there is to do is worth some work.
    fn is_watched(&self) -> bool {
        false
    }
}

/// Short forms of [`Monitor::observe`].
pub trait Tell {
    /// Tells a note.
    fn note(&self, text: impl AsRef<str>);
    /// Tells a warning.
    fn warn(&self, text: impl AsRef<str>);
    /// Tells a problem.
    fn problem(&self, problem: &Problem);
}

impl Tell for dyn Monitor + '_ {
    fn note(&self, text: impl AsRef<str>) {
        self.observe(&Event::Note(text.as_ref()));
    }

    fn warn(&self, text: impl AsRef<str>) {
        self.observe(&Event::Warning(text.as_ref()));
    }

    fn problem(&self, problem: &Problem) {
        self.observe(&Event::Problem(problem));
    }
}

/// Escapes what a stranger named: control characters (escape sequences, newlines) become visible,
/// so that a name can neither break a log line nor steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control() || c == '\u{2028}' || c == '\u{2029}';
            let plain = (!escape).then_some(c);
            let escaped = escape.then(|| c.escape_default());
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// [`printable`] for bytes: those that are no UTF-8 become `\xff`.
pub fn printable_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text += &printable(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// [`printable_bytes`] for a path or a name: the text that stands for it, on the screen, in the log and in JSON.
pub fn printable_path(path: impl AsRef<OsStr>) -> String {
    printable_bytes(path.as_ref().as_bytes())
}

/// An error and what caused it, as one fragment: `cannot read the list: permission denied`. What a message says already
/// of its cause is not said twice.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if !text.ends_with(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    text
}

/// A number of things for people: `1 file`, `2 files`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// An amount for people: `1.25 GB`.
pub fn bytes(amount: u64) -> String {
    ByteSize(amount).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc ä"), "a\\u{1b}[2Jb\\nc ä");
        assert_eq!(printable_bytes(b"a\nb\xff\xc3\xa4"), "a\\nb\\xffä");
    }
}
