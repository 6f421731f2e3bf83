//! Hooks: commands before and after an action, on a leash.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::call::{Ended, said};
use crate::machine::Machine;
use crate::tree;

/// A machine with one file to save and with `hooks` in its options.
fn machine(hooks: &str) -> Machine {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    machine.configure(|text| text.replace("</options>", &format!("{hooks}</options>")));
    machine
}

fn hook(when: &str, action: &str, command: &str) -> String {
    more(when, action, command, "")
}

fn more(when: &str, action: &str, command: &str, more: &str) -> String {
    format!(
        "<{when}_action_hook><action>{action}</action><command><![CDATA[{command}]]></command>{more}</{when}_action_hook>"
    )
}

fn collect(machine: &Machine) -> Ended {
    machine.cback("collect").on("2026-11-24").run()
}

fn collected(machine: &Machine) -> bool {
    machine.path("collect/cback.collect").exists()
}

/// Whether a process runs; one that nobody has waited for does not.
fn lives(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

/// Waits until a process that was ended is dead: the kernel says so a moment after it was told to end it.
fn dies(pid: &str) {
    for _ in 0..6000 {
        if !lives(pid) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{pid} lives");
}

#[test]
fn hooks_of_an_action_run_in_order_around_it_through_a_shell() {
    let seen = "test -e collect/cback.collect && c=yes || c=no; echo \"$0 $c\" | tr -d / >>seen";
    let machine = machine(
        &[
            hook(
                "pre",
                "collect",
                "echo one >>seen; umask >>seen; echo \"$X ${LC_ALL}\" >>seen",
            ),
            hook("pre", "collect", seen),
            hook("post", "collect", &format!("{seen}; exec <&-")),
            hook("post", "collect", "echo last >>seen"),
            hook("post", "stage", "echo never >>seen"),
        ]
        .concat(),
    );
    machine
        .cback("collect")
        .under(["sh", "-c", "umask 027; X='our own' exec \"$@\"", "sh"])
        .run()
        .well_and_silent();
    let seen = fs::read_to_string(machine.path("seen")).unwrap();
    let sh = if seen.contains("binsh") {
        "binsh"
    } else {
        "sh"
    };
    assert_eq!(
        seen,
        format!("one\n0027\nour own C\n{sh} no\n{sh} yes\nlast\n")
    );
}

#[test]
fn a_hook_that_fails_before_an_action_prevents_it_and_shows_its_last_words() {
    let machine = machine(
        &[
            hook(
                "pre",
                "collect",
                "seq 100 120; printf 'no \\033[2Jway' >&2; exit 3",
            ),
            hook("pre", "collect", "touch second"),
            hook("post", "collect", "touch after"),
        ]
        .concat(),
    );
    collect(&machine).with_status(6).says(&[
        "cback: error: collect: the hook before it failed: `seq 100 120;",
        "ended with status 3; its last output: 112 / 113",
        "/ 120 / no \\u{1b}[2Jway",
        "<ignore_failure>",
    ]);
    assert!(!collected(&machine));
    assert!(!machine.path("second").exists() && !machine.path("after").exists());
    let log = machine.log();
    assert!(
        log.contains("[ERROR  ] collect: the hook before it failed"),
        "{log}"
    );
    assert!(log.contains("120 / no \\u{1b}[2Jway"), "{log}");
    assert!(
        !log.contains("\n100\n") && !log.contains("\n120\n"),
        "{log}"
    );
}

#[test]
fn a_hook_that_fails_after_an_action_fails_it_and_ends_the_run() {
    let machine = machine(
        &[
            hook("post", "collect", "kill -9 $$"),
            hook("post", "collect", "touch second"),
        ]
        .concat(),
    );
    let ended = machine.cback("collect stage").on("2026-11-24").run();
    ended.with_status(6).says(&[
        "collect: the hook after it failed",
        "was ended by SIGKILL; it printed nothing",
    ]);
    assert!(collected(&machine));
    assert!(!machine.path("second").exists());
    assert_eq!(fs::read_dir(machine.path("stage")).unwrap().count(), 0);
}

#[test]
fn a_hook_after_an_action_is_not_run_when_the_action_failed() {
    let machine = machine(&hook("post", "collect", "touch after"));
    fs::remove_dir(machine.path("collect")).unwrap();
    collect(&machine).with_status(6);
    assert!(!machine.path("after").exists());
}

#[test]
fn a_failure_can_be_ignored_and_is_told_in_the_log() {
    let ignore = "<ignore_failure>Y</ignore_failure>";
    let machine = machine(&more("pre", "collect", "echo bad; false", ignore));
    collect(&machine).well_and_silent();
    assert!(collected(&machine));
    let log = machine.log();
    assert!(
        log.contains("[WARNING] the hook before collect failed, which the configuration ignores"),
        "{log}"
    );
    assert!(log.contains("its last output: bad"), "{log}");
}

#[test]
fn a_hook_that_takes_too_long_is_ended_with_all_that_it_started() {
    let command = "sleep 3600 & echo $! >pid; echo waiting; wait";
    let machine = machine(&more("pre", "collect", command, "<timeout>5</timeout>"));
    collect(&machine).with_status(6).says(&[
        "took longer than its time limit and was ended; its last output: waiting",
        "next: give it more than `<timeout>5</timeout>`, mend the hook",
    ]);
    dies(&fs::read_to_string(machine.path("pid")).unwrap());
}

#[test]
fn a_time_limit_of_nothing_is_a_mistake_in_the_configuration() {
    for wrong in [
        "<timeout>0</timeout>",
        "<timeout>soon</timeout>",
        "<ignore_failure>x</ignore_failure>",
    ] {
        let machine = machine(&more("pre", "collect", "touch hook", wrong));
        collect(&machine).with_status(4);
        assert!(!machine.path("hook").exists());
    }
}

#[test]
fn output_goes_to_the_log_on_demand_whatever_it_is() {
    let command = r"echo out; echo err >&2; printf 'odd\377\033[2J\001\n'; printf 'a\rb\n'; printf long; \
                    head -c 9000 /dev/zero | tr '\0' x; echo; printf 'no end'";
    let command = command.replace("\\\n", "");
    let machine = machine(&hook("pre", "collect", &command));
    collect(&machine).well_and_silent();
    let log = machine.log();
    assert!(!log.lines().any(|line| line == "out"), "{log}");
    for (switch, debug) in [("-O", false), ("-d", true)] {
        fs::remove_file(machine.path("log")).unwrap();
        let call = machine.cback(&format!("{switch} collect"));
        call.on("2026-11-25").run().well_and_silent();
        let log = machine.log();
        let at = log
            .find("\nExecuting command ['/bin/sh'] with args ['-c', \"echo out;")
            .unwrap();
        let printed: Vec<&str> = log[at + 1..].lines().skip(1).collect();
        let printed: Vec<&str> = printed
            .into_iter()
            .filter(|line| !line.contains(" --> ["))
            .collect();
        assert_eq!(
            printed[..5],
            ["out", "err", r"odd\xff\u{1b}[2J\u{1}", "a", "b"]
        );
        assert!(
            printed[5].starts_with("longxxxx") && printed[5].ends_with("x [... 4908 bytes more]")
        );
        assert_eq!(printed[6..], ["no end"]);
        let announced = log
            .lines()
            .any(|line| line.contains("[DEBUG  ] Executing command ['/bin/sh']"));
        assert_eq!(announced, debug, "{log}");
    }
}

#[test]
fn much_output_on_both_streams_is_no_trouble_and_a_daemon_is_left_alone() {
    let command = "yes out | head -c 2000000 & yes err | head -c 2000000 >&2; wait; sleep 3600 & echo $! >pid";
    let machine = machine(&hook("pre", "collect", command));
    machine.cback("-O collect").run().well_and_silent();
    let log = machine.log();
    assert_eq!(
        log.lines()
            .filter(|line| line.trim_end_matches("out").is_empty())
            .count(),
        500_000
    );
    assert!(log.contains("left something running that holds its output"));
    let pid = fs::read_to_string(machine.path("pid")).unwrap();
    assert!(lives(&pid));
    said("kill", &[pid.trim()]);
}

#[test]
fn a_hook_has_no_terminal_no_input_and_not_our_lock() {
    let command =
        "cat >input; (exec </dev/tty) 2>/dev/null && touch terminal; ls -l /proc/self/fd >files";
    let machine = machine(&hook("pre", "collect", command));
    collect(&machine).well_and_silent();
    assert_eq!(fs::read_to_string(machine.path("input")).unwrap(), "");
    assert!(!machine.path("terminal").exists());
    let files = fs::read_to_string(machine.path("files")).unwrap();
    assert!(
        !files.contains("cback.lock") && !files.contains("/log"),
        "{files}"
    );
}

#[test]
fn an_interrupted_run_leaves_no_orphans() {
    // The last one does not listen when it is asked to end.
    for (signal, trap) in [
        ("INT", ""),
        ("TERM", ""),
        ("HUP", ""),
        ("TERM", "trap '' TERM; "),
    ] {
        let command =
            format!("{trap}mkfifo ready; sleep 3600 & echo $! >pid; echo >ready; wait; sleep 3600");
        let machine = machine(&hook("pre", "collect", &command));
        let mut call = machine.cback("--json collect").command();
        let child = call
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_the_hook(&machine);
        said("kill", &["-s", signal, &child.id().to_string()]);
        let output = child.wait_with_output().unwrap();
        let ended = Ended::of(&output, format!("{signal} {trap}"));
        let ended = ended.with_status(5).says(&["interrupted"]);
        crate::json::documented(&ended.stdout);
        dies(&fs::read_to_string(machine.path("pid")).unwrap());
        let log = machine.log();
        assert!(log.contains("[ERROR  ] interrupted: "), "{log}");
        assert!(
            log.ends_with("[INFO   ] run completed with status 5\n"),
            "{log}"
        );
        assert!(!log.contains("hook before it failed"), "{log}");
        assert!(!collected(&machine));
    }
}

/// Waits until the hook says that it has begun.
fn wait_for_the_hook(machine: &Machine) {
    let script = "until test -p ready; do sleep 0.05; done; cat ready";
    let mut wait = Command::new("sh");
    let output = machine.at_home(wait.args(["-c", script])).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
