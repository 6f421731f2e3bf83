//! Files that change, vanish or cannot be read while they are collected: reported, marked, and harmless to
//! everything else.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cback::archive::Compression;
use cback::archive::manifest::{Entry, Place as Stored};
use cback::collect::{self, Full, Request, Source};
use cback::event::{Event, Monitor};
use cback::units::{AbsPath, Weekday};

use super::place::{Ear, Place, members, run};

/// Calls `then` once, when the first file was stored or so many bytes were read. A small tree was walked to its end by then, so that
/// what `then` does happens between looking at the other files and reading them.
struct Meddler<'a> {
    ear: &'a Ear,
    /// How many bytes have to be read before.
    from: u64,
    then: &'a (dyn Fn() + Sync),
    done: AtomicBool,
}

impl Monitor for Meddler<'_> {
    fn observe(&self, event: &Event<'_>) {
        self.ear.observe(event);
        if let Event::Progress(progress) = event
            && progress.done >= self.from
            && !self.done.swap(true, Ordering::Relaxed)
        {
            (self.then)();
        }
    }
}

fn collect_while(place: &Place, source: &Source, from: u64, then: &(dyn Fn() + Sync)) -> u64 {
    let request = Request {
        sources: std::slice::from_ref(source),
        collect_dir: &place.at("collect"),
        working_dir: &place.at("work"),
        day: "2026-11-21".parse().unwrap(),
        start: Weekday::Mon,
        full: Full::No,
        ids: None,
        now: std::time::SystemTime::now(),
    };
    let meddler = Meddler {
        ear: &place.ear,
        from,
        then,
        done: AtomicBool::new(false),
    };
    place.tick();
    let summary = collect::run_with(&request, Duration::ZERO, &meddler).unwrap();
    assert!(meddler.done.into_inner());
    summary.problems
}

fn entry<'a>(entries: &'a [Entry], name: &str) -> &'a Entry {
    let found = entries
        .iter()
        .find(|entry| entry.member.path.ends_with(name));
    found.unwrap()
}

/// Extracts with a foreign program and says what `name` holds.
fn extracted(place: &Place, name: &str) -> Vec<u8> {
    let target = place.fresh("out");
    let archive = place.at("collect/src.tar");
    run("tar", &["-xf", archive.to_str().unwrap()], &target);
    let below = place.src(name);
    fs::read(target.join(below.strip_prefix("/").unwrap())).unwrap()
}

#[test]
fn what_became_something_else_before_it_was_read_is_told() {
    let place = Place::new();
    for name in [
        "a",
        "became-dir",
        "became-fifo",
        "became-link",
        "gone",
        "replaced",
        "z",
    ] {
        fs::write(place.src(name), name).unwrap();
    }
    let mut source = place.source();
    source.compression = Compression::None;
    let problems = collect_while(&place, &source, 0, &|| {
        for name in ["became-dir", "became-fifo", "became-link", "gone"] {
            fs::remove_file(place.src(name)).unwrap();
        }
        fs::create_dir(place.src("became-dir")).unwrap();
        run("mkfifo", &["became-fifo"], &place.at("src"));
        std::os::unix::fs::symlink("a", place.src("became-link")).unwrap();
        // As editors save: a new file under the old name is as good as the old one.
        fs::write(place.src("new"), "another length").unwrap();
        fs::rename(place.src("new"), place.src("replaced")).unwrap();
    });
    assert_eq!(problems, 4);
    assert_eq!(place.heard().len(), 4);
    let (_, entries) = place.manifest("src.mtree.gz");
    for name in ["became-dir", "became-fifo", "became-link", "gone"] {
        let entry = entry(&entries, name);
        assert!(matches!(entry.place, Stored::Missing(_)), "{entry:?}");
    }
    for name in ["a", "replaced", "z"] {
        let entry = entry(&entries, name);
        assert!(matches!(entry.place, Stored::Whole(_)), "{entry:?}");
    }
    assert_eq!(extracted(&place, "replaced"), b"another length");
    assert_eq!(extracted(&place, "z"), b"z");
    // What was not saved is tried again.
    place.stage("2026-11-21");
    place.collect("2026-11-22", &source);
    let archive = members(&place.at("collect/src.tar"));
    let again = |name: &str| archive.keys().any(|path| path.ends_with(name));
    assert!(again("became-dir") && again("became-link") && !again("z"));
}

/// Collects a file of 64 MB and changes it when a part of it was read.
fn change_while_read(change: impl Fn(&Path) + Sync) -> (Place, Entry) {
    let place = Place::new();
    let path = place.src("big");
    fs::write(&path, vec![b'x'; 64 << 20]).unwrap();
    fs::write(place.src("z"), "the next one").unwrap();
    let mut source = place.source();
    source.compression = Compression::None;
    let problems = collect_while(&place, &source, 1 << 20, &|| change(&path));
    assert_eq!(problems, 1);
    assert_eq!(extracted(&place, "z"), b"the next one");
    let (_, entries) = place.manifest("src.mtree.gz");
    let found = entry(&entries, "big").clone();
    (place, found)
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_filled_up_and_told() {
    let (place, entry) = change_while_read(|path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(1000).unwrap();
    });
    let heard = place.heard();
    assert!(heard[0].contains("shrank"), "{heard:?}");
    let Stored::Torn(_, reason) = &entry.place else {
        panic!("{entry:?}");
    };
    assert!(reason.contains("shrank"), "{reason}");
    let bytes = extracted(&place, "big");
    assert_eq!(bytes.len(), 64 << 20);
    assert_eq!(entry.digest, Some(cback::units::Digest::of(&bytes)));
    assert_eq!((bytes[0], bytes[(64 << 20) - 1]), (b'x', 0));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_cut_and_told() {
    let (place, entry) = change_while_read(|path| {
        let mut file = fs::File::options().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    });
    let heard = place.heard();
    assert!(heard[0].contains("grew"), "{heard:?}");
    assert!(matches!(entry.place, Stored::Torn(..)), "{entry:?}");
    assert_eq!(extracted(&place, "big").len(), 64 << 20);
    // Never trusted: it is stored again, whole this time.
    place.stage("2026-11-21");
    let mut source = place.source();
    source.compression = Compression::None;
    place.collect("2026-11-22", &source);
    assert_eq!(extracted(&place, "big").len(), (64 << 20) + 4);
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_told() {
    let (place, entry) = change_while_read(|path| {
        use std::os::unix::fs::FileExt as _;
        let file = fs::File::options().write(true).open(path).unwrap();
        file.write_all_at(b"y", (64 << 20) - 1).unwrap();
    });
    let heard = place.heard();
    assert!(heard[0].contains("changed"), "{heard:?}");
    assert!(matches!(entry.place, Stored::Torn(..)), "{entry:?}");
}

#[test]
fn a_file_that_lies_about_its_length_harms_nobody() {
    let place = Place::new();
    let source = Source {
        shape: collect::Shape::File,
        ..Place::source_at(Path::new("/proc/version"))
    };
    let summary = place
        .try_collect("2026-11-21", &[source, place.source()])
        .unwrap();
    assert_eq!(summary.problems, 1);
    let heard = place.heard();
    assert!(heard[0].contains("/proc/version"), "{heard:?}");
    assert_eq!(place.outputs().len(), 4);
}

/// Runs `test` of this program as a user without rights; root reads everything.
fn as_nobody(test: &str) {
    let own = std::env::current_exe().unwrap();
    let copy = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = copy.path().join("tests");
    // By another process: a child that another test starts at that moment would hold a copy of ours open for writing,
    // and then the kernel does not run it.
    let words = ["cp".as_ref(), own.as_os_str(), program.as_os_str()];
    let copied = std::process::Command::new(words[0])
        .args(&words[1..])
        .status();
    assert!(copied.unwrap().success());
    let status = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args([test, "--exact", "--test-threads=1"])
        .current_dir("/")
        .env("AS_NOBODY", "1")
        .env("TMPDIR", "/tmp")
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_is_collected() {
    if std::env::var_os("AS_NOBODY").is_none() {
        return as_nobody("changing::what_may_not_be_read_is_told_and_the_rest_is_collected");
    }
    let place = Place::new();
    for dir in ["closed", "open"] {
        fs::create_dir(place.src(dir)).unwrap();
        fs::write(place.src(dir).join("file"), dir).unwrap();
    }
    fs::write(place.src("secret"), "").unwrap();
    fs::write(place.src("z"), "").unwrap();
    let shut = |name: &str, mode| {
        fs::set_permissions(place.src(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    shut("secret", 0);
    shut("closed", 0);
    let mut source = place.source();
    source.compression = Compression::None;
    let summary = place.try_collect("2026-11-21", &[source]).unwrap();
    shut("closed", 0o755);
    assert_eq!(summary.problems, 2);
    let heard = place.heard().join("\n");
    assert!(
        heard.contains("secret") && heard.contains("closed"),
        "{heard}"
    );
    let (_, entries) = place.manifest("src.mtree.gz");
    assert!(matches!(
        entry(&entries, "secret").place,
        Stored::Missing(_)
    ));
    assert!(matches!(entry(&entries, "closed").place, Stored::Torn(..)));
    assert!(matches!(entry(&entries, "z").place, Stored::Whole(_)));
    assert_eq!(extracted(&place, "open/file"), b"open");
}

#[test]
fn one_thing_that_cannot_be_looked_at_costs_no_split_source() {
    if std::env::var_os("AS_NOBODY").is_none() {
        return as_nobody("changing::one_thing_that_cannot_be_looked_at_costs_no_split_source");
    }
    let place = Place::new();
    fs::create_dir_all(place.src("ann/hidden")).unwrap();
    fs::create_dir_all(place.src("bob/docs")).unwrap();
    fs::write(place.src("bob/docs/letter"), "").unwrap();
    // It can be listed, but nothing in it can be looked at: as for root a file system of another user's.
    let mode = |mode| fs::set_permissions(place.src("ann"), fs::Permissions::from_mode(mode));
    mode(0o444).unwrap();
    let mut source = place.source();
    if let collect::Shape::Dir {
        recursion_level, ..
    } = &mut source.shape
    {
        *recursion_level = 2;
    }
    let told = place.try_collect("2026-11-21", &[source.clone()]);
    let outputs = place.outputs();
    let heard = place.heard().join("\n");
    if let collect::Shape::Dir { rules, .. } = &mut source.shape {
        rules.exclude_paths = vec![AbsPath::new(place.src("ann/hidden")).unwrap()];
    }
    let excluded = place.try_collect("2026-11-22", &[source]);
    mode(0o755).unwrap();
    assert_eq!(told.unwrap().problems, 1, "{heard}");
    assert!(heard.contains("ann/hidden"), "{heard}");
    let collected = |end: &str| outputs.iter().any(|name| name.ends_with(end));
    assert!(
        collected("src-ann.mtree.gz") && collected("src-bob-docs.mtree.gz"),
        "{outputs:?}"
    );
    assert_eq!(excluded.unwrap().problems, 0, "{:?}", place.heard());
}
