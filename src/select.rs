//! What belongs to a source: the rules, and the walk that applies them.

mod filter;
mod found;
mod listing;
mod walk;

use std::ffi::OsString;

use crate::units::{AbsPath, Pattern};

pub use found::{Found, Opener, Stat, Type};
pub use walk::{Start, Step, Walk, children};

/// Which things below a source belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// A directory that contains something of this name is left out, with all below it.
    pub ignore_file: Option<OsString>,
    /// Paths that are left out, with all below them.
    pub exclude_paths: Vec<AbsPath>,
    /// Paths that are left out when a pattern matches them whole, with all below them.
    pub exclude_patterns: Vec<Pattern>,
    /// Directory levels in which symbolic links to directories are followed.
    pub link_depth: u32,
    /// Whether what a followed link points to is collected under its own path, beside the link.
    pub dereference: Dereference,
    /// Whether directories with a valid `CACHEDIR.TAG` are left out, but for the tag.
    pub cache_dirs: CacheDirs,
    /// Whether things with the `nodump` attribute are left out.
    pub nodump: NoDump,
    /// Whether the walk enters other file systems.
    pub mounts: Mounts,
}

/// What a followed link brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dereference {
    /// The target's content under the link's path.
    #[default]
    No,
    /// The link, and the target under its own path.
    Yes,
}

/// What becomes of directories tagged as caches (<https://bford.info/cachedir/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheDirs {
    /// They are collected like any other.
    #[default]
    Keep,
    /// Only the tag is collected.
    Skip,
}

/// What becomes of things with the `nodump` attribute (chattr(1), `d`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoDump {
    /// They are collected like any other.
    #[default]
    Collect,
    /// They are left out.
    Skip,
}

/// Whether the walk goes beyond the file system on which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mounts {
    /// It does.
    #[default]
    Cross,
    /// It does not; mount points are collected as empty directories.
    Stay,
}
