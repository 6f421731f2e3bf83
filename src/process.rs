//! Outside programs: a [`Command`] is a value that can be printed and compared, a [`Runner`] runs it.
//!
//! Hides how a program is kept on a leash. It has a session of its own, so that it and whatever it starts are ended
//! together: at its time limit, when its owner loses interest, or when we are interrupted ([`end_all`]). It has no
//! terminal to ask questions on. It can write as much as it likes to both of its streams without anybody waiting for
//! anybody. Its locale is C, so that what it prints can be parsed.
//!
//! The command and each line that it prints go to the log's output stream ([`crate::event::OUTPUT`]). What it is
//! fed does not, nor its environment: a password is given through [`Command::input`] or a file, never in a word.

mod announce;
mod child;
mod command;
mod ended;
mod group;
mod lines;
#[cfg(test)]
pub(crate) mod made;
mod run_as;
mod running;
mod scripted;
mod secrets;
mod system;
mod tend;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

pub use command::Command;
pub use ended::{Ended, RunError, Status};
pub use group::end_all;
pub use run_as::{RunAs, RunAsError};
pub use running::Running;
pub use scripted::{Answer, Scripted};
pub use system::System;

/// What becomes of a program's standard output. Its standard error goes line by line to the log, always.
pub enum Stdout<'a> {
    /// Line by line to the log, in order with standard error.
    Lines,
    /// Byte by byte to a writer, while the program runs, and not to the log.
    Bytes(&'a mut (dyn Write + Send)),
    /// Into memory, for output that is small (64 MiB at most), and line by line to the log.
    Keep(&'a mut Vec<u8>),
}

/// Somebody who runs programs.
pub trait Runner: Sync {
    /// Runs `command` to its end. How it ended is no error: ask [`Ended::ok`]. An error is a program that could
    /// not be started, or output that could not be taken.
    fn run(&self, command: &Command, stdout: Stdout<'_>) -> Result<Ended, RunError>;
}

/// Where the program of that name is: the first in `PATH` that may be executed; a name with a slash is a path.
/// Overrides are [`System::find`]'s business.
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = Path::new(program.as_ref());
    if program.as_os_str().is_empty() {
        return None;
    }
    if program.components().count() > 1 || program.is_absolute() {
        return runs(program).then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| runs(candidate))
}

fn runs(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests;
