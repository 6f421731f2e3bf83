//! Absolute paths, as the configuration demands them.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A path that begins with `/` and contains no NUL byte. Nothing else is normalised: links,
/// `..` and doubled slashes stay as they were written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsPath(PathBuf);

/// A path that is not absolute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an absolute path; it has to begin with `/`")]
pub struct AbsPathError(String);

impl AbsPath {
    /// Takes `path` if it is absolute.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, AbsPathError> {
        let path = path.into();
        let bytes = path.as_os_str().as_bytes();
        if bytes.first() == Some(&b'/') && !bytes.contains(&0) {
            Ok(Self(path))
        } else {
            Err(AbsPathError(path.to_string_lossy().into_owned()))
        }
    }

    /// This path with `tail` below it. A tail that is absolute stands for itself.
    #[must_use]
    pub fn join(&self, tail: impl AsRef<Path>) -> Self {
        Self(self.0.join(tail))
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Deref for AbsPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<OsStr> for AbsPath {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl From<AbsPath> for PathBuf {
    fn from(path: AbsPath) -> Self {
        path.0
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
