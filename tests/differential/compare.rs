//! What the two programs made of a day, compared. Each difference is one that is known by name, with what has to be
//! true for it to be that one; anything else is a failure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use cback::archive::manifest::{Coverage, ManifestReader};

use crate::behind::{Chains, Parts, behind_passed_over, loosely_excluded};
use crate::case::{Case, Run, Who};
use crate::cedar::{Cedar, Member};

/// What is different on purpose; `docs/compatibility.md` has the reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// A manifest beside each archive.
    Manifests,
    /// Checksums in each daily directory.
    Checksums,
    /// Indicators say what they are about.
    IndicatorsWithText,
    /// The peer's old `cback.stage` is not staged as data.
    OldIndicatorStaged,
    /// Directories are archived, empty ones too.
    Directories,
    /// FIFOs are archived.
    SpecialFiles,
    /// Links that lead nowhere, or to neither file nor directory, are archived.
    LinksToNoFile,
    /// Names with a backslash are archived.
    Backslashes,
    /// A link that is followed with `dereference` and leads to a name with a backslash does not end the action.
    LinksToBackslashes,
    /// A link that is followed with `dereference` into a part of the source that Cedar Backup had collected before.
    LinksToParts,
    /// What a link leads to that is followed with `dereference` and leads to another link is archived under its own
    /// path, a file, too. Cedar Backup has a directory under the path of the second link, and a file not at all.
    LinksToLinks,
    /// Every alternative of a pattern is anchored.
    Alternation,
    /// A link that did not change is not archived again each day.
    LinksEveryDay,
    /// A file of which only attributes changed is archived again.
    Attributes,
    /// What was due on a starting day that was missed is collected when the machine is there again.
    MissedStart,
    /// A new part of a source that is collected weekly and split by levels is collected at once.
    NewPart,
    /// An archive of an earlier day is not staged again as today's.
    StaleArchive,
    /// What nobody staged is collected again.
    NotStaged,
    /// With `dereference`, what is both in the source and behind a link is twice in Cedar Backup's archive if that is not
    /// incremental. What two links lead to in different ways may be twice in ours. So may what only a link led to, when the
    /// ignore file is gone that kept the walk from it.
    Twice,
    /// A source that is suddenly empty is a problem.
    SuddenlyEmpty,
}

impl Known {
    pub const ALL: [Self; 20] = [
        Self::Manifests,
        Self::Checksums,
        Self::IndicatorsWithText,
        Self::OldIndicatorStaged,
        Self::Directories,
        Self::SpecialFiles,
        Self::LinksToNoFile,
        Self::Backslashes,
        Self::LinksToBackslashes,
        Self::LinksToParts,
        Self::LinksToLinks,
        Self::Alternation,
        Self::LinksEveryDay,
        Self::Attributes,
        Self::MissedStart,
        Self::NewPart,
        Self::StaleArchive,
        Self::NotStaged,
        Self::Twice,
        Self::SuddenlyEmpty,
    ];
}

/// How often each known difference was met.
pub type Tally = BTreeMap<Known, u64>;

/// What a tree was like: by the real path of each thing's directory, and its name.
pub type Seen = HashMap<PathBuf, Look>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    kind: u32,
    /// A file's bytes, or where a link leads.
    content: Vec<u8>,
    attributes: (u32, u64, i64, i64, i64, i64, u64),
}

/// Looks at everything below `root` and behind links.
pub fn look(root: &Path) -> Seen {
    let mut seen = Seen::new();
    let plain = walkdir::WalkDir::new(root);
    for entry in plain.into_iter().map(Result::unwrap) {
        let path = entry.path();
        let stat = path.symlink_metadata().unwrap();
        let content = if stat.is_file() {
            fs::read(path).unwrap()
        } else if stat.is_symlink() {
            fs::read_link(path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            Vec::new()
        };
        let look = Look {
            kind: stat.mode() & 0o170_000,
            content,
            attributes: (
                stat.mode(),
                stat.ino(),
                stat.mtime(),
                stat.mtime_nsec(),
                stat.ctime(),
                stat.ctime_nsec(),
                stat.nlink(),
            ),
        };
        seen.insert(path.to_owned(), look);
    }
    seen
}

/// The key of a member's path.
fn real(path: &Path) -> Option<PathBuf> {
    let path = Path::new("/").join(path);
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// Since when an archive lies there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Today,
    /// An earlier day on which it was staged.
    Staged,
    /// An earlier day on which it was only collected.
    Collected,
}

/// The comparison of one run.
pub struct Comparison<'a> {
    pub case: &'a Case,
    pub run: &'a Run,
    /// What was there when the last collection was made that was staged, if there was one.
    pub before: Option<&'a Seen>,
    /// What was there at the last collection, staged or not.
    pub last: Option<&'a Seen>,
    pub now: &'a Seen,
    /// The directories in which Cedar Backup's files of earlier days are, the last one at the end.
    pub earlier: &'a [PathBuf],
    /// What our program said if it ended with 10.
    pub problems: Option<&'a str>,
    pub tally: &'a mut Tally,
}

impl Comparison<'_> {
    /// Compares; panics at the first difference that is not known.
    pub fn run(&mut self, cedar: &mut Cedar) {
        let is_staged = self.run.words.contains("stage");
        let dir = |who| {
            if is_staged {
                self.case.staged(who, self.run.day)
            } else {
                self.case.own(who, "collect")
            }
        };
        let (theirs, ours) = (dir(Who::Theirs), dir(Who::Ours));
        if is_staged {
            self.daily_directories(theirs.parent().unwrap(), ours.parent().unwrap());
            self.collect_directories();
        }
        let mut their_names = names(&theirs);
        let mut our_names = names(&ours);
        self.indicators(&theirs, &ours, &mut their_names, &mut our_names);
        let manifests: Vec<OsString> = our_names
            .iter()
            .filter(|name| name.as_bytes().ends_with(b".mtree.gz"))
            .cloned()
            .collect();
        self.met(Known::Manifests, manifests.len());
        for name in &manifests {
            our_names.remove(name);
        }
        if let Some(said) = self.problems {
            let problems = said.lines().filter(|line| line.contains("problem: "));
            for problem in problems {
                assert!(problem.contains("nothing is in it any more"), "{said}");
                self.met(Known::SuddenlyEmpty, 1);
            }
        }
        for name in their_names.union(&our_names) {
            self.archive(cedar, name, &theirs, &ours);
        }
    }

    fn met(&mut self, known: Known, times: usize) {
        if times > 0 {
            *self.tally.entry(known).or_default() += times as u64;
        }
    }

    fn daily_directories(&mut self, theirs: &Path, ours: &Path) {
        let mut our_names = names(ours);
        assert!(our_names.remove(OsStr::new("SHA256SUMS")));
        self.met(Known::Checksums, 1);
        assert_eq!(our_names, names(theirs));
        assert!(theirs.join("cback.stage").exists());
    }

    /// After staging and perhaps purging.
    fn collect_directories(&mut self) {
        let left = |who| {
            let mut names = names(&self.case.own(who, "collect"));
            names.retain(|name| name.as_bytes().starts_with(b"cback."));
            names
        };
        let expected = if self.run.words.contains("purge") {
            BTreeSet::new()
        } else {
            ["cback.collect", "cback.stage"].map(OsString::from).into()
        };
        assert_eq!(left(Who::Theirs), expected);
        assert_eq!(left(Who::Ours), expected);
    }

    fn indicators(
        &mut self,
        theirs: &Path,
        ours: &Path,
        their_names: &mut BTreeSet<OsString>,
        our_names: &mut BTreeSet<OsString>,
    ) {
        let take = |names: &mut BTreeSet<OsString>| -> BTreeSet<OsString> {
            names
                .extract_if(.., |name| name.as_bytes().starts_with(b"cback."))
                .collect()
        };
        let (mut their, our) = (take(their_names), take(our_names));
        if their.remove(OsStr::new("cback.stage")) {
            assert!(self.before.is_some(), "no earlier day left one");
            self.met(Known::OldIndicatorStaged, 1);
        }
        assert_eq!(our, their);
        assert!(our.contains(OsStr::new("cback.collect")));
        assert_eq!(fs::read(theirs.join("cback.collect")).unwrap(), b"");
        let text = fs::read(ours.join("cback.collect")).unwrap();
        assert_eq!(text.is_empty(), our_names.is_empty());
        self.met(Known::IndicatorsWithText, usize::from(!text.is_empty()));
    }

    fn archive(&mut self, cedar: &mut Cedar, name: &OsStr, theirs: &Path, ours: &Path) {
        let mut list = |dir: &Path| {
            let path = dir.join(name);
            if path.exists() {
                cedar.members(&path)
            } else {
                Vec::new()
            }
        };
        let (mut their, our) = (list(theirs), list(ours));
        let mode = self.mode(name);
        let is_full = self.is_full(name, ours, mode);
        let is_plain = |member: &Member| self.only_ours(member, true).is_none();
        let is_new = is_full && our.iter().any(is_plain);
        let age = if is_new {
            Age::Today
        } else {
            self.age(name, theirs)
        };
        match age {
            Age::Today => {}
            Age::Staged => their.clear(),
            Age::Collected => {
                their.retain(|member| {
                    let now = Path::new("/").join(&member.path).symlink_metadata();
                    now.is_ok_and(|now| now.is_dir() == (member.kind == '5'))
                });
            }
        }
        self.met(Known::StaleArchive, usize::from(age != Age::Today));
        let is_first = self.before.is_none() && self.run.day == "2026-11-18";
        if mode == "weekly" && is_first {
            assert!(their.is_empty());
            self.met(Known::MissedStart, 1);
            return;
        }
        let is_part = self.before.is_some()
            && !self
                .case
                .modes
                .iter()
                .any(|(known, _)| **known == *stem(name));
        if mode == "weekly" && is_part && their.is_empty() && !our.is_empty() && !self.is_start() {
            self.met(Known::NewPart, 1);
            return;
        }
        let their = self.by_path(their, Who::Theirs, name);
        let our = self.by_path(our, Who::Ours, name);
        // What Cedar Backup collected yesterday, if nobody staged that.
        let unstaged = match self.earlier.last() {
            Some(dir) if dir.ends_with("collect") => list(dir),
            _ => Vec::new(),
        };
        let behind = behind_passed_over(self.case, name, ours);
        let parts = Parts::of(self.case, name, ours);
        let chains = Chains::of(self.case, name, ours);
        let paths: BTreeSet<&PathBuf> = their.keys().chain(our.keys()).collect();
        for path in paths {
            let known = match (their.get(path), our.get(path)) {
                (Some(their), Some(our)) if their == our => continue,
                (Some(their), Some(our)) => {
                    let differs = (their.mode, their.time) != (our.mode, our.time);
                    let only = age == Age::Collected && differs && their.content == our.content;
                    assert!(only, "{}: {their:?} but ours is {our:?}", name.display());
                    Some(Known::NotStaged)
                }
                (Some(their_one), None) => self.only_theirs(their_one, is_full).or_else(|| {
                    let has = chains.has_elsewhere(their_one, &our);
                    has.then_some(Known::LinksToLinks)
                }),
                (None, Some(our)) => self.only_ours(our, is_full).or_else(|| {
                    let is_lost = unstaged
                        .iter()
                        .any(|their| (&their.path, &their.content) == (&our.path, &our.content));
                    let path = Path::new("/").join(&our.path);
                    let is_end = chains.explain(our, &their);
                    let passed_over = behind.iter().find(|(target, _)| path.starts_with(target));
                    passed_over
                        .map(|(_, known)| *known)
                        .or((!is_full && self.was_ignored(&path)).then_some(Known::Twice))
                        .or(parts.explain(&path).then_some(Known::LinksToParts))
                        .or(is_end.then_some(Known::LinksToLinks))
                        .or((!is_full && is_lost).then_some(Known::NotStaged))
                }),
                (None, None) => None,
            };
            match known {
                Some(known) => self.met(known, 1),
                None => panic!(
                    "{}, {}: {} is only in {}",
                    name.display(),
                    if is_full { "full" } else { "incremental" },
                    path.display(),
                    if our.contains_key(path) {
                        "ours"
                    } else {
                        "theirs"
                    }
                ),
            }
        }
    }

    /// When the source of that archive is collected.
    fn mode(&self, name: &OsStr) -> &'static str {
        let known = self
            .case
            .modes
            .iter()
            .filter(|(stem, _)| name.as_bytes().starts_with(stem.as_bytes()));
        known.max_by_key(|(stem, _)| stem.len()).unwrap().1
    }

    /// Whether everything is due.
    fn is_start(&self) -> bool {
        let starts = ["2026-11-16", "2026-11-23"];
        starts.contains(&self.run.day) || self.run.words.contains("--full")
    }

    /// Whether our archive of that name has everything; that it has to is checked.
    fn is_full(&self, name: &OsStr, ours: &Path, mode: &str) -> bool {
        let has_to = mode != "incr"
            || self.before.is_none()
            || ["2026-11-16", "2026-11-23"].contains(&self.run.day)
            || self.run.words.contains("--full");
        let end = name.as_bytes().windows(4).position(|four| four == b".tar");
        let stem = &name.as_bytes()[..end.unwrap()];
        let manifest = OsString::from_vec([stem, b".mtree.gz"].concat());
        let is_full = match fs::File::open(ours.join(manifest)) {
            Ok(file) => {
                let manifest = ManifestReader::new(file).unwrap();
                manifest.header().coverage == Coverage::Full
            }
            Err(_) => has_to,
        };
        assert!(is_full || !has_to, "{} is not full", name.display());
        is_full
    }

    /// Whether Cedar Backup's archive of that name is one that lay there since an earlier day.
    fn age(&self, name: &OsStr, theirs: &Path) -> Age {
        let read = |dir: &PathBuf| fs::read(dir.join(name)).ok();
        let today = read(&theirs.to_owned());
        let Some((last, staged)) = self.earlier.split_last().filter(|_| today.is_some()) else {
            return Age::Today;
        };
        if !last.ends_with("collect") {
            let is_there = !self.case.runs[0].words.contains("purge");
            let is_same = is_there && read(last) == today;
            return if is_same { Age::Staged } else { Age::Today };
        }
        if staged.iter().any(|dir| read(dir) == today) {
            return Age::Staged;
        }
        if read(last) == today {
            return Age::Collected;
        }
        Age::Today
    }

    /// Members with hard links as the files that they are. A path that is there twice is Cedar Backup's.
    fn by_path(
        &mut self,
        members: Vec<Member>,
        who: Who,
        name: &OsStr,
    ) -> BTreeMap<PathBuf, Member> {
        let mut found: BTreeMap<PathBuf, Member> = BTreeMap::new();
        for mut member in members {
            if member.kind == '1' {
                let first = found.get(&member.link);
                let first =
                    first.unwrap_or_else(|| panic!("{}: {member:?} leads nowhere", name.display()));
                member = Member {
                    path: member.path,
                    ..first.clone()
                };
            }
            if let Some(earlier) = found.insert(member.path.clone(), member.clone()) {
                assert_eq!(earlier, member, "{}, {who:?}", name.display());
                self.met(Known::Twice, 1);
            }
        }
        found
    }

    /// Whether an ignore file kept the walk from `path` before and is gone now: a link may have led there all the same.
    fn was_ignored(&self, path: &Path) -> bool {
        let has = |seen: &Seen| {
            let mut dirs = path.ancestors().skip(1);
            dirs.any(|dir| seen.contains_key(&dir.join(crate::tree::IGNORE)))
        };
        self.before.is_some_and(has) && !has(self.now)
    }

    fn only_theirs(&self, their: &Member, is_full: bool) -> Option<Known> {
        let real = real(&their.path)?;
        let unchanged = self.now.get(&real) == self.before?.get(&real);
        (!is_full && their.kind == '2' && unchanged).then_some(Known::LinksEveryDay)
    }

    fn only_ours(&self, our: &Member, is_full: bool) -> Option<Known> {
        let path = Path::new("/").join(&our.path);
        let stat = path.symlink_metadata().ok()?;
        let bytes = our.path.as_os_str().as_bytes();
        if bytes.contains(&b'\\') {
            return Some(Known::Backslashes);
        }
        // A directory behind a link that is followed is one in the archive.
        if our.kind == '5' && path.is_dir() {
            return Some(Known::Directories);
        }
        if our.kind == '6' && stat.file_type().is_fifo() {
            return Some(Known::SpecialFiles);
        }
        let led_to = path.metadata();
        if our.kind == '2' && !led_to.is_ok_and(|stat| stat.is_file() || stat.is_dir()) {
            return Some(Known::LinksToNoFile);
        }
        if loosely_excluded(self.case, &path) {
            return Some(Known::Alternation);
        }
        if is_full {
            return None;
        }
        let real = real(&our.path)?;
        let now = self.now.get(&real)?;
        let content = |look: &Look| (look.kind, look.content.clone());
        let before = self.before?.get(&real);
        let last = self.last?.get(&real);
        // Both programs archive what is new.
        if before.map(content) != last.map(content) && last.map(content) == Some(content(now)) {
            return Some(Known::NotStaged);
        }
        let only_attributes = before.is_some_and(|before| {
            content(before) == content(now) && before.attributes != now.attributes
        });
        only_attributes.then_some(Known::Attributes)
    }
}

/// What comes before `.tar` in the name of an archive.
pub fn stem(name: &OsStr) -> OsString {
    let name = name.as_bytes();
    let end = name.windows(4).rposition(|four| four == b".tar");
    OsString::from_vec(name[..end.unwrap()].to_vec())
}

/// The names in `dir`; none if it is not there.
fn names(dir: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.collect()
}
