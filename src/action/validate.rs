//! `validate`: the configuration has been read, so it is sound; now the world is looked at.

use super::look::{self, Access, Finding};
use super::{ActionError, Context, collect, purge, stage, store};
use crate::event::{Problem, Tell as _};

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let findings = findings(cx);
    for finding in &findings {
        cx.monitor
            .problem(&Problem::new("configuration", finding.as_str()));
    }
    if findings.is_empty() {
        cx.monitor.note("Configuration is valid.");
        Ok(())
    } else {
        Err(ActionError::Invalid(findings.len()))
    }
}

fn findings(cx: &Context<'_>) -> Vec<Finding> {
    let options = &cx.config.options;
    let mut findings = Vec::new();
    findings.extend(look::dir(
        "working directory",
        &options.working_dir,
        Access::Write,
    ));
    if let Err(error) = options.owner.lookup() {
        findings.push(Finding::new(format!("backup user and group: {error}")));
    }
    findings.extend(collect::check(cx));
    findings.extend(stage::check(cx));
    findings.extend(store::check(cx));
    findings.extend(purge::check(cx));
    findings
}
