//! Whether repositories and mailboxes are dumped today, and what is in their directories.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::action::{Context, Extent};
use crate::collect::{Decision, Full, Last, decide};
use crate::config::{Dump, DumpDir};
use crate::dump::State;
use crate::event::Tell as _;
use crate::select::Step;
use crate::units::{Pattern, Undecided, text_of};

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

/// What is directly in the directory and not excluded, by name. A pattern that cannot tell excludes nothing, and that is told once.
pub(super) fn children(cx: &Context<'_>, dir: &DumpDir) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut told = vec![false; dir.exclude_patterns.len()];
    for entry in std::fs::read_dir(&*dir.all.path)? {
        let path = entry?.path();
        let left = dir
            .exclude_paths
            .iter()
            .any(|other| other.as_path() == path);
        let text = text_of(path.as_os_str().as_bytes());
        let mut excludes = |(pattern, told): (&Pattern, &mut bool)| {
            pattern.judge(&text).unwrap_or_else(|Undecided| {
                if !std::mem::replace(told, true) {
                    cx.monitor.warn(Step::undecided(pattern, &path));
                }
                false
            })
        };
        let mut patterns = dir.exclude_patterns.iter().zip(&mut told);
        if !left && !patterns.any(&mut excludes) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}
