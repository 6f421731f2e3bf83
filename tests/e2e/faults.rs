//! Faults: a clear message, an exit status that is not 0, nothing lost, and the next run completes the work.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use crate::call::{Ended, Rights, foreign};
use crate::machine::Machine;
use crate::tree;

const DAY: &str = "2026-11-24";
const NEXT: &str = "2026-11-25";

/// A machine with 3 MB that cannot be compressed.
fn machine() -> Machine {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    tree::file(machine.path("source/big"), tree::noise(7, 3 << 20));
    machine
}

#[test]
fn a_disk_that_is_full() {
    for dir in ["collect", "stage", "discs", "work"] {
        let machine = machine();
        fs::create_dir_all(machine.path(dir)).unwrap();
        let kept = machine.keep("source");
        let room = if dir == "work" { "16k" } else { "1m" };
        let all = || machine.cback("all").on(DAY);
        let restore = machine
            .cback("restore --into")
            .arg(machine.path("restored"));
        let ends = machine.with_little_room(dir, room, &all(), &[all(), restore]);
        let [failed, again, restored]: [Ended; 3] = ends.try_into().unwrap();
        assert!([6, 10].contains(&failed.status), "{dir}: {failed:?}");
        // Staging and storing look beforehand; SQLite has words of its own.
        let words = ["No space left", "no room", "MB free", "is full"];
        let said = words.iter().any(|text| failed.screen().contains(text));
        assert!(said, "{failed:?}");
        failed.says(&[machine.path(dir).to_str().unwrap()]);
        again.well();
        restored.well();
        tree::assert_same(&kept, &machine.restored("restored"));
    }
}

#[test]
fn a_disk_that_is_full_while_restoring() {
    let machine = machine();
    let kept = machine.keep("source");
    machine.back_up(DAY);
    fs::create_dir(machine.path("small")).unwrap();
    let restore = |into: &str| {
        let call = machine.cback("--verbose restore --into");
        call.arg(machine.path(into))
    };
    let ends = machine.with_little_room("small", "1m", &restore("small/r"), &[restore("restored")]);
    let [failed, again]: [Ended; 2] = ends.try_into().unwrap();
    assert!([6, 10].contains(&failed.status), "{failed:?}");
    failed.says(&["No space left", "there may not be enough room"]);
    again.well();
    tree::assert_same(&kept, &machine.restored("restored"));
}

#[test]
fn a_file_that_cannot_be_read() {
    let machine = machine();
    let secret = machine.path("source/src/main.c");
    tree::mode(&secret, 0);
    let call = machine.cback("all").on(DAY).with(Rights::Ordinary);
    call.run()
        .with_status(10)
        .says(&["src/main.c", "ermission denied"]);
    let call = machine.cback("restore --into").arg(machine.path("without"));
    call.run()
        .with_status(10)
        .says(&["src/main.c", "was not saved"]);
    let restored = machine.restored("without");
    assert!(restored.join("letter.txt").exists() && restored.join("big").exists());

    tree::mode(&secret, 0o640);
    let kept = machine.keep("source");
    machine.back_up(NEXT);
    machine.restores("", &kept);
}

#[test]
fn directories_that_are_missing() {
    for (dir, word) in [
        ("source", "source"),
        ("collect", "collect"),
        ("stage", "stage"),
        ("work", "work"),
    ] {
        let machine = machine();
        let kept = machine.keep("source");
        fs::rename(machine.path(dir), machine.path("elsewhere")).unwrap();
        let ended = machine.cback("all").on(DAY).run();
        assert!([4, 6, 10].contains(&ended.status), "{dir}: {ended:?}");
        ended.says(&[machine.path(word).to_str().unwrap()]);
        fs::remove_dir_all(machine.path(dir)).ok();
        fs::rename(machine.path("elsewhere"), machine.path(dir)).unwrap();
        machine.back_up(NEXT);
        machine.restores("", &kept);
    }
}

/// A machine whose collect waits until somebody opens and closes the gate.
fn gated() -> Machine {
    let machine = machine();
    foreign(&machine.path(""), "mkfifo", &["gate".as_ref()]);
    let hook = format!(
        "<pre_action_hook><action>collect</action><command>cat {}</command></pre_action_hook>",
        machine.path("gate").display()
    );
    machine.configure(|text| text.replace("</options>", &format!("{hook}</options>")));
    machine
}

#[test]
fn a_second_run_at_the_same_time() {
    let machine = gated();
    let first = machine.cback("all").on(DAY).command().spawn().unwrap();
    // Opening waits for the reader: from here the first run is inside.
    let gate = fs::File::options()
        .write(true)
        .open(machine.path("gate"))
        .unwrap();
    let id = first.id().to_string();
    machine
        .cback("all")
        .on(DAY)
        .run()
        .with_status(11)
        .says(&["another run", &id]);
    drop(gate);
    assert!(first.wait_with_output().unwrap().status.success());
    let kept = machine.keep("source");
    machine.restores("", &kept);
}

#[test]
fn an_interrupted_run() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let machine = gated();
        let mut command = machine.cback("all").on(DAY).command();
        let first = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let gate = fs::File::options()
            .write(true)
            .open(machine.path("gate"))
            .unwrap();
        let id = rustix::process::Pid::from_child(&first);
        rustix::process::kill_process(id, signal).unwrap();
        drop(gate);
        let ended = Ended::of(
            &first.wait_with_output().unwrap(),
            "all, interrupted".to_owned(),
        );
        ended.with_status(5).says(&["interrupted"]);
        let kept = machine.keep("source");
        machine.configure(|text| text);
        machine.back_up(DAY);
        machine.restores("", &kept);
    }
}

#[test]
fn an_owner_whom_nobody_knows() {
    let machine = machine();
    machine.configure(|text| {
        let user = text
            .split("backup_user>")
            .nth(1)
            .unwrap()
            .trim_end_matches("</")
            .to_owned();
        text.replace(&format!("<backup_user>{user}<"), "<backup_user>nosuchuser<")
    });
    let ended = machine.cback("validate").run();
    assert!([4, 6].contains(&ended.status), "{ended:?}");
    ended.says(&["nosuchuser"]);
    if rustix::process::getuid().is_root() {
        let ended = machine.cback("all").on(DAY).run();
        ended.with_status(6).says(&["nosuchuser", "backup_user"]);
        assert!(
            fs::read_dir(machine.path("collect"))
                .unwrap()
                .next()
                .is_none()
        );
    } else {
        // Who is not root gives files to nobody, and keeps them.
        machine.back_up(DAY);
    }
}

#[test]
fn a_disc_with_flipped_bytes() {
    let machine = machine();
    let kept = machine.keep("source");
    machine.back_up(DAY);
    flip_in_archive(&machine);
    let call = machine
        .cback("restore --from")
        .arg(machine.disc())
        .arg("--into");
    let ended = call.arg(machine.path("damaged")).unconfigured().run();
    assert!([6, 10, 13, 14].contains(&ended.status), "{ended:?}");
    ended.says(&["source"]);
    // What staging still has is not touched by that.
    machine.restores("", &kept);
}

#[test]
fn a_drive_that_writes_other_bytes() {
    // The first writes are directories and volume descriptors, the second one has files.
    for (number, status, text) in [(1, 6, "does not show it"), (2, 13, "what was written")] {
        let machine = machine();
        let kept = machine.keep("source");
        let liar = [
            "strace".to_owned(),
            "-f".to_owned(),
            "-qqq".to_owned(),
            "-o/dev/null".to_owned(),
            format!("-P{}", machine.path("discs/.disc.iso.partial").display()),
            "-etrace=pwrite64".to_owned(),
            format!("-einject=pwrite64:poke_enter=@arg2=DEADBEEF:when={number}"),
        ];
        let ended = machine.cback("all").on(DAY).under(liar).run();
        ended.with_status(status).says(&[text, "no day was marked"]);
        assert!(!machine.path("stage/2026/11/24/cback.store").exists());
        machine.cback("store").on(DAY).run().well_and_silent();
        fs::remove_dir_all(machine.path("stage")).unwrap();
        let call = machine
            .cback("restore")
            .unconfigured()
            .args(machine.every_disc());
        call.arg("--into")
            .arg(machine.path("restored"))
            .run()
            .well();
        tree::assert_same(&kept, &machine.restored("restored"));
    }
}

#[test]
fn a_disc_that_was_cut_off() {
    let machine = machine();
    machine.back_up(DAY);
    let disc = fs::File::options()
        .write(true)
        .open(machine.disc())
        .unwrap();
    let length = disc.metadata().unwrap().len();
    disc.set_len(length / 2).unwrap();
    let call = machine
        .cback("restore --from")
        .arg(machine.disc())
        .arg("--into");
    let ended = call.arg(machine.path("damaged")).unconfigured().run();
    assert!([6, 10, 12, 13, 14].contains(&ended.status), "{ended:?}");
    ended.says(&["cut short", "CEDAR BACKUP 24-NOV-2026", "another disc"]);
    assert_eq!(
        machine.disc().metadata().unwrap().len(),
        length / 2,
        "it was written to"
    );
}

#[test]
fn a_disc_whose_volume_cannot_be_read_is_not_taken_for_an_empty_one() {
    let machine = machine();
    let kept = machine.keep("source");
    machine.back_up(DAY);
    let disc = fs::File::options()
        .read(true)
        .write(true)
        .open(machine.disc())
        .unwrap();
    // The descriptors at the head and those of the first session, which begins at sector 32.
    for sector in [16, 17, 18, 48, 49, 50] {
        disc.write_all_at(&[0xa5; 2048], sector * 2048).unwrap();
    }
    let before = fs::read(machine.disc()).unwrap();
    let ended = machine.cback("all").on(NEXT).run();
    assert!([6, 10, 12, 14].contains(&ended.status), "{ended:?}");
    ended.says(&["disc.iso"]);
    assert!(
        fs::read(machine.disc()).unwrap() == before,
        "the unreadable disc was written to"
    );
    // Put aside by hand, as it was told; the next run stores both days.
    fs::rename(machine.disc(), machine.path("unreadable")).unwrap();
    machine
        .cback("all")
        .on(NEXT)
        .run()
        .with_status(10)
        .says(&["disc.iso", "is not there any more; a new one is begun"]);
    machine.restores("", &kept);
}

#[test]
fn a_disc_of_somebody_else() {
    let machine = machine();
    machine.configure(|text| {
        text.replace("</check_data>", "</check_data><check_media>Y</check_media>")
    });
    fs::create_dir_all(machine.path("discs")).unwrap();
    let words = [
        "-quiet",
        "-V",
        "HOLIDAYS",
        "-o",
        "discs/disc.iso",
        "source/photos",
    ];
    foreign(&machine.path(""), "genisoimage", &words.map(AsRef::as_ref));
    let before = fs::read(machine.disc()).unwrap();
    let ended = machine.cback("all").on(DAY).run();
    assert!([6, 12].contains(&ended.status), "{ended:?}");
    ended.says(&["HOLIDAYS"]);
    assert!(
        fs::read(machine.disc()).unwrap() == before,
        "somebody else's disc was written to"
    );
    fs::rename(machine.disc(), machine.path("theirs")).unwrap();
    let kept = machine.keep("source");
    machine.back_up(DAY);
    machine.restores("", &kept);
}

#[test]
fn a_session_larger_than_the_disc() {
    let machine = Machine::new();
    let small = |text: String| text.replace("dvd+r<", "cdr-74<").replace("targz<", "tar<");
    machine.configure(small);
    tree::file(machine.path("source/film"), vec![1; 660 << 20]);
    let ended = machine.cback("all").on(DAY).run();
    assert!([6, 12].contains(&ended.status), "{ended:?}");
    ended.says(&["660"]);
    let kept = machine.keep("source");
    machine.configure(|text| text.replace("targz<", "tar<"));
    machine.cback("store").on(DAY).run().well_and_silent();
    machine.restores("", &kept);
}

#[test]
fn a_damaged_archive_in_staging() {
    let machine = machine();
    let kept = machine.keep("source");
    machine.back_up(DAY);
    let archive = machine.path("stage/2026/11/24/ada");
    let archive = fs::read_dir(archive)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let archive = archive
        .into_iter()
        .find(|path| path.to_str().unwrap().ends_with(".tar.gz"))
        .unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(&archive)
        .unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], middle).unwrap();
    // The disc has the same archive: nothing is lost, and it is told.
    let call = machine
        .cback("restore --into")
        .arg(machine.path("restored"));
    let name = archive.file_name().unwrap().to_str().unwrap();
    call.run()
        .with_status(13)
        .says(&[name, "damaged", "another copy"]);
    tree::assert_same(&kept, &machine.restored("restored"));

    // Without the disc what was lost is named.
    fs::remove_file(machine.disc()).unwrap();
    let ended = machine
        .cback("restore --into")
        .arg(machine.path("partly"))
        .run();
    ended.with_status(14).says(&[name, "damaged"]);
}

#[test]
fn a_configuration_with_mistakes_tells_them_all() {
    let machine = machine();
    machine.configure(|text| {
        text.replace("monday", "mondey")
            .replace("<ignore_file>", "<ignore_fil>")
            .replace("</ignore_file>", "</ignore_fil>")
            .replace("targz", "tarxz")
    });
    let ended = machine.cback("all").run().with_status(4);
    ended.says(&[
        "cback.conf",
        "mondey",
        "ignore_fil",
        "ignore_file",
        "tarxz",
        "targz",
    ]);
    let ended = machine
        .cback("--config /nowhere/cback.conf --logfile log all")
        .unconfigured()
        .run();
    ended.with_status(4).says(&["/nowhere/cback.conf"]);
}

#[test]
fn wrong_arguments_and_a_log_that_cannot_be_written() {
    let machine = machine();
    for words in [
        "",
        "--nonsense all",
        "restore",
        "restore --as-of yesterday --into x",
    ] {
        machine.cback(words).run().with_status(2);
    }
    let call = machine
        .cback("--config cback.conf --logfile /nowhere/log all")
        .unconfigured();
    call.run().with_status(3).says(&["/nowhere/log"]);
}

/// Flips a bit in every 4096th byte of the archive on the disc.
fn flip_in_archive(machine: &Machine) {
    let mut archive = Vec::new();
    let path = machine.path("stage/2026/11/24/ada");
    for entry in fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.to_str().unwrap().ends_with(".tar.gz") {
            fs::File::open(entry)
                .unwrap()
                .read_to_end(&mut archive)
                .unwrap();
        }
    }
    let mut disc = fs::read(machine.disc()).unwrap();
    let sample = &archive[..2048.min(archive.len())];
    let start = (0..disc.len())
        .step_by(2048)
        .find(|at| disc[*at..].starts_with(sample))
        .unwrap();
    for byte in disc[start..start + archive.len()]
        .iter_mut()
        .skip(2048)
        .step_by(4096)
    {
        *byte ^= 0x20;
    }
    fs::File::create(machine.disc())
        .unwrap()
        .write_all(&disc)
        .unwrap();
}
