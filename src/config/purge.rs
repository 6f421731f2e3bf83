//! `<purge>`: what is deleted when it has grown old.

pub use crate::purge::OnlyCopy;
use crate::units::AbsPath;

use super::document::Element;
use super::finding::{Finding, Told};
use super::plain_path::plain;
use super::read::{Cursor, Read, Wrong, together};
use super::schema::{Rule, one, parts};
use super::value::{self, PATH, WHOLE};

const ONLY_COPY: &str = "one of `keep`, `purge`";

const KEPT: &str =
    "What becomes of the only copy of something that was to be stored, however old it is.";

const DIR: &[Rule] = &[
    one("abs_path", PATH)
        .means("Where it is. Not `/`, not a source of <collect>, and not a directory above one.")
        .required()
        .example("/var/lib/cback/stage"),
    one("retain_days", WHOLE)
        .means("What is younger than so many days stays.")
        .required()
        .example("7"),
    one("only_copy", ONLY_COPY)
        .means(KEPT)
        .from("purge")
        .otherwise("keep")
        .ours(),
];

pub(super) const RULES: &[Rule] = &[
    one("only_copy", ONLY_COPY)
        .means(KEPT)
        .otherwise("keep")
        .ours(),
    parts("dir", DIR).means("A directory from which old things are deleted."),
];

/// What is deleted when it has grown old.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purge {
    /// In the order of the configuration.
    pub dirs: Vec<PurgeDir>,
}

/// A directory whose old content is deleted. Never `/`, never a source or what holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeDir {
    /// The directory; it stays itself.
    pub path: AbsPath,
    /// What is younger than so many days stays.
    pub retain_days: u64,
    /// What becomes of the only copy of something.
    pub only_copy: OnlyCopy,
}

/// Reads the section, with the elements of the paths.
pub(super) fn read(at: Cursor<'_>) -> (Read<Purge>, Vec<(AbsPath, Element<'_>)>) {
    let default = at.optional("only_copy", only_copy);
    let mut places = Vec::new();
    let dirs = together(at.parts("dir").map(|at| {
        let path = abs_path(at);
        if let (Ok(path), Some(element)) = (&path, at.first("abs_path")) {
            places.push((path.clone(), element));
        }
        dir(at, path, default)
    }));
    let purge = match (dirs, default) {
        (Ok(dirs), Ok(_)) => Ok(Purge { dirs }),
        _ => Err(Told),
    };
    (purge, places)
}

fn abs_path(at: Cursor<'_>) -> Read<AbsPath> {
    let path = at.required("abs_path", value::path)?;
    if plain(&path).parent().is_some() {
        return Ok(path);
    }
    let span = at.span("abs_path");
    Err(at.tell(
        Finding::error(
            at.element,
            span,
            "purging `/` would delete the whole machine",
        )
        .right("name the staging directory or the collect directory"),
    ))
}

fn dir(at: Cursor<'_>, path: Read<AbsPath>, default: Read<Option<OnlyCopy>>) -> Read<PurgeDir> {
    let retain_days = at.required("retain_days", value::whole);
    let only_copy = at.optional("only_copy", only_copy);
    Ok(PurgeDir {
        path: path?,
        retain_days: retain_days?.into(),
        only_copy: match only_copy? {
            Some(own) => own,
            None => default?.unwrap_or_default(),
        },
    })
}

fn only_copy(text: &str) -> Result<OnlyCopy, Wrong> {
    let rows = [("keep", OnlyCopy::Keep), ("purge", OnlyCopy::Purge)];
    value::row(text, "choice for an only copy", &rows)
}
