//! `<reference>`: what the file says about itself. Nothing depends on it.

use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, TEXT};

pub(super) const RULES: &[Rule] = &[
    one("author", TEXT)
        .means("Who wrote the file.")
        .example("Ada"),
    one("revision", TEXT)
        .means("Which version of the file this is.")
        .example("1"),
    one("description", TEXT)
        .means("What the file is for.")
        .example("The machine under the stairs"),
    one("generator", TEXT)
        .means("What made the file.")
        .example("by hand"),
];

/// What the file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // free text
pub struct Reference {
    pub author: Option<String>,
    pub revision: Option<String>,
    pub description: Option<String>,
    pub generator: Option<String>,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Reference> {
    Ok(Reference {
        author: at.optional("author", value::text)?,
        revision: at.optional("revision", value::text)?,
        description: at.optional("description", value::text)?,
        generator: at.optional("generator", value::text)?,
    })
}
