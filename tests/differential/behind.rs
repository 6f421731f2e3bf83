//! What is behind links, and why one of the two programs does not have it in an archive where the other one has.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use cback::archive::Kind;
use cback::archive::manifest::ManifestReader;

use crate::case::Case;
use crate::cedar::Member;
use crate::compare::{Known, stem};
use crate::source::{Source, reached};

/// What is behind the links in the source of that archive of ours to which Cedar Backup does not come, and so not to what
/// they lead to: those with a backslash in their names, and those that an alternative of a pattern excludes loosely.
pub fn behind_passed_over(case: &Case, name: &OsStr, ours: &Path) -> Vec<(PathBuf, Known)> {
    let Some(mut manifest) = manifest(name, ours) else {
        return Vec::new();
    };
    let mut behind = Vec::new();
    while let Some(entry) = manifest.next_entry().unwrap() {
        if !matches!(entry.member.kind, Kind::Symlink(_)) {
            continue;
        }
        let path = Path::new("/").join(&entry.member.path);
        let known = if path.as_os_str().as_bytes().contains(&b'\\') {
            Known::Backslashes
        } else if loosely_excluded(case, &path) {
            Known::Alternation
        } else {
            continue;
        };
        behind.extend(path.canonicalize().map(|target| (target, known)));
    }
    behind
}

/// Whether the first of two alternatives matches the beginning of `path`.
pub fn loosely_excluded(case: &Case, path: &Path) -> bool {
    case.alternation.is_some_and(|first| {
        let loose = fancy_regex::Regex::new(&format!("^{first}")).unwrap();
        loose.is_match(&*path.to_string_lossy()).unwrap()
    })
}

/// The manifest beside an archive of ours.
fn manifest(name: &OsStr, ours: &Path) -> Option<ManifestReader<fs::File>> {
    let manifest = OsString::from_vec([stem(name).as_bytes(), b".mtree.gz"].concat());
    let file = fs::File::open(ours.join(manifest)).ok()?;
    Some(ManifestReader::new(file).unwrap())
}

/// What Cedar Backup passes over in a part of a source because it has it in another archive.
#[derive(Default)]
pub struct Parts {
    own: PathBuf,
    /// The parts that it has collected before.
    before: Vec<PathBuf>,
    /// What is in them, and behind links in there.
    behind: Vec<PathBuf>,
}

impl Parts {
    pub fn of(case: &Case, name: &OsStr, ours: &Path) -> Self {
        let Some(manifest) = manifest(name, ours) else {
            return Self::default();
        };
        let own = manifest.header().source.clone();
        match Source::of(case, &own) {
            Some(source) if source.is_split && source.is_dereferenced => {
                let before = source.collected_before(case, &own);
                Self {
                    behind: reached(before.clone()),
                    own,
                    before,
                }
            }
            _ => Self::default(),
        }
    }

    /// Whether one comes to `path` only through a link into another part.
    pub fn explain(&self, path: &Path) -> bool {
        let is_in = |dirs: &[PathBuf]| dirs.iter().any(|dir| path.starts_with(dir));
        let is_own = path.starts_with(&self.own) && !is_in(&self.before);
        !is_own && is_in(&self.behind)
    }
}

/// Links that lead to links, in a source with `dereference`.
#[derive(Default)]
pub struct Chains {
    /// The second links, and what they lead to in the end.
    second: Vec<(PathBuf, PathBuf)>,
    /// What is to be collected.
    source: Option<Source>,
}

impl Chains {
    pub fn of(case: &Case, name: &OsStr, ours: &Path) -> Self {
        let Some(manifest) = manifest(name, ours) else {
            return Self::default();
        };
        let source = Source::of(case, &manifest.header().source);
        let mut chains = Self {
            source: source.filter(|source| source.is_dereferenced),
            ..Self::default()
        };
        if chains.source.is_none() {
            return chains;
        }
        // Excluded ones count, too: Cedar Backup may follow them all the same.
        for path in crate::tree::all(&case.tree()) {
            let Ok(target) = fs::read_link(&path) else {
                continue;
            };
            let led_to = path.parent().unwrap().join(target);
            let dir = led_to.parent().and_then(|dir| dir.canonicalize().ok());
            let (Some(dir), Some(name)) = (dir, led_to.file_name()) else {
                continue;
            };
            let second = dir.join(name);
            if let (true, Ok(end)) = (second.is_symlink(), second.canonicalize()) {
                chains.second.push((second, end));
            }
        }
        chains
    }

    /// Whether `their` is behind a second link, by the path of that link, and ours has the same by its own path, or it is
    /// excluded by that.
    pub fn has_elsewhere(&self, their: &Member, ours: &BTreeMap<PathBuf, Member>) -> bool {
        let path = Path::new("/").join(&their.path);
        self.second.iter().any(|(link, end)| {
            let below = path.strip_prefix(link).ok().filter(|_| path != *link);
            let own = below.map(|below| end.join(below));
            own.is_some_and(|own| {
                let excluded = self
                    .source
                    .as_ref()
                    .is_some_and(|one| one.excludes(end, &own));
                let there = ours.get(own.strip_prefix("/").unwrap());
                excluded || there.is_some_and(|own| alike(own, their))
            })
        })
    }

    /// Whether `our` is the file that a second link leads to, or in such a directory, which they have by another path.
    pub fn explain(&self, our: &Member, theirs: &BTreeMap<PathBuf, Member>) -> bool {
        let path = Path::new("/").join(&our.path);
        self.second.iter().any(|(link, end)| {
            if path == *end {
                return our.kind == '0';
            }
            let theirs = path.strip_prefix(end).ok().and_then(|below| {
                let other = link.join(below);
                theirs.get(other.strip_prefix("/").unwrap())
            });
            theirs.is_some_and(|their| alike(our, their))
        })
    }
}

/// Whether two members are the same but for their paths.
fn alike(one: &Member, other: &Member) -> bool {
    let path = one.path.clone();
    *one == Member {
        path,
        ..other.clone()
    }
}
