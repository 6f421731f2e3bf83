//! Slips of a person at the command line: what was meant is guessed, what was typed is shown as it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::machine::Machine;

#[test]
fn a_mistyped_action_is_told_with_what_was_perhaps_meant() {
    let machine = Machine::new();
    // words, and what is said of them
    for (words, says) in [
        ("colect", "next: did you mean `collect`?"),
        ("Collect", "next: did you mean `collect`?"),
        ("collect sotre", "next: did you mean `store`?"),
        ("restor", "next: did you mean the command `cback restore`?"),
        (
            "confg check",
            "next: did you mean the command `cback config`?",
        ),
        ("quickstrat", "the command `cback quickstart`?"),
        ("collect -- --full", "switches stand before `--`"),
        ("--json colect", "did you mean `collect`?"),
    ] {
        let ended = machine.cback(words).run().with_status(4);
        ended.says(&["is no action; there are collect, stage,", says]);
    }
    // Nothing is guessed where nothing is near.
    let ended = machine.cback("wednesday").run().with_status(4);
    assert!(!ended.screen().contains("did you mean"), "{}", ended.stderr);
    let ended = machine.cback("").arg("").run().with_status(4);
    ended.says(&["the name of an action is empty"]);
}

#[test]
fn a_mistyped_action_is_told_before_a_configuration_that_cannot_be_used() {
    let machine = Machine::new();
    let nowhere = machine.cback("--config /nowhere/conf colect").run();
    nowhere.with_status(4).says(&[
        "error: `colect` is no action of cback's own; and the configuration /nowhere/conf cannot be read",
        "next: did you mean `collect`? Otherwise name it with -c FILE",
        "write one with `cback config init`",
    ]);
    machine.configure(|text| text.replace("targz", "tarzg"));
    let ended = machine.cback("colect").run().with_status(4);
    ended.says(&["did you mean `targz`?", "did you mean `collect`?"]);
    // What is built in is told of only by the configuration.
    let ended = machine.cback("collect").run().with_status(4);
    assert!(!ended.stderr.contains("no action"), "{}", ended.stderr);
}

#[test]
fn odd_bytes_on_the_command_line_are_shown_as_they_are() {
    let machine = Machine::new();
    for (words, odd, says) in [
        (
            "--mode",
            "\\xff",
            "invalid value '\\xff' for '--mode <MODE>'",
        ),
        ("--naming", "v\\xff", "invalid value 'v\\xff' for '--naming"),
        ("", "--fu\\xff", "unexpected argument '--fu\\xff' found"),
        ("", "-m\\xff", "invalid value '\\xff' for '--mode <MODE>'"),
        (
            "",
            "--mode=\\xff",
            "invalid value '\\xff' for '--mode <MODE>'",
        ),
        (
            "",
            "col\\xfflect",
            "`col\\xfflect` is not UTF-8; only names of files may be",
        ),
        (
            "--config \u{fffd}",
            "--owner=a:\\xff",
            "`--owner=a:\\xff` is not UTF-8",
        ),
    ] {
        let mut bytes = Vec::new();
        for (at, piece) in odd.split("\\xff").enumerate() {
            if at > 0 {
                bytes.push(0xff);
            }
            bytes.extend_from_slice(piece.as_bytes());
        }
        let call = machine
            .cback(words)
            .arg(OsStr::from_bytes(&bytes))
            .arg("all");
        let ended = call.run().with_status(2);
        ended.says(&["cback: error: ", says]);
    }
    // Names of files may be any bytes, and a terminal is not steered.
    let call = machine.cback("--config").arg(OsStr::from_bytes(b"\xff"));
    call.arg("all")
        .run()
        .with_status(4)
        .says(&["\\xff cannot be read"]);
    let call = machine.cback("").arg("--\u{1b}[2Jx");
    call.run().with_status(2).says(&["'--\\u{1b}[2Jx'"]);
}

#[test]
fn without_a_word_it_says_what_one_can_do() {
    let machine = Machine::new();
    for words in ["", "-b", "--full", "-n"] {
        let ended = machine.cback(words).run().with_status(2);
        ended.says(&[
            "cback: error: it was not said what to do",
            "cback all",
            "cback restore --into DIR",
            "cback quickstart DIR",
            "Usage: cback [SWITCHES] ACTION...",
        ]);
    }
    let ended = machine.cback("--json").run().with_status(2);
    ended.says(&["it was not said what to do"]);
}

#[test]
fn help_is_a_word_too() {
    let machine = Machine::new();
    for (words, says) in [
        ("help", "Usage: cback [SWITCHES] ACTION..."),
        ("help store", "cback --full store"),
        ("help collect", "collect_dir"),
        ("help stage", "staging_dir"),
        ("help purge", "retain_days"),
        ("help all", "extensions"),
        ("help rebuild", "fresh disc"),
        ("help validate", "peers"),
        ("help initialize", "rewritable"),
        ("help restore", "--as-of"),
        ("help disc burn", "--volume-id"),
        ("help config init", "--starting-day"),
        ("help help", "Usage: cback help"),
        ("help -h", "Usage: cback help"),
        ("-Vh", "Usage: cback [SWITCHES] ACTION..."),
    ] {
        let ended = machine.cback(words).unconfigured().run().well();
        assert!(ended.stdout.contains(says), "{words}: {}", ended.stdout);
        assert_eq!(ended.stderr, "", "{words}");
    }
    for (words, says) in [
        ("help sotre", "did you mean `cback help store`?"),
        ("help disc brun", "did you mean `cback help disc burn`?"),
        ("help collect store", "`cback help collect`"),
    ] {
        machine.cback(words).run().with_status(2).says(&[says]);
    }
}

#[test]
fn a_person_at_a_terminal_is_told_that_all_is_well() {
    let machine = Machine::new();
    let on_a_terminal = |term: &str, words: &str| {
        let words: Vec<String> = machine
            .cback(words)
            .words()
            .iter()
            .map(|word| crate::call::quoted(word))
            .collect();
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &words.join(" "), "/dev/null"]);
        let command = machine.at_home(&mut command).env("TERM", term);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    crate::tree::file(machine.path("source/file"), "x");
    let log = machine.path("log");
    for (words, says) in [
        ("validate", "Configuration is valid.\r\n".to_owned()),
        (
            "all",
            format!(
                "all is well: collect, stage, store, purge (log: {})\r\n",
                log.display()
            ),
        ),
        ("-N all", "nothing was done: no managed peer has".to_owned()),
        ("-q all", String::new()),
    ] {
        let screen = on_a_terminal("xterm", words);
        let last = screen.rsplit("\u{1b}[K").next().unwrap_or_default();
        assert!(last.starts_with(&says), "{words}: {screen}");
        assert!(!says.is_empty() || screen.is_empty(), "{words}: {screen}");
    }
    // One that cannot take a line back is not sent what it cannot do.
    let dumb = on_a_terminal("dumb", "all");
    assert!(!dumb.contains('\u{1b}'), "{dumb}");
}

#[test]
fn completions_know_actions_and_commands() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish"] {
        let call = machine.cback(&format!("completions {shell}"));
        let script = call.unconfigured().run().well().stdout;
        for word in ["initialize", "rebuild", "quickstart", "dry-run"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // As bash calls it when somebody presses the tabulator.
    let script = "source <(\"$0\" completions bash); COMP_WORDS=(cback $1); COMP_CWORD=1; _cback cback \"$1\" cback; \
                  printf '%s ' \"${COMPREPLY[@]}\"";
    for (typed, completed) in [
        ("coll", "collect "),
        ("quic", "quickstart "),
        ("sto", "store "),
    ] {
        let output = std::process::Command::new("bash")
            .args(["-c", script, env!("CARGO_BIN_EXE_cback"), typed])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), completed);
    }
}
