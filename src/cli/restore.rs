//! `cback restore`: finds out where backups lie, shows the recipe, carries it out.

mod changer;
mod needed;
mod places;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::args::{self, Common};
use super::exit::Exit;
use super::session::{self, Session};
use crate::event::{Monitor, Tell as _, bytes, count, printable_path};
use crate::restore::{self, IfMissing, Recipe, Request, RestoreError, Shelf, Summary, Unplanned};
use crate::units::{Day, PeerName};
use places::{Places, catalog_of, configured, labels, named};

/// Restores what `wish` says.
pub fn run(common: &Common, wish: &args::Restore) -> Exit {
    let session = Session::with_warnings(common);
    session.again(
        "what has its own name is complete; restore again with --existing replace, or into another directory",
    );
    let outcome = work(&session, common, wish);
    session.end(&outcome)
}

fn work(
    session: &Session,
    common: &Common,
    wish: &args::Restore,
) -> Result<Exit, session::Failure> {
    let monitor = session.monitor();
    let from_changer = |path: &&PathBuf| path.as_os_str() == "changer";
    let explicit = wish.from.iter().any(|path| from_changer(&path));
    let places = if wish.from.is_empty() {
        configured(session, common)?
    } else {
        let others: Vec<PathBuf> = wish
            .from
            .iter()
            .filter(|path| !from_changer(path))
            .cloned()
            .collect();
        let mut places = named(&others, monitor);
        if explicit {
            let config = session.load(common)?;
            places.catalog = catalog_of(&config, monitor);
            places.config = Some(config);
        }
        places
    };
    if explicit || wish.from.is_empty() {
        let store = places
            .config
            .as_ref()
            .and_then(|config| config.store.as_ref());
        if let Some(setup) = store.and_then(|store| store.changer.clone()) {
            return changer::work(session, common, wish, places, &setup);
        }
        if explicit {
            return Err(
                session::Failure::new(Exit::Config, "the configuration names no changer")
                    .advise("name a disc or a staging directory with --from"),
            );
        }
    }
    if places.shelves.is_empty() {
        let mut what = "there is nothing to restore from".to_owned();
        for absent in &places.absent {
            let _ = write!(what, "; {absent}");
        }
        return Err(session::Failure::new(Exit::Disc, what)
            .advise("name a disc or a staging directory with --from"));
    }
    let request = request(wish, &places)?;
    let recipe = recipe(&request, &places)
        .map_err(|unplanned| explained(unplanned, &request, &places, monitor))?;
    fulfil(session, common, wish, &recipe, &places.shelves)
}

/// What `wish` asks for.
fn request(wish: &args::Restore, places: &Places) -> Result<Request, session::Failure> {
    Ok(Request {
        as_of: wish.as_of,
        peer: wish.peer.clone(),
        into: absolute(&wish.into)?,
        paths: wish.paths.clone(),
        existing: wish.existing.unwrap_or_default(),
        missing: if wish.incomplete {
            IfMissing::GoOn
        } else {
            IfMissing::Stop
        },
        starting_day: places
            .config
            .as_ref()
            .map(|config| config.options.starting_day),
    })
}

/// How to fulfil `request` from `places`.
fn recipe(request: &Request, places: &Places) -> Result<Recipe, Unplanned> {
    let discs =
        |peer: &PeerName, day: Day, name: &OsStr| labels(places.catalog.as_ref(), peer, day, name);
    restore::plan(request, &places.shelves, &discs)
}

/// Why there is no recipe; what could not be read is told.
fn explained(
    unplanned: Unplanned,
    request: &Request,
    places: &Places,
    monitor: &dyn Monitor,
) -> session::Failure {
    failure(restore::explain(
        unplanned,
        request,
        &places.shelves,
        monitor,
    ))
}

/// Shows the recipe, or carries it out.
fn fulfil(
    session: &Session,
    common: &Common,
    wish: &args::Restore,
    recipe: &Recipe,
    shelves: &[Shelf],
) -> Result<Exit, session::Failure> {
    let monitor = session.monitor();
    if let Some(free) = room(&recipe.into).filter(|free| *free < recipe.total_bytes) {
        monitor.warn(format!(
            "there may not be enough room: the files have {} in all, and {} are free in {}",
            bytes(recipe.total_bytes),
            bytes(free),
            printable_path(&recipe.into)
        ));
    }
    if wish.dry_run {
        restore::troubles(recipe, shelves, monitor);
        session.show(recipe, ToString::to_string);
        return Ok(if recipe.missing.is_empty() {
            Exit::Well
        } else {
            Exit::Disc
        });
    }
    let summary = restore::carry_out(recipe, shelves, monitor).map_err(failure)?;
    // Without anybody watching, silence means that all is there.
    if common.json || common.verbose || (io::stdout().is_terminal() && !common.quiet) {
        session.show(&summary, |summary| told(recipe, summary));
    }
    Ok(match summary {
        Summary { damaged: 1.., .. } | Summary { broken: 1.., .. } => Exit::Damaged,
        Summary {
            mended: 1..,
            failed: 0,
            ..
        } => Exit::Repairable,
        _ => Exit::Well,
    })
}

/// Free bytes where `into` is or will be made; `None` if that cannot be found out.
fn room(into: &Path) -> Option<u64> {
    let there = into.ancestors().find(|path| path.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

fn told(recipe: &Recipe, summary: &Summary) -> String {
    let mut text = format!(
        "restored {} ({}) and {} into {}",
        count(summary.files, "file"),
        bytes(summary.bytes),
        count(summary.others, "other thing"),
        printable_path(&recipe.into)
    );
    if summary.damaged + summary.failed > 0 {
        let _ = write!(
            text,
            "; damaged, with names that end in .damaged: {}; not restored: {}",
            count(summary.damaged, "file"),
            count(summary.failed, "thing")
        );
    }
    text
}

fn failure(error: RestoreError) -> session::Failure {
    let exit = match &error {
        RestoreError::Missing(_) | RestoreError::Nothing { .. } => Exit::Disc,
        RestoreError::NoSuchPath { .. } | RestoreError::UnknownPeer { .. } => Exit::Arguments,
        _ => Exit::Failed,
    };
    let advice = error.advice();
    session::Failure::of(exit, error).advised(advice)
}

fn absolute(path: &Path) -> Result<PathBuf, session::Failure> {
    std::path::absolute(path).map_err(|error| {
        session::Failure::new(
            Exit::Arguments,
            format!("{}: {error}", printable_path(path)),
        )
    })
}
