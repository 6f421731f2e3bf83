//! `cback purge`: what is old goes in one run, the only copy stays.

use std::fs;

use crate::call::said;
use crate::machine::Machine;
use crate::tree;

/// A machine that keeps staged days for so long.
fn machine(retain_days: u32) -> Machine {
    let machine = Machine::new();
    machine.configure(|text| {
        text.replace("<retain_days>60<", &format!("<retain_days>{retain_days}<"))
    });
    tree::one_of_everything(&machine.path("source"));
    machine
}

#[test]
fn stored_days_that_are_old_vanish_with_their_directories() {
    let machine = machine(3);
    let day = said("date", &["-u", "-d", "-30 days", "+%F"]);
    machine.back_up(&day);
    let kept = machine.keep("first");
    let staged = machine.path("stage").join(day.replace('-', "/"));
    // What is that old in truth has old files.
    for entry in walkdir::WalkDir::new(&staged) {
        let then = std::time::SystemTime::now() - std::time::Duration::from_hours(720);
        let seconds = then
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        tree::age(entry.unwrap().path(), i64::try_from(seconds).unwrap(), 0);
    }
    tree::file(machine.path("source/news"), "x");
    machine.cback("all").run().well_and_silent();
    assert!(!staged.exists(), "it is old, and on a disc");
    let years = walkdir::WalkDir::new(machine.path("stage"))
        .min_depth(1)
        .max_depth(2);
    for entry in years {
        let entry = entry.unwrap();
        assert!(
            fs::read_dir(entry.path()).unwrap().next().is_some(),
            "empty: {entry:?}"
        );
    }
    machine.restores(&format!("--as-of {day}"), &kept);
}

#[test]
fn the_only_copy_stays_and_is_named() {
    let machine = machine(3);
    machine
        .cback("collect stage")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    machine
        .cback("purge")
        .on("2026-12-20")
        .run()
        .with_status(10)
        .says(&["2026/11/24"]);
    assert!(machine.path("stage/2026/11/24/ada").exists());
    machine.cback("store purge").on("2026-12-21").run().well();
    assert!(!machine.path("stage/2026/11/24").exists());
}

#[test]
fn the_collect_directory_is_cleared_only_after_staging() {
    let machine = machine(3);
    let kept = machine.keep("source");
    machine
        .cback("collect")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    machine.cback("purge").on("2026-11-24").run();
    assert!(
        fs::read_dir(machine.path("collect")).unwrap().count() >= 3,
        "not staged yet"
    );
    machine
        .cback("stage store purge")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    machine.restores("", &kept);
}

#[test]
fn the_root_directory_is_refused() {
    let machine = machine(0);
    machine.configure(|text| {
        let stage = machine.path("stage").display().to_string();
        let purge = text.find("<purge>").unwrap();
        let (head, tail) = text.split_at(purge);
        format!("{head}{}", tail.replace(&stage, "/"))
    });
    let ended = machine.cback("purge").run();
    assert!([4, 6].contains(&ended.status), "{ended:?}");
}
