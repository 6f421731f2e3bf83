//! `split`: staged files that are too large are cut into parts.

use super::ExtendError;
use crate::action::look::{self, Access};
use crate::action::{Context, Finding};
use crate::config;
use crate::event::{self, Tell as _};
use crate::split::{Rule, candidates, split};
use crate::staging::{Daily, Staging};
use crate::units::AbsPath;

/// The staging directory.
pub(super) fn staging_dir<'a>(cx: &Context<'a>) -> Result<&'a AbsPath, ExtendError> {
    let stage = cx.config.stage.as_ref();
    stage
        .map(|stage| &stage.staging_dir)
        .ok_or(ExtendError::NoSection("stage"))
}

/// The days that have been staged, ascending.
pub(super) fn staged_days(cx: &Context<'_>) -> Result<Vec<Daily>, ExtendError> {
    let dir = staging_dir(cx)?;
    let fault = |source| ExtendError::Use {
        path: dir.clone().into(),
        source,
    };
    let mut days = Vec::new();
    for daily in Staging::new(dir.clone()).days().map_err(fault)? {
        if daily.is_staged().map_err(fault)? {
            days.push(daily);
        }
    }
    Ok(days)
}

/// An error that names the daily directory.
pub(super) fn at(daily: &Daily) -> impl Fn(std::io::Error) -> ExtendError {
    let path = daily.path().to_owned();
    move |source| ExtendError::Use {
        path: path.clone(),
        source,
    }
}

fn rule(cx: &Context<'_>) -> Result<Rule, ExtendError> {
    let section: &config::Split = cx
        .config
        .split
        .as_ref()
        .ok_or(ExtendError::NoSection("split"))?;
    Ok(Rule {
        limit: section.size_limit,
        part: section.split_size,
    })
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let rule = rule(cx)?;
    for daily in staged_days(cx)? {
        let summary = split(&daily, rule, cx.ids, cx.monitor).map_err(at(&daily))?;
        if summary.files > 0 {
            cx.monitor.note(format!(
                "{}: {} files were cut into {} parts",
                daily.day(),
                summary.files,
                summary.parts
            ));
        }
    }
    Ok(())
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let rule = rule(cx)?;
    let mut lines = Vec::new();
    for daily in staged_days(cx)? {
        for file in candidates(&daily, rule).map_err(at(&daily))? {
            let path = daily.backup_path(&file.name);
            lines.push(format!(
                "would cut {} ({}) into {} parts",
                event::printable(&path.to_string_lossy()),
                event::bytes(file.bytes),
                file.bytes.div_ceil(rule.part.0.max(1))
            ));
        }
    }
    Ok(lines)
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = rule(cx) {
        findings.push(Finding::new(error.to_string()));
    }
    match staging_dir(cx) {
        Ok(dir) => findings.extend(look::dir("staging directory", dir, Access::Write)),
        Err(error) => findings.push(Finding::new(error.to_string())),
    }
    findings
}
