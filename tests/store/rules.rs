//! New discs, full discs, blanked discs, somebody else's discs.

use cback::media::{
    Asked, BlankMode, Blanking, CheckMedia, Drive as _, DriveError, FileDrive, MediaKind,
    Thoroughness, Treatment, WrongDisc,
};
use cback::store::{StoreError, week};
use cback::units::AbsPath;

use crate::burning::burning;
use crate::pool::{Pool, day, noise, run};

/// Room for about 2 MB.
const SMALL: u64 = 1200;

fn stage(pool: &Pool, date: &str, bytes: usize) {
    let seed = u64::from(day(date).ymd().2);
    pool.stage(date, &[("alpha/etc.tar.gz", &noise(seed, bytes))]);
}

#[test]
fn a_full_write_once_disc_is_set_aside_under_its_label() {
    let pool = Pool::of(MediaKind::DvdPlusR, SMALL);
    stage(&pool, "2026-11-17", 1_000_000);
    pool.store("2026-11-17").unwrap();
    let first = std::fs::read(pool.target()).unwrap();
    stage(&pool, "2026-11-18", 1_500_000);
    let stored = pool.store("2026-11-18").unwrap();
    assert_eq!(stored.session, 1);
    let aside = pool.dir.join("discs/CEDAR BACKUP 17-NOV-2026.iso");
    assert_eq!(stored.set_aside.as_deref(), Some(aside.as_path()));
    assert!(std::fs::read(&aside).unwrap() == first);
    let copies = pool.catalog().copies(day("2026-11-17"), None).unwrap();
    assert!(copies.iter().all(|copy| copy.disc.place == aside) && !copies.is_empty());

    // The same label once more, and something in the way.
    std::fs::write(pool.dir.join("discs/CEDAR BACKUP 18-NOV-2026.iso"), "mine").unwrap();
    let stored = pool.store_full("2026-11-18").unwrap();
    let aside = pool.dir.join("discs/CEDAR BACKUP 18-NOV-2026-2.iso");
    assert_eq!(stored.set_aside.as_deref(), Some(aside.as_path()));
    let kept = std::fs::read(pool.dir.join("discs/CEDAR BACKUP 18-NOV-2026.iso")).unwrap();
    assert_eq!(kept, b"mine");
}

#[test]
fn the_week_begins_with_a_new_disc_once() {
    let pool = Pool::new();
    stage(&pool, "2026-11-15", 10_000);
    pool.store("2026-11-15").unwrap();
    stage(&pool, "2026-11-16", 10_000); // a Monday
    let monday = pool.store("2026-11-16").unwrap();
    assert!(monday.set_aside.is_some());
    pool.stage("2026-11-16", &[("beta/late.tar", b"late")]);
    let again = pool.store("2026-11-16").unwrap();
    assert_eq!((again.session, again.set_aside), (2, None));
}

#[test]
fn a_full_rewritable_disc_is_not_blanked_without_a_rule() {
    let mut pool = Pool::of(MediaKind::DvdPlusRw, SMALL);
    stage(&pool, "2026-11-17", 1_000_000);
    pool.store("2026-11-17").unwrap();
    let before = std::fs::read(pool.target()).unwrap();
    stage(&pool, "2026-11-18", 1_500_000);
    let error = pool.store("2026-11-18").unwrap_err();
    assert!(matches!(error, StoreError::DiscFull { .. }), "{error}");
    assert!(error.wants_another_disc());
    assert!(std::fs::read(pool.target()).unwrap() == before);
    assert!(!pool.is_stored("2026-11-18"));

    // With a rule it is, and what is lost is named.
    std::fs::remove_dir_all(pool.dir.join("staging/2026/11/17")).unwrap();
    pool.blanking = Some(Blanking {
        mode: BlankMode::Daily,
        factor: 1.0,
    });
    pool.heard.take();
    let stored = pool.store("2026-11-18").unwrap();
    assert_eq!((stored.session, stored.set_aside), (1, None));
    let heard = pool.heard.take();
    assert!(
        heard.contains("only known copy is erased of: 2026-11-17 (alpha)"),
        "{heard}"
    );
    // Of the same week: what is stored now may build on it.
    assert!(heard.contains("problem: the disc labelled"), "{heard}");
    assert_eq!(pool.catalog().copies(day("2026-11-17"), None).unwrap(), []);
    assert!(pool.is_stored("2026-11-18"));

    // Nothing is lost that is staged.
    stage(&pool, "2026-11-19", 1_500_000);
    pool.store("2026-11-19").unwrap();
    let heard = pool.heard.take();
    assert!(!heard.contains("only known copy"), "{heard}");
    assert!(
        heard.contains("until it is purged, of: 2026-11-18"),
        "{heard}"
    );
    assert!(heard.contains("problem: the disc labelled"), "{heard}");

    // A new week begins with a full collection; blanking then is what a rewritable disc is for.
    stage(&pool, "2026-11-23", 1_500_000);
    pool.store("2026-11-23").unwrap();
    let heard = pool.heard.take();
    assert!(
        heard.contains("until it is purged, of: 2026-11-19"),
        "{heard}"
    );
    assert!(!heard.contains("problem"), "{heard}");
}

#[test]
fn a_day_that_nobody_has_marked_comes_along_when_its_disc_is_erased() {
    let pool = Pool::of(MediaKind::DvdPlusRw, SMALL);
    stage(&pool, "2026-11-15", 10_000);
    // The run is killed between the burn and the mark.
    let own = pool.drive();
    let drive = burning(&own, |burn, payload, monitor| {
        own.burn(burn, payload, monitor)?;
        Err(DriveError::NoDisc(own.place().to_owned()))
    });
    pool.store_with(&drive, "2026-11-15", Asked::ByRule)
        .unwrap_err();
    assert!(!pool.is_stored("2026-11-15"));
    stage(&pool, "2026-11-16", 10_000); // a Monday
    let days = ["2026-11-15", "2026-11-16"];
    let preview = pool.job(&pool.drive(), "2026-11-16", |job| {
        let days = days.map(|date| pool.staging.daily(day(date)));
        job.preview(&days, day("2026-11-16"), Asked::ByRule)
            .unwrap()
    });
    let stored = pool.store("2026-11-16").unwrap();
    assert_eq!(stored.session, 1);
    assert_eq!(stored.marked, days.map(day));
    assert_eq!((&preview.days, preview.on_disc), (&stored.marked, vec![]));
    let names = run("bsdtar", &["-tf".as_ref(), pool.target().as_ref()]);
    for date in ["2026/11/15", "2026/11/16"] {
        assert!(
            names.contains(&format!("{date}/alpha/etc.tar.gz")),
            "{names}"
        );
    }
    assert!(!pool.heard.take().contains("is erased"));
}

#[test]
fn a_session_larger_than_an_empty_disc_is_refused_with_sizes() {
    for kind in [MediaKind::DvdPlusR, MediaKind::DvdPlusRw] {
        let pool = Pool::of(kind, SMALL);
        stage(&pool, "2026-11-17", 3_000_000);
        let error = pool.store("2026-11-17").unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{text}");
        assert!(
            text.contains("2.93 MB") && text.contains("2.28 MB"),
            "{text}"
        );
        assert!(!pool.target().exists());
    }
}

#[test]
fn days_that_were_missed_are_caught_up_as_far_as_they_fit() {
    let pool = Pool::of(MediaKind::DvdPlusR, SMALL);
    for date in ["2026-11-17", "2026-11-18", "2026-11-19"] {
        stage(&pool, date, 900_000);
    }
    let days = ["2026-11-17", "2026-11-18", "2026-11-19"].map(|date| pool.staging.daily(day(date)));
    let preview = pool.job(&pool.drive(), "2026-11-19", |job| {
        job.preview(&days, day("2026-11-19"), Asked::ByRule)
            .unwrap()
    });
    assert!(!pool.target().exists());
    let stored = pool.store("2026-11-19").unwrap();
    assert_eq!(stored.marked, [day("2026-11-17"), day("2026-11-19")]);
    assert_eq!(
        (&preview.days, &preview.left),
        (&stored.marked, &stored.left)
    );
    assert_eq!(preview.sectors, stored.burnt);
    assert_eq!(preview.new_disc.as_deref(), Some("the disc is blank"));
    assert_eq!(stored.left, [day("2026-11-18")]);
    let heard = pool.heard.take();
    assert!(
        heard.contains("problem: 2026-11-18: there is no room"),
        "{heard}"
    );
    assert!(!pool.is_stored("2026-11-18"));
    // The next run takes the next disc.
    let stored = pool.store("2026-11-19").unwrap();
    assert_eq!(stored.marked, [day("2026-11-18")]);
    assert!(stored.set_aside.is_some());
}

#[test]
fn somebody_elses_disc_is_left_alone() {
    for kind in [MediaKind::DvdPlusR, MediaKind::DvdPlusRw] {
        let mut pool = Pool::of(kind, kind.sectors());
        let source = pool.dir.join("holiday");
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join("photo"), "sun").unwrap();
        let device = format!("stdio:{}", pool.target().display());
        run(
            "xorriso",
            &[
                "-outdev".as_ref(),
                device.as_ref(),
                "-volid".as_ref(),
                "HOLIDAY".as_ref(),
                "-map".as_ref(),
                source.as_ref(),
                "/".as_ref(),
                "-commit".as_ref(),
            ],
        );
        let before = std::fs::read(pool.target()).unwrap();
        stage(&pool, "2026-11-16", 10_000); // a Monday: a rule would begin a new disc
        stage(&pool, "2026-11-17", 10_000);
        let foreign = |result: Result<_, StoreError>| {
            matches!(result, Err(StoreError::WrongDisc(WrongDisc::Foreign(_))))
        };
        assert!(foreign(pool.store("2026-11-16")));
        assert!(foreign(pool.store("2026-11-17")));
        pool.check_media = CheckMedia::Yes;
        assert!(foreign(pool.store("2026-11-17")));
        assert!(foreign(pool.store_full("2026-11-17")));
        assert!(std::fs::read(pool.target()).unwrap() == before);

        pool.check_media = CheckMedia::No;
        pool.heard.take();
        let stored = pool.store_full("2026-11-17").unwrap();
        let heard = pool.heard.take();
        if kind.is_rewritable() {
            assert!(
                heard.contains("`HOLIDAY` is none of this backup's"),
                "{heard}"
            );
        } else {
            let aside = pool.dir.join("discs/HOLIDAY.iso");
            assert_eq!(stored.set_aside.as_deref(), Some(aside.as_path()));
            assert!(std::fs::read(aside).unwrap() == before);
        }
    }
}

#[test]
fn a_rewritable_disc_is_initialized_before_labels_are_checked() {
    let mut pool = Pool::of(MediaKind::DvdPlusRw, SMALL);
    pool.check_media = CheckMedia::Yes;
    stage(&pool, "2026-11-17", 10_000);
    let refused = pool.store("2026-11-17");
    assert!(matches!(
        refused,
        Err(StoreError::WrongDisc(WrongDisc::NotInitialized))
    ));
    let prepared = pool
        .job(&pool.drive(), "2026-11-17", |job| job.initialize())
        .unwrap();
    assert_eq!(prepared.label, "CEDAR BACKUP 17-NOV-2026");
    let names = run("bsdtar", &["-tf".as_ref(), pool.target().as_ref()]);
    assert_eq!(names.trim(), ".\nCedarBackup");
    pool.store("2026-11-17").unwrap();
    let names = run("bsdtar", &["-tf".as_ref(), pool.target().as_ref()]);
    assert!(
        names.contains("CedarBackup") && names.contains("2026/11/17/alpha/etc.tar.gz"),
        "{names}"
    );

    let once = Pool::new();
    let refused = once.job(&once.drive(), "2026-11-17", |job| job.initialize());
    assert!(matches!(refused, Err(StoreError::WriteOnce("dvd+r"))));
    assert!(!once.target().exists());
}

#[test]
fn a_week_is_rebuilt_onto_one_new_disc() {
    let pool = Pool::new();
    for date in ["2026-11-16", "2026-11-17", "2026-11-18"] {
        stage(&pool, date, 10_000);
        pool.store(date).unwrap();
    }
    let days: Vec<_> = week(day("2026-11-18"), cback::units::Weekday::Mon)
        .into_iter()
        .map(|day| pool.staging.daily(day))
        .collect();
    let stored = pool
        .job(&pool.drive(), "2026-11-18", |job| job.rebuild(&days))
        .unwrap();
    assert_eq!(stored.session, 1);
    assert_eq!(stored.marked.len(), 3);
    assert!(stored.set_aside.is_some());
    let names = run("bsdtar", &["-tf".as_ref(), pool.target().as_ref()]);
    for date in ["2026/11/16", "2026/11/17", "2026/11/18"] {
        assert!(
            names.contains(&format!("{date}/alpha/etc.tar.gz")),
            "{names}"
        );
    }
    // All or nothing.
    let small = Pool::of(MediaKind::DvdPlusR, SMALL);
    stage(&small, "2026-11-17", 1_500_000);
    stage(&small, "2026-11-18", 1_500_000);
    let days = ["2026-11-17", "2026-11-18"].map(|date| small.staging.daily(day(date)));
    let refused = small.job(&small.drive(), "2026-11-18", |job| job.rebuild(&days));
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert!(!small.target().exists());
}

#[test]
fn a_week_whose_disc_was_erased_for_nothing_is_not_marked_as_stored() {
    let pool = Pool::of(MediaKind::DvdPlusRw, MediaKind::DvdPlusRw.sectors());
    let dates = ["2026-11-16", "2026-11-17"];
    for date in dates {
        stage(&pool, date, 10_000);
        pool.store(date).unwrap();
    }
    let days = dates.map(|date| pool.staging.daily(day(date)));
    let own = pool.drive();
    for blanks in [false, true] {
        let drive = burning(&own, |_, _, monitor| {
            for date in dates {
                assert!(!pool.is_stored(date), "a run may be killed now");
            }
            if blanks {
                own.treat(Treatment::Blank(Thoroughness::Fast), monitor)?;
            }
            Err(DriveError::NoDisc(own.place().to_owned()))
        });
        pool.job(&drive, "2026-11-17", |job| job.rebuild(&days))
            .unwrap_err();
        // The next run finds them on the disc, or burns them again.
        let stored = pool.store("2026-11-17").unwrap();
        assert_eq!(stored.marked, dates.map(day), "{blanks}");
        assert_eq!(stored.burnt > 0, blanks);
        assert!(dates.iter().all(|date| pool.is_stored(date)));
    }
}

#[test]
fn a_disc_of_cedar_backup_with_something_behind_its_end_is_not_written_over() {
    for kind in [MediaKind::DvdPlusR, MediaKind::DvdPlusRw] {
        let pool = Pool::of(kind, kind.sectors());
        let source = pool.dir.join("old/2026/11/10/alpha");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("etc.tar.gz"), "old").unwrap();
        run(
            "genisoimage",
            &[
                "-quiet".as_ref(),
                "-r".as_ref(),
                "-V".as_ref(),
                "CEDAR BACKUP 10-NOV-2026".as_ref(),
                "-o".as_ref(),
                pool.target().as_ref(),
                pool.dir.join("old").as_ref(),
            ],
        );
        let mut before = std::fs::read(pool.target()).unwrap();
        before.resize(before.len() + 100 * 2048, b'x');
        std::fs::write(pool.target(), &before).unwrap();
        stage(&pool, "2026-11-17", 10_000);
        let result = pool.store("2026-11-17");
        if kind.is_rewritable() {
            let error = result.unwrap_err();
            assert!(matches!(error, StoreError::DiscClosed { .. }), "{error}");
            assert!(std::fs::read(pool.target()).unwrap() == before);
            pool.store_full("2026-11-17").unwrap();
            let heard = pool.heard.take();
            assert!(
                heard.contains("is erased of: 2026-11-10 (alpha)"),
                "{heard}"
            );
        } else {
            let aside = pool.dir.join("discs/CEDAR BACKUP 10-NOV-2026.iso");
            assert_eq!(result.unwrap().set_aside.as_deref(), Some(aside.as_path()));
            assert!(std::fs::read(aside).unwrap() == before);
            assert!(
                pool.heard
                    .take()
                    .contains("the disc takes no other session")
            );
        }
    }
}

#[test]
fn a_disc_that_is_not_there_any_more_is_a_problem() {
    let pool = Pool::of(MediaKind::DvdPlusR, SMALL);
    stage(&pool, "2026-11-17", 1000);
    pool.store("2026-11-17").unwrap();
    assert!(!pool.heard.take().contains("problem"));
    std::fs::remove_file(pool.target()).unwrap();
    stage(&pool, "2026-11-18", 1000);
    pool.store("2026-11-18").unwrap();
    let heard = pool.heard.take();
    assert!(heard.contains("problem"), "{heard}");
    assert!(
        heard.contains("`CEDAR BACKUP 17-NOV-2026` is not there any more"),
        "{heard}"
    );
    stage(&pool, "2026-11-19", 1000);
    pool.store("2026-11-19").unwrap();
    assert!(!pool.heard.take().contains("problem"));
}

#[test]
fn an_older_copy_of_a_day_on_another_disc_does_not_stand_for_the_newer_one() {
    let pool = Pool::of(MediaKind::DvdPlusRw, SMALL);
    let drive = |name: &str| {
        let path = AbsPath::new(pool.dir.join("discs").join(name)).unwrap();
        FileDrive::with_capacity(path, pool.kind, pool.sectors, None)
    };
    // The day is collected and stored twice, onto two discs.
    for (bytes, disc) in [(5000, "morning.iso"), (9000, "evening.iso")] {
        pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(1, bytes))]);
        pool.store_with(&drive(disc), "2026-11-17", Asked::ByRule)
            .unwrap();
    }
    std::fs::remove_dir_all(pool.dir.join("staging/2026/11/17")).unwrap();
    pool.stage("2026-11-18", &[("alpha/etc.tar.gz", &noise(3, 5000))]);
    pool.heard.take();
    pool.store_with(&drive("evening.iso"), "2026-11-18", Asked::Full)
        .unwrap();
    let heard = pool.heard.take();
    assert!(
        heard.contains("only known copy is erased of: 2026-11-17 (alpha)"),
        "{heard}"
    );
    // The same bytes on another disc do.
    pool.stage("2026-11-18", &[]);
    pool.store_with(&drive("morning.iso"), "2026-11-18", Asked::ByRule)
        .unwrap();
    std::fs::remove_dir_all(pool.dir.join("staging/2026/11/18")).unwrap();
    pool.stage("2026-11-19", &[("alpha/etc.tar.gz", &noise(4, 5000))]);
    pool.heard.take();
    pool.store_with(&drive("evening.iso"), "2026-11-19", Asked::Full)
        .unwrap();
    let heard = pool.heard.take();
    assert!(!heard.contains("only known copy"), "{heard}");
}

#[test]
fn discs_of_one_run_are_told_from_one_another_although_they_are_of_one_size() {
    let pool = Pool::new();
    let parts = ["alpha/all.tar_00000", "alpha/all.tar_00001"];
    let daily = pool.stage(
        "2026-11-17",
        &[(parts[0], &noise(1, 5000)), (parts[1], &noise(2, 5000))],
    );
    for (number, part) in parts.iter().enumerate() {
        let path = pool.dir.join(format!("discs/{number}.iso"));
        let drive = FileDrive::new(AbsPath::new(path).unwrap(), pool.kind, None);
        pool.job(&drive, "2026-11-17", |job| {
            let days = [daily.clone()];
            let items = job.items(&days).unwrap();
            let some: Vec<_> = items
                .iter()
                .filter(|item| item.name == part.as_bytes())
                .collect();
            job.store_items(&days, &some).unwrap();
        });
    }
    let catalog = pool.catalog();
    assert_eq!(catalog.discs().unwrap().len(), 2);
    let copies = catalog.copies(day("2026-11-17"), None).unwrap();
    assert_ne!(copies[0].disc.id, copies[1].disc.id);
}
