//! Names that lead below the target directory and nowhere else.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::event::printable_path;

/// A path made of plain names only: not absolute, no `..`, no NUL byte. Doubled slashes and `.` are gone.
/// The empty path is the target directory itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Below {
    path: PathBuf,
}

/// Why a path may not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// It begins with a slash.
    #[error("the archive names it by an absolute path")]
    Absolute,
    /// It climbs.
    #[error("the archive's path contains `..`")]
    Climbs,
    /// No file system has such a name.
    #[error("the archive's path contains a NUL byte")]
    Nul,
}

impl Below {
    /// Takes `path` if it leads below the directory in which it is used.
    pub fn new(path: &Path) -> Result<Self, Unsafe> {
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(Unsafe::Nul);
        }
        let mut plain = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir => return Err(Unsafe::Climbs),
                Component::RootDir | Component::Prefix(_) => return Err(Unsafe::Absolute),
            }
        }
        Ok(Self { path: plain })
    }

    /// This path, below `prefix`.
    #[must_use]
    pub fn under(&self, prefix: &Self) -> Self {
        if prefix.path.as_os_str().is_empty() {
            return self.clone();
        }
        let path = if self.path.as_os_str().is_empty() {
            prefix.path.clone()
        } else {
            prefix.path.join(&self.path)
        };
        Self { path }
    }

    /// This path below the directory `dir`, for people.
    pub fn within(&self, dir: &Path) -> PathBuf {
        if self.path.as_os_str().is_empty() {
            dir.to_owned()
        } else {
            dir.join(&self.path)
        }
    }

    /// The directory that holds it, and its name there; `None` for the target directory itself.
    pub fn split(&self) -> Option<(&Path, &OsStr)> {
        Some((self.path.parent()?, self.path.file_name()?))
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.path
    }

    /// How many names it has.
    pub fn depth(&self) -> usize {
        self.path.components().count()
    }
}

impl From<&Below> for OsString {
    fn from(below: &Below) -> Self {
        below.path.clone().into_os_string()
    }
}

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable_path(&self.path).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_plain_names_lead_below() {
        for (path, expected) in [
            ("a/b", Ok("a/b")),
            ("./a//b/./c/", Ok("a/b/c")),
            ("", Ok("")),
            (".", Ok("")),
            ("a/...", Ok("a/...")),
            ("/a", Err(Unsafe::Absolute)),
            ("//a", Err(Unsafe::Absolute)),
            ("..", Err(Unsafe::Climbs)),
            ("a/../b", Err(Unsafe::Climbs)),
            ("a/..", Err(Unsafe::Climbs)),
            ("a\0b", Err(Unsafe::Nul)),
        ] {
            let below = Below::new(Path::new(path));
            let got = below.as_ref().map(Below::as_path).map_err(|why| *why);
            assert_eq!(got, expected.map(Path::new), "{path:?}");
        }
    }

    #[test]
    fn a_prefix_goes_before_the_path() {
        let prefix = Below::new(Path::new("peer")).unwrap();
        for (path, expected) in [("a/b", "peer/a/b"), ("", "peer")] {
            let below = Below::new(Path::new(path)).unwrap();
            assert_eq!(below.under(&prefix).as_path(), Path::new(expected));
            assert_eq!(below.under(&Below::default()), below);
        }
    }
}
