//! What a changer says of itself.

use std::collections::BTreeMap;

/// Where discs are, by the changer's own word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Every slot by its number.
    pub slots: BTreeMap<u32, Slot>,
    /// Every drive by its number, with what is in it.
    pub drives: BTreeMap<u32, Option<Held>>,
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    /// What is in it.
    pub held: Option<Held>,
    /// What it is for.
    pub port: Port,
}

/// What a slot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Port {
    /// It keeps discs.
    #[default]
    Inside,
    /// People put discs in and take them out through it.
    ImportExport,
}

/// A disc as a changer sees it: from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// What is written on it for the robot.
    pub barcode: Option<String>,
    /// In a drive: the slot from which it came.
    pub from: Option<u32>,
}
