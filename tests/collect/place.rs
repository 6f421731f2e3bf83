//! A place to collect in: a source, a collect directory, a working directory, and somebody who listens.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use cback::archive::manifest::{Entry, Header, ManifestReader, Place as Place_};
use cback::archive::{self, Compression, Kind, Member};
use cback::collect::{self, CollectError, Compare, Full, Mode, Request, Shape, Source, Summary};
use cback::event::{Event, Monitor};
use cback::select::Rules;
use cback::units::{AbsPath, ArchiveName, Day, Digest, Naming, Weekday};

/// Remembers problems and warnings.
#[derive(Default)]
pub struct Ear(pub Mutex<Vec<String>>);

impl Monitor for Ear {
    fn observe(&self, event: &Event<'_>) {
        let text = match event {
            Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
            Event::Warning(text) => format!("warning: {text}"),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

pub struct Place {
    dir: tempfile::TempDir,
    pub ear: Ear,
}

impl Place {
    pub fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            ear: Ear::default(),
        };
        for name in ["src", "collect", "work"] {
            fs::create_dir(place.at(name)).unwrap();
        }
        place
    }

    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A path in the source.
    pub fn src(&self, name: impl AsRef<Path>) -> PathBuf {
        self.at("src").join(name)
    }

    pub fn source(&self) -> Source {
        Self::source_at(&self.at("src"))
    }

    pub fn source_at(path: &Path) -> Source {
        Source {
            path: AbsPath::new(path).unwrap(),
            shape: Shape::Dir {
                rules: Rules::default(),
                recursion_level: 0,
            },
            mode: Mode::Incr,
            compression: Compression::Gzip,
            level: None,
            compare: Compare::Metadata,
            name: ArchiveName::of(path.file_name().unwrap().as_ref(), Naming::V3),
        }
    }

    /// Collects, and expects no problem and no warning.
    pub fn collect(&self, day: &str, source: &Source) -> Summary {
        self.collect_with(day, source, Duration::ZERO)
    }

    pub fn collect_with(&self, day: &str, source: &Source, granularity: Duration) -> Summary {
        let sources = std::slice::from_ref(source);
        let summary = self
            .collect_all(SystemTime::now(), day, sources, granularity)
            .unwrap();
        assert_eq!(self.heard(), Vec::<String>::new());
        assert_eq!(summary.problems, 0);
        summary
    }

    pub fn try_collect(&self, day: &str, sources: &[Source]) -> Result<Summary, CollectError> {
        self.collect_at(SystemTime::now(), day, sources)
    }

    /// Collects when the clock says `now`.
    pub fn collect_at(
        &self,
        now: SystemTime,
        day: &str,
        sources: &[Source],
    ) -> Result<Summary, CollectError> {
        self.collect_all(now, day, sources, Duration::ZERO)
    }

    fn collect_all(
        &self,
        now: SystemTime,
        day: &str,
        sources: &[Source],
        granularity: Duration,
    ) -> Result<Summary, CollectError> {
        let request = Request {
            sources,
            collect_dir: &self.at("collect"),
            working_dir: &self.at("work"),
            day: day.parse().unwrap(),
            start: Weekday::Mon,
            full: Full::No,
            ids: None,
            now,
        };
        self.tick();
        collect::run_with(&request, granularity, &self.ear)
    }

    /// Waits until the file system's clock has moved on, so that everything done before looks older than
    /// everything done after.
    pub fn tick(&self) {
        let now = || {
            let path = self.at("tick");
            fs::write(&path, "").unwrap();
            let stat = fs::metadata(&path).unwrap();
            (stat.mtime(), stat.mtime_nsec())
        };
        let before = now();
        while now() == before {
            std::thread::yield_now();
        }
    }

    /// What was told since the last call.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.ear.0.lock().unwrap())
    }

    /// Stages as the master does: copies everything to `staged/DAY`, says in `cback.stage` what was copied.
    pub fn stage(&self, day: &str) {
        let target = self.at("staged").join(day);
        fs::create_dir_all(&target).unwrap();
        let mut sums = format!("# staged {day}\n");
        for name in self.outputs() {
            let bytes = fs::read(self.at("collect").join(&name)).unwrap();
            sums += &format!("{}  {name}\n", Digest::of(&bytes));
            fs::write(target.join(name), bytes).unwrap();
        }
        fs::write(self.at("collect/cback.stage"), sums).unwrap();
    }

    /// Everything that the newest manifest of `stem` staged on `day` says was there, taken from the archives
    /// that it names.
    pub fn restored(&self, day: &str, stem: &str) -> BTreeMap<PathBuf, String> {
        let staged = self.at("staged").join(day);
        let newest = fs::read_dir(&staged)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_str().unwrap().ends_with(".mtree.gz"))
            .map(|path| read_manifest(&path))
            .filter(|(header, _)| header.name == stem)
            .max_by_key(|(header, _)| header.created);
        let (_, entries) = newest.unwrap();
        let mut archives = BTreeMap::new();
        let mut all = BTreeMap::new();
        for entry in entries {
            let Place_::Whole(stored) = &entry.place else {
                panic!("{entry:?}");
            };
            let archive = archives.entry((**stored).clone()).or_insert_with(|| {
                let dir = self.at("staged").join(stored.day.to_string());
                members(&dir.join(&stored.archive))
            });
            let path = entry.member.path.clone();
            let (mut member, mut bytes) = archive[&path].clone();
            if let Kind::HardLink(target) = &member.kind {
                // One file: all that is not in the name is with its first member.
                let (first, content) = &archive[target];
                bytes.clone_from(content);
                member.extended.clone_from(&first.extended);
            }
            let digest = Digest::of(&bytes);
            let text = match (&entry.member.kind, &member.kind) {
                (Kind::HardLink(first), _) => format!("{digest} {}", escaped(first)),
                (Kind::File, _) => format!("{digest} {}", escaped(&path)),
                (listed, stored) => {
                    assert_eq!(listed, stored);
                    format!("{listed:?}")
                }
            };
            if matches!(entry.member.kind, Kind::File | Kind::HardLink(_)) {
                assert_eq!(entry.digest, Some(digest), "{entry:?}");
                assert_eq!(entry.member.size, bytes.len() as u64);
            }
            let listed = &entry.member;
            assert_eq!(
                (listed.mode, listed.uid, listed.mtime),
                (member.mode, member.uid, member.mtime)
            );
            let time = member.mtime;
            let text = format!(
                "{:o} {}.{:09} {text} {:?}",
                member.mode, time.seconds, time.nanos, member.extended
            );
            all.insert(path, text);
        }
        all
    }

    /// Names in the collect directory, sorted, without indicators.
    pub fn outputs(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.at("collect"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("cback."))
            .collect();
        names.sort();
        names
    }

    pub fn manifest(&self, name: &str) -> (Header, Vec<Entry>) {
        read_manifest(&self.at("collect").join(name))
    }

    /// An empty directory `name`.
    pub fn fresh(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }
}

pub fn read_manifest(path: &Path) -> (Header, Vec<Entry>) {
    let mut reader = ManifestReader::new(fs::File::open(path).unwrap()).unwrap();
    let header = reader.header().clone();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        entries.push(entry);
    }
    (header, entries)
}

/// Members of an archive with their bytes.
pub fn members(path: &Path) -> BTreeMap<PathBuf, (Member, Vec<u8>)> {
    let name = path.to_str().unwrap();
    let is_way = |way: &Compression| name.ends_with(&format!(".{}", way.extension()));
    let way = Compression::ALL.into_iter().find(is_way).unwrap();
    let file = fs::File::open(path).unwrap();
    archive::unpack(way, file, |tar| {
        let mut reader = archive::Reader::new(tar);
        let mut all = BTreeMap::new();
        while let Some(member) = reader.next_member().unwrap() {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            all.insert(member.path.clone(), (member, bytes));
        }
        all
    })
}

/// What is below `top` now, in the words of [`Place::restored`].
pub fn present(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut first = BTreeMap::new();
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(top).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix("/").unwrap().to_owned();
        let stat = entry.path().symlink_metadata().unwrap();
        let mut extended: archive::Extended = Vec::new();
        let text = if stat.is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            let linked = first.entry(stat.ino()).or_insert_with(|| path.clone());
            format!("{} {}", Digest::of(&bytes), escaped(linked))
        } else if stat.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            format!("{:?}", Kind::Symlink(target.into_os_string()))
        } else {
            format!("{:?}", Kind::Dir)
        };
        if !stat.is_symlink() {
            for name in xattr::list(entry.path()).unwrap() {
                let value = xattr::get(entry.path(), &name).unwrap().unwrap();
                extended.push((name, value));
            }
            extended.sort();
        }
        let text = format!(
            "{:o} {}.{:09} {text} {extended:?}",
            stat.mode() & 0o7777,
            stat.mtime(),
            stat.mtime_nsec()
        );
        all.insert(path, text);
    }
    all
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Runs a program; it has to succeed and to have nothing to complain about.
pub fn run(program: &str, arguments: &[&str], dir: &Path) -> Output {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    // GNU tar remarks on times before 1970 and in the future, which are as they were.
    let remark = |line: &&str| line.contains("time stamp");
    let complaint: Vec<_> = complaint.lines().filter(|line| !remark(line)).collect();
    assert!(
        output.status.success() && complaint.is_empty(),
        "{program} {arguments:?}: {} {complaint:?}",
        output.status
    );
    output
}

/// Everything about everything below `top` that a backup has to keep, as text by path.
pub fn describe(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut first = BTreeMap::new();
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(top).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(top).unwrap().to_owned();
        let stat = entry.path().symlink_metadata().unwrap();
        let kind = stat.file_type();
        let mut text = format!(
            "{:o} {}:{} {}.{:09}",
            stat.mode(),
            stat.uid(),
            stat.gid(),
            stat.mtime(),
            stat.mtime_nsec()
        );
        if kind.is_file() {
            let mut bytes = Vec::new();
            fs::File::open(entry.path())
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            let sparse = stat.blocks() * 512 + (1 << 16) < stat.size();
            text += &format!(" {} {} {sparse}", stat.size(), Digest::of(&bytes));
            let key = (stat.dev(), stat.ino());
            let linked = first.entry(key).or_insert_with(|| path.clone());
            text += &format!(" {} {}", stat.nlink(), linked.display());
        } else if kind.is_symlink() {
            text += &format!(" -> {}", escaped(fs::read_link(entry.path()).unwrap()));
        } else if kind.is_block_device() || kind.is_char_device() {
            text += &format!(" device {:x}", stat.rdev());
        }
        let mut names: Vec<_> = xattr::list(entry.path()).unwrap().collect();
        names.sort();
        for name in names {
            let value = xattr::get(entry.path(), &name).unwrap();
            text += &format!(" {}={value:?}", escaped(&name));
        }
        all.insert(path, text);
    }
    all
}

fn escaped(name: impl AsRef<std::ffi::OsStr>) -> String {
    name.as_ref().as_bytes().escape_ascii().to_string()
}

/// Fails with the lines that differ.
pub fn assert_same(one: &BTreeMap<PathBuf, String>, two: &BTreeMap<PathBuf, String>, what: &str) {
    let paths: std::collections::BTreeSet<_> = one.keys().chain(two.keys()).collect();
    let mut differences = Vec::new();
    for path in paths {
        let (one, two) = (one.get(path), two.get(path));
        if one != two {
            let name = escaped(path);
            let name = &name[..name.len().min(200)];
            differences.push(format!("{name}\n  {one:?}\n  {two:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{what}:\n{}",
        differences.join("\n")
    );
}
