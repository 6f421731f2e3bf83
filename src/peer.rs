//! A peer: somebody's collect directory, from which the master fetches archives.

mod ignore;

pub use ignore::{Ignore, Occasion};
