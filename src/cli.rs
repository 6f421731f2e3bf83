//! Arguments, exit codes, hints.

mod args;
mod exit;
mod interrupt;
mod man;
mod quickstart;
mod restore;
mod run;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

use crate::action::Extent;
use args::Command;

pub use args::Arguments;
pub use exit::Exit;

/// Runs the program on the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let common = &arguments.common;
    let exit = match &arguments.command {
        None => {
            let extent = if arguments.full {
                Extent::Full
            } else {
                Extent::Configured
            };
            run::run(common, &arguments.actions, extent)
        }
        Some(Command::Quickstart(wish)) => quickstart::run(common, wish),
        Some(Command::Restore(wish)) => restore::run(common, wish),
        Some(Command::Completions { shell }) => {
            man::completions(*shell);
            Exit::Well
        }
        Some(Command::Man { into }) => match man::write(into) {
            Ok(()) => Exit::Well,
            Err(error) => {
                eprintln!("cback: {}: {error}", into.display());
                Exit::Failed
            }
        },
    };
    exit.into()
}
