//! Arguments, exit codes, hints.

mod agent;
mod amazons3_sync;
mod args;
mod changer;
mod config;
mod diagnostics;
mod disc;
mod dry_run;
mod exit;
mod failure;
mod help;
mod interrupt;
mod machine;
mod man;
mod managed;
mod meant;
mod parse;
mod program;
mod quickstart;
mod restore;
mod run;
mod session;
mod span;
mod status;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use args::Command;
use program::{Defaults, Tool};
use session::{Failure, Session};

use crate::event::printable_path;

pub use args::Arguments;
pub use exit::Exit;

/// Runs the program on the process's own arguments.
pub fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let called = line.first().cloned().unwrap_or_default();
    let (tool, defaults) = program::named(&called, Path::exists);
    let wants_json = parse::wants_json(&line);
    let exit = match tool {
        Tool::Main => parse::parse(&line, defaults).map(|arguments| obey(&arguments, defaults)),
        Tool::Span => parse::tool(&line, defaults).map(|arguments: args::Span| {
            failure::on_panic(&arguments.common);
            span::run(&arguments)
        }),
        Tool::AmazonS3Sync => parse::tool(&line, defaults).map(|arguments: args::AmazonS3Sync| {
            failure::on_panic(&arguments.common);
            amazons3_sync::run(&arguments)
        }),
    };
    let exit = exit.unwrap_or_else(|error| {
        let exit = parse::tell(&error);
        if error.use_stderr() && wants_json {
            return session::refuse(&parse::sentence(&error));
        }
        exit
    });
    exit.into()
}

/// Does what `cback` was asked for.
fn obey(arguments: &Arguments, defaults: Defaults) -> Exit {
    let common = &arguments.common;
    failure::on_panic(common);
    match &arguments.command {
        None if arguments.diagnostics => diagnostics::run(common),
        None => run::run(arguments),
        Some(Command::Quickstart(wish)) => quickstart::run(common, wish),
        Some(Command::Restore(wish)) => restore::run(common, wish),
        Some(Command::Agent(wish)) => agent::run(common, wish),
        Some(Command::Status(wish)) => status::run(common, wish),
        Some(Command::Config(wish)) => config::run(common, wish),
        Some(Command::Changer(wish)) => changer::run(common, &wish.command),
        Some(Command::Disc(wish)) => disc::run(common, &wish.command),
        Some(Command::Help(wish)) => help::run(common, wish, defaults),
        Some(Command::Completions { shell }) => session::printed(man::completions(*shell)),
        Some(Command::Man { into }) => {
            let session = Session::without_log(common);
            let written = man::write(into).map(|()| Exit::Well);
            session.end(&written.map_err(|error| {
                let path = printable_path(into);
                Failure::new(Exit::Failed, format!("cannot write into {path}: {error}"))
            }))
        }
    }
}
