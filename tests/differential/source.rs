//! What the configuration says about a source directory, and what Cedar Backup told about the way through it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::case::{Case, Who};

/// A `<dir>` of the configuration.
pub struct Source {
    pub top: PathBuf,
    pub is_dereferenced: bool,
    /// Several levels, each in an archive of its own.
    pub is_split: bool,
    ignore_file: String,
    excluded: Vec<PathBuf>,
    patterns: Vec<fancy_regex::Regex>,
}

impl Source {
    /// The source that has `dir` as itself or as a part; none if it is a file.
    pub fn of(case: &Case, dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(case.own(Who::Theirs, "cback.conf")).unwrap();
        let (_, section) = text.split_once("<collect>").unwrap();
        let (section, _) = section.split_once("</collect>").unwrap();
        let mut dirs = section.split("<dir>");
        let (usual, _) = dirs
            .next()?
            .split_once("<file>")
            .unwrap_or((section.split("<dir>").next().unwrap(), ""));
        let own = dirs.find(|text| dir.starts_with(&values(text, "abs_path")[0]))?;
        let top = PathBuf::from(values(own, "abs_path").remove(0));
        // The first path of a directory is its own; those behind it are excluded.
        let paths = values(own, "abs_path").into_iter().skip(1);
        let paths = paths.chain(values(usual, "abs_path")).map(PathBuf::from);
        let relative = values(own, "rel_path");
        let below = relative.iter().map(|path| top.join(path));
        let patterns = values(usual, "pattern").into_iter();
        let patterns = patterns.chain(values(own, "pattern"));
        let ignore_file = values(own, "ignore_file").pop();
        Some(Self {
            is_dereferenced: own.contains("<dereference>Y</dereference>"),
            is_split: own.contains("<recursion_level>"),
            ignore_file: ignore_file.unwrap_or_else(|| values(usual, "ignore_file").remove(0)),
            excluded: paths.chain(below).collect(),
            patterns: patterns
                .map(|pattern| fancy_regex::Regex::new(&format!("^(?:{pattern})$")).unwrap())
                .collect(),
            top,
        })
    }

    /// Whether `path`, found below `root`, is not to be collected: itself or a directory on the way from `root`.
    pub fn excludes(&self, root: &Path, path: &Path) -> bool {
        let on_the_way = |path: &&Path| path.starts_with(root);
        path.ancestors().take_while(on_the_way).any(|path| {
            self.excluded.iter().any(|excluded| excluded == path)
                || path.is_dir() && path.join(&self.ignore_file).exists()
                || path.to_str().is_some_and(|text| {
                    let matches = |pattern: &fancy_regex::Regex| pattern.is_match(text).unwrap();
                    self.patterns.iter().any(matches)
                })
        })
    }

    /// The parts of this source that Cedar Backup had collected in its last run when it came to `part`. What it has
    /// collected it passes over when it comes to it once more, through a link that it follows.
    pub fn collected_before(&self, case: &Case, part: &Path) -> Vec<PathBuf> {
        let log = fs::read(case.own(Who::Theirs, "log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        let (_, run) = log.rsplit_once("Cedar Backup run started.").unwrap();
        // Names may have several lines.
        let told = run.split("Collecting directory [").skip(1);
        let told = told.map(|text| Path::new(text.split_once("]\n20").unwrap().0));
        let own = told.filter(|path| path.starts_with(&self.top));
        let before =
            own.take_while(|path| path.as_os_str().as_bytes() != part.as_os_str().as_bytes());
        before.map(Path::to_owned).collect()
    }
}

/// The texts of all elements of that name.
fn values(text: &str, name: &str) -> Vec<String> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let found = text.split(&begin).skip(1);
    let texts = found.map(|text| text.split_once(&end).unwrap().0);
    let plain = texts.map(|text| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    });
    plain.collect()
}

/// Everything in `dirs`, and in what links in there lead to, in whatever number of steps: the directories and files
/// to which one comes, by their real paths.
pub fn reached(dirs: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut reached: Vec<PathBuf> = Vec::new();
    let mut next = dirs;
    while let Some(place) = next.pop() {
        if reached.contains(&place) {
            continue;
        }
        let all = crate::tree::all(&place);
        let links = all.iter().filter(|path| path.is_symlink());
        next.extend(links.filter_map(|path| path.canonicalize().ok()));
        reached.push(place);
    }
    reached
}
