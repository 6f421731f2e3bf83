//! `sysinfo`: what is installed, how the disks are partitioned, which files there are.

use std::ffi::OsString;
use std::path::Path;

use super::{ExtendError, programs};
use crate::action::{Context, Finding};
use crate::dump::Facts;
use crate::event::{Tell as _, printable_path};
use crate::process::System;

/// The program that knows `facts`, if this machine has one.
fn program(system: &System<'_>, facts: Facts) -> Option<OsString> {
    let elsewhere = facts.elsewhere().iter().copied();
    let names = std::iter::once(facts.program()).chain(elsewhere);
    let mut there: Vec<&str> = names.filter(|name| system.find(name).is_some()).collect();
    // What an override names, by whichever name, is meant.
    there.sort_by_key(|name| !system.overrides(name));
    there.first().map(OsString::from)
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let system = programs::system(cx);
    let dumper = programs::dumper(cx, &system)?;
    for facts in Facts::ALL {
        let Some(program) = program(&system, facts) else {
            let name = Path::new(facts.program()).file_name().unwrap_or_default();
            cx.monitor.note(format!(
                "this machine has no {}; there will be no {}",
                printable_path(name),
                facts.stem()
            ));
            continue;
        };
        if let Err(error) = dumper.facts(facts, &program) {
            programs::told(cx, facts.stem(), error)?;
        }
    }
    Ok(())
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let system = programs::system(cx);
    let dir = programs::collect_dir(cx)?;
    let there = Facts::ALL
        .into_iter()
        .filter_map(|facts| Some((facts, program(&system, facts)?)));
    Ok(there
        .map(|(facts, program)| {
            format!(
                "would write {dir}/{}.bz2 with `{}`",
                facts.stem(),
                facts.command(program)
            )
        })
        .collect())
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    programs::check(cx, &["ls"])
}
