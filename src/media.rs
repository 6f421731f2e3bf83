//! Discs and drives: what fits on a medium, what is on it, and how a session gets there.

mod kind;

pub use kind::{DeviceType, MediaKind};
