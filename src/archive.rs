//! Archives: one tar file made from one source on one day, compressed on all cores, with a manifest beside it.

mod acl;
mod compression;
pub mod manifest;
mod member;
mod order;
mod pack;
mod pax;
mod read;
mod unpack;
mod write;

pub use compression::Compression;
pub use member::{Extended, Kind, Member, Timestamp};
pub use order::path_order;
pub use pack::{Packed, Packer};
pub use read::{ReadError, Reader};
pub use unpack::unpack;
pub use write::{Parts, Writer};

#[cfg(test)]
mod tests;
