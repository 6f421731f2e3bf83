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

/// `config init` with those words, written into a file that is not there yet.
fn init(machine: &Machine, words: &str) -> String {
    let _ = fs::remove_file(machine.path("cback.conf"));
    machine.cback(&format!("config init {words}")).run().well();
    fs::read_to_string(machine.path("cback.conf")).unwrap()
}

#[test]
fn init_writes_a_configuration_for_each_kind_of_machine() {
    let machine = Machine::new();
    let root = machine.path("");
    let root = root.to_str().unwrap();
    for (role, has, has_not) in [
        ("single", "<device_type>file</device_type>", "<rcp_command>"),
        ("client", "<collect>", "<store>"),
        (
            "master --client web --client mail --device /dev/sr0 --media cdrw-74",
            "<device_type>cdwriter<",
            "<device_type>file<",
        ),
    ] {
        let text = init(
            &machine,
            &format!(
                "{role} --dir {root}source --dir /etc --base {root}kept --starting-day friday"
            ),
        );
        assert!(text.contains(has) && !text.contains(has_not), "{text}");
        assert!(
            text.contains("<starting_day>friday<") && text.contains(" collect\n")
                || role == "single",
            "{text}"
        );
        let ended = machine.cback("config check").run().well();
        assert!(ended.stdout.ends_with("can be used\n"), "{}", ended.stdout);
    }
    // As docs/pool.md has it: nothing else has to be installed.
    let text = fs::read_to_string(machine.path("cback.conf")).unwrap();
    assert!(!text.contains("_command>"), "{text}");
    assert!(
        text.lines()
            .all(|line| line.is_empty() || line.starts_with([' ', '<', '-'])),
        "{text}"
    );
    let settings = machine.cback("config show").run().well();
    settings.says(&["web", "mail", "remote"]);
}

#[test]
fn lines_for_cron_name_a_configuration_that_is_elsewhere() {
    let machine = Machine::new();
    fs::remove_file(machine.path("cback.conf")).unwrap();
    let text = init(&machine, "client --dir /etc");
    let line = format!(
        "30 0 * * *  cback -c {} collect\n",
        machine.path("cback.conf").display()
    );
    assert!(text.contains(&line), "{text}");
    machine.cback("config check").run().well();
}

#[test]
fn what_init_writes_backs_up_and_restores() {
    let machine = Machine::new();
    crate::tree::file(machine.path("source/file"), "precious");
    let root = machine.path("");
    let root = root.to_str().unwrap();
    init(
        &machine,
        &format!("single --dir {root}source --base {root}kept"),
    );
    for dir in ["work", "collect", "stage", "disc"] {
        fs::create_dir_all(machine.path("kept").join(dir)).unwrap();
    }
    machine.cback("validate").run().well();
    machine.back_up("2026-11-24");
    let restored = machine.restore("into", "");
    assert_eq!(
        fs::read_to_string(restored.join("file")).unwrap(),
        "precious"
    );
}

#[test]
fn init_never_replaces_a_file_and_needs_to_know_what() {
    let machine = Machine::new();
    let before = fs::read(machine.path("cback.conf")).unwrap();
    let call = machine.cback("config init single --dir /etc");
    call.run().with_status(6).says(&["is there already"]);
    assert_eq!(fs::read(machine.path("cback.conf")).unwrap(), before);
    fs::remove_file(machine.path("cback.conf")).unwrap();
    for (words, said) in [
        ("", "config init single"),
        ("single", "--dir DIR"),
        ("client --dir /etc --client web", "no clients"),
        ("single --dir /etc --dir /etc", "is collected twice"),
        ("single --dir /etc --media floppy", "dvd+r"),
        ("single --dir /etc --starting-day Funday", "monday"),
    ] {
        let call = machine.cback(&format!("config init {words}"));
        call.run().with_status(2).says(&[said]);
        assert!(!machine.path("cback.conf").exists(), "{words}");
    }
    let ended = machine
        .cback("config init single --dir /etc --print")
        .run()
        .well();
    assert!(ended.stdout.starts_with("<?xml") && ended.stdout.ends_with("</cb_config>\n"));
    assert!(!machine.path("cback.conf").exists());
}

#[test]
fn init_asks_on_a_terminal() {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};

    let machine = Machine::new();
    fs::remove_file(machine.path("cback.conf")).unwrap();
    let words: Vec<String> = machine
        .cback("config init")
        .words()
        .iter()
        .map(|word| crate::call::quoted(word))
        .collect();
    // script(1) is a terminal.
    let mut command = Command::new("script");
    command.args(["-qec", &words.join(" "), "/dev/null"]);
    let mut child = machine
        .at_home(&mut command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let base = machine.path("kept");
    let answers = format!(
        "sngle\nmaster\n/etc\nweb mail\n/dev/sr0\ndvd+rw\n{}\n\n",
        base.display()
    );
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{screen}");
    for said in [
        "(single), a master",
        "it is `single`, `client` or `master`",
        "[sunday]",
        "is written",
    ] {
        assert!(screen.contains(said), "{screen}");
    }
    let written = machine.path("cback.conf");
    let text = fs::read_to_string(&written).unwrap();
    assert!(
        text.contains("<name>web</name>") && text.contains("<media_type>dvd+rw<"),
        "{text}"
    );
    assert_eq!(
        written.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_question_can_be_left_with_ctrl_c_and_with_ctrl_d() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    // What is typed, how it ends, and what is said.
    for (typed, status, says) in [
        ("\u{3}", 5, "interrupted"),
        ("\u{4}", 2, "nobody answers; nothing was written"),
    ] {
        let machine = Machine::new();
        fs::remove_file(machine.path("cback.conf")).unwrap();
        let words: Vec<String> = machine
            .cback("config init")
            .words()
            .iter()
            .map(|word| crate::call::quoted(word))
            .collect();
        // A shell that was interrupted, too, would hide the status.
        let exec = format!("exec {}", words.join(" "));
        let mut command = Command::new("timeout");
        command.args(["300", "script", "-qec", &exec, "/dev/null"]);
        let mut child = machine
            .at_home(&mut command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The question first: what is typed before it steers the terminal before anybody reads from it.
        let mut asked = Vec::new();
        let mut screen = child.stdout.take().unwrap();
        while !asked.ends_with(b"[single]: ") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut screen, &mut byte).unwrap();
            asked.push(byte[0]);
        }
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(typed.as_bytes()).unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut screen, &mut rest).unwrap();
        let ended = child.wait().unwrap();
        drop(stdin);
        assert_eq!(ended.code(), Some(status), "{rest}");
        assert!(rest.contains(says), "{rest}");
        assert!(!machine.path("cback.conf").exists());
    }
}
