//! Damage and what is missing.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use cback::archive::Compression;
use cback::archive::manifest::{Coverage, ManifestReader, ManifestWriter, Place, Stored};
use cback::restore::{Existing, RestoreError, Shelf};
use cback::units::Digest;

use proptest::prelude::*;

use super::pool::{Pool, gzip, incomplete, picture, restore_from};
use super::three_days;

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x55], at).unwrap();
}

/// Twenty files of 3000 bytes in one archive that is not packed.
fn twenty_files() -> Pool {
    let mut pool = Pool::new();
    for number in 10..30 {
        fs::write(pool.source().join(format!("file-{number}")), [number; 3000]).unwrap();
    }
    pool.collect(1, Coverage::Full);
    pool
}

fn restored_files(pool: &Pool, name: &str) -> Vec<u8> {
    let mut numbers: Vec<u8> = fs::read_dir(pool.restored(name))
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_prefix("file-")?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    for number in &numbers {
        let path = pool.restored(name).join(format!("file-{number}"));
        assert_eq!(fs::read(path).unwrap(), vec![*number; 3000]);
    }
    numbers
}

#[test]
fn a_file_that_was_torn_when_it_was_saved_is_named_when_it_comes_back() {
    let pool = twenty_files();
    edit(&pool, 1, |entry| {
        if let Place::Whole(stored) = &entry.place
            && entry.member.path.ends_with("file-12")
        {
            entry.place = Place::Torn(stored.clone(), "it grew while it was read".to_owned());
        }
    });
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(summary.unwrap().files, 20);
    assert_eq!(restored_files(&pool, "into").len(), 20);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with('/'), "a problem, no warning: {told:?}");
    assert!(told[0].ends_with("it grew while it was read"), "{told:?}");
}

#[test]
fn a_flipped_byte_costs_one_file_and_it_is_named() {
    let pool = twenty_files();
    let bytes = fs::read(pool.archive(1)).unwrap();
    let at = bytes.iter().position(|byte| *byte == 17).unwrap();
    flip(&pool.archive(1), at as u64 + 100);
    let (summary, told) = pool.restore(&pool.request("into"));
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.damaged, summary.failed), (19, 1, 0));
    assert_eq!(told.len(), 1, "{told:?}");
    let name = pool.source().join("file-17");
    assert!(
        told[0].starts_with(&format!("{}: damaged: its bytes are not", name.display())),
        "{told:?}"
    );
    assert_eq!(restored_files(&pool, "into").len(), 19);
    assert!(pool.restored("into").join("file-17.damaged").exists());
    assert!(!pool.restored("into").join("file-17").exists());
}

#[test]
fn a_damaged_header_costs_what_follows_and_all_of_it_is_named() {
    let pool = twenty_files();
    let bytes = fs::read(pool.archive(1)).unwrap();
    let at = bytes.iter().position(|byte| *byte == 17).unwrap();
    flip(&pool.archive(1), at as u64 - 512);
    let (summary, told) = pool.restore(&pool.request("into"));
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.failed, summary.broken), (7, 13, 1));
    assert_eq!(restored_files(&pool, "into"), (10..17).collect::<Vec<u8>>());
    for number in 17..30 {
        let name = pool.source().join(format!("file-{number}"));
        let named = told
            .iter()
            .any(|text| text.starts_with(&format!("{}: ", name.display())));
        assert!(named, "{number}: {told:?}");
    }
}

#[test]
fn archives_that_are_cut_give_what_is_before_the_cut() {
    for compression in Compression::ALL {
        let mut pool = twenty_files();
        pool.compression = compression;
        pool.collect(2, Coverage::Full);
        let archive = OpenOptions::new()
            .write(true)
            .open(pool.archive(2))
            .unwrap();
        archive
            .set_len(archive.metadata().unwrap().len() / 2)
            .unwrap();
        let (summary, told) = pool.restore(&pool.request("into"));
        let summary = summary.unwrap();
        let there = restored_files(&pool, "into").len() as u64;
        assert_eq!(summary.files, there, "{compression:?}");
        assert_eq!(
            summary.failed + summary.damaged + there,
            20,
            "{compression:?}"
        );
        assert!(told.len() as u64 > 20 - there, "{compression:?} {told:?}");
        if compression == Compression::None {
            assert!((5..15).contains(&there), "{there}");
        }
    }
}

#[test]
fn what_one_copy_lost_another_copy_gives() {
    let (pool, pictures) = three_days(Compression::None);
    let copy = pool.dir.path().join("copy");
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([pool.staging(), copy.clone()])
        .status();
    assert!(copied.unwrap().success());
    // The first copy of one archive is cut, another one has a wrong byte in a file.
    let archive = OpenOptions::new()
        .write(true)
        .open(pool.archive(3))
        .unwrap();
    archive.set_len(3000).unwrap();
    let notes = fs::read(pool.archive(1)).unwrap();
    let at = notes
        .windows(100)
        .position(|bytes| bytes == [b'x'; 100])
        .unwrap();
    flip(&pool.archive(1), at as u64 + 50);
    let shelves = || {
        [
            Shelf::open(&pool.staging()).unwrap(),
            Shelf::open(&copy).unwrap(),
        ]
    };
    let (summary, told) = restore_from(&pool.request("into"), &shelves());
    let summary = summary.unwrap();
    // Nothing is lost, and each damaged copy that was read is a problem.
    assert_eq!((summary.damaged, summary.failed), (0, 0), "{told:?}");
    let stood_in = |text: &&String| text.contains("another copy") && !text.starts_with("warning");
    let told_of = told.iter().filter(stood_in).count() as u64;
    assert_eq!((told_of, told_of > 0), (summary.mended, true), "{told:?}");
    assert_eq!(picture(&pool.restored("into")), pictures[2]);
}

#[test]
fn missing_archives_are_told_before_anything_is_written() {
    let (pool, _) = three_days(Compression::Gzip);
    fs::remove_file(pool.archive(1)).unwrap();
    let request = pool.request("into");
    let recipe = pool.plan(&request).unwrap();
    assert_eq!(recipe.missing.len(), 1);
    assert_eq!(recipe.missing[0].discs, ["CEDAR BACKUP X"]);
    let error = pool.restore(&request).0.unwrap_err();
    assert!(matches!(error, RestoreError::Missing(_)));
    assert!(
        error
            .advice()
            .unwrap()
            .contains("source.tar.gz of alpha, collected on 2026-11-01")
    );
    assert!(!pool.target("into").exists());

    let (summary, told) = pool.restore(&incomplete(request));
    let summary = summary.unwrap();
    assert!(summary.failed > 0);
    assert!(
        told[0].starts_with("source.tar.gz of 2026-11-01: not here"),
        "{told:?}"
    );
    // Whatever needs no bytes comes from the manifest.
    let into = pool.restored("into");
    assert_eq!(
        fs::read_to_string(into.join("etc/link")).unwrap(),
        "now a file"
    );
    assert!(into.join("etc/ssh").is_dir());
    assert!(!into.join("etc/ssh/config").exists());
}

#[test]
fn a_damaged_manifest_gives_way_to_the_one_before_and_that_is_told() {
    for cut in [20, 200] {
        let (pool, pictures) = three_days(Compression::Gzip);
        let manifest = OpenOptions::new()
            .write(true)
            .open(pool.manifest(3))
            .unwrap();
        manifest.set_len(cut).unwrap();
        let (summary, told) = pool.restore(&pool.request("into"));
        summary.unwrap();
        assert!(told[0].starts_with("manifest: "), "{told:?}");
        assert_eq!(picture(&pool.restored("into")), pictures[1], "cut to {cut}");
    }
}

#[test]
fn things_that_are_there_are_neither_overwritten_nor_passed_over_in_silence() {
    let (pool, pictures) = three_days(Compression::Gzip);
    let mut request = pool.request("into");
    let motd = pool.restored("into").join("etc/motd");
    fs::create_dir_all(motd.parent().unwrap()).unwrap();
    fs::write(&motd, "mine").unwrap();
    let error = pool.restore(&request).0.unwrap_err();
    assert!(error.to_string().ends_with("is not empty"), "{error}");

    request.existing = Existing::Keep;
    let (_, told) = pool.restore(&request);
    assert_eq!(fs::read(&motd).unwrap(), b"mine");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("etc/motd: not restored, because something is there"),
        "{told:?}"
    );

    request.existing = Existing::Replace;
    let (_, told) = pool.restore(&request);
    assert_eq!(told, [""; 0]);
    assert_eq!(picture(&pool.restored("into")), pictures[2]);
}

/// The source's files with their bytes, by the path to which they are restored.
fn contents(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage anywhere: what has its own name is right, and what is not there was told.
    #[test]
    fn whatever_is_damaged_no_file_has_wrong_bytes_and_none_is_lost_in_silence(
        compression in prop::sample::select(Compression::ALL.to_vec()),
        number in 1..4u32,
        manifest in any::<bool>(),
        flips in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let (pool, _) = three_days(compression);
        let expected = contents(&pool.source());
        let path = if manifest { pool.manifest(number) } else { pool.archive(number) };
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        for at in &flips {
            flip(&path, at.index(length) as u64);
        }
        if let Some(at) = &cut {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(at.index(length) as u64).unwrap();
        }
        let (summary, told) = pool.restore(&pool.request("into"));
        let Ok(summary) = summary else { return Ok(()) };
        // Without its manifest, an earlier day takes the place of this one, and that is told.
        if told.iter().any(|text| text.starts_with("manifest: ")) {
            return Ok(());
        }
        let restored = contents(&pool.restored("into"));
        let mut missing = 0;
        for (path, bytes) in &expected {
            match restored.iter().find(|(other, _)| other == path) {
                Some((_, other)) => prop_assert_eq!(other, bytes, "{:?}", path),
                None => missing += 1,
            }
        }
        prop_assert!(missing <= summary.failed + summary.damaged, "{told:?}");
        prop_assert!(missing == 0 || !told.is_empty());
    }
}

#[test]
fn a_member_that_is_gone_from_its_archive_costs_no_other() {
    let pool = twenty_files();
    let member = super::pool::relative(&pool.source()).join("file-15");
    let deleted = std::process::Command::new("tar")
        .args(["--delete", "-f"])
        .args([&pool.archive(1), &member])
        .status();
    assert!(deleted.unwrap().success());
    let (summary, told) = pool.restore(&pool.request("into"));
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.failed), (19, 1));
    assert_eq!(restored_files(&pool, "into").len(), 19);
    let expected = format!("/{}: it is not in its archive", member.display());
    assert_eq!(told, [expected]);
}

#[test]
fn an_archive_without_a_manifest_and_without_checksums_of_its_own_is_compared_with_the_list() {
    let pool = twenty_files();
    fs::remove_file(pool.manifest(1)).unwrap();
    let archive = pool.archive(1);
    let list = pool.peer(1, "alpha").with_file_name("SHA256SUMS");
    let digest = Digest::of(&fs::read(&archive).unwrap());
    fs::write(&list, format!("{digest}  alpha/source.tar\n")).unwrap();
    let (_, told) = pool.restore(&pool.request("sound"));
    assert_eq!(told, [""; 0]);
    // In the middle of a file.
    flip(&archive, fs::metadata(&archive).unwrap().len() / 2);
    let (summary, told) = pool.restore(&pool.request("flipped"));
    assert_eq!(summary.unwrap().files, 20);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("not those that were staged"), "{told:?}");
}

/// Changes the entries of a day's manifest.
fn edit(pool: &Pool, day: u32, change: impl Fn(&mut cback::archive::manifest::Entry)) {
    let manifest = fs::File::open(pool.manifest(day)).unwrap();
    let reader = ManifestReader::new(manifest).unwrap();
    let mut writer = ManifestWriter::new(Vec::new(), reader.header()).unwrap();
    for entry in reader {
        let mut entry = entry.unwrap();
        change(&mut entry);
        writer.add(&entry).unwrap();
    }
    gzip(&pool.manifest(day), &writer.finish().unwrap());
}

#[test]
fn what_could_not_be_saved_is_told_when_nothing_else_is_wanted() {
    let pool = twenty_files();
    edit(&pool, 1, |entry| {
        if entry.member.path.ends_with("file-12") {
            entry.place = Place::Missing("permission denied".to_owned());
        }
    });
    let mut request = pool.request("into");
    request.paths = vec![pool.source().join("file-12")];
    let (summary, told) = pool.restore(&request);
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.failed), (0, 1), "{told:?}");
    let name = pool.source().join("file-12");
    let expected = format!("{}: was not saved: permission denied", name.display());
    assert_eq!(told, [expected]);
}

#[test]
fn a_wish_that_is_in_no_archive_without_a_manifest_is_told() {
    let pool = twenty_files();
    fs::remove_file(pool.manifest(1)).unwrap();
    let mut request = pool.request("into");
    request.paths = ["file-12", "file-13x", "file-14/x"]
        .map(|name| pool.source().join(name))
        .to_vec();
    let (summary, told) = pool.restore(&request);
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.failed), (1, 2), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    for (name, told) in ["file-13x", "file-14/x"].iter().zip(&told) {
        let path = pool.source().join(name);
        let expected = format!("{}: is in none of the archives", path.display());
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn a_file_that_is_lost_does_not_lend_its_further_names_to_one_that_was_there() {
    for gone in ["member", "archive"] {
        let mut pool = Pool::new();
        let at = |name: &str| pool.source().join(name);
        fs::write(at("first"), "saved").unwrap();
        fs::hard_link(at("first"), at("second")).unwrap();
        fs::write(at("third"), "another").unwrap();
        pool.collect(1, Coverage::Full);
        if gone == "archive" {
            fs::remove_file(pool.archive(1)).unwrap();
        } else {
            let deleted = std::process::Command::new("tar")
                .args(["--delete", "-f"])
                .args([
                    &pool.archive(1),
                    &super::pool::relative(&pool.source()).join("first"),
                ])
                .status();
            assert!(deleted.unwrap().success());
        }
        let restored = pool.restored("into");
        fs::create_dir_all(&restored).unwrap();
        fs::write(restored.join("first"), "of long ago").unwrap();
        let mut request = incomplete(pool.request("into"));
        request.existing = Existing::Replace;
        let (summary, told) = pool.restore(&request);
        assert!(summary.unwrap().failed >= 2, "{gone}: {told:?}");
        assert!(!restored.join("second").exists(), "{gone}");
        assert!(
            told.iter().any(|text| text.contains("/second: ")),
            "{told:?}"
        );
    }
}

#[test]
fn an_archive_that_was_staged_late_is_found_though_its_own_manifest_is_damaged() {
    let mut pool = Pool::new();
    fs::write(pool.source().join("old"), "1").unwrap();
    pool.collect_late(1, 2, Coverage::Full);
    fs::write(pool.source().join("new"), "2").unwrap();
    pool.collect_late(2, 3, Coverage::Incremental);
    let expected = picture(&pool.source());
    fs::write(pool.manifest(2), "damaged").unwrap();
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(summary.unwrap().files, 2, "{told:?}");
    assert_eq!(picture(&pool.restored("into")), expected);
    assert!(
        told.iter().all(|text| text.starts_with("manifest: ")),
        "{told:?}"
    );
}

#[test]
fn several_names_that_cedar_backup_saved_as_one_file_all_come_back() {
    let mut pool = Pool::new();
    let at = |name: &str| pool.source().join(name);
    let names = ["first", "second", "third"];
    fs::write(at("first"), "the same").unwrap();
    for name in &names[1..] {
        fs::hard_link(at("first"), at(name)).unwrap();
    }
    let made = std::process::Command::new("tar")
        .args(["-C", "/", "-czf"])
        .arg(pool.peer(1, "alpha").join("source.tar.gz"))
        .args(names.map(|name| super::pool::relative(&at(name))))
        .status();
    assert!(made.unwrap().success());
    // Since then they are files of their own, which Cedar Backup has still as they are.
    for name in &names[1..] {
        fs::remove_file(at(name)).unwrap();
        fs::write(at(name), "the same").unwrap();
    }
    let expected = picture(&pool.source());
    pool.collect(2, Coverage::Full);
    let cedars = std::sync::Arc::new(Stored::by_cedar(super::pool::day(1), "source".as_ref()));
    edit(&pool, 2, |entry| {
        if entry.digest.is_some() {
            entry.place = Place::Whole(cedars.clone());
        }
    });
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(told, [""; 0]);
    assert_eq!(summary.unwrap().files, 3);
    assert_eq!(picture(&pool.restored("into")), expected);
}

#[test]
fn an_archive_without_a_manifest_whose_checksum_is_wrong_is_not_said_to_be_right_so_far() {
    let mut pool = twenty_files();
    pool.compression = Compression::Gzip;
    pool.collect(1, Coverage::Full);
    fs::remove_file(pool.manifest(1)).unwrap();
    fs::remove_file(pool.archive(1).with_extension("")).unwrap();
    let length = fs::metadata(pool.archive(1)).unwrap().len();
    flip(&pool.archive(1), length - 8); // the checksum
    let (summary, told) = pool.restore(&pool.request("into"));
    assert_eq!(summary.unwrap().broken, 1, "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("what came out of it before may be damaged"),
        "{told:?}"
    );
}
