//! `<subversion>`: repositories to be dumped by revision.

use crate::units::Naming;

use super::dump::{self, Dump, DumpDir};
use super::read::{Cursor, Read, together};
use super::schema::{Rule, many, one, part, parts};
use super::value::{COMPRESS_MODE, MODE, PATH, PATTERN, TEXT};

const EXCLUDE: &[Rule] = &[
    many("rel_path", "a path below the directory")
        .means("Left out: what has this path below the directory.")
        .example("attic"),
    many("pattern", PATTERN)
        .means("Left out: whatever has a path that this pattern matches as a whole.")
        .example(r".*\.old"),
];

const WHEN: &str = "When repositories are dumped: `daily` and `weekly` all revisions, `incr` on most days only new ones.";
const PACKED: &str = "How dumps are packed. `zstd` is not Cedar Backup's.";

const TYPE: Rule = one("type", TEXT).means("Means nothing.");
const COLLECT_MODE: Rule = one("collect_mode", MODE)
    .means(WHEN)
    .from("subversion")
    .required()
    .example("incr");
const OWN_COMPRESS_MODE: Rule = one("compress_mode", COMPRESS_MODE)
    .means(PACKED)
    .from("subversion")
    .required()
    .example("bzip2");

const REPOSITORY: &[Rule] = &[
    TYPE,
    one("abs_path", PATH)
        .means("Where the repository is.")
        .required()
        .example("/srv/svn/site"),
    COLLECT_MODE,
    OWN_COMPRESS_MODE,
];

const REPOSITORY_DIR: &[Rule] = &[
    TYPE,
    one("abs_path", PATH)
        .means("Where the directory is.")
        .required()
        .example("/srv/svn"),
    COLLECT_MODE,
    OWN_COMPRESS_MODE,
    part("exclude", EXCLUDE).means("Repositories of the directory that are left out."),
];

pub(super) const RULES: &[Rule] = &[
    one("collect_mode", MODE).means(WHEN).example("incr"),
    one("compress_mode", COMPRESS_MODE)
        .means(PACKED)
        .example("bzip2"),
    parts("repository", REPOSITORY).means("A repository."),
    parts("repository_dir", REPOSITORY_DIR).means("A directory of repositories."),
];

/// Repositories to be dumped; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subversion {
    /// Single repositories.
    pub repositories: Vec<Dump>,
    /// Directories of repositories.
    pub dirs: Vec<DumpDir>,
}

pub(super) fn read(at: Cursor<'_>, naming: Naming) -> Read<Subversion> {
    let defaults = dump::defaults(at, naming);
    let repositories = together(at.parts("repository").map(|at| dump::one(at, &defaults)));
    let dirs = together(
        at.parts("repository_dir")
            .map(|at| dump::dir(at, &defaults)),
    );
    let unique = dump::unique(at, &["repository"], naming);
    let (repositories, dirs) = (repositories?, dirs?);
    unique?;
    if repositories.is_empty() && dirs.is_empty() {
        return Err(at.wrong(
            "`<subversion>` names no repository",
            "add `<repository>` or `<repository_dir>`",
        ));
    }
    Ok(Subversion { repositories, dirs })
}
