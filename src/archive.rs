//! Archives: one tar file made from one source on one day, compressed on all cores, with a manifest beside it.

mod compression;
pub mod manifest;
mod member;
mod order;

pub use compression::Compression;
pub use member::{Extended, Kind, Member, Timestamp};
pub use order::path_order;
