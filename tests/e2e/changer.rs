//! Storing with a changer: the real binary, a robot that is a little program, discs that are files.

use std::fs;

use crate::jukebox::Jukebox;
use crate::machine::Machine;
use crate::tree;

/// Days of one week; it begins on Monday the 23rd.
const MON: &str = "2026-11-23";
const TUE: &str = "2026-11-24";
const WED: &str = "2026-11-25";
/// The week after.
const NEXT: &str = "2026-11-30";

fn machine() -> Machine {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine
}

/// Restores from the discs in the slots alone, and compares.
fn comes_back(machine: &Machine, jukebox: &Jukebox<'_>, day: &str, kept: &std::path::Path) {
    let into = machine.path("back");
    let call = machine
        .cback(&format!("restore --as-of {day}"))
        .unconfigured();
    call.args(jukebox.every_disc())
        .arg("--into")
        .arg(&into)
        .run()
        .well();
    tree::assert_same(kept, &machine.restored("back"));
    fs::remove_dir_all(into).unwrap();
}

#[test]
fn a_week_goes_onto_one_disc_and_the_next_week_onto_the_next_one() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 4, 1, "");
    jukebox.blanks([2, 3]);
    let monday = machine.keep("monday");
    machine.back_up(MON);
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
    assert!(jukebox.length(2) > 0 && jukebox.length(3) == 0 && jukebox.is_at_rest());
    tree::file(machine.path("source/new"), "tuesday");
    let tuesday = machine.keep("tuesday");
    let before = jukebox.length(2);
    machine.back_up(TUE);
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
    assert!(jukebox.length(2) > before);
    // The disc in use is fetched, found to be of last week, and a blank one follows.
    tree::file(machine.path("source/new"), "next week");
    let next = machine.keep("next");
    machine.back_up(NEXT);
    assert_eq!(
        jukebox.moves(),
        ["load 2 0", "unload 2 0", "load 3 0", "unload 3 0"]
    );
    for (day, kept) in [(MON, &monday), (TUE, &tuesday), (NEXT, &next)] {
        comes_back(&machine, &jukebox, day, kept);
    }
}

#[test]
fn without_a_blank_disc_the_run_says_what_to_do_and_the_next_one_goes_on() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    for says in [
        "no disc is in it",
        "empty slots: 1, 2, 3",
        "put blank discs in",
    ] {
        machine
            .cback("all")
            .on(MON)
            .run()
            .with_status(12)
            .says(&[says]);
    }
    jukebox.put(1, "disc", "this is no disc");
    let ended = machine.cback("store").on(MON).run().with_status(12);
    ended.says(&["is bad", "1 bad", "empty slots: 2, 3"]);
    jukebox.blanks([3]);
    machine.cback("store").on(MON).run().well_and_silent();
    assert!(jukebox.length(3) > 0 && jukebox.is_at_rest());
}

#[test]
fn a_full_disc_is_followed_by_a_blank_one() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    machine.back_up(MON);
    machine
        .cback("disc close")
        .arg(jukebox.disc(1).unwrap())
        .run()
        .well();
    tree::file(machine.path("source/new"), "tuesday");
    let tuesday = machine.keep("tuesday");
    machine.back_up(TUE);
    assert!(jukebox.length(2) > 0);
    comes_back(&machine, &jukebox, TUE, &tuesday);
    jukebox.moves();
    // From then on the second one is used at once.
    machine.back_up(WED);
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
}

#[test]
fn a_bad_disc_is_rejected_and_remembered() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 4, 1, "<reject_slot>4</reject_slot>");
    jukebox.put(1, "disc", "scratched");
    jukebox.blanks([2]);
    let ended = machine.cback("all").on(MON).run().with_status(10);
    ended.says(&["is bad", "another one is taken", "slot 4"]);
    assert_eq!(
        jukebox.moves(),
        ["load 1 0", "unload 4 0", "load 2 0", "unload 2 0"]
    );
    assert!(jukebox.length(2) > 0);
    // It is not tried again.
    machine.cback("--full store").on(MON).run().with_status(12);
    assert_eq!(jukebox.moves(), Vec::<String>::new());
}

#[test]
fn a_write_that_fails_rejects_the_disc() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    let kept = machine.keep("monday");
    machine.cback("collect stage").on(MON).run().well();
    // The first sectors of the first disc cannot be written.
    let written = jukebox.drive(0).with_file_name(".disc.iso.partial");
    let breaker = [
        "strace",
        "-f",
        "-qqq",
        "-o/dev/null",
        "-P",
        written.to_str().unwrap(),
        "-etrace=pwrite64",
        "-einject=pwrite64:error=EIO:when=1",
    ];
    let call = machine.cback("store").on(MON).under(breaker);
    call.run().with_status(10).says(&["is bad", "slot 1"]);
    assert!(jukebox.length(2) > 0 && jukebox.is_at_rest());
    comes_back(&machine, &jukebox, MON, &kept);
}

#[test]
fn several_bad_discs_one_after_the_other_are_the_drives_fault() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 5, 1, "");
    for slot in 1..=4 {
        jukebox.put(slot, "disc", "scratched");
    }
    let ended = machine.cback("all").on(MON).run().with_status(6);
    ended.says(&[
        "3 discs failed one after the other in drive 0",
        "cback changer scan",
    ]);
    assert!(jukebox.is_at_rest());
    assert_eq!(jukebox.moves().len(), 6);
}

#[test]
fn two_copies_are_written_in_two_drives() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 6, 2, "<copies>2</copies>");
    jukebox.blanks([1, 2, 3]);
    let monday = machine.keep("monday");
    machine.back_up(MON);
    assert_eq!(
        fs::read(jukebox.disc(1).unwrap()).unwrap(),
        fs::read(jukebox.disc(2).unwrap()).unwrap()
    );
    let mut moves = jukebox.moves();
    moves.sort_unstable();
    assert_eq!(moves.len(), 4, "{moves:?}");
    assert!(moves[0].starts_with("load 1") && moves[1].starts_with("load 2"));
    tree::file(machine.path("source/new"), "tuesday");
    let tuesday = machine.keep("tuesday");
    machine.back_up(TUE);
    // Either one is enough.
    for slot in [1, 2] {
        let disc = jukebox.disc(slot).unwrap();
        for (day, kept) in [(MON, &monday), (TUE, &tuesday)] {
            let call = machine
                .cback(&format!("restore --as-of {day}"))
                .unconfigured();
            call.arg("--from")
                .arg(&disc)
                .arg("--into")
                .arg(machine.path("back"))
                .run()
                .well();
            tree::assert_same(kept, &machine.restored("back"));
            fs::remove_dir_all(machine.path("back")).unwrap();
        }
    }
    // With a disc for one copy only, nothing counts as stored.
    machine
        .cback("all")
        .on(NEXT)
        .run()
        .with_status(12)
        .says(&["no blank disc is left"]);
    assert!(
        machine
            .cback("status")
            .on(NEXT)
            .run()
            .screen()
            .contains("on no disc: 2026-11-30")
    );
    jukebox.blanks([5]);
    machine.cback("store").on(NEXT).run().well_and_silent();
    assert!(jukebox.length(3) > 0 && jukebox.length(5) > 0 && jukebox.is_at_rest());
}

#[test]
fn a_rebuilt_disc_is_a_blank_one() {
    let machine = machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    machine.back_up(MON);
    machine.back_up(TUE);
    jukebox.moves();
    machine.cback("rebuild").on(TUE).run().well_and_silent();
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
    jukebox.take(1);
    comes_back(&machine, &jukebox, TUE, &machine.path("source"));
    // It is the one that is continued.
    machine.back_up(WED);
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
    machine
        .cback("initialize")
        .on(WED)
        .run()
        .with_status(6)
        .says(&["need no preparation"]);
}
