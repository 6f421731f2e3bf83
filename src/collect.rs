//! Source and snapshot become an archive, a manifest and a new snapshot.

mod source;

pub use source::{Compare, Mode, Shape, Source};
