//! `purge`: what has grown old goes.

use std::path::Path;

use super::look::{self, Access, Finding};
use super::preview::{self, Purging};
use super::store::with_store;
use super::{ActionError, Context};
use crate::catalog::Catalog;
use crate::collect::acknowledge;
use crate::config::{self, PurgeDir};
use crate::event::{self, Problem, Tell as _};
use crate::purge::{Effect, Guard, Hooks, Purged, Request, Storing, purge};
use crate::staging::Staging;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    section(cx)?;
    // What the master acknowledged has to be noted before the acknowledgement is purged.
    if let Some(collect) = &cx.config.collect {
        acknowledge(
            &collect.collect_dir,
            &cx.config.options.working_dir,
            cx.monitor,
        )?;
    }
    // The catalog is a cache: without it, purging goes on.
    let mut catalog = open_catalog(cx);
    let mut hooks = Hooks {
        forget: &mut |day| {
            if let Some(catalog) = &mut catalog {
                catalog.forget_staged(day)?;
            }
            Ok(())
        },
        gone: &mut |path: &Path| {
            log::debug!("purged {}", event::printable_path(path));
        },
    };
    each(cx, Effect::Delete, &mut hooks, &mut |dir, purged| {
        cx.monitor.note(format!(
            "purged {}: {} files ({}) and {} directories are gone",
            dir.path,
            purged.files,
            event::bytes(purged.bytes),
            purged.directories
        ));
    })
}

/// What purging would do. Each path that would go is a note.
pub(super) fn preview(cx: &Context<'_>) -> Result<Purging, ActionError> {
    let mut hooks = Hooks {
        forget: &mut |_| Ok(()),
        gone: &mut |path: &Path| {
            cx.monitor
                .note(format!("would be purged: {}", preview::shown(path)));
        },
    };
    let mut directories = Vec::new();
    each(cx, Effect::List, &mut hooks, &mut |dir, purged| {
        directories.push(preview::Purged {
            path: preview::shown(&dir.path),
            retain_days: dir.retain_days,
            files: purged.files,
            bytes: purged.bytes,
            directories: purged.directories,
            kept: purged.kept,
        });
    })?;
    Ok(Purging { directories })
}

fn section<'a>(cx: &Context<'a>) -> Result<&'a config::Purge, ActionError> {
    let section = cx.config.purge.as_ref();
    section.ok_or(ActionError::NoSection("purge"))
}

/// Purges every configured directory. One that cannot be is a problem.
fn each(
    cx: &Context<'_>,
    effect: Effect,
    hooks: &mut Hooks<'_>,
    done: &mut dyn FnMut(&PurgeDir, Purged),
) -> Result<(), ActionError> {
    let config = cx.config;
    let staging = config
        .stage
        .as_ref()
        .map(|stage| stage.staging_dir.clone())
        .or_else(|| config.store.as_ref().map(|store| store.source_dir.clone()))
        .map(Staging::new);
    let storing = if config.store.is_some() || config.amazons3.is_some() {
        Storing::Configured
    } else {
        Storing::No
    };
    for dir in &section(cx)?.dirs {
        let request = Request {
            dir: &dir.path,
            retain_days: dir.retain_days,
            now: cx.clock.now(),
            today: cx.day,
            guard: Guard {
                staging: staging.as_ref(),
                collect_dir: config.collect.as_ref().map(|collect| &*collect.collect_dir),
                storing,
                only_copy: dir.only_copy,
            },
            effect,
        };
        match purge(&request, hooks, cx.monitor) {
            Ok(purged) => done(dir, purged),
            // The directories after it are purged all the same.
            Err(error) => cx.monitor.problem(&Problem::with_file(&dir.path, &error)),
        }
    }
    Ok(())
}

/// The catalog of what is staged and stored; `None` if nothing is stored here, or it cannot be used.
fn open_catalog(cx: &Context<'_>) -> Option<Catalog> {
    cx.config.store.as_ref()?;
    let opened = with_store(cx, |_| Ok(())).and_then(|()| Ok(Catalog::open(&cx.catalog_path())?));
    match opened {
        Ok((catalog, _)) => Some(catalog),
        Err(error) => {
            cx.monitor
                .warn(format!("purging without the catalog: {error}"));
            None
        }
    }
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let dirs = cx.config.purge.iter().flat_map(|purge| &purge.dirs);
    dirs.filter_map(|dir| look::dir("directory to purge", &dir.path, Access::Write))
        .collect()
}
