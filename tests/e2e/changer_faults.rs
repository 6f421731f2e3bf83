//! A changer with bad discs, a robot that fails, discs that people have moved, and runs that are killed.

use std::fs;

use crate::jukebox::{self, Jukebox};
use crate::machine::Machine;
use crate::tree;

/// Days of one week; it begins on Monday the 23rd.
const MON: &str = "2026-11-23";
const TUE: &str = "2026-11-24";
/// The week after.
const NEXT: &str = "2026-11-30";

#[test]
fn a_bad_disc_is_rejected_and_remembered() {
    let machine = jukebox::machine();
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
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    jukebox.blanks([1, 2, 3]);
    let kept = machine.keep("monday");
    machine.cback("collect stage").on(MON).run().well();
    jukebox.fault("load 1 0", "spoil");
    let ended = machine.cback("store").on(MON).run().with_status(10);
    ended.says(&[
        "the disc of slot 1",
        "is bad",
        "disc.iso",
        "it is in slot 1",
    ]);
    assert!(jukebox.length(2) > 0 && jukebox.is_at_rest());
    jukebox.comes_back(MON, &kept);
    // No disc can be written: one after the other is rejected.
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
    let call = machine.cback("--full store").on(MON).under(breaker);
    call.run()
        .with_status(12)
        .says(&["slot 3", "Input/output error", "1 in use, 2 bad"]);
}

#[test]
fn discs_that_have_not_what_was_written_are_rejected_and_the_next_one_is_taken() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 4, 1, "<reject_slot>4</reject_slot>");
    jukebox.blanks([1, 2]);
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    let noise: Vec<u8> = noise.take(12_000_000).collect();
    tree::file(machine.path("source/noise"), noise);
    let kept = machine.keep("monday");
    machine.cback("collect stage").on(MON).run().well();
    // A sector is lost on its way onto each disc, and nothing reports an error: it is the second write of the thread that
    // writes the disc's files.
    let written = jukebox.drive(0).with_file_name(".disc.iso.partial");
    let losing = [
        "strace",
        "-f",
        "-qqq",
        "-o/dev/null",
        "-P",
        written.to_str().unwrap(),
        "-etrace=pwrite64",
        "-einject=pwrite64:retval=2048:when=2",
    ];
    let call = machine.cback("store").on(MON).under(losing);
    call.run().with_status(12).says(&[
        "differs from what was written, in sector",
        "the disc of slot 1: is bad, and another one is taken: the disc is not what was written",
        "it is in slot 4",
        "the disc of slot 2: is bad, and another one is taken",
    ]);
    assert_eq!(
        jukebox.moves(),
        ["load 1 0", "unload 4 0", "load 2 0", "unload 2 0"]
    );
    let status = machine.cback("status").on(MON).run();
    assert!(status.screen().contains("on no disc: 2026-11-23"));
    // They are not tried again.
    jukebox.blanks([3]);
    machine.cback("store").on(MON).run().well_and_silent();
    assert_eq!(jukebox.moves(), ["load 3 0", "unload 3 0"]);
    jukebox.take(4);
    jukebox.take(2);
    jukebox.comes_back(MON, &kept);
}

#[test]
fn several_bad_discs_one_after_the_other_are_the_drives_fault() {
    let machine = jukebox::machine();
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

/// What the robot does wrong costs nothing: it is told, and the next run goes on.
#[test]
fn a_robot_that_fails_is_told_and_the_next_run_completes() {
    for (words, how, status, says) in [
        ("load 1 0", "fail", 6, "the arm is stuck"),
        ("load 1 0", "lie", 6, "into drive 0, which is empty"),
        ("load 1 0", "other 2", 6, "the wrong disc"),
        ("status", "fail", 6, "could not say what it holds"),
        // What is written is written.
        ("unload 1 0", "fail", 10, "the arm is stuck"),
        ("unload 1 0", "lie", 10, "still full"),
    ] {
        let machine = jukebox::machine();
        let jukebox = Jukebox::new(&machine, 3, 1, "");
        jukebox.put(1, "A1", "");
        jukebox.put(2, "A2", "");
        let kept = machine.keep("monday");
        jukebox.fault(words, how);
        let ended = machine.cback("all").on(MON).run().with_status(status);
        ended.says(&[says]);
        tree::file(machine.path("source/new"), "tuesday");
        let tuesday = machine.keep("tuesday");
        machine.back_up(TUE);
        assert!(jukebox.is_at_rest(), "{words} {how}");
        assert_eq!(jukebox.every_disc().len(), 2, "one disc: {words} {how}");
        jukebox.comes_back(MON, &kept);
        jukebox.comes_back(TUE, &tuesday);
    }
}

#[test]
fn discs_that_a_person_has_moved_are_found_again() {
    for barcodes in [["A1", "A2", "A3"], ["disc", "disc", "disc"]] {
        let machine = jukebox::machine();
        let jukebox = Jukebox::new(&machine, 4, 1, "");
        for (slot, barcode) in (1..).zip(barcodes) {
            jukebox.put(slot, barcode, "");
        }
        machine.back_up(MON);
        // The disc in use and a blank one change places.
        let (used, blank) = (jukebox.disc(1).unwrap(), jukebox.disc(3).unwrap());
        let names = [&used, &blank].map(|path| path.file_name().unwrap().to_owned());
        fs::rename(&used, machine.path("aside")).unwrap();
        fs::rename(&blank, jukebox.slot(1).join(&names[1])).unwrap();
        fs::rename(machine.path("aside"), jukebox.slot(3).join(&names[0])).unwrap();
        tree::file(machine.path("source/new"), "tuesday");
        let tuesday = machine.keep("tuesday");
        let ended = machine.cback("all --verbose").on(TUE).run().well();
        let told = ended
            .screen()
            .contains("another disc than the one that is remembered");
        assert_eq!(told, barcodes[0] == "disc", "{}", ended.screen());
        assert_eq!((jukebox.length(1), jukebox.length(2)), (0, 0));
        jukebox.comes_back(TUE, &tuesday);
    }
}

#[test]
fn a_strangers_disc_is_left_alone() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    tree::file(machine.path("holiday/beach"), "sun");
    let call = machine.cback("disc image holiday --volume-id HOLIDAY -o");
    call.arg(jukebox.slot(1).join("disc.iso")).run().well();
    jukebox.blanks([2]);
    let before = fs::read(jukebox.disc(1).unwrap()).unwrap();
    machine.back_up(MON);
    machine
        .cback("all")
        .on(NEXT)
        .run()
        .with_status(12)
        .says(&["1 foreign"]);
    assert!(before == fs::read(jukebox.disc(1).unwrap()).unwrap());
}

#[test]
fn a_lost_inventory_is_found_out_again() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 5, 1, "");
    jukebox.blanks([2, 3, 4]);
    machine.back_up(MON);
    machine.back_up(NEXT);
    assert!(jukebox.length(2) > 0 && jukebox.length(3) > 0);
    for damage in [None, Some("{"), Some("")] {
        let inventory = machine.path("work/changer.json");
        match damage {
            None => fs::remove_file(&inventory).unwrap(),
            Some(text) => fs::write(&inventory, text).unwrap(),
        }
        let before = jukebox.length(3);
        tree::file(machine.path("source/new"), format!("{damage:?}"));
        let kept = machine.keep(&format!("{damage:?}"));
        machine.cback("all").on("2026-12-01").run().well();
        // The newest of ours is continued, not the one of the week before, and no blank one is begun.
        assert!(jukebox.length(3) > before && jukebox.length(4) == 0);
        jukebox.comes_back("2026-12-01", &kept);
    }
}

#[test]
fn a_bad_disc_that_was_exchanged_is_used_after_a_scan() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 2, 1, "");
    jukebox.put(1, "disc", "scratched");
    machine
        .cback("changer scan")
        .on(MON)
        .run()
        .with_status(10)
        .says(&["is bad", "take it out"]);
    machine.cback("all").on(MON).run().with_status(12);
    jukebox.take(1);
    jukebox.blanks([1]);
    machine
        .cback("store")
        .on(MON)
        .run()
        .with_status(12)
        .says(&["1 bad"]);
    machine
        .cback("changer scan 1")
        .on(MON)
        .run()
        .well()
        .says(&["blank"]);
    machine.cback("store").on(MON).run().well_and_silent();
}

/// Killed after each move of the robot: the next run completes, on the discs that are there.
#[test]
fn killed_after_any_move_the_next_run_completes() {
    for (barcode, full) in [("A", false), ("A", true), ("disc", false), ("disc", true)] {
        for words in ["load 1 0", "unload 1 0", "load 2 0", "unload 2 0"] {
            let machine = jukebox::machine();
            let disc = |slot: u32| match barcode {
                "A" => format!("A{slot}"),
                same => same.to_owned(),
            };
            let jukebox = Jukebox::new(&machine, 3, 1, "");
            for slot in 1..=2 {
                jukebox.put(slot, &disc(slot), "");
            }
            machine.back_up(MON);
            if full {
                machine
                    .cback("disc close")
                    .arg(jukebox.disc(1).unwrap())
                    .run()
                    .well();
            }
            tree::file(machine.path("source/new"), "tuesday");
            let tuesday = machine.keep("tuesday");
            jukebox.fault(words, "die");
            let killed = machine.cback("all").on(TUE).run();
            let reached = full || words.contains(" 1 ");
            assert_eq!(
                killed.status,
                if reached { -1 } else { 0 },
                "{words}: {}",
                killed.screen()
            );
            machine.cback("all").on(TUE).run().well();
            assert!(jukebox.is_at_rest(), "{words}");
            assert_eq!(
                jukebox.every_disc().len(),
                if full { 4 } else { 2 },
                "{words}"
            );
            jukebox.comes_back(TUE, &tuesday);
        }
    }
}

#[test]
fn killed_at_any_durable_step_of_storing_the_next_run_completes() {
    for (call, step) in [("fsync", 2), ("rename", 1)] {
        for number in (1..).step_by(step) {
            let machine = Machine::new();
            tree::file(machine.path("source/kept"), tree::noise(1, 20_000));
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
            machine.cback("collect stage").on(TUE).run().well();
            let killer = [
                "strace".to_owned(),
                "-f".to_owned(),
                "-qqq".to_owned(),
                "-o/dev/null".to_owned(),
                format!("-etrace={call}"),
                format!("-einject={call}:signal=SIGKILL:when={number}"),
            ];
            let ended = machine.cback("store").on(TUE).under(killer).run();
            if ended.status == 0 {
                assert!(number > 1, "{call} is never called");
                break;
            }
            let again = machine.cback("store").on(TUE).run();
            // Killed on the robot's way back, everything is stored.
            let done = again.screen().contains("no staged day") || again.status == 0;
            assert!(
                done,
                "{call} {number}: {} {}",
                ended.screen(),
                again.screen()
            );
            machine.cback("changer unload").on(TUE).run().well();
            assert_eq!(jukebox.every_disc().len(), 4, "{call} {number}");
            jukebox.comes_back(TUE, &tuesday);
        }
    }
}

#[test]
fn a_disc_in_a_drive_of_somebody_else_is_in_nobodys_way() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    // The second drive is another program's.
    for (name, text) in [("disc.iso", ""), ("name", "disc.iso"), ("from", "3")] {
        tree::file(jukebox.drive(1).with_file_name(name), text);
    }
    jukebox.blanks([1]);
    let kept = machine.keep("monday");
    machine.cback("collect stage").on(MON).run().well();
    let dry = machine.cback("--dry-run store").on(MON).run().well();
    dry.says(&["of slot 1"]);
    machine.cback("store").on(MON).run().well_and_silent();
    assert_eq!(jukebox.moves(), ["load 1 0", "unload 1 0"]);
    machine
        .cback("changer scan --all")
        .on(MON)
        .run()
        .well()
        .says(&["1 discs were looked at"]);
    machine
        .cback("changer status")
        .on(MON)
        .run()
        .well()
        .says(&["drive 1   (not configured)", "unknown"]);
    fs::remove_dir_all(machine.path("stage")).unwrap();
    fs::create_dir(machine.path("stage")).unwrap();
    let restore = machine.cback("restore --from changer --into back").on(MON);
    restore.run().well();
    tree::assert_same(&kept, &machine.restored("back"));
    // Nothing but that disc is left.
    jukebox.take(1);
    machine
        .cback("all")
        .on(TUE)
        .run()
        .with_status(12)
        .says(&["no disc is in it"]);
    assert!(jukebox.drive(1).metadata().unwrap().len() == 0);
}

#[test]
fn a_changer_that_tells_barcodes_of_slots_only_is_used() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 3, 1, "");
    let robot = machine.path("changer/robot");
    let text = fs::read_to_string(&robot).unwrap();
    let told = r#"full "drive ${drive#*/}" "$(cat "$drive/name")""#;
    assert!(text.contains(told));
    let untold = r#"full "drive ${drive#*/}" disc.iso"#;
    tree::program(&robot, text.replace(told, untold));
    jukebox.put(1, "A1", "");
    jukebox.put(2, "A2", "");
    machine.back_up(MON);
    tree::file(machine.path("source/new"), "tuesday");
    let tuesday = machine.keep("tuesday");
    machine.back_up(TUE);
    assert_eq!(jukebox.moves()[2..], ["load 1 0", "unload 1 0"]);
    let status = machine.cback("changer status").on(TUE).run().well();
    status.says(&["slot 1    in use   [A1]", "slot 2    unknown  [A2]"]);
    jukebox.comes_back(TUE, &tuesday);
}

#[test]
fn where_a_disc_was_put_by_hand_is_remembered() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 4, 1, "");
    jukebox.blanks([1]);
    machine.back_up(MON);
    for words in ["changer load 1", "changer unload 0 --slot 3"] {
        machine.cback(words).on(MON).run().well();
    }
    let status = machine.cback("changer status").on(MON).run().well();
    let status = status.says(&["slot 3    in use   CEDAR BACKUP 23-NOV-2026"]);
    assert!(!status.stdout.contains("not in the changer"));
    assert!(!status.stdout.contains("unknown"), "{}", status.stdout);
    // Another disc comes into the slot of one that is in the drive: the number means what lies there.
    machine.cback("changer load 3").on(MON).run().well();
    jukebox.blanks([3]);
    let load = machine.cback("changer load 3 --dry-run").on(MON).run();
    load.well().says(&["unknown"]);
}

#[test]
fn an_exchanged_disc_without_a_barcode_has_to_be_named() {
    let machine = jukebox::machine();
    let jukebox = Jukebox::new(&machine, 1, 1, "");
    jukebox.blanks([1]);
    machine.back_up(MON);
    machine
        .cback("disc close")
        .arg(jukebox.disc(1).unwrap())
        .run()
        .well();
    let store = || machine.cback("all").on(TUE).run();
    store().with_status(12).says(&["1 full; no slot is empty"]);
    jukebox.take(1);
    jukebox.blanks([1]);
    store()
        .with_status(12)
        .says(&["named to `cback changer scan`"]);
    machine.cback("changer scan 1").on(TUE).run().well();
    store().well();
}
