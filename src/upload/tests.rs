//! Uploading days with a program that does as it is told.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::Tally;
use crate::process::{Answer, Scripted};

fn day() -> (tempfile::TempDir, Daily) {
    let dir = tempfile::tempdir().unwrap();
    let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
    std::fs::create_dir(dir.path().join("ada")).unwrap();
    for (name, text) in [
        ("ada/etc.tar.gz", "archive"),
        ("ada/cback.collect", "x"),
        ("ada/etc-cback.conf.tar", "conf"),
        ("cback.stage", ""),
        ("SHA256SUMS", "list"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    (dir, daily)
}

fn listing(rows: &[(&str, u64)]) -> Answer {
    let rows: Vec<String> = rows
        .iter()
        .map(|(name, size)| format!("{{\"Key\": \"2026/11/21/{name}\", \"Size\": {size}}}"))
        .collect();
    Answer::well(format!("[{}]", rows.join(",")))
}

const WHOLE: [(&str, u64); 3] = [
    ("SHA256SUMS", 4),
    ("ada/etc-cback.conf.tar", 4),
    ("ada/etc.tar.gz", 7),
];

fn upload(daily: &Daily, script: &Scripted) -> (Result<Uploaded, UploadError>, u64) {
    let tally = Tally::default();
    let uploader = Uploader {
        runner: script,
        user: None,
        monitor: &tally,
    };
    let done = uploader.day(daily, &"b".parse().unwrap(), None, None);
    (done, tally.problems())
}

#[test]
fn old_objects_are_deleted_when_the_new_ones_are_there() {
    let (_dir, daily) = day();
    let place: Bucket = "b/2026/11/21".parse().unwrap();
    let mut rows = WHOLE.to_vec();
    rows.push(("ada/old.tar", 3));
    let script = Scripted::new()
        .expect(aws::copy_command(daily.path(), &place), Answer::well(""))
        .expect(aws::list_command(&place), listing(&rows))
        .expect(aws::remove_command(&place, "ada/old.tar"), Answer::well(""));
    let (uploaded, problems) = upload(&daily, &script);
    let expected = Uploaded {
        files: 3,
        bytes: 15,
        deleted: 1,
    };
    assert_eq!((uploaded.unwrap(), problems), (expected, 0));
    assert!(daily.is_uploaded().unwrap() && script.left().is_empty());
}

#[test]
fn what_did_not_arrive_is_named_and_nothing_is_deleted() {
    let place: Bucket = "b/2026/11/21".parse().unwrap();
    for (answer, problems) in [
        (Answer::well("null"), 3),
        (Answer::well(""), 3),
        (listing(&[("ada/old.tar", 3)]), 3),
        (listing(&WHOLE[1..]), 1),
        (listing(&[WHOLE[0], WHOLE[1], (WHOLE[2].0, 6)]), 1),
    ] {
        let (_dir, daily) = day();
        let script = Scripted::new()
            .expect(aws::copy_command(daily.path(), &place), Answer::well(""))
            .expect(aws::list_command(&place), answer.clone());
        let (uploaded, told) = upload(&daily, &script);
        assert!(matches!(uploaded, Err(UploadError::Different(count)) if count == problems));
        assert_eq!(
            (told, daily.is_uploaded().unwrap()),
            (problems, false),
            "{answer:?}"
        );
    }
}

#[test]
fn a_failed_copy_is_an_error_and_nothing_is_deleted() {
    let (_dir, daily) = day();
    let place: Bucket = "b/2026/11/21".parse().unwrap();
    let failing = Answer::failing(1, "fatal error: Unable to locate credentials");
    let script = Scripted::new().expect(aws::copy_command(daily.path(), &place), failing);
    let (uploaded, _) = upload(&daily, &script);
    let error = uploaded.unwrap_err().to_string();
    assert!(error.contains("Unable to locate credentials"), "{error}");
    assert!(!daily.is_uploaded().unwrap());
}

#[test]
fn a_mirror_is_verified_by_names_and_sizes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("sub/a"), "12").unwrap();
    std::os::unix::fs::symlink("sub/a", dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink("sub", dir.path().join("directory")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    let to: Bucket = "s3://b/p".parse().unwrap();
    let there = |size: u64| {
        let text = format!(
            "[{{\"Key\": \"p/link\", \"Size\": 2}}, {{\"Key\": \"p/sub/a\", \"Size\": {size}}}, \
             {{\"Key\": \"p/more\", \"Size\": 1}}]"
        );
        Answer::well(text)
    };
    let tally = Tally::default();
    let run = |script: &Scripted, transfer, names| {
        let uploader = Uploader {
            runner: script,
            user: None,
            monitor: &tally,
        };
        let done = uploader.mirror(dir.path(), &to, transfer, names);
        assert!(script.left().is_empty());
        done
    };
    for (transfer, delete) in [
        (Transfer::Mirror, Some("--delete")),
        (Transfer::Upload, None),
    ] {
        let script = Scripted::new()
            .expect(aws::sync_command(dir.path(), &to, delete), Answer::well(""))
            .expect(aws::list_command(&to), there(2));
        let done = run(&script, transfer, Names::Check).unwrap();
        assert_eq!((done.files, done.bytes), (2, 4));
    }
    let script = Scripted::new().expect(aws::list_command(&to), there(3));
    let different = run(&script, Transfer::Verify, Names::Check);
    assert!(matches!(different, Err(UploadError::Different(1))));
    assert_eq!(tally.problems(), 1);

    std::fs::write(dir.path().join(OsStr::from_bytes(b"odd\xff")), "").unwrap();
    let odd = run(&Scripted::new(), Transfer::Mirror, Names::Check);
    assert!(matches!(odd, Err(UploadError::Names(1))));
    assert_eq!(tally.problems(), 2);
}

#[test]
fn what_goes_into_the_bucket_is_listed_by_sha256_and_damage_is_named() {
    use crate::sums::{Blake3, Digest, Proof, Sums};
    for (said, sound) in [(&b"archive"[..], true), (b"other", false)] {
        let (_dir, daily) = day();
        let mut sums = Sums::new();
        sums.insert("ada/etc.tar.gz", Proof::Blake3(Blake3::of(said)));
        daily.write_sums(&sums, None).unwrap();
        let length = |name: &str| daily.path().join(name).metadata().unwrap().len();
        let place: Bucket = "b/2026/11/21".parse().unwrap();
        // A line by SHA-256, or one that is nine characters longer.
        let list = 64 + 2 + 14 + 1 + if sound { 0 } else { 9 };
        let rows = [("SHA256SUMS", list), WHOLE[1], WHOLE[2]];
        let script = Scripted::new()
            .expect(aws::copy_command(daily.path(), &place), Answer::well(""))
            .expect(aws::list_command(&place), listing(&rows));
        let (uploaded, problems) = upload(&daily, &script);
        assert_eq!(length("SHA256SUMS"), list);
        assert_eq!(daily.is_uploaded().unwrap(), sound);
        let listed = daily.sums().unwrap().unwrap().get(b"ada/etc.tar.gz");
        if sound {
            uploaded.unwrap();
            assert_eq!(listed, Some(Digest::of(b"archive").into()));
        } else {
            assert!(matches!(uploaded, Err(UploadError::Damaged(1))));
            assert_eq!((problems, listed), (1, sums.get(b"ada/etc.tar.gz")));
        }
    }
}
