//! Somebody with any computer and none of our software: other people's tools read every session of the disc.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

const SECTOR: u64 = 2048;

/// Three days on a disc, and what the staging directory was each time.
fn three_sessions(archive_mode: &str) -> (Machine, Vec<PathBuf>) {
    let machine = Machine::new();
    machine.configure(|text| text.replace("targz<", &format!("{archive_mode}<")));
    let source = machine.path("source");
    tree::one_of_everything(&source);
    let mut staged = Vec::new();
    for day in ["2026-11-24", "2026-11-25", "2026-11-26"] {
        tree::file(source.join("diary").join(day), format!("{day}: rain\n"));
        machine.back_up(day);
        let kept = machine.path("staged").join(day);
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        foreign(
            &machine.path(""),
            "cp",
            &["-a".as_ref(), "stage".as_ref(), kept.as_ref()],
        );
        staged.push(kept);
    }
    (machine, staged)
}

#[test]
fn xorriso_isoinfo_and_bsdtar_extract_every_session() {
    let (machine, staged) = three_sessions("targz");
    let sessions = table_of_contents(&machine.disc());
    assert_eq!(sessions.len(), staged.len(), "{sessions:?}");
    for (at, (start, end)) in sessions.into_iter().enumerate() {
        // The disc has checksums of its own, of what was read for it.
        let mut expected = contents(&staged[at]);
        expected.retain(|name, _| !name.ends_with("SHA256SUMS"));
        for (reader, extract) in READERS {
            let into = machine.path(format!("{reader}-{at}"));
            fs::create_dir(&into).unwrap();
            extract(&machine.disc(), at + 1, start, end, &into);
            let mut found = contents(&into);
            let readme = found.remove(Path::new("README.txt"));
            assert!(
                readme.is_some(),
                "{reader}: session {} has no README.txt",
                at + 1
            );
            found.retain(|name, _| !name.ends_with("SHA256SUMS"));
            assert_eq!(found, expected, "{reader}: session {}", at + 1);
        }
    }
}

#[test]
fn sha256sum_accepts_every_daily_directory() {
    let (machine, _) = three_sessions("tarzst");
    let into = machine.path("extracted");
    fs::create_dir(&into).unwrap();
    bsdtar(&machine.disc(), 0, 0, 0, &into);
    let mut days = 0;
    for day in ["2026/11/24", "2026/11/25", "2026/11/26"] {
        let dir = into.join(day);
        let said = foreign(
            &dir,
            "sha256sum",
            &["-c", "--strict", "SHA256SUMS"].map(OsStr::new),
        );
        let files = contents(&dir)
            .keys()
            .filter(|name| !name.ends_with("SHA256SUMS"))
            .count();
        assert_eq!(
            said.lines().filter(|line| line.ends_with(": OK")).count(),
            files,
            "{said}"
        );
        days += 1;
    }
    assert_eq!(days, 3);
}

#[test]
fn the_commands_on_the_disc_get_everything_back() {
    for (mode, extension) in [
        ("tar", ".tar"),
        ("targz", ".tar.gz"),
        ("tarbz2", ".tar.bz2"),
        ("tarzst", ".tar.zst"),
    ] {
        let (machine, _) = three_sessions(mode);
        let disc = machine.path("disc");
        fs::create_dir(&disc).unwrap();
        bsdtar(&machine.disc(), 0, 0, 0, &disc);
        let text = fs::read_to_string(disc.join("README.txt")).unwrap();
        let (_, text) = text.split_once("GETTING EVERYTHING BACK").unwrap();
        let expected = contents(&machine.path("source"));

        // The loop is written for the usual way; the table has the others.
        if mode == "targz" {
            let loop_lines = text.lines().skip_while(|line| !line.starts_with("    "));
            let script: Vec<&str> = loop_lines
                .take_while(|line| line.starts_with("    "))
                .collect();
            let source = machine.path("source");
            let stem = source
                .to_str()
                .unwrap()
                .trim_start_matches('/')
                .replace('/', "-");
            let script = script
                .join("\n")
                .replace("/path/to/disc", disc.to_str().unwrap())
                .replace("/tmp/restored", machine.path("by-loop").to_str().unwrap())
                .replace("MACHINE", "ada")
                .replace("home-user", &stem);
            foreign(&machine.path(""), "sh", &["-euc", &script].map(OsStr::new));
            assert_eq!(contents(&machine.restored("by-loop")), expected);
        }

        let row = text
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with(&format!("{extension} ")));
        for (at, command) in row.unwrap()[extension.len()..].split("  or  ").enumerate() {
            let into = machine.path(format!("by-command-{at}"));
            let each = command
                .trim()
                .replace("FILE", "\"$f\"")
                .replace("DIRECTORY", into.to_str().unwrap());
            let script = format!(
                "mkdir {}; for f in disc/*/*/*/ada/*{extension}; do {each}; done",
                into.display()
            );
            foreign(&machine.path(""), "sh", &["-euc", &script].map(OsStr::new));
            assert_eq!(
                contents(&machine.restored(into.to_str().unwrap())),
                expected,
                "{command}"
            );
        }
    }
}

type Extract = fn(&Path, usize, u64, u64, &Path);
const READERS: [(&str, Extract); 3] = [
    ("xorriso", xorriso),
    ("isoinfo", isoinfo),
    ("bsdtar", bsdtar_session),
];

fn xorriso(disc: &Path, number: usize, _start: u64, _end: u64, into: &Path) {
    let number = number.to_string();
    let words = ["-osirrox", "on", "-load", "session", &number, "-indev"].map(OsStr::new);
    let disc = device(disc);
    let more = [
        OsStr::new(&disc),
        "-extract".as_ref(),
        "/".as_ref(),
        into.as_ref(),
    ];
    foreign(into, "xorriso", &[&words[..], &more[..]].concat());
}

fn isoinfo(disc: &Path, _number: usize, start: u64, _end: u64, into: &Path) {
    let start = start.to_string();
    let call = |words: &[&str]| {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        let output = std::process::Command::new("isoinfo")
            .args(["-R", "-T", &start, "-i"])
            .arg(disc)
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let list = String::from_utf8(call(&["-f"])).unwrap();
    let long = String::from_utf8(call(&["-l"])).unwrap();
    let dirs: Vec<&str> = long
        .lines()
        .filter_map(|line| line.strip_prefix("Directory listing of "))
        .collect();
    for name in list.lines() {
        let is_dir = dirs.iter().any(|dir| dir.trim_end_matches('/') == name);
        let path = into.join(name.trim_start_matches('/'));
        if is_dir {
            fs::create_dir_all(path).unwrap();
        } else {
            tree::file(path, call(&["-x", name]));
        }
    }
}

/// bsdtar knows only the session at the head: it gets a disc on which that one is the newest.
fn bsdtar_session(disc: &Path, number: usize, start: u64, end: u64, into: &Path) {
    let older = into.with_extension("iso");
    fs::copy(disc, &older).unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(&older)
        .unwrap();
    let mut descriptors = vec![0; 16 * 2048];
    file.read_exact_at(&mut descriptors, (start + 16) * SECTOR)
        .unwrap();
    // Its size counts to the end of the session, now that it stands at the beginning.
    for descriptor in descriptors.chunks_exact_mut(2048).take(2) {
        let end = u32::try_from(end).unwrap();
        descriptor[80..84].copy_from_slice(&end.to_le_bytes());
        descriptor[84..88].copy_from_slice(&end.to_be_bytes());
    }
    file.write_all_at(&descriptors, 16 * SECTOR).unwrap();
    file.set_len(end * SECTOR).unwrap();
    bsdtar(&older, number, start, end, into);
    fs::remove_file(older).unwrap();
}

fn bsdtar(disc: &Path, _number: usize, _start: u64, _end: u64, into: &Path) {
    foreign(into, "bsdtar", &["-xf".as_ref(), disc.as_ref()]);
}

fn device(disc: &Path) -> String {
    format!("stdio:{}", disc.display())
}

/// Start and end of each session in sectors, as xorriso sees them.
fn table_of_contents(disc: &Path) -> Vec<(u64, u64)> {
    let device = device(disc);
    let words = ["-indev", &device, "-toc"].map(OsStr::new);
    foreign(disc.parent().unwrap(), "xorriso", &words)
        .lines()
        .filter_map(|line| line.strip_prefix("ISO session  :"))
        .map(|line| {
            let mut fields = line.split(',').map(str::trim);
            let start = fields.nth(1).unwrap().parse::<u64>().unwrap();
            let size = fields
                .next()
                .unwrap()
                .trim_end_matches('s')
                .parse::<u64>()
                .unwrap();
            (start, start + size)
        })
        .collect()
}

/// The regular files below `root` with their digests, without the marks that come after the burning.
fn contents(root: &Path) -> BTreeMap<PathBuf, String> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file() && entry.file_name() != "cback.store")
        .map(|entry| {
            let name = entry.path().strip_prefix(root).unwrap().to_owned();
            let digest = Sha256::digest(fs::read(entry.path()).unwrap());
            (name, format!("{digest:x?}"))
        })
        .collect()
}
