//! `cback disc` on discs that are files.

use std::fs;
use std::path::Path;

use crate::machine::Machine;

/// A machine whose source has a few things in it.
pub fn machine() -> Machine {
    let machine = Machine::new();
    fs::create_dir(machine.path("source/dir")).unwrap();
    fs::write(machine.path("source/text"), "some text\n").unwrap();
    fs::write(machine.path("source/dir/big"), vec![7; 300_000]).unwrap();
    std::os::unix::fs::symlink("text", machine.path("source/link")).unwrap();
    machine
}

/// Demands that bsdtar finds the source on a disc.
fn extracted(machine: &Machine, image: &str, into: &str) {
    fs::create_dir(machine.path(into)).unwrap();
    let done = std::process::Command::new("bsdtar")
        .arg("-C")
        .arg(machine.path(into))
        .arg("-xf")
        .arg(machine.path(image))
        .status()
        .unwrap();
    assert!(done.success());
    let same = std::process::Command::new("diff")
        .args(["-r", "--no-dereference"])
        .args([machine.path("source"), machine.path(into)])
        .status()
        .unwrap();
    assert!(same.success());
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_image_is_what_a_foreign_reader_finds() {
    let machine = machine();
    machine
        .cback("disc image source -o made.iso --volume-id HOLIDAY --joliet")
        .run()
        .well_and_silent();
    extracted(&machine, "made.iso", "out");
    let info = machine.cback("disc info made.iso").run().well();
    assert!(info.stdout.contains("HOLIDAY"), "{}", info.stdout);
    assert!(info.stdout.contains("closed"), "{}", info.stdout);
    let refused = machine.cback("disc image source -o made.iso").run();
    assert!(refused.with_status(6).stderr.contains("made.iso"));
}

#[test]
fn sessions_are_burnt_listed_and_taken_off() {
    let machine = machine();
    machine
        .cback("disc burn --disc d.iso source")
        .run()
        .well_and_silent();
    fs::create_dir(machine.path("more")).unwrap();
    fs::write(machine.path("more/later"), "later\n").unwrap();
    machine
        .cback("disc burn --append --disc d.iso more")
        .run()
        .well_and_silent();
    let info = machine.cback("--json disc info d.iso").run().well();
    let line: serde_json::Value =
        serde_json::from_str(info.stdout.lines().next().unwrap()).unwrap();
    let sessions = line["result"]["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[1]["label"], "SOURCE");
    assert_eq!(line["result"]["condition"], "appendable");

    let listed = machine.cback("disc ls --disc d.iso -R").run().well().stdout;
    for name in ["text", "dir/big", "later", "link -> text"] {
        assert!(listed.contains(name), "{listed}");
    }
    let first = machine.cback("disc ls --disc d.iso --session 1").run();
    assert!(!first.well().stdout.contains("later"));

    machine
        .cback("disc get --disc d.iso --into got dir/big link later")
        .run()
        .well_and_silent();
    assert_eq!(fs::read(machine.path("got/big")).unwrap().len(), 300_000);
    assert_eq!(fs::read(machine.path("got/later")).unwrap(), b"later\n");
    // nothing is replaced
    fs::write(machine.path("got/later"), "mine").unwrap();
    let again = machine
        .cback("disc get --disc d.iso --into got later")
        .run();
    again.with_status(10);
    assert_eq!(fs::read(machine.path("got/later")).unwrap(), b"mine");
    let lost = machine.cback("disc get --disc d.iso nothing").run();
    assert!(lost.with_status(2).stderr.contains("nothing"));
}

#[test]
fn a_copy_is_compared_and_what_differs_is_named() {
    let machine = machine();
    machine.cback("disc burn --disc d.iso source").run().well();
    machine
        .cback("disc copy --verify d.iso copy.iso")
        .run()
        .well_and_silent();
    let same = machine.cback("disc compare d.iso copy.iso").run().well();
    assert!(same.stdout.contains("identical"), "{}", same.stdout);
    let copy = machine.path("copy.iso");
    let bytes = fs::read(&copy).unwrap();
    let big = bytes.windows(4096).position(|w| w == [7; 4096]).unwrap();
    flip(&copy, big + 2048 * 3);
    flip(&copy, big + 2048 * 4);
    flip(&copy, big + 2048 * 9);
    let differ = machine.cback("disc compare d.iso copy.iso").run();
    let said = differ.with_status(10).stdout;
    let sector = big / 2048;
    let ranges = format!("{}-{}, {}", sector + 3, sector + 4, sector + 9);
    assert!(said.contains("3 of ") && said.contains(&ranges), "{said}");
    assert!(said.contains("dir/big") && !said.contains("text"), "{said}");
}

#[test]
fn a_disc_is_lost_only_if_that_was_said() {
    let machine = machine();
    let rw = "--media dvd+rw";
    machine
        .cback(&format!("disc burn {rw} --disc rw.iso source"))
        .run()
        .well_and_silent();
    let held = fs::read(machine.path("rw.iso")).unwrap();
    for words in [
        "disc blank rw.iso",
        "disc format rw.iso",
        "disc burn --disc rw.iso source",
    ] {
        let refused = machine.cback(&format!("{words} {rw}")).run();
        let said = refused.with_status(12).stderr;
        assert!(said.contains("SOURCE") && said.contains("--yes"), "{said}");
        assert_eq!(fs::read(machine.path("rw.iso")).unwrap(), held);
    }
    let once = machine.cback("disc blank --yes rw.iso --media dvd+r").run();
    assert!(once.with_status(6).stderr.contains("written once"));
    for how in ["", "--all"] {
        machine
            .cback(&format!("disc blank {how} --yes rw.iso {rw}"))
            .run()
            .well_and_silent();
        let info = machine
            .cback(&format!("disc info rw.iso {rw}"))
            .run()
            .well();
        assert!(info.stdout.contains("blank"), "{}", info.stdout);
        machine
            .cback(&format!("disc burn {rw} --disc rw.iso source"))
            .run()
            .well_and_silent();
    }
}

#[test]
fn a_closed_disc_takes_no_other_session() {
    let machine = machine();
    machine.cback("disc burn --disc d.iso source").run().well();
    machine.cback("disc close d.iso").run().well_and_silent();
    let info = machine.cback("disc info d.iso").run().well();
    assert!(info.stdout.contains("closed"), "{}", info.stdout);
    let refused = machine
        .cback("disc burn --append --disc d.iso source")
        .run();
    refused.with_status(12);
    extracted(&machine, "d.iso", "out");
}

#[test]
fn a_disc_that_is_burnt_with_close_takes_no_other_session() {
    let machine = machine();
    machine
        .cback("disc image source -o made.iso")
        .run()
        .well_and_silent();
    for (disc, what) in [("d.iso", "source"), ("i.iso", "made.iso")] {
        machine
            .cback(&format!("disc burn --close --disc {disc} {what}"))
            .run()
            .well_and_silent();
        let info = machine.cback(&format!("disc info {disc}")).run().well();
        info.says(&["closed"]);
        machine
            .cback(&format!("disc burn --append --disc {disc} source"))
            .run()
            .with_status(12);
    }
    extracted(&machine, "d.iso", "out");
    extracted(&machine, "i.iso", "copied");
}

#[test]
fn the_configured_disc_needs_no_name_and_its_files_are_checked() {
    let machine = machine();
    machine.back_up("2026-11-20");
    let info = machine.cback("disc info").run().well();
    assert!(info.stdout.contains("CEDAR BACKUP 20-NOV-2026"));
    let listed = machine.cback("disc ls 2026/11/20/ada").run().well().stdout;
    let archive = listed
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .find(|name| name.ends_with(".tar.gz"))
        .unwrap();
    let got = machine
        .cback(&format!("--json disc get --into got {archive}"))
        .run()
        .well();
    assert!(got.stdout.contains(r#""checked":1"#), "{}", got.stdout);
    let bytes = fs::read(
        machine
            .path("got")
            .join(Path::new(archive).file_name().unwrap()),
    );
    let bytes = bytes.unwrap();
    let disc = fs::read(machine.disc()).unwrap();
    let at = disc.windows(bytes.len()).position(|w| w == bytes).unwrap();
    flip(&machine.disc(), at + 30);
    let got = machine
        .cback(&format!("disc get --into damaged {archive}"))
        .run();
    got.with_status(14);
    let left: Vec<_> = fs::read_dir(machine.path("damaged"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(left.len() == 1 && left[0].ends_with(".damaged"), "{left:?}");
}

#[test]
fn the_doctor_tries_a_disc_and_reports_and_touches_no_other() {
    let machine = machine();
    // Nothing that is written once, and nothing that has something on it, unless that was said.
    let refused = machine.cback("disc doctor new.iso").run().with_status(12);
    assert!(
        refused.stderr.contains("written once"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert!(!machine.path("new.iso").exists());
    machine
        .cback("disc burn --media dvd+rw --disc rw.iso source")
        .run()
        .well_and_silent();
    let before = fs::read(machine.path("rw.iso")).unwrap();
    let refused = machine
        .cback("disc doctor --media dvd+rw rw.iso")
        .run()
        .with_status(12);
    assert!(refused.stderr.contains("`SOURCE`"), "{}", refused.stderr);
    assert!(fs::read(machine.path("rw.iso")).unwrap() == before);

    let report = machine
        .cback("disc doctor --media dvd+rw --yes rw.iso")
        .run()
        .well()
        .stdout;
    for words in [
        "dvd+rw",
        "write the first session",
        "read it back",
        "append a session",
        "read both back",
        "blank",
        "all is well",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let info = machine
        .cback("disc info --media dvd+rw rw.iso")
        .run()
        .well();
    assert!(info.stdout.contains("blank"), "{}", info.stdout);

    // One that is written once is used up.
    let report = machine
        .cback("disc doctor --yes new.iso")
        .run()
        .well()
        .stdout;
    assert!(report.contains("close"), "{report}");
    let info = machine.cback("disc info new.iso").run().well();
    assert!(info.stdout.contains("closed"), "{}", info.stdout);
    // A closed disc that is written once cannot be tried, even if somebody says so.
    let again = machine.cback("disc doctor --yes new.iso").run();
    assert!(again.with_status(12).stderr.contains("blank"));
}

#[test]
fn nothing_on_a_disc_leads_out_of_the_directory() {
    let machine = machine();
    fs::create_dir(machine.path("outside")).unwrap();
    fs::create_dir(machine.path("lure")).unwrap();
    std::os::unix::fs::symlink(machine.path("outside"), machine.path("lure/a")).unwrap();
    fs::create_dir_all(machine.path("hook/a/b")).unwrap();
    fs::write(machine.path("hook/a/b/planted"), "planted").unwrap();
    for what in ["lure", "--append hook"] {
        let words = format!("disc burn --disc d.iso {what}");
        machine.cback(&words).run().well_and_silent();
    }
    let link = "disc get --disc d.iso --session 1 --into got a";
    machine.cback(link).run().well();
    let through = machine.cback("disc get --disc d.iso --into got a").run();
    through.with_status(10);
    assert_eq!(fs::read_dir(machine.path("outside")).unwrap().count(), 0);
    // A directory that is there is filled.
    fs::create_dir_all(machine.path("other/a")).unwrap();
    machine
        .cback("disc get --disc d.iso --into other a")
        .run()
        .well();
    assert!(machine.path("other/a/b/planted").exists());
}

#[test]
fn what_is_damaged_replaces_nothing_and_what_cannot_be_checked_is_said() {
    let machine = machine();
    let list = machine.path("source/SHA256SUMS");
    fs::write(&list, format!("{}  text\n", "0".repeat(64))).unwrap();
    machine.cback("disc burn --disc d.iso source").run().well();
    fs::create_dir(machine.path("got")).unwrap();
    fs::write(machine.path("got/text.damaged"), "mine").unwrap();
    let get = "disc get --disc d.iso --into got text";
    machine.cback(get).run().with_status(14);
    let mine = fs::read(machine.path("got/text.damaged")).unwrap();
    assert_eq!(mine, b"mine");

    fs::write(&list, "no list\n").unwrap();
    machine
        .cback("disc burn --disc odd.iso source")
        .run()
        .well();
    let get = "disc get --disc odd.iso --into odd text";
    let told = ["SHA256SUMS", "not checked"];
    machine.cback(get).run().with_status(10).says(&told);
    assert!(machine.path("odd/text").exists());
}

#[test]
fn two_things_of_one_name_do_not_become_one() {
    let machine = machine();
    for dir in ["one", "two"] {
        fs::create_dir_all(machine.path(dir).join("docs")).unwrap();
        fs::write(machine.path(dir).join("docs/letter"), dir).unwrap();
    }
    for words in [
        "disc image -o made.iso one/docs/letter two/docs/letter",
        "disc image -o made.iso one/docs two/docs",
        "disc burn --disc made.iso one/docs two/docs/",
    ] {
        let refused = machine.cback(words).run().with_status(2);
        assert!(refused.stderr.contains("two/docs"), "{}", refused.stderr);
        assert!(!machine.path("made.iso").exists());
    }
}

#[test]
fn times_before_1970_come_back() {
    let machine = machine();
    let touched = std::process::Command::new("touch")
        .args(["-d", "1961-04-12T06:07:00Z"])
        .arg(machine.path("source/text"))
        .status()
        .unwrap();
    assert!(touched.success());
    machine.cback("disc burn --disc d.iso source").run().well();
    machine
        .cback("disc get --disc d.iso --into got text")
        .run()
        .well();
    let modified = |name: &str| machine.path(name).metadata().unwrap().modified().unwrap();
    assert_eq!(modified("got/text"), modified("source/text"));
}

#[test]
fn a_disc_is_not_copied_onto_itself() {
    let machine = machine();
    let rw = "--media dvd+rw";
    machine
        .cback(&format!("disc burn {rw} --disc d.iso source"))
        .run()
        .well();
    let before = fs::read(machine.path("d.iso")).unwrap();
    std::os::unix::fs::symlink("d.iso", machine.path("same.iso")).unwrap();
    for target in ["d.iso", "same.iso"] {
        let words = format!("disc copy {rw} --yes d.iso {target}");
        let refused = machine.cback(&words).run().with_status(2);
        assert!(refused.stderr.contains("itself"), "{}", refused.stderr);
    }
    assert!(fs::read(machine.path("d.iso")).unwrap() == before);
    assert_eq!(fs::read_dir(machine.path("discs")).unwrap().count(), 0);
}

#[test]
fn what_is_no_file_is_refused_and_waited_for_by_nobody() {
    let machine = machine();
    let fifo = machine.path("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    for words in ["image -o made.iso fifo", "burn --disc made.iso fifo"] {
        let call = machine.cback(&format!("disc {words}"));
        let refused = call.under(["timeout", "300"]).run().with_status(6);
        assert!(refused.stderr.contains("pipe"), "{}", refused.stderr);
        assert!(!machine.path("made.iso").exists());
    }
}

/// A file system with neither hard links nor a rename that replaces nothing: many of those that are programs.
#[test]
fn a_disc_is_set_aside_on_a_poor_file_system() {
    let machine = machine();
    let burn = || machine.cback("disc burn --disc d.iso source");
    burn().run().well();
    let first = fs::read(machine.path("d.iso")).unwrap();
    let poor = [
        "strace",
        "-f",
        "-o",
        "calls",
        "-e",
        "inject=linkat:error=EPERM",
        "-e",
        "inject=renameat2:error=EINVAL",
    ];
    fs::write(machine.path("source/text"), "other").unwrap();
    burn().under(poor).run().well();
    let calls = fs::read_to_string(machine.path("calls")).unwrap();
    assert!(calls.contains("EPERM (Operation not permitted) (INJECTED)"));
    assert!(fs::read(machine.path("SOURCE.iso")).unwrap() == first);
    assert!(fs::read(machine.path("d.iso")).unwrap() != first);
}

/// Some file systems have no directories that could be synced; they say so, and there is nothing to be done about it.
/// (The catalog, in the working directory, has `SQLite`'s rules.)
#[test]
fn a_backup_needs_no_directories_that_can_be_synced() {
    let machine = machine();
    let mut poor: Vec<std::ffi::OsString> = ["strace", "-f", "-o", "calls"].map(Into::into).into();
    for dir in ["collect", "stage", "discs"] {
        poor.push("-P".into());
        poor.push(machine.path(dir).into());
    }
    poor.push("-e".into());
    poor.push("inject=fsync:error=EINVAL".into());
    let all = machine.cback("all").under(poor);
    all.run().well_and_silent();
    let calls = fs::read_to_string(machine.path("calls")).unwrap();
    assert!(calls.contains("EINVAL (Invalid argument) (INJECTED)"));
}

#[test]
fn a_disc_needs_no_configuration_and_that_is_said() {
    let machine = Machine::new();
    std::fs::remove_file(machine.path("cback.conf")).unwrap();
    for words in ["disc info", "disc ls"] {
        let ended = machine.cback(words).run().with_status(4);
        ended.says(&["name the disc: its drive, or its file"]);
    }
    // The disc is named where a path on it is expected.
    let disc = machine.path("disc.iso");
    std::fs::write(machine.path("letter"), "dear").unwrap();
    let letter = machine.path("letter");
    let burn = machine.cback("disc burn --disc").arg(&disc).arg(&letter);
    burn.run().well();
    for word in ["ls", "get"] {
        let ended = machine.cback(&format!("disc {word}")).arg(&disc).run();
        let hint = format!("if it is the disc: cback disc {word} --disc ");
        ended.with_status(4).says(&[&hint]);
    }
    // Without paths, all of it is taken.
    let into = machine.path("all");
    let get = machine.cback("disc get --disc").arg(&disc);
    get.arg("--into").arg(&into).run().well();
    assert_eq!(std::fs::read(into.join("letter")).unwrap(), b"dear");
}
