//! Purge on real directories: what is old goes, what is the only copy stays, nothing else is reached.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use cback::event::{Event, Monitor};
use cback::purge::{Effect, Guard, Hooks, OnlyCopy, PurgeError, Purged, Request, Storing, purge};
use cback::staging::Staging;
use cback::sums::{Digest, Sums};
use cback::units::{AbsPath, Day};

/// Noon of 2026-11-21 UTC.
const NOW: u64 = 1_795_262_400;

#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Monitor for Ear {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
            Event::Note(text) => format!("note: {text}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

/// A directory that is purged, with what the guard knows.
struct Place {
    root: PathBuf,
    retain: u64,
    staging: Option<Staging>,
    collect_dir: Option<PathBuf>,
    only_copy: OnlyCopy,
    effect: Effect,
    forgetful: bool,
    _dir: tempfile::TempDir,
}

struct Outcome {
    purged: Result<Purged, PurgeError>,
    /// Paths below the root, in the order in which they went; `forget DAY` among them.
    gone: Vec<String>,
    told: Vec<String>,
}

impl Place {
    fn new(retain: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            root: dir.path().canonicalize().unwrap(),
            retain,
            staging: None,
            collect_dir: None,
            only_copy: OnlyCopy::Keep,
            effect: Effect::Delete,
            forgetful: true,
            _dir: dir,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Makes the file `path` with its directories; the name is the text.
    fn file(&self, path: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
        self
    }

    /// Makes everything there is this many days old.
    fn age(&self, days: u64) -> &Self {
        for entry in walkdir::WalkDir::new(&self.root).contents_first(true) {
            touch(entry.unwrap().path(), days);
        }
        self
    }

    fn purge(&self) -> Outcome {
        self.purge_dir(&self.root)
    }

    fn purge_dir(&self, dir: &Path) -> Outcome {
        let request = Request {
            dir,
            retain_days: self.retain,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
            today: today(),
            guard: Guard {
                staging: self.staging.as_ref(),
                collect_dir: self.collect_dir.as_deref(),
                storing: Storing::Configured,
                only_copy: self.only_copy,
            },
            effect: self.effect,
        };
        let gone = RefCell::new(Vec::new());
        let ear = Ear::default();
        let purged = {
            let mut forget = |day: Day| {
                gone.borrow_mut().push(format!("forget {day}"));
                if self.forgetful {
                    Ok(())
                } else {
                    Err("locked".into())
                }
            };
            let mut went = |path: &Path| {
                let path = path.strip_prefix(&self.root).unwrap();
                gone.borrow_mut().push(path.display().to_string());
            };
            let mut hooks = Hooks {
                forget: &mut forget,
                gone: &mut went,
            };
            purge(&request, &mut hooks, &ear)
        };
        let root = self.root.to_str().unwrap();
        let told = ear.0.into_inner().unwrap();
        Outcome {
            purged,
            gone: gone.into_inner(),
            told: told.iter().map(|line| line.replace(root, "")).collect(),
        }
    }

    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = walkdir::WalkDir::new(&self.root)
            .min_depth(1)
            .into_iter()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().strip_prefix(&self.root).unwrap();
                path.display().to_string()
            })
            .collect();
        left.sort_unstable();
        left
    }
}

fn today() -> Day {
    "2026-11-21".parse().unwrap()
}

fn touch(path: &Path, days: u64) {
    let seconds = NOW - days * 86_400 - 3600;
    let status = Command::new("touch")
        .args(["-h", "-d", &format!("@{seconds}")])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn what_is_old_goes_in_one_run_from_the_bottom() {
    let place = Place::new(7);
    place
        .file("a/b/c/old")
        .file("a/young")
        .file("mixed/deep/old")
        .age(7);
    fs::create_dir_all(place.path("empty/old")).unwrap();
    symlink("/etc/passwd", place.path("a/link")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(place.path("a/fifo"))
            .status()
            .unwrap()
            .success()
    );
    place.age(7);
    fs::create_dir(place.path("empty-fresh")).unwrap();
    touch(&place.path("empty-fresh"), 6);
    touch(&place.path("a/young"), 6);
    symlink("nowhere", place.path("young-link")).unwrap();
    touch(&place.path("young-link"), 6);

    let outcome = place.purge();
    let purged = outcome.purged.unwrap();
    assert_eq!(place.left(), ["a", "a/young", "empty-fresh", "young-link"]);
    assert_eq!((purged.files, purged.directories), (4, 6));
    let order = |path: &str| outcome.gone.iter().position(|gone| gone == path).unwrap();
    assert!(order("a/b/c/old") < order("a/b/c") && order("a/b/c") < order("a/b"));
    assert_eq!(outcome.told, [""; 0]);
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn a_dry_run_lists_the_same_and_leaves_everything() {
    let mut place = Place::new(3);
    place
        .file("2026/11/01/alpha/etc.tar.gz")
        .file("2026/11/01/cback.stage");
    place.file("2026/11/01/cback.store").age(5);
    place.staging = Some(Staging::new(AbsPath::new(&place.root).unwrap()));
    let before = place.left();
    place.effect = Effect::List;
    let listed = place.purge();
    assert_eq!(place.left(), before);
    place.effect = Effect::Delete;
    let mut really = place.purge();
    really.gone.retain(|gone| !gone.starts_with("forget"));
    assert_eq!(listed.gone, really.gone);
    assert_eq!(listed.purged.unwrap(), really.purged.unwrap());
    assert_eq!(place.left(), [""; 0]);
}

#[test]
fn reading_a_file_postpones_its_purge() {
    let place = Place::new(7);
    place.file("read").age(9);
    let seconds = NOW - 3600;
    let status = Command::new("touch")
        .args(["-a", "-d", &format!("@{seconds}")])
        .arg(place.path("read"))
        .status()
        .unwrap();
    assert!(status.success());
    place.purge().purged.unwrap();
    assert_eq!(place.left(), ["read"]);
}

#[test]
fn a_day_that_was_staged_and_never_stored_stays() {
    let mut place = Place::new(7);
    for (day, marks) in [
        ("01", &["cback.stage"][..]),
        ("02", &["cback.stage", "cback.store"]),
        ("03", &["cback.stage", "cback.amazons3"]),
        ("04", &["SHA256SUMS"]),
        ("05", &[]),
    ] {
        place.file(&format!("2026/10/{day}/alpha/etc.tar.gz"));
        for mark in marks {
            place.file(&format!("2026/10/{day}/{mark}"));
        }
    }
    place.age(20);
    fs::create_dir_all(place.path("2026/11/21")).unwrap();
    touch(&place.path("2026/11/21"), 20);
    place.staging = Some(Staging::new(AbsPath::new(&place.root).unwrap()));
    let outcome = place.purge();
    let kept: Vec<String> = place
        .left()
        .into_iter()
        .filter(|path| path.contains("etc.tar"))
        .collect();
    assert_eq!(
        kept,
        ["2026/10/01/alpha/etc.tar.gz", "2026/10/04/alpha/etc.tar.gz"]
    );
    assert_eq!(
        outcome.told,
        [
            "/2026/10/01: kept 1 file, 10 bytes: old enough to purge, but staged and never stored",
            "/2026/10/04: kept 1 file, 10 bytes: old enough to purge, but staged and never stored",
        ]
    );
    assert_eq!(outcome.purged.unwrap().kept, 2);
    // Today's directory is about to be used.
    assert!(place.path("2026/11/21").exists());
    // The catalog forgets first; the indicators go last, the one that forbids storing after all others.
    let second: Vec<&String> = outcome
        .gone
        .iter()
        .filter(|gone| gone.contains("10/02") || *gone == "forget 2026-10-02")
        .collect();
    assert_eq!(
        second,
        [
            "forget 2026-10-02",
            "2026/10/02/alpha/etc.tar.gz",
            "2026/10/02/alpha",
            "2026/10/02/cback.stage",
            "2026/10/02/cback.store",
            "2026/10/02",
        ]
    );
    // Also when what is purged is within a day.
    let inner = place.purge_dir(&place.path("2026/10/01/alpha"));
    assert_eq!(inner.purged.unwrap().kept, 1);
    assert_eq!(inner.told.len(), 1);

    place.only_copy = OnlyCopy::Purge;
    assert_eq!(place.purge().purged.unwrap().kept, 0);
    assert_eq!(place.left(), ["2026", "2026/11", "2026/11/21"]);
}

#[test]
fn a_day_of_which_something_stays_keeps_its_indicators_and_a_true_list() {
    let mut place = Place::new(7);
    for path in ["alpha/old", "alpha/read", "cback.stage", "cback.store"] {
        place.file(&format!("2026/10/01/{path}"));
    }
    let mut sums = Sums::new();
    for name in ["alpha/old", "alpha/read"] {
        sums.insert(name, Digest::of(&name.as_bytes()[6..]));
    }
    fs::write(place.path("2026/10/01/SHA256SUMS"), sums.to_text()).unwrap();
    place.age(20);
    touch(&place.path("2026/10/01/alpha/read"), 1);
    place.staging = Some(Staging::new(AbsPath::new(&place.root).unwrap()));
    place.purge().purged.unwrap();
    let left: Vec<String> = place.left().into_iter().skip(3).collect();
    assert_eq!(
        left,
        [
            "2026/10/01/SHA256SUMS",
            "2026/10/01/alpha",
            "2026/10/01/alpha/read",
            "2026/10/01/cback.stage",
            "2026/10/01/cback.store",
        ]
    );
    let judge = Command::new("sha256sum")
        .current_dir(place.path("2026/10/01"))
        .args(["-c", "--strict", "SHA256SUMS"])
        .output()
        .unwrap();
    assert!(judge.status.success(), "{judge:?}");
}

#[test]
fn files_stay_if_the_catalog_cannot_forget_them() {
    let mut place = Place::new(7);
    place
        .file("2026/10/01/alpha/x")
        .file("2026/10/01/beta/y")
        .file("other")
        .age(20);
    place.staging = Some(Staging::new(AbsPath::new(&place.root).unwrap()));
    place.forgetful = false;
    let outcome = place.purge();
    assert_eq!(outcome.gone, ["forget 2026-10-01", "other"]);
    assert_eq!(
        outcome.told,
        ["2026-10-01: its files stay: the catalog cannot forget them: locked"]
    );
}

#[test]
fn archives_that_no_master_has_acknowledged_stay() {
    // Text of `cback.stage`, its age, the names that stay.
    let listed = {
        let mut sums = Sums::new();
        sums.insert("a.tar", Digest::of(b"a.tar"));
        String::from_utf8(sums.to_text()).unwrap()
    };
    for (stage, stays) in [
        (None, &["a.tar", "b.tar", "cback.collect"][..]),
        (Some(("", 10)), &[]),
        (
            Some((listed.as_str(), 10)),
            &["b.tar", "cback.collect", "cback.stage"],
        ),
        (
            Some(("damage", 10)),
            &["a.tar", "b.tar", "cback.collect", "cback.stage"],
        ),
        (
            Some(("", 30)),
            &["a.tar", "b.tar", "cback.collect", "cback.stage"],
        ),
    ] {
        let mut place = Place::new(7);
        place
            .file("a.tar")
            .file("b.tar")
            .file("cback.collect")
            .age(20);
        if let Some((text, days)) = stage {
            fs::write(place.path("cback.stage"), text).unwrap();
            touch(&place.path("cback.stage"), days);
        }
        place.collect_dir = Some(place.root.clone());
        let outcome = place.purge();
        assert_eq!(place.left(), stays, "{stage:?}");
        let archives = stays.iter().filter(|name| name.ends_with("tar")).count();
        assert_eq!(outcome.purged.unwrap().kept, archives as u64);
        assert_eq!(outcome.told.len(), usize::from(archives > 0));
        place.only_copy = OnlyCopy::Purge;
        place.purge().purged.unwrap();
        assert_eq!(place.left(), [""; 0], "{stage:?}");
    }
}

#[test]
fn what_killed_runs_left_goes_after_a_day() {
    let mut place = Place::new(100);
    for day in ["01", "02"] {
        place.file(&format!("2026/10/{day}/.alpha.partial/etc.tar.gz"));
        place.file(&format!("2026/10/{day}/..beta.partial/etc.tar.gz"));
        place.file(&format!("2026/10/{day}/cback.stage"));
    }
    place.file("collect/.etc.tar.gz.partial").age(2);
    touch(&place.path("2026/10/02/.alpha.partial"), 0);
    place.collect_dir = Some(place.path("collect"));
    place.staging = Some(Staging::new(AbsPath::new(&place.root).unwrap()));
    place.purge().purged.unwrap();
    let left = place.left().join(" ");
    assert!(!left.contains("01/.alpha.partial") && left.contains("02/.alpha.partial"));
    // That may be all there is of the peer: staging puts it back.
    assert!(left.contains("01/..beta.partial/etc.tar.gz"));
    assert!(!place.path("collect/.etc.tar.gz.partial").exists());
}

#[test]
fn what_others_call_partial_is_as_old_as_it_is() {
    let place = Place::new(7);
    place.file(".download.partial/deep/young");
    place.file(".download.partial/old");
    place.file(".file.partial").file(".old.partial").age(20);
    touch(&place.path(".download.partial/deep/young"), 2);
    touch(&place.path(".file.partial"), 2);
    place.purge().purged.unwrap();
    assert_eq!(
        place.left(),
        [
            ".download.partial",
            ".download.partial/deep",
            ".download.partial/deep/young",
            ".file.partial",
        ]
    );
}

#[test]
fn an_archive_whose_name_is_like_an_indicators_is_kept_as_any_other() {
    let mut place = Place::new(7);
    place.file("cback.d.tar.gz").file("cback.collect").age(20);
    place.collect_dir = Some(place.root.clone());
    let outcome = place.purge();
    assert_eq!(outcome.purged.unwrap().kept, 1);
    assert_eq!(place.left(), ["cback.collect", "cback.d.tar.gz"]);
}

#[test]
fn the_root_directory_is_refused_and_a_missing_one_is_an_error() {
    let place = Place::new(0);
    symlink("/", place.path("everything")).unwrap();
    for dir in ["/", "/usr/..", place.path("everything").to_str().unwrap()] {
        let error = place.purge_dir(Path::new(dir)).purged.unwrap_err();
        assert!(matches!(error, PurgeError::Root(_)), "{error}");
    }
    let error = place.purge_dir(&place.path("none")).purged.unwrap_err();
    assert!(matches!(error, PurgeError::Unreadable { .. }));
}

#[test]
fn another_file_system_is_left_alone_and_links_are_not_followed() {
    const PLACE: &str = "CBACK_TEST_MOUNT";
    const NAME: &str = "another_file_system_is_left_alone_and_links_are_not_followed";
    if std::env::var_os(PLACE).is_none() {
        // Mounts of its own, so that nothing of it is left.
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !nix::unistd::Uid::effective().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let output = command
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(PLACE, "yes")
            .output()
            .unwrap();
        let passed = String::from_utf8_lossy(&output.stdout).contains("1 passed");
        assert!(output.status.success() && passed, "{output:?}");
        return;
    }
    let place = Place::new(0);
    let outside = Place::new(0);
    outside.file("precious").file("bound/precious");
    for dir in ["tmpfs", "bind", "old"] {
        fs::create_dir(place.path(dir)).unwrap();
    }
    symlink(&outside.root, place.path("link")).unwrap();
    let mount = |arguments: &[&str]| {
        let status = Command::new("mount").args(arguments).status().unwrap();
        assert!(status.success());
    };
    mount(&["-t", "tmpfs", "none", place.path("tmpfs").to_str().unwrap()]);
    place.file("tmpfs/inside");
    let bound = outside.path("bound");
    mount(&[
        "--bind",
        bound.to_str().unwrap(),
        place.path("bind").to_str().unwrap(),
    ]);
    let outcome = place.purge();
    assert_eq!(
        place.left(),
        ["bind", "bind/precious", "tmpfs", "tmpfs/inside"]
    );
    assert_eq!(
        outcome.told,
        [
            "note: /bind is another file system; it is left alone",
            "note: /tmpfs is another file system; it is left alone",
        ]
    );
    assert_eq!(outside.left(), ["bound", "bound/precious", "precious"]);
}
