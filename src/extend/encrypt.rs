//! `encrypt`: staged files become readable for one recipient only.

use super::{ExtendError, programs, staged};
use crate::action::{Context, Finding};
use crate::config::{self, EncryptMode};
use crate::encrypt::{Encrypter, candidates};
use crate::event::{self, Problem, Tell as _};
use crate::process::System;

fn section<'a>(cx: &Context<'a>) -> Result<&'a config::Encrypt, ExtendError> {
    let section = cx.config.encrypt.as_ref();
    section.ok_or(ExtendError::NoSection("encrypt"))
}

fn encrypter<'a>(
    cx: &Context<'a>,
    section: &'a config::Encrypt,
    system: &'a System<'a>,
) -> Encrypter<'a> {
    match section.mode {
        EncryptMode::Gpg => Encrypter {
            runner: system,
            recipient: &section.target,
            ids: cx.ids,
            monitor: cx.monitor,
        },
    }
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let section = section(cx)?;
    let system = programs::system(cx);
    let encrypter = encrypter(cx, section, &system);
    encrypter.check_key()?;
    // Other days get their turn; but the action fails, so that none is stored or uploaded which anybody can read.
    let mut failed: Option<ExtendError> = None;
    for daily in staged::days(cx)? {
        let count = match encrypter.encrypt(&daily) {
            Ok(count) => count,
            Err(error) => {
                if let Some(earlier) = failed.replace(error.into()) {
                    cx.monitor.problem(&Problem::new("encrypt", &earlier));
                }
                continue;
            }
        };
        if count > 0 {
            cx.monitor.note(format!(
                "{}: {count} files were encrypted for {}",
                daily.day(),
                section.target
            ));
        }
    }
    failed.map_or(Ok(()), Err)
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let section = section(cx)?;
    let mut lines = Vec::new();
    for daily in staged::days(cx)? {
        for file in candidates(&daily).map_err(staged::at(&daily))? {
            let path = daily.backup_path(&file.name);
            lines.push(format!(
                "would encrypt {} ({}) for {}",
                event::printable_path(path),
                event::bytes(file.bytes),
                section.target
            ));
        }
    }
    Ok(lines)
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let section = match section(cx) {
        Ok(section) => section,
        Err(error) => return vec![error.finding()],
    };
    let mut findings = staged::check(cx);
    let missing = programs::missing(cx, &["gpg"]);
    if missing.is_empty() {
        let system = programs::system(cx);
        let checked = encrypter(cx, section, &system).check_key();
        findings.extend(
            checked
                .err()
                .map(|error| ExtendError::from(error).finding()),
        );
    }
    findings.extend(missing);
    findings
}
