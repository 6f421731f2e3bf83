//! The command line: what is printed where, exit statuses, names that the program goes by.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::call::Ended;
use crate::machine::Machine;
use crate::tree;

/// A configuration with an extension.
fn with_extension(machine: &Machine, name: &str, module: &str) {
    machine.configure(|text| {
        let extension = format!(
            "<extensions><action><name>{name}</name><module>{module}</module>\
             <function>executeAction</function><index>99</index></action></extensions><options>"
        );
        text.replace("<options>", &extension)
    });
}

#[test]
fn help_and_version_are_answers_on_standard_output() {
    let machine = Machine::new();
    for (words, says) in [
        ("--help", "Usage: cback [SWITCHES] ACTION..."),
        ("-h", "Usage: cback [SWITCHES] ACTION..."),
        ("--version", "cback 0."),
        ("-V", "cback 0."),
        ("-V --help", "Usage: cback [SWITCHES] ACTION..."),
        ("restore --help", "--as-of"),
        ("--diagnostics", "version "),
        ("-D", "programs "),
        ("-D --version", "cback 0."),
    ] {
        let ended = machine.cback(words).unconfigured().run().well();
        assert!(ended.stdout.contains(says), "{words}: {}", ended.stdout);
        assert_eq!(ended.stderr, "", "{words}");
    }
}

#[test]
fn every_status_is_the_documented_one() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    // words, status, what is said of it
    for (words, status, says) in [
        ("", 2, "Usage"),
        ("--nonsense all", 2, "--nonsense"),
        ("-M -N all", 2, "cannot be used with"),
        ("--logfile /nowhere/log all", 3, "/nowhere/log"),
        ("--config /nowhere/conf all", 4, "/nowhere/conf"),
        ("nothing", 4, "`nothing` is no action"),
        ("all collect", 4, "`all` stands alone"),
        ("collect restore", 4, "cback restore --help"),
        ("-N store", 0, ""),
        ("initialize", 6, "dvd+r"),
        ("collect", 0, ""),
    ] {
        machine.cback(words).run().with_status(status).says(&[says]);
    }
}

#[test]
fn diagnostics_name_programs_overrides_and_trouble() {
    let machine = Machine::new();
    machine.configure(|text| {
        text.replace(
            "</options>",
            "<override><command>gpg</command><abs_path>/bin/echo</abs_path></override></options>",
        )
    });
    machine.cback("-D").run().well().says(&[
        env!("CARGO_PKG_VERSION"),
        "rustc",
        "naming     v2",
        "gpg             /bin/echo",
        "/usr/bin/scp",
        // all paths in one column
        "dvd+rw-format ",
        "drives",
    ]);
    machine.configure(|_| "<cb_config/>".to_owned());
    let ended = machine.cback("-D").run().well();
    assert!(
        ended.stdout.contains("`cback validate` says why"),
        "{}",
        ended.stdout
    );
}

#[test]
fn with_stack_the_causes_and_the_place_are_shown() {
    let machine = Machine::new();
    let ended = machine
        .cback("--config /nowhere/conf all")
        .run()
        .with_status(4);
    assert!(!ended.stderr.contains("met at"), "{}", ended.stderr);
    let ended = machine
        .cback("-s --config /nowhere/conf all")
        .run()
        .with_status(4);
    for line in [
        "cannot be read\n  because No such file or directory",
        "met at:",
        "cback::cli::run::run",
    ] {
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
    }
}

/// Runs the program under another name, with that configuration as the only one in `/etc`.
fn called(machine: &Machine, name: &str, etc: &str, words: &str) -> Ended {
    let program = machine.path(name);
    if !program.exists() {
        symlink(env!("CARGO_BIN_EXE_cback"), &program).unwrap();
    }
    let script = format!(
        "mkdir -p own-etc; cp -a /etc/passwd /etc/group /etc/nsswitch.conf own-etc/; cp cback.conf own-etc/{etc}; \
         mount --bind own-etc /etc; mount -t tmpfs none /var/log; status=0; ./{name} {words} || status=$?; \
         ls /var/log >logs; exit $status"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-ec", &script]);
    let output = machine.at_home(&mut command).output().unwrap();
    std::fs::remove_dir_all(machine.path("own-etc")).unwrap();
    Ended::of(&output, format!("{name} {words}"))
}

#[test]
fn the_name_settles_configuration_log_and_names_of_archives() {
    let machine = Machine::new();
    tree::file(machine.path("source/a:b/file"), "x");
    machine.configure(|text| {
        text.replace("/source</abs_path>", "/source/a:b</abs_path>")
            .replace("<collect_mode>incr", "<collect_mode>daily")
    });
    let archives = || {
        let names = std::fs::read_dir(machine.path("collect")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".tar.gz")).collect();
        for name in &names {
            std::fs::remove_file(machine.path("collect").join(name)).unwrap();
        }
        names.remove(0)
    };
    // name, configuration, switches, log, end of the archive's name
    for (name, etc, words, log, end) in [
        ("cback", "cback.conf", "collect", "cback.log", "a:b.tar.gz"),
        (
            "cback3",
            "cback3.conf",
            "collect",
            "cback3.log",
            "a_b.tar.gz",
        ),
        (
            "cback",
            "cback3.conf",
            "collect",
            "cback3.log",
            "a_b.tar.gz",
        ),
        (
            "cback",
            "cback.conf",
            "--naming v3 collect",
            "cback.log",
            "a_b.tar.gz",
        ),
        (
            "cback3",
            "cback3.conf",
            "--naming=v2 collect",
            "cback3.log",
            "a:b.tar.gz",
        ),
    ] {
        called(&machine, name, etc, words).well();
        let archive = archives();
        assert!(archive.ends_with(end), "{name} {words}: {archive}");
        let logs = std::fs::read_to_string(machine.path("logs")).unwrap();
        assert_eq!(logs.trim(), log, "{name} {words}");
    }
    called(&machine, "cback3", "cback.conf", "collect")
        .with_status(4)
        .says(&["/etc/cback3.conf"]);
}

#[test]
fn an_extension_may_not_hide_behind_a_command() {
    let machine = Machine::new();
    for command in ["restore", "quickstart", "config", "disc", "man"] {
        with_extension(&machine, command, "CedarBackup3.extend.sysinfo");
        let says = format!("`cback {command}` is a command");
        machine.cback("collect").run().with_status(4).says(&[&says]);
    }
    with_extension(&machine, "nightly", "CedarBackup3.extend.sysinfo");
    machine.cback("collect").run().well();
}

#[test]
fn an_extension_of_somebody_else_stops_only_who_asks_for_it() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    with_extension(&machine, "nightly", "ourplace.extend.nightly");
    machine.cback("all").run().well();
    let before = machine.log();
    machine
        .cback("collect nightly")
        .run()
        .with_status(4)
        .says(&[
            "`ourplace.extend.nightly.executeAction`",
            "not one of those that are built in",
        ]);
    // Nothing was begun.
    let log = machine.log();
    assert!(!log[before.len()..].contains("begin: collect"), "{log}");
}

#[test]
fn the_order_is_in_the_log() {
    let machine = Machine::new();
    with_extension(&machine, "nightly", "CedarBackup3.extend.sysinfo");
    machine.cback("collect").run().well();
    let order = "order of all actions (index mode): rebuild, validate, initialize, nightly, collect, stage, store, purge";
    assert!(machine.log().contains(order), "{}", machine.log());
}

#[test]
fn a_managed_peer_that_does_not_answer_is_a_problem_and_nothing_more() {
    let machine = Machine::new();
    machine.configure(|text| {
        text.replace(
            "</options>",
            "<cback_command>cback</cback_command><managed_actions>collect</managed_actions></options>",
        )
        .replace("<rcp_command>/usr/bin/scp -B</rcp_command>", "")
        .replace(
            "</peers>",
            "<peer><name>nowhere.invalid</name><type>remote</type><collect_dir>/c</collect_dir>\
             <managed>Y</managed></peer></peers>",
        )
    });
    tree::file(machine.path("source/file"), "x");
    // This machine's own action comes first; the purge after the managed one is still done.
    let ended = machine
        .cback("--managed collect purge")
        .run()
        .with_status(10);
    ended.says(&["nowhere.invalid", "the managed action collect failed"]);
    let log = machine.log();
    for line in [
        "end: collect",
        "begin: collect on nowhere.invalid",
        "end: purge",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    machine
        .cback("--managed-only collect")
        .run()
        .with_status(10);
    machine.cback("--managed-only stage").run().well();
}
