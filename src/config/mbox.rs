//! `<mbox>`: mailboxes to be collected by date.

use crate::units::Naming;

use super::dump::{self, Dump, DumpDir};
use super::read::{Cursor, Read, together};
use super::schema::{Rule, many, one, part, parts};
use super::value::{COMPRESS_MODE, MODE, PATH, PATTERN};

const EXCLUDE: &[Rule] = &[
    many("rel_path", "a path below the directory")
        .means("Left out: what has this path below the directory.")
        .example("spam"),
    many("pattern", PATTERN)
        .means("Left out: whatever has a path that this pattern matches as a whole.")
        .example(r".*\.old"),
];

const WHEN: &str = "When mailboxes are collected: `daily` and `weekly` all of their mail, `incr` on most days only new mail.";
const PACKED: &str = "How they are packed. `zstd` is not Cedar Backup's.";

const COLLECT_MODE: Rule = one("collect_mode", MODE)
    .means(WHEN)
    .from("mbox")
    .required()
    .example("incr");
const OWN_COMPRESS_MODE: Rule = one("compress_mode", COMPRESS_MODE)
    .means(PACKED)
    .from("mbox")
    .required()
    .example("gzip");

const FILE: &[Rule] = &[
    one("abs_path", PATH)
        .means("Where the mailbox is.")
        .required()
        .example("/var/mail/ada"),
    COLLECT_MODE,
    OWN_COMPRESS_MODE,
];

const DIR: &[Rule] = &[
    one("abs_path", PATH)
        .means("Where the directory is.")
        .required()
        .example("/home/ada/mail"),
    COLLECT_MODE,
    OWN_COMPRESS_MODE,
    part("exclude", EXCLUDE).means("Mailboxes of the directory that are left out."),
];

pub(super) const RULES: &[Rule] = &[
    one("collect_mode", MODE).means(WHEN).example("incr"),
    one("compress_mode", COMPRESS_MODE)
        .means(PACKED)
        .example("gzip"),
    parts("file", FILE).means("A mailbox."),
    parts("dir", DIR).means("A directory of mailboxes."),
];

/// Mailboxes to be collected; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mbox {
    /// Single mailboxes.
    pub files: Vec<Dump>,
    /// Directories of mailboxes.
    pub dirs: Vec<DumpDir>,
}

pub(super) fn read(at: Cursor<'_>, naming: Naming) -> Read<Mbox> {
    let defaults = dump::defaults(at, naming);
    let files = together(at.parts("file").map(|at| dump::one(at, &defaults)));
    let dirs = together(at.parts("dir").map(|at| dump::dir(at, &defaults)));
    let unique = dump::unique(at, &["file", "dir"], naming);
    let (files, dirs) = (files?, dirs?);
    unique?;
    if files.is_empty() && dirs.is_empty() {
        return Err(at.wrong("`<mbox>` names no mailbox", "add `<file>` or `<dir>`"));
    }
    Ok(Mbox { files, dirs })
}
