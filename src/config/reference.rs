//! `<reference>`: what the file says about itself. Nothing depends on it.

use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, TEXT};

pub(super) const RULES: &[Rule] = &[
    one("author", TEXT),
    one("revision", TEXT),
    one("description", TEXT),
    one("generator", TEXT),
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
