//! What Cedar Backup staged is stored, what it burnt is kept and restored from, and what others left in a collect
//! directory stays. Discs are written here as it writes them: with genisoimage, each session on top of the last.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::call::{foreign, said};
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
            // The session's own says its length, the head the end of the disc.
            let mut descriptor = descriptor.to_vec();
            let end = u32::try_from(start + session.len() as u64 / SECTOR).unwrap();
            descriptor[80..84].copy_from_slice(&end.to_le_bytes());
            descriptor[84..88].copy_from_slice(&end.to_be_bytes());
            file.write_all(&descriptor).unwrap();
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

/// Two days by Cedar Backup, and its disc with the first one or both.
fn with_its_disc(sessions: usize) -> Machine {
    let machine = taken_over();
    for day in ["23", "24"].iter().take(sessions) {
        let label = format!("CEDAR BACKUP {day}-NOV-2026");
        burn(&machine, &format!("2026-11-{day}"), &label);
    }
    machine
}

/// Its discs that can be written anywhere begin at sector 0, and have no list of their sessions. So does an image of one.
#[test]
fn a_disc_that_cedar_backup_began_is_continued() {
    for sessions in [1, 2] {
        let machine = with_its_disc(sessions);
        let before = fs::read(machine.disc()).unwrap();
        for day in ["25", "26", "27"] {
            tree::file(machine.path("source").join(day), "of that day\n");
            let day = format!("2026-11-{day}");
            machine.cback("all").on(&day).run().well_and_silent();
        }
        assert_eq!(machine.discs().len(), 1);
        let after = fs::read(machine.disc()).unwrap();
        let changed: Vec<usize> = before
            .chunks(2048)
            .zip(after.chunks(2048))
            .enumerate()
            .filter(|(_, (before, after))| before != after)
            .map(|(sector, _)| sector)
            .collect();
        // The descriptor, and the place where the old one is kept: whatever else there is stays.
        assert_eq!(changed, [14, 16]);
        comes_back_from_the_discs(&machine);

        // Everybody else sees the newest, with all days; we see what was there before, too.
        let listed = foreign(
            &machine.path(""),
            "isoinfo",
            &[
                "-R".as_ref(),
                "-f".as_ref(),
                "-i".as_ref(),
                machine.disc().as_os_str(),
            ],
        );
        for day in ["23", "24", "25", "26", "27"] {
            assert!(
                listed.contains(&format!("/2026/11/{day}/ada/")),
                "{day}: {listed}"
            );
        }
        let info = machine.cback("disc info").arg(machine.disc()).run();
        let last = format!("CEDAR BACKUP 2{}-NOV-2026", 2 + sessions);
        info.well().says(&["  4  2026-11-27", &last]);
        let call = machine
            .cback("disc ls -R --session 1 --disc")
            .arg(machine.disc())
            .run();
        let old = call.well().screen();
        assert!(
            old.contains("2026/11/23") && !old.contains("2026/11/25"),
            "{old}"
        );
        // A day by Cedar Backup again, and another one by us.
        tree::file(machine.path("source/back"), "by Cedar Backup again\n");
        stage(&machine, "2026-11-28", &["back"]);
        burn(&machine, "2026-11-28", "CEDAR BACKUP 28-NOV-2026");
        File::create(machine.path("stage/2026/11/28/cback.store")).unwrap();
        tree::file(machine.path("source/sunday"), "of sunday\n");
        machine
            .cback("all")
            .on("2026-11-29")
            .run()
            .well_and_silent();
        assert_eq!(machine.discs().len(), 1);
        fs::remove_dir_all(machine.path("into")).unwrap();
        comes_back_from_the_discs(&machine);
        let info = machine.cback("disc info").arg(machine.disc()).run();
        info.well().says(&["  6  2026-11-29"]);
        // The start of the week begins another one; this one is kept under its label.
        let after = fs::read(machine.disc()).unwrap();
        machine
            .cback("all")
            .on("2026-11-30")
            .run()
            .well_and_silent();
        assert_eq!(machine.discs().len(), 2);
        assert!(fs::read(&machine.discs()[0]).unwrap() == after);
    }
}

/// Killed when the session was complete and the head was not: the next run finds the session, and mends the head.
#[test]
fn a_continued_disc_whose_head_was_not_written_any_more_is_mended() {
    let machine = with_its_disc(1);
    let before = fs::read(machine.disc()).unwrap();
    machine
        .cback("all")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let after = fs::read(machine.disc()).unwrap();
    for sectors in [16..17, 14..17] {
        let mut killed = after.clone();
        let bytes = sectors.start * 2048..sectors.end * 2048;
        killed[bytes.clone()].copy_from_slice(&before[bytes]);
        fs::write(machine.disc(), killed).unwrap();
        let staged = machine.path("stage/2026/11/25");
        fs::remove_file(staged.join("cback.store")).unwrap();
        machine
            .cback("store")
            .on("2026-11-25")
            .run()
            .well_and_silent();
        assert!(fs::read(machine.disc()).unwrap() == after);
        assert!(staged.join("cback.store").exists());
    }
}

/// What cannot be continued without doubt gives way, whole.
#[test]
fn an_image_with_something_behind_its_end_is_set_aside_untouched() {
    let machine = with_its_disc(2);
    let mut before = fs::read(machine.disc()).unwrap();
    // As of a disc whose own table of contents had another session.
    before.resize(before.len() + 100 * 2048, b'x');
    fs::write(machine.disc(), &before).unwrap();
    tree::file(machine.path("source/wednesday"), "of wednesday\n");
    machine
        .cback("all")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let discs = machine.discs();
    assert_eq!(discs.len(), 2);
    assert!(fs::read(&discs[0]).unwrap() == before);
    comes_back_from_the_discs(&machine);
    // What it burnt is there by itself.
    let call = machine.cback("restore --from").arg(&discs[0]).arg("--into");
    call.arg(machine.path("theirs")).run().well();
    let both = fs::read_to_string(machine.restored("theirs").join("both")).unwrap();
    assert_eq!(both, "second\n");
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

#[test]
fn our_manifest_that_stayed_beside_archives_of_cedar_backup_hides_none_of_them() {
    let machine = Machine::new();
    tree::file(machine.path("source/a"), "1\n");
    tree::file(machine.path("source/b"), "b\n");
    machine.cback("all").on("2026-11-23").run().well();
    let stem = machine.path("source").to_str().unwrap()[1..].replace('/', "-");
    let manifest = format!("{stem}.mtree.gz");
    let ours = machine.path("stage/2026/11/23/ada").join(&manifest);
    for (day, text) in [("2026-11-24", "2\n"), ("2026-11-25", "three\n")] {
        tree::file(machine.path("source/a"), text);
        stage(&machine, day, &["a"]);
        let peer = machine
            .path("stage")
            .join(day.replace('-', "/"))
            .join("ada");
        fs::copy(&ours, peer.join(&manifest)).unwrap();
    }
    for (day, text) in [
        ("2026-11-23", "1\n"),
        ("2026-11-24", "2\n"),
        ("2026-11-25", "three\n"),
    ] {
        let call = machine.cback("restore --from stage --as-of");
        call.arg(day).arg("--into").arg(day).run().well();
        let back = machine.restored(day);
        assert_eq!(fs::read_to_string(back.join("a")).unwrap(), text, "{day}");
        assert_eq!(fs::read_to_string(back.join("b")).unwrap(), "b\n", "{day}");
    }
}

#[test]
fn a_dry_run_before_the_takeover_says_that_only_differences_are_collected() {
    let machine = Machine::new();
    // The week is the same from here to the end, whatever day it is.
    let start = said("date", &["-u", "-d", "-3 days", "+%A"]).to_lowercase();
    machine.configure(|text| {
        text.replace("<starting_day>monday<", &format!("<starting_day>{start}<"))
    });
    let source = machine.path("source");
    let mut pickle = "(dp0\n".to_owned();
    for (number, name) in ["kept", "old"].iter().enumerate() {
        tree::file(source.join(name), *name);
        let digest = foreign(&source, "sha1sum", &[OsStr::new(name)]);
        let (path, first) = (source.join(name), number * 2 + 1);
        pickle += &format!(
            "V{}\np{first}\nV{}\np{}\ns",
            path.display(),
            &digest[..40],
            first + 1
        );
    }
    // Older than the digests by more than the clock's step, as they are in life.
    Machine::settle();
    let stem = source.to_str().unwrap()[1..].replace('/', "-");
    let digests = machine.path("work").join(format!("{stem}.sha"));
    tree::file(&digests, pickle + ".");
    // What is changed now is younger, whatever the clock's step.
    let file = File::options().write(true).open(&digests).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(1))
        .unwrap();
    tree::file(source.join("old"), "changed");
    tree::file(source.join("new"), "new");
    let ended = machine.cback("--dry-run collect").run().well();
    assert!(
        ended.stdout.contains("what differs since")
            && ended.stdout.contains("about 2 of 4 entries"),
        "{}",
        ended.stdout
    );
    machine.cback("collect").run().well_and_silent();
    let log = machine.log();
    assert!(log.contains("2 of 4 entries were stored"), "{log}");
    let said = format!("Cedar Backup's {} is of ", digests.display());
    assert!(
        log.contains(&said) && log.contains("only what differs from it is collected"),
        "{log}"
    );
    // In doubt everything is collected, and the log says why.
    let old = File::options().write(true).open(&digests).unwrap();
    let week = std::time::Duration::from_hours(8 * 24);
    old.set_modified(std::time::SystemTime::now() - week)
        .unwrap();
    for name in ["collect", "work"] {
        for entry in fs::read_dir(machine.path(name)).unwrap() {
            let path = entry.unwrap().path();
            if path != digests {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let ended = machine.cback("--dry-run collect").run().well();
    assert!(
        ended.stdout.contains("everything: about 3 of 4"),
        "{}",
        ended.stdout
    );
    machine.cback("collect").run().well_and_silent();
    let log = machine.log();
    assert!(
        log.contains("which is before this week; everything is collected"),
        "{log}"
    );
}
