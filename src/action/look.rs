//! Looking whether the world is as the configuration says.

use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::event::printable_path;

/// One thing that is not as the configuration says, as a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    text: String,
    mend: String,
    /// Of what in the file system it is, and what is wrong with that.
    about: Option<(PathBuf, String)>,
}

impl Finding {
    /// What is wrong, and how to mend it.
    pub(crate) fn new(text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mend: mend.into(),
            about: None,
        }
    }

    /// What is wrong with the thing at `path`, and how to mend it.
    fn at(what: &str, path: &Path, wrong: &str, mend: &str) -> Self {
        let shown = printable_path(path);
        Self {
            about: Some((path.to_owned(), wrong.to_owned())),
            ..Self::new(format!("{what} [{shown}] {wrong}"), mend)
        }
    }

    /// Whether `other` says the same of the same thing, by whatever name.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self == other || (self.about.is_some() && self.about == other.about)
    }

    /// The sentence.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How to mend it, as a fragment.
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

/// What this process has to be able to do with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// List it and open what is in it.
    Read,
    /// Make things in it, too.
    Write,
}

/// What is wrong with the directory at `path`: the first thing only.
pub(crate) fn dir(what: &str, path: &Path, wanted: Access) -> Option<Finding> {
    let may = |flags| access(path, flags).is_ok();
    let absent = match wanted {
        Access::Read => GONE,
        Access::Write => MAKE,
    };
    let (wrong, mend) = match path.metadata() {
        Err(error) => (missing(&error), absent),
        Ok(metadata) if !metadata.is_dir() => ("is not a directory".to_owned(), "name a directory"),
        Ok(_) if !may(AccessFlags::R_OK) => ("is not readable".to_owned(), RIGHTS),
        Ok(_) if !may(AccessFlags::X_OK) => ("is not executable".to_owned(), RIGHTS),
        Ok(_) if wanted == Access::Write && !may(AccessFlags::W_OK) => {
            ("is not writable".to_owned(), RIGHTS)
        }
        Ok(_) => return None,
    };
    Some(Finding::at(what, path, &wrong, mend))
}

const GONE: &str = "is it mounted? otherwise correct the path, or take it out of the configuration";
const MAKE: &str =
    "make it, for the backup user alone (mkdir, chown, chmod 700), or correct the path";
const RIGHTS: &str = "give this user the right to it (chown, chmod), or run cback as root";

/// What is wrong with the file at `path`.
pub(crate) fn file(what: &str, path: &Path) -> Option<Finding> {
    let (wrong, mend) = match path.metadata() {
        Err(error) => (missing(&error), GONE),
        Ok(metadata) if !metadata.is_file() => (
            "is not a regular file".to_owned(),
            "name a file here, and a directory in a <dir>",
        ),
        Ok(_) if access(path, AccessFlags::R_OK).is_err() => ("is not readable".to_owned(), RIGHTS),
        Ok(_) => return None,
    };
    Some(Finding::at(what, path, &wrong, mend))
}

/// What is wrong with the program at `path`.
pub(super) fn program(what: &str, path: &Path) -> Option<Finding> {
    let (wrong, mend) = match path.metadata() {
        Err(error) => (missing(&error), "install it, or correct the path"),
        Ok(metadata) if metadata.is_file() && access(path, AccessFlags::X_OK).is_ok() => {
            return None;
        }
        Ok(_) => (
            "is no program that can be run".to_owned(),
            "make it executable (chmod +x), or name another one",
        ),
    };
    Some(Finding::at(what, path, &wrong, mend))
}

fn missing(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "does not exist".to_owned()
    } else {
        format!("cannot be looked at: {error}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_thing_that_is_wrong_is_said() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        assert_eq!(dir("x", home.path(), Access::Write), None);
        assert_eq!(file("x", &home.path().join("file")), None);
        for (found, wrong) in [
            (
                dir("x", &home.path().join("gone"), Access::Read),
                "does not exist",
            ),
            (
                dir("x", &home.path().join("file"), Access::Read),
                "is not a directory",
            ),
            (file("x", home.path()), "is not a regular file"),
            (file("x", &home.path().join("gone")), "does not exist"),
        ] {
            assert!(
                found.as_ref().unwrap().as_str().ends_with(wrong),
                "{found:?}"
            );
        }
    }
}
