//! `cback config`: what is wrong in a file, what holds in it, what its elements mean, and a new one.

use std::fs;

use crate::machine::Machine;

/// The object with the command's result.
fn result(stdout: &str) -> serde_json::Value {
    let first = stdout.lines().next().unwrap();
    let mut object: serde_json::Value = serde_json::from_str(first).unwrap();
    assert_eq!(object["event"], "result");
    object["result"].take()
}

#[test]
fn check_looks_at_the_file_alone() {
    let machine = Machine::new();
    // What it names need not be there.
    fs::remove_dir(machine.path("source")).unwrap();
    let ended = machine.cback("config check").run().well();
    assert!(
        ended.stdout.ends_with("cback.conf can be used\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.stderr, "");
    assert_eq!(machine.log(), "", "a question leaves no trace");

    machine.configure(|text| text.replace("monday", "montag"));
    let ended = machine.cback("config check").run().with_status(4);
    let ended = ended.says(&[
        "error: `montag` is no day of the week",
        "cback.conf:7:19",
        "there are `monday`",
        "cannot be used: it has an error",
    ]);
    assert!(ended.stdout.contains("^^^^^^"), "{}", ended.stdout);

    let ended = machine.cback("config check --json").run().with_status(4);
    let result = result(&ended.stdout);
    assert_eq!(result["usable"], false);
    assert_eq!(
        (&result["errors"], &result["warnings"]),
        (&1.into(), &0.into())
    );
    assert_eq!(result["findings"][0]["element"], "options/starting_day");
    assert_eq!(result["findings"][0]["line"], 7);
}

#[test]
fn a_file_with_warnings_can_be_used() {
    let machine = Machine::new();
    machine.configure(|text| {
        text.replace(
            "<check_data>",
            "<no_eject>Y</no_eject><no_eject>N</no_eject><check_data>",
        )
    });
    machine.cback("config check").run().well().says(&[
        "warning: `<no_eject>` stands here again",
        "can be used, with a warning",
    ]);
}

#[test]
fn a_file_may_be_named_without_a_switch_and_one_that_is_not_there_is_told() {
    let machine = Machine::new();
    fs::rename(machine.path("cback.conf"), machine.path("other.conf")).unwrap();
    let other = machine.path("other.conf");
    machine.cback("config check").arg(&other).run().well();
    machine.cback("config show").arg(&other).run().well();
    for word in ["check", "show"] {
        let call = machine.cback(&format!("config {word}"));
        call.run()
            .with_status(4)
            .says(&["cback.conf cannot be read", "cback config init"]);
    }
}

#[test]
fn show_says_where_each_value_comes_from() {
    let machine = Machine::new();
    let ended = machine.cback("config show").run().well();
    let row = |name: &str| {
        let mut rows = ended
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.rfind(|row| row.first() == Some(&name))
            .unwrap()
            .join(" ")
    };
    assert_eq!(row("starting_day"), "starting_day monday line 7");
    assert_eq!(
        row("collect_mode"),
        "collect_mode incr line 22, in <collect>"
    );
    assert_eq!(row("link_depth"), "link_depth 0 default");

    let ended = machine.cback("config show --json").run().well();
    let result = result(&ended.stdout);
    let settings = result["settings"].as_array().unwrap();
    let found = |within: &str, name: &str| {
        let mut all = settings.iter();
        all.find(|one| one["within"] == within && one["name"] == name)
            .unwrap()
            .clone()
    };
    let mode = found("collect/dir[1]", "collect_mode");
    assert_eq!(mode["value"], "incr");
    assert_eq!(
        (&mode["from"], &mode["section"], &mode["line"]),
        (&"section".into(), &"collect".into(), &22.into())
    );
    assert_eq!(found("store", "no_eject")["from"], "default");

    machine.configure(|text| text.replace("monday", "montag"));
    machine
        .cback("config show")
        .run()
        .with_status(4)
        .says(&["`montag` is no day of the week"]);
}

#[test]
fn explain_says_what_an_element_means() {
    let machine = Machine::new();
    fs::remove_file(machine.path("cback.conf")).unwrap();
    machine
        .cback("config explain retain_days")
        .run()
        .well()
        .says(&[
            "purge/dir/retain_days",
            "What is younger than so many days stays.",
            "a whole number, 0 or more",
            "<retain_days>7</retain_days>",
        ]);
    machine
        .cback("config explain")
        .run()
        .well()
        .says(&["collect ", "purge "]);
    let call = machine.cback("config explain retian_days");
    call.run()
        .with_status(2)
        .says(&["did you mean `retain_days`?"]);
    let ended = machine
        .cback("config explain --json only_copy")
        .run()
        .well();
    let result = result(&ended.stdout);
    assert_eq!(result[1]["element"], "purge/dir/only_copy");
    assert_eq!(
        (&result[1]["inherits"], &result[1]["default"]),
        (&"purge".into(), &"keep".into())
    );
    assert_eq!(result[1]["cedar_backup"], false);
}

#[test]
fn a_word_is_not_enough() {
    let machine = Machine::new();
    machine.cback("config").unconfigured().run().with_status(2);
    machine.cback("config chekc").run().with_status(2);
}
