//! A staging area without room, and runs that are killed at every step.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;

use cback::event::{Event, Monitor};
use cback::stage::{StageError, stage};

use crate::pool::{Ear, Pool};

#[test]
fn a_full_staging_area_keeps_what_is_whole_and_says_how_much_is_missing() {
    const NAME: &str =
        "faults::a_full_staging_area_keeps_what_is_whole_and_says_how_much_is_missing";
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
    let passed = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(
        output.status.success() && passed,
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

#[test]
fn killed_at_any_step_the_next_run_ends_as_if_nothing_had_been() {
    const NAME: &str = "faults::killed_at_any_step_the_next_run_ends_as_if_nothing_had_been";
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
fn a_mistake_of_ours_with_one_peer_does_not_cost_the_others() {
    /// Panics at beta's first progress, as a mistake in what handles its bytes would.
    struct Mistaken<'a>(Ear<'a>);
    impl Monitor for Mistaken<'_> {
        fn observe(&self, event: &Event<'_>) {
            if let Event::Progress(progress) = event {
                assert!(!progress.task.contains("beta"), "a mistake");
            }
            self.0.observe(event);
        }
    }
    let pool = Pool::new();
    for peer in ["alpha", "beta", "gamma"] {
        pool.collected(peer, &[("etc.tar.gz", "1")]);
    }
    let ear = Mistaken(Ear::default());
    let staging = pool.staging();
    let peers = pool.wanted(&["alpha", "beta", "gamma"]);
    let staged = stage(&Pool::request(&staging, &peers), &ear).unwrap();
    assert_eq!(staged.present.len(), 2);
    assert_eq!(
        pool.heard(&ear.0),
        ["beta: an internal error, which is told above"]
    );
    assert_eq!(pool.daily().peers().unwrap().len(), 2);
    pool.assert_sums_hold();
    // The next run brings what is missing.
    pool.stage(&["alpha", "beta", "gamma"], &Ear::default())
        .unwrap();
    assert_eq!(pool.daily().peers().unwrap().len(), 3);
}
