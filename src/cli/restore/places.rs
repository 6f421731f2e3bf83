//! Where backups lie: what a person named, or what the configuration and the catalog know.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::super::args::Common;
use super::super::quickstart;
use super::super::session::{self, Session};
use rustix::io::Errno;

use crate::catalog::{self, Catalog};
use crate::config::Config;
use crate::event::{Monitor, Problem, Tell as _, printable_path, with_causes};
use crate::media::{self, DeviceType};
use crate::restore::{Shelf, ShelfError};
use crate::units::{Day, PeerName};

/// Where backups lie, and who knows on which discs they are.
pub(super) struct Places {
    pub shelves: Vec<Shelf>,
    pub catalog: Option<Catalog>,
    pub config: Option<Config>,
    /// Of places that the configuration names: what is not there.
    pub absent: Vec<String>,
}

/// The shelves that the person named.
pub(super) fn named(from: &[PathBuf], monitor: &dyn Monitor) -> Places {
    let mut shelves = Vec::new();
    for path in from {
        match Shelf::open(path) {
            Ok(shelf) => shelves.push(shelf),
            Err(error) => {
                let mut problem = unusable(path, &error);
                problem.advice = matches!(error, ShelfError::Empty(_))
                    .then(|| meant(path))
                    .flatten();
                monitor.problem(&problem);
            }
        }
    }
    Places {
        shelves,
        catalog: None,
        config: None,
        absent: Vec::new(),
    }
}

/// What was perhaps meant by a directory at `path` that holds no days: what it lies in, or what is in it.
fn meant(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let is_number = |name: &OsStr, digits: usize| {
        let name = name.as_bytes();
        name.len() == digits && name.iter().all(u8::is_ascii_digit)
    };
    // A year, a month in it, a day in that; or a peer's directory.
    let names: Vec<&OsStr> = path.iter().collect();
    let is_year = |at: &usize| {
        let below = &names[at + 1..];
        is_number(names[*at], 4) && below.iter().take(2).all(|name| is_number(name, 2))
    };
    if let Some(year) = (0..names.len()).rev().take(4).find(is_year) {
        let root: PathBuf = names[..year].iter().collect();
        return Some(format!(
            "name the directory that holds all days, --from {}; --as-of YYYY-MM-DD says which day's state is wanted",
            printable_path(root)
        ));
    }
    let entries = std::fs::read_dir(&path).ok()?;
    let mut images: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new("iso")))
        .collect();
    images.sort();
    let first = images.first()?;
    let first = printable_path(first);
    Some(format!("name each disc in it by itself: --from {first} …"))
}

/// What to do where there is no configuration: on the worst day nobody has one.
fn without_configuration() -> String {
    let mut advice =
        "a disc needs no configuration: name each, or its file, with --from DISC".to_owned();
    let quickstart = quickstart::configuration().filter(|path| path.exists());
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
pub(super) fn configured(session: &Session, common: &Common) -> Result<Places, session::Failure> {
    let monitor = session.monitor();
    let config = session.load(common).map_err(|mut failure| {
        if !common.config.exists() {
            failure.advice = Some(without_configuration());
        }
        failure
    })?;
    let catalog = catalog_of(&config, monitor);
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut absent: Vec<String> = Vec::new();
    // Whether it is there; one that cannot be looked at is opened, which says why not.
    let mut add = |path: &Path| {
        let there = !matches!(path.try_exists(), Ok(false));
        if there && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
        there
    };
    let mut expect = |path: &Path, there: bool| {
        let text = format!("{} is not there", printable_path(path));
        if !there && !absent.contains(&text) {
            monitor.warn(&text);
            absent.push(text);
        }
    };
    if let Some(stage) = &config.stage {
        expect(&stage.staging_dir, add(&stage.staging_dir));
    }
    if let Some(store) = &config.store {
        expect(&store.source_dir, add(&store.source_dir));
        if store.changer.is_none() {
            expect(&store.target, add(&store.target));
        }
        if store.device_type == DeviceType::File && store.changer.is_none() {
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
            Err(ShelfError::Read { source, .. })
                if source.raw_os_error() == Some(Errno::NOMEDIUM.raw_os_error()) =>
            {
                let text = format!("there is no disc in {}", printable_path(&path));
                monitor.warn(&text);
                absent.push(text);
            }
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
pub(super) fn catalog_of(config: &Config, monitor: &dyn Monitor) -> Option<Catalog> {
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
pub(super) fn labels(
    catalog: Option<&Catalog>,
    peer: &PeerName,
    day: Day,
    name: &OsStr,
) -> Vec<String> {
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
