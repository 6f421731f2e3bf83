//! `mbox`: mailboxes, by date.

use std::path::PathBuf;

use chrono::{DateTime, Local, NaiveDateTime};

use super::{ExtendError, due, programs};
use crate::action::look::{self, Access};
use crate::action::{Context, Finding};
use crate::collect::Decision;
use crate::config::{self, Dump, DumpDir};
use crate::dump::{Dumper, Mailboxes, Wanted};
use crate::event::{Problem, Tell as _};

fn section<'a>(cx: &Context<'a>) -> Result<&'a config::Mbox, ExtendError> {
    let section = cx.config.mbox.as_ref();
    section.ok_or(ExtendError::NoSection("mbox"))
}

fn mailboxes(dump: &Dump) -> Mailboxes {
    Mailboxes {
        path: dump.path.clone(),
        name: dump.name.clone(),
        compression: dump.compression,
    }
}

/// What is to be dumped of `dump` today; `None`: nothing.
fn wanted(cx: &Context<'_>, dumper: &Dumper<'_>, dump: &Dump) -> Option<Wanted> {
    let start = cx.config.options.starting_day;
    let state = dumper.mail_state(&mailboxes(dump), start);
    match due::due(cx, dump, state.as_ref().map(|known| known.state)) {
        Decision::NotToday => None,
        Decision::Full => Some(Wanted::Full),
        Decision::Incremental => Some(state.map_or(Wanted::Full, Wanted::Since)),
    }
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let section = section(cx)?;
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    let start = cx.config.options.starting_day;
    for dump in &section.files {
        let Some(wanted) = wanted(cx, &dumper, dump) else {
            cx.monitor
                .note(format!("mailbox {} is not due today", dump.path));
            continue;
        };
        let done = dumper.mailbox(&mailboxes(dump), &wanted, now(cx), start);
        if let Err(error) = done {
            programs::told(cx, &format!("mailbox {}", dump.path), error)?;
        }
    }
    for dir in &section.dirs {
        let Some(wanted) = wanted(cx, &dumper, &dir.all) else {
            let note = format!("directory {} is not due today", dir.all.path);
            cx.monitor.note(note);
            continue;
        };
        let Some(files) = files(cx, dir) else {
            continue;
        };
        let done = dumper.mailboxes(&mailboxes(&dir.all), &files, &wanted, now(cx), start);
        if let Err(error) = done {
            let subject = format!("directory of mailboxes {}", dir.all.path);
            programs::told(cx, &subject, error)?;
        }
    }
    Ok(())
}

/// The mailboxes in `dir`. None at all is a problem: it might not be mounted.
fn files(cx: &Context<'_>, dir: &DumpDir) -> Option<Vec<PathBuf>> {
    let path = &dir.all.path;
    let reason = match due::children(cx, dir) {
        Ok(mut files) => {
            // Links to files are followed; what cannot be looked at is told when it is dumped.
            files.retain(|path| path.metadata().map_or(true, |stat| stat.is_file()));
            if !files.is_empty() {
                return Some(files);
            }
            "nothing was dumped: there is no mailbox in it".to_owned()
        }
        Err(error) => format!("nothing was dumped: {error}"),
    };
    cx.monitor.problem(&Problem::with_file(path, &reason));
    None
}

/// The local time.
fn now(cx: &Context<'_>) -> NaiveDateTime {
    DateTime::<Local>::from(cx.clock.now()).naive_local()
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let section = section(cx)?;
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    let files = section.files.iter().map(|dump| ("mailbox", dump));
    let dirs = section
        .dirs
        .iter()
        .map(|dir| ("the mailboxes in", &dir.all));
    let lines = files.chain(dirs).filter_map(|(what, dump)| {
        let how = match wanted(cx, &dumper, dump)? {
            Wanted::Full => "all of",
            Wanted::Since(_) => "what is new in",
        };
        Some(format!("would dump {how} {what} {}", dump.path))
    });
    Ok(lines.collect())
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let section = match section(cx) {
        Ok(section) => section,
        Err(error) => return vec![error.finding()],
    };
    let mut findings = programs::check(cx, &[]);
    for dump in &section.files {
        findings.extend(look::file("mailbox", &dump.path));
    }
    for dir in &section.dirs {
        let path = &dir.all.path;
        findings.extend(look::dir("directory of mailboxes", path, Access::Read));
    }
    findings
}
