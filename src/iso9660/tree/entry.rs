//! What is said of an entry: facts, kind, and where the bytes of a file are.

use super::super::date::Time;

/// The longest name in bytes: that of POSIX file systems.
pub const NAME_MAX: usize = 255;
/// The longest target of a symbolic link in bytes that is written or read.
pub const TARGET_MAX: usize = 65_535;

/// Facts about an entry of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// Permission bits, set-id and sticky bits included (07777).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification. Volumes hold whole seconds of the years 1900 to 2155.
    pub mtime: Time,
}

/// A run of bytes on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First sector, counted from the beginning of the medium.
    pub sector: u32,
    /// Length in bytes; may be more than 4 GiB.
    pub bytes: u64,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// To be written with the image.
    New {
        /// What the caller's opener is asked for, less than 2^32. Contents are laid out in ascending order of
        /// this number; files with the same number share one copy.
        source: usize,
        /// Its length, which is kept whatever the source does.
        bytes: u64,
    },
    /// On the medium already.
    Old(Vec<Extent>),
}

impl Content {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::New { bytes, .. } => *bytes,
            Self::Old(extents) => extents.iter().map(|extent| extent.bytes).sum(),
        }
    }
}

/// A device, pipe or socket. Only Rock Ridge has them; they are kept for discs of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Special {
    /// The file type bits of POSIX (`S_IFCHR`, `S_IFBLK`, `S_IFIFO`, `S_IFSOCK`).
    pub format: u32,
    /// The two halves of the device number as Rock Ridge stores them.
    pub device: (u32, u32),
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory: [`Tree::list`] gives what is in it.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link and its target.
    Symlink(Box<[u8]>),
    /// Something else.
    Special(Special),
}

/// An entry.
#[derive(Debug, Clone)]
pub struct Node {
    /// Facts about it.
    pub meta: Meta,
    /// What it is.
    pub kind: Kind,
}

impl Node {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory)
    }
}
