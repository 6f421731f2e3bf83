//! Damage, full file systems, lying media: said clearly, nothing lost, completed by the next run.

use std::cell::Cell;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use cback::media::{Asked, Drive, DriveError, FileDrive, MediaKind, Thoroughness, Treatment};
use cback::store::StoreError;
use cback::units::AbsPath;

use crate::burning::{burning, damage};
use crate::pool::{Pool, day, extract, noise, run, sha256sum};

#[test]
fn the_check_names_the_file_and_the_sector_that_differ() {
    let pool = Pool::new();
    let bytes = noise(1, 1_000_000);
    pool.stage(
        "2026-11-17",
        &[("alpha/etc.tar.gz", &bytes), ("beta/b.tar", b"b")],
    );
    let (own, at) = (pool.drive(), Cell::new(0));
    let drive = burning(&own, |burn, payload, monitor| {
        let burnt = own.burn(burn, payload, monitor)?;
        at.set(damage(&pool.target(), &bytes[..64], 700_000));
        Ok(burnt)
    });
    let error = pool
        .store_with(&drive, "2026-11-17", Asked::ByRule)
        .unwrap_err();
    assert!(
        matches!(error, StoreError::CheckFailed { differences: 1 }),
        "{error}"
    );
    let heard = pool.heard.take();
    let sector = at.get() / 2048;
    assert!(heard.contains("2026/11/17/alpha/etc.tar.gz"), "{heard}");
    assert!(heard.contains(&format!("in sector {sector}")), "{heard}");
    assert!(!pool.is_stored("2026-11-17"));
    // The next run replaces the damaged copy and nothing else.
    let stored = pool.store("2026-11-17").unwrap();
    assert_eq!(stored.session, 2);
    assert!(pool.is_stored("2026-11-17"));
    let into = tempfile::tempdir().unwrap();
    assert_eq!(sha256sum(&extract(&pool.target(), 2, into.path())[2]), 1);
}

#[test]
fn the_check_notices_a_directory_record_that_leads_elsewhere() {
    let pool = Pool::new();
    pool.stage(
        "2026-11-17",
        &[("alpha/unmistakable.tar.gz", &noise(1, 100_000))],
    );
    // The Rock Ridge name of the file: one letter becomes another.
    let own = pool.drive();
    let drive = burning(&own, |burn, payload, monitor| {
        let burnt = own.burn(burn, payload, monitor)?;
        damage(&pool.target(), b"unmistakable.tar.gz", 3);
        Ok(burnt)
    });
    let error = pool
        .store_with(&drive, "2026-11-17", Asked::ByRule)
        .unwrap_err();
    assert!(matches!(error, StoreError::CheckFailed { .. }), "{error}");
    let heard = pool.heard.take();
    // Whichever of the disc's copies of the name was hit: the tree or the list of digests.
    assert!(heard.contains("2026/11/17"), "{heard}");
    assert!(!pool.is_stored("2026-11-17"));
}

#[test]
fn the_check_notices_what_only_windows_would_see() {
    let name: Vec<u8> = "unmistakable.tar.gz"
        .bytes()
        .flat_map(|byte| [0, byte])
        .collect();
    for offset in [7, name.len() - 1] {
        let pool = Pool::new();
        pool.stage(
            "2026-11-17",
            &[("alpha/unmistakable.tar.gz", &noise(1, 100_000))],
        );
        pool.store("2026-11-17").unwrap();
        pool.stage("2026-11-18", &[("beta/unmistakable.tar.gz", b"b")]);
        let (own, at) = (pool.drive(), Cell::new(0));
        let drive = burning(&own, |burn, payload, monitor| {
            let burnt = own.burn(burn, payload, monitor)?;
            at.set(damage(&pool.target(), &name, offset));
            Ok(burnt)
        });
        let error = pool
            .store_with(&drive, "2026-11-18", Asked::ByRule)
            .unwrap_err();
        assert!(
            matches!(error, StoreError::CheckFailed { differences: 1 }),
            "{error}"
        );
        let heard = pool.heard.take();
        assert!(
            heard.contains("2026/11/18/beta: the directory in the tree that Windows reads"),
            "{heard}"
        );
        let sector = format!("in sector {}", at.get() / 2048);
        assert!(heard.contains(&sector), "{heard}");
        assert!(!pool.is_stored("2026-11-18"));
        pool.store("2026-11-18").unwrap();
    }
}

#[test]
fn a_staged_file_that_is_damaged_keeps_its_day_unmarked() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", b"sound")]);
    let daily = pool.stage(
        "2026-11-18",
        &[("alpha/etc.tar.gz", b"sound"), ("beta/b.tar", b"b")],
    );
    std::fs::write(daily.path().join("alpha/etc.tar.gz"), "rotten").unwrap();
    let stored = pool.store("2026-11-18").unwrap();
    assert_eq!(stored.marked, [crate::pool::day("2026-11-17")]);
    assert_eq!(stored.left, [crate::pool::day("2026-11-18")]);
    let heard = pool.heard.take();
    assert!(
        heard.contains("2026/11/18/alpha/etc.tar.gz: the staged file is damaged"),
        "{heard}"
    );
    // Whoever checks the disc learns of it, too.
    let into = tempfile::tempdir().unwrap();
    let place = &extract(&pool.target(), 1, into.path())[1];
    let check = std::process::Command::new("sha256sum")
        .current_dir(place.join("2026/11/18"))
        .args(["-c", "SHA256SUMS"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(
        told.contains("alpha/etc.tar.gz: FAILED") && told.contains("beta/b.tar: OK"),
        "{told}"
    );

    // Repaired, it is stored.
    std::fs::write(daily.path().join("alpha/etc.tar.gz"), "sound").unwrap();
    pool.store("2026-11-18").unwrap();
    assert!(pool.is_stored("2026-11-18"));
}

#[test]
fn a_staged_file_that_is_gone_leaves_its_day_out_and_no_other() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", b"sound")]);
    let daily = pool.stage(
        "2026-11-18",
        &[("alpha/etc.tar.gz", b"sound"), ("beta/b.tar", b"b")],
    );
    std::fs::remove_file(daily.path().join("alpha/etc.tar.gz")).unwrap();
    let stored = pool.store("2026-11-18").unwrap();
    assert_eq!(stored.left, [crate::pool::day("2026-11-18")]);
    assert!(
        pool.heard
            .take()
            .contains("alpha/etc.tar.gz was staged and is gone")
    );
    assert!(pool.is_stored("2026-11-17") && !pool.is_stored("2026-11-18"));
}

#[test]
fn what_is_no_sound_disc_is_an_error_and_left_as_it_is() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 300_000))]);
    pool.store("2026-11-17").unwrap();
    let sound = std::fs::read(pool.target()).unwrap();
    pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(2, 300_000))]);
    for (what, bytes) in [
        ("text", b"my thesis, the only copy".repeat(20_000)),
        ("short text", b"my thesis".to_vec()),
        ("zeros", vec![0; 1 << 20]),
        ("cut in the contents", sound[..sound.len() - 4096].to_vec()),
        ("cut in the descriptors", sound[..48 * 2048 + 100].to_vec()),
        ("cut in the head", sound[..20 * 2048].to_vec()),
    ] {
        std::fs::write(pool.target(), &bytes).unwrap();
        for asked in [Asked::ByRule, Asked::Full] {
            let error = pool
                .store_with(&pool.drive(), "2026-11-18", asked)
                .unwrap_err();
            assert!(
                matches!(error, StoreError::Drive(DriveError::Unreadable { .. })),
                "{what}: {error}"
            );
        }
        assert!(std::fs::read(pool.target()).unwrap() == bytes, "{what}");
    }
    assert!(!pool.is_stored("2026-11-18"));
    // An empty file is a blank disc.
    std::fs::write(pool.target(), "").unwrap();
    assert_eq!(pool.store("2026-11-18").unwrap().session, 1);
}

/// With a gap in the chain and no head, what lies behind the gap looks like the rest of a burn that was broken off.
#[test]
fn sessions_that_cannot_be_found_are_not_cut_off() {
    let pool = Pool::new();
    for (seed, date) in (1..).zip(["2026-11-17", "2026-11-18", "2026-11-19"]) {
        pool.stage(date, &[("alpha/etc.tar.gz", &noise(seed, 300_000))]);
        pool.store(date).unwrap();
    }
    let mut disc = std::fs::read(pool.target()).unwrap();
    let second = cback::iso9660::sessions(&disc).unwrap()[1].start as usize;
    for at in [16, second + 16] {
        disc[at * 2048..(at + 3) * 2048].fill(0);
    }
    std::fs::write(pool.target(), &disc).unwrap();
    pool.stage("2026-11-20", &[("alpha/etc.tar.gz", &noise(4, 300_000))]);
    let error = pool.store("2026-11-20").unwrap_err();
    assert!(
        matches!(error, StoreError::Drive(DriveError::Unreadable { .. })),
        "{error}"
    );
    // Nor is the head made one that shows what was found.
    assert!(matches!(
        pool.drive().reload(),
        Err(DriveError::Unreadable { .. })
    ));
    assert!(std::fs::read(pool.target()).unwrap() == disc);
}

#[test]
fn a_target_that_cannot_be_a_disc_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    std::fs::create_dir(dir.path().join("directory")).unwrap();
    nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, expected) in [
        ("dangling", "symbolic link to nothing"),
        ("directory", "not a regular file"),
        ("pipe", "not a regular file"),
        ("not-mounted/disc.iso", "not-mounted cannot be used"),
    ] {
        let path = AbsPath::new(dir.path().join(name)).unwrap();
        let error = FileDrive::new(path, MediaKind::DvdPlusR, None)
            .inspect()
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_link_to_a_disc_stays_a_link() {
    let pool = Pool::new();
    std::fs::write(pool.dir.join("real.iso"), "").unwrap();
    std::os::unix::fs::symlink(pool.dir.join("real.iso"), pool.target()).unwrap();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", b"17")]);
    pool.store("2026-11-17").unwrap();
    assert!(pool.target().is_symlink());
    run(
        "isoinfo",
        &[
            "-d".as_ref(),
            "-i".as_ref(),
            pool.dir.join("real.iso").as_ref(),
        ],
    );
}

/// Set for the process that may mount.
const MAY_MOUNT: &str = "CBACK_TEST_MAY_MOUNT";

/// Runs the test of that name once more where anybody may mount, and says whether this is that process.
fn may_mount(test: &str) -> bool {
    if std::env::var_os(MAY_MOUNT).is_some() {
        return true;
    }
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads=1", test])
        .env(MAY_MOUNT, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    false
}

/// A directory that is a small file system in memory.
struct Small(tempfile::TempDir);

impl Small {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let at = self.path().as_os_str();
        run("umount", &["--lazy".as_ref(), at]);
    }
}

fn small(size: &str) -> Small {
    let dir = tempfile::tempdir().unwrap();
    let options = format!("size={size}");
    run(
        "mount",
        &[
            "-t".as_ref(),
            "tmpfs".as_ref(),
            "-o".as_ref(),
            options.as_ref(),
            "tmpfs".as_ref(),
            dir.path().as_ref(),
        ],
    );
    Small(dir)
}

#[test]
fn a_full_file_system_is_noticed_before_the_first_byte() {
    if !may_mount("faults::a_full_file_system_is_noticed_before_the_first_byte") {
        return;
    }
    let pool = Pool::new();
    let small = small("3m");
    let path = AbsPath::new(small.path().join("disc.iso")).unwrap();
    let store = |date: &str, kind| {
        let drive = FileDrive::new(path.clone(), kind, None);
        pool.store_with(&drive, date, Asked::ByRule)
    };
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 1_500_000))]);
    store("2026-11-17", MediaKind::DvdPlusR).unwrap();
    let before = std::fs::read(path.as_path()).unwrap();
    pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(2, 2_000_000))]);
    let error = store("2026-11-18", MediaKind::DvdPlusR).unwrap_err();
    assert!(
        matches!(error, StoreError::Drive(DriveError::NoSpace { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("needs 1.99 MB"), "{error}");
    assert!(!pool.is_stored("2026-11-18"));
    let after = std::fs::read(path.as_path()).unwrap();
    let (there, padding) = after.split_at(before.len());
    assert!(there == before && padding.iter().all(|byte| *byte == 0));

    // The first session of all does not leave anything behind either.
    std::fs::remove_file(path.as_path()).unwrap();
    pool.stage("2026-11-18", &[("beta/b.tar.gz", &noise(3, 2_000_000))]);
    let error = store("2026-11-18", MediaKind::DvdPlusR).unwrap_err();
    assert!(
        matches!(error, StoreError::Drive(DriveError::NoSpace { .. })),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(small.path()).unwrap().count(), 0);
}

#[test]
fn a_rewritable_disc_is_blanked_first_where_there_is_no_room_for_two() {
    if !may_mount("faults::a_rewritable_disc_is_blanked_first_where_there_is_no_room_for_two") {
        return;
    }
    let pool = Pool::new();
    let small = small("3m");
    let path = AbsPath::new(small.path().join("disc.iso")).unwrap();
    let drive = FileDrive::new(path.clone(), MediaKind::DvdPlusRw, None);
    for date in ["2026-11-17", "2026-11-18"] {
        pool.stage(date, &[("alpha/etc.tar.gz", &noise(1, 2_000_000))]);
        let stored = pool.store_with(&drive, date, Asked::Full).unwrap();
        assert_eq!(stored.session, 1);
        assert!(pool.is_stored(date));
    }
    assert_eq!(std::fs::read_dir(small.path()).unwrap().count(), 1);
}

#[test]
fn a_head_that_was_torn_by_a_power_cut_does_not_matter() {
    let pool = Pool::new();
    let mut heads = Vec::new();
    for date in ["2026-11-17", "2026-11-18"] {
        pool.stage(date, &[("alpha/etc.tar.gz", date.as_bytes())]);
        pool.store(date).unwrap();
        heads.push(std::fs::read(pool.target()).unwrap()[16 * 2048..19 * 2048].to_vec());
    }
    let sound = std::fs::read(pool.target()).unwrap();
    // Each of the three sectors is the old one, the new one, or zeros.
    for torn in 0..27 {
        let mut disc = sound.clone();
        for sector in 0..3 {
            let at = (16 + sector) * 2048;
            let there = &mut disc[at..at + 2048];
            match torn / 3_usize.pow(u32::try_from(sector).unwrap()) % 3 {
                0 => there.copy_from_slice(&heads[0][sector * 2048..(sector + 1) * 2048]),
                1 => there.fill(0),
                _ => {}
            }
        }
        std::fs::write(pool.target(), &disc).unwrap();
        let found = pool.drive().inspect().unwrap().unwrap();
        assert_eq!(found.sessions.len(), 2, "{torn}");
        pool.drive().reload().unwrap();
        assert!(std::fs::read(pool.target()).unwrap() == sound, "{torn}");
    }
}

#[test]
fn a_session_whose_descriptor_is_lost_is_never_written_over() {
    // Names that need continuation areas make sessions say their absolute end.
    for length in [20, 180] {
        let pool = Pool::new();
        let name = format!("alpha/{}.tar.gz", "n".repeat(length));
        for (date, bytes) in [
            ("2026-11-17", 400_000),
            ("2026-11-18", 400_000),
            ("2026-11-19", 1_000_000),
        ] {
            pool.stage(date, &[(&name, &noise(1, bytes))]);
            pool.store(date).unwrap();
        }
        let newest = pool.drive().inspect().unwrap().unwrap().sessions[2].start;
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(pool.target())
            .unwrap();
        let descriptor = (u64::from(newest) + 16) * 2048;
        file.write_all_at(&[0; 2048], descriptor).unwrap();
        let before = std::fs::read(pool.target()).unwrap();
        pool.stage("2026-11-20", &[(&name, &noise(2, 400_000))]);
        let stored = pool.store("2026-11-20");
        assert!(
            std::fs::read(pool.target()).unwrap() == before,
            "{length}: {stored:?}"
        );
        let error = stored.unwrap_err();
        assert!(
            matches!(error, StoreError::Drive(DriveError::Unreadable { .. })),
            "{error}"
        );
    }
}

#[test]
fn the_catalog_knows_no_copy_on_a_disc_that_was_blanked_for_nothing() {
    for blanks in [false, true] {
        let pool = Pool::of(MediaKind::DvdPlusRw, MediaKind::DvdPlusRw.sectors());
        pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 5000))]);
        pool.store("2026-11-17").unwrap();
        let known = || {
            let copies = pool.catalog().copies(day("2026-11-17"), None).unwrap();
            copies.iter().filter(|copy| copy.session == 1).count()
        };
        let before = known();
        assert!(before > 0);
        pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(2, 5000))]);
        // The disc is blanked, or that is not come to, and then the drive fails.
        let own = pool.drive();
        let drive = burning(&own, |_, _, monitor| {
            assert_eq!(
                known(),
                0,
                "a run that is killed now must have forgotten them"
            );
            if blanks {
                own.treat(Treatment::Blank(Thoroughness::Fast), monitor)?;
            }
            Err(DriveError::NoDisc(own.place().to_owned()))
        });
        pool.store_with(&drive, "2026-11-18", Asked::Full)
            .unwrap_err();
        assert_eq!(known(), if blanks { 0 } else { before }, "{blanks}");
        // A later run with the disc that is blank now does not bring it back.
        pool.store("2026-11-18").unwrap();
        let discs = pool.catalog().discs().unwrap();
        assert_eq!(discs.len(), 1, "{discs:?}");
    }
}

#[test]
fn a_disc_that_cannot_be_seen_after_a_burn_that_failed_is_told() {
    let pool = Pool::of(MediaKind::DvdPlusRw, MediaKind::DvdPlusRw.sectors());
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, 5000))]);
    pool.store("2026-11-17").unwrap();
    pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(2, 5000))]);
    let own = pool.drive();
    let hidden = pool.dir.join("hidden");
    // The burn fails, and from then on there is no medium to be seen.
    let drive = burning(&own, |_, _, _| {
        std::fs::rename(pool.target(), &hidden).unwrap();
        std::fs::create_dir(pool.target()).unwrap();
        Err(DriveError::NoDisc(own.place().to_owned()))
    });
    pool.heard.take();
    pool.store_with(&drive, "2026-11-18", Asked::Full)
        .unwrap_err();
    let heard = pool.heard.take();
    assert!(
        heard.contains("problem: the catalog: it may be wrong about the disc"),
        "{heard}"
    );
}
