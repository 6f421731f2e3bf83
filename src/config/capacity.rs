//! `<capacity>`: when a disc counts as nearly full.

use crate::units::ByteSize;

use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, SIZE};

pub(super) const RULES: &[Rule] = &[
    one("max_percentage", "a number from 0 to 100")
        .means("The disc is nearly full when more percent than this are used.")
        .example("95.5"),
    one("min_bytes", SIZE)
        .means("The disc is nearly full when less than this is left.")
        .example("100 MB"),
];

/// When a disc counts as nearly full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Capacity {
    /// When more than so many percent (0–100) are used.
    MaxPercentage(f64),
    /// When less than so much is left.
    MinBytes(ByteSize),
}

pub(super) fn read(at: Cursor<'_>) -> Read<Capacity> {
    let most = at.optional("max_percentage", value::percentage);
    let least = at.optional("min_bytes", value::size);
    match (most?, least?) {
        (Some(most), None) => Ok(Capacity::MaxPercentage(most)),
        (None, Some(least)) => Ok(Capacity::MinBytes(least)),
        (None, None) => Err(at.wrong(
            "`<capacity>` has no limit",
            "add `<max_percentage>` or `<min_bytes>`",
        )),
        (Some(_), Some(_)) => Err(at.wrong(
            "`<capacity>` has two limits",
            "keep either `<max_percentage>` or `<min_bytes>`",
        )),
    }
}
