//! Many small files off a disc: quickly, none under its name before its bytes are durable, and after a kill the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::machine::Machine;
use crate::tree;

const FILES: u32 = 600;
const GET: &str = "disc get --disc d.iso --into got /";

/// A machine with a disc of many files in two directories.
fn machine() -> Machine {
    let machine = Machine::new();
    for dir in ["source/one", "source/two"] {
        fs::create_dir(machine.path(dir)).unwrap();
    }
    for number in 0..FILES {
        let dir = ["one", "two"][(number % 2) as usize];
        let name = machine.path(format!("source/{dir}/{number}"));
        fs::write(name, format!("file {number}")).unwrap();
    }
    // Of a time, a disc has the seconds.
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for entry in walkdir::WalkDir::new(machine.path("source")).contents_first(true) {
        let file = File::open(entry.unwrap().path()).unwrap();
        file.set_modified(time).unwrap();
    }
    machine.cback("disc burn --disc d.iso source").run().well();
    machine
}

/// The names in `dir` that do not begin with a dot and those that do.
fn names(dir: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.partition(|name| !name.starts_with('.'))
}

#[test]
fn a_file_has_its_name_when_its_bytes_are_durable_and_many_share_a_sync() {
    let machine = machine();
    let calls = "-etrace=openat,renameat2,fsync,fdatasync,syncfs";
    let tracer = ["strace", "-f", "-qqq", "-s500", "-otrace", calls];
    machine.cback(GET).under(tracer).run().well_and_silent();
    let trace = fs::read_to_string(machine.path("trace")).unwrap();
    let mut unsynced: BTreeMap<String, bool> = BTreeMap::new();
    let (mut syncs, mut renames) = (0, 0);
    for line in trace.lines() {
        let partial = line.split('"').find(|word| word.ends_with(".partial"));
        if let Some(partial) = partial {
            if line.contains("O_CREAT") {
                unsynced.insert(partial.to_owned(), true);
            } else if line.contains("renameat2") {
                assert!(!unsynced[partial], "{line}");
                renames += 1;
            }
        } else if line.contains("syncfs(") {
            for is_unsynced in unsynced.values_mut() {
                *is_unsynced = false;
            }
            syncs += 1;
        } else if line.contains("fsync(") || line.contains("fdatasync(") {
            syncs += 1;
        }
    }
    assert_eq!(renames, FILES);
    assert!(syncs < 10, "{syncs}");
    // The last of them is for the names.
    let end = trace
        .lines()
        .rfind(|line| line.contains("syncfs("))
        .unwrap();
    let last = trace
        .lines()
        .rfind(|line| line.contains("renameat2("))
        .unwrap();
    assert!(trace.find(end) > trace.find(last), "{trace}");
    for dir in ["one", "two"] {
        let [source, got] = ["source", "got"].map(|top| machine.path(top).join(dir));
        tree::assert_same(&source, &got);
    }
}

#[test]
fn what_a_killed_run_left_is_cleared_away_and_the_rest_is_taken() {
    let machine = machine();
    let killer = [
        "strace",
        "-f",
        "-qqq",
        "-o/dev/null",
        "-etrace=renameat2",
        "-einject=renameat2:signal=SIGKILL:when=400",
    ];
    let ended = machine.cback(GET).under(killer).run();
    assert_eq!(ended.status, -1, "{}", ended.screen());
    let mut left = 0;
    for dir in ["one", "two"] {
        let (named, partial) = names(&machine.path("got").join(dir));
        left += partial.len();
        for name in named {
            let bytes = fs::read(machine.path("got").join(dir).join(&name)).unwrap();
            assert_eq!(bytes, format!("file {name}").as_bytes());
        }
    }
    assert!(left > 0);
    // A run that is still at work keeps its own, and what is somebody else's stays.
    let at_work = machine.path("got/two/.cback-1-1.partial");
    let held = File::create(&at_work).unwrap();
    held.lock().unwrap();
    let others = machine.path("got/two/.mine.partial");
    fs::write(&others, "mine").unwrap();
    machine.cback(GET).run().well_and_silent();
    assert_eq!(names(&machine.path("got/one")).1, BTreeSet::new());
    assert_eq!(
        names(&machine.path("got/two")).1,
        [".cback-1-1.partial", ".mine.partial"]
            .map(str::to_owned)
            .into()
    );
    drop(held);
    machine.cback(GET).run().well_and_silent();
    assert!(!at_work.exists());
    fs::remove_file(others).unwrap();
    for dir in ["one", "two"] {
        let (there, _) = names(&machine.path("source").join(dir));
        assert_eq!(names(&machine.path("got").join(dir)).0, there);
    }
}
