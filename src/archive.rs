//! Archives: one tar file made from one source on one day, compressed on all cores, with a manifest beside it.

mod compression;
mod member;

pub use compression::Compression;
pub use member::{Extended, Kind, Member, Timestamp};
