//! `--dry-run`: what is said comes true, and nothing at all changes by saying it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::call::Ended;
use crate::machine::Machine;
use crate::tree;

/// Bytes, modes and times of everything on the machine but the log.
fn everything(machine: &Machine) -> BTreeMap<PathBuf, (Vec<u8>, String)> {
    let all = walkdir::WalkDir::new(machine.path(""));
    all.into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| *path != machine.path("log"))
        .map(|path| {
            let stat = path.symlink_metadata().unwrap();
            let bytes = if stat.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            // The log stands in the machine's own directory.
            let time = (path != machine.path("")).then(|| (stat.mtime(), stat.mtime_nsec()));
            let facts = format!(
                "{:o} {} {} {} {time:?}",
                stat.mode(),
                stat.uid(),
                stat.gid(),
                stat.ino()
            );
            (path, (bytes, facts))
        })
        .collect()
}

/// A dry run, after which everything has to be as it was.
#[track_caller]
fn dry(machine: &Machine, words: &str, day: &str) -> Ended {
    let before = everything(machine);
    let ended = machine.cback(&format!("--dry-run {words}")).on(day).run();
    let after = everything(machine);
    for (path, facts) in &before {
        assert_eq!(after.get(path), Some(facts), "{words}: {}", path.display());
    }
    for path in after.keys() {
        assert!(before.contains_key(path), "{words} made {}", path.display());
    }
    ended
}

#[test]
fn a_dry_run_of_any_action_changes_nothing() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine.configure(|text| {
        text.replace("<retain_days>60", "<retain_days>1")
            .replace("dvd+r<", "dvd+rw<")
            .replace(
                "</options>",
                "<pre_action_hook><action>collect</action><command>touch hooked</command></pre_action_hook></options>",
            )
    });
    let actions = [
        "collect",
        "stage",
        "store",
        "purge",
        "all",
        "rebuild",
        "initialize",
        "validate",
    ];
    // Nothing was ever done: there is no catalog, no snapshot, no disc.
    for action in actions {
        dry(&machine, action, "2026-11-23");
        dry(&machine, &format!("--full {action}"), "2026-11-23");
    }
    machine.cback("initialize").on("2026-11-23").run().well();
    machine.back_up("2026-11-23");
    tree::file(machine.path("source/new"), "x");
    // Collected and not staged; staged and not stored; stored and not purged.
    for done in ["collect", "stage", "store", "purge"] {
        machine.cback(done).on("2026-11-25").run().well();
        for action in actions {
            dry(&machine, action, "2026-11-26");
            dry(&machine, &format!("--full --json {action}"), "2026-11-26");
        }
    }
}

#[test]
fn what_a_dry_run_says_comes_true() {
    let machine = Machine::new();
    tree::file(machine.path("source/old"), "o".repeat(100_000));
    dry(&machine, "collect", "2026-11-23")
        .well()
        .says(&["1. collect", "everything: about 1 of 2 entries, 97.66 kB"]);
    machine.back_up("2026-11-23");
    // What was staged is known although nothing noted it yet.
    tree::file(machine.path("source/new"), "n".repeat(30_000));
    Machine::settle();
    dry(&machine, "all", "2026-11-24").well().says(&[
        "1. collect",
        "2. stage",
        "3. store",
        "4. purge",
        "what differs since 2026-11-23",
        "what this run stages is stored",
        "nothing was changed",
    ]);
    machine.cback("collect stage").on("2026-11-24").run().well();
    dry(&machine, "store", "2026-11-24").well().says(&[
        "a session is appended to the disc `CEDAR BACKUP 23-NOV-2026`",
        "with 2026-11-24:",
    ]);
    dry(&machine, "--full store", "2026-11-24")
        .well()
        .says(&["a new disc is begun", "is set aside, and kept"]);
    machine.cback("store").on("2026-11-24").run().well();
    // 70 days later the staged days would go, and go.
    let said = dry(&machine, "purge", "2027-02-01").well();
    machine.cback("purge").on("2027-02-01").run().well();
    let went = machine
        .log()
        .lines()
        .filter_map(|line| line.split_once("/stage: ")?.1.split_once(" are gone"))
        .map(|parts| parts.0.to_owned())
        .next_back()
        .unwrap();
    assert!(said.screen().contains(&went), "{went}: {}", said.screen());
    assert!(!went.starts_with('0'), "{went}");
}

#[test]
fn a_rewritable_disc_that_would_be_erased_is_named() {
    let machine = Machine::new();
    machine.configure(|text| text.replace("dvd+r<", "dvd+rw<"));
    tree::file(machine.path("source/file"), "x");
    machine.cback("initialize").on("2026-11-23").run().well();
    machine.back_up("2026-11-23");
    dry(&machine, "initialize", "2026-11-24")
        .well()
        .says(&["the disc `CEDAR BACKUP", "is ERASED"]);
    dry(&machine, "rebuild", "2026-11-24")
        .well()
        .says(&["is ERASED", "with 2026-11-23:"]);
}

#[test]
fn what_could_not_be_done_is_said_with_the_same_status() {
    let machine = Machine::new();
    dry(&machine, "rebuild", "2026-11-24").with_status(6);
    fs::remove_dir(machine.path("source")).unwrap();
    dry(&machine, "collect", "2026-11-24")
        .with_status(10)
        .says(&["the source cannot be collected"]);
    dry(&machine, "nothing", "2026-11-24").with_status(4);
}

#[test]
fn hooks_and_managed_peers_are_in_the_plan() {
    let machine = Machine::new();
    machine.configure(|text| {
        text.replace(
            "</options>",
            "<rsh_command>ssh</rsh_command><cback_command>cback</cback_command>\
             <managed_actions>collect</managed_actions>\
             <pre_action_hook><action>collect</action><command>echo one</command></pre_action_hook>\
             <post_action_hook><action>collect</action><command>echo two</command></post_action_hook></options>",
        )
        .replace(
            "</peers>",
            "<peer><name>bob</name><type>remote</type><collect_dir>/c</collect_dir><managed>Y</managed></peer></peers>",
        )
    });
    tree::file(machine.path("source/file"), "x");
    dry(&machine, "-M collect", "2026-11-24").well().says(&[
        "1. the hook before collect: echo one",
        "2. collect",
        "3. the hook after collect: echo two",
        "4. collect on managed peers: bob",
    ]);
    let ended = dry(&machine, "-N collect", "2026-11-24").well();
    assert!(
        ended.stdout.starts_with("1. collect on managed peers: bob"),
        "{}",
        ended.stdout
    );
    dry(&machine, "-N store", "2026-11-24")
        .well()
        .says(&["there is nothing to do"]);
}

#[test]
fn what_this_run_stages_is_uploaded_by_it() {
    let machine = Machine::new();
    tree::file(machine.path("source/a"), "a");
    crate::extend::configure(
        &machine,
        &[("amazons3", 250)],
        "<amazons3><s3_bucket>bucket</s3_bucket></amazons3>",
        &[],
    );
    let ended = dry(&machine, "collect stage amazons3 store purge", "2026-11-23").well();
    ended.says(&[
        "3. amazons3",
        "what this run stages is uploaded; nothing else waits",
        "5. purge",
    ]);
    // Alone it has nothing, and is not said to have nothing to do.
    let ended = dry(&machine, "amazons3", "2026-11-23").with_status(6);
    assert!(!ended.stdout.contains("nothing to do"), "{}", ended.stdout);
}
