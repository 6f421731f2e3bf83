//! `cback restore`: finds out where backups lie, shows the recipe, carries it out.

mod changer;
mod needed;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::args::{self, Common};
use super::exit::Exit;
use super::session::{self, Session};
use crate::catalog::{self, Catalog};
use crate::config::Config;
use crate::event::{Monitor, Problem, Tell as _, bytes, printable_path};
use crate::media::{self, DeviceType};
use crate::restore::{self, IfMissing, Recipe, Request, RestoreError, Shelf, ShelfError, Summary};
use crate::units::{Day, PeerName};

/// Restores what `wish` says.
pub fn run(common: &Common, wish: &args::Restore) -> Exit {
    let session = Session::without_log(common);
    let outcome = work(&session, common, wish);
    session.end(&outcome)
}

/// Where backups lie, and who knows on which discs they are.
struct Places {
    shelves: Vec<Shelf>,
    catalog: Option<Catalog>,
    config: Option<Config>,
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
            places.catalog = catalog_of(&config);
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
        return Err(
            session::Failure::new(Exit::Disc, "there is nothing to restore from")
                .advise("name a disc or a staging directory with --from"),
        );
    }
    let recipe = recipe(wish, &places)?.map_err(failure)?;
    fulfil(session, common, wish, &recipe, &places.shelves)
}

/// How to restore what `wish` says from `places`. The outer error is in the wish itself.
fn recipe(
    wish: &args::Restore,
    places: &Places,
) -> Result<Result<Recipe, RestoreError>, session::Failure> {
    let request = Request {
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
    };
    let discs =
        |peer: &PeerName, day: Day, name: &OsStr| labels(places.catalog.as_ref(), peer, day, name);
    Ok(restore::plan(&request, &places.shelves, &discs))
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
    if wish.dry_run {
        for trouble in &recipe.troubles {
            monitor.problem(&Problem::new("manifest", trouble.as_str()));
        }
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
        Summary { damaged: 1.., .. } => Exit::Damaged,
        Summary {
            mended: 1..,
            failed: 0,
            ..
        } => Exit::Repairable,
        _ => Exit::Well,
    })
}

fn told(recipe: &Recipe, summary: &Summary) -> String {
    let mut text = format!(
        "restored {} files ({}) and {} other things into {}",
        summary.files,
        bytes(summary.bytes),
        summary.others,
        printable_path(&recipe.into)
    );
    if summary.damaged + summary.failed > 0 {
        let _ = write!(
            text,
            "; {} files are damaged and end in .damaged, {} things could not be restored",
            summary.damaged, summary.failed
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

/// The shelves that the person named.
fn named(from: &[PathBuf], monitor: &dyn Monitor) -> Places {
    let mut shelves = Vec::new();
    for path in from {
        match Shelf::open(path) {
            Ok(shelf) => shelves.push(shelf),
            Err(error) => monitor.problem(&Problem::with_file(path, &error)),
        }
    }
    Places {
        shelves,
        catalog: None,
        config: None,
    }
}

/// The shelves that the configuration knows: the staging directory, the disc in the drive, discs that are files.
fn configured(session: &Session, common: &Common) -> Result<Places, session::Failure> {
    let monitor = session.monitor();
    let config = session.load(common)?;
    let catalog = catalog_of(&config);
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut add = |path: &Path| {
        if path.exists() && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    };
    if let Some(stage) = &config.stage {
        add(&stage.staging_dir);
    }
    if let Some(store) = &config.store {
        add(&store.source_dir);
        if store.device_type == DeviceType::File && store.changer.is_none() {
            add(&store.target);
            // Discs that were set aside, should the catalog not know of them.
            for disc in set_aside(&store.target) {
                add(&disc);
            }
        }
    }
    let changer = config
        .store
        .as_ref()
        .and_then(|store| store.changer.as_ref());
    for disc in catalog.iter().flat_map(Catalog::discs).flatten() {
        // What is in a drive of the changer is the changer's business.
        let is_bay = changer.is_some_and(|changer| {
            changer
                .bays
                .iter()
                .any(|bay| bay.device.as_path() == disc.place)
        });
        if !is_bay {
            add(&disc.place);
        }
    }
    let mut shelves = Vec::new();
    for path in paths {
        match Shelf::open(&path) {
            Ok(shelf) => shelves.push(shelf),
            Err(error @ ShelfError::Empty(_)) => monitor.warn(error.to_string()),
            // Other places may have all that is wanted, or an older state of it.
            Err(error) => {
                let advice =
                    "see by the days that `--dry-run` shows whether anything newer was there";
                monitor.problem(&Problem::with_file(&path, &error).advise(advice));
            }
        }
    }
    Ok(Places {
        shelves,
        catalog,
        config: Some(config),
    })
}

/// The catalog, if there is one.
fn catalog_of(config: &Config) -> Option<Catalog> {
    let path = config.options.working_dir.join(catalog::FILE_NAME);
    // Opening makes a catalog where there is none; restoring changes nothing.
    if path.is_file() {
        Catalog::open(&path).ok().map(|(catalog, _)| catalog)
    } else {
        None
    }
}

/// Files beside `target` that have the names of discs that were set aside, sorted.
fn set_aside(target: &Path) -> Vec<PathBuf> {
    let beside = target.parent().map(std::fs::read_dir);
    let entries = beside.into_iter().flatten().flatten().flatten();
    let mut discs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default();
            path.extension() == Some(OsStr::new("iso")) && media::is_ours(stem.as_bytes())
        })
        .collect();
    discs.sort();
    discs
}

/// Labels of the discs that have a copy of an archive.
fn labels(catalog: Option<&Catalog>, peer: &PeerName, day: Day, name: &OsStr) -> Vec<String> {
    let copies = catalog.and_then(|catalog| catalog.copies(day, Some(peer)).ok());
    let name = Path::new(peer.as_str()).join(name);
    let mut labels: Vec<String> = copies
        .into_iter()
        .flatten()
        .filter(|copy| copy.file.name == name.as_os_str().as_bytes())
        .map(|copy| copy.disc.label)
        .collect();
    labels.dedup();
    labels
}

fn absolute(path: &Path) -> Result<PathBuf, session::Failure> {
    std::path::absolute(path).map_err(|error| {
        session::Failure::new(
            Exit::Arguments,
            format!("{}: {error}", printable_path(path)),
        )
    })
}
