//! Restoring from the discs in a changer.

use std::fs;

use crate::jukebox::{self, Jukebox};
use crate::machine::Machine;
use crate::tree;

/// Days of one week; it begins on Monday the 23rd.
const MON: &str = "2026-11-23";
const TUE: &str = "2026-11-24";
const WED: &str = "2026-11-25";
/// The week after.
const NEXT: &str = "2026-11-30";

/// The state of `day` comes back; gives what was said.
fn restores(machine: &Machine, words: &str, day: &str, kept: &std::path::Path) -> String {
    let into = machine.path("back");
    let call = machine
        .cback(&format!("restore --as-of {day} {words} --into"))
        .arg(&into)
        .on(NEXT);
    let ended = call.run().well();
    tree::assert_same(kept, &machine.restored("back"));
    fs::remove_dir_all(into).unwrap();
    ended.screen()
}

fn forget(machine: &Machine, dir: &str) {
    fs::remove_dir_all(machine.path(dir)).unwrap();
    fs::create_dir(machine.path(dir)).unwrap();
}

#[test]
fn the_discs_that_are_needed_are_loaded_for_a_restore() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 6, 1, "");
    jukebox.blanks([2, 3, 4, 5]);
    let mut kept = Vec::new();
    for day in [MON, NEXT, "2026-12-07"] {
        tree::file(machine.path("source/new"), day);
        kept.push((day, machine.keep(day)));
        machine.back_up(day);
    }
    tree::file(machine.path("source/new"), "later");
    let later = machine.keep("later");
    machine.back_up("2026-12-08");
    // While it is staged, no disc is needed.
    jukebox.moves();
    restores(&machine, "", "2026-12-08", &later);
    assert_eq!(jukebox.moves(), Vec::<String>::new());
    forget(&machine, "stage");
    // By the catalog: the disc of that week, and no other.
    for (slot, (day, tree)) in (2..).zip(&kept) {
        restores(&machine, "", day, tree);
        assert_eq!(
            jukebox.moves(),
            [format!("load {slot} 0"), format!("unload {slot} 0")]
        );
    }
    // A mistyped path costs one disc, and all of them only if that is asked for.
    let typo = |words: &str| {
        let call = machine.cback(&format!("restore {words} --into"));
        call.arg(machine.path("back"))
            .arg("no/such/path")
            .on(NEXT)
            .run()
            .with_status(2)
    };
    typo("").says(&["no/such/path", "--from changer looks at all"]);
    assert_eq!(jukebox.moves(), ["load 4 0", "unload 4 0"]);
    typo("--from changer").says(&["no/such/path"]);
    let moves = jukebox.moves();
    let loads = ["load 2 0", "load 3 0", "load 4 0"].map(str::to_owned);
    assert!(loads.iter().all(|load| moves.contains(load)), "{moves:?}");
    // A machine that knows nothing any more looks at all discs.
    forget(&machine, "work");
    for (day, tree) in &kept {
        restores(&machine, "--from changer", day, tree);
        assert!(jukebox.is_at_rest());
    }
    restores(&machine, "", "2026-12-08", &later);
}

#[test]
fn a_restore_goes_over_several_discs_and_says_which_one_is_missing() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 4, 1, "");
    for (slot, barcode) in [(1, "A1"), (2, "A2"), (3, "A3")] {
        jukebox.put(slot, barcode, "");
    }
    Machine::settle();
    machine.back_up(MON);
    machine
        .cback("disc close")
        .arg(jukebox.disc(1).unwrap())
        .run()
        .well();
    tree::file(machine.path("source/new"), "tuesday");
    let tuesday = machine.keep("tuesday");
    machine.back_up(TUE);
    assert!(jukebox.length(2) > 0, "the increment is on another disc");
    forget(&machine, "stage");
    jukebox.moves();
    restores(&machine, "", TUE, &tuesday);
    let moves = jukebox.moves();
    let loads = ["load 1 0", "load 2 0"].map(str::to_owned);
    assert!(loads.iter().all(|load| moves.contains(load)), "{moves:?}");
    assert!(jukebox.is_at_rest());
    // The disc with the full archive is on somebody's shelf.
    let full = machine.path("A1.iso");
    fs::rename(jukebox.disc(1).unwrap(), &full).unwrap();
    let restore = |words: &str| {
        let call = machine
            .cback(&format!("restore {words} --into"))
            .arg(machine.path("back"));
        call.on(WED).run()
    };
    restore("")
        .with_status(12)
        .says(&["CEDAR BACKUP 23-NOV-2026"]);
    assert!(!machine.path("back").exists() && jukebox.is_at_rest());
    // It comes into another slot.
    fs::rename(&full, jukebox.slot(4).join("A1.iso")).unwrap();
    restores(&machine, "", TUE, &tuesday);
    // The newest disc is missing: an older state is not restored without a word.
    fs::rename(jukebox.disc(2).unwrap(), machine.path("A2.iso")).unwrap();
    restore("")
        .with_status(12)
        .says(&["not in the changer", "CEDAR BACKUP 24-NOV-2026"]);
    restore("--incomplete")
        .with_status(10)
        .says(&["CEDAR BACKUP 24-NOV-2026"]);
}

#[test]
fn without_a_changer_there_is_nothing_to_restore_from_one() {
    let machine = jukebox::machine();
    let call = machine
        .cback("restore --from changer --into")
        .arg(machine.path("back"));
    call.run().with_status(4).says(&["names no changer"]);
    let jukebox = Jukebox::new(&machine, 2, 1, "");
    jukebox.blanks([1]);
    let call = machine
        .cback("restore --from changer --into")
        .arg(machine.path("back"));
    call.run()
        .with_status(12)
        .says(&["nothing to restore from"]);
    assert!(jukebox.is_at_rest());
}

#[test]
fn what_is_left_on_a_damaged_disc_in_a_changer_is_restored() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1]);
    let monday = machine.keep("monday");
    machine.back_up(MON);
    let first = jukebox.length(1);
    tree::file(machine.path("source/new"), tree::noise(1, 300_000));
    machine.back_up(TUE);
    forget(&machine, "stage");
    // The second session ends in the middle of a file.
    let disc = fs::File::options()
        .write(true)
        .open(jukebox.disc(1).unwrap())
        .unwrap();
    disc.set_len(jukebox.length(1) - 200_000).unwrap();
    assert!(jukebox.length(1) > first);
    let restore = |words: &str| {
        let call = machine.cback(&format!("restore --as-of {MON} {words} --into back"));
        let ended = call.on(NEXT).run().with_status(10);
        ended.says(&["slot 1", "is damaged", "cut short"]);
        tree::assert_same(&monday, &machine.restored("back"));
        fs::remove_dir_all(machine.path("back")).unwrap();
        assert!(jukebox.is_at_rest());
    };
    restore("");
    forget(&machine, "work");
    restore("--from changer");
}
