//! `<subversion>`: repositories to be dumped by revision.

use super::dump::{self, Dump, DumpDir};
use super::read::{Cursor, Read, together};
use super::schema::{Rule, many, one, part, parts};
use super::value::{COMPRESS_MODE, MODE, PATH, PATTERN, TEXT};

const EXCLUDE: &[Rule] = &[
    many("rel_path", "a path below the directory"),
    many("pattern", PATTERN),
];

const REPOSITORY: &[Rule] = &[
    one("type", TEXT),
    one("abs_path", PATH),
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
];

const REPOSITORY_DIR: &[Rule] = &[
    one("type", TEXT),
    one("abs_path", PATH),
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
    part("exclude", EXCLUDE),
];

pub(super) const RULES: &[Rule] = &[
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
    parts("repository", REPOSITORY),
    parts("repository_dir", REPOSITORY_DIR),
];

/// Repositories to be dumped; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subversion {
    /// Single repositories.
    pub repositories: Vec<Dump>,
    /// Directories of repositories.
    pub dirs: Vec<DumpDir>,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Subversion> {
    let defaults = dump::defaults(at);
    let repositories = together(at.parts("repository").map(|at| dump::one(at, &defaults)));
    let dirs = together(
        at.parts("repository_dir")
            .map(|at| dump::dir(at, &defaults)),
    );
    let (repositories, dirs) = (repositories?, dirs?);
    if repositories.is_empty() && dirs.is_empty() {
        return Err(at.wrong(
            "`<subversion>` names no repository",
            "add `<repository>` or `<repository_dir>`",
        ));
    }
    Ok(Subversion { repositories, dirs })
}
