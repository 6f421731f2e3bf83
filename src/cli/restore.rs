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
use crate::event::{Monitor, Problem, Tell as _, bytes, count, printable_path, with_causes};
use crate::media::{self, DeviceType};
use crate::restore::{
    self, IfMissing, Recipe, Request, RestoreError, Shelf, ShelfError, Summary, Unplanned,
};
use crate::units::{Day, PeerName};

/// Restores what `wish` says.
pub fn run(common: &Common, wish: &args::Restore) -> Exit {
    let session = Session::without_log(common);
    session.again(
        "what has its own name is complete; restore again with --existing replace, or into another directory",
    );
    let outcome = work(&session, common, wish);
    session.end(&outcome)
}

/// Where backups lie, and who knows on which discs they are.
struct Places {
    shelves: Vec<Shelf>,
    catalog: Option<Catalog>,
    config: Option<Config>,
    /// Places that the configuration names and that are not there.
    absent: Vec<PathBuf>,
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
        for path in &places.absent {
            let _ = write!(what, "; {} is not there", printable_path(path));
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

/// The shelves that the person named.
fn named(from: &[PathBuf], monitor: &dyn Monitor) -> Places {
    let mut shelves = Vec::new();
    for path in from {
        match Shelf::open(path) {
            Ok(shelf) => shelves.push(shelf),
            Err(error) => monitor.problem(&unusable(path, &error)),
        }
    }
    Places {
        shelves,
        catalog: None,
        config: None,
        absent: Vec::new(),
    }
}

/// What to do where there is no configuration: on the worst day nobody has one.
fn without_configuration() -> String {
    let mut advice =
        "a disc needs no configuration: name each, or its file, with --from DISC".to_owned();
    let quickstart = super::quickstart::configuration().filter(|path| path.exists());
    // OK: writing to a string does not fail
    let _ = match quickstart {
        Some(path) => write!(
            advice,
            "; that of quickstart is -c {}",
            printable_path(path)
        ),
        None => write!(
            advice,
            "; or name the configuration of the machine that has the staging directory with -c FILE"
        ),
    };
    advice
}

/// The shelves that the configuration knows: the staging directory, the disc in the drive, discs that are files.
fn configured(session: &Session, common: &Common) -> Result<Places, session::Failure> {
    let monitor = session.monitor();
    let config = session.load(common).map_err(|mut failure| {
        if !common.config.exists() {
            failure.advice = Some(without_configuration());
        }
        failure
    })?;
    let catalog = catalog_of(&config, monitor);
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut absent: Vec<PathBuf> = Vec::new();
    // Whether it is there; one that cannot be looked at is opened, which says why not.
    let mut add = |path: &Path| {
        let there = !matches!(path.try_exists(), Ok(false));
        if there && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
        there
    };
    let mut expect = |path: &Path, there: bool| {
        if !there && !absent.iter().any(|known| known == path) {
            monitor.warn(format!("{} is not there", printable_path(path)));
            absent.push(path.to_owned());
        }
    };
    if let Some(stage) = &config.stage {
        expect(&stage.staging_dir, add(&stage.staging_dir));
    }
    if let Some(store) = &config.store {
        expect(&store.source_dir, add(&store.source_dir));
        if store.device_type == DeviceType::File && store.changer.is_none() {
            expect(&store.target, add(&store.target));
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
                monitor.problem(&unusable(&path, &error).advise(advice));
            }
        }
    }
    Ok(Places {
        shelves,
        catalog,
        config: Some(config),
        absent,
    })
}

/// What is told of a place at `path` that cannot be restored from.
fn unusable(path: &Path, error: &ShelfError) -> Problem {
    Problem::with_file(path, &with_causes(error))
}

/// The catalog, if there is one that can be used. It is only looked at: restoring changes nothing.
fn catalog_of(config: &Config, monitor: &dyn Monitor) -> Option<Catalog> {
    let path = config.options.working_dir.join(catalog::FILE_NAME);
    let reason = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => error.to_string(),
        Ok(_) => match Catalog::look(&path) {
            Ok((catalog, catalog::Found::Sound | catalog::Found::Unfilled)) => {
                return Some(catalog);
            }
            Ok(_) => "it is damaged, or of another version".to_owned(),
            Err(error) => with_causes(&error),
        },
    };
    let reason = format!("the catalog cannot be used: {reason}");
    let advice = "discs that only it knows of are not looked at; name them with --from";
    monitor.problem(&Problem::with_file(&path, &reason).advise(advice));
    None
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
    labels.sort();
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
