//! `cback status`: who was staged when, what waits, how full the disc is.

use std::fs;

use crate::machine::Machine;
use crate::tree;

/// A pool of ada, who collects, and bob, who has collected once.
fn pool() -> Machine {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    tree::file(machine.path("bob/other.tar"), "x");
    tree::file(machine.path("bob/cback.collect"), "");
    machine.configure(|text| {
        let peer = format!(
            "<peer><name>bob</name><type>local</type><collect_dir>{}</collect_dir></peer></peers>",
            machine.path("bob").display()
        );
        text.replace("</peers>", &peer)
    });
    machine
}

#[test]
fn a_missing_peer_is_seen_with_the_day_since_when_it_is_missing() {
    let machine = pool();
    let asked = machine.cback("status").on("2026-11-24").run().well();
    assert_eq!(
        asked.stdout,
        "ada  never staged\nbob  never staged\n\nnothing was stored yet\n\
         a blank disc, 4.38 GB free\n"
    );
    machine.back_up("2026-11-24");
    for day in ["2026-11-25", "2026-11-26"] {
        machine.cback("collect stage").on(day).run().with_status(10);
    }
    let asked = machine.cback("status").on("2026-11-26").run().well();
    let mut lines = asked.stdout.lines();
    for line in [
        "ada  staged 2026-11-26, today",
        "bob  staged 2026-11-24, 2 days ago, missing since 2026-11-25",
        "",
        "last stored 2026-11-24, 2 days ago",
        "staged and on no disc: 2026-11-25, 2026-11-26",
    ] {
        assert_eq!(lines.next(), Some(line), "{}", asked.stdout);
    }
    let disc = lines.next().unwrap();
    assert!(
        disc.starts_with("disc CEDAR BACKUP 24-NOV-2026: 1 session, ")
            && disc.contains(" used (0 %), ")
            && disc.ends_with(" GB free"),
        "{disc}"
    );

    for (age, status) in [("2", 0), ("1", 15), ("0", 15)] {
        let asked = machine
            .cback(&format!("status --max-age {age}"))
            .on("2026-11-26")
            .run()
            .with_status(status);
        if status == 15 {
            asked.says(&["peer bob, the disc"]);
        }
    }
    let lines = machine
        .cback("status --json --max-age 1")
        .on("2026-11-26")
        .run()
        .with_status(15)
        .stdout;
    let result: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let status = &result["result"];
    assert_eq!(status["today"], "2026-11-26");
    assert_eq!(status["peers"][1]["name"], "bob");
    assert_eq!(status["peers"][1]["missing_since"], "2026-11-25");
    assert!(status["peers"][0]["missing_since"].is_null());
    assert_eq!(status["waiting"][0], "2026-11-25");
    assert_eq!(status["disc"]["state"], "there");
}

#[test]
fn a_day_that_a_wrong_clock_has_dated_is_no_sign_of_life() {
    let machine = pool();
    machine.back_up("2026-11-24");
    tree::file(machine.path("bob/cback.collect"), "");
    let next_year = machine.cback("collect stage store").on("2027-11-24");
    next_year.run().well_and_silent();
    let asked = machine.cback("status --max-age 3").on("2026-11-30").run();
    let asked = asked
        .with_status(15)
        .says(&["peer ada, peer bob, the disc"]);
    for line in [
        "ada  staged 2026-11-24, 6 days ago",
        "last stored 2026-11-24, 6 days ago",
        "dated in the future, and not counted: 2027-11-24",
    ] {
        assert!(
            asked.stdout.lines().any(|one| one == line),
            "{}",
            asked.stdout
        );
    }
    machine
        .cback("status --max-age 6")
        .on("2026-11-30")
        .run()
        .well();
}

#[test]
fn a_staging_directory_that_is_not_there_is_not_a_pool_without_backups() {
    let machine = pool();
    fs::remove_dir(machine.path("stage")).unwrap();
    machine
        .cback("status")
        .on("2026-11-24")
        .run()
        .with_status(6)
        .says(&["stage", "is it mounted"]);
}
