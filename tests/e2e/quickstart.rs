//! `cback quickstart`: the first five minutes of a newcomer.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::call::Ended;
use crate::machine::Machine;
use crate::tree;

#[test]
fn a_newcomer_has_a_disc_and_commands_that_work() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    let first = machine.keep("first");
    let call = machine
        .cback("quickstart")
        .unconfigured()
        .arg(machine.path("source"));
    let ended = call.run().well();
    let disc = disc(&machine);
    assert!(
        ended.stdout.contains(disc.to_str().unwrap()),
        "{}",
        ended.stdout
    );
    let ended = ended.says(&[" used (", "cback restore", "session 1", " all"]);
    assert!(
        ended.stdout.contains("crontab") || ended.stdout.contains("systemd"),
        "{}",
        ended.stdout
    );

    // The restore command works as it was printed.
    let words = printed(&ended, "restore");
    machine.path("restored");
    run_printed(&machine, &words);
    let into = words
        .split("--into ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let restored = machine
        .path(into)
        .join(machine.path("source").strip_prefix("/").unwrap());
    tree::assert_same(&first, &restored);
}

#[test]
fn later_calls_append_what_differs() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    let quickstart = |day| {
        let call = machine.cback("quickstart").unconfigured().arg(&source);
        call.on(day).run().well()
    };
    quickstart("2026-11-24");
    let first = machine.keep("first");
    let length = disc(&machine).metadata().unwrap().len();

    tree::file(source.join("news"), "today's");
    tree::file(source.join("letter.txt"), "Dear Bob,\n");
    let second = machine.keep("second");
    quickstart("2026-11-25");
    let grown = disc(&machine).metadata().unwrap().len() - length;
    assert!(
        grown < length,
        "an incremental of {grown} bytes after a full of {length}"
    );

    fs::remove_dir_all(source.join("photos")).unwrap();
    fs::remove_file(source.join("news")).unwrap();
    let third = machine.keep("third");
    quickstart("2026-11-26");

    for (day, kept) in [
        ("2026-11-24", first),
        ("2026-11-25", second),
        ("2026-11-26", third),
    ] {
        let into = machine.path(format!("restored-{day}"));
        let call = machine
            .cback(&format!("restore --as-of {day} --from"))
            .unconfigured();
        call.arg(disc(&machine))
            .arg("--into")
            .arg(&into)
            .run()
            .well();
        tree::assert_same(&kept, &into.join(source.strip_prefix("/").unwrap()));
    }
}

#[test]
fn the_configuration_that_it_wrote_is_valid() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let call = machine
        .cback("quickstart")
        .unconfigured()
        .arg(machine.path("source"));
    call.run().well();
    let config = find(&machine, "cback.conf");
    let call = machine
        .cback("--logfile log --config")
        .unconfigured()
        .arg(config);
    call.arg("validate").run().well();
}

/// The disc that quickstart made below the home directory.
fn disc(machine: &Machine) -> PathBuf {
    find(machine, "current.iso")
}

fn find(machine: &Machine, name: &str) -> PathBuf {
    walkdir::WalkDir::new(machine.path("home"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .find(|path| path.file_name().is_some_and(|found| found == name))
        .unwrap_or_else(|| panic!("quickstart made no {name}"))
}

/// The printed line that calls the program with `command`.
fn printed(ended: &Ended, command: &str) -> String {
    let line = ended.stdout.lines().map(str::trim).find(|line| {
        let mut words = line.split(' ');
        words.next().is_some_and(|word| word.ends_with("cback"))
            && line.contains(&format!(" {command} "))
    });
    line.unwrap_or_else(|| panic!("no {command} command in:\n{}", ended.stdout))
        .to_owned()
}

/// Types a printed line into a shell whose `cback` is ours.
fn run_printed(machine: &Machine, line: &str) {
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_cback"));
    let path = format!(
        "{}:{}",
        bin.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("sh")
        .args(["-ec", line])
        .env_clear()
        .env("PATH", path)
        .env("HOME", machine.path("home"))
        .current_dir(machine.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended::of(&output, line.to_owned()).well();
}
