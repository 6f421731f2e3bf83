//! Days on which Cedar Backup ended with an error and we went on: why it did, and that we have what it stopped at.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cback::archive::Kind;
use cback::archive::manifest::ManifestReader;

use crate::case::{Case, Run, Who};
use crate::compare::Known;
use crate::source::Source;

/// Version 3 takes a backslash in the name that a followed link leads to for a slash, finds nothing there, and ends the
/// action. Checked is that its last words are these, about a source with such a link and with `dereference`, and that what
/// the link leads to is in ours, as far as it is not excluded. Panics at anything else.
pub fn by_a_backslash(case: &Case, run: &Run) -> Known {
    let log = fs::read(case.own(Who::Theirs, "log")).unwrap();
    let log = String::from_utf8_lossy(&log);
    let said: Vec<&str> = log.lines().collect();
    let at = said.iter().rposition(|line| line.contains("[ERROR  ]"));
    let error = said[at.unwrap()];
    let shape = if error.ends_with(": Path is not a directory or does not exist on disk.") {
        Shape::Dir
    } else if error.ends_with(": Path is not a file or does not exist on disk.") {
        Shape::File
    } else {
        panic!("Theirs: {error}");
    };
    let source = said[..at.unwrap()]
        .iter()
        .rev()
        .find_map(|line| line.split_once("Collecting directory ["));
    let source = Path::new(source.unwrap().1.trim_end_matches(']'));
    let configured = Source::of(case, source).unwrap();
    assert!(configured.is_dereferenced, "Theirs: {error}");
    let listed = listed(case, run, source);
    let is_cause = |(path, kind): &(PathBuf, Kind)| {
        let Kind::Symlink(target) = kind else {
            return false;
        };
        let led_to = path.parent().unwrap().join(target);
        let Ok(real) = led_to.canonicalize() else {
            return false;
        };
        // What the link leads to, without what is excluded there.
        let is_there = |wanted: &Path| {
            configured.excludes(&real, wanted) || listed.iter().any(|(path, _)| path == wanted)
        };
        let is_whole = match shape {
            Shape::Dir => {
                real.is_dir() && crate::tree::all(&real).iter().all(|below| is_there(below))
            }
            Shape::File => real.is_file() && is_there(&real),
        };
        let has_backslash = |path: &Path| path.as_os_str().as_bytes().contains(&b'\\');
        // It never comes to a link whose own path has one.
        !has_backslash(path) && has_backslash(Path::new(target)) && is_whole
    };
    assert!(
        listed.iter().any(is_cause),
        "Theirs: {error}; nothing of ours in {} explains it",
        source.display()
    );
    Known::LinksToBackslashes
}

/// What Cedar Backup took something for.
#[derive(Clone, Copy)]
enum Shape {
    Dir,
    File,
}

/// What our manifests of that source and its parts have, with absolute paths.
fn listed(case: &Case, run: &Run, source: &Path) -> Vec<(PathBuf, Kind)> {
    let dir = if run.words.contains("stage") {
        case.staged(Who::Ours, run.day)
    } else {
        case.own(Who::Ours, "collect")
    };
    let mut listed = Vec::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if !path.as_os_str().as_bytes().ends_with(b".mtree.gz") {
            continue;
        }
        let mut manifest = ManifestReader::new(fs::File::open(path).unwrap()).unwrap();
        if !manifest.header().source.starts_with(source) {
            continue;
        }
        while let Some(entry) = manifest.next_entry().unwrap() {
            listed.push((Path::new("/").join(entry.member.path), entry.member.kind));
        }
    }
    listed
}
