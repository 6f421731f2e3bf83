//! `<mbox>`: mailboxes to be collected by date.

use super::dump::{self, Dump, DumpDir};
use super::read::{Cursor, Read, together};
use super::schema::{Rule, many, one, part, parts};
use super::value::{COMPRESS_MODE, MODE, PATH, PATTERN};

const EXCLUDE: &[Rule] = &[
    many("rel_path", "a path below the directory"),
    many("pattern", PATTERN),
];

const FILE: &[Rule] = &[
    one("abs_path", PATH),
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
];

const DIR: &[Rule] = &[
    one("abs_path", PATH),
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
    part("exclude", EXCLUDE),
];

pub(super) const RULES: &[Rule] = &[
    one("collect_mode", MODE),
    one("compress_mode", COMPRESS_MODE),
    parts("file", FILE),
    parts("dir", DIR),
];

/// Mailboxes to be collected; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mbox {
    /// Single mailboxes.
    pub files: Vec<Dump>,
    /// Directories of mailboxes.
    pub dirs: Vec<DumpDir>,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Mbox> {
    let defaults = dump::defaults(at);
    let files = together(at.parts("file").map(|at| dump::one(at, &defaults)));
    let dirs = together(at.parts("dir").map(|at| dump::dir(at, &defaults)));
    let (files, dirs) = (files?, dirs?);
    if files.is_empty() && dirs.is_empty() {
        return Err(at.wrong("`<mbox>` names no mailbox", "add `<file>` or `<dir>`"));
    }
    Ok(Mbox { files, dirs })
}
