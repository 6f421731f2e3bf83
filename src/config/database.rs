//! `<mysql>` and `<postgresql>`: databases to be dumped.

use std::fmt;

use crate::archive::Compression;

use super::read::{Cursor, Read};
use super::schema::{Rule, many, one};
use super::value::{self, COMPRESS_MODE, FLAG};

const USER: Rule = one("user", "the name of a database user")
    .means(
        "The database user. Without it: whoever runs cback, or what the server's own settings say.",
    )
    .example("backup");
const COMPRESS: Rule = one("compress_mode", COMPRESS_MODE)
    .means("How dumps are packed. `zstd` is not Cedar Backup's.")
    .required()
    .example("gzip");
const ALL: Rule = one("all", FLAG)
    .means("Whether all databases of the server are dumped, into one file.")
    .otherwise("N");
const DATABASE: Rule = many("database", "the name of a database")
    .means("One database; at least one unless <all> is `Y`.")
    .example("wiki");

pub(super) const MYSQL: &[Rule] = &[
    USER,
    one("password", "a password").means("The password. It is better left to `~/.my.cnf`."),
    COMPRESS,
    ALL,
    DATABASE,
];
pub(super) const POSTGRESQL: &[Rule] = &[USER, COMPRESS, ALL, DATABASE];

/// Databases of one server.
#[derive(Clone, PartialEq, Eq)]
pub struct Databases {
    /// Who asks; `None`: whoever runs this. Not shown.
    pub user: Option<String>,
    /// The password. Not shown.
    pub password: Option<String>,
    /// How dumps are packed.
    pub compression: Compression,
    /// Which databases.
    pub which: Which,
}

/// Which databases are dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of the server, in one dump.
    All,
    /// These, one dump each; never none.
    Named(Vec<String>),
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "hidden");
        f.debug_struct("Databases")
            .field("user", &hidden(&self.user))
            .field("password", &hidden(&self.password))
            .field("compression", &self.compression)
            .field("which", &self.which)
            .finish()
    }
}

pub(super) fn mysql(at: Cursor<'_>) -> Read<Databases> {
    let password = at.optional("password", value::text);
    let databases = read(at);
    Ok(Databases {
        password: password?,
        ..databases?
    })
}

pub(super) fn postgresql(at: Cursor<'_>) -> Read<Databases> {
    read(at)
}

fn read(at: Cursor<'_>) -> Read<Databases> {
    let user = at.optional("user", value::text);
    let compression = at.required("compress_mode", value::compress_mode);
    let all = at.optional("all", value::flag);
    let named = at.all("database", value::text)?;
    let which = match (all?.unwrap_or(false), named.is_empty()) {
        (true, true) => Ok(Which::All),
        (false, false) => Ok(Which::Named(named)),
        (true, false) => Err(at.wrong(
            "all databases are asked for, and single ones beside",
            "remove `<all>` or every `<database>`",
        )),
        (false, true) => Err(at.wrong(
            format!("`<{}>` names no database", at.element.name()),
            "add `<database>`, or `<all>Y</all>`",
        )),
    };
    Ok(Databases {
        user: user?,
        password: None,
        compression: compression?,
        which: which?,
    })
}
