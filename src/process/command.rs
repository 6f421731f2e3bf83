//! An outside program to run, as a value.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run_as::RunAs;
use super::secrets::Secrets;
use crate::event::printable_bytes;
use crate::units::CommandLine;

/// An outside program to run: its words and its surroundings. Printed, it is the words quoted for a shell, for
/// people and logs only; what it is fed is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) input: Input,
    pub(super) secrets: Secrets,
    pub(super) user: Option<RunAs>,
    pub(super) time_limit: Option<Duration>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) shell: Shell,
    pub(super) stranger: Option<String>,
}

/// Whether the words are a shell's, written by the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    Yes,
    No,
}

/// What a program is fed. It may be secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Input(pub(super) Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Command {
    /// The program of that name, found in `PATH` or by an override, or at that path. No arguments, empty standard
    /// input, our own environment with `LC_ALL=C`, no time limit.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            input: Input::default(),
            secrets: Secrets::default(),
            user: None,
            time_limit: None,
            cwd: None,
            shell: Shell::No,
            stranger: None,
        }
    }

    /// The words of a configured command.
    pub fn of_line(line: &CommandLine) -> Self {
        let mut words = line.words().into_iter();
        Self::new(words.next().unwrap_or_default()).args(words)
    }

    /// Text that the administrator wrote for a shell: only hooks.
    pub fn shell(text: impl AsRef<OsStr>) -> Self {
        let mut command = Self::new("/bin/sh").arg("-c").arg(text.as_ref());
        command.shell = Shell::Yes;
        command
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One more variable in the environment. Others can read it: never a secret.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// What it reads from its standard input; a secret may be in it.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input(bytes.into());
        self
    }

    /// A word that must not be repeated: in what the program prints, stars stand for it in the log and in messages.
    /// It is for what programs say of users and passwords that they were given elsewhere.
    #[must_use]
    pub fn hide(mut self, secret: impl Into<String>) -> Self {
        self.secrets.add(secret.into());
        self
    }

    /// Run as `user` if this process is root, and otherwise as who we are: with the user's groups, `HOME`,
    /// `USER` and `LOGNAME`, and in `/` unless [`cwd`](Self::cwd) says otherwise.
    #[must_use]
    pub fn as_user(mut self, user: &RunAs) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// After this time it and all that it started are asked to end (SIGTERM), and five seconds later made to (SIGKILL).
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// What it prints comes from elsewhere: in the log it stands behind `name` and a colon, and only some thousand
    /// lines of it.
    #[must_use]
    pub fn speaks_for(mut self, name: impl Into<String>) -> Self {
        self.stranger = Some(name.into());
        self
    }

    /// The directory in which it runs.
    #[must_use]
    pub fn cwd(mut self, path: impl AsRef<Path>) -> Self {
        self.cwd = Some(path.as_ref().to_owned());
        self
    }

    /// The program's name or path, before overrides.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shell == Shell::Yes
            && let Some(text) = self.args.last()
        {
            return f.write_str(&printable_bytes(text.as_bytes()));
        }
        write!(f, "{}", quoted(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// A word as a shell would take it; control characters become visible.
fn quoted(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("'{}'", printable_bytes(bytes).replace('\'', r"'\''"))
}
