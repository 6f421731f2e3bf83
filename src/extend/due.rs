//! Whether repositories and mailboxes are dumped today, and what is in their directories.

use std::io;
use std::path::PathBuf;

use crate::action::{Context, Extent};
use crate::collect::{Decision, Full, Last, decide};
use crate::config::{Dump, DumpDir};
use crate::dump::State;

/// Whether `dump` is due, and whether all of it is, when the last one was as `state` says.
pub(super) fn due(cx: &Context<'_>, dump: &Dump, state: Option<State>) -> Decision {
    let last = state.map(|state| Last {
        day: state.day,
        full: state.full,
    });
    let full = match cx.extent {
        Extent::Full => Full::Yes,
        Extent::Configured => Full::No,
    };
    decide(
        dump.mode,
        last,
        cx.day,
        cx.config.options.starting_day,
        full,
    )
}

/// What is directly in the directory and not excluded, by name.
pub(super) fn children(dir: &DumpDir) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&*dir.all.path)? {
        let path = entry?.path();
        let left = dir
            .exclude_paths
            .iter()
            .any(|other| other.as_path() == path);
        let text = path.to_string_lossy();
        if !left
            && !dir
                .exclude_patterns
                .iter()
                .any(|pattern| pattern.matches(&text))
        {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}
