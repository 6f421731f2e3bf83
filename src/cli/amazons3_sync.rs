//! `cback-amazons3-sync`: any directory to a bucket, without a configuration.

use std::path::Path;

use serde::Serialize;

use super::args;
use super::diagnostics;
use super::exit::Exit;
use super::session::{Failure, Session};
use crate::event::{Tell as _, bytes, printable_path};
use crate::process::System;
use crate::upload::{Bucket, Names, Transfer, Uploader};

/// What is in the bucket as it is in the directory.
#[derive(Debug, Serialize)]
struct Mirrored {
    url: String,
    files: u64,
    bytes: u64,
}

/// Mirrors what `arguments` name.
pub fn run(arguments: &args::AmazonS3Sync) -> Exit {
    if arguments.diagnostics {
        return diagnostics::run(&arguments.common);
    }
    let session = match Session::open(&arguments.common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let outcome = match (&arguments.source, &arguments.url) {
        (Some(source), Some(url)) => mirror(&session, arguments, source, url),
        // OK: parsing demands both
        _ => Ok(Exit::Arguments),
    };
    session.end(&outcome)
}

fn mirror(
    session: &Session,
    arguments: &args::AmazonS3Sync,
    source: &Path,
    url: &str,
) -> Result<Exit, Failure> {
    let bucket: Bucket = url
        .parse()
        .map_err(|error| Failure::of(Exit::Arguments, error))?;
    let monitor = session.monitor();
    let system = System::new(monitor);
    let uploader = Uploader {
        runner: &system,
        user: None,
        monitor,
    };
    let transfer = match (arguments.verify_only, arguments.upload_only) {
        (true, _) => Transfer::Verify,
        (false, true) => Transfer::Upload,
        (false, false) => Transfer::Mirror,
    };
    let names = if arguments.ignore_warnings {
        Names::Ignore
    } else {
        Names::Check
    };
    let done = uploader
        .mirror(source, &bucket, transfer, names)
        .map_err(|error| {
            Failure::of(Exit::Failed, error)
                .advise("see what is named above; with --output the log has what aws prints")
        })?;
    let mirrored = Mirrored {
        url: bucket.url(),
        files: done.files,
        bytes: done.bytes,
    };
    let source = printable_path(source);
    let text = format!(
        "{source} is in {}: {} files, {}",
        mirrored.url,
        mirrored.files,
        bytes(mirrored.bytes)
    );
    monitor.note(&text);
    if arguments.common.json {
        session.show(&mirrored, |_| text.clone());
    }
    Ok(Exit::Well)
}
