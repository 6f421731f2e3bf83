//! From what somebody wants back to files on the disk.

pub mod target;
