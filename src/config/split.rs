//! `<split>`: staged files that are too large are cut into parts.

use crate::units::ByteSize;

use super::finding::Finding;
use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, SIZE};

pub(super) const RULES: &[Rule] = &[
    one("size_limit", SIZE)
        .means("Larger files are cut.")
        .required()
        .example("2.5 GB"),
    one("split_size", SIZE)
        .means("The size of a part, at least one byte.")
        .required()
        .example("100 MB"),
];

/// How large files are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Larger files are cut.
    pub size_limit: ByteSize,
    /// Size of a part; at least one byte.
    pub split_size: ByteSize,
}

pub(super) fn read(at: Cursor<'_>) -> Read<Split> {
    let size_limit = at.required("size_limit", value::size);
    let split_size = at.required("split_size", value::size).and_then(|size| {
        if size.0 > 0 {
            return Ok(size);
        }
        let span = at.span("split_size");
        Err(at.tell(
            Finding::error(at.element, span, "a part cannot be empty")
                .right("write an amount of at least one byte"),
        ))
    });
    Ok(Split {
        size_limit: size_limit?,
        split_size: split_size?,
    })
}
