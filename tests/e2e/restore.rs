//! `cback restore`: what was asked for, from where it is, and never over something else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::call::{Ended, Rights, foreign};
use crate::machine::Machine;
use crate::tree;

fn two_days() -> (Machine, [std::path::PathBuf; 2]) {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    let first = machine.keep("first");
    Machine::settle();
    machine.back_up("2026-11-24");
    tree::file(source.join("letter.txt"), "Dear Bob,\n");
    fs::remove_dir_all(source.join("photos")).unwrap();
    let second = machine.keep("second");
    machine.back_up("2026-11-25");
    (machine, [first, second])
}

#[test]
fn one_path_comes_back_and_nothing_else() {
    let (machine, [first, _]) = two_days();
    let photos = machine.path("source/photos");
    let call = machine
        .cback("restore --as-of 2026-11-24 --into")
        .arg(machine.path("restored"));
    call.arg(photos.strip_prefix("/").unwrap()).run().well();
    let restored = machine.restored("restored");
    tree::assert_same(&first.join("photos"), &restored.join("photos"));
    assert_eq!(fs::read_dir(restored).unwrap().count(), 1);
}

#[test]
fn what_a_link_led_to_comes_back_though_it_was_collected_behind_what_sorts_after_it() {
    let machine = Machine::new();
    machine.configure(|text| {
        let dir = format!("<abs_path>{}</abs_path>", machine.path("source").display());
        let followed = "<link_depth>1</link_depth><dereference>Y</dereference>";
        text.replace(&dir, &format!("{dir}{followed}"))
    });
    let outside = machine.path("outside");
    tree::file(outside.join("notes"), "by way of a link");
    tree::file(outside.join("sub/more"), "deeper");
    let source = machine.path("source");
    tree::file(source.join("first"), "two names");
    fs::hard_link(source.join("first"), source.join("second")).unwrap();
    std::os::unix::fs::symlink(&outside, source.join("link")).unwrap();
    machine.back_up("2026-11-24");
    let below = |into: &str| machine.path(into).join(outside.strip_prefix("/").unwrap());
    // The last member of the first round is a further name, which is made without the archive.
    machine.restores("", &source);
    machine.restore("all", "");
    tree::assert_same(&outside, &below("all"));
    let call = machine.cback("restore --into").arg(machine.path("some"));
    call.arg(&outside).run().well();
    tree::assert_same(&outside, &below("some"));
}

#[test]
fn a_further_name_comes_back_though_another_source_brings_the_first() {
    let machine = Machine::new();
    let source = machine.path("source");
    machine.configure(|text| {
        let dir = format!(
            "<dir>\n      <abs_path>{}</abs_path>\n    </dir>",
            source.display()
        );
        assert!(text.contains(&dir));
        let inner = dir.replace("</abs_path>", "/inner</abs_path>");
        text.replace(&dir, &format!("{dir}{inner}"))
    });
    tree::file(source.join("inner/first"), "three names");
    for name in ["second", "third"] {
        fs::hard_link(source.join("inner/first"), source.join(name)).unwrap();
    }
    machine.back_up("2026-11-24");
    let restored = machine.restore("restored", "");
    for name in ["inner/first", "second", "third"] {
        let text = fs::read_to_string(restored.join(name)).unwrap();
        assert_eq!(text, "three names", "{name}");
    }
}

#[test]
fn directories_of_sources_within_one_another_are_replaced_like_others() {
    let machine = Machine::new();
    let source = machine.path("source");
    machine.configure(|text| {
        let dir = format!(
            "<dir>\n      <abs_path>{}</abs_path>\n    </dir>",
            source.display()
        );
        let inner = dir.replace("</abs_path>", "/inner</abs_path>");
        text.replace(&dir, &format!("{dir}{inner}"))
    });
    tree::file(source.join("inner/deep/file"), "saved");
    tree::mode(&source.join("inner"), 0o711);
    machine.back_up("2026-11-24");
    let there = machine.restored("restored").join("inner");
    fs::create_dir_all(there.join("deep")).unwrap();
    for dir in [there.join("deep"), there.clone()] {
        tree::mode(&dir, 0o700);
    }
    let call = machine.cback("restore --existing replace --into");
    call.arg(machine.path("restored")).run().well();
    tree::assert_same(&source, &machine.restored("restored"));
}

#[test]
fn a_day_that_cannot_be_listed_is_named_and_costs_no_other_day() {
    let (machine, [first, _]) = two_days();
    let locked = machine.path("stage/2026/11/25/ada");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let from_stage = |words: &str| {
        let call = machine.cback("restore --from").unconfigured();
        let call = call.with(Rights::Ordinary).arg(machine.path("stage"));
        let call = call.args(words.split_whitespace()).arg("--into");
        call.arg(machine.path("restored")).run()
    };
    for words in ["--dry-run", ""] {
        let ended = from_stage(words).with_status(10);
        ended.says(&["2026/11/25/ada cannot be listed", "Permission denied"]);
    }
    // What is not found may be there.
    let missing = from_stage("no/such/path").with_status(2);
    missing.says(&["2026/11/25/ada cannot be listed", "may be in there"]);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    tree::assert_same(&first, &machine.restored("restored"));
}

#[test]
fn a_catalog_that_cannot_be_used_is_named_and_left_alone() {
    let (machine, [_, second]) = two_days();
    let catalog = machine.path("work/catalog.sqlite3");
    fs::write(&catalog, "no catalog").unwrap();
    let held = || fs::read_dir(machine.path("work")).unwrap().count();
    let before = held();
    let call = machine
        .cback("restore --into")
        .arg(machine.path("restored"));
    let ended = call.run().with_status(10);
    ended.says(&["catalog.sqlite3: the catalog cannot be used", "--from"]);
    tree::assert_same(&second, &machine.restored("restored"));
    assert_eq!(fs::read_to_string(&catalog).unwrap(), "no catalog");
    assert_eq!(held(), before);
}

#[test]
fn places_that_are_not_there_are_named_if_nothing_else_is() {
    let machine = Machine::new();
    fs::remove_dir(machine.path("stage")).unwrap();
    let call = machine.cback("restore --into").arg(machine.path("into"));
    let ended = call.run().with_status(12);
    ended.says(&["stage is not there", "disc.iso is not there"]);
}

#[test]
fn a_dry_run_says_what_comes_from_where_and_changes_nothing() {
    let (machine, _) = two_days();
    let into = machine.path("restored");
    let ended = machine
        .cback("restore --dry-run --into")
        .arg(&into)
        .run()
        .well();
    ended.says(&[
        "2026/11/24/ada",
        "2026/11/25/ada",
        "tar -xpf",
        "8 files",
        "1 file",
    ]);
    assert!(!into.exists());
    let call = machine.cback("restore --dry-run --from").unconfigured();
    let ended = call.arg(machine.disc()).arg("--into").arg(&into).run();
    let disc = format!(
        "on the disc `CEDAR BACKUP 25-NOV-2026` ({})",
        machine.disc().display()
    );
    ended
        .well()
        .says(&["2026/11/24/ada", &disc, "tar -xpf /mnt/2026/11/25/ada"]);
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let (machine, _) = two_days();
    let there = machine.restored("restored").join("letter.txt");
    tree::file(&there, "written today");
    let ended = machine
        .cback("restore --into")
        .arg(machine.path("restored"))
        .run();
    assert_ne!(ended.status, 0);
    ended.says(&["is not empty"]);
    assert_eq!(fs::read_to_string(there).unwrap(), "written today");
}

#[test]
fn a_day_path_or_peer_that_is_not_there_is_told() {
    let (machine, _) = two_days();
    let call = |words: &str| {
        machine
            .cback(words)
            .arg("--into")
            .arg(machine.path("restored"))
            .run()
    };
    for (words, text) in [
        ("restore --as-of 2026-11-01", "2026-11-01"),
        ("restore --peer nobody", "nobody"),
        ("restore no/such/path", "no/such/path"),
    ] {
        let ended = call(words);
        assert!([2, 6, 10, 12].contains(&ended.status), "{words}: {ended:?}");
        ended.says(&[text]);
    }
}

#[test]
fn a_disc_that_is_missing_is_named() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    Machine::settle();
    machine.back_up("2026-11-24");
    machine.back_up("2026-11-25");
    // Only the incremental's disc: the full archive is elsewhere.
    fs::rename(machine.disc(), machine.path("lost.iso")).unwrap();
    tree::file(source.join("new"), "x");
    machine
        .cback("all")
        .on("2026-11-26")
        .run()
        .with_status(10)
        .says(&["disc.iso", "is not there any more; a new one is begun"]);
    let call = machine
        .cback("restore --from")
        .unconfigured()
        .arg(machine.disc());
    let ended = call.arg("--into").arg(machine.path("restored")).run();
    assert!([10, 12].contains(&ended.status), "{ended:?}");
    ended.says(&["2026-11-24"]);

    let call = machine
        .cback("restore --incomplete --from")
        .unconfigured()
        .arg(machine.disc());
    let ended = call.arg("--into").arg(machine.path("partly")).run();
    assert_ne!(ended.status, 0);
    assert_eq!(
        fs::read_to_string(machine.restored("partly").join("new")).unwrap(),
        "x"
    );

    let call = machine
        .cback("restore --from")
        .unconfigured()
        .arg(machine.path("lost.iso"));
    let call = call
        .arg("--from")
        .arg(machine.disc())
        .arg("--into")
        .arg(machine.path("whole"));
    call.run().well();
    tree::assert_same(&source, &machine.restored("whole"));
}

#[test]
fn discs_that_were_set_aside_are_found_without_the_catalog() {
    let machine = Machine::new();
    tree::file(machine.path("source/first"), "1");
    let kept = machine.keep("source");
    machine.back_up("2026-11-24");
    fs::remove_file(machine.path("source/first")).unwrap();
    tree::file(machine.path("source/second"), "2");
    let call = "--full collect stage store";
    machine.cback(call).on("2026-11-25").run().well_and_silent();
    assert_eq!(machine.discs().len(), 2);
    fs::remove_dir_all(machine.path("stage")).unwrap();
    fs::remove_file(machine.path("work/catalog.sqlite3")).unwrap();
    machine.restores("--as-of 2026-11-24", &kept);
}

#[test]
fn a_head_that_is_damaged_costs_a_disc_no_day() {
    let (machine, [first, second]) = two_days();
    let mut disc = fs::read(machine.disc()).unwrap();
    disc[16 * 2048 + 160] ^= 0x40; // the place of the root directory
    fs::write(machine.disc(), disc).unwrap();
    for (as_of, kept) in [("2026-11-24", &first), ("2026-11-25", &second)] {
        let call = machine.cback("restore --from").unconfigured();
        let call = call.arg(machine.disc()).args(["--as-of", as_of, "--into"]);
        let ended = call.arg(machine.path(as_of)).run().with_status(10);
        ended.says(&["damaged at sector"]);
        tree::assert_same(kept, &machine.restored(as_of));
    }
}

#[test]
fn a_place_that_is_nearly_right_is_told_with_the_right_one() {
    let (machine, _) = two_days();
    let stage = machine.path("stage");
    for (from, advice) in [
        ("stage/2026", format!("--from {};", stage.display())),
        ("stage/2026/11", format!("--from {};", stage.display())),
        ("stage/2026/11/24", format!("--from {};", stage.display())),
        (
            "stage/2026/11/24/ada",
            format!("--from {};", stage.display()),
        ),
        ("discs", format!("--from {}", machine.disc().display())),
    ] {
        let call = machine.cback("restore --into r --from").unconfigured();
        let ended = call.arg(machine.path(from)).run().with_status(12);
        ended.says(&["holds no daily directories", &advice]);
    }
}

#[test]
fn a_dump_of_a_day_that_was_staged_again_is_checked_with_what_was_known_last() {
    let machine = Machine::new();
    machine.back_up("2026-11-24");
    let day = machine.path("stage/2026/11/24");
    let list = |text: &str| {
        let digest = cback::units::Digest::of(text.as_bytes());
        format!("{digest}  ada/dump.sql\n")
    };
    // A second staging was killed before it came to the list of the whole day.
    tree::file(day.join("ada/dump.sql"), "second");
    tree::file(day.join("SHA256SUMS"), list("first"));
    tree::file(day.join("...ada.partial"), list("second"));
    let restore = |into: &str| {
        let call = machine.cback("restore --from").unconfigured();
        let call = call.arg(machine.path("stage")).arg("--into");
        call.arg(machine.path(into)).run()
    };
    restore("right").well();
    tree::file(day.join("...ada.partial"), list("third"));
    restore("wrong")
        .with_status(14)
        .says(&["dump.sql", "damaged"]);
}

#[test]
fn a_dump_that_was_split_is_compared_with_the_digests_of_its_parts() {
    let machine = Machine::new();
    machine.back_up("2026-11-24");
    let day = machine.path("stage/2026/11/24");
    let mut list = String::new();
    for (number, text) in (0..).zip(["one", "two", "3"]) {
        let name = format!("ada/dump.sql_{number:05}");
        tree::file(day.join(&name), text);
        list += &format!("{}  {name}\n", cback::units::Digest::of(text.as_bytes()));
    }
    tree::file(day.join("SHA256SUMS"), list);
    let restore = |into: &str| {
        let call = machine.cback("restore _files --from").unconfigured();
        let call = call.arg(machine.path("stage")).arg("--into");
        call.arg(machine.path(into)).run()
    };
    restore("right").well();
    let dump = machine.path("right/_files/dump.sql");
    assert_eq!(fs::read_to_string(dump).unwrap(), "onetwo3");
    tree::file(day.join("ada/dump.sql_00001"), "owt");
    restore("wrong")
        .with_status(14)
        .says(&["dump.sql", "not what was staged"]);
}

#[test]
fn a_restore_that_was_killed_leaves_nothing_behind_when_it_is_repeated() {
    let (machine, [_, second]) = two_days();
    let restore = |words: &str| {
        let call = machine.cback(&format!("restore {words} --into"));
        call.arg(machine.path("restored"))
    };
    let kill = "-einject=renameat2:signal=SIGKILL:when=2";
    let strace = [
        "strace",
        "-f",
        "-qqq",
        "-o/dev/null",
        "-etrace=renameat2",
        kill,
    ];
    restore("").under(strace).run().with_status(-1);
    let partials = || {
        let entries = walkdir::WalkDir::new(machine.path("restored")).into_iter();
        let names = entries.map(|entry| entry.unwrap().file_name().to_owned());
        names
            .filter(|name| name.as_encoded_bytes().ends_with(b".partial"))
            .count()
    };
    assert_eq!(partials(), 1);
    restore("")
        .run()
        .with_status(6)
        .says(&["is not empty", "--existing replace"]);
    restore("--existing replace").run().well();
    assert_eq!(partials(), 0);
    tree::assert_same(&second, &machine.restored("restored"));
}

#[test]
fn an_interrupted_restore_says_how_to_go_on() {
    let machine = Machine::new();
    let configuration = machine.path("cback.conf");
    fs::remove_file(&configuration).unwrap();
    foreign(&machine.path(""), "mkfifo", &["cback.conf".as_ref()]);
    let mut command = machine.cback("restore --into r").command();
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let restore = command.spawn().unwrap();
    // Opening waits for the reader, who then waits for text.
    let _text = fs::File::options().write(true).open(configuration).unwrap();
    let id = rustix::process::Pid::from_child(&restore);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let ended = Ended::of(&restore.wait_with_output().unwrap(), "restore".to_owned());
    ended
        .with_status(5)
        .says(&["interrupted", "--existing replace"]);
}

#[test]
fn everything_that_is_not_restored_is_named() {
    let machine = Machine::new();
    for number in 0..50 {
        tree::file(machine.path(format!("source/file-{number}")), "saved");
    }
    machine.back_up("2026-11-24");
    for number in 0..50 {
        tree::file(
            machine.restored("into").join(format!("file-{number}")),
            "there",
        );
    }
    let call = machine.cback("restore --existing keep --into");
    let ended = call.arg(machine.path("into")).run().with_status(10);
    let mut ended = ended.says(&["50 problems"]);
    for number in 0..50 {
        ended = ended.says(&[&format!("file-{number}: not restored")]);
    }
}

#[test]
fn without_a_configuration_one_is_told_that_a_disc_needs_none() {
    let machine = Machine::new();
    fs::remove_file(machine.path("cback.conf")).unwrap();
    let restore = || machine.cback("restore --into r").run().with_status(4);
    restore().says(&["a disc needs no configuration", "--from DISC", "-c FILE"]);
    // Where quickstart was at work, that is most likely what is meant.
    let own = machine.path("home/.local/share/cback/cback.conf");
    tree::file(&own, "");
    restore().says(&["--from DISC", &format!("-c {}", own.display())]);
}
