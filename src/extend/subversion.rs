//! `subversion`: repositories, by revision.

use std::collections::BTreeSet;

use super::{ExtendError, due, programs};
use crate::action::look::{self, Access};
use crate::action::{Context, Finding};
use crate::collect::Decision;
use crate::config::{self, Dump};
use crate::dump::{Dumped, Dumper, Range, Repository};
use crate::event::{Problem, Tell as _};
use crate::units::{AbsPath, ArchiveName};

fn section<'a>(cx: &Context<'a>) -> Result<&'a config::Subversion, ExtendError> {
    let section = cx.config.subversion.as_ref();
    section.ok_or(ExtendError::NoSection("subversion"))
}

/// Every repository with what the configuration says of it. A directory that cannot be looked into is a problem.
fn repositories(cx: &Context<'_>, section: &config::Subversion) -> Vec<Dump> {
    let mut all = section.repositories.clone();
    for dir in &section.dirs {
        let children = match due::children(cx, dir) {
            Ok(children) => children,
            Err(error) => {
                let reason = format!("no repository in it was dumped: {error}");
                cx.monitor
                    .problem(&Problem::with_file(&dir.all.path, &reason));
                continue;
            }
        };
        let before = all.len();
        for path in children {
            let is_dir = path.symlink_metadata().is_ok_and(|stat| stat.is_dir());
            if let (true, Ok(path)) = (is_dir, AbsPath::new(path)) {
                let name = ArchiveName::of(&path, dir.all.name.naming());
                all.push(Dump {
                    path,
                    name,
                    ..dir.all.clone()
                });
            }
        }
        if all.len() == before {
            // It might not be mounted.
            let reason = "nothing was dumped: there is no repository in it";
            cx.monitor
                .problem(&Problem::with_file(&dir.all.path, reason));
        }
    }
    all
}

fn repository(dump: &Dump) -> Repository {
    Repository {
        path: dump.path.clone(),
        name: dump.name.clone(),
        compression: dump.compression,
    }
}

/// What is to be dumped of `dump` today; `None`: nothing.
fn range(cx: &Context<'_>, dumper: &Dumper<'_>, dump: &Dump) -> Option<Range> {
    let start = cx.config.options.starting_day;
    let state = dumper.svn_state(&repository(dump), start);
    match due::due(cx, dump, state.as_ref().map(|known| known.state)) {
        Decision::NotToday => None,
        Decision::Full => Some(Range::Full),
        Decision::Incremental => Some(state.map_or(Range::Full, Range::Since)),
    }
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let section = section(cx)?;
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    let mut names = BTreeSet::new();
    for dump in repositories(cx, section) {
        let subject = format!("repository {}", dump.path);
        if !names.insert(dump.name.clone()) {
            let reason = format!(
                "was not dumped: another repository's files have the same name, `{}`",
                dump.name
            );
            cx.monitor.problem(&Problem::new(subject, &reason));
            continue;
        }
        let Some(range) = range(cx, &dumper, &dump) else {
            cx.monitor.note(format!("{subject} is not due today"));
            continue;
        };
        let start = cx.config.options.starting_day;
        match dumper.repository(&repository(&dump), &range, start) {
            Ok(Dumped::Revisions(first, last)) => cx
                .monitor
                .note(format!("{subject}: dumped revisions {first} to {last}")),
            Ok(Dumped::NothingNew) => cx.monitor.note(format!("{subject}: there is nothing new")),
            Err(error) => programs::told(cx, &subject, error)?,
        }
    }
    Ok(())
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let section = section(cx)?;
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    let lines = repositories(cx, section).into_iter().filter_map(|dump| {
        let what = match range(cx, &dumper, &dump)? {
            Range::Full => "all revisions".to_owned(),
            Range::Since(known) => format!("the revisions after {}", known.last),
        };
        Some(format!("would dump {what} of repository {}", dump.path))
    });
    Ok(lines.collect())
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let section = match section(cx) {
        Ok(section) => section,
        Err(error) => return vec![error.finding()],
    };
    let mut findings = programs::check(cx, &["svnlook", "svnadmin"]);
    for dump in &section.repositories {
        findings.extend(look::dir("repository", &dump.path, Access::Read));
    }
    for dir in &section.dirs {
        let path = &dir.all.path;
        findings.extend(look::dir("directory of repositories", path, Access::Read));
    }
    findings
}
