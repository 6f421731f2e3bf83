//! Real programs on a leash.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use super::*;
use crate::event::Tally;
use crate::units::Owner;

fn sh(text: &str) -> Command {
    Command::shell(text)
}

fn run(command: &Command) -> Ended {
    let tally = Tally::default();
    System::new(&tally).run(command, Stdout::Lines).unwrap()
}

fn kept(command: &Command) -> String {
    let (tally, mut kept) = (Tally::default(), Vec::new());
    let ended = System::new(&tally).run(command, Stdout::Keep(&mut kept));
    ended.unwrap().ok(command).unwrap();
    String::from_utf8(kept).unwrap()
}

/// Whether a process runs; one that nobody has waited for does not.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
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

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[test]
fn how_a_program_ends_is_told() {
    for (text, status) in [
        ("true", Status::Exited(0)),
        ("exit 3", Status::Exited(3)),
        ("kill -9 $$", Status::Signalled(9)),
    ] {
        let ended = run(&sh(text));
        assert_eq!(ended.status, status, "{text}");
        assert_eq!(ended.success(), text == "true");
    }
    let command = sh("seq 1 20; echo bad >&2; exit 3");
    let error = run(&command).ok(&command).unwrap_err().to_string();
    assert!(
        error.contains("exit 3` ended with status 3; its last output: 12 / 13"),
        "{error}"
    );
    assert!(error.ends_with("20 / bad"), "{error}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let tally = Tally::default();
    let system = System::new(&tally).overriding("true", "/nonexistent/true");
    for (name, shown) in [
        ("no-such-program", "`no-such-program`"),
        (
            "true",
            "`/nonexistent/true`, which an <override> of the configuration names for `true`",
        ),
    ] {
        let error = system.run(&Command::new(name), Stdout::Lines).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no program {shown}"));
        assert_eq!(system.find(name), None);
    }
}

#[test]
fn of_several_overrides_the_last_counts() {
    let tally = Tally::default();
    let system = System::new(&tally)
        .overriding("x", "/nonexistent/x")
        .overriding("x", "/bin/echo");
    let mut out = Vec::new();
    let ended = system.run(&Command::new("x").arg("a  b"), Stdout::Bytes(&mut out));
    assert!(ended.unwrap().success());
    assert_eq!(out, b"a  b\n");
    assert_eq!(system.find("x").unwrap(), Path::new("/bin/echo"));
    assert!(find("sh").unwrap().is_absolute());
    assert_eq!(find("/etc/passwd"), None);
}

#[test]
fn a_program_that_prints_much_on_both_streams_waits_for_nobody() {
    let tally = Tally::default();
    let noisy = sh("yes out | head -c 3000000 & yes err | head -c 3000000 >&2; wait; cat >&2")
        .input("x".repeat(2_000_000));
    let mut out = Vec::new();
    let ended = System::new(&tally)
        .run(&noisy, Stdout::Bytes(&mut out))
        .unwrap();
    assert!(ended.success());
    assert_eq!(out.len(), 3_000_000);
    assert!(
        ended.tail.last().unwrap().ends_with("bytes more]"),
        "{:?}",
        ended.tail
    );
    assert_eq!(ended.tail[0], "err");
}

#[test]
fn its_locale_is_c_its_input_ends_and_it_has_no_terminal() {
    assert_eq!(
        kept(
            &sh("echo $LC_ALL; cat; echo $X; pwd")
                .env("X", "y")
                .cwd("/tmp")
        ),
        "C\ny\n/tmp\n"
    );
    assert_eq!(kept(&Command::new("cat").input("secret")), "secret");
    assert!(!run(&sh("exec </dev/tty")).success());
    assert_eq!(
        kept(&sh("test $$ = $(ps -o sid= -p $$) && echo own")),
        "own\n"
    );
}

#[test]
fn who_takes_too_long_is_ended_with_all_that_it_started() {
    // The shell's child would live for an hour; one of them does not listen.
    for text in [
        "sleep 3600 & echo $! >pid; echo hello; wait",
        "trap '' TERM; sleep 3600 & echo $! >pid; echo hello; wait; sleep 3600",
    ] {
        let dir = tempfile::tempdir().unwrap();
        // A machine that is busy may not even have begun when the time is over; then it is given more.
        let mut limit = Duration::from_millis(300);
        let ended = loop {
            let ended = run(&sh(text).cwd(dir.path()).time_limit(limit));
            assert_eq!(ended.status, Status::TimedOut);
            if ended.tail == ["hello"] {
                break ended;
            }
            assert!(ended.tail.is_empty() && limit < Duration::from_mins(2));
            limit *= 4;
        };
        assert_eq!(ended.tail, ["hello"]);
        dies(&std::fs::read_to_string(dir.path().join("pid")).unwrap());
    }
    assert!(run(&sh("true").time_limit(Duration::from_hours(1))).success());
}

#[test]
fn a_daemon_that_a_hook_started_stays_and_nobody_waits_for_it() {
    let tally = Tally::default();
    let dir = tempfile::tempdir().unwrap();
    let hook = sh("sleep 3600 & echo $! >pid; echo started").cwd(dir.path());
    let ended = System::new(&tally).run(&hook, Stdout::Lines).unwrap();
    assert!(ended.success());
    assert_eq!(ended.tail, ["started"]);
    assert_eq!(tally.warnings(), 1);
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    assert!(lives(&pid));
    assert!(run(&sh(&format!("kill {pid}"))).success());
}

#[test]
fn what_a_program_said_at_its_end_is_taken_however_late_it_is_looked_for() {
    for left in [false, true] {
        let (lines, stdout) = io::pipe().unwrap();
        // Whoever holds the other end is something that it left behind.
        let held = left.then(|| stdout.try_clone().unwrap());
        let mut command = std::process::Command::new("seq");
        command.arg("1000").stdout(stdout).process_group(0);
        let (mut child, group) = group::start(&mut command).unwrap();
        drop(command);
        child.wait().unwrap();
        let tended = tend::Tended {
            child,
            group,
            deadline: None,
            input: None,
            output: None,
            lines: Some(File::from(OwnedFd::from(lines))),
            secrets: secrets::Secrets::default(),
            stranger: None,
            leash: None,
        };
        let tale = tended.stay_for(Duration::ZERO).ok().unwrap();
        assert_eq!(tale.ended.tail.last().unwrap(), "1000");
        assert_eq!(tale.left_behind, left);
        drop(held);
    }
}

/// A disc that is full after a while.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn output_that_cannot_be_taken_ends_the_program() {
    let tally = Tally::default();
    let system = System::new(&tally);
    let endless = Command::new("yes");
    let error = system
        .run(&endless, Stdout::Bytes(&mut Full(1_000_000)))
        .unwrap_err();
    assert!(matches!(error, RunError::Output { .. }), "{error}");
    let error = system
        .run(
            &Command::new("cat").arg("/dev/zero"),
            Stdout::Keep(&mut Vec::new()),
        )
        .unwrap_err();
    assert!(matches!(error, RunError::TooMuch { .. }), "{error}");
}

#[test]
fn a_running_program_is_talked_with() {
    let tally = Tally::default();
    let mut cat = System::new(&tally)
        .spawn(&sh("cat; echo end >&2; exit 2"))
        .unwrap();
    let (mut stdin, mut stdout) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
    let fed = vec![b'x'; 3_000_000];
    let back = std::thread::scope(|scope| {
        scope.spawn(|| {
            stdin.write_all(&fed).unwrap();
            drop(stdin);
        });
        let mut back = Vec::new();
        stdout.read_to_end(&mut back).unwrap();
        back
    });
    assert_eq!(back.len(), fed.len());
    let ended = cat.wait().unwrap();
    assert_eq!(
        (ended.status, ended.tail),
        (Status::Exited(2), vec!["end".to_owned()])
    );
}

#[test]
fn a_running_program_ends_when_nobody_is_interested_any_more() {
    let tally = Tally::default();
    let system = System::new(&tally);
    let mut running = system
        .spawn(&sh("echo $$; sleep 3600 & echo $!; wait"))
        .unwrap();
    let mut read = [0; 64];
    let mut pids = String::new();
    while pids.lines().count() < 2 || !pids.ends_with('\n') {
        let count = running.stdout.as_mut().unwrap().read(&mut read).unwrap();
        pids += std::str::from_utf8(&read[..count]).unwrap();
    }
    assert!(pids.lines().all(lives));
    drop(running);
    pids.lines().for_each(dies);
    let limited = sh("sleep 3600").time_limit(Duration::from_millis(100));
    assert_eq!(
        system.spawn(&limited).unwrap().wait().unwrap().status,
        Status::TimedOut
    );
}

#[test]
fn root_runs_a_program_as_another_user_with_that_users_groups() {
    let owner = Owner {
        user: "nobody".to_owned(),
        group: "daemon".to_owned(),
    };
    let nobody = RunAs::lookup(&owner).unwrap();
    let seen = kept(&sh("id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME; pwd").as_user(&nobody));
    let lines: Vec<&str> = seen.lines().collect();
    if is_root() {
        assert_eq!(lines[..2], ["nobody", "daemon"]);
        assert!(
            lines[2].split(' ').any(|group| group == "nogroup"),
            "{seen}"
        );
        assert!(!lines[2].split(' ').any(|group| group == "root"), "{seen}");
        assert!(lines[3].ends_with(" nobody nobody"), "{seen}");
        assert_eq!(lines[4], "/");
    } else {
        assert_ne!(lines[0], "nobody");
    }
    let stranger = Owner {
        user: "no-such-user".to_owned(),
        group: "daemon".to_owned(),
    };
    assert!(RunAs::lookup(&stranger).is_err());
}

#[test]
fn a_command_is_printed_as_a_shell_would_take_it_without_what_it_is_fed() {
    let command = Command::new("gpg")
        .args(["--batch", "a b", "c'd", ""])
        .input("hunter2");
    assert_eq!(command.to_string(), r"gpg --batch 'a b' 'c'\''d' ''");
    assert!(!format!("{command:?}").contains("hunter2"));
    let line = "/usr/bin/scp -B".parse().unwrap();
    assert_eq!(
        Command::of_line(&line),
        Command::new("/usr/bin/scp").arg("-B")
    );
    assert_eq!(sh("a | b").to_string(), "a | b");
}

#[test]
fn the_fake_does_what_was_written_down() {
    let script = Scripted::new()
        .expect(Command::new("a"), Answer::well("out"))
        .expect(Command::new("b"), Answer::failing(7, "bad"));
    let mut out = Vec::new();
    let ended = script
        .run(&Command::new("a"), Stdout::Bytes(&mut out))
        .unwrap();
    assert!(ended.success() && ended.tail.is_empty());
    assert_eq!(out, b"out");
    assert_eq!(script.left(), [Command::new("b")]);
    let ended = script.run(&Command::new("b"), Stdout::Lines).unwrap();
    assert_eq!(
        (ended.status, ended.tail),
        (Status::Exited(7), vec!["bad".to_owned()])
    );
}

/// What a watcher says.
#[derive(Debug, thiserror::Error)]
enum Seen {
    #[error("{0}")]
    Enough(u32),
    #[error(transparent)]
    Run(#[from] RunError),
}

#[test]
fn a_program_that_is_watched_is_ended_when_it_is_enough() {
    let tally = Tally::default();
    let system = System::new(&tally);
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let command = sh(&format!(
        "echo $$ > {0}.new; mv {0}.new {0}; while :; do sleep 60; done",
        pid.display()
    ));
    let looked = || {
        if pid.exists() {
            return Err(Seen::Enough(7));
        }
        Ok(())
    };
    let outcome = system.run_watched(&command, Stdout::Lines, looked);
    assert!(matches!(outcome, Err(Seen::Enough(7))), "{outcome:?}");
    dies(&std::fs::read_to_string(&pid).unwrap());
}

#[test]
fn a_program_that_is_watched_is_looked_at_when_it_has_ended() {
    let tally = Tally::default();
    let system = System::new(&tally);
    let mut looks = 0;
    let ended = system.run_watched::<Seen>(&sh("exit 3"), Stdout::Lines, || {
        looks += 1;
        Ok(())
    });
    assert_eq!(ended.unwrap().status, Status::Exited(3));
    assert!(looks > 0);
    let outcome = system.run_watched(&sh("true"), Stdout::Lines, || Err(Seen::Enough(1)));
    assert!(matches!(outcome, Err(Seen::Enough(1))), "{outcome:?}");
    let outcome =
        system.run_watched::<Seen>(&Command::new("/nonexistent/x"), Stdout::Lines, || Ok(()));
    assert!(
        matches!(outcome, Err(Seen::Run(RunError::Missing { .. }))),
        "{outcome:?}"
    );
}
