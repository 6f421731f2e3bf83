//! What is on the disc after storing, as other programs see it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::pool::{Pool, extract, noise, run, sha256sum};

/// Names that are easily lost.
const ODD: &[u8] = b"w\\eird\nname \xe4\xff.tar.gz";

fn assert_day(pool: &Pool, date: &str, root: &Path) {
    let daily = pool.staging.daily(crate::pool::day(date));
    let mut names = Vec::new();
    for (name, proof) in pool.staged_sums(date).iter() {
        let name = std::ffi::OsStr::from_bytes(name);
        let there = std::fs::read(root.join(daily.day().path()).join(name)).unwrap();
        assert_eq!(
            cback::sums::Proof::from(cback::sums::Digest::of(&there)),
            proof,
            "{} of {date}",
            name.display()
        );
        names.push(name.to_owned());
    }
    assert!(!names.is_empty());
}

#[test]
fn three_days_are_three_sessions_that_other_programs_read() {
    let pool = Pool::new();
    let days = ["2026-11-17", "2026-11-18", "2026-11-19"];
    let long = format!("alpha/{}.tar.gz", "n".repeat(230));
    for (at, date) in days.iter().enumerate() {
        let daily = pool.stage(
            date,
            &[
                ("alpha/etc.tar.gz", &noise(at as u64, 300_000 + at)),
                ("alpha/etc.list.gz", &noise(at as u64 + 10, 5_000)),
                ("beta/home-user.tar", &noise(at as u64 + 20, 2048 * 100)),
                ("beta/empty.tar", b""),
            ],
        );
        if at == 2 {
            // Other programs find later sessions only behind names that need no continuation area.
            pool.stage(date, &[(&long, b"long")]);
        }
        let odd = daily
            .path()
            .join("beta")
            .join(std::ffi::OsStr::from_bytes(ODD));
        std::fs::write(odd, "odd").unwrap();
        let stored = pool.store(date).unwrap();
        assert_eq!(stored.session, at + 1);
        assert_eq!(stored.marked, [crate::pool::day(date)]);
        assert!(pool.is_stored(date));
        assert_eq!(pool.heard.take().matches("problem").count(), 0);
    }

    let disc = pool.target();
    let listed = run(
        "xorriso",
        &[
            "-indev".as_ref(),
            format!("stdio:{}", disc.display()).as_ref(),
            "-toc".as_ref(),
        ],
    );
    for label in [
        "CEDAR BACKUP 17-NOV-2026",
        "CEDAR BACKUP 18-NOV-2026",
        "CEDAR BACKUP 19-NOV-2026",
    ] {
        assert!(listed.contains(label), "{label} in {listed}");
    }
    let told = run("isoinfo", &["-d".as_ref(), "-i".as_ref(), disc.as_ref()]);
    assert!(
        told.contains("Volume id: CEDAR BACKUP 19-NOV-2026"),
        "{told}"
    );
    let names = run(
        "isoinfo",
        &["-R".as_ref(), "-f".as_ref(), "-i".as_ref(), disc.as_ref()],
    );
    assert!(names.contains("/2026/11/17/beta/home-user.tar"), "{names}");

    let into = tempfile::tempdir().unwrap();
    let places = extract(&disc, 3, into.path());
    assert_eq!(sha256sum(&places[0]), 3);
    for (at, place) in places.iter().enumerate() {
        let sessions = if at == 0 { 3 } else { at };
        assert_eq!(sha256sum(place), sessions, "{}", place.display());
        for (session, date) in days.iter().enumerate() {
            if session < sessions {
                assert_day(&pool, date, place);
            } else {
                assert!(!place.join(date.replace('-', "/")).exists());
            }
        }
        let text = std::fs::read_to_string(place.join("README.txt")).unwrap();
        assert!(text.contains(days[sessions - 1]), "{text}");
        let odd = place
            .join("2026/11/17/beta")
            .join(std::ffi::OsStr::from_bytes(ODD));
        assert_eq!(std::fs::read(odd).unwrap(), b"odd");
        assert!(place.join("2026/11/17/cback.stage").exists());
        assert!(!place.join("2026/11/17/cback.store").exists());
    }
}

#[test]
fn the_same_days_give_the_same_bytes() {
    let discs = [0, 1].map(|_| {
        let pool = Pool::new();
        for date in ["2026-11-17", "2026-11-18"] {
            let daily = pool.stage(date, &[("alpha/etc.tar.gz", &noise(3, 70_000))]);
            for entry in walkdir::WalkDir::new(daily.path()) {
                let file = std::fs::File::open(entry.unwrap().path()).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH)
                    .unwrap();
            }
            pool.store(date).unwrap();
        }
        std::fs::read(pool.target()).unwrap()
    });
    assert!(discs[0] == discs[1]);
}

#[test]
fn a_day_that_was_killed_before_its_mark_is_read_back_and_only_marked() {
    let pool = Pool::new();
    let daily = pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 300_000))]);
    pool.store("2026-11-17").unwrap();
    let before = std::fs::read(pool.target()).unwrap();
    daily.unmark_stored().unwrap();
    // The head of the disc was not yet written either.
    let mut disc = before.clone();
    disc[16 * 2048..19 * 2048].fill(0);
    std::fs::write(pool.target(), &disc).unwrap();

    let stored = pool.store("2026-11-17").unwrap();
    assert_eq!((stored.burnt, stored.session), (0, 1));
    assert!(pool.is_stored("2026-11-17"));
    assert!(
        std::fs::read(pool.target()).unwrap() == before,
        "the head is mended"
    );
}

#[test]
fn a_day_that_grew_is_burnt_without_what_is_on_the_disc_already() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 3_000_000))]);
    pool.store("2026-11-17").unwrap();
    pool.stage("2026-11-17", &[("beta/late.tar.gz", &noise(2, 100_000))]);
    let stored = pool.store("2026-11-17").unwrap();
    assert!(stored.burnt * 2048 < 500_000, "{}", stored.burnt);
    let into = tempfile::tempdir().unwrap();
    for place in extract(&pool.target(), 2, into.path()) {
        sha256sum(&place);
        assert!(place.join("2026/11/17/alpha/etc.tar.gz").exists());
    }
    assert_day(&pool, "2026-11-17", &into.path().join("2"));
}

#[test]
fn the_list_names_nothing_that_gave_way_to_something_of_another_kind() {
    let pool = Pool::new();
    let daily = pool.stage(
        "2026-11-17",
        &[
            ("alpha/x/deep", b"1"),
            ("alpha/y", b"2"),
            ("alpha/z", b"3"),
            ("alpha/kept", b"4"),
        ],
    );
    // As Cedar Backup has it: no list says what has to be there.
    std::fs::remove_file(daily.path().join("SHA256SUMS")).unwrap();
    pool.store("2026-11-17").unwrap();
    let alpha = daily.path().join("alpha");
    std::fs::remove_dir_all(alpha.join("x")).unwrap();
    std::fs::write(alpha.join("x"), "now a file").unwrap();
    std::fs::remove_file(alpha.join("y")).unwrap();
    std::fs::create_dir(alpha.join("y")).unwrap();
    std::fs::write(alpha.join("y/deep"), "now below").unwrap();
    std::fs::remove_file(alpha.join("z")).unwrap();
    std::os::unix::fs::symlink("x", alpha.join("z")).unwrap();
    std::fs::remove_file(alpha.join("kept")).unwrap();
    daily.unmark_stored().unwrap();
    pool.store("2026-11-17").unwrap();
    let into = tempfile::tempdir().unwrap();
    let newest = &extract(&pool.target(), 2, into.path())[2];
    assert_eq!(sha256sum(newest), 1);
    let list = std::fs::read_to_string(newest.join("2026/11/17/SHA256SUMS")).unwrap();
    let names: Vec<&str> = list.lines().map(|line| &line[66..]).collect();
    assert_eq!(
        names,
        ["alpha/kept", "alpha/x", "alpha/y/deep", "cback.stage"]
    );
}

#[test]
fn a_copy_that_is_damaged_on_the_disc_is_burnt_again() {
    let pool = Pool::new();
    let bytes = noise(1, 1_000_000);
    let daily = pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &bytes)]);
    pool.store("2026-11-17").unwrap();
    daily.unmark_stored().unwrap();
    let mut disc = std::fs::read(pool.target()).unwrap();
    let at = disc
        .windows(64)
        .position(|window| window == &bytes[..64])
        .unwrap();
    disc[at + 500_000] ^= 1;
    std::fs::write(pool.target(), &disc).unwrap();

    let stored = pool.store("2026-11-17").unwrap();
    assert_eq!(stored.session, 2);
    assert!(stored.burnt * 2048 > 1_000_000);
    assert!(pool.is_stored("2026-11-17"));
    let into = tempfile::tempdir().unwrap();
    let places = extract(&pool.target(), 2, into.path());
    assert_eq!(sha256sum(&places[2]), 1);
}

#[test]
fn the_catalog_knows_where_everything_is_and_can_be_filled_again() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", b"17")]);
    pool.store("2026-11-17").unwrap();
    pool.stage("2026-11-18", &[("alpha/etc.tar.gz", b"18")]);
    pool.store("2026-11-18").unwrap();
    let alpha = "alpha".parse().unwrap();
    let known = || {
        let catalog = pool.catalog();
        ["2026-11-17", "2026-11-18"].map(|date| {
            let copies = catalog
                .copies(crate::pool::day(date), Some(&alpha))
                .unwrap();
            assert_eq!(copies.len(), 1, "{copies:?}");
            assert_eq!(copies[0].disc.place, pool.target());
            (copies[0].file.clone(), copies[0].session)
        })
    };
    let before = known();
    assert_eq!((before[0].1, before[1].1), (1, 2));

    std::fs::remove_file(pool.dir.join("catalog.sqlite3")).unwrap();
    let recalled = pool
        .job(&pool.drive(), "2026-11-19", |job| job.recall())
        .unwrap();
    assert_eq!((recalled.sessions, recalled.staged_days), (2, 2));
    assert_eq!(known(), before);
}

/// The commands under a heading of `README.txt`: its indented lines up to the next paragraph that is none.
fn commands(text: &str, heading: &str) -> String {
    text.split_once(heading)
        .unwrap()
        .1
        .lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    "))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn the_commands_in_the_readme_get_everything_back() {
    let pool = Pool::new();
    let tar = |files: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home/user")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join("home/user").join(name), text).unwrap();
        }
        let archive = dir.path().join("a");
        run(
            "tar",
            &[
                "-czf".as_ref(),
                archive.as_ref(),
                "-C".as_ref(),
                dir.path().as_ref(),
                "home".as_ref(),
            ],
        );
        std::fs::read(archive).unwrap()
    };
    let full = tar(&[("a", "first"), ("b", "first"), ("c", "first")]);
    let earlier = tar(&[("b", "earlier")]);
    let later = tar(&[("b", "later")]);
    pool.stage(
        "2026-11-17",
        &[
            ("MACHINE/home-user.tar.gz", &full),
            ("MACHINE/home-user+2.tar.gz", &earlier),
            ("MACHINE/home-user+10.tar.gz", &later),
            ("MACHINE/home-user-x.tar.gz", b"of another source"),
        ],
    );
    pool.store("2026-11-17").unwrap();
    pool.stage(
        "2026-11-18",
        &[("MACHINE/home-user.tar.gz", &tar(&[("a", "next day")]))],
    );
    pool.store("2026-11-18").unwrap();

    let into = tempfile::tempdir().unwrap();
    let disc = &extract(&pool.target(), 2, into.path())[2];
    let text = std::fs::read_to_string(disc.join("README.txt")).unwrap();
    let restored = into.path().join("restored");
    for heading in ["IS THE DISC SOUND?", "GETTING EVERYTHING BACK"] {
        let script = commands(&text, heading)
            .replace("/path/to/disc", disc.to_str().unwrap())
            .replace("/tmp/restored", restored.to_str().unwrap());
        let told = run("sh", &["-e".as_ref(), "-c".as_ref(), script.as_ref()]);
        assert!(!told.contains("FAILED"), "{script}: {told}");
    }
    for (name, expected) in [("a", "next day"), ("b", "later"), ("c", "first")] {
        let there = std::fs::read_to_string(restored.join("home/user").join(name)).unwrap();
        assert_eq!(there, expected, "{name}");
    }
}

#[test]
fn a_day_that_cedar_backup_staged_is_stored_and_recognized() {
    let pool = Pool::new();
    let daily = pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 50_000))]);
    std::fs::remove_file(daily.path().join("SHA256SUMS")).unwrap();
    std::fs::create_dir_all(daily.path().join("alpha/sub/empty")).unwrap();
    std::fs::write(daily.path().join("alpha/sub/file"), "below").unwrap();
    std::os::unix::fs::symlink("etc.tar.gz", daily.path().join("alpha/latest")).unwrap();
    std::fs::write(daily.path().join("alpha/.x.partial"), "half").unwrap();
    pool.store("2026-11-17").unwrap();

    let into = tempfile::tempdir().unwrap();
    for place in extract(&pool.target(), 1, into.path()) {
        assert_eq!(sha256sum(&place), 1);
        let alpha = place.join("2026/11/17/alpha");
        assert_eq!(std::fs::read(alpha.join("sub/file")).unwrap(), b"below");
        assert!(alpha.join("sub/empty").is_dir());
        assert_eq!(
            std::fs::read_link(alpha.join("latest")).unwrap(),
            Path::new("etc.tar.gz")
        );
        assert!(!alpha.join(".x.partial").exists());
    }
    daily.unmark_stored().unwrap();
    assert_eq!(pool.store("2026-11-17").unwrap().burnt, 0);
    // What changed is not taken for what is there.
    daily.unmark_stored().unwrap();
    std::fs::write(daily.path().join("alpha/etc.tar.gz"), noise(2, 50_000)).unwrap();
    assert!(pool.store("2026-11-17").unwrap().burnt > 20);
}
