//! Running programs for real.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::announce::announce;
use super::child::detach;
use super::command::{Command, Shell};
use super::ended::{Ended, RunError};
use super::group;
use super::lines::Lines;
use super::running::Running;
use super::tend::{Fault, KEPT, Taker, Tended};
use super::{Runner, Stdout};
use crate::event::{Monitor, Tell as _, printable_bytes};

/// The least time between two looks at a program that is watched.
const PAUSE: Duration = Duration::from_millis(100);

/// This machine's programs, with the configuration's overrides.
pub struct System<'a> {
    monitor: &'a dyn Monitor,
    overrides: Vec<(String, PathBuf)>,
}

impl<'a> System<'a> {
    /// The programs that `PATH` finds. What is odd about one is told to `monitor`.
    pub fn new(monitor: &'a dyn Monitor) -> Self {
        Self {
            monitor,
            overrides: Vec::new(),
        }
    }

    /// The program called exactly `name` is at `path`. Of several for one name the last counts. A hook's words are
    /// its shell's, and stay as they are.
    #[must_use]
    pub fn overriding(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.overrides.push((name.into(), path.into()));
        self
    }

    /// Whether an override says where the program called `name` is.
    pub fn overrides(&self, name: impl AsRef<OsStr>) -> bool {
        let name = name.as_ref();
        self.overrides.iter().any(|row| name == &*row.0)
    }

    /// Where the program called `name` is: where an override says, or as [`super::find`] finds it.
    pub fn find(&self, name: impl AsRef<OsStr>) -> Option<PathBuf> {
        super::find(self.overridden(name.as_ref()))
    }

    /// Starts `command` with pipes to its standard input and output, for those who talk with it while it runs.
    pub fn spawn(&self, command: &Command) -> Result<Running, RunError> {
        announce(command);
        let mut prepared = self.prepare(command);
        let fault = |source| self.start_error(command, source);
        let (leash, held) = io::pipe().map_err(fault)?;
        prepared
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, group) = group::start(&mut prepared).map_err(fault)?;
        let stdin = child.stdin.take();
        let (stdin, input) = if command.input.0.is_empty() {
            (stdin, None)
        } else {
            (None, stdin.map(|pipe| (pipe, command.input.0.clone())))
        };
        let stdout = child.stdout.take();
        let lines = child.stderr.take().map(OwnedFd::from).map(File::from);
        let tended = Tended {
            child,
            group,
            deadline: deadline(command),
            input,
            output: None,
            lines,
            secrets: command.secrets.clone(),
            stranger: command.stranger.clone(),
            leash: Some(leash.into()),
        };
        Running::new(command, stdin, stdout, held, tended)
    }

    fn overridden<'n>(&'n self, name: &'n OsStr) -> &'n OsStr {
        let found = self.overrides.iter().rev().find(|row| name == &*row.0);
        found.map_or(name, |(_, path)| path.as_os_str())
    }

    fn start_error(&self, command: &Command, source: io::Error) -> RunError {
        let found = self.overridden(&command.program);
        let instead = match command.shell {
            Shell::No if found != command.program => {
                Some(format!("`{}`", printable_bytes(found.as_bytes())))
            }
            _ => None,
        };
        if source.kind() == io::ErrorKind::NotFound && self.find(&command.program).is_none() {
            let named = format!("`{}`", printable_bytes(command.program.as_bytes()));
            return RunError::Missing {
                program: match instead {
                    Some(path) => format!(
                        "{path}, which an <override> of the configuration names for {named}"
                    ),
                    None => named,
                },
            };
        }
        RunError::Start {
            command: match instead {
                Some(path) => format!("`{command}` as {path}, which an <override> names"),
                None => format!("`{command}`"),
            },
            source,
        }
    }

    fn prepare(&self, command: &Command) -> process::Command {
        let program = match command.shell {
            Shell::Yes => command.program.as_os_str(),
            Shell::No => self.overridden(&command.program),
        };
        let mut prepared = process::Command::new(program);
        prepared.args(&command.args);
        let user = command.user.as_ref();
        if detach(&mut prepared, user).is_some()
            && let Some(user) = user
        {
            prepared
                .env("HOME", &user.home)
                .env("USER", &user.name)
                .env("LOGNAME", &user.name)
                .current_dir("/");
        }
        prepared.envs(command.env.iter().map(|(key, value)| (key, value)));
        prepared.env("LC_ALL", "C");
        if let Some(cwd) = &command.cwd {
            prepared.current_dir(cwd);
        }
        prepared
    }
}

impl System<'_> {
    /// Runs `command` to its end as [`Runner::run`] does, and lets `look` look at what it does: a tenth of a second
    /// after each look, or ten times as long as the last one took, and once when it has ended. When `look` says that
    /// it is enough, the program and all that it started are ended, and its error is the outcome.
    pub fn run_watched<E: From<RunError> + Send>(
        &self,
        command: &Command,
        stdout: Stdout<'_>,
        mut look: impl FnMut() -> Result<(), E> + Send,
    ) -> Result<Ended, E> {
        let fault = |source| run_error(command, Fault::Io(source));
        let (leash, held) = io::pipe().map_err(fault)?;
        let (over, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let watch = thread::Builder::new().name("watch".to_owned());
            let watcher = watch
                .spawn_scoped(scope, move || {
                    let mut pause = PAUSE;
                    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                        let began = Instant::now();
                        if let Err(enough) = look() {
                            drop(held);
                            return Err(enough);
                        }
                        pause = PAUSE.max(began.elapsed() * 10);
                    }
                    look()
                })
                .map_err(fault)?;
            let outcome = self.run_on(command, stdout, Some(leash.into()));
            drop(over);
            match watcher.join() {
                Ok(seen) => seen?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            Ok(outcome?)
        })
    }

    fn run_on(
        &self,
        command: &Command,
        stdout: Stdout<'_>,
        leash: Option<OwnedFd>,
    ) -> Result<Ended, RunError> {
        announce(command);
        let fault = |source| self.start_error(command, source);
        let mut prepared = self.prepare(command);
        prepared.stdin(if command.input.0.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let (lines, stderr) = io::pipe().map_err(fault)?;
        let mut output = None;
        match stdout {
            // One pipe for both keeps their order.
            Stdout::Lines => {
                prepared.stdout(stderr.try_clone().map_err(fault)?);
            }
            Stdout::Bytes(out) => output = Some(Taker::Bytes(out)),
            Stdout::Keep(kept) => output = Some(Taker::Keep(kept, Lines::default())),
        }
        if output.is_some() {
            prepared.stdout(Stdio::piped());
        }
        prepared.stderr(stderr);
        let started = group::start(&mut prepared);
        // It holds the pipe's other end, and reading would never end.
        drop(prepared);
        let (mut child, group) = started.map_err(fault)?;
        let input = child.stdin.take();
        let stdout = child.stdout.take().map(OwnedFd::from).map(File::from);
        let tended = Tended {
            child,
            group,
            deadline: deadline(command),
            input: input.map(|pipe| (pipe, command.input.0.clone())),
            output: stdout.zip(output),
            lines: Some(OwnedFd::from(lines).into()),
            secrets: command.secrets.clone(),
            stranger: command.stranger.clone(),
            leash,
        };
        let tale = tended.stay().map_err(|fault| run_error(command, fault))?;
        if tale.left_behind {
            self.monitor.warn(format!(
                "`{command}` has ended, but left something running that holds its output"
            ));
        }
        Ok(tale.ended)
    }
}

impl Runner for System<'_> {
    fn run(&self, command: &Command, stdout: Stdout<'_>) -> Result<Ended, RunError> {
        self.run_on(command, stdout, None)
    }
}

fn deadline(command: &Command) -> Option<Instant> {
    let limit = command.time_limit?;
    Instant::now().checked_add(limit)
}

pub(super) fn run_error(command: &Command, fault: Fault) -> RunError {
    let command = format!("`{command}`");
    match fault {
        Fault::Io(source) => RunError::Output { command, source },
        Fault::TooMuch => RunError::TooMuch {
            command,
            limit: KEPT,
        },
    }
}
