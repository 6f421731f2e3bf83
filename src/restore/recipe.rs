//! How to restore something: which copies, from where, in which order. Readable by a person, who may
//! follow it without this program, and by programs.

mod show;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::archive::manifest::{Coverage, Stored};
use crate::event::{path_as_text, printable_path};
use crate::units::{Day, PeerName};

use super::Request;
use super::carry::Exists;
use super::find::{Copy, Found};
use super::scan::Scan;
use super::target::Below;
use super::wanted::{self, Wanted};

/// How to restore something.
#[derive(Debug, Clone, Serialize)]
pub struct Recipe {
    /// The directory to restore into.
    #[serde(serialize_with = "path_as_text")]
    pub into: PathBuf,
    /// The day whose state is restored; the latest if there is none.
    #[serde(serialize_with = "shown_day")]
    pub as_of: Option<Day>,
    /// What was collected, and on which day last.
    pub sources: Vec<Source>,
    /// The archives to read, in this order.
    pub steps: Vec<Step>,
    /// Files that are no archives of this program, to be copied as they are.
    pub files: Vec<PlainFile>,
    /// Archives that are needed and not to be had.
    pub missing: Vec<Missing>,
    /// Manifests that could not be read.
    pub troubles: Vec<String>,
    /// Regular files that will be restored.
    pub total_files: u64,
    /// Their bytes.
    pub total_bytes: u64,
    /// Whether several peers are restored, each into a directory of its own.
    pub several: bool,
    /// The wish that led to this.
    #[serde(skip)]
    pub(super) request: Request,
    /// What was seen of the wanted paths.
    #[serde(skip)]
    pub(super) seen: wanted::Found,
}

/// Something that was collected.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// What was collected.
    #[serde(serialize_with = "path_as_text")]
    pub path: PathBuf,
    /// The day of the state that is restored.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// Whether that day's collection was a full one.
    pub full: bool,
    /// Where the manifest is that says so.
    #[serde(serialize_with = "path_as_text")]
    pub manifest: PathBuf,
    /// Regular files that are wanted of it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Wanted things that could not be saved on that day or since.
    pub unsaved: u64,
    /// Its turn among sources that lie within one another.
    #[serde(skip)]
    pub(super) overlaps: Option<usize>,
    #[serde(skip)]
    pub(super) found: Found,
    #[serde(skip)]
    pub(super) scan: Scan,
    #[serde(skip)]
    pub(super) wanted: Wanted,
    /// Where it goes below the target directory.
    #[serde(skip)]
    pub(super) prefix: Below,
}

/// An archive to read.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// The day on which it was collected.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// The archive.
    #[serde(serialize_with = "path_as_text")]
    pub archive: PathBuf,
    /// The staging directory or disc that it is on.
    pub on: String,
    /// Where that is, for people.
    #[serde(skip)]
    pub(super) whereabouts: String,
    /// Its length.
    pub archive_bytes: u64,
    /// Regular files that are wanted from it; `None` if nobody knows before it is read.
    pub files: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// What it does for somebody without this program. Deletions, and what was not asked for, are left to
    /// that person.
    pub by_hand: String,
    #[serde(skip)]
    pub(super) stored: Option<Arc<Stored>>,
    #[serde(skip)]
    pub(super) copies: Vec<Copy>,
    #[serde(skip)]
    pub(super) rule: Rule,
}

/// Who says what is wanted from an archive.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// The manifest of this source, by number.
    Manifest(usize),
    /// The manifest of this source, by number; but the archives are Cedar Backup's.
    Cedars(usize),
    /// Nobody: all of it is wanted that a later archive has not brought yet.
    Everything(Everything),
}

/// What is wanted from an archive that no manifest tells about.
#[derive(Debug, Clone)]
pub(super) struct Everything {
    pub wanted: Box<Wanted>,
    pub prefix: Below,
    pub exists: Exists,
    pub turn: Turn,
}

/// When an archive that no manifest tells about has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before all manifests: it is later than that of its source.
    First,
    /// When everything else is there.
    Last,
}

/// A file to copy as it is.
#[derive(Debug, Clone, Serialize)]
pub struct PlainFile {
    /// Where it is.
    #[serde(serialize_with = "path_as_text")]
    pub file: PathBuf,
    /// The staging directory or disc that it is on.
    pub on: String,
    /// Where that is, for people.
    #[serde(skip)]
    pub(super) whereabouts: String,
    /// Where it goes below the target directory.
    #[serde(serialize_with = "path_as_text")]
    pub to: PathBuf,
    /// Its length.
    pub bytes: u64,
    #[serde(skip)]
    pub(super) copy: Copy,
    #[serde(skip)]
    pub(super) at: Below,
}

/// An archive that is needed and not to be had.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Missing {
    /// Whose it is.
    #[serde(serialize_with = "shown")]
    pub peer: PeerName,
    /// The day on which it was collected.
    #[serde(serialize_with = "shown")]
    pub day: Day,
    /// Its file name.
    #[serde(serialize_with = "path_as_text")]
    pub archive: PathBuf,
    /// Labels of the discs that it is on, as far as anybody knows.
    pub discs: Vec<String>,
    /// Regular files that cannot be restored without it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Some of them.
    #[serde(serialize_with = "shown_paths")]
    pub examples: Vec<PathBuf>,
}

impl Recipe {
    /// A recipe for `request` without any step; `several` peers go to directories of their own.
    pub(super) fn empty(request: &Request, several: bool) -> Self {
        Self {
            into: request.into.clone(),
            as_of: request.as_of,
            sources: Vec::new(),
            steps: Vec::new(),
            files: Vec::new(),
            missing: Vec::new(),
            troubles: Vec::new(),
            total_files: 0,
            total_bytes: 0,
            several,
            request: request.clone(),
            seen: wanted::Found::default(),
        }
    }
}

impl Source {
    pub(super) fn coverage(&self) -> &'static str {
        match self.found.header.coverage {
            Coverage::Full => "full",
            Coverage::Incremental => "incremental",
        }
    }
}

/// A path as people may see it.
pub(super) fn path(path: &Path) -> String {
    printable_path(path)
}

fn shown<T: fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // serde asks for this form
fn shown_day<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
}

fn shown_paths<S: Serializer>(values: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(|value| path(value)))
}
