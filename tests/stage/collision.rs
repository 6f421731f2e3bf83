//! Collections of two days that want one place.

use std::fs;
use std::path::Path;

use cback::archive::manifest::{Coverage, Header, ManifestWriter};
use cback::archive::{Compression, Packer, Timestamp};
use cback::stage::StageError;
use cback::sums::{Digest, Sums};
use cback::units::Day;

use super::pool::{Ear, Pool};

fn staged_text(pool: &Pool) -> String {
    fs::read_to_string(pool.daily().path().join("alpha/etc.tar.gz")).unwrap()
}

fn manifest(path: &Path, day: &str) {
    let header = Header {
        source: "/etc".into(),
        name: "etc".into(),
        day: day.parse::<Day>().unwrap(),
        created: Timestamp::default(),
        coverage: Coverage::Full,
        archive: "etc.tar.gz".into(),
        whole: None,
        parts: Vec::new(),
    };
    let packer = Packer::new(Compression::Gzip, None, fs::File::create(path).unwrap());
    let writer = ManifestWriter::new(packer, &header).unwrap();
    writer.finish().unwrap().finish().unwrap();
}

#[test]
fn a_collection_staged_after_midnight_is_not_replaced_by_the_next_one() {
    let pool = Pool::new();
    pool.collected("alpha", &[("etc.tar.gz", "of the 20th")]);
    let list = pool.collect_dir("alpha").join("etc.mtree.gz");
    manifest(&list, "2026-11-20");
    pool.stage(&["alpha"], &Ear::default()).unwrap();

    pool.collected("alpha", &[("etc.tar.gz", "of the 21st")]);
    manifest(&list, "2026-11-21");
    fs::remove_file(pool.collect_dir("alpha").join("cback.stage")).unwrap();
    let ear = Ear::default();
    let staged = pool.stage(&["alpha"], &ear);

    let told = ear.told.lock().unwrap().join("\n");
    assert!(
        told.contains("etc.mtree.gz of 2026-11-21 would replace that of 2026-11-20"),
        "{told}"
    );
    assert!(
        !matches!(staged, Err(StageError::Staging { .. })),
        "{staged:?}"
    );
    assert_eq!(staged_text(&pool), "of the 20th");
    assert!(!pool.collect_dir("alpha").join("cback.stage").exists());
}

#[test]
fn a_collection_that_was_encrypted_is_not_replaced_by_that_of_the_next_day() {
    let pool = Pool::new();
    let dir = pool.collect_dir("alpha");
    let list = dir.join("etc.mtree.gz");
    let collected = |day: &str, text: &str| {
        pool.collected("alpha", &[("etc.tar.gz", text)]);
        manifest(&list, day);
        let mut claimed = Sums::new();
        claimed.insert("etc.tar.gz", Digest::of(text.as_bytes()));
        fs::write(dir.join("cback.collect"), claimed.to_text()).unwrap();
    };
    collected("2026-11-20", "of the 20th");
    pool.stage(&["alpha"], &Ear::default()).unwrap();
    let daily = pool.daily();
    for name in ["alpha/etc.tar.gz", "alpha/etc.mtree.gz"] {
        let sealed = format!("{name}.gpg");
        fs::write(daily.path().join(&sealed), "sealed").unwrap();
        let by = [(sealed.into_bytes(), Digest::of(b"sealed"))];
        daily.give_way(name.as_bytes(), &by, None).unwrap();
    }
    // The peer could not be told that it was staged, and collects everything once more.
    fs::remove_file(dir.join("cback.stage")).unwrap();
    collected("2026-11-21", "of the 21st");
    let told = pool.told(&["alpha"]).join("\n");
    assert!(
        told.contains("etc.mtree.gz of 2026-11-21 would replace that of another collection"),
        "{told}"
    );
    assert!(!daily.path().join("alpha/etc.tar.gz").exists());

    // What was added to the same collection comes.
    collected("2026-11-21", "of the 20th");
    fs::write(dir.join("etc+2.tar.gz"), "more").unwrap();
    assert_eq!(pool.told(&["alpha"]), [""; 0]);
    assert!(daily.path().join("alpha/etc+2.tar.gz").exists());
}

#[test]
fn a_collection_of_the_same_day_replaces_the_one_before() {
    let pool = Pool::new();
    let list = pool.collect_dir("alpha").join("etc.mtree.gz");
    for text in ["first", "second"] {
        pool.collected("alpha", &[("etc.tar.gz", text)]);
        manifest(&list, "2026-11-21");
        pool.stage(&["alpha"], &Ear::default()).unwrap();
    }
    assert_eq!(staged_text(&pool), "second");
}
