//! Killed at every durable step, the next run completes the work, and earlier sessions stay readable.
//!
//! strace kills the test's own program at the Nth call of each system call that makes something durable.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use cback::media::{Drive as _, MediaKind};

use crate::pool::{Pool, noise, run, sha256sum};

/// Set for the process that is killed: the directory of its pool.
const CHILD: &str = "CBACK_TEST_KILLED_IN";

/// The calls at which the child is killed, before they are carried out.
const CALLS: [&str; 9] = [
    "fsync",
    "fdatasync",
    "rename",
    "linkat",
    "ftruncate",
    "fallocate",
    "pwrite64",
    "unlink",
    "mkdir",
];

/// Fits three of the sessions of this test and not a fourth.
const SECTORS: u64 = 1100;

/// A directory in memory, where syncs cost nothing: here it matters that they are asked for.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn pool(dir: &Path) -> Pool {
    Pool::at(dir, MediaKind::DvdPlusR, SECTORS)
}

#[test]
fn a_run_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    if is_child() {
        return;
    }
    // How many sessions are there before: none (a first disc), two (an append), three (a full disc).
    std::thread::scope(|scope| {
        for before in [0, 2, 3] {
            scope.spawn(move || everywhere(before));
        }
    });
}

fn everywhere(before: u64) {
    let model = directory();
    prepare(model.path(), before);
    let mut kills = 0;
    for call in CALLS {
        for number in 1.. {
            let dir = directory();
            let copy = dir.path().join("pool");
            run("cp", &["-a".as_ref(), model.path().as_ref(), copy.as_ref()]);
            if !killed(&copy, call, number) {
                break;
            }
            kills += 1;
            completed(
                &pool(&copy),
                before,
                &format!("{call} {number} after {before}"),
            );
        }
    }
    assert!(kills > 20, "{kills}");
}

/// Stores, if this is the child.
fn is_child() -> bool {
    let Some(dir) = std::env::var_os(CHILD) else {
        return false;
    };
    pool(Path::new(&dir)).store("2026-11-20").unwrap();
    true
}

/// After a power cut, what was written before a sync is there, and of what came after it anything may be. So
/// the order of writes and syncs is what keeps a disc readable.
#[test]
fn each_part_of_a_session_is_synced_before_the_next_one_is_written() {
    if is_child() {
        return;
    }
    // B body, D the session's descriptors, H head, s sync, L second name, R rename.
    for (before, expected) in [(0, "BsDsHsR"), (2, "BsDsHs"), (3, "BsDsHsLsRs")] {
        let dir = directory();
        prepare(dir.path(), before);
        let start = match before {
            2 => {
                pool(dir.path())
                    .drive()
                    .inspect()
                    .unwrap()
                    .unwrap()
                    .next_writable
            }
            _ => 32,
        };
        let log = dir.path().join("log");
        let child = Command::new("strace")
            .args(["-f", "-qq", "-y", "-e"])
            .arg("trace=pwrite64,fdatasync,fsync,linkat,rename")
            .arg("-o")
            .arg(&log)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--test-threads=1", "--quiet"])
            .arg("kill::each_part_of_a_session_is_synced_before_the_next_one_is_written")
            .env(CHILD, dir.path())
            .output()
            .unwrap();
        assert!(child.status.success(), "{child:?}");
        let mut steps = String::new();
        let log = std::fs::read_to_string(log).unwrap();
        for line in log.lines().filter(|line| line.contains("/discs")) {
            let step = step(line, u64::from(start));
            if !steps.ends_with(step) {
                steps.push(step);
            }
        }
        // Whoever reads the disc syncs it, too, before and after.
        let burn = steps.trim_start_matches('s');
        assert!(burn.starts_with(expected), "{steps} with {before}");
        assert!(burn.ends_with('s'), "{steps} with {before}");
    }
}

/// Which step of a burn a line of strace shows.
fn step(line: &str, start: u64) -> char {
    if line.contains("pwrite64(") {
        let (arguments, _) = line.rsplit_once(") =").unwrap();
        let offset: u64 = arguments.rsplit(", ").next().unwrap().parse().unwrap();
        return match offset / 2048 {
            sector if sector == start + 16 => 'D',
            0..32 => 'H',
            _ => 'B',
        };
    }
    match line {
        _ if line.contains("linkat(") => 'L',
        _ if line.contains("rename(") => 'R',
        _ => 's',
    }
}

fn prepare(dir: &Path, before: u64) {
    let prepared = pool(dir);
    for at in 0..before {
        let date = format!("2026-11-{}", 17 + at);
        prepared.stage(&date, &[("alpha/etc.tar.gz", &noise(at, 600_000))]);
        prepared.store(&date).unwrap();
    }
    prepared.stage("2026-11-20", &[("alpha/etc.tar.gz", &noise(20, 600_000))]);
}

/// Runs the child; says whether it was killed.
fn killed(dir: &Path, call: &str, number: u32) -> bool {
    let name = "kill::a_run_that_is_killed_at_any_step_is_completed_by_the_next_one";
    let (child, _) = inject(dir, name, call, &format!("signal=KILL:when={number}"));
    if child.success() {
        return false;
    }
    assert_eq!(child.signal(), Some(9), "{call} {number}: {child}");
    true
}

/// Runs the child, which is the test of that name, with a fault; says how it ended and whether the fault happened.
fn inject(dir: &Path, name: &str, call: &str, fault: &str) -> (std::process::ExitStatus, bool) {
    let log = dir.with_extension("log");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:{fault}"))
        .arg("-o")
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads=1", "--quiet", name])
        .env(CHILD, dir)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    let injected = std::fs::read_to_string(log).unwrap().contains("INJECTED");
    (status, injected)
}

#[test]
fn a_run_in_which_any_call_fails_is_completed_by_the_next_one() {
    if is_child() {
        return;
    }
    let name = "kill::a_run_in_which_any_call_fails_is_completed_by_the_next_one";
    let model = directory();
    prepare(model.path(), 2);
    let disc = std::fs::read(pool(model.path()).target()).unwrap();
    let mut failures = 0;
    for (call, error) in [
        ("pwrite64", "ENOSPC"),
        ("fallocate", "EOPNOTSUPP"),
        ("fdatasync", "EIO"),
        ("fsync", "EIO"),
        ("ftruncate", "EIO"),
        ("rename", "EIO"),
        ("flock", "EAGAIN"),
    ] {
        for number in 1.. {
            let dir = directory();
            let copy = dir.path().join("pool");
            run("cp", &["-a".as_ref(), model.path().as_ref(), copy.as_ref()]);
            let what = format!("{call} {number} fails with {error}");
            let (child, injected) =
                inject(&copy, name, call, &format!("error={error}:when={number}"));
            if !injected {
                assert!(child.success(), "{what}");
                break;
            }
            failures += 1;
            let pool = pool(&copy);
            assert!(
                child.success() || child.code() == Some(101),
                "{what}: {child}"
            );
            // Not the other way round: an indicator may be there whose directory could not be synced.
            assert!(pool.is_stored("2026-11-20") || !child.success(), "{what}");
            let now = std::fs::read(pool.target()).unwrap();
            assert!(now[32 * 2048..].starts_with(&disc[32 * 2048..]), "{what}");
            completed(&pool, 2, &what);
        }
    }
    assert!(failures > 15, "{failures}");
}

fn completed(pool: &Pool, before: u64, what: &str) {
    let mut marked = pool.is_stored("2026-11-20");
    if !marked {
        pool.store("2026-11-20")
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        marked = pool.is_stored("2026-11-20");
    }
    assert!(marked, "{what}");
    let heard = pool.heard.take();
    assert!(!heard.contains("problem"), "{what}: {heard}");
    let sessions = if before == 3 { 1 } else { before + 1 };
    sound(&pool.target(), sessions, what);
    if before == 3 {
        sound(
            &pool.dir.join("discs/CEDAR BACKUP 19-NOV-2026.iso"),
            3,
            what,
        );
    }
    let left = std::fs::read_dir(pool.dir.join("discs")).unwrap().count();
    assert_eq!(
        left,
        if before == 3 { 2 } else { 1 },
        "{what}: something is left over"
    );
}

/// Whether the disc's newest session shows that many days, all of them sound.
fn sound(disc: &Path, days: u64, what: &str) {
    let into = directory();
    let at = into.path();
    run(
        "bsdtar",
        &["-xf".as_ref(), disc.as_ref(), "-C".as_ref(), at.as_ref()],
    );
    assert_eq!(sha256sum(at) as u64, days, "{what}");
    run("chmod", &["-R".as_ref(), "u+w".as_ref(), at.as_ref()]);
}
