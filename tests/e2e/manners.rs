//! How the program behaves under cron: silence means that everything is safe; the log says what was done.

use crate::call::{Ended, Rights};
use crate::machine::Machine;
use crate::tree;

#[test]
fn without_a_terminal_a_good_run_prints_nothing_and_the_log_has_its_lines() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine
        .cback("all")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    let log = machine.log();
    let line = regex(r"^2026-11-24T02:\d\d:\d\d UTC --> \[(INFO   |WARNING|ERROR  |DEBUG  )\] .");
    assert!(log.lines().count() > 4, "{log}");
    for logged in log.lines() {
        assert!(line.is_match(logged).unwrap(), "{logged:?}");
    }
}

#[test]
fn verbose_says_on_the_screen_what_the_log_says() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    let ended = machine.cback("-b all").on("2026-11-24").run().well();
    let seen = ended.screen();
    assert!(seen.lines().count() > 4, "{seen}");
    for logged in machine.log().lines() {
        let (_, text) = logged.split_once("] ").unwrap();
        // The log names beginnings and ends as such.
        let text = text
            .trim_start_matches("begin: ")
            .trim_start_matches("end: ");
        let last = "run completed with status 0";
        assert!(
            text == last || seen.contains(text),
            "{text:?} was not on the screen:\n{seen}"
        );
    }
}

#[test]
fn quiet_says_nothing_even_when_there_is_trouble() {
    let machine = Machine::new();
    tree::file(machine.path("source/secret"), "x");
    tree::mode(&machine.path("source/secret"), 0);
    let ended = machine
        .cback("-q all")
        .on("2026-11-24")
        .with(Rights::Ordinary)
        .run();
    assert_eq!(ended.screen(), "");
    assert_eq!(ended.status, 10);
    assert!(machine.log().contains("secret"), "{}", machine.log());
}

/// The program with those words and a shell's redirections.
fn shell(machine: &Machine, words: &str, redirections: &str) -> Ended {
    let script = format!("\"$@\" {redirections}");
    machine
        .cback(words)
        .unconfigured()
        .under(["sh", "-c", &script, "sh"])
        .run()
}

#[test]
fn a_text_that_cannot_be_printed_is_an_error_and_a_reader_who_goes_away_is_none() {
    let machine = Machine::new();
    for words in [
        "--help",
        "--version",
        "completions bash",
        "help disc",
        "config init single --dir /etc --print",
    ] {
        shell(&machine, words, ">/dev/full")
            .with_status(6)
            .says(&["standard output cannot be written: No space left on device"]);
        shell(&machine, words, "| true").well();
    }
}

#[test]
fn where_nothing_can_be_said_the_status_is_right_all_the_same() {
    let machine = Machine::new();
    for (words, status) in [
        ("--nonsense", 2),
        ("", 2),
        ("--jso --nonsense", 2),
        ("-c nofile -l log collect", 4),
        ("-c nofile -l /nonexistent/log collect", 3),
        ("man /nonexistent", 6),
        ("--jso -D", 10),
    ] {
        let ended = shell(&machine, words, ">/dev/full 2>/dev/full");
        assert_eq!(ended.status, status, "{words}");
    }
}

#[test]
fn every_command_ends_its_objects_with_the_last_one() {
    let machine = Machine::new();
    let ended = machine
        .cback("--json man /nonexistent")
        .run()
        .with_status(6);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("cannot write into /nonexistent"));
}

fn regex(pattern: &str) -> fancy_regex::Regex {
    fancy_regex::Regex::new(pattern).unwrap()
}

#[test]
fn what_a_master_asks_for_in_odd_bytes_is_refused_and_is_not_nothing() {
    let machine = Machine::new();
    let script = "SSH_ORIGINAL_COMMAND=$(printf 'cback\\377') exec \"$@\"";
    let collect = machine.path("collect");
    let call = machine
        .cback("agent --allow collect --collect-dir")
        .arg(collect);
    let ended = call.under(["sh", "-c", script, "sh"]).run();
    ended.with_status(126).says(&["is not allowed here"]);
}
