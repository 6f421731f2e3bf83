//! One table of cases for every place where a collect directory can be: on this machine, behind the built-in SSH
//! (with and without `cback agent`), behind the configured `scp`. What a place cannot do is asserted by its name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use crate::call::said;
use crate::machine::Machine;
use crate::master::{COMMAND, DAY, NATIVE, Pool, daily, lock_to_agent};
use crate::sshd::{Claims, Sshd};
use crate::tree;

/// Where the collect directory is, and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On the master itself.
    Local,
    /// Behind the built-in SSH, by SFTP.
    Sftp,
    /// Behind the built-in SSH, served by `cback agent`.
    Agent,
    /// Behind the built-in SSH, with a key that is locked to the SFTP server.
    Locked,
    /// Behind the configured `scp`.
    Command,
}

/// What is to come of a case.
struct Outcome {
    status: i32,
    /// What is told of it.
    told: &'static [&'static str],
    /// The names that come; `None` if the peer is not in the day.
    comes: Option<&'static [&'static [u8]]>,
}

/// One case: a collect directory, and what comes of it.
struct Case {
    name: &'static str,
    arrange: fn(&Sshd),
    /// What is put into `<stage>`.
    stage: &'static str,
    expect: fn(Place) -> Outcome,
}

const fn whole(comes: &'static [&'static [u8]]) -> Outcome {
    Outcome {
        status: 0,
        told: &[],
        comes: Some(comes),
    }
}

const fn partly(told: &'static [&'static str], comes: &'static [&'static [u8]]) -> Outcome {
    Outcome {
        status: 10,
        told,
        comes: Some(comes),
    }
}

/// The only peer is not staged: the action did nothing of its work.
const fn nothing(told: &'static [&'static str]) -> Outcome {
    Outcome {
        status: 6,
        told,
        comes: None,
    }
}

const CASES: &[Case] = &[
    Case {
        name: "ready, claiming nothing",
        arrange: |peer| peer.collected(&[("a", b"a"), ("empty", b"")], Claims::Nothing),
        stage: "",
        expect: |_| whole(&[b"a", b"cback.collect", b"empty"]),
    },
    Case {
        name: "digests claimed and right",
        arrange: |peer| peer.collected(&[("a", b"a"), ("empty", b"")], Claims::Digests),
        stage: "",
        expect: |_| whole(&[b"a", b"cback.collect", b"empty"]),
    },
    Case {
        name: "digests claimed and wrong",
        arrange: |peer| {
            peer.collected(&[("a", b"a"), ("b", b"b")], Claims::Digests);
            fs::write(peer.collect().join("b"), "x").unwrap();
        },
        stage: "",
        expect: |_| {
            partly(
                &["/b: it is not what was collected"],
                &[b"a", b"cback.collect"],
            )
        },
    },
    Case {
        name: "a file of the list has vanished",
        arrange: |peer| {
            peer.collected(&[("a", b"a"), ("b", b"b")], Claims::Digests);
            fs::remove_file(peer.collect().join("b")).unwrap();
        },
        stage: "",
        expect: |_| {
            partly(
                &["/b: it is on the list of what was collected, but not there"],
                &[b"a", b"cback.collect"],
            )
        },
    },
    Case {
        name: "not ready",
        arrange: |peer| fs::write(peer.collect().join("a"), "a").unwrap(),
        stage: "",
        expect: |_| nothing(&["not ready: ", "has no cback.collect"]),
    },
    Case {
        name: "staged already",
        arrange: |peer| {
            peer.collected(&[("a", b"a")], Claims::Nothing);
            tree::age(&peer.collect().join("cback.collect"), 1_700_000_000, 0);
            fs::write(peer.collect().join("cback.stage"), "").unwrap();
        },
        stage: "",
        expect: |place| match place {
            // No line that every client allows tells it.
            Place::Command => whole(&[b"a", b"cback.collect"]),
            _ => nothing(&["not ready: nothing was collected in"]),
        },
    },
    Case {
        name: "odd names",
        arrange: |peer| {
            peer.collected(&[], Claims::Nothing);
            for name in ODD {
                fs::write(peer.collect().join(OsStr::from_bytes(name)), name).unwrap();
            }
        },
        stage: "",
        expect: |_| {
            whole(&[
                b"$(touch x)",
                b"*",
                b"-rf",
                b"SHA256SUMS",
                b"a b",
                b"back\\slash",
                b"cback.collect",
                b"escape \x1b[2J",
                b"latin \xff",
                b"quote'",
            ])
        },
    },
    Case {
        name: "a newline in a name",
        arrange: |peer| {
            peer.collected(&[("good", b"good")], Claims::Nothing);
            fs::write(peer.collect().join("new\nline"), "new").unwrap();
        },
        stage: "",
        expect: |place| match place {
            // The copy's protocol has lines: the program sends it under another name.
            Place::Command => whole(&[b"cback.collect", b"good", b"new\\^Jline"]),
            _ => whole(&[b"cback.collect", b"good", b"new\nline"]),
        },
    },
    Case {
        name: "directory, FIFO and link",
        arrange: |peer| {
            peer.collected(&[("good", b"good")], Claims::Nothing);
            tree::file(peer.collect().join("dir/below"), "below");
            said("mkfifo", &[peer.collect().join("fifo").to_str().unwrap()]);
            std::os::unix::fs::symlink("/etc/passwd", peer.collect().join("link")).unwrap();
        },
        stage: "",
        expect: |place| match place {
            // The copy fails as a whole, as Cedar Backup's does.
            Place::Command => nothing(&["not a regular file"]),
            _ => partly(
                &["dir: a directory", "fifo: a FIFO", "link: a symbolic link"],
                &[b"cback.collect", b"good"],
            ),
        },
    },
    Case {
        name: "only a link",
        arrange: |peer| {
            peer.collected(&[("good", b"good")], Claims::Nothing);
            fs::write(peer.path("other"), "other").unwrap();
            std::os::unix::fs::symlink(peer.path("other"), peer.collect().join("link")).unwrap();
        },
        stage: "",
        expect: |place| match place {
            // It is the client's end that follows it, on its own machine.
            Place::Command => whole(&[b"cback.collect", b"good", b"link"]),
            _ => partly(&["link: a symbolic link"], &[b"cback.collect", b"good"]),
        },
    },
    Case {
        name: "too many files",
        arrange: |peer| {
            peer.collected(&[("a", b""), ("b", b""), ("c", b"")], Claims::Nothing);
        },
        stage: "<max_files>3</max_files>",
        expect: |_| nothing(&["more than 3 files", "over its limit"]),
    },
    Case {
        name: "just as many files as there may be",
        arrange: |peer| peer.collected(&[("a", b""), ("b", b"")], Claims::Nothing),
        stage: "<max_files>3</max_files>",
        expect: |_| whole(&[b"a", b"b", b"cback.collect"]),
    },
    Case {
        name: "too many bytes",
        arrange: |peer| peer.collected(&[("a", &[1; 3_000_000])], Claims::Digests),
        stage: "<max_bytes>2 MB</max_bytes>",
        expect: |_| nothing(&["more than 2", "over its limit"]),
    },
    Case {
        name: "partial names are passed by",
        arrange: |peer| {
            peer.collected(&[("a", b"a")], Claims::Nothing);
            fs::write(peer.collect().join("cback.stage"), "old").unwrap();
            tree::age(&peer.collect().join("cback.stage"), 1_700_000_000, 0);
            fs::write(peer.collect().join(".b.partial"), "b").unwrap();
        },
        stage: "",
        expect: |_| whole(&[b"a", b"cback.collect"]),
    },
];

const ODD: &[&[u8]] = &[
    b"$(touch x)",
    b"*",
    b"-rf",
    b"SHA256SUMS",
    b"a b",
    b"back\\slash",
    b"escape \x1b[2J",
    b"latin \xff",
    b"quote'",
];

/// Tries every case, and names those that fail.
fn conforms(place: Place) {
    let fails = |case: &&Case| std::panic::catch_unwind(|| holds(case, place)).is_err();
    let failed: Vec<&str> = CASES.iter().filter(fails).map(|case| case.name).collect();
    assert!(failed.is_empty(), "{place:?}: {failed:?}");
}

fn holds(case: &Case, place: Place) {
    let what = format!("{}, {place:?}", case.name);
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    (case.arrange)(&ada);
    reach(&machine, &ada, place, case.stage);
    let before = entries(&ada.collect());
    let ended = machine.cback("stage").on(DAY).run();
    assert_eq!(ada.connections() > 0, place != Place::Local, "{what}");
    let expected = (case.expect)(place);
    let screen = ended.screen();
    assert_eq!(ended.status, expected.status, "{what}:\n{screen}");
    for text in expected.told {
        assert!(screen.contains(text), "{what}: no {text:?} in\n{screen}");
    }
    let dir = daily(&machine).join("ada");
    let Some(comes) = expected.comes else {
        assert!(!dir.exists(), "{what}");
        assert_eq!(entries(&ada.collect()), before, "{what}");
        return;
    };
    assert_eq!(named(&entries(&dir)), named(comes), "{what}");
    let told = fs::read(ada.collect().join("cback.stage")).unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.starts_with("# staged 2026-11-21\n"), "{what}: {told}");
    assert_eq!(told.lines().count(), comes.len() + 1, "{what}: {told}");
    for name in comes {
        let name = OsStr::from_bytes(name);
        // What came under another name has no source to compare with.
        if let Ok(source) = fs::read(ada.collect().join(name)) {
            assert!(
                fs::read(dir.join(name)).unwrap() == source,
                "{what}: {name:?}"
            );
        }
        let digest = digest(&dir.join(name));
        assert!(told.contains(&digest), "{what}: {name:?} in {told}");
    }
}

fn named(names: &[impl AsRef<[u8]>]) -> Vec<String> {
    let names = names.iter();
    names
        .map(|name| name.as_ref().escape_ascii().to_string())
        .collect()
}

/// Its SHA-256 digest, as sha256sum says.
fn digest(path: &Path) -> String {
    let output = Command::new("sha256sum")
        .stdin(fs::File::open(path).unwrap())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn reach(machine: &Machine, peer: &Sshd, place: Place, stage: &str) {
    let way = match place {
        Place::Command => COMMAND,
        _ => NATIVE,
    };
    Pool { stage, ..way }.master(machine, &[peer]);
    match place {
        Place::Local => {
            let path = machine.path("cback.conf");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(
                &path,
                text.replace("<type>remote</type>", "<type>local</type>"),
            )
            .unwrap();
        }
        Place::Agent => lock_to_agent(machine, peer, ""),
        Place::Locked => peer.authorize("restrict,command=\"internal-sftp\""),
        Place::Sftp | Place::Command => {}
    }
}

/// The names in `dir`, in order.
fn entries(dir: &Path) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().as_bytes().to_vec())
        .collect();
    names.sort();
    names
}

#[test]
fn a_directory_of_this_machine_conforms() {
    conforms(Place::Local);
}

#[test]
fn a_directory_behind_sftp_conforms() {
    conforms(Place::Sftp);
}

#[test]
fn a_directory_behind_a_key_for_sftp_alone_conforms() {
    conforms(Place::Locked);
}

#[test]
fn a_directory_behind_the_agent_conforms() {
    conforms(Place::Agent);
}

#[test]
fn a_directory_behind_scp_conforms() {
    conforms(Place::Command);
}
