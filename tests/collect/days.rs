//! Days in a row: what is collected again, what is not, and that every day's tree comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use cback::archive::manifest::{Coverage, Place as Stored};
use cback::collect::{Compare, Mode, Shape};

use super::place::{Place, assert_same, members, present};

/// Members of today's archive, by the names below the source.
fn archived(place: &Place, archive: &str) -> Vec<String> {
    let top = place.at("src");
    let top = top.strip_prefix("/").unwrap();
    members(&place.at("collect").join(archive))
        .into_keys()
        .map(|path| match path.strip_prefix(top) {
            Ok(path) => path.to_str().unwrap().to_owned(),
            Err(_) => format!("/{}", path.display()),
        })
        .collect()
}

#[test]
fn an_unchanged_source_makes_a_manifest_and_no_archive() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    place.collect("2026-11-17", &source);
    assert_eq!(place.outputs(), ["src.mtree.gz", "src.tar.gz"]);
    place.stage("2026-11-17");
    let summary = place.collect("2026-11-18", &source);
    // Yesterday's archive was staged: left there, it would be staged again as today's.
    assert_eq!(place.outputs(), ["src.mtree.gz"]);
    assert_eq!((summary.stored, summary.bytes, summary.entries), (0, 0, 2));
    let (header, entries) = place.manifest("src.mtree.gz");
    assert_eq!(header.coverage, Coverage::Incremental);
    for entry in entries {
        let Stored::Whole(stored) = entry.place else {
            panic!("{entry:?}");
        };
        assert_eq!(stored.day.to_string(), "2026-11-17");
    }
    place.stage("2026-11-18");
    assert_same(
        &place.restored("2026-11-18", "src"),
        &present(&place.at("src")),
        "second day",
    );
}

#[test]
fn every_kind_of_change_is_seen_and_nothing_else_is_archived() {
    let place = Place::new();
    for name in ["content", "mode", "note", "gone", "moved", "same", "link"] {
        fs::write(place.src(name), name).unwrap();
    }
    fs::create_dir_all(place.src("d/e")).unwrap();
    fs::write(place.src("d/e/deep"), "").unwrap();
    let source = place.source();
    place.collect("2026-11-17", &source);
    place.stage("2026-11-17");
    let first = present(&place.at("src"));

    let time = fs::metadata(place.src("content")).unwrap().modified();
    fs::write(place.src("content"), "CONTENT").unwrap();
    let file = fs::File::options().write(true).open(place.src("content"));
    file.unwrap().set_modified(time.unwrap()).unwrap(); // same size, same time
    fs::set_permissions(place.src("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    xattr::set(place.src("note"), "user.note", b"new").unwrap();
    fs::remove_file(place.src("gone")).unwrap();
    fs::rename(place.src("moved"), place.src("d/moved")).unwrap();
    fs::hard_link(place.src("link"), place.src("d/e/link")).unwrap();
    fs::write(place.src("d/e/new"), "").unwrap();

    place.collect("2026-11-18", &source);
    let expected = [
        "", "content", "d", "d/e", "d/e/link", "d/e/new", "d/moved", "link", "mode", "note",
    ];
    assert_eq!(archived(&place, "src.tar.gz"), expected);
    place.stage("2026-11-18");
    let second = present(&place.at("src"));
    assert_same(&place.restored("2026-11-17", "src"), &first, "first day");
    assert_same(&place.restored("2026-11-18", "src"), &second, "second day");
}

#[test]
fn an_incremental_builds_on_what_was_staged_only() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    place.collect("2026-11-17", &source);
    place.stage("2026-11-17");
    fs::write(place.src("b"), "2").unwrap();
    place.collect("2026-11-18", &source); // the master does not come
    fs::write(place.src("c"), "3").unwrap();
    place.collect("2026-11-19", &source);
    assert_eq!(archived(&place, "src.tar.gz"), ["", "b", "c"]);
    place.stage("2026-11-19");
    let now = present(&place.at("src"));
    assert_same(&place.restored("2026-11-19", "src"), &now, "third day");
}

#[test]
fn an_acknowledgement_of_something_else_is_none() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    for (text, is_one) in [
        (Some("not a list\n"), false),
        (Some(&*format!("{}  src.mtree.gz\n", "0".repeat(64))), false),
        (None, false),
        (Some(""), true), // as Cedar Backup writes it
    ] {
        place.collect("2026-11-17", &source);
        if let Some(text) = text {
            fs::write(place.at("collect/cback.stage"), text).unwrap();
        }
        // Who does not say where it was staged may have staged it where this one will come.
        let name = if text == Some("") {
            "src+2.mtree.gz"
        } else {
            "src.mtree.gz"
        };
        let result = place.try_collect("2026-11-18", std::slice::from_ref(&source));
        result.unwrap();
        let (header, _) = place.manifest(name);
        let expected = if is_one {
            Coverage::Incremental
        } else {
            Coverage::Full
        };
        assert_eq!(header.coverage, expected, "{text:?}");
        let warned = place.heard().len();
        assert_eq!(warned, usize::from(text == Some("not a list\n")));
        place.fresh("work");
        place.fresh("collect");
    }
    // An empty one from before the collection says nothing.
    place.collect("2026-11-17", &source);
    let stage = fs::File::create(place.at("collect/cback.stage")).unwrap();
    stage.set_modified(std::time::UNIX_EPOCH).unwrap();
    place.collect("2026-11-18", &source);
    assert_eq!(place.manifest("src.mtree.gz").0.coverage, Coverage::Full);
}

#[test]
fn a_second_collection_on_a_staged_day_gets_a_number() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    let names = ["src", "src+2", "src+3"];
    for (at, stem) in names.iter().enumerate() {
        fs::write(place.src(format!("new{at}")), "").unwrap();
        place.collect("2026-11-17", &source);
        let expected = [format!("{stem}.mtree.gz"), format!("{stem}.tar.gz")];
        assert_eq!(place.outputs(), expected);
        // Collected again without having been staged: the same number.
        place.collect("2026-11-17", &source);
        assert_eq!(place.outputs(), expected);
        place.stage("2026-11-17");
        let now = present(&place.at("src"));
        assert_same(&place.restored("2026-11-17", "src"), &now, stem);
    }
    fs::write(place.src("a"), "2").unwrap();
    place.collect("2026-11-18", &source);
    assert_eq!(place.outputs(), ["src.mtree.gz", "src.tar.gz"]);
}

#[test]
fn what_was_staged_after_midnight_is_not_replaced_by_the_next_collection() {
    for mode in [Mode::Incr, Mode::Daily] {
        let place = Place::new();
        fs::write(place.src("a"), "1").unwrap();
        let mut source = place.source();
        source.mode = mode;
        place.collect("2026-11-17", &source);
        place.stage("2026-11-18"); // after midnight
        fs::write(place.src("b"), "2").unwrap();
        place.collect("2026-11-18", &source); // the same day's night, to be staged before midnight
        assert_eq!(place.outputs(), ["src+2.mtree.gz", "src+2.tar.gz"]);
        place.stage("2026-11-18");
        place.collect("2026-11-19", &source);
        let plain = match mode {
            Mode::Daily => vec!["src.mtree.gz", "src.tar.gz"],
            _ => vec!["src.mtree.gz"],
        };
        assert_eq!(place.outputs(), plain);
    }
}

#[test]
fn a_full_collection_replaces_the_latest_of_the_same_day() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let mut source = place.source();
    source.mode = Mode::Daily;
    for mode in [Mode::Daily, Mode::Daily, Mode::Incr, Mode::Daily] {
        fs::write(place.src("a"), "2").unwrap();
        source.mode = mode;
        place.collect("2026-11-17", &source);
        place.stage("2026-11-17");
    }
    assert_eq!(place.outputs(), ["src+2.mtree.gz", "src+2.tar.gz"]);
}

#[test]
fn a_clock_that_was_set_back_does_not_make_the_older_collection_the_newer_one() {
    let place = Place::new();
    let source = place.source();
    let noon = SystemTime::now();
    let mut newest = Vec::new();
    for (at, back) in [0, 3600, 7200].into_iter().enumerate() {
        fs::write(place.src("a"), format!("{at}")).unwrap();
        let now = noon - Duration::from_secs(back);
        let sources = std::slice::from_ref(&source);
        place.collect_at(now, "2026-11-17", sources).unwrap();
        if at != 1 {
            place.stage("2026-11-17"); // the second one nobody fetched
        }
        let name = place.outputs()[0].clone();
        newest.push(place.manifest(&name).0.created);
    }
    assert!(newest.is_sorted_by(|one, two| one < two), "{newest:?}");
    let now = present(&place.at("src"));
    assert_same(&place.restored("2026-11-17", "src"), &now, "the newest");
}

#[test]
fn a_source_that_is_suddenly_empty_is_a_problem_once() {
    for mode in [Mode::Incr, Mode::Daily] {
        let place = Place::new();
        let mut source = place.source();
        source.mode = mode;
        let sources = std::slice::from_ref(&source);
        let mut problems = Vec::new();
        for (day, name) in [(17, Some("a")), (18, None), (19, None), (20, Some("a"))] {
            let _ = fs::remove_file(place.src("a"));
            if let Some(name) = name {
                fs::write(place.src(name), "1").unwrap();
            }
            let day = format!("2026-11-{day}");
            problems.push(place.try_collect(&day, sources).unwrap().problems);
            place.stage(&day);
            let now = present(&place.at("src"));
            assert_same(&place.restored(&day, "src"), &now, &day);
        }
        assert_eq!(problems, [0, 1, 0, 0], "{mode:?}");
        assert!(place.heard()[0].contains("nothing is in it any more"));
    }
}

#[test]
fn a_source_that_is_left_out_on_purpose_is_no_problem() {
    for is_ignored in [true, false] {
        let place = Place::new();
        fs::write(place.src("a"), "1").unwrap();
        let mut source = place.source();
        place.collect("2026-11-17", &source);
        place.stage("2026-11-17");
        if let Shape::Dir { rules, .. } = &mut source.shape {
            if is_ignored {
                fs::write(place.src(".skip"), "").unwrap();
                rules.ignore_file = Some(".skip".into());
            } else {
                rules.exclude_paths = vec![source.path.clone()];
            }
        }
        let sources = std::slice::from_ref(&source);
        let summary = place.try_collect("2026-11-18", sources).unwrap();
        assert_eq!((summary.problems, summary.entries), (0, 0));
        let heard = place.heard();
        assert_eq!(heard.len(), usize::from(is_ignored), "{heard:?}");
    }
}

#[test]
fn a_weekly_source_is_made_up_and_not_staged_twice() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let mut source = place.source();
    source.mode = Mode::Weekly;
    // A Wednesday: the week's start, Monday, was missed.
    assert_eq!(place.collect("2026-11-18", &source).sources, 1);
    // Not staged yet: it is due again.
    assert_eq!(place.collect("2026-11-19", &source).sources, 1);
    place.stage("2026-11-19");
    assert_eq!(place.collect("2026-11-20", &source).not_due, 1);
    assert_eq!(place.outputs(), [""; 0]);
    assert_eq!(place.collect("2026-11-23", &source).sources, 1);
    assert_eq!(place.outputs(), ["src.mtree.gz", "src.tar.gz"]);
}

#[test]
fn content_that_changed_without_a_trace_is_seen_when_it_is_read() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    fs::write(place.src("b"), "1").unwrap();
    let mut source = place.source();
    source.compare = Compare::Content;
    place.collect("2026-11-17", &source);
    place.stage("2026-11-17");
    let summary = place.collect("2026-11-18", &source);
    assert_eq!((summary.stored, summary.read), (0, 2));
    fs::write(place.src("b"), "2").unwrap();
    place.stage("2026-11-18");
    place.collect("2026-11-19", &source);
    assert_eq!(archived(&place, "src.tar.gz"), ["b"]);
}

#[test]
fn a_damaged_snapshot_is_not_believed() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    place.collect("2026-11-17", &source);
    place.stage("2026-11-17");
    place.collect("2026-11-18", &source);
    let path = place.at("work/src.snapshot");
    let sound = fs::read(&path).unwrap();
    for at in [0, 40, 5000.min(sound.len() - 1), sound.len() - 3] {
        let mut damaged = sound.clone();
        damaged[at] ^= 4;
        fs::write(&path, &damaged).unwrap();
        place
            .try_collect("2026-11-18", std::slice::from_ref(&source))
            .unwrap();
        assert_eq!(place.manifest("src.mtree.gz").0.coverage, Coverage::Full);
        assert_eq!(place.heard().len(), 1, "{at}");
    }
    fs::write(&path, &sound[..sound.len() - 1]).unwrap();
    place
        .try_collect("2026-11-18", std::slice::from_ref(&source))
        .unwrap();
    assert_eq!(place.manifest("src.mtree.gz").0.coverage, Coverage::Full);
}

#[test]
fn a_source_that_is_not_there_leaves_what_is_known_about_it() {
    let place = Place::new();
    fs::write(place.src("a"), "1").unwrap();
    let source = place.source();
    place.collect("2026-11-17", &source);
    fs::rename(place.at("src"), place.at("unmounted")).unwrap();
    let summary = place
        .try_collect("2026-11-18", std::slice::from_ref(&source))
        .unwrap();
    assert_eq!(summary.problems, 1);
    assert_eq!(place.heard().len(), 1);
    // Not staged yet, so still there.
    assert_eq!(place.outputs(), ["src.mtree.gz", "src.tar.gz"]);
    place.stage("2026-11-18");
    fs::rename(place.at("unmounted"), place.at("src")).unwrap();
    let summary = place.collect("2026-11-19", &source);
    assert_eq!(summary.stored, 0);
}

#[test]
fn levels_become_archives_of_their_own() {
    let place = Place::new();
    for dir in ["ann", "bob/x", "bob/y", "b b", "b_b"] {
        fs::create_dir_all(place.src(dir)).unwrap();
        fs::write(place.src(dir).join("file"), dir).unwrap();
    }
    fs::write(place.src("top"), "").unwrap();
    let mut source = place.source();
    source.name = cback::units::ArchiveName::of(&source.path, cback::units::Naming::V3);
    if let Shape::Dir {
        recursion_level, ..
    } = &mut source.shape
    {
        *recursion_level = 1;
    }
    place.collect("2026-11-17", &source);
    let stem = source.name.to_string();
    let (header, entries) = place.manifest(&format!("{stem}.mtree.gz"));
    let parts = ["ann", "b_b", "b_b~2", "bob"]
        .map(|name| std::ffi::OsString::from(format!("{stem}-{name}")));
    assert_eq!(header.parts, parts);
    assert_eq!((header.whole, entries.len()), (None, 2));
    for (part, count) in [("ann", 2), ("b_b", 2), ("b_b~2", 2), ("bob", 5)] {
        let (header, entries) = place.manifest(&format!("{stem}-{part}.mtree.gz"));
        assert_eq!(header.whole, Some(stem.clone().into()));
        assert_eq!(entries.len(), count, "{part}");
    }
    place.stage("2026-11-17");
    let mut all = place.restored("2026-11-17", &stem);
    for part in ["ann", "b_b", "b_b~2", "bob"] {
        all.extend(place.restored("2026-11-17", &format!("{stem}-{part}")));
    }
    assert_same(&all, &present(&place.at("src")), "all levels");
}

#[test]
fn a_part_that_is_gone_is_staged_once_more_at_most() {
    let place = Place::new();
    for dir in ["ann", "bob"] {
        fs::create_dir(place.src(dir)).unwrap();
        fs::write(place.src(dir).join("file"), dir).unwrap();
    }
    let mut source = place.source();
    source.name = cback::units::ArchiveName::of(&source.path, cback::units::Naming::V3);
    if let Shape::Dir {
        recursion_level, ..
    } = &mut source.shape
    {
        *recursion_level = 1;
    }
    let has = |part: &str| {
        let part = format!("-{part}.");
        place.outputs().iter().any(|name| name.contains(&part))
    };
    place.collect("2026-11-17", &source);
    fs::remove_dir_all(place.src("ann")).unwrap();
    // Nobody has fetched it yet: it is the only one.
    place.collect("2026-11-18", &source);
    assert!(has("ann") && has("bob"));
    place.stage("2026-11-18");
    place.collect("2026-11-19", &source);
    assert!(!has("ann") && has("bob"), "{:?}", place.outputs());
    place.stage("2026-11-19");
    // A whole source that is not wanted any more.
    place.try_collect("2026-11-20", &[]).unwrap();
    assert_eq!(place.outputs(), [""; 0]);
}

#[test]
fn a_full_disk_leaves_no_archive_and_no_indicator() {
    // A file system of its own that is too small.
    let place = Place::new();
    let small = place.at("collect");
    super::place::run(
        "mount",
        &[
            "-t",
            "tmpfs",
            "-o",
            "size=1m",
            "none",
            small.to_str().unwrap(),
        ],
        &place.at("."),
    );
    let noise: Vec<u8> = (0u32..1_000_000)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    fs::write(place.src("noise"), noise).unwrap();
    let result = place.try_collect("2026-11-17", &[place.source()]);
    let left: Vec<PathBuf> = fs::read_dir(&small)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    super::place::run("umount", &[small.to_str().unwrap()], &place.at("."));
    let error = result.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("src.tar.gz"), "{shown}");
    assert_eq!(left, Vec::<PathBuf>::new());
    assert!(!place.at("work/src.snapshot.pending").exists());
}
