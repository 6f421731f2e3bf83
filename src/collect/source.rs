//! A configured file or directory to collect.

use std::str::FromStr;

use crate::archive::Compression;
use crate::select::Rules;
use crate::units::{AbsPath, ArchiveName};

/// When a source is collected, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every day, everything.
    Daily,
    /// Once a week, everything.
    Weekly,
    /// Once a week everything, on the other days what differs.
    Incr,
}

/// How an incremental finds what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compare {
    /// By size, mtime, ctime and inode; an unchanged file is not read.
    #[default]
    Metadata,
    /// By the content's digest; every file is read.
    Content,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A single file, without any rules.
    File,
    /// A directory tree.
    Dir {
        /// What belongs to it.
        rules: Rules,
        /// Levels of subdirectories that become archives of their own; negative: all levels.
        recursion_level: i64,
    },
}

/// A configured file or directory to collect, with everything inherited already filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: AbsPath,
    /// What it is.
    pub shape: Shape,
    /// When it is collected.
    pub mode: Mode,
    /// How the archive is packed.
    pub compression: Compression,
    /// How hard it is packed, within [`Compression::levels`]; `None`: as the format usually is.
    pub level: Option<u8>,
    /// How an incremental finds what differs.
    pub compare: Compare,
    /// The archive's name without its extension.
    pub name: ArchiveName,
}

impl FromStr for Compare {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "metadata" => Ok(Self::Metadata),
            "content" => Ok(Self::Content),
            _ => Err(()),
        }
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "daily" => Ok(Self::Daily),
            "weekly" => Ok(Self::Weekly),
            "incr" => Ok(Self::Incr),
            _ => Err(()),
        }
    }
}
