//! How the program behaves under cron: silence means that everything is safe; the log says what was done.

use crate::call::Rights;
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

fn regex(pattern: &str) -> fancy_regex::Regex {
    fancy_regex::Regex::new(pattern).unwrap()
}
