//! A staging directory, filled day by day from a directory by the plainest collector there can be; and what a
//! tree looks like, as text.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cback::archive::manifest::{Coverage, Entry, Header, ManifestWriter, Place, Stored};
use cback::archive::{Compression, Kind, Member, Timestamp, Writer, path_order};
use cback::event::{Event, Monitor};
use cback::restore::{self, IfMissing, Recipe, Request, RestoreError, Shelf, Summary};
use cback::units::{Day, Digest};
use sha2::Digest as _;
use tempfile::TempDir;

/// One peer's source and the master's staging directory.
pub struct Pool {
    pub dir: TempDir,
    pub compression: Compression,
    /// What the last collection stored, by path.
    last: HashMap<PathBuf, (Entry, Member)>,
}

impl Pool {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("staging")).unwrap();
        fs::create_dir_all(dir.path().join("source")).unwrap();
        Self {
            dir,
            compression: Compression::None,
            last: HashMap::new(),
        }
    }

    pub fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    pub fn staging(&self) -> PathBuf {
        self.dir.path().join("staging")
    }

    pub fn target(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the source is restored below `target(name)`.
    pub fn restored(&self, name: &str) -> PathBuf {
        self.target(name).join(relative(&self.source()))
    }

    /// The directory of a peer's files.
    pub fn peer(&self, day: u32, peer: &str) -> PathBuf {
        let path = self.staging().join(self::day(day).path()).join(peer);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub fn archive(&self, day: u32) -> PathBuf {
        self.peer(day, "alpha")
            .join(format!("source.{}", self.compression.extension()))
    }

    pub fn manifest(&self, day: u32) -> PathBuf {
        self.peer(day, "alpha").join("source.mtree.gz")
    }

    /// Collects the source as `alpha` does, and stages it.
    pub fn collect(&mut self, day: u32, coverage: Coverage) {
        self.collect_late(day, day, coverage);
    }

    /// As [`Pool::collect`], staged on another day.
    pub fn collect_late(&mut self, day: u32, staged: u32, coverage: Coverage) {
        if coverage == Coverage::Full {
            self.last.clear();
        }
        let archive = format!("source.{}", self.compression.extension());
        let stored = Arc::new(Stored {
            day: self::day(day),
            archive: archive.clone().into(),
        });
        let header = Header {
            source: self.source(),
            name: "source".into(),
            day: self::day(day),
            created: Timestamp {
                seconds: i64::from(day) * 86_400,
                nanos: 0,
            },
            coverage,
            archive: archive.clone().into(),
            whole: None,
            parts: Vec::new(),
        };
        let peer = self.peer(staged, "alpha");
        let file = File::create(peer.join(&archive)).unwrap();
        let mut tar = Writer::new(self.compression, None, file);
        let mut manifest = ManifestWriter::new(Vec::new(), &header).unwrap();
        let mut now = HashMap::new();
        let mut groups: HashMap<u64, PathBuf> = HashMap::new();
        for path in walk(&self.source()) {
            let (mut entry, member) = look(&path, &mut groups);
            let known = self.last.get(&member.path).filter(|(known, before)| {
                (&known.member, known.digest, before) == (&entry.member, entry.digest, &member)
            });
            if let Some((known, _)) = known {
                entry.place = known.place.clone();
            } else {
                entry.place = Place::Whole(Arc::clone(&stored));
                if member.kind == Kind::File {
                    let mut content = File::open(&path).unwrap();
                    tar.append_file(&member, &mut content).unwrap();
                } else {
                    tar.append(&member).unwrap();
                }
            }
            manifest.add(&entry).unwrap();
            now.insert(member.path.clone(), (entry, member));
        }
        tar.finish().unwrap();
        gzip(&peer.join("source.mtree.gz"), &manifest.finish().unwrap());
        self.last = now;
    }

    pub fn request(&self, name: &str) -> Request {
        Request {
            into: self.target(name),
            ..Request::default()
        }
    }

    pub fn plan(&self, request: &Request) -> Result<Recipe, RestoreError> {
        let shelves = [Shelf::open(&self.staging()).unwrap()];
        let discs = |_: &_, _, _: &_| vec!["CEDAR BACKUP X".to_owned()];
        restore::plan(request, &shelves, &discs)
            .map_err(|unplanned| restore::explain(unplanned, request, &shelves, &Heard::default()))
    }

    /// Restores from the staging directory; gives also what was told.
    pub fn restore(&self, request: &Request) -> (Result<Summary, RestoreError>, Vec<String>) {
        restore_from(request, &[Shelf::open(&self.staging()).unwrap()])
    }

    /// Restores all of a day, and it must go well.
    pub fn restore_day(&self, day: u32, name: &str) -> PathBuf {
        let mut request = self.request(name);
        request.as_of = Some(self::day(day));
        let (summary, told) = self.restore(&request);
        summary.unwrap();
        assert_eq!(told, [""; 0]);
        self.restored(name)
    }
}

pub fn restore_from(
    request: &Request,
    shelves: &[Shelf],
) -> (Result<Summary, RestoreError>, Vec<String>) {
    let heard = Heard::default();
    let summary = restore::plan(request, shelves, &|_, _, _| Vec::new())
        .map_err(|unplanned| restore::explain(unplanned, request, shelves, &heard))
        .and_then(|recipe| restore::carry_out(&recipe, shelves, &heard));
    let told = heard.0.into_inner().unwrap();
    (summary, told)
}

pub fn incomplete(mut request: Request) -> Request {
    request.missing = IfMissing::GoOn;
    request
}

/// Remembers problems and warnings.
#[derive(Default)]
pub struct Heard(pub std::sync::Mutex<Vec<String>>);

impl Monitor for Heard {
    fn observe(&self, event: &Event<'_>) {
        let text = match event {
            Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
            Event::Warning(text) => format!("warning: {text}"),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

pub fn day(day: u32) -> Day {
    Day::new(2026, 11, day).unwrap()
}

pub fn gzip(path: &Path, text: &[u8]) {
    use std::io::Write as _;
    let mut packed =
        flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap();
}

pub fn relative(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap().to_owned()
}

fn walk(root: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(root).into_iter();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().into_path()).collect();
    paths.sort_by(|a, b| path_order(a, b));
    paths
}

/// The manifest's entry for `path`, and the archive's member.
fn look(path: &Path, groups: &mut HashMap<u64, PathBuf>) -> (Entry, Member) {
    let meta = fs::symlink_metadata(path).unwrap();
    let kind = meta.file_type();
    let own = relative(path);
    let mut digest = None;
    let kind = if kind.is_dir() {
        Kind::Dir
    } else if kind.is_symlink() {
        Kind::Symlink(fs::read_link(path).unwrap().into())
    } else if kind.is_fifo() {
        Kind::Fifo
    } else {
        let bytes = fs::read(path).unwrap();
        digest = Some(Digest(sha2::Sha256::digest(bytes).into()));
        let first = groups.entry(meta.ino()).or_insert_with(|| own.clone());
        if *first == own {
            Kind::File
        } else {
            Kind::HardLink(first.clone())
        }
    };
    let member = Member {
        path: own,
        size: if digest.is_some() { meta.len() } else { 0 },
        kind,
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        user: "somebody".into(),
        group: "some group".into(),
        mtime: Timestamp {
            seconds: meta.mtime(),
            nanos: u32::try_from(meta.mtime_nsec()).unwrap(),
        },
        extended: attributes(path).into_iter().collect(),
    };
    let entry = Entry {
        member: Member {
            extended: Vec::new(),
            ..member.clone()
        },
        links: meta.nlink(),
        digest,
        place: Place::Missing("not yet".into()),
    };
    (entry, member)
}

fn attributes(path: &Path) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    let names = xattr::list(path).into_iter().flatten();
    names
        .filter_map(|name| Some((name.clone(), xattr::get(path, &name).ok()??)))
        .collect()
}

/// Everything about the tree below `root` that restoring promises, one thing a line.
pub fn picture(root: &Path) -> String {
    picture_in_parts(root, 0)
}

/// The same of a source that is split into parts by so many levels: a file with names in two parts is in two
/// archives, and comes back as two files.
#[allow(clippy::unnecessary_debug_formatting)] // names of any bytes
pub fn picture_in_parts(root: &Path, levels: usize) -> String {
    let mut text = String::new();
    let mut groups: HashMap<(u64, PathBuf), PathBuf> = HashMap::new();
    for path in walk(root) {
        let meta = fs::symlink_metadata(&path).unwrap();
        let own = path.strip_prefix(root).unwrap().to_owned();
        let kind = meta.file_type();
        let what = if kind.is_dir() {
            "dir".to_owned()
        } else if kind.is_symlink() {
            format!("link {:?}", fs::read_link(&path).unwrap())
        } else if kind.is_fifo() {
            "pipe".to_owned()
        } else {
            let part = own.parent().unwrap().iter().take(levels).collect();
            let first = groups
                .entry((meta.ino(), part))
                .or_insert_with(|| own.clone());
            let bytes = fs::read(&path).unwrap();
            let digest = Digest(sha2::Sha256::digest(&bytes).into());
            format!("file {first:?} {} {digest}", bytes.len())
        };
        writeln!(
            text,
            "{own:?} {what} {:o} {}:{} {}.{:09} {:?}",
            meta.mode(),
            meta.uid(),
            meta.gid(),
            meta.mtime(),
            meta.mtime_nsec(),
            attributes(&path)
        )
        .unwrap();
    }
    text
}
