//! The log file: one line for everything that happened, complete, in Cedar Backup's format.
//!
//! `2026-11-21T20:25:11 UTC --> [INFO   ] text`. Whatever stands in a name, a line stays one line. What programs
//! that we run have printed is written bare.

mod sink;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Local;
use log::{Level, LevelFilter, Log, Record};

use self::sink::{Place, Sink, Trouble};
use super::zone::Zone;
use super::{Event, Monitor, Problem, Screen, printable};
use crate::units::Owner;

/// The target of `log` lines that carry the output of a program that we ran.
pub const OUTPUT: &str = "cback::output";

/// How much is written to the log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What happened.
    Normal,
    /// That, and what the programs that we ran have printed.
    Output,
    /// Everything, developers' lines included.
    Debug,
}

/// The log file.
pub struct LogFile {
    log: Box<dyn Log>,
    path: PathBuf,
    trouble: Trouble,
}

/// The log file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log file {}", printable(&path.to_string_lossy()))]
pub struct LogFileError {
    /// The log file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl LogFile {
    /// Opens the log file at `path` for appending. If it does not exist it is made, with exactly the permission
    /// bits `mode`, and given to `owner` if that works. The directory must exist. When the file is rotated away
    /// later, another one is opened, or made in the same way.
    pub fn open(
        path: &Path,
        mode: u32,
        owner: &Owner,
        detail: Detail,
    ) -> Result<Self, LogFileError> {
        let trouble = Trouble::default();
        let place = Place {
            path: path.to_owned(),
            mode,
            owner: owner.clone(),
        };
        let sink = Sink::open(place, trouble.clone()).map_err(|source| LogFileError {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            log: lines(Box::new(sink), detail),
            path: path.to_owned(),
            trouble,
        })
    }

    /// Why a line could not be written: the first time, told once.
    pub fn failure(&self) -> Option<LogFileError> {
        self.trouble.take().map(|source| LogFileError {
            path: self.path.clone(),
            source,
        })
    }

    /// Whether every line was written.
    pub fn is_complete(&self) -> bool {
        !self.trouble.is_any()
    }

    fn line(&self, level: Level, text: &str) {
        self.log.log(
            &Record::builder()
                .level(level)
                .target("cback")
                .args(format_args!("{text}"))
                .build(),
        );
    }
}

/// What makes lines and writes them to `out`.
fn lines(out: Box<dyn Write + Send>, detail: Detail) -> Box<dyn Log> {
    let zone = Zone::local();
    let level = match detail {
        Detail::Normal | Detail::Output => LevelFilter::Info,
        Detail::Debug => LevelFilter::Debug,
    };
    let (_, log) = fern::Dispatch::new()
        .level(level)
        .level_for(
            OUTPUT,
            match detail {
                Detail::Normal => LevelFilter::Off,
                Detail::Output | Detail::Debug => LevelFilter::Info,
            },
        )
        .format(move |out, message, record| {
            if record.target() == OUTPUT {
                out.finish(format_args!("{message}"));
                return;
            }
            let now = Local::now();
            out.finish(format_args!(
                "{} {} --> [{:<7}] {}",
                now.format("%Y-%m-%dT%H:%M:%S"),
                zone.name(&now),
                word(record.level()),
                printable(&message.to_string()),
            ));
        })
        .chain(out)
        .into_log();
    log
}

impl Monitor for LogFile {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Begin(what) => self.line(Level::Info, &format!("begin: {what}")),
            Event::End(what) => self.line(Level::Info, &format!("end: {what}")),
            Event::Note(text) => self.line(Level::Info, text),
            Event::Warning(text) => self.line(Level::Warn, text),
            Event::Problem(problem) => self.line(Level::Error, &sentence(problem)),
            Event::Progress(_) | Event::Fill(_) | Event::ProgressEnd(_) => {}
        }
    }
}

/// Sends developers' `log` lines to the log file and, if it shows everything, to the screen. Once a process.
pub fn hear_developers(
    file: Option<Arc<LogFile>>,
    screen: Arc<Screen>,
) -> Result<(), log::SetLoggerError> {
    log::set_boxed_logger(Box::new(Developers { file, screen }))?;
    log::set_max_level(LevelFilter::Debug);
    Ok(())
}

struct Developers {
    file: Option<Arc<LogFile>>,
    screen: Arc<Screen>,
}

impl Log for Developers {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Other people's crates have no audience here.
        if !record.target().starts_with("cback") {
            return;
        }
        if let Some(file) = &self.file {
            file.log.log(record);
        }
        if record.target() != OUTPUT {
            self.screen.developers(record);
        }
    }

    fn flush(&self) {
        if let Some(file) = &self.file {
            file.log.flush();
        }
    }
}

/// A problem as one sentence.
pub(super) fn sentence(problem: &Problem) -> String {
    let Problem {
        subject,
        reason,
        advice,
    } = problem;
    match advice {
        Some(advice) => format!("{subject}: {reason}; {advice}"),
        None => format!("{subject}: {reason}"),
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn nobody() -> Owner {
        Owner {
            user: "no-such-user".to_owned(),
            group: "no-such-group".to_owned(),
        }
    }

    #[test]
    fn every_event_is_one_line_in_the_format_of_cedar_backup() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let file = LogFile::open(&path, 0o640, &nobody(), Detail::Normal).unwrap();
        file.observe(&Event::Begin("stage"));
        file.observe(&Event::Warning("odd"));
        let problem = Problem::new("a\nb\u{1b}", "gone").advise("look");
        file.observe(&Event::Problem(&problem));
        drop(file);
        let again = LogFile::open(&path, 0o600, &nobody(), Detail::Normal).unwrap();
        again.observe(&Event::Note("more"));
        let text = std::fs::read_to_string(&path).unwrap();
        let rest: Vec<&str> = text
            .lines()
            .map(|line| {
                let (time, rest) = line.split_once(" --> ").unwrap();
                let (date, zone) = time.split_once(' ').unwrap();
                chrono::NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H:%M:%S").unwrap();
                assert!(!zone.is_empty());
                rest
            })
            .collect();
        assert_eq!(
            rest,
            [
                "[INFO   ] begin: stage",
                "[WARNING] odd",
                "[ERROR  ] a\\nb\\u{1b}: gone; look",
                "[INFO   ] more",
            ]
        );
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    }

    #[test]
    fn a_log_file_without_a_directory_is_an_error() {
        let path = Path::new("/nonexistent/log");
        let error = LogFile::open(path, 0o640, &nobody(), Detail::Normal)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "cannot write the log file /nonexistent/log"
        );
    }

    #[test]
    fn output_and_developers_lines_are_written_on_demand() {
        for (detail, expected) in [(Detail::Normal, 0), (Detail::Output, 1), (Detail::Debug, 2)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            let file = LogFile::open(&path, 0o640, &nobody(), detail).unwrap();
            for (target, level) in [(OUTPUT, Level::Info), ("cback::media", Level::Debug)] {
                let record = Record::builder()
                    .target(target)
                    .level(level)
                    .args(format_args!("bare"))
                    .build();
                file.log.log(&record);
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), expected, "{detail:?}");
            assert_eq!(text.starts_with("bare\n"), detail != Detail::Normal);
        }
    }
}
