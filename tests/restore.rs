//! Restoring: every day of a history comes back as it was; damage is named and costs nothing but what it hit;
//! nothing is written outside of the directory that was named.

#![allow(clippy::unwrap_used)]

#[path = "restore/history.rs"]
mod history;
#[path = "restore/hostile.rs"]
mod hostile;
#[path = "restore/pool.rs"]
mod pool;
#[path = "restore/rights.rs"]
mod rights;
#[path = "restore/trouble.rs"]
mod trouble;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use cback::archive::Compression;
use cback::archive::manifest::Coverage;
use cback::restore::{RestoreError, Shelf};
use cback::units::Digest;
use pool::{Pool, day, picture, restore_from};

/// Three days: a full collection and two incrementals, with something of everything.
fn three_days(compression: Compression) -> (Pool, Vec<String>) {
    let mut pool = Pool::new();
    pool.compression = compression;
    let at = |path: &str| pool.source().join(path);
    fs::create_dir_all(at("etc/ssh")).unwrap();
    fs::create_dir_all(at("home/me")).unwrap();
    fs::write(at("etc/motd"), "welcome").unwrap();
    fs::write(at("etc/ssh/config"), "Port 22").unwrap();
    fs::write(at("home/me/notes"), vec![b'x'; 700_000]).unwrap();
    fs::write(at("home/me/new\nline"), "").unwrap();
    fs::hard_link(at("home/me/notes"), at("etc/notes")).unwrap();
    symlink("../nowhere", at("etc/link")).unwrap();
    fs::set_permissions(at("etc/ssh"), fs::Permissions::from_mode(0o500)).unwrap();
    xattr::set(at("etc/motd"), "user.x", b"1").unwrap();
    let mut pictures = vec![picture(&pool.source())];
    pool.collect(1, Coverage::Full);

    let at = |path: &str| pool.source().join(path);
    fs::write(at("etc/motd"), "goodbye").unwrap();
    fs::remove_file(at("etc/link")).unwrap();
    fs::create_dir(at("etc/link")).unwrap();
    fs::write(at("etc/link/inside"), "1").unwrap();
    pictures.push(picture(&pool.source()));
    pool.collect(2, Coverage::Incremental);

    let at = |path: &str| pool.source().join(path);
    fs::remove_dir_all(at("etc/link")).unwrap();
    fs::write(at("etc/link"), "now a file").unwrap();
    fs::set_permissions(at("home/me/notes"), fs::Permissions::from_mode(0o600)).unwrap();
    pictures.push(picture(&pool.source()));
    pool.collect(3, Coverage::Incremental);
    (pool, pictures)
}

#[test]
fn every_day_comes_back_with_what_was_deleted_left_out() {
    for compression in Compression::ALL {
        let (pool, pictures) = three_days(compression);
        for (number, expected) in (1..).zip(&pictures) {
            let restored = pool.restore_day(number, &format!("into-{number}"));
            assert_eq!(
                picture(&restored),
                *expected,
                "{compression:?}, day {number}"
            );
        }
    }
}

#[test]
fn without_a_day_the_latest_state_is_restored() {
    let (pool, pictures) = three_days(Compression::Zstd);
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(told, [""; 0]);
    assert_eq!(picture(&pool.restored("into")), pictures[2]);
    assert_eq!(summary.unwrap().files, 5);
}

#[test]
fn paths_select_files_and_directories_with_the_ways_to_them() {
    let (pool, _) = three_days(Compression::Gzip);
    let ssh = pool.source().join("etc/ssh");
    let mut request = pool.request("into");
    request.paths = vec![ssh.clone(), pool::relative(&pool.source()).join("etc/motd")];
    let (summary, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    assert_eq!(summary.unwrap().files, 2);
    let names: Vec<PathBuf> = walkdir::WalkDir::new(pool.restored("into"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .strip_prefix(pool.restored("into"))
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        names,
        ["", "etc", "etc/motd", "etc/ssh", "etc/ssh/config"].map(PathBuf::from)
    );
    let mtime = |path: &Path| fs::metadata(path).unwrap().mtime();
    assert_eq!(
        mtime(&pool.restored("into").join("etc")),
        mtime(&pool.source().join("etc"))
    );
    assert_eq!(
        picture(&pool.restored("into").join("etc/ssh")),
        picture(&ssh)
    );
}

#[test]
fn a_further_name_can_be_wanted_without_the_first() {
    let (pool, _) = three_days(Compression::Gzip);
    // The walk meets `etc/notes` first; `home/me/notes` is its other name.
    let mut request = pool.request("into");
    request.paths = vec![pool.source().join("home")];
    let (_, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    let notes = fs::read(pool.restored("into").join("home/me/notes")).unwrap();
    assert_eq!(notes, vec![b'x'; 700_000]);
    assert!(!pool.restored("into").join("etc").exists());
}

#[test]
fn a_path_that_is_not_there_is_an_error_with_advice() {
    let (pool, _) = three_days(Compression::None);
    let mut request = pool.request("into");
    request.paths = vec![pool.source().join("etc/MOTD")];
    let error = pool.plan(&request).unwrap_err();
    assert!(matches!(error, RestoreError::NoSuchPath { .. }));
    let near = pool.source().join("etc/motd");
    assert_eq!(
        error.advice().unwrap(),
        format!("there is `{}`", near.display())
    );
    // On the third day it was something else.
    let gone = pool.source().join("etc/link/inside");
    request.paths = vec![gone.clone()];
    let error = pool.plan(&request).unwrap_err();
    let text = format!("`{}` is not in the latest backups", gone.display());
    assert_eq!(error.to_string(), text);
    let advice = "it was there on 2026-11-02; to restore that, add --as-of 2026-11-02";
    assert_eq!(error.advice().unwrap(), advice);
    request.as_of = Some(day(1));
    let error = pool.plan(&request).unwrap_err().to_string();
    assert!(error.ends_with("is not in the backups as of 2026-11-01"));
    assert!(!pool.target("into").exists());
}

#[test]
fn a_recipe_is_readable_by_people_and_by_programs() {
    let (pool, _) = three_days(Compression::Gzip);
    let recipe = pool.plan(&pool.request("into")).unwrap();
    assert_eq!(recipe.steps.len(), 3);
    let text = recipe.to_string();
    let dir = pool.dir.path().display();
    for expected in [
        format!("Restore the latest state into {dir}/into\n"),
        format!("alpha:{dir}/source  as of 2026-11-03 (incremental), 5 files"),
        format!("1. {dir}/staging/2026/11/01/alpha/source.tar.gz"),
        format!("by hand: tar -xpf {dir}/staging/2026/11/03/alpha/source.tar.gz -C {dir}/into\n"),
        "In all 5 files, 683.62 kB".to_owned(),
    ] {
        assert!(
            text.contains(&expected),
            "{expected}\n--- is not in\n{text}"
        );
    }
    let json = serde_json::to_value(&recipe).unwrap();
    assert_eq!(json["steps"][0]["day"], "2026-11-01");
    assert_eq!(json["total_files"], 5);
    assert!(!pool.target("into").exists());
}

#[test]
fn what_was_staged_after_midnight_is_found_by_the_day_of_its_collection() {
    let mut pool = Pool::new();
    let mut pictures = Vec::new();
    for (number, coverage) in [
        (1, Coverage::Full),
        (2, Coverage::Incremental),
        (3, Coverage::Incremental),
    ] {
        fs::write(pool.source().join(format!("file-{number}")), "x").unwrap();
        pictures.push(picture(&pool.source()));
        pool.collect_late(number, number + 1, coverage);
    }
    for (number, expected) in (1..).zip(&pictures) {
        let restored = pool.restore_day(number, &format!("into-{number}"));
        assert_eq!(picture(&restored), *expected, "day {number}");
    }
}

#[test]
fn what_was_staged_days_after_its_collection_is_found_by_the_day_of_its_collection() {
    let mut pool = Pool::new();
    fs::write(pool.source().join("file"), "x").unwrap();
    let first = picture(&pool.source());
    pool.collect_late(1, 6, Coverage::Full);
    fs::write(pool.source().join("more"), "x").unwrap();
    pool.collect_late(7, 7, Coverage::Incremental);
    assert_eq!(picture(&pool.restore_day(3, "into-3")), first);
    let second = picture(&pool.source());
    assert_eq!(picture(&pool.restore_day(7, "into-7")), second);
}

#[test]
fn several_peers_go_to_directories_of_their_own() {
    let (pool, pictures) = three_days(Compression::None);
    fs::write(pool.peer(3, "beta").join("dump.sql.gz"), "not an archive").unwrap();
    let mut request = pool.request("into");
    let (_, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    let alpha = pool
        .target("into")
        .join("alpha")
        .join(pool::relative(&pool.source()));
    assert_eq!(picture(&alpha), pictures[2]);
    assert_eq!(
        fs::read(pool.target("into").join("beta/_files/dump.sql.gz")).unwrap(),
        b"not an archive"
    );

    request.into = pool.target("one");
    request.peer = Some("alpha".parse().unwrap());
    pool.restore(&request).0.unwrap();
    assert_eq!(picture(&pool.restored("one")), pictures[2]);

    request.peer = Some("gamma".parse().unwrap());
    let error = pool.restore(&request).0.unwrap_err();
    assert_eq!(error.advice().unwrap(), "there are backups of alpha, beta");
}

#[test]
fn a_day_before_everything_is_an_error_that_names_the_earliest() {
    let (pool, _) = three_days(Compression::None);
    let mut request = pool.request("into");
    request.as_of = Some("2026-10-31".parse().unwrap());
    let error = pool.plan(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no backup of 2026-10-31 or before"
    );
    assert!(error.advice().unwrap().contains("2026-11-01"));
}

#[test]
fn archives_without_manifests_are_read_from_the_latest_back() {
    let (pool, pictures) = three_days(Compression::Gzip);
    for number in 1..=3 {
        fs::remove_file(pool.manifest(number)).unwrap();
    }
    let mut request = pool.request("into");
    let recipe = pool.plan(&request).unwrap();
    let days: Vec<u32> = recipe.steps.iter().map(|step| step.day.ymd().2).collect();
    assert_eq!(days, [3, 2, 1]);
    assert!(recipe.to_string().contains("nobody knows what was deleted"));
    let (_, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    assert_eq!(picture(&pool.restored("into")), pictures[2]);
    // Two days before, the link was there.
    request.as_of = Some(day(1));
    request.into = pool.target("first");
    pool.restore(&request).0.unwrap();
    assert_eq!(picture(&pool.restored("first")), pictures[0]);
}

/// Puts `names` of the source into an archive of that name, as Cedar Backup would.
fn cedars(pool: &Pool, day: u32, archive: &str, names: &[&str]) {
    let made = std::process::Command::new("tar")
        .current_dir(pool.source())
        .arg("-caf")
        .arg(pool.peer(day, "alpha").join(archive))
        .args(names)
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn archives_without_manifests_that_are_packed_in_another_way_since_are_one_source() {
    let pool = Pool::new();
    let at = |name: &str| pool.source().join(name);
    for (name, text) in [("changed", "old"), ("kept", "kept")] {
        fs::write(at(name), text).unwrap();
    }
    // By name the older one comes last.
    cedars(&pool, 1, "source.tar.gz", &["changed", "kept"]);
    fs::write(at("changed"), "new").unwrap();
    cedars(&pool, 2, "source.tar.bz2", &["changed"]);
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(told, [""; 0]);
    assert_eq!(summary.unwrap().files, 2);
    let read = |name: &str| fs::read_to_string(pool.target("into").join(name)).unwrap();
    assert_eq!(
        (read("changed").as_str(), read("kept").as_str()),
        ("new", "kept")
    );
}

#[test]
fn a_dump_comes_back_by_the_path_that_the_recipe_shows() {
    let (pool, _) = three_days(Compression::Gzip);
    for (day, peer, name) in [
        (1, "alpha", "dump.sql.gz"),
        (2, "alpha", "dump.sql.gz"),
        (2, "alpha", "other.sql.gz"),
        (2, "beta", "dump.sql.gz"),
    ] {
        fs::write(pool.peer(day, peer).join(name), format!("{peer} {day}")).unwrap();
    }
    for (number, (peer, path, expected)) in [
        (
            Some("alpha"),
            "_files/dump.sql.gz",
            &[("_files/dump.sql.gz", "alpha 2")][..],
        ),
        (
            None,
            "/alpha/_files/dump.sql.gz",
            &[("alpha/_files/dump.sql.gz", "alpha 2")],
        ),
        (
            None,
            "_files/dump.sql.gz",
            &[
                ("alpha/_files/dump.sql.gz", "alpha 2"),
                ("beta/_files/dump.sql.gz", "beta 2"),
            ],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = pool.request(&format!("into-{number}"));
        request.peer = peer.map(|peer| peer.parse().unwrap());
        request.paths = vec![path.into()];
        let (summary, told) = pool.restore(&request);
        assert_eq!(told, [""; 0]);
        assert_eq!(summary.unwrap().files, expected.len() as u64);
        for (path, text) in expected {
            let read = fs::read_to_string(request.into.join(path)).unwrap();
            assert_eq!(read, *text, "{path}");
        }
    }
    let mut request = pool.request("into");
    request.paths = vec!["_files/dmup.sql.gz".into()];
    let error = pool.plan(&request).unwrap_err();
    assert_eq!(error.advice().unwrap(), "there is `/_files/dump.sql.gz`");
    // All of a peer is all of it.
    request.paths = vec!["/beta".into()];
    assert_eq!(pool.restore(&request).0.unwrap().files, 1);
}

#[test]
fn a_path_of_long_ago_is_looked_for_and_that_is_told_if_it_takes_long() {
    let mut pool = Pool::new();
    fs::write(pool.source().join("notes.txt"), "1").unwrap();
    pool.collect(1, Coverage::Full);
    fs::remove_file(pool.source().join("notes.txt")).unwrap();
    fs::write(pool.source().join("note.txt"), "1").unwrap();
    for day in 2..28 {
        pool.collect(day, Coverage::Full);
    }
    let mut request = pool.request("into");
    let notes = pool.source().join("notes.txt");
    for (path, advice) in [
        (
            notes.clone(),
            "it was there on 2026-11-01; to restore that, add --as-of 2026-11-01",
        ),
        (
            pool.source().join("ntoe.txt"),
            &format!("there is `{}`", pool.source().join("note.txt").display()),
        ),
    ] {
        request.paths = vec![path.clone()];
        let (result, told) = pool.restore(&request);
        assert_eq!(result.unwrap_err().advice().unwrap(), advice);
        assert_eq!(told.len(), 1, "{told:?}");
        let expected = format!("warning: `{}` is not there (there is `", path.display());
        assert!(told[0].starts_with(&expected), "{told:?}");
        assert!(
            told[0].contains("looking for it in 27 earlier manifests"),
            "{told:?}"
        );
    }
    // Of another source nothing is read.
    request.paths = vec!["/elsewhere/x".into()];
    let (result, _) = pool.restore(&request);
    assert!(matches!(result, Err(RestoreError::NoSuchPath { .. })));
}

#[test]
fn further_names_in_archives_without_manifests_come_back_without_the_first() {
    let pool = Pool::new();
    let at = |path: &str| pool.source().join(path);
    let tar = |day: u32, names: &[&str]| {
        let made = std::process::Command::new("tar")
            .current_dir(pool.source())
            .arg("-czf")
            .arg(pool.peer(day, "alpha").join("source.tar.gz"))
            .args(names)
            .status();
        assert!(made.unwrap().success());
    };
    fs::create_dir_all(at("a")).unwrap();
    fs::write(at("a/first"), "old").unwrap();
    for name in ["second", "third"] {
        fs::hard_link(at("a/first"), at(name)).unwrap();
    }
    tar(1, &["a", "second", "third"]);
    // The next day only what changed: one of the names is a file of its own now.
    fs::remove_file(at("a/first")).unwrap();
    fs::write(at("a/first"), "new").unwrap();
    tar(2, &["a/first"]);

    let (_, told) = pool.restore(&pool.request("all"));
    assert_eq!(told, [""; 0]);
    let mut request = pool.request("some");
    request.paths = vec!["second".into(), "third".into()];
    let (_, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    for into in ["all", "some"] {
        let read = |name: &str| fs::read_to_string(pool.target(into).join(name)).ok();
        let first = (into == "all").then(|| "new".to_owned());
        assert_eq!(read("a/first"), first);
        for name in ["second", "third"] {
            assert_eq!(read(name).as_deref(), Some("old"), "{into} {name}");
            let stat = fs::metadata(pool.target(into).join(name)).unwrap();
            assert_eq!(stat.nlink(), 2);
        }
    }
}

#[test]
fn a_file_that_is_copied_is_checked_or_it_is_told_that_it_is_not() {
    let pool = Pool::new();
    let dump = pool.peer(1, "alpha").join("dump.sql");
    fs::write(&dump, "the dump").unwrap();
    let sums = pool.peer(1, "alpha").with_file_name("SHA256SUMS");
    let line = format!("{}  alpha/dump.sql\n", Digest::of(b"the dump"));
    for (text, list, expected) in [
        ("the dump", line.as_str(), ""),
        ("the dumb", &line, "damaged"),
        (
            "the dump",
            "no list",
            "copied unchecked: the list of its day, SHA256SUMS: line 1",
        ),
    ] {
        fs::write(&dump, text).unwrap();
        fs::write(&sums, list).unwrap();
        let into = format!("into-{}", fs::read_dir(pool.dir.path()).unwrap().count());
        let (summary, told) = pool.restore(&pool.request(&into));
        assert_eq!(told.is_empty(), expected.is_empty(), "{told:?}");
        assert!(told.iter().all(|text| text.contains(expected)), "{told:?}");
        let copied = fs::read_to_string(pool.target(&into).join("_files/dump.sql"));
        assert_eq!(copied.is_ok(), summary.unwrap().damaged == 0);
    }
}

#[test]
fn a_disc_serves_as_the_staging_directory_does() {
    let (pool, pictures) = three_days(Compression::Gzip);
    let disc = pool.dir.path().join("disc.iso");
    let status = std::process::Command::new("xorriso")
        .args([
            "-as",
            "mkisofs",
            "-quiet",
            "-R",
            "-V",
            "CEDAR BACKUP 03-NOV-2026",
            "-o",
        ])
        .arg(&disc)
        .arg(pool.staging())
        .status()
        .unwrap();
    assert!(status.success());
    let shelf = Shelf::open(&disc).unwrap();
    assert_eq!(shelf.name(), "CEDAR BACKUP 03-NOV-2026");
    let (summary, told) = restore_from(&pool.request("into"), &[shelf]);
    summary.unwrap();
    assert_eq!(told, [""; 0]);
    assert_eq!(picture(&pool.restored("into")), pictures[2]);
}
