//! Stage on real directories: peers that come, peers that do not, and machines that stop in the middle.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use cback::event::{Event, Monitor};
use cback::peer::{Ignore, Occasion, Peer};
use cback::stage::{Marked, Missed, Request, StageError, Staged, Wanted, stage};
use cback::staging::{Daily, Received, Staging};
use cback::sums::{Digest, Sums};
use cback::units::{AbsPath, Day};

/// Keeps what was told, and does something at the first reports of progress.
#[derive(Default)]
struct Ear<'a> {
    told: Mutex<Vec<String>>,
    disturb: Option<&'a (dyn Fn() + Sync)>,
}

impl Monitor for Ear<'_> {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Problem(problem) => format!("{}: {}", problem.subject, problem.reason),
            Event::Warning(text) => format!("warning: {text}"),
            Event::Progress(_) => {
                if let Some(disturb) = self.disturb {
                    disturb();
                }
                return;
            }
            _ => return,
        };
        self.told.lock().unwrap().push(line);
    }
}

/// Collect directories of several peers, and a staging directory.
struct Pool {
    root: PathBuf,
    _dir: Option<tempfile::TempDir>,
}

impl Pool {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        fs::create_dir(root.join("staging")).unwrap();
        Self {
            root,
            _dir: Some(dir),
        }
    }

    fn collect_dir(&self, peer: &str) -> PathBuf {
        self.root.join(peer)
    }

    /// A peer that has collected these files.
    fn collected(&self, peer: &str, files: &[(&str, &str)]) {
        let dir = self.collect_dir(peer);
        fs::create_dir_all(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        fs::write(dir.join("cback.collect"), "").unwrap();
    }

    fn wanted(&self, peers: &[&str]) -> Vec<Wanted> {
        peers
            .iter()
            .map(|name| Wanted {
                peer: Peer::local(
                    name.parse().unwrap(),
                    AbsPath::new(self.collect_dir(name)).unwrap(),
                ),
                ignore: Ignore::None,
            })
            .collect()
    }

    fn staging(&self) -> Staging {
        Staging::new(AbsPath::new(self.root.join("staging")).unwrap())
    }

    fn daily(&self) -> Daily {
        self.staging().daily(day())
    }

    fn stage(&self, peers: &[&str], ear: &Ear<'_>) -> Result<Staged, StageError> {
        self.stage_on(day(), &self.wanted(peers), ear)
    }

    fn stage_on(&self, day: Day, peers: &[Wanted], ear: &Ear<'_>) -> Result<Staged, StageError> {
        let request = Request {
            staging: &self.staging(),
            day,
            peers,
            ids: None,
            occasion: Occasion::Ordinary,
        };
        stage(&request, ear)
    }

    /// Stages, and gives what was told with this pool's own path taken out.
    fn told(&self, peers: &[&str]) -> Vec<String> {
        let ear = Ear::default();
        let _ = self.stage(peers, &ear);
        self.heard(&ear)
    }

    fn heard(&self, ear: &Ear<'_>) -> Vec<String> {
        let root = self.root.to_str().unwrap();
        let told = ear.told.lock().unwrap();
        told.iter().map(|line| line.replace(root, "")).collect()
    }

    /// Every file below the daily directory with its text.
    fn tree(&self) -> Vec<String> {
        let root = self.daily().path().to_owned();
        let mut files: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let name = entry.path().strip_prefix(&root).unwrap().display();
                format!("{name}={}", fs::read_to_string(entry.path()).unwrap())
            })
            .filter(|line| !line.starts_with("SHA256SUMS="))
            .collect();
        files.sort_unstable();
        files
    }

    fn assert_sums_hold(&self) {
        assert_sha256sum_agrees(self.daily().path());
        let listed = self.daily().sums().unwrap().unwrap().len();
        let there: usize = self
            .daily()
            .peers()
            .unwrap()
            .iter()
            .map(|peer| self.daily().files(peer).unwrap().len())
            .sum();
        assert_eq!(listed, there);
    }
}

fn day() -> Day {
    "2026-11-21".parse().unwrap()
}

fn assert_sha256sum_agrees(dir: &Path) {
    let judge = Command::new("sha256sum")
        .current_dir(dir)
        .args(["-c", "--strict", "--quiet", "SHA256SUMS"])
        .output()
        .unwrap();
    assert!(judge.status.success(), "{judge:?}");
}

#[test]
fn one_peer_comes_one_is_broken_one_is_missing() {
    let pool = Pool::new();
    pool.collected(
        "alpha",
        &[("etc.tar.gz", "alpha's"), ("etc.mtree.gz", "list")],
    );
    pool.collected("broken", &[("home.tar.gz", "x")]);
    fs::remove_dir_all(pool.collect_dir("broken")).unwrap();
    fs::write(pool.collect_dir("broken"), "a file").unwrap();
    pool.collected("late", &[("home.tar.gz", "half")]);
    fs::remove_file(pool.collect_dir("late").join("cback.collect")).unwrap();

    let ear = Ear::default();
    let staged = pool
        .stage(&["late", "broken", "gone", "alpha"], &ear)
        .unwrap();
    assert_eq!(
        pool.heard(&ear),
        [
            "late: not ready: /late has no cback.collect",
            "broken: cannot read /broken: not a directory",
            "gone: cannot read /gone: No such file or directory (os error 2)",
        ]
    );
    assert_eq!(staged.present.len(), 1);
    assert_eq!(staged.present[0].files, 3);
    assert_eq!(staged.present[0].received, Received::First);
    assert_eq!(staged.missing.len(), 3);
    assert_eq!(staged.marked, Marked::Yes);
    let root = pool.root.to_str().unwrap();
    assert_eq!(
        pool.tree(),
        [
            "alpha/cback.collect=",
            "alpha/etc.mtree.gz=list",
            "alpha/etc.tar.gz=alpha's",
            &format!(
                "cback.stage=day 2026-11-21\nin alpha: 3 files, 11 bytes\n\
                 missing late: not ready: {root}/late has no cback.collect\n\
                 missing broken: cannot read {root}/broken: not a directory\n\
                 missing gone: cannot read {root}/gone: No such file or directory (os error 2)\n"
            ),
        ]
    );
    pool.assert_sums_hold();
    // The peer learns what is safe; those that did not come learn nothing.
    let told = fs::read(pool.collect_dir("alpha").join("cback.stage")).unwrap();
    let told = Sums::parse(&told).unwrap();
    assert_eq!(told.get(b"etc.tar.gz"), Some(Digest::of(b"alpha's")));
    assert_eq!(told.len(), 3);
    assert!(!pool.collect_dir("late").join("cback.stage").exists());
}

#[test]
fn what_is_no_regular_file_is_a_problem_and_the_others_are_staged() {
    let pool = Pool::new();
    pool.collected("alpha", &[("a.tar", "a"), ("z.tar", "z")]);
    let dir = pool.collect_dir("alpha");
    fs::create_dir(dir.join("b")).unwrap();
    symlink("/etc/passwd", dir.join("c")).unwrap();
    let fifo = Command::new("mkfifo").arg(dir.join("d")).status().unwrap();
    assert!(fifo.success());
    fs::write(dir.join(".e.partial"), "half").unwrap();
    fs::write(dir.join("cback.stage"), "of an earlier day").unwrap();
    fs::write(dir.join(OsStr::from_bytes(b"f\xff\\\n")), "odd").unwrap();
    assert_eq!(
        pool.told(&["alpha"])[1..],
        [
            "/alpha/b: a directory; only regular files are staged",
            "/alpha/c: a symbolic link; only regular files are staged",
            "/alpha/d: a FIFO; only regular files are staged",
        ]
    );
    let files = pool.daily().files(&"alpha".parse().unwrap()).unwrap();
    let names: Vec<&[u8]> = files.iter().map(|file| file.name.as_bytes()).collect();
    let expected: [&[u8]; 4] = [b"a.tar", b"cback.collect", b"f\xff\\\n", b"z.tar"];
    assert_eq!(names, expected);
    pool.assert_sums_hold();
}

#[test]
fn modes_come_along_but_never_the_power_of_another_user() {
    let pool = Pool::new();
    pool.collected("alpha", &[("a.tar", "a"), ("b.tar", "b")]);
    for (name, mode) in [("a.tar", 0o6755), ("b.tar", 0o600)] {
        let path = pool.collect_dir("alpha").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    pool.stage(&["alpha"], &Ear::default()).unwrap();
    let mode = |name| {
        let path = pool.daily().path().join("alpha").join(name);
        let copy = fs::metadata(path).unwrap();
        assert_eq!(copy.nlink(), 1);
        copy.mode() & 0o7777
    };
    assert_eq!((mode("a.tar"), mode("b.tar")), (0o755, 0o600));
}

#[test]
fn files_are_compared_with_what_the_peer_says_it_collected() {
    let pool = Pool::new();
    pool.collected("alpha", &[("good.tar", "good"), ("bad.tar", "bad")]);
    let mut claimed = Sums::new();
    claimed.insert("good.tar", Digest::of(b"good"));
    claimed.insert("bad.tar", Digest::of(b"what was collected"));
    claimed.insert("lost.tar", Digest::of(b"lost"));
    let indicator = pool.collect_dir("alpha").join("cback.collect");
    fs::write(indicator, claimed.to_text()).unwrap();
    assert_eq!(
        pool.told(&["alpha"]),
        [
            "/alpha/bad.tar: it is not what was collected: its digest differs from the one in cback.collect",
            "/alpha/lost.tar: it is on the list of what was collected, but not there",
        ]
    );
    let there = pool.tree().join(" ");
    assert!(there.contains("alpha/good.tar=good") && !there.contains("alpha/bad.tar="));
    let told = fs::read(pool.collect_dir("alpha").join("cback.stage")).unwrap();
    assert!(Sums::parse(&told).unwrap().get(b"bad.tar").is_none());
}

#[test]
fn a_file_that_changes_is_copied_again_and_then_given_up() {
    let pool = Pool::new();
    for (once, expected) in [(true, "aXX"), (false, "")] {
        pool.collected("alpha", &[("a.tar", "a")]);
        let path = pool.collect_dir("alpha").join("a.tar");
        let times = Mutex::new(0);
        let grow = || {
            let mut times = times.lock().unwrap();
            *times += 1;
            if *times == 1 || !once {
                let text = fs::read_to_string(&path).unwrap() + "XX";
                fs::write(&path, text).unwrap();
            }
        };
        let ear = Ear {
            disturb: Some(&grow),
            ..Ear::default()
        };
        let staged = pool.stage(&["alpha"], &ear);
        if once {
            staged.unwrap();
            let copy = pool.daily().path().join("alpha/a.tar");
            assert_eq!(fs::read_to_string(copy).unwrap(), expected);
            pool.assert_sums_hold();
            fs::remove_dir_all(pool.daily().path()).unwrap();
        } else {
            let error = staged.unwrap_err();
            assert!(matches!(error, StageError::Nobody { .. }), "{error}");
            assert_eq!(
                pool.heard(&ear).last().unwrap(),
                "alpha: /alpha/a.tar changed while it was copied"
            );
            assert_eq!(pool.tree(), [""; 0]);
        }
    }
}

#[test]
fn a_collection_that_begins_meanwhile_is_not_staged_by_half() {
    let pool = Pool::new();
    pool.collected("alpha", &[("a.tar", "a"), ("b.tar", "b")]);
    let indicator = pool.collect_dir("alpha").join("cback.collect");
    let begin = || drop(fs::remove_file(&indicator));
    let ear = Ear {
        disturb: Some(&begin),
        ..Ear::default()
    };
    pool.stage(&["alpha"], &ear).unwrap_err();
    assert_eq!(pool.tree(), [""; 0]);
    assert!(!pool.daily().is_staged().unwrap());
}

#[test]
fn a_peer_that_may_be_absent_is_no_problem_on_that_occasion() {
    let pool = Pool::new();
    fs::create_dir(pool.collect_dir("laptop")).unwrap();
    let mut wanted = pool.wanted(&["laptop"]);
    wanted[0].ignore = Ignore::Daily;
    let ear = Ear::default();
    let staged = pool.stage_on(day(), &wanted, &ear).unwrap();
    assert_eq!(staged.missing[0].missed, Missed::Excused);
    assert_eq!(staged.marked, Marked::NobodyIn);
    assert_eq!(pool.heard(&ear), [""; 0]);
    wanted[0].ignore = Ignore::Weekly;
    let error = pool.stage_on(day(), &wanted, &ear).unwrap_err();
    assert!(matches!(error, StageError::Nobody { peers: 1, .. }));
    assert!(!pool.daily().is_staged().unwrap());
}

#[test]
fn a_second_staging_of_the_day_merges_and_unmarks_only_what_changed() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    pool.collected("beta", &[("etc.tar.gz", "b")]);
    pool.stage(&["alpha", "beta"], &Ear::default()).unwrap();
    pool.daily().mark_stored("", None).unwrap();

    let again = pool.stage(&["alpha", "beta"], &Ear::default()).unwrap();
    assert!(
        again
            .present
            .iter()
            .all(|one| one.received == Received::Same)
    );
    assert!(pool.daily().is_stored().unwrap());

    pool.collected("alpha", &[("etc+2.tar.gz", "2")]);
    fs::remove_file(pool.collect_dir("alpha").join("etc.tar.gz")).unwrap();
    let third = pool.stage(&["alpha"], &Ear::default()).unwrap();
    assert_eq!(third.present[0].received, Received::Changed);
    assert!(!pool.daily().is_stored().unwrap());
    let tree = pool.tree();
    for line in [
        "alpha/etc.tar.gz=1",
        "alpha/etc+2.tar.gz=2",
        "beta/etc.tar.gz=b",
        "cback.stage=day 2026-11-21\nin alpha: 2 files, 1 bytes\nin beta: staged by an earlier run\n",
    ] {
        assert!(tree.iter().any(|there| there == line), "{line} in {tree:?}");
    }
    pool.assert_sums_hold();
}

#[test]
fn the_same_files_on_another_day_are_warned_of() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    assert_eq!(pool.told(&["alpha"]), [""; 0]);
    let ear = Ear::default();
    pool.stage_on(day().succ(), &pool.wanted(&["alpha"]), &ear)
        .unwrap();
    assert_eq!(
        pool.heard(&ear),
        [
            "warning: alpha: nothing was collected in /alpha since it was last staged; \
             the same files are staged again"
        ]
    );
}

#[test]
fn a_damaged_list_of_digests_is_made_anew() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    pool.stage(&["alpha"], &Ear::default()).unwrap();
    fs::write(pool.daily().path().join("SHA256SUMS"), "damage").unwrap();
    let told = pool.told(&["alpha"]);
    assert!(told[0].starts_with("warning: the list of digests in /staging/2026/11/21 is damaged"));
    pool.assert_sums_hold();
}

#[test]
fn a_full_staging_area_keeps_what_is_whole_and_says_how_much_is_missing() {
    const NAME: &str = "a_full_staging_area_keeps_what_is_whole_and_says_how_much_is_missing";
    let Some(root) = inside_small_file_system(NAME, "1m") else {
        return;
    };
    let pool = Pool { root, _dir: None };
    fs::create_dir(pool.root.join("staging/mounted")).ok();
    let small = "s".repeat(100_000);
    let large = "l".repeat(2_000_000);
    let outside = tempfile::tempdir().unwrap();
    for (name, text) in [("alpha", &small), ("big", &large), ("omega", &small)] {
        let dir = outside.path().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("x.tar"), text).unwrap();
        fs::write(dir.join("cback.collect"), "").unwrap();
        symlink(&dir, pool.collect_dir(name)).unwrap();
    }
    let ear = Ear::default();
    let error = pool.stage(&["alpha", "big", "omega"], &ear).unwrap_err();
    let StageError::Full { peer, missing, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(peer.as_str(), "big");
    assert!((1_000_000..1_400_000).contains(missing), "{error}");
    assert_eq!(
        pool.heard(&ear),
        ["big: no room for /staging/2026/11/21/.big.partial/x.tar"]
    );
    let peers = pool.daily().peers().unwrap();
    assert_eq!(peers.len(), 2);
    assert!(pool.daily().is_staged().unwrap());
    assert!(!pool.collect_dir("big").join("cback.stage").exists());
    pool.assert_sums_hold();

    fs::write(outside.path().join("big/x.tar"), &small).unwrap();
    pool.stage(&["alpha", "big", "omega"], &Ear::default())
        .unwrap();
    assert_eq!(pool.daily().peers().unwrap().len(), 3);
}

/// Runs the test `name` of this binary again with a small file system of its own, whose path is given to that
/// second run; `None` in the first, when the second one has passed.
fn inside_small_file_system(name: &str, size: &str) -> Option<PathBuf> {
    const PLACE: &str = "CBACK_TEST_SMALL";
    if let Some(place) = std::env::var_os(PLACE) {
        return Some(place.into());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !nix::unistd::Uid::effective().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["sh", "-c", "mount -t tmpfs -o size=$1 none \"$2\" && mkdir \"$2/staging\" && exec \"$3\" --exact \"$4\" --nocapture", "sh", size])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(PLACE, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

#[test]
fn killed_at_any_step_the_next_run_ends_as_if_nothing_had_been() {
    const NAME: &str = "killed_at_any_step_the_next_run_ends_as_if_nothing_had_been";
    const PLACE: &str = "CBACK_TEST_KILLED";
    if let Some(root) = std::env::var_os(PLACE) {
        let pool = Pool {
            root: root.into(),
            _dir: None,
        };
        pool.stage(&["alpha", "beta"], &Ear::default()).unwrap();
        return;
    }
    // Alpha is in the day already with an older version; the day was stored.
    let prepared = || {
        let pool = Pool::new();
        pool.collected("alpha", &[("etc.tar.gz", "old"), ("home.tar.gz", "kept")]);
        pool.stage(&["alpha"], &Ear::default()).unwrap();
        pool.daily().mark_stored("", None).unwrap();
        pool.collected("alpha", &[("etc.tar.gz", "new")]);
        fs::remove_file(pool.collect_dir("alpha").join("home.tar.gz")).unwrap();
        pool.collected("beta", &[("etc.tar.gz", "b1"), ("home.tar.gz", "b2")]);
        pool
    };
    let undisturbed = prepared();
    undisturbed
        .stage(&["alpha", "beta"], &Ear::default())
        .unwrap();
    let expected = without_mark(undisturbed.tree());
    let mut kills = 0;
    for calls in [
        "fsync",
        "rename,renameat,renameat2",
        "mkdir,mkdirat",
        "link,linkat",
        "unlink,unlinkat,rmdir",
        "ioctl,copy_file_range,fchmod,fchown",
    ] {
        for nth in 1.. {
            let pool = prepared();
            let output = Command::new("strace")
                .args(["-f", "-o", "/dev/null", "-e"])
                .arg(format!("trace={calls}"))
                .arg("-e")
                .arg(format!("inject={calls}:signal=KILL:when={nth}"))
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", NAME])
                .env(PLACE, &pool.root)
                .output()
                .unwrap();
            if output.status.success() {
                assert!(nth > 1, "{calls} is never called");
                break;
            }
            // strace ends the way that what it watches ended.
            assert_eq!(output.status.signal(), Some(9), "{output:?}");
            kills += 1;
            let here = format!("killed at {calls} {nth}");
            // Whatever is there under a final name is whole.
            for line in pool.tree() {
                let sound = line.starts_with('.')
                    || line.contains("/.")
                    || line.starts_with("cback.")
                    || line == "alpha/etc.tar.gz=old"
                    || expected.contains(&line);
                assert!(sound, "{here}: {line}");
            }
            // A day that differs from the disc is not marked stored.
            if pool
                .tree()
                .iter()
                .any(|line| line == "alpha/etc.tar.gz=new")
            {
                assert!(!pool.daily().is_stored().unwrap(), "{here}");
            }
            // A peer is told that it is safe only if it is.
            let told = pool.collect_dir("beta").join("cback.stage");
            if told.exists() {
                assert!(pool.daily().path().join("beta").exists(), "{here}");
            }
            pool.stage(&["alpha", "beta"], &Ear::default()).unwrap();
            assert_eq!(without_mark(pool.tree()), expected, "{here}");
            assert!(pool.daily().is_staged().unwrap(), "{here}");
            assert!(!pool.daily().is_stored().unwrap(), "{here}");
            pool.assert_sums_hold();
        }
    }
    assert!(kills > 30, "only {kills} kills");
}

/// The day's tree but for its indicator, whose text tells of runs.
fn without_mark(tree: Vec<String>) -> Vec<String> {
    tree.into_iter()
        .filter(|line| !line.starts_with("cback.stage="))
        .collect()
}

#[test]
fn a_day_that_a_killed_run_never_marked_is_marked_by_a_run_of_the_next_day() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    pool.stage(&["alpha"], &Ear::default()).unwrap();
    fs::remove_file(pool.daily().path().join("cback.stage")).unwrap();
    // As Cedar Backup leaves it: no list, so nothing says that the files are whole.
    let cedar = pool.staging().make(day().pred(), None).unwrap();
    fs::create_dir(cedar.path().join("alpha")).unwrap();

    pool.collected("alpha", &[("etc.tar.gz", "2")]);
    let ear = Ear::default();
    pool.stage_on(day().succ(), &pool.wanted(&["alpha"]), &ear)
        .unwrap();
    assert_eq!(
        pool.heard(&ear)[0],
        "warning: the staging of 2026-11-21 was interrupted; what it had staged (alpha) will be stored"
    );
    assert!(pool.daily().is_staged().unwrap());
    assert!(!cedar.is_staged().unwrap());
}
