//! What a drive answers about its disc, byte by byte.

pub mod capacity;
pub mod configuration;
pub mod disc_information;
pub mod modes;
pub mod performance;
pub mod structure;
pub mod toc;
pub mod track_information;
