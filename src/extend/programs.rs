//! What extensions that run other programs have in common.

use super::ExtendError;
use crate::action::look::{self, Access};
use crate::action::{self, Context, Finding};
use crate::dump::{DumpError, Dumper};
use crate::event::{Problem, Tell as _};
use crate::fsx;
use crate::process::System;
use crate::units::AbsPath;

/// This machine's programs, with the configuration's overrides.
pub(super) fn system<'a>(cx: &Context<'a>) -> System<'a> {
    action::programs(cx.config, cx.monitor)
}

/// Where collected things go.
pub(super) fn collect_dir<'a>(cx: &Context<'a>) -> Result<&'a AbsPath, ExtendError> {
    let section = cx.config.collect.as_ref();
    section
        .map(|section| &section.collect_dir)
        .ok_or(ExtendError::NoSection("collect"))
}

/// Somebody who fills this machine's collect directory.
pub(super) fn dumper<'a>(
    cx: &Context<'a>,
    system: &'a System<'a>,
) -> Result<Dumper<'a>, ExtendError> {
    Ok(Dumper {
        runner: system,
        collect_dir: collect_dir(cx)?,
        working_dir: &cx.config.options.working_dir,
        day: cx.day,
        ids: cx.ids,
        monitor: cx.monitor,
    })
}

/// Tells that `subject` was not dumped. Where there is no room, the others would find none either: then it is an error.
pub(super) fn told(cx: &Context<'_>, subject: &str, error: DumpError) -> Result<(), ExtendError> {
    if let DumpError::Write { source, .. } = &error
        && fsx::is_full(source)
    {
        return Err(error.into());
    }
    let reason = format!("was not dumped: {error}");
    cx.monitor.problem(&Problem::new(subject, &reason));
    Ok(())
}

/// What is wrong with the collect directory, and which of `programs` there are not.
pub(super) fn check(cx: &Context<'_>, programs: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    match collect_dir(cx) {
        // Where it is wrong, the collect action says so, too.
        Ok(dir) => findings.extend(look::dir("collect directory", dir, Access::Write)),
        Err(error) => findings.push(error.finding()),
    }
    findings.extend(missing(cx, programs));
    findings
}

/// Which of `programs` there are not.
pub(super) fn missing(cx: &Context<'_>, programs: &[&str]) -> Vec<Finding> {
    let system = system(cx);
    // Of a program that an override names, `validate` itself says whether it is there.
    let missing = programs
        .iter()
        .filter(|program| !system.overrides(program) && system.find(program).is_none());
    missing
        .map(|program| {
            Finding::new(
                format!("there is no program `{program}`"),
                "install it, or name its place with an <override>",
            )
        })
        .collect()
}
