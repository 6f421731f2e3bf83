//! `cback validate`: whether the world is as the configuration says, and how to mend what is not.

use std::fs;

use crate::machine::Machine;
use crate::tree;

const HOOK: &str = "<pre_action_hook><action>collect</action><command>/does/not/exist --x</command></pre_action_hook>\
    <override><command>gpg</command><abs_path>/etc/passwd</abs_path></override></options>";
const FAR: &str = "<peer><name>peer.invalid</name><type>remote</type><collect_dir>/c</collect_dir></peer></peers>";

#[test]
fn each_finding_says_how_to_mend_it() {
    let machine = Machine::new();
    machine.cback("validate").run().well();
    fs::remove_dir(machine.path("collect")).unwrap();
    fs::remove_dir(machine.path("source")).unwrap();
    tree::file(machine.path("source"), "a file where a directory was");
    machine.configure(|text| {
        let text = text.replace("</options>", HOOK);
        let user = text.split("<backup_user>").nth(1).unwrap();
        let user = format!("<backup_user>{}", user.split('<').next().unwrap());
        text.replace(&user, "<backup_user>nobodyhere")
    });
    machine.cback("validate").run().with_status(4).says(&[
        "collect directory [",
        "does not exist",
        "make it, for the backup user",
        "directory to collect [",
        "is not a directory",
        "name a directory",
        "no user `nobodyhere`",
        "correct <backup_user>",
        "the hook of collect [/does/not/exist] does not exist",
        "install it, or correct the path",
        "the program that an <override> puts in place of gpg [/etc/passwd] is no program",
        "chmod +x",
    ]);
}

#[test]
fn a_peer_that_is_not_reached_is_found() {
    let machine = Machine::new();
    machine.configure(|text| text.replace("</peers>", FAR));
    let ended = machine.cback("validate").run().with_status(4);
    ended.says(&["peer [peer.invalid]"]);
    // Also one that is only managed: the stage has peers of its own.
    machine.configure(|text| {
        let own = text
            .split("<peers>")
            .nth(1)
            .unwrap()
            .split("</peers>")
            .next()
            .unwrap();
        let stage = format!("<stage>{own}");
        text.replace("</peers>", FAR).replace("<stage>", &stage)
    });
    let ended = machine.cback("validate").run().with_status(4);
    ended.says(&["peer [peer.invalid]"]);
}

#[test]
fn findings_of_extensions_and_of_the_drive_say_how_to_mend_them() {
    let machine = Machine::new();
    let extension = |name: &str, module: &str, index: u32| {
        format!(
            "<action><name>{name}</name><module>{module}</module><function>executeAction</function><index>{index}</index></action>"
        )
    };
    machine.configure(|text| {
        let own = [
            extension("capacity", "CedarBackup2.extend.capacity", 401),
            extension("own", "MyOwn.extension", 402),
        ];
        let extensions = format!("<extensions>{}</extensions><peers>", own.concat());
        text.replace("<peers>", &extensions)
    });
    fs::write(machine.disc(), vec![7; 100_000]).unwrap();
    let ended = machine.cback("--json validate").run().with_status(4);
    let mut found = Vec::new();
    for line in ended.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["event"] == "problem" {
            assert!(line["advice"].is_string(), "{line}");
            found.push(line.to_string());
        }
    }
    for (what, mend) in [
        ("<capacity> section", "add a <capacity> section"),
        ("MyOwn.extension", "leave the extension out"),
        ("disc.iso", "so that a new one begins"),
    ] {
        let both = |line: &String| line.contains(what) && line.contains(mend);
        assert!(found.iter().any(both), "{what}: {found:?}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_told_once_whoever_needs_it() {
    let machine = Machine::new();
    for dir in ["collect", "stage", "work", "discs"] {
        fs::remove_dir(machine.path(dir)).unwrap();
    }
    let ended = machine.cback("validate").run().with_status(4);
    let screen = ended.screen();
    for dir in ["collect", "stage", "work", "discs"] {
        let told = format!("[{}] does not exist", machine.path(dir).display());
        assert_eq!(screen.matches(&told).count(), 1, "{screen}");
    }
    assert!(screen.contains("4 problems"), "{screen}");
}
