//! `cback store`: which days go where, and what happens to the disc that was in.

use std::fs;

use cback::catalog::{Catalog, Found};

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

/// What bsdtar sees on the newest session: paths, sorted.
fn listed(machine: &Machine, disc: &std::path::Path) -> Vec<String> {
    let list = foreign(
        &machine.path(""),
        "bsdtar",
        &["-tf".as_ref(), disc.as_ref()],
    );
    let mut list: Vec<String> = list.lines().map(str::to_owned).collect();
    list.sort();
    list
}

#[test]
fn a_catalog_that_was_lost_is_filled_when_the_disc_can_be_seen() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine.back_up("2026-11-24");
    let path = machine.path("work/catalog.sqlite3");
    fs::remove_file(&path).unwrap();
    // For a moment something else is where the disc should be.
    let aside = machine.path("aside");
    fs::rename(machine.disc(), &aside).unwrap();
    fs::write(machine.disc(), "no disc").unwrap();
    let purge = || machine.cback("purge").on("2026-11-24").run();
    purge().well_and_silent();
    assert!(machine.log().contains("purging without the catalog"));
    fs::rename(&aside, machine.disc()).unwrap();
    purge().well_and_silent();
    let (catalog, found) = Catalog::look(&path).unwrap();
    assert_eq!(found, Found::Sound);
    assert_eq!(catalog.discs().unwrap().len(), 1);
}

#[test]
fn days_that_were_missed_are_caught_up() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    for day in ["2026-11-24", "2026-11-25", "2026-11-26"] {
        machine
            .cback("collect stage")
            .on(day)
            .run()
            .well_and_silent();
    }
    machine.back_up("2026-11-27");
    let list = listed(&machine, &machine.disc());
    for day in ["2026/11/24", "2026/11/25", "2026/11/26", "2026/11/27"] {
        assert!(
            list.iter().any(|name| name == &format!("{day}/SHA256SUMS")),
            "{day}: {list:?}"
        );
        assert!(
            machine.path("stage").join(day).join("cback.store").exists(),
            "{day}"
        );
    }
    machine
        .cback("store")
        .on("2026-11-27")
        .run()
        .with_status(6)
        .says(&["no staged day"]);
}

#[test]
fn full_twice_gives_two_discs_with_the_same_files() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine
        .cback("--full collect stage store")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    machine
        .cback("--full store")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    let discs = machine.discs();
    assert_eq!(discs.len(), 2);
    assert_eq!(listed(&machine, &discs[0]), listed(&machine, &discs[1]));
}

#[test]
fn a_write_once_disc_only_grows() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine.back_up("2026-11-24");
    let before = fs::read(machine.disc()).unwrap();
    tree::file(machine.path("source/more"), "x");
    machine.back_up("2026-11-25");
    let after = fs::read(machine.disc()).unwrap();
    // The head, sectors 0 to 31, shows the newest session; all else stays.
    assert!(before[32 * 2048..] == after[32 * 2048..before.len()]);
}

#[test]
fn a_disc_is_closed_after_its_session_if_asked_and_the_next_one_begins_another() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine.back_up("2026-11-24");
    machine
        .cback("collect stage")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let foreseen = machine.cback("--dry-run --close store").on("2026-11-25");
    foreseen.run().well().says(&["the disc is CLOSED"]);
    let info = machine.cback("disc info").run().well();
    info.says(&["takes another session"]);

    machine
        .cback("--close store")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    assert_eq!(machine.discs(), [machine.disc()]);
    let info = machine.cback("disc info").run().well();
    let info = info.says(&["24-NOV-2026", "25-NOV-2026", "closed"]);
    assert!(
        !info.stdout.contains("takes another session"),
        "{}",
        info.stdout
    );
    assert!(machine.log().contains("is closed"), "{}", machine.log());

    machine.back_up("2026-11-26");
    assert_eq!(machine.discs().len(), 2);

    // A run that was to close it and did not get so far: the same again does.
    let foreseen = machine.cback("--dry-run --close store").on("2026-11-26");
    foreseen
        .run()
        .well()
        .says(&["nothing is to be stored", "is CLOSED"]);
    machine
        .cback("--close store")
        .on("2026-11-26")
        .run()
        .well_and_silent();
    machine.cback("disc info").run().says(&["closed"]);
    machine
        .cback("--close store")
        .on("2026-11-26")
        .run()
        .with_status(6)
        .says(&["no staged day"]);
    let kept = machine.keep("kept");
    machine.restores("", &kept);
}

/// A rebuilt disc that was to be closed and is not: the same again closes it, and burns no other.
#[test]
fn a_rebuilt_disc_that_was_not_closed_is_closed_by_the_same_again() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    for day in ["2026-11-24", "2026-11-25"] {
        machine.back_up(day);
    }
    // the week's own disc, in two sessions, is none that was rebuilt
    let rebuild = |words: &str| machine.cback(words).on("2026-11-25").run();
    rebuild("rebuild").well_and_silent();
    assert_eq!(machine.discs().len(), 2);
    let before = fs::read(machine.disc()).unwrap();
    rebuild("--dry-run --close rebuild")
        .well()
        .says(&["is CLOSED"]);
    assert!(fs::read(machine.disc()).unwrap() == before);
    rebuild("--close rebuild").well_and_silent();
    assert_eq!(machine.discs().len(), 2);
    machine.cback("disc info").run().says(&["closed"]);
    // once it is closed, the same again is for another disc
    rebuild("--close rebuild").well_and_silent();
    assert_eq!(machine.discs().len(), 3);
    machine.cback("disc info").run().says(&["closed"]);
    // and a day that has come since is not left out
    rebuild("rebuild").well_and_silent();
    machine.cback("collect stage").on("2026-11-26").run().well();
    let later = machine.cback("--close rebuild").on("2026-11-26").run();
    later.well_and_silent();
    assert_eq!(machine.discs().len(), 5);
    let kept = machine.keep("kept");
    machine.restores("", &kept);
}

#[test]
fn a_rewritable_disc_begins_anew_with_the_week() {
    let machine = Machine::new();
    machine.configure(|text| text.replace("dvd+r<", "dvd+rw<"));
    tree::one_of_everything(&machine.path("source"));
    machine.back_up("2026-11-28");
    machine.back_up("2026-11-29");
    assert!(
        listed(&machine, &machine.disc())
            .iter()
            .any(|name| name == "2026/11/28/SHA256SUMS")
    );
    machine.back_up("2026-11-30");
    assert_eq!(machine.discs(), [machine.disc()]);
    let list = listed(&machine, &machine.disc());
    assert!(
        list.iter().any(|name| name == "2026/11/30/SHA256SUMS"),
        "{list:?}"
    );
    assert!(
        !list.iter().any(|name| name.contains("2026/11/28")),
        "{list:?}"
    );
}

#[test]
fn an_increment_whose_full_backup_was_thrown_away_is_told_every_night_until_there_is_a_new_one() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    Machine::settle();
    machine
        .cback("collect stage")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    fs::remove_dir_all(machine.path("stage")).unwrap();
    fs::create_dir(machine.path("stage")).unwrap();
    for day in ["2026-11-25", "2026-11-26"] {
        tree::file(machine.path("source/new"), day);
        Machine::settle();
        let told = machine.cback("all").on(day).run().with_status(10);
        told.says(&[
            ".tar.gz of 2026-11-24, of which no copy is known",
            "run `cback --full collect`, then stage and store",
        ]);
    }
    machine
        .cback("--full collect stage store")
        .on("2026-11-27")
        .run()
        .well_and_silent();
    machine
        .cback("all")
        .on("2026-11-28")
        .run()
        .well_and_silent();
    machine.restores("", &machine.keep("kept"));
}
