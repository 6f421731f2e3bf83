//! Restoring without the rights of root, and onto a disk that is too small. Such a test runs itself again: as
//! somebody else, or where it may mount something.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cback::archive::Compression;
use cback::archive::manifest::Coverage;
use cback::restore::{Existing, Request, RestoreError, Shelf};

use super::pool::{self, Pool, restore_from};

/// Somebody who is not root.
const NOBODY: u32 = 65_534;
/// Set where a test runs itself again.
const SCENE: &str = "CBACK_TEST_SCENE";

/// The place in which this test runs for the second time.
fn scene() -> Option<PathBuf> {
    std::env::var_os(SCENE).map(PathBuf::from)
}

/// A command that runs the test `name` again, by way of `program`, with the place `dir`. The test program is
/// copied there, where everybody may read it.
fn again(program: &[&str], name: &str, dir: &Path) -> Command {
    let own = dir.join("tests");
    // By another process: a child that another test starts at that moment would hold a copy of ours open for writing,
    // and then the kernel does not run it.
    run_to_the_end(
        Command::new("cp")
            .arg(std::env::current_exe().unwrap())
            .arg(&own),
    );
    let mut words = program.iter().map(Path::new).chain([own.as_path()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args([name, "--exact", "--nocapture"])
        .env(SCENE, dir);
    command
}

/// Runs a command, which must go well, and gives what it prints.
fn run_to_the_end(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.into_owned()
}

fn run(command: &mut Command) {
    let text = run_to_the_end(command);
    assert!(text.contains("1 passed"), "{text}");
}

/// What the scene's staging directory has, into its directory `into`.
fn restore(dir: &Path) -> (Result<cback::restore::Summary, RestoreError>, Vec<String>) {
    let request = Request {
        into: dir.join("open/into"),
        ..Request::default()
    };
    restore_from(&request, &[Shelf::open(&dir.join("staging")).unwrap()])
}

#[test]
fn a_user_gets_everything_but_what_only_root_may_set() {
    const NAME: &str = "rights::a_user_gets_everything_but_what_only_root_may_set";
    if let Some(dir) = scene() {
        let (summary, told) = restore(&dir);
        assert_eq!(summary.unwrap().files, 3);
        if rustix::process::getuid().as_raw() != NOBODY {
            return;
        }
        // One line each, however many files it is about.
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("could not be given to the owner") && told[0].contains("other"));
        assert!(told[1].contains("lacks extended attributes"));
        let source = fs::read_link(dir.join("link-to-source")).unwrap();
        let into = dir.join("open/into").join(pool::relative(&source));
        assert_eq!(fs::read(into.join("dir/file")).unwrap(), b"x");
        let meta = fs::metadata(into.join("dir/file")).unwrap();
        // Not root's set-id bit on somebody else's file.
        assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o755, NOBODY));
        assert_eq!(
            fs::metadata(into.join("dir")).unwrap().mode() & 0o7777,
            0o555
        );
        assert_eq!(
            fs::metadata(into.join("dir/file")).unwrap().mtime(),
            meta.mtime()
        );
        return;
    }
    let mut pool = Pool::new();
    let source = pool.source();
    fs::create_dir(source.join("dir")).unwrap();
    for name in ["dir/file", "dir/other", "third"] {
        fs::write(source.join(name), "x").unwrap();
    }
    let is_root = rustix::process::getuid().is_root();
    if is_root {
        xattr::set(source.join("third"), "trusted.x", b"1").unwrap();
    }
    for (name, mode) in [("dir/file", 0o4755), ("dir", 0o555)] {
        fs::set_permissions(source.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    pool.collect(1, Coverage::Full);
    let dir = pool.dir.path();
    std::os::unix::fs::symlink(&source, dir.join("link-to-source")).unwrap();
    fs::create_dir(dir.join("open")).unwrap();
    for (path, mode) in [(dir.to_owned(), 0o755), (dir.join("open"), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = again(&[], NAME, dir);
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command);
    // So that the directory can be removed.
    for path in [
        source.join("dir"),
        dir.join("open/into")
            .join(pool::relative(&source))
            .join("dir"),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_directory_of_somebody_else_is_filled_and_what_it_lacks_is_told() {
    const NAME: &str = "rights::a_directory_of_somebody_else_is_filled_and_what_it_lacks_is_told";
    if let Some(dir) = scene() {
        let request = Request {
            into: dir.join("open"),
            existing: Existing::Replace,
            ..Request::default()
        };
        let shelf = Shelf::open(&dir.join("staging")).unwrap();
        let (summary, told) = restore_from(&request, &[shelf]);
        let summary = summary.unwrap();
        assert_eq!((summary.files, summary.failed), (1, 0), "{told:?}");
        let mode = |text: &String| text.contains("could not be given the mode or time");
        assert_eq!(told.iter().filter(|text| mode(text)).count(), 1, "{told:?}");
        assert!(!told.iter().any(|text| text.contains("not restored")));
        return;
    }
    if !rustix::process::getuid().is_root() {
        return; // nobody else's directory can be made
    }
    let mut pool = Pool::new();
    fs::write(pool.source().join("file"), "x").unwrap();
    pool.collect(1, Coverage::Full);
    let dir = pool.dir.path();
    let there = dir.join("open").join(pool::relative(&pool.source()));
    fs::create_dir_all(&there).unwrap();
    for path in there.ancestors().take_while(|path| path.starts_with(dir)) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    run(again(&[], NAME, dir).uid(NOBODY).gid(NOBODY));
}

#[test]
fn a_full_disk_ends_the_work_and_leaves_nothing_half_done() {
    const NAME: &str = "rights::a_full_disk_ends_the_work_and_leaves_nothing_half_done";
    if let Some(dir) = scene() {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "none"])
            .arg(dir.join("open"))
            .status();
        assert!(mounted.unwrap().success());
        let (summary, _) = restore(&dir);
        let error = summary.unwrap_err();
        assert!(matches!(error, RestoreError::Write { .. }), "{error}");
        assert!(error.advice().unwrap().starts_with("make room"));
        let mut whole = 0;
        for entry in walkdir::WalkDir::new(dir.join("open/into")) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                assert_eq!(
                    entry.metadata().unwrap().len(),
                    100_000,
                    "{}",
                    entry.path().display()
                );
                whole += 1;
            }
        }
        assert!((5..11).contains(&whole), "{whole}");
        return;
    }
    let mut pool = Pool::new();
    pool.compression = Compression::Gzip;
    for number in 0..20 {
        fs::write(
            pool.source().join(format!("file-{number}")),
            vec![number + 1; 100_000],
        )
        .unwrap();
    }
    pool.collect(1, Coverage::Full);
    let dir = pool.dir.path();
    fs::create_dir(dir.join("open")).unwrap();
    run(&mut again(
        &["unshare", "--user", "--map-root-user", "--mount"],
        NAME,
        dir,
    ));
}
