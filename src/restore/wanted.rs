//! Which paths somebody wants back: everything, or some files and directories with all below them.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::event::printable_path;

/// How many names that look like a wanted one are remembered.
const NEAR: usize = 5;

/// What to do about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is wanted.
    Wanted,
    /// It is a directory on the way to something that may be wanted.
    Way,
    /// Nobody asked for it.
    Left,
}

/// What somebody wants back from one peer.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Wanted paths without leading slash, with their numbers among the arguments, of which several may name the same.
    /// Empty: everything.
    paths: HashMap<PathBuf, Vec<usize>>,
    ways: HashSet<PathBuf>,
    /// Last names of the wanted paths in lower case.
    names: HashMap<Vec<u8>, Vec<usize>>,
}

/// What a look at all entries showed about the wanted paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Numbers of the arguments of which there is something.
    pub seen: HashSet<usize>,
    /// For the others: paths whose last name is the same but for case, and the deepest directory on the way
    /// that does exist.
    pub near: HashMap<usize, Vec<PathBuf>>,
    way: HashMap<usize, PathBuf>,
}

impl Wanted {
    /// What `paths` want from `peer`: absolute, relative to the root of the restored tree, or, where several
    /// peers are restored, beginning with the peer's name. No paths: everything. Paths that belong to another
    /// peer want nothing.
    pub fn new(paths: &[PathBuf], peer: Option<&OsStr>) -> Self {
        let mut wanted = Self {
            paths: HashMap::new(),
            ways: HashSet::new(),
            names: HashMap::new(),
        };
        for (number, path) in paths.iter().enumerate() {
            let plain = plain(path);
            let own = peer.and_then(|peer| plain.strip_prefix(peer).ok());
            for path in [Some(plain.as_path()), own].into_iter().flatten() {
                let numbers = wanted.paths.entry(path.to_owned()).or_default();
                numbers.push(number);
                let ways = path.ancestors().skip(1).map(Path::to_owned);
                wanted.ways.extend(ways);
                if let Some(name) = path.file_name() {
                    let name = name.as_bytes().to_ascii_lowercase();
                    wanted.names.entry(name).or_default().push(number);
                }
            }
        }
        wanted
    }

    /// Whether everything is wanted.
    pub fn everything(&self) -> bool {
        self.paths.is_empty()
    }

    /// What to do about the entry at `path`, which has no leading slash; `.` is the root.
    pub fn part(&self, path: &Path) -> Part {
        let path = if path == Path::new(".") {
            Path::new("")
        } else {
            path
        };
        if self.everything() || path.ancestors().any(|above| self.paths.contains_key(above)) {
            Part::Wanted
        } else if self.ways.contains(path) {
            Part::Way
        } else {
            Part::Left
        }
    }

    /// Takes note of an entry for [`Found`].
    pub fn look(&self, path: &Path, found: &mut Found) {
        if self.everything() {
            return;
        }
        for above in path.ancestors() {
            if let Some(numbers) = self.paths.get(above) {
                found.seen.extend(numbers);
            }
        }
        if self.ways.contains(path) {
            for (wanted, numbers) in &self.paths {
                for number in numbers.iter().filter(|_| wanted.starts_with(path)) {
                    let way = found.way.entry(*number).or_default();
                    if path.as_os_str().len() > way.as_os_str().len() {
                        path.clone_into(way);
                    }
                }
            }
        }
        let name = path.file_name().unwrap_or_default().as_bytes();
        if self.names.is_empty() {
            return;
        }
        for number in self
            .names
            .get(&name.to_ascii_lowercase())
            .into_iter()
            .flatten()
        {
            let near = found.near.entry(*number).or_default();
            if near.len() < NEAR {
                near.push(path.to_owned());
            }
        }
    }
}

impl Found {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.seen.extend(other.seen);
        for (number, paths) in other.near {
            let near = self.near.entry(number).or_default();
            near.extend(paths);
            near.truncate(NEAR);
        }
        for (number, path) in other.way {
            let way = self.way.entry(number).or_default();
            if path.as_os_str().len() > way.as_os_str().len() {
                *way = path;
            }
        }
    }

    /// The first argument of which there is nothing, with advice: what is called alike, or how far the way
    /// leads.
    pub fn missing<'a>(&self, paths: &'a [PathBuf]) -> Option<(&'a Path, String)> {
        let (number, path) = paths
            .iter()
            .enumerate()
            .find(|(number, _)| !self.seen.contains(number))?;
        let shown = |path: &PathBuf| format!("`/{}`", printable_path(path));
        let advice = match (self.near.get(&number), self.way.get(&number)) {
            (Some(near), _) => {
                let near: Vec<String> = near.iter().map(shown).collect();
                format!("there is {}", near.join(", "))
            }
            (None, Some(way)) => format!("there is {}, but nothing of that name in it", shown(way)),
            (None, None) => "name it as it was on the peer, for example `/etc/fstab`".to_owned(),
        };
        Some((path, advice))
    }
}

/// The path without leading slash, `.` and doubled slashes. A `..` stays, and matches nothing.
fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_path_wants_itself_and_what_is_below() {
        let wanted = Wanted::new(&paths(&["/etc/ssh", "home/./me//notes"]), None);
        for (path, part) in [
            (".", Part::Way),
            ("etc", Part::Way),
            ("etc/ssh", Part::Wanted),
            ("etc/ssh/sshd_config", Part::Wanted),
            ("etc/sshd", Part::Left),
            ("home/me", Part::Way),
            ("home/me/notes", Part::Wanted),
            ("home/you", Part::Left),
        ] {
            assert_eq!(wanted.part(Path::new(path)), part, "{path}");
        }
        assert_eq!(Wanted::new(&[], None).part(Path::new("x")), Part::Wanted);
        assert_eq!(
            Wanted::new(&paths(&["/"]), None).part(Path::new("x/y")),
            Part::Wanted
        );
    }

    #[test]
    fn a_path_may_begin_with_the_peer() {
        let wanted = Wanted::new(&paths(&["alpha/etc"]), Some(OsStr::new("alpha")));
        assert_eq!(wanted.part(Path::new("etc/x")), Part::Wanted);
        let other = Wanted::new(&paths(&["alpha/etc"]), Some(OsStr::new("beta")));
        assert_eq!(other.part(Path::new("etc/x")), Part::Left);
    }

    #[test]
    fn a_path_that_is_named_twice_is_there_both_times() {
        let arguments = paths(&["/etc/ssh", "/etc", "etc//ssh/", "alpha/etc"]);
        let wanted = Wanted::new(&arguments, Some(OsStr::new("alpha")));
        let mut found = Found::default();
        wanted.look(Path::new("etc/ssh"), &mut found);
        assert_eq!(found.missing(&arguments), None);
    }

    #[test]
    fn a_path_that_wants_nothing_is_told_what_is_near() {
        for (wanted, advice) in [
            ("/etc/SSH/sshd_config", "there is `/etc/ssh/sshd_config`"),
            (
                "/etc/ssh/nothing",
                "there is `/etc/ssh`, but nothing of that name in it",
            ),
            (
                "/srv/x",
                "name it as it was on the peer, for example `/etc/fstab`",
            ),
        ] {
            let arguments = paths(&["/etc/ssh", wanted]);
            let wanted = Wanted::new(&arguments, None);
            let mut found = Found::default();
            for path in ["etc", "etc/ssh", "etc/ssh/sshd_config"] {
                wanted.look(Path::new(path), &mut found);
            }
            let mut all = Found::default();
            all.add(found);
            let missing = all.missing(&arguments).unwrap();
            assert_eq!(missing, (arguments[1].as_path(), advice.to_owned()));
            assert_eq!(all.missing(&arguments[..1]), None);
        }
    }
}
