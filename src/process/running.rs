//! A program that is talked with while it runs.

use std::io::{self, PipeWriter};
use std::process::{ChildStdin, ChildStdout};
use std::thread::{self, JoinHandle};

use super::command::Command;
use super::ended::{Ended, RunError};
use super::system::run_error;
use super::tend::{Fault, Tale, Tended};

/// A program that runs, with pipes to its standard input and output; its standard error goes to the log by itself.
/// When this is dropped the program and all that it started are ended and waited for.
///
/// Who writes much and reads much at once takes both pipes, and uses a thread for one of them.
#[derive(Debug)]
pub struct Running {
    /// Its standard input; dropping it is the end of file. `None` if [`Command::input`] says what it is fed.
    pub stdin: Option<ChildStdin>,
    /// Its standard output.
    pub stdout: Option<ChildStdout>,
    command: Command,
    leash: Option<PipeWriter>,
    tender: Option<JoinHandle<Result<Tale, Fault>>>,
}

impl Running {
    pub(super) fn new(
        command: &Command,
        stdin: Option<ChildStdin>,
        stdout: Option<ChildStdout>,
        leash: PipeWriter,
        program: Tended<'static>,
    ) -> Result<Self, RunError> {
        let tender = thread::Builder::new()
            .name("program".to_owned())
            .spawn(move || program.stay())
            .map_err(|source| run_error(command, Fault::Io(source)))?;
        Ok(Self {
            stdin,
            stdout,
            command: command.clone(),
            leash: Some(leash),
            tender: Some(tender),
        })
    }

    /// Waits until it has ended. Standard input is closed before; standard output, too, if it has not been taken.
    pub fn wait(mut self) -> Result<Ended, RunError> {
        self.stdin = None;
        self.stdout = None;
        self.join()
            .map(|tale| tale.ended)
            .map_err(|fault| run_error(&self.command, fault))
    }

    fn join(&mut self) -> Result<Tale, Fault> {
        let gone = || Fault::Io(io::Error::other("its thread has gone"));
        let tender = self.tender.take().ok_or_else(gone)?;
        tender.join().map_err(|_| gone())?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stdin = None;
        self.stdout = None;
        self.leash = None;
        if self.tender.is_some() {
            // How it ended is of no interest to anybody.
            let _ = self.join();
        }
    }
}
