//! Killed anywhere, run again: the second day of a backup dies at each durable step in turn, a plain run
//! follows, and both days must come back; the first one already before.
//!
//! `strace` kills the program when a thread enters a system call for the Nth time; a run that comes to its
//! end undisturbed shows that there is no Nth time.

use std::fs;
use std::path::Path;

use crate::machine::Machine;
use crate::tree;

const FIRST: &str = "2026-11-24";
const SECOND: &str = "2026-11-25";

#[test]
fn killed_at_any_sync() {
    killed_at_each(&["fsync", "fdatasync"]);
}

#[test]
fn killed_at_any_rename() {
    killed_at_each(&["rename", "renameat", "renameat2", "link", "linkat"]);
}

#[test]
fn killed_at_any_removal() {
    killed_at_each(&["unlink", "unlinkat", "rmdir", "ftruncate"]);
}

#[test]
fn killed_at_any_new_directory_or_positioned_write() {
    killed_at_each(&["mkdir", "mkdirat", "pwrite64"]);
}

fn killed_at_each(calls: &[&str]) {
    let mut kills = 0;
    for call in calls {
        for number in 1.. {
            if !killed_at(call, number) {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 0, "nothing was ever killed in {calls:?}");
}

/// Whether the `number`th `call` of a thread was reached, and the backup with it killed there.
fn killed_at(call: &str, number: u32) -> bool {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::file(source.join("kept"), tree::noise(1, 20_000));
    tree::file(source.join("changed"), "one");
    tree::file(source.join("removed"), "one");
    let first = machine.keep("first");
    machine.back_up(FIRST);
    tree::file(source.join("changed"), "two");
    tree::file(source.join("dir/new"), "two");
    fs::remove_file(source.join("removed")).unwrap();
    let second = machine.keep("second");

    let killer = [
        "strace".to_owned(),
        "-f".to_owned(),
        "-qqq".to_owned(),
        "-o/dev/null".to_owned(),
        format!("-etrace={call}"),
        format!("-einject={call}:signal=SIGKILL:when={number}"),
    ];
    let ended = machine.cback("all").on(SECOND).under(killer).run();
    let case = format!("{call} number {number}");
    if ended.status == 0 {
        return false;
    }
    assert_eq!(
        ended.status,
        -1,
        "{case}: not killed but\n{}",
        ended.screen()
    );
    from_discs(
        &machine,
        FIRST,
        &first,
        &format!("{case}, before the next run"),
    );
    let again = machine.cback("all").on(SECOND).run();
    assert_eq!(
        again.status,
        0,
        "{case}: the next run says\n{}",
        again.screen()
    );
    from_discs(&machine, FIRST, &first, &case);
    from_discs(&machine, SECOND, &second, &case);
    machine.restores("", &second);
    true
}

fn from_discs(machine: &Machine, day: &str, kept: &Path, case: &str) {
    let into = machine.path("from-discs");
    let call = machine
        .cback(&format!("restore --as-of {day}"))
        .unconfigured();
    let ended = call
        .args(machine.every_disc())
        .arg("--into")
        .arg(&into)
        .run();
    assert_eq!(
        ended.status,
        0,
        "{case}: restoring {day}:\n{}",
        ended.screen()
    );
    tree::assert_same_in(kept, &machine.restored("from-discs"), case);
    fs::remove_dir_all(into).unwrap();
}
