//! ISO 9660 volumes: written and read, with Rock Ridge and Joliet, several sessions on a medium.
//!
//! A [`Tree`] says what a volume contains. An [`Image`] is a tree laid out for a place on a medium; it knows its
//! exact size before its first byte is written, streams, and is the same for the same input. A [`Volume`] is one
//! session on a medium that was written by whomever; its tree, whose contents stay where they are, can be changed and
//! laid out again as the next session: there is no other multisession mode.
//!
//! Standards: ECMA-119 (ISO 9660), interchange level 3; SUSP and Rock Ridge Interchange Protocol 1.12; the Joliet
//! specification. This module uses nothing else of its crate.

mod charset;
mod date;
mod descriptor;
mod directory;
mod image;
mod layout;
mod medium;
mod rock_ridge;
mod session;
mod stream;
mod tree;
mod volume;

/// Bytes in a sector.
pub const SECTOR: u64 = 2048;
/// The same number for lengths in memory.
const SECTOR_LEN: usize = 2048;

pub use date::Time;
pub use image::{Fault, Image, ImageError, Joliet, Options, SYSTEM_AREA, SpaceSize, WriteError};
pub use medium::{FileReader, ReadAt, ReadError};
pub use session::{
    ALIGNMENT, HEAD, Readable, Session, copied_head, descriptor_sector, grown_head,
    readable_sessions, sessions, sessions_of_copy, shown_descriptors,
};
pub use stream::Cause;
pub use tree::{
    Added, Content, Extent, Kind, Meta, NAME_MAX, Node, Special, TARGET_MAX, Tree, TreeError, Walk,
};
pub use volume::{Listing, Loss, Names, Part, Unlike, Volume};
