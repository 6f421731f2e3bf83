//! What `<mbox>` and `<subversion>` have in common: things that are dumped by their own programs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use crate::archive::Compression;
use crate::collect::Mode;
use crate::units::{AbsPath, ArchiveName, Naming, Pattern};

use super::document::Element;
use super::finding::Finding;
use super::read::{Cursor, Read};
use super::value;

/// A thing to be dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// Where it is.
    pub path: AbsPath,
    /// What its files are called.
    pub name: ArchiveName,
    /// When it is dumped, and how much of it.
    pub mode: Mode,
    /// How the dump is packed.
    pub compression: Compression,
}

/// A directory of things to be dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpDir {
    /// The directory, and what holds for each thing in it.
    pub all: Dump,
    /// Things that are left out.
    pub exclude_paths: Vec<AbsPath>,
    /// Things that are left out when a pattern matches their whole path.
    pub exclude_patterns: Vec<Pattern>,
}

/// What the section says for all.
pub(super) struct Defaults {
    mode: Read<Option<Mode>>,
    compression: Read<Option<Compression>>,
    naming: Naming,
}

pub(super) fn defaults(at: Cursor<'_>, naming: Naming) -> Defaults {
    Defaults {
        mode: at.optional("collect_mode", value::mode),
        compression: at.optional("compress_mode", value::compress_mode),
        naming,
    }
}

pub(super) fn one(at: Cursor<'_>, defaults: &Defaults) -> Read<Dump> {
    let path = at.required("abs_path", value::path);
    let mode = or(
        at,
        "collect_mode",
        at.optional("collect_mode", value::mode),
        defaults.mode,
    );
    let compression = or(
        at,
        "compress_mode",
        at.optional("compress_mode", value::compress_mode),
        defaults.compression,
    );
    let path = path?;
    Ok(Dump {
        name: ArchiveName::of(&path, defaults.naming),
        path,
        mode: mode?,
        compression: compression?,
    })
}

pub(super) fn dir(at: Cursor<'_>, defaults: &Defaults) -> Read<DumpDir> {
    let all = one(at, defaults);
    let (relative, patterns) = match at.part("exclude") {
        Some(at) => (
            at.all("rel_path", value::text),
            at.all("pattern", value::pattern),
        ),
        None => (Ok(Vec::new()), Ok(Vec::new())),
    };
    let all = all?;
    Ok(DumpDir {
        exclude_paths: relative?.iter().map(|tail| all.path.join(tail)).collect(),
        exclude_patterns: patterns?,
        all,
    })
}

/// Tells of things in the elements `parts` whose files would have one name: the later would replace the earlier.
pub(super) fn unique(at: Cursor<'_>, parts: &[&'static str], naming: Naming) -> Read<()> {
    let mut names: HashMap<ArchiveName, Element<'_>> = HashMap::new();
    let mut unique = Ok(());
    let all = parts.iter().flat_map(|part| at.parts(part));
    for element in all.filter_map(|at| at.first("abs_path")) {
        let path = element.value().unwrap_or_default();
        match names.entry(ArchiveName::of(Path::new(path), naming)) {
            Entry::Vacant(free) => {
                free.insert(element);
            }
            Entry::Occupied(taken) => {
                let message = if taken.get().value() == Some(path) {
                    format!("`{path}` is dumped twice")
                } else {
                    let name = taken.key();
                    format!("the dumps of two things would both be called `{name}`")
                };
                unique = Err(at.tell(
                    Finding::error(element, element.value_span(), message)
                        .right("remove one of the two, or rename it")
                        .also(taken.get().value_span(), "the other one"),
                ));
            }
        }
    }
    unique
}

fn or<T>(
    at: Cursor<'_>,
    name: &'static str,
    own: Read<Option<T>>,
    section: Read<Option<T>>,
) -> Read<T> {
    let value = match own? {
        Some(own) => Some(own),
        None => section?,
    };
    value.ok_or_else(|| at.lacks(name, "; here or in the section"))
}
