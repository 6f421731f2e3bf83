//! The files that an `Include` names.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::pattern::wildcard;
use super::tokens::expand_path;

/// The files that `word` names, in order; wildcards may stand in any part of the path. A relative one begins at `base`.
pub(super) fn included(word: &str, base: &Path, home: &Path) -> Result<Vec<PathBuf>, String> {
    if word.contains('[') {
        return Err(format!(
            "`{word}`: of wildcards only `*` and `?` are understood"
        ));
    }
    let path = base.join(expand_path(word, home)?);
    let mut found = vec![PathBuf::from("/")];
    for part in path.components() {
        let Component::Normal(name) = part else {
            if part == Component::ParentDir {
                for path in &mut found {
                    path.push("..");
                }
            }
            continue;
        };
        let pattern = name.to_string_lossy();
        if !pattern.contains(['*', '?']) {
            for path in &mut found {
                path.push(name);
            }
            continue;
        }
        let mut deeper = Vec::new();
        for dir in found {
            let names = fitting(&dir, &pattern);
            let names = names.map_err(|error| format!("{}: {error}", dir.display()))?;
            deeper.extend(names.into_iter().map(|name| dir.join(name)));
        }
        found = deeper;
    }
    Ok(found)
}

/// The names in `dir` that fit, in order. What is no directory has none.
fn fitting(dir: &Path, pattern: &str) -> io::Result<Vec<std::ffi::OsString>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if is_nothing(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name());
    }
    let fits = |name: &OsStr| {
        let name = name.to_string_lossy();
        (!name.starts_with('.') || pattern.starts_with('.')) && wildcard(pattern, &name)
    };
    names.retain(|name| fits(name));
    names.sort();
    Ok(names)
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
