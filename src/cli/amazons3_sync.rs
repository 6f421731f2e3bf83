//! `cback-amazons3-sync`: any directory to a bucket, without a configuration.

use super::args;
use super::diagnostics;
use super::exit::Exit;
use super::session::{Failure, Session};

/// Mirrors what `arguments` name.
pub fn run(arguments: &args::AmazonS3Sync) -> Exit {
    if arguments.diagnostics {
        return diagnostics::run(&arguments.common);
    }
    match Session::open(&arguments.common) {
        Ok(session) => session.end(&Err(Failure::new(
            Exit::Failed,
            "this version of cback cannot mirror a directory to a bucket",
        ))),
        Err(exit) => exit,
    }
}
