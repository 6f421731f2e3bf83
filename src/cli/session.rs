//! One run as people see it: screen, log, JSON, the count of problems, and how it all ends.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nix::unistd::{Uid, User};
use serde::Serialize;

use super::args::Common;
use super::exit::Exit;
pub use super::failure::Failure;
use super::failure::say;
use super::interrupt;
use crate::config::{Colour, Config, ConfigError};
use crate::event::{
    Detail, Event, JsonLines, LogFile, Monitor, Problem, Screen, Tally, Tell as _, Verbosity,
    hear_developers, printable,
};
use crate::process::Command;
use crate::units::Owner;

/// One run as people see it.
pub struct Session {
    everyone: Arc<Everyone>,
    log_path: Option<PathBuf>,
    stack: bool,
    json: bool,
}

/// All who listen.
struct Everyone {
    tally: Tally,
    screen: Option<Arc<Screen>>,
    log: Option<Arc<LogFile>>,
    json: Option<JsonLines>,
    /// How to go on after an interruption.
    again: OnceLock<&'static str>,
}

/// How most commands go on after an interruption.
const GO_ON: &str = "run the same command again; it goes on where this one ended";

impl Monitor for Everyone {
    fn is_watched(&self) -> bool {
        self.screen
            .as_ref()
            .is_some_and(|screen| screen.is_watched())
    }

    fn observe(&self, event: &Event<'_>) {
        self.tally.observe(event);
        if let Some(log) = &self.log {
            log.observe(event);
        }
        self.tell_log_failure();
        if let Some(json) = &self.json {
            json.observe(event);
        }
        if let Some(screen) = &self.screen {
            screen.observe(event);
        }
    }
}

/// The objects that `--json` prints besides events.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Last<'a, T: Serialize> {
    /// A command's result.
    Result { result: &'a T },
    /// The end of the run, the last line.
    Finished {
        status: u8,
        problems: u64,
        warnings: u64,
        error: Option<String>,
        advice: Option<&'a str>,
    },
}

impl Session {
    /// Opens the log and listens for signals. If the log cannot be written, says so and gives the exit status.
    pub fn open(common: &Common) -> Result<Self, Exit> {
        let (user, group) = common.owner.clone();
        let detail = detail(common);
        match LogFile::open(&common.logfile, common.mode, &Owner { user, group }, detail) {
            Ok(log) => {
                let session = Self::with(common, Some(log), |screen| screen);
                session.begin();
                Ok(session)
            }
            Err(error) => {
                let failure = Failure::of(Exit::Log, error).advise(
                    "name another log with --logfile PATH, or run as a user who may write there",
                );
                Err(Self::without_log(common).end(&Err(failure)))
            }
        }
    }

    /// Says who runs what; who reads the log years later wants to know.
    fn begin(&self) {
        let mut words = std::env::args_os();
        let program = words.next().unwrap_or_default();
        let name = Path::new(&program).file_name().unwrap_or(&program);
        let call = Command::new(name).args(words);
        let uid = Uid::effective();
        let user = User::from_uid(uid).ok().flatten();
        let user = user.map_or_else(|| uid.to_string(), |user| user.name);
        self.monitor().note(format!(
            "run started: `{call}`, version {}, process {}, user {user}",
            env!("CARGO_PKG_VERSION"),
            std::process::id(),
        ));
    }

    /// For commands that must work without a log, on a machine that has nothing else.
    pub fn without_log(common: &Common) -> Self {
        Self::with(common, None, |screen| screen)
    }

    /// As [`Session::without_log`]; and somebody at a terminal sees warnings, too.
    pub fn with_warnings(common: &Common) -> Self {
        Self::with(common, None, Screen::with_warnings)
    }

    fn with(common: &Common, log: Option<LogFile>, set: fn(Screen) -> Screen) -> Self {
        let verbosity = match (common.quiet, common.verbose, common.debug) {
            (true, _, _) => Verbosity::Quiet,
            (_, true, true) => Verbosity::Debug,
            (_, true, _) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        let screen = set(Screen::stderr(verbosity));
        let screen = Arc::new(match log {
            Some(_) => screen,
            None => screen.with_all_problems(),
        });
        let log_path = log.as_ref().map(|_| common.logfile.clone());
        let log = log.map(Arc::new);
        // A second session in one process finds the first one's logger, which is as good.
        let _ = hear_developers(log.clone(), Arc::clone(&screen));
        let everyone = Arc::new(Everyone {
            tally: Tally::default(),
            screen: (!common.json).then_some(screen),
            log,
            json: common.json.then(|| JsonLines::new(Box::new(io::stdout()))),
            again: OnceLock::new(),
        });
        let heard = Arc::clone(&everyone);
        let told = interrupt::watch(move || {
            heard.problem(
                &Problem::new("interrupted", "nothing that was finished is lost")
                    .advise(*heard.again.get_or_init(|| GO_ON)),
            );
            heard.last_words(Exit::Interrupted);
        });
        if let Err(error) = told {
            everyone.warn(format!("signals will not be told: {error}"));
        }
        Self {
            everyone,
            log_path,
            stack: common.stack,
            json: common.json,
        }
    }

    /// Says how to go on after an interruption, if it is not by the same command. To be said once.
    pub fn again(&self, advice: &'static str) {
        // Who is interrupted this moment was told already.
        let _ = self.everyone.again.set(advice);
    }

    /// Who is told what happens.
    pub fn monitor(&self) -> &dyn Monitor {
        &*self.everyone
    }

    /// Whether there is a log.
    pub fn has_log(&self) -> bool {
        self.log_path.is_some()
    }

    /// Reads the configuration that the switches name. Warnings go to the log, problems to the screen as well.
    pub fn load(&self, common: &Common) -> Result<Config, Failure> {
        match Config::load(&common.config, common.naming) {
            Ok((config, report)) => {
                for line in report.lines() {
                    self.monitor().warn(line);
                }
                Ok(config)
            }
            Err(error) => {
                let mut failure = unusable(&error);
                if let ConfigError::Problems(report) = &error {
                    for line in report.lines() {
                        log::error!(target: "cback", "{line}");
                    }
                    if self.json {
                        for line in report.lines() {
                            self.everyone
                                .problem(&Problem::new("configuration", line.as_str()));
                        }
                    }
                    failure.exhibit = Some(report.render(Colour::Ansi));
                }
                Err(failure)
            }
        }
    }

    /// Tells a person at a terminal what went well, if nothing went wrong beside it.
    pub fn applaud(&self, text: &str) {
        let everyone = &self.everyone;
        if everyone.tally.problems() > 0 || self.honest(Exit::Well) != Exit::Well {
            return;
        }
        if let Some(screen) = &everyone.screen {
            screen.applaud(text);
        }
    }

    /// Prints a command's result on standard output: as JSON, or as `text` says.
    pub fn show<T: Serialize>(&self, result: &T, text: impl Fn(&T) -> String) {
        let printed = if self.json {
            print_json(&Last::Result { result })
        } else {
            print(&text(result))
        };
        if let Err(error) = printed {
            let reason = format!("the result cannot be printed: {error}");
            self.everyone
                .problem(&Problem::new("standard output", &reason));
        }
    }

    /// Says how the run ended and gives the exit status: the failure's, or the one that the problems ask for.
    pub fn end(&self, outcome: &Result<Exit, Failure>) -> Exit {
        let failure = outcome.as_ref().err();
        if let Some(failure) = failure {
            self.tell(failure);
        }
        let tally = &self.everyone.tally;
        let exit = match outcome {
            Err(failure) => failure.exit,
            Ok(Exit::Well) => Exit::of_problems(tally.problems()),
            Ok(exit) => *exit,
        };
        // Told before the screen's last words: it takes part in them.
        self.everyone.log_end(self.honest(exit));
        let exit = self.honest(exit);
        if let Some(screen) = &self.everyone.screen {
            let log = self.everyone.log.as_ref().filter(|log| log.is_complete());
            screen.finish(log.and(self.log_path.as_deref()));
        }
        if !self.json {
            return exit;
        }
        match self.everyone.finished(exit, failure) {
            Ok(()) => exit,
            Err(error) => unprinted(exit, &error),
        }
    }

    /// `exit`, unless it says that all is well and the log lacks something.
    fn honest(&self, exit: Exit) -> Exit {
        let log = self.everyone.log.as_ref();
        match exit {
            Exit::Well if log.is_some_and(|log| !log.is_complete()) => Exit::Log,
            _ => exit,
        }
    }

    fn tell(&self, failure: &Failure) {
        let sentence = printable(&failure.sentence());
        log::error!(target: "cback", "{sentence}");
        if self.stack {
            for line in failure.stack().lines() {
                log::error!(target: "cback", "{line}");
            }
        }
        let Some(screen) = &self.everyone.screen else {
            return;
        };
        if let Some(exhibit) = &failure.exhibit {
            screen.exhibit(exhibit);
        }
        if self.stack {
            screen.last_word("error", &failure.stack());
        } else {
            screen.last_word("error", &sentence);
        }
        if let Some(advice) = &failure.advice {
            // Lists in it have lines of their own.
            let lines: Vec<String> = advice.lines().map(printable).collect();
            screen.last_word("next", &lines.join("\n"));
        }
    }
}

impl Everyone {
    /// The end of a run that has no other: for the log, and as an object.
    fn last_words(&self, exit: Exit) {
        self.log_end(exit);
        if self.json.is_some() {
            // There is nobody to be told that it is not.
            let _ = self.finished(exit, None);
        }
    }

    /// The last line of the run in the log.
    fn log_end(&self, exit: Exit) {
        if let Some(log) = &self.log {
            let line = format!("run completed with status {}", exit.number());
            log.observe(&Event::Note(&line));
            self.tell_log_failure();
        }
    }

    /// Prints the last object.
    fn finished(&self, exit: Exit, failure: Option<&Failure>) -> io::Result<()> {
        print_json(&Last::Finished::<()> {
            status: exit.number(),
            problems: self.tally.problems(),
            warnings: self.tally.warnings(),
            error: failure.map(Failure::sentence),
            advice: failure.and_then(|failure| failure.advice.as_deref()),
        })
    }

    fn problem(&self, problem: &Problem) {
        self.observe(&Event::Problem(problem));
    }

    /// Says once that the log lacks something. It is no problem of the backup, and is not counted as one.
    fn tell_log_failure(&self) {
        let Some(failure) = self.log.as_ref().and_then(|log| log.failure()) else {
            return;
        };
        let failure = Failure::of(Exit::Log, failure);
        if let Some(screen) = &self.screen {
            screen.last_word("error", &printable(&failure.sentence()));
        }
        if let Some(json) = &self.json {
            json.observe(&Event::Problem(&Problem::new("log", &failure.sentence())));
        }
    }

    fn warn(&self, text: impl AsRef<str>) {
        self.observe(&Event::Warning(text.as_ref()));
    }
}

fn print_json<T: Serialize>(line: &Last<'_, T>) -> io::Result<()> {
    print(&serde_json::to_string(line)?)
}

/// What a command came to that had to print a text, and did so like this. A reader that has gone away is no failure.
pub fn printed(printed: io::Result<()>) -> Exit {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!(
                "cback: error: standard output cannot be written: {error}"
            ));
            Exit::Failed
        }
        _ => Exit::Well,
    }
}

/// Prints `text` and a line's end. A reader that has gone away is no failure.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Says that the last line is missing, and what a run means then that would end with `exit`.
fn unprinted(exit: Exit, error: &io::Error) -> Exit {
    say(&format!("cback: error: the end cannot be printed: {error}"));
    match exit {
        Exit::Well => Exit::Failed,
        exit => exit,
    }
}

/// For arguments that cannot be understood, where there is no session yet: the end, as an object.
pub fn refuse(error: &str) -> Exit {
    let printed = print_json(&Last::Finished::<()> {
        status: Exit::Arguments.number(),
        problems: 0,
        warnings: 0,
        error: Some(error.to_owned()),
        advice: None,
    });
    if let Err(error) = printed {
        unprinted(Exit::Arguments, &error);
    }
    Exit::Arguments
}

fn detail(common: &Common) -> Detail {
    match (common.debug, common.output) {
        (true, _) => Detail::Debug,
        (false, true) => Detail::Output,
        (false, false) => Detail::Normal,
    }
}
/// The failure of whoever needs a configuration that cannot be used.
pub fn unusable(error: &ConfigError) -> Failure {
    let advice = match error {
        ConfigError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
            "name it with -c FILE, or write one with `cback config init`; `cback quickstart DIR` needs none",
        ),
        ConfigError::Unreadable { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
            Some("name the file, with -c FILE")
        }
        ConfigError::Unreadable { .. } => {
            Some("let the user who runs this read it, or name another one with -c FILE")
        }
        _ => None,
    };
    Failure::of(Exit::Config, error).advised(advice.map(str::to_owned))
}
