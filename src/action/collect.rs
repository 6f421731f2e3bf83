//! `collect`: this machine's sources become archives in its collect directory.

use std::path::Path;

use super::look::{self, Access, Finding};
use super::preview::{self, Collecting, Source};
use super::{ActionError, Context, Extent};
use crate::collect::{self, Decision, Full, Request, Shape};
use crate::event::{self, Tell as _};

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let summary = collect::run(&request(cx)?, cx.monitor)?;
    cx.monitor.note(format!(
        "collected {} of {} sources: {} of {} entries were stored, {} in archives of {}",
        summary.sources,
        summary.sources + summary.not_due,
        summary.stored,
        summary.entries,
        event::bytes(summary.read),
        event::bytes(summary.bytes)
    ));
    Ok(())
}

/// What collecting would do.
pub(super) fn preview(cx: &Context<'_>) -> Result<Collecting, ActionError> {
    let request = request(cx)?;
    let mut sources = Vec::new();
    collect::preview(&request, cx.monitor, &mut |one| {
        sources.push(Source {
            path: preview::shown(&one.path),
            archive: preview::shown(Path::new(&one.name)),
            mode: match one.decision {
                Decision::Full => "full",
                Decision::Incremental => "incremental",
                Decision::NotToday => "not_today",
            },
            last: one.last.map(|day| day.to_string()),
            entries: one.entries,
            files: one.files,
            bytes: one.bytes,
        });
    })?;
    Ok(Collecting {
        into: preview::shown(request.collect_dir),
        sources,
    })
}

fn request<'a>(cx: &Context<'a>) -> Result<Request<'a>, ActionError> {
    let section = cx
        .config
        .collect
        .as_ref()
        .ok_or(ActionError::NoSection("collect"))?;
    if section.sources.is_empty() {
        return Err(ActionError::NothingToCollect);
    }
    Ok(Request {
        sources: &section.sources,
        collect_dir: &section.collect_dir,
        working_dir: &cx.config.options.working_dir,
        day: cx.day,
        start: cx.config.options.starting_day,
        full: match cx.extent {
            Extent::Full => Full::Yes,
            Extent::Configured => Full::No,
        },
        ids: cx.ids,
        now: cx.clock.now(),
    })
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let Some(section) = &cx.config.collect else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    findings.extend(look::dir(
        "collect directory",
        &section.collect_dir,
        Access::Write,
    ));
    for source in &section.sources {
        findings.extend(match source.shape {
            Shape::File => look::file("file to collect", &source.path),
            Shape::Dir { .. } => look::dir("directory to collect", &source.path, Access::Read),
        });
    }
    findings
}
