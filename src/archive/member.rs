//! One thing in an archive or a manifest: everything about it but its bytes.

use std::ffi::OsString;
use std::path::PathBuf;

/// Longer paths are not believed, in bytes: nothing has such, and to make its directories would take for ever. Collecting
/// names what lies deeper, and leaves it out.
pub(super) const LONGEST_PATH: usize = 1 << 17;

/// A point in time: seconds since 1970 (negative before) and nanoseconds 0–999 999 999 onwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds after them.
    pub nanos: u32,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link with this text, whatever it points to.
    Symlink(OsString),
    /// A further name of the file that this archive has under this path.
    HardLink(PathBuf),
    /// A named pipe.
    Fifo,
    /// A character device with its major and minor number.
    CharDevice(u32, u32),
    /// A block device with its major and minor number.
    BlockDevice(u32, u32),
}

/// Extended attributes with their names as the kernel spells them: `user.x`,
/// `system.posix_acl_access`, `security.capability`.
pub type Extended = Vec<(OsString, Vec<u8>)>;

/// One thing in an archive: everything about it but its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path without a leading `/`: `etc/passwd`. Raw bytes, never normalised.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits: `07777`.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Name of the owner; empty if the machine had none.
    pub user: OsString,
    /// Name of the group; empty if the machine had none.
    pub group: OsString,
    /// Time of the last change of the content.
    pub mtime: Timestamp,
    /// Length in bytes of a regular file, holes included; 0 for anything else.
    pub size: u64,
    /// Extended attributes, ACLs among them.
    pub extended: Extended,
}
