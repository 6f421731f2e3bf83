//! What Cedar Backup staged is stored, what it burnt is kept and restored from, and what others left in a collect
//! directory stays. Discs are written here as it writes them: with genisoimage, each session on top of the last.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

const SECTOR: u64 = 2048;

/// Stages a day as Cedar Backup does: an archive without directories, and empty indicators.
fn stage(machine: &Machine, day: &str, files: &[&str]) {
    let daily = machine.path("stage").join(day.replace('-', "/"));
    let peer = daily.join("ada");
    fs::create_dir_all(&peer).unwrap();
    let source = machine.path("source");
    let below = source.strip_prefix("/").unwrap();
    let stem = below.to_str().unwrap().replace('/', "-");
    let archive = peer.join(format!("{stem}.tar.gz"));
    let members: Vec<PathBuf> = files.iter().map(|file| below.join(file)).collect();
    let words = ["-czf".as_ref(), archive.as_os_str()];
    let members = members.iter().map(|member| member.as_os_str());
    let words: Vec<&OsStr> = words.into_iter().chain(members).collect();
    foreign(Path::new("/"), "tar", &words);
    for indicator in [peer.join("cback.collect"), daily.join("cback.stage")] {
        File::create(indicator).unwrap();
    }
}

/// Burns a staged day as Cedar Backup does: alone on a new disc, or as a session on top of the last one.
fn burn(machine: &Machine, day: &str, label: &str) {
    let disc = machine.disc();
    let day = day.replace('-', "/");
    let graft = format!("{day}={}", machine.path("stage").join(&day).display());
    let session = machine.path("session.iso");
    let mut words = ["-quiet", "-r", "-graft-points", "-V", label]
        .map(str::to_owned)
        .to_vec();
    let end = disc.metadata().map_or(0, |stat| stat.len() / SECTOR);
    let start = end.next_multiple_of(16);
    if end > 0 {
        let previous = disc.to_str().unwrap().to_owned();
        words.extend([
            "-C".to_owned(),
            format!("0,{start}"),
            "-M".to_owned(),
            previous,
        ]);
    }
    words.extend(["-o".to_owned(), session.to_str().unwrap().to_owned(), graft]);
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    foreign(&machine.path(""), "genisoimage", &words);
    let session = fs::read(session).unwrap();
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&disc)
        .unwrap();
    file.seek(SeekFrom::Start(start * SECTOR)).unwrap();
    file.write_all(&session).unwrap();
    if start > 0 {
        // As growisofs: whoever looks at the beginning finds the newest session.
        file.seek(SeekFrom::Start(16 * SECTOR)).unwrap();
        let sectors = session.chunks_exact(2048).skip(16);
        for descriptor in sectors.take_while(|sector| sector[0] != 255) {
            file.write_all(descriptor).unwrap();
        }
    }
    let daily = machine.path("stage").join(day);
    File::create(daily.join("cback.store")).unwrap();
}

/// Demands that every file of the source comes back from the discs alone.
#[track_caller]
fn comes_back_from_the_discs(machine: &Machine) {
    let call = machine.cback("restore").args(machine.every_disc());
    call.arg("--into").arg(machine.path("into")).run().well();
    let files = |root: &Path| {
        let walk = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
        let files = walk.filter(|entry| entry.file_type().is_file());
        let read = |entry: walkdir::DirEntry| {
            let name = entry.path().strip_prefix(root).unwrap().to_owned();
            (name, fs::read(entry.path()).unwrap())
        };
        files.map(read).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        files(&machine.restored("into")),
        files(&machine.path("source"))
    );
}

/// Two days by Cedar Backup: a full one and an incremental.
fn taken_over() -> Machine {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::file(source.join("monday"), "of monday\n");
    tree::file(source.join("both"), "first\n");
    stage(&machine, "2026-11-23", &["monday", "both"]);
    tree::file(source.join("both"), "second\n");
    tree::file(source.join("tuesday"), "of tuesday\n");
    stage(&machine, "2026-11-24", &["both", "tuesday"]);
    machine
}

#[test]
fn days_that_cedar_backup_staged_are_stored() {
    let machine = taken_over();
    let call = machine.cback("store").on("2026-11-24");
    call.run().well_and_silent();
    assert!(machine.path("stage/2026/11/24/cback.store").exists());
    comes_back_from_the_discs(&machine);
}

/// A copy of its disc is a plain image, whose first session begins where our discs have their head: nothing is written
/// into it. (A real drive has a table of contents, and continues.)
#[test]
fn an_image_of_a_disc_that_cedar_backup_burnt_is_set_aside_untouched_and_restored_from() {
    for sessions in [1, 2] {
        let machine = taken_over();
        burn(&machine, "2026-11-23", "CEDAR BACKUP 23-NOV-2026");
        if sessions == 2 {
            burn(&machine, "2026-11-24", "CEDAR BACKUP 24-NOV-2026");
        }
        let before = fs::read(machine.disc()).unwrap();
        tree::file(machine.path("source/wednesday"), "of wednesday\n");
        machine
            .cback("all")
            .on("2026-11-25")
            .run()
            .well_and_silent();
        let discs = machine.discs();
        assert_eq!(discs.len(), 2);
        assert_eq!(fs::read(&discs[0]).unwrap(), before);
        comes_back_from_the_discs(&machine);
        // What it burnt is there by itself.
        let call = machine.cback("restore --from").arg(&discs[0]).arg("--into");
        call.arg(machine.path("theirs")).run().well();
        let both = fs::read_to_string(machine.restored("theirs").join("both")).unwrap();
        assert_eq!(both, if sessions == 2 { "second\n" } else { "first\n" });
    }
}

#[test]
fn what_others_left_in_the_collect_directory_stays_and_is_staged() {
    let machine = Machine::new();
    tree::file(machine.path("source/a"), "a\n");
    tree::file(machine.path("collect/dump.sql.gz"), "by a script\n");
    File::create(machine.path("collect/cback.stage")).unwrap();
    for (day, text) in [
        ("2026-11-23", "by a script\n"),
        ("2026-11-24", "and again\n"),
    ] {
        tree::file(machine.path("collect/dump.sql.gz"), text);
        let call = machine.cback("collect stage").on(day);
        call.run().well_and_silent();
        let staged = machine
            .path("stage")
            .join(day.replace('-', "/"))
            .join("ada/dump.sql.gz");
        assert_eq!(fs::read_to_string(staged).unwrap(), text);
        assert_eq!(
            fs::read_to_string(machine.path("collect/dump.sql.gz")).unwrap(),
            text
        );
    }
}
