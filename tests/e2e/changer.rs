//! Storing with a changer: the real binary, a robot that is a little program, discs that are files.

use std::fs;

use cback::catalog::{Catalog, Found};

use crate::jukebox::{self, Jukebox};
use crate::tree;

/// Days of one week; it begins on Monday the 23rd.
const MON: &str = "2026-11-23";
const TUE: &str = "2026-11-24";
const WED: &str = "2026-11-25";
/// The week after.
const NEXT: &str = "2026-11-30";

#[test]
fn a_week_goes_onto_one_disc_and_the_next_week_onto_the_next_one() {
    let machine = jukebox::machine();
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
        jukebox.comes_back(day, kept);
    }
}

#[test]
fn without_a_blank_disc_the_run_says_what_to_do_and_the_next_one_goes_on() {
    let machine = jukebox::machine();
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
    let machine = jukebox::machine();
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
    jukebox.comes_back(TUE, &tuesday);
    jukebox.moves();
    // From then on the second one is used at once.
    machine.back_up(WED);
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
}

/// A changer chooses its discs by the room that they have left.
#[test]
fn discs_in_a_changer_are_not_closed_by_a_run() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1]);
    machine.cback("collect stage").on(MON).run().well();
    for words in [
        "--close store",
        "--close rebuild",
        "--dry-run --close store",
    ] {
        let ended = machine.cback(words).on(MON).run();
        ended
            .with_status(6)
            .says(&["not closed by --close", "run it without --close"]);
        assert_eq!(jukebox.moves(), [""; 0], "{words}");
        assert_eq!(jukebox.length(1), 0, "{words}");
    }
    machine.cback("store").on(MON).run().well_and_silent();
    assert!(jukebox.length(1) > 0);
}

#[test]
fn two_copies_are_written_in_two_drives() {
    let machine = jukebox::machine();
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
fn a_damaged_catalog_is_told_and_filled_again_beside_two_drives() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 6, 2, "<copies>2</copies>");
    jukebox.blanks([1, 2]);
    machine.back_up(MON);
    let path = machine.path("work/catalog.sqlite3");
    let text = "no database, but long enough to be taken for one";
    fs::write(&path, text.repeat(20)).unwrap();
    machine.back_up(TUE);
    assert!(machine.log().contains("the catalog could not be used"));
    let (catalog, found) = Catalog::look(&path).unwrap();
    assert_eq!(found, Found::Sound);
    for day in [MON, TUE] {
        let copies = catalog.copies(day.parse().unwrap(), None).unwrap();
        assert!(!copies.is_empty(), "{day}");
    }
}

#[test]
fn a_rebuilt_disc_is_a_blank_one() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    machine.back_up(MON);
    machine.back_up(TUE);
    jukebox.moves();
    machine.cback("rebuild").on(TUE).run().well_and_silent();
    assert_eq!(jukebox.moves(), ["load 2 0", "unload 2 0"]);
    jukebox.take(1);
    jukebox.comes_back(TUE, &machine.path("source"));
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

#[test]
fn full_and_rebuilt_discs_have_two_copies() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 6, 2, "<copies>2</copies>");
    jukebox.blanks(1..=6);
    machine.back_up(MON);
    machine.back_up(TUE);
    jukebox.moves();
    machine
        .cback("--full collect stage store")
        .on(TUE)
        .run()
        .well_and_silent();
    tree::file(machine.path("source/new"), "wednesday");
    machine.cback("collect stage").on(WED).run().well();
    machine.cback("rebuild").on(WED).run().well_and_silent();
    let mut loads = jukebox.moves();
    loads.retain(|call| call.starts_with("load"));
    loads.sort_unstable();
    let slots: Vec<&str> = loads
        .iter()
        .map(|call| call.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(slots, ["3", "4", "5", "6"]);
    assert!(jukebox.is_at_rest());
    for (one, two) in [(1, 2), (3, 4), (5, 6)] {
        let bytes = |slot| fs::read(jukebox.disc(slot).unwrap()).unwrap();
        assert!(bytes(one) == bytes(two), "slots {one} and {two}");
    }
    // Either rebuilt one is enough.
    for slot in [5, 6] {
        let disc = jukebox.disc(slot).unwrap();
        let call = machine.cback("restore").unconfigured();
        call.arg("--from")
            .arg(&disc)
            .arg("--into")
            .arg(machine.path("back"))
            .run()
            .well();
        tree::assert_same(&machine.path("source"), &machine.restored("back"));
        fs::remove_dir_all(machine.path("back")).unwrap();
    }
}

#[test]
fn one_run_at_a_time_uses_the_changer() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1]);
    machine.cback("collect stage").on(MON).run().well();
    let lock = fs::File::create(machine.path("work/changer.lock")).unwrap();
    lock.lock().unwrap();
    let ended = machine.cback("store").on(MON).run().with_status(11);
    ended.says(&["another run holds"]);
    assert_eq!(jukebox.moves(), Vec::<String>::new());
    drop(lock);
    machine.cback("store").on(MON).run().well_and_silent();
}

#[test]
fn it_waits_for_a_blank_disc_if_it_is_told_to() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 2, 1, "");
    let mut command = machine
        .cback("all --wait-for-disc --json")
        .on(MON)
        .command();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let waits = |line: String| line.contains("waiting for one");
    assert!(lines.any(|line| waits(line.unwrap())));
    jukebox.blanks([2]);
    assert!(lines.last().unwrap().unwrap().contains("\"status\":0"));
    assert!(child.wait().unwrap().success());
    assert!(jukebox.length(2) > 0);
}

#[test]
fn a_person_sees_and_moves_discs_by_hand() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 5, 2, "<slots>1-4</slots>");
    jukebox.put(1, "A1", "");
    jukebox.put(2, "A2", "");
    jukebox.put(5, "A5", "");
    let call = |words: &str| machine.cback(&format!("changer {words}")).on(MON).run();
    call("status")
        .well()
        .says(&["unknown  [A1]", "slot 3    empty", "not one of ours"]);
    call("scan --dry-run")
        .well()
        .says(&["2 discs would be looked at"]);
    assert!(jukebox.moves().is_empty() && !machine.path("work/changer.json").exists());
    call("scan")
        .well()
        .says(&["slot 1    blank", "2 discs were looked at"]);
    assert!(jukebox.is_at_rest());
    call("scan").well().says(&["every disc is known"]);
    machine.back_up(MON);
    jukebox.moves();
    call("status")
        .well()
        .says(&["in use   [A1] CEDAR BACKUP 23-NOV-2026, 4.38 GB free"]);
    call("load --dry-run A1")
        .well()
        .says(&["would be carried from slot 1"]);
    assert!(jukebox.moves().is_empty());
    call("load A1 --drive 1")
        .well()
        .says(&["from slot 1 to drive 1: in use"]);
    assert!(jukebox.drive(1).exists());
    call("inventory")
        .well()
        .says(&["drive 1", "from slot 1: in use"]);
    call("unload --dry-run")
        .well()
        .says(&["would be carried from drive 1 to slot 1"]);
    call("unload 1 --slot 3")
        .well()
        .says(&["from drive 1 to slot 3"]);
    call("status").well().says(&["slot 3    in use"]);
    call("load 2")
        .well()
        .says(&["from slot 2 to drive 0: blank"]);
    call("unload").well();
    for (words, status, says) in [
        ("load 9", 6, "no slot 9"),
        ("load 1", 12, "slot 1 is empty"),
        ("load nothing", 12, "`nothing` is not in the changer"),
        ("load 2 --drive 7", 6, "no drive 7"),
        ("unload 0", 12, "drive 0 is empty"),
        ("unload 7", 6, "no drive 7"),
        ("scan 9", 6, "no slot 9"),
    ] {
        let ended = call(words).with_status(status).says(&[says]);
        assert!(ended.stderr.contains("next: "), "{}", ended.stderr);
    }
    assert!(jukebox.is_at_rest());
    // The next run takes it from where it is now.
    jukebox.moves();
    machine.back_up(TUE);
    assert_eq!(jukebox.moves(), ["load 3 0", "unload 3 0"]);
    machine.configure(|text| text);
    call("status").with_status(4).says(&["names no changer"]);
}

#[test]
fn a_dry_run_says_which_disc_it_would_be_and_moves_nothing() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    machine.cback("collect stage").on(MON).run().well();
    machine
        .cback("--dry-run store")
        .on(MON)
        .run()
        .with_status(12);
    jukebox.put(1, "A1", "");
    jukebox.put(2, "A2", "");
    let dry = |day: &str, says: &[&str]| {
        machine
            .cback("--dry-run store")
            .on(day)
            .run()
            .well()
            .says(says);
        assert!(jukebox.is_at_rest());
    };
    dry(MON, &["no disc is in use", "[A1] of slot 1", MON]);
    machine.cback("store").on(MON).run().well();
    machine.cback("collect stage").on(TUE).run().well();
    dry(
        TUE,
        &["a session is appended", "`CEDAR BACKUP 23-NOV-2026`", TUE],
    );
    machine.cback("store").on(TUE).run().well();
    machine.cback("collect stage").on(NEXT).run().well();
    dry(
        NEXT,
        &["the backup week begins today", "[A2] of slot 2", NEXT],
    );
    let ended = machine.cback("validate").on(NEXT).run().well();
    assert_eq!(ended.screen(), "");
    jukebox.fault("status", "fail");
    machine
        .cback("validate")
        .on(NEXT)
        .run()
        .with_status(4)
        .says(&["the arm is stuck"]);
}

#[test]
fn status_and_capacity_tell_of_the_discs_without_moving_any() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2]);
    machine.back_up(MON);
    jukebox.moves();
    let status = machine.cback("status --json").on(MON).run().well();
    assert!(status.stdout.contains(r#""state":"changer""#));
    machine
        .cback("status")
        .on(MON)
        .run()
        .well()
        .says(&["in the changer: disc CEDAR BACKUP 23-NOV-2026, 4.38 GB free; 0 blank; 1 unknown"]);
    let text = fs::read_to_string(machine.path("cback.conf")).unwrap();
    let action = "<extensions><action><name>capacity</name><module>CedarBackup3.extend.capacity</module>\
        <function>executeAction</function><index>299</index></action></extensions><options>";
    let text = text.replace("<options>", action).replace(
        "</cb_config>",
        "<capacity><min_bytes>100 GB</min_bytes></capacity></cb_config>",
    );
    fs::write(machine.path("cback.conf"), text).unwrap();
    let capacity = || machine.cback("capacity").on(MON).run();
    capacity()
        .with_status(10)
        .says(&["no blank disc that is known", "cback changer scan"]);
    assert!(jukebox.moves().is_empty());
    machine.cback("changer scan").on(MON).run().well();
    capacity().well_and_silent();
}
