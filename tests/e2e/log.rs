//! The log: its lines, its file, what becomes of it when it is rotated or full, and what never gets into it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::call::{Rights, foreign, said};
use crate::machine::Machine;
use crate::tree;

fn machine() -> Machine {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    machine
}

fn with_hook(command: &str) -> Machine {
    let machine = machine();
    let hook = format!(
        "<pre_action_hook><action>collect</action><command>{command}</command></pre_action_hook>"
    );
    machine.configure(|text| text.replace("</options>", &format!("{hook}</options>")));
    machine
}

/// Whether every line of `log` but those of `except` has the form of Cedar Backup.
#[track_caller]
fn assert_lines(log: &str, except: usize) {
    let pattern =
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d UTC --> \[(INFO   |WARNING|ERROR  |DEBUG  )\] .";
    let pattern = fancy_regex::Regex::new(pattern).unwrap();
    let odd: Vec<_> = log
        .lines()
        .filter(|line| !pattern.is_match(line).unwrap())
        .collect();
    assert_eq!(odd.len(), except, "{odd:?}");
    assert!(log.ends_with('\n'));
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[test]
fn a_new_log_gets_mode_and_owner_and_an_old_one_keeps_them() {
    let machine = machine();
    let root = said("id", &["-u"]) == "0";
    let owner = if root {
        "nobody:daemon"
    } else {
        "nobody:no-such-group"
    };
    let call = machine.cback(&format!("-m 604 -o {owner} collect"));
    call.under(["sh", "-c", "umask 077; exec \"$@\"", "sh"])
        .run()
        .well_and_silent();
    let path = machine.path("log");
    assert_eq!(mode(&path), 0o604);
    let stat = path.metadata().unwrap();
    if root {
        let ids = [
            said("id", &["-u", "nobody"]),
            said("getent", &["group", "daemon"]),
        ];
        assert_eq!(stat.uid().to_string(), ids[0]);
        assert_eq!(
            Some(stat.gid().to_string().as_str()),
            ids[1].split(':').nth(2)
        );
    }
    let before = machine.log();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let call = machine.cback("-m 600 -o root:root collect");
    call.run().well_and_silent();
    assert_eq!(mode(&path), 0o666);
    assert_eq!(path.metadata().unwrap().uid(), stat.uid());
    let log = machine.log();
    assert!(log.starts_with(&before) && log.len() > before.len());
    assert_lines(&log, 0);
    assert_eq!(log.matches("] run started: `cback ").count(), 2, "{log}");
    assert_eq!(
        log.matches("] run completed with status 0\n").count(),
        2,
        "{log}"
    );
}

#[test]
fn a_run_goes_on_in_the_new_log_when_logrotate_comes() {
    for (how, new_mode) in [
        ("create 604", Some(0o604)),
        ("nocreate", Some(0o620)),
        ("copytruncate", None),
    ] {
        let machine = with_hook("/usr/sbin/logrotate -f -s state rotate.conf");
        let log = machine.path("log");
        let rules = format!("{} {{\nrotate 3\n{how}\n}}\n", log.display());
        fs::write(machine.path("rotate.conf"), rules).unwrap();
        fs::set_permissions(machine.path("rotate.conf"), Permissions::from_mode(0o600)).unwrap();
        machine.cback("-m 620 collect").run().well_and_silent();
        let old = fs::read_to_string(machine.path("log.1")).unwrap();
        let new = machine.log();
        assert_lines(&old, 0);
        assert_lines(&new, 0);
        assert!(
            old.contains("] run started") && old.contains("] running the hook"),
            "{how}: {old}"
        );
        assert!(
            new.contains("] begin: collect") && new.contains("] run completed"),
            "{how}: {new}"
        );
        assert!(
            !new.contains("] run started") && !old.contains("] begin: collect"),
            "{how}"
        );
        if let Some(expected) = new_mode {
            assert_eq!(mode(&log), expected, "{how}");
        }
    }
}

#[test]
fn the_sample_for_logrotate_is_sound() {
    let machine = machine();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/cback.logrotate");
    let text = fs::read_to_string(sample).unwrap();
    // Elsewhere, so that nobody needs to be root.
    let text = text
        .replace("/var/log/cback.log", machine.path("log").to_str().unwrap())
        .replace("640 root adm", "640");
    fs::write(machine.path("rotate.conf"), &text).unwrap();
    fs::set_permissions(machine.path("rotate.conf"), Permissions::from_mode(0o600)).unwrap();
    machine.cback("collect").run().well();
    let words = ["-f", "-s", "state", "rotate.conf"].map(OsStr::new);
    foreign(&machine.path(""), "/usr/sbin/logrotate", &words);
    assert!(machine.path("log.1").exists(), "{text}");
    assert_eq!(machine.log(), "");
    assert_eq!(mode(&machine.path("log")), 0o640);
}

#[test]
fn a_log_that_cannot_be_written_is_told_and_the_run_does_not_end_with_0() {
    let full = "cannot write the log file /dev/full: No space left on device";
    let machine = machine();
    let ended = machine.cback("collect --logfile /dev/full").run();
    let ended = ended.with_status(3).says(&["cback: error: ", full]);
    assert_eq!(
        ended.screen().matches(full).count(),
        1,
        "{}",
        ended.screen()
    );
    assert!(machine.path("collect/cback.collect").exists());
    let ended = machine.cback("-q collect --logfile /dev/full").run();
    assert_eq!(ended.with_status(3).screen(), "");
    let ended = machine
        .cback("--json collect --logfile /dev/full")
        .run()
        .with_status(3);
    assert!(
        ended.stdout.contains(full) && ended.stdout.contains("\"status\":3"),
        "{}",
        ended.stdout
    );
    // What is worse keeps its number.
    fs::remove_dir_all(machine.path("collect")).unwrap();
    let ended = machine.cback("collect --logfile /dev/full").run();
    ended.with_status(6).says(&[full, "collect"]);
}

#[test]
fn a_fifo_that_nobody_reads_is_no_log_and_one_that_is_read_is() {
    let machine = machine();
    foreign(&machine.path(""), "mkfifo", &[OsStr::new("fifo")]);
    let logged = |words: &str| {
        let call = machine.cback(words).arg(machine.path("fifo"));
        call.under(["timeout", "60"]).run()
    };
    logged("collect --logfile").with_status(3).says(&[
        "cannot write the log file",
        "it is a FIFO that nobody reads",
    ]);
    assert!(!machine.path("collect/cback.collect").exists());
    let mut reader = std::process::Command::new("cat")
        .arg(machine.path("fifo"))
        .stdout(fs::File::create(machine.path("read")).unwrap())
        .spawn()
        .unwrap();
    // Kept open, so that nobody's end is the last one.
    let kept = fs::OpenOptions::new()
        .write(true)
        .open(machine.path("fifo"))
        .unwrap();
    logged("collect --logfile").well_and_silent();
    drop(kept);
    reader.wait().unwrap();
    let read = fs::read_to_string(machine.path("read")).unwrap();
    assert_lines(&read, 0);
    assert!(read.contains("] run completed with status 0"), "{read}");
}

#[test]
fn a_log_without_a_directory_ends_the_run_before_it_begins() {
    let machine = machine();
    let ended = machine.cback("collect --logfile /nonexistent/log").run();
    ended
        .with_status(3)
        .says(&["cannot write the log file /nonexistent/log: No such file or directory"]);
    assert!(!machine.path("collect/cback.collect").exists());
}

#[test]
fn a_line_that_was_cut_by_a_full_disk_does_not_swallow_the_next_one() {
    let machine = machine();
    fs::create_dir(machine.path("logs")).unwrap();
    // More than a page before the end.
    for number in 0..100 {
        tree::file(machine.path(format!("source/{number}")), "x");
        tree::mode(&machine.path(format!("source/{number}")), 0);
    }
    let log = machine.path("logs/log");
    let call = |words: &str| {
        machine
            .cback(words)
            .with(Rights::Ordinary)
            .arg("--logfile")
            .arg(&log)
    };
    let hook = "<pre_action_hook><action>purge</action><command>cp logs/log copy</command></pre_action_hook>";
    machine.configure(|text| {
        let source = machine.path("source");
        let files: Vec<String> = (0..100)
            .map(|number| {
                format!(
                    "<file><abs_path>{}/{number}</abs_path></file>",
                    source.display()
                )
            })
            .collect();
        let files = files.concat();
        text.replace("</options>", &format!("{hook}</options>"))
            .replacen("<dir>", &format!("{files}<dir>"), 1)
    });
    let ended = machine.with_little_room("logs", "4k", &call("collect"), &[call("purge")]);
    assert!(
        ended[0].screen().contains("No space left on device"),
        "{}",
        ended[0].screen()
    );
    assert_ne!(ended[0].status, 0);
    let copy = fs::read_to_string(machine.path("copy")).unwrap();
    // Only the line that was cut is odd, and the next run begins on a line of its own.
    let (cut, rest) = copy[4095..].split_once('\n').unwrap();
    assert!(cut.len() <= 1, "{cut:?}");
    assert!(
        rest.lines().next().unwrap().contains("] run started"),
        "{rest}"
    );
    assert_lines(rest, 0);
}

#[test]
fn names_with_odd_bytes_break_no_line() {
    let machine = Machine::new();
    for name in [
        &b"new\nline"[..],
        b"esc\x1b[2J",
        b"latin\xe4",
        b"cr\rname",
        b"nel\xc2\x85",
    ] {
        let path = machine.path("source").join(OsStr::from_bytes(name));
        tree::file(&path, "x");
        tree::mode(&path, 0);
    }
    let ended = machine.cback("-d collect").with(Rights::Ordinary).run();
    let ended = ended.with_status(10);
    let log = machine.log();
    assert_lines(&log, 0);
    for shown in [
        r"new\nline",
        r"esc\u{1b}[2J",
        r"latin\xe4",
        r"cr\rname",
        r"nel\u{85}",
    ] {
        assert!(log.contains(shown), "{shown}: {log}");
        assert!(
            ended.screen().contains(shown),
            "{shown}: {}",
            ended.screen()
        );
    }
    assert!(!ended.screen().contains(['\u{1b}', '\r', '\u{85}']));
}

#[test]
fn the_journal_learns_what_each_line_is() {
    let machine = with_hook("true");
    tree::mode(&machine.path("source/file"), 0);
    // The journal is whoever reads that very stream.
    let journal = "touch err; JOURNAL_STREAM=$(stat -c %d:%i err) exec \"$@\" 2>err";
    let call = |words: &str, shell: &str| {
        let call = machine.cback(words).with(Rights::Ordinary);
        call.under(["sh", "-c", shell, "sh"]).run().with_status(10);
        fs::read_to_string(machine.path("err")).unwrap()
    };
    let err = call("collect", journal);
    assert!(
        err.lines().count() >= 2 && err.lines().all(|line| line.starts_with("<3>")),
        "{err}"
    );
    let err = call("-b -d collect", journal);
    for prefix in ["<3>", "<6>", "<7>"] {
        assert!(
            err.lines().any(|line| line.starts_with(prefix)),
            "{prefix}: {err}"
        );
    }
    assert!(err.lines().all(|line| line.starts_with('<')), "{err}");
    let err = call("collect", "JOURNAL_STREAM=1:2 exec \"$@\" 2>err");
    assert!(!err.contains('<'), "{err}");
}

#[test]
fn no_password_ever_reaches_the_log_or_the_screen() {
    let (user, password) = ("dbuser77", "hunter2geheim");
    let machine = machine();
    let extensions = ["mysql", "postgresql"]
        .map(|name| {
            format!(
                "<action><name>{name}</name><module>CedarBackup3.extend.{name}</module>\
                 <function>executeAction</function><index>99</index></action>"
            )
        })
        .concat();
    let sections = format!(
        "<extensions>{extensions}</extensions>\
         <mysql><user>{user}</user><password>{password}</password><compress_mode>none</compress_mode><all>Y</all></mysql>\
         <postgresql><user>{user}</user><compress_mode>none</compress_mode><all>Y</all></postgresql>"
    );
    machine.configure(|text| text.replace("</cb_config>", &format!("{sections}</cb_config>")));
    let sound = fs::read_to_string(machine.path("cback.conf")).unwrap();
    for words in ["validate", "all", "mysql", "postgresql", "collect mysql"] {
        for switches in ["-d -b", "-d -s", "-O --json"] {
            let ended = machine.cback(&format!("{switches} {words}")).run();
            let told = format!("{}{}", ended.screen(), machine.log());
            assert!(
                !told.contains(password) && !told.contains(user),
                "{words}: {told}"
            );
        }
    }
    // Slips around a password.
    let slips = [
        ("<password>", "<pasword>", "</password>", "</pasword>"),
        ("<password>", "<password><x/>", "</password>", "</password>"),
        ("<password>", "<password>", "</password>", ""),
        (
            "<password>",
            "<password>x</password><password>",
            "</password>",
            "</password>",
        ),
        (
            "<password>",
            "<!-- <password>",
            "</password>",
            "</password> --><oops/>",
        ),
        (
            "<password>",
            "<password>&bad;",
            "</password>",
            "</password>",
        ),
        (
            "<password>",
            "<password value='x'>",
            "</password>",
            "</password>",
        ),
        ("<user>", "<user><password>", "</user>", "</user>"),
        ("<mysql>", "<mysqll>", "</mysql>", "</mysqll>"),
        (
            "<password>",
            "<password>x<y z ",
            "</password>",
            "</password>",
        ),
        ("<password>", "<password>x</", "</password>", "</password>"),
        (
            "<password>",
            "<compress_mode password='",
            "</password>",
            "'>none</compress_mode>",
        ),
    ];
    for (open, opened, close, closed) in slips {
        let broken = sound.replacen(open, opened, 1).replacen(close, closed, 1);
        fs::write(machine.path("cback.conf"), broken).unwrap();
        let ended = machine.cback("-d -b -s validate").run();
        let told = format!("{}{}", ended.screen(), machine.log());
        assert!(
            !told.contains(password) && !told.contains(user),
            "{opened}: {told}"
        );
    }
}
