//! `validate`: the configuration has been read, so it is sound; now the world is looked at.

use std::path::Path;

use super::look::{self, Access, Finding};
use super::preview::Validating;
use super::{ActionError, Context, collect, purge, stage, store};
use crate::event::{Problem, Tell as _};
use crate::extend::Extension;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let findings = findings(cx);
    for finding in &findings {
        let problem = Problem::new("configuration", finding.as_str());
        cx.monitor.problem(&problem.advise(finding.mend()));
    }
    if findings.is_empty() {
        cx.monitor.note("Configuration is valid.");
        Ok(())
    } else {
        Err(ActionError::Invalid(findings.len()))
    }
}

/// What it would say.
pub(super) fn preview(cx: &Context<'_>) -> Validating {
    let findings = findings(cx);
    Validating {
        findings: findings.iter().map(|one| one.as_str().to_owned()).collect(),
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
        findings.push(Finding::new(
            format!("backup user and group: {error}"),
            "make them (adduser --system --group), or correct <backup_user> and <backup_group>",
        ));
    }
    findings.extend(programs(cx));
    findings.extend(collect::check(cx));
    findings.extend(stage::check(cx));
    findings.extend(store::check(cx));
    findings.extend(purge::check(cx));
    for extension in &cx.config.extensions.actions {
        match Extension::named(&extension.module, &extension.function) {
            Some(known) => findings.extend(known.check(cx)),
            None => findings.push(Finding::new(
                format!(
                    "the extension {} is `{}.{}`, which is not one of those that are built in",
                    extension.name, extension.module, extension.function
                ),
                "run that program from a hook of another action, or leave the extension out",
            )),
        }
    }
    // Several actions and extensions look at the same directories.
    let mut unique: Vec<Finding> = Vec::new();
    for finding in findings {
        if !unique.iter().any(|told| told.is_like(&finding)) {
            unique.push(finding);
        }
    }
    unique
}

/// The programs that the configuration names by a path of their own: overrides, and what hooks begin with.
fn programs(cx: &Context<'_>) -> Vec<Finding> {
    let options = &cx.config.options;
    let mut findings = Vec::new();
    for row in &options.overrides {
        let what = format!(
            "the program that an <override> puts in place of {}",
            row.command
        );
        findings.extend(look::program(&what, &row.path));
    }
    let before = options.pre_action_hooks.iter();
    for hook in before.chain(&options.post_action_hooks) {
        // The rest is a shell's business.
        let first = hook.command.split_whitespace().next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
        if first.starts_with('/') && first.chars().all(plain) {
            let what = format!("the hook of {}", hook.action);
            findings.extend(look::program(&what, Path::new(first)));
        }
    }
    findings
}
