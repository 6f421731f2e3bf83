//! Increments whose base is nowhere, and manifests that lie about what they build on.

use std::fmt::Write as _;
use std::io::Write as _;

use cback::media::MediaKind;

use crate::pool::{Pool, noise};

/// A manifest of an increment of that day, which builds on archives `DAY/NAME`.
fn manifest(day: &str, builds_on: impl Iterator<Item = String>) -> Vec<u8> {
    let mut text = format!(
        "#mtree\n# cback-manifest 1\n# source=/etc\n# name=etc\n# day={day}\n# created=0.000000000\n\
         # coverage=incremental\n# archive=etc.tar.gz\n"
    );
    let mut count = 0;
    for stored in builds_on {
        writeln!(
            text,
            "./etc/{count} mode=0644 size=0 time=0.000000000 nlink=1 tags=in:{stored}"
        )
        .unwrap();
        count += 1;
    }
    writeln!(text, "# entries={count}").unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// Stages an increment of that day.
fn stage(pool: &Pool, day: &str, builds_on: impl Iterator<Item = String>) {
    let manifest = manifest(day, builds_on);
    pool.stage(
        day,
        &[
            ("alpha/etc.tar.gz", &noise(1, 5000)),
            ("alpha/etc.mtree.gz", &manifest),
        ],
    );
}

fn one(stored: &str) -> impl Iterator<Item = String> {
    std::iter::once(stored.to_owned())
}

#[test]
fn an_archive_that_is_nowhere_is_a_problem_and_one_on_the_disc_or_in_the_catalog_is_none() {
    let pool = Pool::new();
    pool.stage("2026-11-17", &[("alpha/etc.tar.gz", &noise(2, 5000))]);
    pool.store("2026-11-17").unwrap();
    std::fs::remove_dir_all(pool.dir.join("staging/2026/11/17")).unwrap();
    stage(&pool, "2026-11-18", one("2026-11-17/etc.tar.gz"));
    pool.store("2026-11-18").unwrap();
    assert!(!pool.heard.take().contains("problem"));
    stage(&pool, "2026-11-19", one("2026-11-16/etc.tar.gz"));
    pool.store("2026-11-19").unwrap();
    let heard = pool.heard.take();
    assert!(
        heard.contains("etc.mtree.gz: it builds on etc.tar.gz of 2026-11-16, of which no copy"),
        "{heard}"
    );
    assert!(pool.is_stored("2026-11-19"));
}

#[test]
fn what_is_only_on_the_disc_that_is_erased_is_nowhere() {
    let pool = Pool::of(MediaKind::DvdPlusRw, MediaKind::DvdPlusRw.sectors());
    pool.stage("2026-11-13", &[("alpha/etc.tar.gz", &noise(2, 5000))]);
    pool.store("2026-11-13").unwrap();
    std::fs::remove_dir_all(pool.dir.join("staging/2026/11/13")).unwrap();
    // Our week begins, and the client's is another one.
    stage(&pool, "2026-11-16", one("2026-11-13/etc.tar.gz"));
    pool.heard.take();
    assert_eq!(pool.store("2026-11-16").unwrap().session, 1);
    let heard = pool.heard.take();
    assert!(
        heard.contains("it builds on etc.tar.gz of 2026-11-13, of which no copy"),
        "{heard}"
    );
}

#[test]
fn a_manifest_that_names_the_end_of_all_days_does_not_keep_us_for_ever() {
    let pool = Pool::new();
    stage(&pool, "2026-11-17", one("9999-12-31/etc.sha"));
    pool.store("2026-11-17").unwrap();
    let heard = pool.heard.take();
    assert!(heard.contains("etc.sha of 9999-12-31"), "{heard}");
}

#[test]
fn manifests_that_name_archives_without_end_are_told_in_a_few_words() {
    let pool = Pool::new();
    let many = |count: u32| (0..count).map(|at| format!("2026-11-16/{at}.tar.gz"));
    let names = ["a", "b", "c"].map(|name| format!("alpha/{name}.mtree.gz"));
    let counts = [900, 900, 3000];
    let manifests = counts.map(|count| manifest("2026-11-17", many(count)));
    let apart = manifest(
        "2026-11-17",
        (900..1800).map(|at| format!("2026-11-16/{at}.tar.gz")),
    );
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(String::as_str)
        .zip(manifests.iter().map(Vec::as_slice))
        .chain([("alpha/bb.mtree.gz", &apart[..])])
        .collect();
    pool.stage("2026-11-17", &files);
    pool.store("2026-11-17").unwrap();
    let heard = pool.heard.take();
    let problems: Vec<&str> = heard
        .lines()
        .filter(|line| line.starts_with("problem"))
        .collect();
    assert_eq!(problems.len(), 4, "{heard}");
    assert!(
        problems[0].contains("4.tar.gz of 2026-11-16") || problems[0].contains("and 895 more"),
        "{heard}"
    );
    assert!(problems[3].contains("more than 1000"), "{heard}");
    assert!(heard.len() < 3000, "{}", heard.len());
}
