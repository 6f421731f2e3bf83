//! `cback-span`: a dialogue with the real binary, discs that are files, and everything back from them.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::call::Ended;
use crate::jukebox::Jukebox;
use crate::machine::Machine;
use crate::tree;

/// The tool on `machine`, with those answers.
fn span(machine: &Machine, switches: &str, answers: &str) -> Ended {
    let program = machine.path("cback3-span");
    if !program.exists() {
        symlink(env!("CARGO_BIN_EXE_cback"), &program).unwrap();
    }
    let mut command = Command::new(&program);
    machine.at_home(&mut command);
    let mut child = command
        .args(["--config", "cback.conf", "--logfile", "log"])
        .args(switches.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before the last answer.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    Ended::of(
        &child.wait_with_output().unwrap(),
        format!("span {answers:?}"),
    )
}

/// A staged day of more than one disc, if 99.9 percent of each are kept free: four archives of 300 kB.
fn staged(machine: &Machine, media: &str) {
    machine.configure(|text| {
        let dir = text
            .split("<dir>")
            .nth(1)
            .unwrap()
            .split("</dir>")
            .next()
            .unwrap();
        let dirs = ["0", "1", "2", "3"].map(|number| {
            let dir = dir.replace("/source", &format!("/source/{number}"));
            format!("<dir>{dir}</dir>")
        });
        text.replacen(&format!("<dir>{dir}</dir>"), &dirs.concat(), 1)
            .replace("<media_type>dvd+r", &format!("<media_type>{media}"))
            .replace("targz", "tar")
    });
    for number in 0..4_u8 {
        let dir = machine.path(format!("source/{number}"));
        fs::create_dir_all(&dir).unwrap();
        let mut bytes = vec![b'x'; 300_000];
        bytes[0] = b'0' + number;
        fs::write(dir.join("file"), bytes).unwrap();
    }
    machine.cback("collect stage").run().well();
}

#[test]
fn a_day_is_spread_over_discs_and_comes_back_from_them() {
    let machine = Machine::new();
    staged(&machine, "cdr-80");
    for (answers, status, says) in [
        ("", 6, "the input has ended"),
        ("n\n", 0, "Continue? [Y/n]"),
        ("\nn\n", 0, "cdr-80"),
        ("\n\nn\n", 0, "in all"),
        ("\n\n\nx\n-1\n\nn\n", 0, "That is not one of the answers"),
        // One disc is written, and nobody inserts the next one.
        ("\n\n\n99.9\n\nworst\n\n\n", 12, "Insert disc 2 of"),
    ] {
        let ended = span(&machine, "", answers)
            .with_status(status)
            .says(&[says]);
        let day = fs::read_dir(machine.path("stage")).unwrap().next();
        assert!(day.is_some(), "{}", ended.call);
    }
    let is_stored = || {
        let all = walkdir::WalkDir::new(machine.path("stage"));
        all.into_iter()
            .any(|entry| entry.unwrap().file_name() == "cback.store")
    };
    assert!(!is_stored());
    // Rejected once, then accepted; three discs would do, and another rule is taken.
    let ended = span(
        &machine,
        "--json",
        "y\ny\ny\n99.9\ny\nbest\nno\nalternate\nyes\n\n\n\n\n\n",
    )
    .well();
    assert!(
        ended.stderr.contains("Accept this solution? [Y/n]"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stdout.contains(r#""result":{"days":["#),
        "{}",
        ended.stdout
    );
    assert!(is_stored());
    span(&machine, "", "\n\n")
        .well()
        .says(&["No staged day waits"]);

    fs::remove_dir_all(machine.path("stage")).unwrap();
    let discs = machine.discs();
    assert!(discs.len() >= 2, "{discs:?}");
    let from = discs
        .iter()
        .flat_map(|disc| [OsString::from("--from"), disc.into()]);
    machine
        .cback("restore --into restored")
        .args(from)
        .run()
        .well();
    for number in 0..4_u8 {
        let path = machine.restored("restored").join(format!("{number}/file"));
        let bytes = fs::read(path).unwrap();
        assert_eq!((bytes.len(), bytes[0]), (300_000, b'0' + number));
    }
}

#[test]
fn with_a_changer_nobody_inserts_anything_and_both_drives_burn() {
    let machine = Machine::new();
    let jukebox = Jukebox::new(&machine, 8, 2, "");
    let changer = fs::read_to_string(machine.path("cback.conf")).unwrap();
    let changer = changer.split_once("<changer>").unwrap().1;
    let changer = changer.split_once("</changer>").unwrap().0.to_owned();
    staged(&machine, "cdr-80");
    let text = fs::read_to_string(machine.path("cback.conf")).unwrap();
    let text = text
        .replace(
            machine.disc().to_str().unwrap(),
            jukebox.drive(0).to_str().unwrap(),
        )
        .replace("</store>", &format!("<changer>{changer}</changer></store>"));
    fs::write(machine.path("cback.conf"), text).unwrap();
    // Too few discs: what was written stays, nothing counts as stored, and nobody is asked for a disc.
    jukebox.blanks([1]);
    let answers = "\n\n\n99.9\n\nfirst\n\n";
    let ended = span(&machine, "", answers).with_status(12);
    assert!(ended.screen().contains("no blank disc is left") && !ended.screen().contains("Insert"));
    assert!(jukebox.is_at_rest());
    jukebox.blanks([2, 3, 4, 5, 6]);
    jukebox.moves();
    span(&machine, "", answers).well();
    let moves = jukebox.moves();
    let loads = |drive: &str| {
        moves
            .iter()
            .filter(|words| words.starts_with("load") && words.ends_with(drive))
            .count()
    };
    assert!(loads(" 0") >= 1 && loads(" 1") >= 1, "{moves:?}");
    assert!(jukebox.is_at_rest());
    fs::remove_dir_all(machine.path("stage")).unwrap();
    fs::create_dir(machine.path("stage")).unwrap();
    machine.cback("restore --into restored").run().well();
    for number in 0..4_u8 {
        let path = machine.restored("restored").join(format!("{number}/file"));
        let bytes = fs::read(path).unwrap();
        assert_eq!((bytes.len(), bytes[0]), (300_000, b'0' + number));
    }
}

#[test]
fn a_disc_that_was_just_written_is_never_erased_for_the_next_one() {
    let machine = Machine::new();
    staged(&machine, "cdrw-80");
    let ended = span(&machine, "", "\n\n\n99.9\n\n\n\n\n\n\n").with_status(12);
    for text in ["This disc was just written", "the input has ended"] {
        assert!(ended.screen().contains(text), "{}", ended.screen());
    }
    let before = fs::read(machine.disc()).unwrap();
    // It is there the next time, too, and is not erased without a word.
    let ended = span(&machine, "", "\n\n\n99.9\n\n\n\n\nno\n").with_status(12);
    assert!(
        ended.screen().contains("ERASE it? [y/N]"),
        "{}",
        ended.screen()
    );
    assert!(before == fs::read(machine.disc()).unwrap());
}

#[test]
fn a_disc_that_takes_nothing_is_told_as_the_wrong_one() {
    let machine = Machine::new();
    staged(&machine, "cdrw-80");
    machine.configure(|text| {
        let checked = "</check_data><check_media>Y</check_media>";
        text.replace("</check_data>", checked)
    });
    fs::create_dir(machine.path("photos")).unwrap();
    fs::write(machine.path("photos/one"), "a photo").unwrap();
    let disc = machine.disc();
    let burn = machine.cback("disc burn --media cdrw-80 photos --disc");
    burn.arg(&disc).run().well();
    let before = fs::read(&disc).unwrap();
    // Given up, or nobody is there to say so.
    for rest in ["no\n", ""] {
        let answers = format!("\n\n\n99.9\n\n\n\n\nyes\n{rest}");
        span(&machine, "", &answers)
            .with_status(12)
            .says(&["Retry this step? [Y/n]", "PHOTOS"]);
    }
    assert!(before == fs::read(&disc).unwrap());
}

#[test]
fn a_file_that_fits_on_no_disc_is_named_before_anything_is_written() {
    let machine = Machine::new();
    staged(&machine, "cdr-80");
    span(&machine, "", "\n\n\n99.99\n\n\n")
        .with_status(6)
        .says(&["source-0.tar takes 300", "`split` extension"]);
    assert!(machine.discs().is_empty());
}

#[test]
fn it_takes_the_switches_of_the_program_and_passes_over_actions() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    for switches in [
        "-M -N -f -u -b collect restore",
        "--help",
        "--version",
        "-D",
    ] {
        span(&machine, switches, "n\n").well();
    }
    span(&machine, "--nonsense", "").with_status(2);
    machine.configure(|text| text.replace("store>", "nothing>"));
    span(&machine, "", "\n").with_status(4);
}

#[test]
fn the_other_tool_mirrors_a_directory_with_aws() {
    let machine = Machine::new();
    let program = machine.path("cback-amazons3-sync");
    symlink(env!("CARGO_BIN_EXE_cback"), &program).unwrap();
    tree::file(machine.path("source/file"), "12345");
    // Stands in for the program of Amazon: notes its words, and lists what was said to be there.
    let aws = "#!/bin/sh\necho \"$@\" >>\"$HOME/calls\"\n\
               case $2 in list-objects*) cat \"$HOME/listing\";; esac\n";
    tree::program(machine.path("bin/aws"), aws);
    let sync = |words: &str| {
        let mut command = Command::new(&program);
        machine.at_home(&mut command);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", machine.path("bin").display()));
        command
            .args(["--logfile", "log"])
            .args(words.split_whitespace());
        let ended = Ended::of(&command.output().unwrap(), words.to_owned());
        if words.contains("--json") {
            crate::json::documented(&ended.stdout);
        }
        ended
    };
    let calls = || fs::read_to_string(machine.path("home/calls")).unwrap_or_default();
    for words in ["", "source", "source s3://b/p more"] {
        sync(words).with_status(2);
    }
    sync("--help")
        .well()
        .says(&["--verifyOnly", "--uploadOnly", "--ignoreWarnings"]);
    assert_eq!(calls(), "");
    sync("-D").well().says(&["bin/aws"]);
    fs::write(
        machine.path("home/listing"),
        r#"[{"Key":"p/file","Size":5}]"#,
    )
    .unwrap();
    sync("source s3://b/p").well();
    assert!(
        calls().contains("s3 sync") && calls().contains("--delete"),
        "{}",
        calls()
    );
    fs::remove_file(machine.path("home/calls")).unwrap();
    sync("--json --uploadOnly source s3://b/p").well();
    assert!(
        calls().contains("s3 sync") && !calls().contains("--delete"),
        "{}",
        calls()
    );
    fs::remove_file(machine.path("home/calls")).unwrap();
    fs::write(
        machine.path("home/listing"),
        r#"[{"Key":"p/file","Size":4}]"#,
    )
    .unwrap();
    sync("-v source s3://b/p").with_status(6).says(&["file"]);
    assert!(!calls().contains("s3 sync"), "{}", calls());
}
