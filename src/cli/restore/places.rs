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
    let mut known = Known {
        paths: Vec::new(),
        absent: Vec::new(),
        monitor,
    };
    known.look(&config, catalog.as_ref());
    let shelves = known.open();
    Ok(Places {
        shelves,
        catalog,
        absent: known.absent,
        config: Some(config),
    })
}

/// Places that the configuration and the catalog know.
struct Known<'a> {
    /// Those that are there, or cannot be looked at: they are opened, which says why not.
    paths: Vec<PathBuf>,
    absent: Vec<String>,
    monitor: &'a dyn Monitor,
}

impl Known<'_> {
    fn look(&mut self, config: &Config, catalog: Option<&Catalog>) {
        if let Some(stage) = &config.stage {
            self.expect(&stage.staging_dir);
        }
        let store = config.store.as_ref();
        let changer = store.and_then(|store| store.changer.as_ref());
        if let Some(store) = store {
            self.expect(&store.source_dir);
            if changer.is_none() {
                self.expect(&store.target);
            }
            if changer.is_none() && store.device_type == DeviceType::File {
                // Discs that were set aside, should the catalog not know of them.
                for disc in set_aside(&store.target) {
                    self.add(&disc);
                }
            }
        }
        for disc in catalog.map(Catalog::discs).into_iter().flatten().flatten() {
            // What is in a drive of the changer is the changer's business.
            let is_bay = changer.is_some_and(|changer| {
                let mut bays = changer.bays.iter();
                bays.any(|bay| bay.device.as_path() == disc.place)
            });
            if !is_bay {
                self.add(&disc.place);
            }
        }
    }

    /// Adds `path` if it is there; whether it is.
    fn add(&mut self, path: &Path) -> bool {
        let there = !matches!(path.try_exists(), Ok(false));
        if there && !self.paths.iter().any(|known| known == path) {
            self.paths.push(path.to_owned());
        }
        there
    }

    /// Adds `path`; one that is not there is told.
    fn expect(&mut self, path: &Path) {
        if !self.add(path) {
            self.lacks(format!("{} is not there", printable_path(path)));
        }
    }

    fn lacks(&mut self, what: String) {
        if !self.absent.contains(&what) {
            self.monitor.warn(&what);
            self.absent.push(what);
        }
    }

    fn open(&mut self) -> Vec<Shelf> {
        let mut shelves = Vec::new();
        for path in std::mem::take(&mut self.paths) {
            match Shelf::open(&path) {
                Ok(opened) => shelves.push(opened),
                Err(error @ ShelfError::Empty(_)) => self.monitor.warn(error.to_string()),
                Err(ShelfError::Read { source, .. })
                    if source.raw_os_error() == Some(Errno::NOMEDIUM.raw_os_error()) =>
                {
                    self.lacks(format!("there is no disc in {}", printable_path(&path)));
                }
                // Other places may have all that is wanted, or an older state of it.
                Err(error) => {
                    let advice =
                        "see by the days that `--dry-run` shows whether anything newer was there";
                    self.monitor
                        .problem(&unusable(&path, &error).advise(advice));
                }
            }
        }
        shelves
    }
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
