//! Stage on real directories: peers that come, peers that do not, and machines that stop in the middle.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod collision;
mod faults;
mod pool;
mod waiting;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::Mutex;

use cback::peer::Ignore;
use cback::stage::{Marked, Missed, StageError, stage};
use cback::staging::Received;
use cback::sums::{Digest, Sums};

use pool::{Ear, Pool, day};

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
            "broken: cannot read /broken: Not a directory (os error 20)",
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
                 missing broken: cannot read {root}/broken: Not a directory (os error 20)\n\
                 missing gone: cannot read {root}/gone: No such file or directory (os error 2)\n"
            ),
        ]
    );
    pool.assert_sums_hold();
    // The peer learns what is safe; those that did not come learn nothing.
    let told = fs::read(pool.collect_dir("alpha").join("cback.stage")).unwrap();
    let told = Sums::parse(&told).unwrap();
    assert_eq!(told.get(b"etc.tar.gz"), Some(Digest::of(b"alpha's").into()));
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
    pool.collected("alpha", &[]);
    fs::write(dir.join(OsStr::from_bytes(b"f\xff\\\n")), "odd").unwrap();
    assert_eq!(
        pool.told(&["alpha"]),
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
    pool.collected("alpha", &[("a.tar", "a"), ("b.tar", "b"), ("c.tar", "c")]);
    for (name, mode) in [("a.tar", 0o6755), ("b.tar", 0o600), ("c.tar", 0o404)] {
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
    // Whoever stores it is its owner.
    assert_eq!(mode("c.tar"), 0o604);
}

#[test]
fn a_damaged_list_of_what_was_collected_is_told_and_a_foreign_text_is_none() {
    let pool = Pool::new();
    let mut claimed = Sums::new();
    claimed.insert("a.tar", Digest::of(b"a"));
    claimed.insert("b.tar", Digest::of(b"b"));
    let mut damaged = claimed.to_text();
    damaged[3] = b'?';
    for (text, told) in [
        (
            damaged.as_slice(),
            Some(
                "/alpha/cback.collect: the list of what was collected is damaged: line 1 is not of the form \
                 `<64 hex digits>  <name>`; what is there is staged, and nobody knows whether it is whole",
            ),
        ),
        (b"collected by our own script\n", None),
    ] {
        pool.collected("alpha", &[("a.tar", "a"), ("b.tar", "b")]);
        fs::write(pool.collect_dir("alpha").join("cback.collect"), text).unwrap();
        let _ = fs::remove_file(pool.collect_dir("alpha").join("cback.stage"));
        let expected: Vec<&str> = told.into_iter().collect();
        assert_eq!(pool.told(&["alpha"]), expected);
        assert!(pool.tree().join(" ").contains("alpha/b.tar=b"));
    }
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
fn what_is_copied_again_counts_once() {
    let pool = Pool::new();
    pool.collected("alpha", &[("a.tar", "a")]);
    let path = pool.collect_dir("alpha").join("a.tar");
    let times = Mutex::new(0);
    let grow = || {
        let mut times = times.lock().unwrap();
        *times += 1;
        if *times == 1 {
            fs::write(&path, "aXX").unwrap();
        }
    };
    let ear = Ear {
        disturb: Some(&grow),
        ..Ear::default()
    };
    let (staging, peers) = (pool.staging(), pool.wanted(&["alpha"]));
    let mut request = Pool::request(&staging, &peers);
    request.limits.bytes = 3;
    stage(&request, &ear).unwrap();
    assert_eq!(pool.heard(&ear), [""; 0]);
    // A byte more is too much.
    request.limits.bytes = 2;
    stage(&request, &ear).unwrap();
    assert_eq!(
        pool.heard(&ear),
        ["alpha: it has more than 2 bytes for the master, which is over its limit"]
    );
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
fn what_was_collected_before_the_last_staging_is_not_ready() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    pool.collected("beta", &[("etc.tar.gz", "1")]);
    assert_eq!(pool.told(&["alpha", "beta"]), [""; 0]);
    pool.collected("beta", &[("etc.tar.gz", "2")]);
    let ear = Ear::default();
    let next = day().succ();
    let staged = pool
        .stage_on(next, &pool.wanted(&["alpha", "beta"]), &ear)
        .unwrap();
    assert_eq!(
        pool.heard(&ear),
        ["alpha: not ready: nothing was collected in /alpha since it was last staged"]
    );
    assert_eq!((staged.present.len(), staged.missing.len()), (1, 1));
    let daily = pool.staging().daily(next);
    assert_eq!(daily.peers().unwrap(), ["beta".parse().unwrap()]);
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
fn a_list_that_a_killed_second_staging_left_in_parts_is_completed_by_a_run_of_the_next_day() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "1")]);
    pool.collected("beta", &[("etc.tar.gz", "1")]);
    pool.stage(&["alpha", "beta"], &Ear::default()).unwrap();
    let day_before = pool.daily().path().to_owned();
    // The second staging of alpha was killed when its files had changed, and were on no list.
    fs::write(day_before.join("alpha/etc.tar.gz"), "2").unwrap();
    fs::write(day_before.join("...alpha.partial"), "").unwrap();
    pool.collected("beta", &[("etc.tar.gz", "3")]);
    pool.stage_on(day().succ(), &pool.wanted(&["beta"]), &Ear::default())
        .unwrap();
    assert!(!day_before.join("...alpha.partial").exists());
    pool.assert_sums_hold();
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
