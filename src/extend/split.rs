//! `split`: staged files that are too large are cut into parts.

use super::{ExtendError, staged};
use crate::action::{Context, Finding};
use crate::config;
use crate::event::{self, Problem, Tell as _};
use crate::fsx;
use crate::split::{Rule, candidates, split};

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
    for daily in staged::days(cx)? {
        let summary = match split(&daily, rule, cx.ids, cx.monitor) {
            Ok(summary) => summary,
            // Where there is no room, there is none for other days either.
            Err(error) if fsx::is_full(&error) => return Err(staged::at(&daily)(error)),
            Err(error) => {
                // A day that is not split can be stored all the same, and other days get their turn.
                let error = staged::at(&daily)(error);
                let problem = Problem::new(daily.day().to_string(), &error);
                cx.monitor.problem(&problem);
                continue;
            }
        };
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
    for daily in staged::days(cx)? {
        for file in candidates(&daily, rule).map_err(staged::at(&daily))? {
            let path = daily.backup_path(&file.name);
            lines.push(format!(
                "would cut {} ({}) into {} parts",
                event::printable_path(path),
                event::bytes(file.bytes),
                file.bytes.div_ceil(rule.part.0.max(1))
            ));
        }
    }
    Ok(lines)
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = staged::check(cx);
    if let Err(error) = rule(cx) {
        findings.push(error.finding());
    }
    findings
}
