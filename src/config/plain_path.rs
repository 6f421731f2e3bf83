//! Paths as they are meant, for comparing one with another; nothing is looked up.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// `path` without doubled slashes, `.`, `..` and a slash at its end.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Whether `path` is written in the only way in which a walk would write it.
pub(super) fn is_plain(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    let mut parts = bytes
        .strip_prefix(b"/")
        .unwrap_or(bytes)
        .split(|&byte| byte == b'/');
    bytes == b"/" || parts.all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_compared_as_it_is_meant() {
        for (path, meant) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b"),
            ("/a//b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/..", "/"),
            ("a/b/", "a/b"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(meant), "{path}");
            assert_eq!(is_plain(Path::new(path)), path == meant, "{path}");
        }
    }
}
