//! Users: who owns what a run makes, with which modes, and that there is one run at a time.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::call::{Ended, said};
use crate::machine::Machine;
use crate::tree;

/// A machine whose backup user is another one, if we are root, with two days backed up.
fn backed_up(umask: &str) -> (Machine, u32, u32) {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let number = |words: &[&str]| said(words[0], &words[1..]).parse().unwrap();
    let (uid, gid) = if said("id", &["-u"]) == "0" {
        let user = format!("<backup_user>{}<", said("id", &["-un"]));
        let group = format!("<backup_group>{}<", said("id", &["-gn"]));
        machine.configure(|text| {
            text.replace(&user, "<backup_user>nobody<")
                .replace(&group, "<backup_group>nogroup<")
        });
        (
            number(&["id", "-u", "nobody"]),
            number(&["id", "-g", "nobody"]),
        )
    } else {
        (number(&["id", "-u"]), number(&["id", "-g"]))
    };
    for day in ["2026-11-24", "2026-11-25"] {
        tree::file(machine.path("source").join(day), day);
        let call = machine.cback("all").on(day);
        let shell = format!("umask {umask}; exec \"$@\"");
        call.under(["sh", "-c", &shell, "sh"])
            .run()
            .well_and_silent();
    }
    (machine, uid, gid)
}

/// Everything that the runs have made.
fn made(machine: &Machine) -> Vec<PathBuf> {
    let dirs = ["collect", "stage", "work", "discs"].map(|dir| machine.path(dir));
    let below = dirs.iter().flat_map(|dir| {
        walkdir::WalkDir::new(dir)
            .min_depth(1)
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
    });
    let made: Vec<PathBuf> = below.collect();
    assert!(made.len() > 10, "{made:?}");
    made
}

#[test]
fn everything_belongs_to_the_backup_user() {
    let (machine, uid, gid) = backed_up("022");
    for path in made(&machine) {
        let stat = path.symlink_metadata().unwrap();
        assert_eq!((stat.uid(), stat.gid()), (uid, gid), "{}", path.display());
    }
}

#[test]
fn modes_follow_the_umask() {
    for (umask, denied) in [("022", 0o022), ("077", 0o077)] {
        let (machine, ..) = backed_up(umask);
        for path in made(&machine) {
            let stat = path.symlink_metadata().unwrap();
            let mode = stat.permissions().mode() & 0o777;
            assert_eq!(mode & denied, 0, "{mode:o} {}", path.display());
            // What a umask does not take away is there: others read archives unless they shall not.
            let archive = path.extension().is_some_and(|ext| ext == "gz");
            if archive || stat.is_dir() {
                let full = if stat.is_dir() { 0o777 } else { 0o666 };
                assert_eq!(mode, full & !denied, "{mode:o} {}", path.display());
            }
        }
    }
}

/// A machine on which collecting has begun and waits until somebody reads `gate`.
fn waiting() -> (Machine, Child) {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let hook = "<pre_action_hook><action>collect</action><command>echo ready >ready; echo go >gate</command></pre_action_hook>";
    machine.configure(|text| text.replace("</options>", &format!("{hook}</options>")));
    let pipes = [machine.path("ready"), machine.path("gate")];
    assert!(
        Command::new("mkfifo")
            .args(pipes)
            .status()
            .unwrap()
            .success()
    );
    let child = machine
        .cback("collect")
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(
        fs::read_to_string(machine.path("ready")).unwrap(),
        "ready\n"
    );
    (machine, child)
}

#[test]
fn the_second_run_says_who_holds_the_lock_since_when_and_does_nothing() {
    let (machine, child) = waiting();
    let holder = format!(
        "another run holds {}: process {} since 20",
        machine.path("work/cback.lock").display(),
        child.id()
    );
    for words in ["collect", "stage purge", "all"] {
        let ended = machine.cback(words).run().with_status(11);
        let ended = ended.says(&["cback: error: ", &holder, "nothing was done"]);
        let since = ended.stderr.split("since ").nth(1).unwrap();
        let time = since.get(..19).unwrap();
        chrono_like(time);
    }
    assert!(machine.log().contains("] run completed with status 11"));
    // Looking needs no lock.
    machine.cback("validate").run().well();
    assert_eq!(fs::read_to_string(machine.path("gate")).unwrap(), "go\n");
    let output = child.wait_with_output().unwrap();
    Ended::of(&output, "collect".to_owned()).well_and_silent();
    assert!(machine.path("collect/cback.collect").exists());
}

#[test]
fn a_run_that_was_killed_holds_no_lock() {
    let (machine, mut child) = waiting();
    child.kill().unwrap();
    child.wait().unwrap();
    // Its hook does not know, and still waits for us.
    assert_eq!(fs::read_to_string(machine.path("gate")).unwrap(), "go\n");
    machine.configure(|text| text);
    machine.cback("collect").run().well_and_silent();
}

/// Demands that `time` is written as `2026-11-24 02:00:00`.
#[track_caller]
fn chrono_like(time: &str) {
    let pattern = fancy_regex::Regex::new(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$").unwrap();
    assert!(pattern.is_match(time).unwrap(), "{time:?}");
}
