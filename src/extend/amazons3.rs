//! `amazons3`: daily directories to a bucket.

use super::{ExtendError, programs, staged};
use crate::action::{Context, Extent, Finding};
use crate::config::{self, AmazonS3};
use crate::event::{self, Problem, Tell as _};
use crate::process::RunAs;
use crate::staging::{self, Because, Choice, Daily, Scope, Staging, State};
use crate::units::{ByteSize, Day};
use crate::upload::{Bucket, Cipher, Uploader};

fn section<'a>(cx: &Context<'a>) -> Result<(&'a AmazonS3, Bucket), ExtendError> {
    let section: &config::AmazonS3 = cx
        .config
        .amazons3
        .as_ref()
        .ok_or(ExtendError::NoSection("amazons3"))?;
    let bucket = section.s3_bucket.parse()?;
    Ok((section, bucket))
}

/// The days to upload: as with discs, today or a neighbour, and what was staged earlier and never uploaded.
fn choose(cx: &Context<'_>, staging: &Staging) -> Result<Choice, ExtendError> {
    let states = |daily: &Daily| -> std::io::Result<State> {
        Ok(State {
            day: daily.day(),
            staged: daily.is_staged()?,
            stored: daily.is_uploaded()?,
        })
    };
    let known: std::io::Result<Vec<State>> = staging
        .days()
        .and_then(|days| days.iter().map(states).collect());
    let known = known.map_err(|source| ExtendError::Use {
        path: staging.root().to_owned(),
        source,
    })?;
    let scope = match cx.extent {
        Extent::Configured => Scope::Pending,
        Extent::Full => Scope::Full,
    };
    staging::choose(cx.day, scope, &known).map_err(ExtendError::Choose)
}

/// The most that `day` may have: a full backup more than another one.
fn limit(cx: &Context<'_>, section: &AmazonS3, day: Day) -> Option<ByteSize> {
    let full = day.weekday() == cx.config.options.starting_day || cx.extent == Extent::Full;
    if full {
        section.full_size_limit
    } else {
        section.incr_size_limit
    }
}

/// The bytes in `daily`, and its limit if they are beyond it.
fn beyond(
    cx: &Context<'_>,
    section: &AmazonS3,
    daily: &Daily,
) -> Result<(u64, Option<ByteSize>), ExtendError> {
    let files = daily.backups().map_err(staged::at(daily))?;
    let bytes = files.iter().map(|file| file.bytes).sum();
    let limit = limit(cx, section, daily.day()).filter(|limit| bytes > limit.0);
    Ok((bytes, limit))
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let (section, bucket) = section(cx)?;
    let staging = Staging::new(staged::dir(cx)?.clone());
    let choice = choose(cx, &staging)?;
    if choice.because == Because::Midnight && section.warn_midnite {
        cx.monitor.warn(format!(
            "midnight was crossed: the day to upload is {}, and today is {}",
            choice.day, cx.day
        ));
    }
    let user = match cx.ids {
        Some(_) => Some(RunAs::lookup(&cx.config.options.owner)?),
        None => None,
    };
    let system = programs::system(cx);
    let uploader = Uploader {
        runner: &system,
        user: user.as_ref(),
        monitor: cx.monitor,
    };
    let cipher = section.encrypt.as_deref().map(|command| Cipher {
        command,
        working_dir: &cx.config.options.working_dir,
        ids: cx.ids,
    });
    let upload = |day: Day| -> Result<(), ExtendError> {
        let daily = staging.daily(day);
        let (bytes, limit) = beyond(cx, section, &daily)?;
        if let Some(limit) = limit {
            let bytes = ByteSize(bytes);
            return Err(ExtendError::TooLarge { day, bytes, limit });
        }
        let done = uploader.day(&daily, &bucket, cipher, cx.ids)?;
        cx.monitor.note(format!(
            "uploaded {day} to {}: {} files, {}; {} of earlier uploads were deleted",
            bucket.below(day).url(),
            done.files,
            event::bytes(done.bytes),
            done.deleted
        ));
        Ok(())
    };
    for day in &choice.older {
        // It must not keep today's from the bucket.
        if let Err(error) = upload(*day) {
            let reason = format!("it was not uploaded: {error}");
            cx.monitor.problem(&Problem::new(day.to_string(), &reason));
        }
    }
    upload(choice.day)
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let (section, bucket) = section(cx)?;
    let staging = Staging::new(staged::dir(cx)?.clone());
    let mut lines = Vec::new();
    for day in choose(cx, &staging)?.days() {
        let (bytes, limit) = beyond(cx, section, &staging.daily(day))?;
        let url = bucket.below(day).url();
        lines.push(match limit {
            None => format!("would upload {day} ({}) to {url}", event::bytes(bytes)),
            Some(limit) => format!(
                "would not upload {day}: it has {}, more than {limit}",
                event::bytes(bytes)
            ),
        });
    }
    Ok(lines)
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = staged::check(cx);
    if let Err(error) = section(cx) {
        findings.push(error.finding());
    }
    findings.extend(programs::missing(cx, &["aws"]));
    findings
}
