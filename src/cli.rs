//! Arguments, exit codes, hints.

mod args;
mod exit;
mod man;

use std::process::ExitCode;

use clap::Parser as _;

use args::Command;

pub use args::Arguments;
pub use exit::Exit;

/// Runs the program on the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match &arguments.command {
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
        _ => Exit::Arguments,
    };
    exit.into()
}
