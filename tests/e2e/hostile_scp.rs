//! A hostile machine behind the configured `scp`: what comes is weighed while it comes, and nothing but plain files
//! stays of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::machine::Machine;
use crate::master::{COMMAND, DAY, Pool, daily, files};
use crate::sshd::{Claims, Sshd, cut_after};
use crate::tree;

/// What a hostile machine does, what is told of it, and whether `good` may come.
const HOSTILE: &[(&str, &[&str], &[&str])] = &[
    ("endless", &["over its limit", "more than 10"], &[]),
    ("many", &["more than 100 files"], &[]),
    ("silence", &["more than 15 seconds"], &[]),
    (
        "indicator",
        &[
            "does not keep to the rules",
            "its cback.collect has more than",
        ],
        &[],
    ),
    ("climbs", &["evil: "], &[]),
    ("absolute", &["evil: "], &[]),
    ("directory", &["evil: "], &[]),
    ("setuid", &[], &["setuid"]),
    ("odd", &[], &["escape \u{1b}[2J\u{1b}]0;owned\u{7}"]),
    ("shouts", &["evil: "], &[]),
    ("garbage", &["evil: "], &[]),
];

#[test]
fn a_hostile_machine_behind_scp_harms_only_itself() {
    let machine = Machine::new();
    let good = Sshd::start(&machine, "good");
    let evil = Sshd::start(&machine, "evil");
    good.collected(&[("a", b"a")], Claims::Digests);
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/hostile_scp.py");
    for (mode, told, may_come) in HOSTILE {
        let time = match *mode {
            "silence" => "15 s",
            _ => "1 h",
        };
        let limits = format!(
            "<max_files>100</max_files><max_bytes>10 MB</max_bytes><max_time>{time}</max_time>"
        );
        let pool = Pool {
            stage: &limits,
            ..COMMAND
        };
        pool.master(&machine, &[&evil, &good]);
        let _ = fs::remove_dir_all(machine.path("stage/2026"));
        evil.configure(&format!(
            "ForceCommand /usr/bin/python3 {} {mode}",
            server.display()
        ));
        let ended = machine.cback("stage").on(DAY).run();
        let screen = ended.screen();
        let status = if told.is_empty() { 0 } else { 10 };
        assert_eq!(ended.status, status, "{mode}:\n{screen}");
        for text in *told {
            assert!(screen.contains(text), "{mode}: no {text:?} in\n{screen}");
        }
        assert!(!screen.contains('\x1b'), "{mode}:\n{screen}");
        assert!(!machine.log().contains('\x1b'), "{mode}: the log");
        assert!(daily(&machine).join("good/a").exists(), "{mode}");
        let mut wanted: Vec<&str> = may_come.to_vec();
        if status == 0 {
            wanted.extend(["cback.collect", "good"]);
            wanted.sort_unstable();
        }
        let came = files(&daily(&machine).join("evil"));
        let came: Vec<&str> = came.keys().map(String::as_str).collect();
        assert_eq!(came, wanted, "{mode}");
        if *mode == "setuid" {
            let mode = fs::metadata(daily(&machine).join("evil/setuid")).unwrap();
            assert_eq!(mode.permissions().mode() & 0o7000, 0);
        }
        // What came of it is swept, wherever it was.
        let swept = files(&machine.path("stage"));
        let bytes: usize = swept.values().map(Vec::len).sum();
        assert!(bytes < 10_000, "{mode}: {:?}", swept.keys());
        assert!(!Path::new("/tmp/cback-escaped").exists(), "{mode}");
    }
}

#[test]
fn what_a_program_brings_besides_plain_files_is_removed_and_told() {
    let machine = Machine::new();
    let evil = Sshd::start(&machine, "evil");
    tree::file(machine.path("secret"), "the master's own");
    evil.collected(&[("good", b"good")], Claims::Digests);
    let collect = evil.collect();
    std::os::unix::fs::symlink(machine.path("secret"), collect.join("link")).unwrap();
    std::os::unix::fs::symlink(machine.path("home"), collect.join("way")).unwrap();
    crate::call::said("mkfifo", &[collect.join("fifo").to_str().unwrap()]);
    tree::file(collect.join("dir/below/deep"), "deep");
    let rcp = machine.path("copy-everything");
    let config = machine.path("home/.ssh/config");
    let script = format!(
        "#!/bin/sh\nexec rsync -a -e 'ssh -F {}' \"$@\"\n",
        config.display()
    );
    tree::program(&rcp, script);
    let pool = Pool {
        rcp: rcp.to_str(),
        ..COMMAND
    };
    pool.master(&machine, &[&evil]);
    machine.cback("stage").on(DAY).run().with_status(10).says(&[
        "link: a symbolic link",
        "way: a symbolic link",
        "fifo: a FIFO",
        "dir: a directory",
    ]);
    let dir = daily(&machine).join("evil");
    let mut there: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    there.sort();
    assert_eq!(there, ["cback.collect", "good"]);
    assert!(machine.path("secret").exists() && config.exists());
}

#[test]
fn what_an_interrupted_copy_left_is_not_taken_for_a_file_of_the_peer() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    let large = vec![7; 3 << 20];
    ada.collected(
        &[("gone.tar", &large), ("stays", b"stays")],
        Claims::Nothing,
    );
    COMMAND.master(&machine, &[&ada]);
    // The connection of the indicator is whole; the second one is cut within `gone.tar`.
    ada.meddle(cut_after(1_000_000));
    machine.cback("stage").on(DAY).run().with_status(6);
    ada.leave_alone();
    fs::remove_file(ada.collect().join("gone.tar")).unwrap();
    machine.cback("stage").on(DAY).run().well_and_silent();
    let came = files(&daily(&machine).join("ada"));
    let came: Vec<&str> = came.keys().map(String::as_str).collect();
    assert_eq!(came, ["cback.collect", "stays"]);
}

#[test]
fn no_hostile_machine_outlives_those_who_listen_to_it() {
    for (server, mode) in [
        ("hostile_scp.py", "silence"),
        ("hostile_sftp.py", "silence"),
        ("hostile_agent.py", "file"),
    ] {
        let server = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/e2e")
            .join(server);
        let mut child = Command::new("timeout")
            .args(["60", "python3"])
            .arg(&server)
            .arg(mode)
            .env("SSH_ORIGINAL_COMMAND", "scp -f collect")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // What `scp` says until it waits for ever; the others wait for more.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&[0; 10]).unwrap();
        let mut said = [0; 9];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{server:?}: {status}");
        drop(stdin);
    }
}
