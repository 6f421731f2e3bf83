//! Which paths somebody wants back: everything, or some files and directories with all below them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::event::{printable_bytes, printable_path};
use crate::units::slips;

/// How many names that look like a wanted one are remembered, of each kind.
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
    /// For each directory on the way to a wanted path: the name in it with which the way goes on.
    onward: HashMap<PathBuf, Vec<(usize, OsString)>>,
}

/// What a look at all entries showed about the wanted paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Numbers of the arguments of which there is something.
    pub seen: HashSet<usize>,
    /// For the others: paths whose last name is the same but for case.
    alike: HashMap<usize, BTreeSet<PathBuf>>,
    /// Names of which one on the way may be a slip, by the directory that they are in, the nearest first.
    near: HashMap<(usize, PathBuf), BTreeSet<(usize, PathBuf)>>,
    /// Directories on the way to wanted paths that do exist.
    there: HashSet<PathBuf>,
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
            onward: HashMap::new(),
        };
        for (number, path) in paths.iter().enumerate() {
            for path in readings(path, peer) {
                wanted.paths.entry(path.clone()).or_default().push(number);
                for at in path.ancestors() {
                    if let (Some(above), Some(name)) = (at.parent(), at.file_name()) {
                        wanted.ways.insert(above.to_owned());
                        let onward = wanted.onward.entry(above.to_owned()).or_default();
                        onward.push((number, name.to_owned()));
                    }
                }
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
        let path = path.strip_prefix(".").unwrap_or(path);
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
        let way = path.ancestors().find(|above| self.ways.contains(*above));
        for above in way.into_iter().flat_map(Path::ancestors) {
            if !found.there.contains(above) {
                found.there.insert(above.to_owned());
            }
        }
        let Some(name) = path.file_name() else { return };
        let lower = name.as_bytes().to_ascii_lowercase();
        for number in self.names.get(&lower).into_iter().flatten() {
            let alike = found.alike.entry(*number).or_default();
            if alike.len() < NEAR {
                alike.insert(path.to_owned());
            }
        }
        let above = path.parent().unwrap_or(Path::new(""));
        for (number, wanted) in self.onward.get(above).into_iter().flatten() {
            let as_text = |name: &OsStr| printable_bytes(name.as_bytes());
            if wanted != name
                && let Some(slips) = slips(&as_text(wanted), &as_text(name))
            {
                let near = found.near.entry((*number, above.to_owned()));
                keep(near.or_default(), (slips, path.to_owned()));
            }
        }
    }
}

/// Adds `item`; only the first few stay.
fn keep<T: Ord>(items: &mut BTreeSet<T>, item: T) {
    items.insert(item);
    while items.len() > NEAR {
        items.pop_last();
    }
}

impl Found {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.seen.extend(other.seen);
        for (number, paths) in other.alike {
            let alike = self.alike.entry(number).or_default();
            for path in paths {
                keep(alike, path);
            }
        }
        for (place, paths) in other.near {
            let near = self.near.entry(place).or_default();
            for path in paths {
                keep(near, path);
            }
        }
        self.there.extend(other.there);
    }

    /// The arguments of which there is nothing, each with advice: what is called alike, or how far the way leads.
    pub fn missing<'a>(
        &'a self,
        paths: &'a [PathBuf],
    ) -> impl Iterator<Item = (&'a Path, String)> + 'a {
        let unseen = paths.iter().enumerate();
        let unseen = unseen.filter(|(number, _)| !self.seen.contains(number));
        unseen.map(|(number, path)| (path.as_path(), self.advice(number, path)))
    }

    fn advice(&self, number: usize, path: &Path) -> String {
        let shown = |path: &PathBuf| format!("`/{}`", printable_path(path));
        let list = |paths: Vec<String>| format!("there is {}", paths.join(", "));
        if let Some(alike) = self.alike.get(&number) {
            return list(alike.iter().map(shown).collect());
        }
        // The path itself, or, where there are several peers, what follows a peer's name.
        let plain = plain(path);
        let own: PathBuf = plain.iter().skip(1).collect();
        let ways = plain.ancestors().chain(own.ancestors());
        let there = ways.filter(|way| self.there.contains(*way));
        let way = there.max_by_key(|way| way.iter().count());
        let way = way.map(Path::to_owned).unwrap_or_default();
        if let Some(near) = self.near.get(&(number, way.clone())) {
            return list(near.iter().map(|(_, path)| shown(path)).collect());
        }
        if way.as_os_str().is_empty() {
            return "name it as it was on the peer, for example `/etc/fstab`".to_owned();
        }
        format!("there is {}, but nothing of that name in it", shown(&way))
    }
}

/// What `path` may mean of `peer`: a path on it; and, where there are several, what follows the peer's name.
pub(super) fn readings(path: &Path, peer: Option<&OsStr>) -> Vec<PathBuf> {
    let plain = plain(path);
    let own = peer.and_then(|peer| Some(plain.strip_prefix(peer).ok()?.to_owned()));
    std::iter::once(plain).chain(own).collect()
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
        assert_eq!(found.missing(&arguments).count(), 0);
    }

    #[test]
    fn a_path_that_wants_nothing_is_told_what_is_near() {
        for (wanted, advice) in [
            ("/etc/SSH/sshd_config", "there is `/etc/ssh/sshd_config`"),
            (
                "/etc/ssh/nothing",
                "there is `/etc/ssh`, but nothing of that name in it",
            ),
            ("/etc/ssh/shd_config", "there is `/etc/ssh/sshd_config`"),
            ("/etc/shs/known_hosts", "there is `/etc/ssh`"),
            ("/ect/x/y", "there is `/etc`"),
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
            // Two peers that have the same.
            all.add(found.clone());
            all.add(found);
            let missing: Vec<_> = all.missing(&arguments).collect();
            assert_eq!(missing, [(arguments[1].as_path(), advice.to_owned())]);
            assert_eq!(all.missing(&arguments[..1]).count(), 0);
        }
    }
}
