//! `cback collect`: which archives come to be, what is in them, and who else reads them.

use std::ffi::OsStr;
use std::fs;

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

/// Names in the collect directory, sorted; `source` stands for the source's long name.
fn collected(machine: &Machine) -> Vec<String> {
    let stem = archive_name(machine);
    let mut names: Vec<String> = fs::read_dir(machine.path("collect"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .replace(&stem, "source")
        })
        .collect();
    names.sort();
    names
}

/// The archive's name without its extension: the source's path with hyphens.
fn archive_name(machine: &Machine) -> String {
    let source = machine.path("source");
    source
        .to_str()
        .unwrap()
        .trim_start_matches('/')
        .replace('/', "-")
}

#[test]
fn every_way_of_packing_is_read_by_tar_and_bsdtar() {
    for (word, extension) in [
        ("tar", "tar"),
        ("targz", "tar.gz"),
        ("tarbz2", "tar.bz2"),
        ("tarzst", "tar.zst"),
    ] {
        let machine = Machine::new();
        machine.configure(|text| text.replace("targz<", &format!("{word}<")));
        tree::one_of_everything(&machine.path("source"));
        machine.cback("collect").run().well_and_silent();
        let archive = format!("source.{extension}");
        assert_eq!(
            collected(&machine),
            ["cback.collect", "source.mtree.gz", &archive]
        );
        let archive = machine
            .path("collect")
            .join(format!("{}.{extension}", archive_name(&machine)));
        for (program, words) in [
            ("tar", &["--xattrs", "--xattrs-include=*", "-xpf"][..]),
            ("bsdtar", &["--xattrs", "--acls", "-xpf"][..]),
        ] {
            let into = machine.path(program);
            fs::create_dir(&into).unwrap();
            let words: Vec<&OsStr> = words
                .iter()
                .map(OsStr::new)
                .chain([archive.as_os_str()])
                .collect();
            foreign(&into, program, &words);
            tree::assert_same_in(&machine.path("source"), &machine.restored(program), program);
        }
    }
}

#[test]
fn the_manifest_verifies_a_tree_for_other_tools() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::file(source.join("letters/ada"), "Dear Ada,\n");
    tree::file(source.join("with blank"), "x");
    machine.cback("collect").run().well_and_silent();
    let manifest = machine
        .path("collect")
        .join(format!("{}.mtree.gz", archive_name(&machine)));
    let text = foreign(&machine.path(""), "zcat", &[manifest.as_os_str()]);
    fs::write(machine.path("mtree"), text).unwrap();
    // The manifest's names begin at the root of the file system, as those of the archive do.
    let verify = [
        "-e",
        "-f",
        machine.path("mtree").to_str().unwrap(),
        "-p",
        "/",
    ]
    .map(str::to_owned);
    let verify: Vec<&OsStr> = verify.iter().map(OsStr::new).collect();
    foreign(&machine.path(""), "mtree", &verify);
    fs::write(source.join("letters/ada"), "Dear Bob,\n").unwrap();
    let changed = std::process::Command::new("mtree")
        .args(&verify)
        .output()
        .unwrap();
    assert_eq!(changed.status.code(), Some(2), "{changed:?}");
}

#[test]
fn what_did_not_change_is_not_collected_again() {
    // A directory of the system's, because what is only seconds old is rightly collected again.
    let machine = Machine::new();
    machine.configure(|text| {
        let old = "<dir><abs_path>/usr/share/common-licenses</abs_path></dir>";
        text.replacen("<dir>", &format!("{old}<dir>"), 1)
    });
    tree::one_of_everything(&machine.path("source"));
    let old = |extension: &str| format!("usr-share-common-licenses.{extension}");
    machine
        .cback("collect stage")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    assert!(collected(&machine).contains(&old("tar.gz")));

    tree::file(machine.path("source/new"), "x");
    machine
        .cback("collect")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let expected = [
        "cback.collect",
        "source.mtree.gz",
        "source.tar.gz",
        &old("mtree.gz"),
    ];
    assert_eq!(
        collected(&machine),
        expected,
        "of what is old there is a manifest only"
    );

    machine
        .cback("--full collect")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    assert!(collected(&machine).contains(&old("tar.gz")));
}

#[test]
fn what_was_collected_and_never_staged_is_collected_again() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    machine
        .cback("collect stage")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    tree::file(source.join("tuesday"), "x");
    machine
        .cback("collect")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    tree::file(source.join("wednesday"), "x");
    let kept = machine.keep("wednesday");
    machine.back_up("2026-11-26");
    machine.restores("", &kept);
}

#[test]
fn what_was_excluded_is_not_there() {
    let machine = Machine::new();
    let source = machine.path("source");
    for name in [
        "a/keep",
        "a/drop.o",
        "cache/x",
        "ignored/x",
        "ignored/.cbignore",
        "rel/x",
        "abs/x",
    ] {
        tree::file(source.join(name), name);
    }
    let abs = source.join("abs");
    machine.configure(|text| {
        let exclude = format!(
            "<exclude><abs_path>{}</abs_path><rel_path>rel</rel_path>\
             <pattern>.*\\.o|.*/cache</pattern></exclude></dir>",
            abs.display()
        );
        text.replacen("</dir>", &exclude, 1)
    });
    machine.back_up("2026-11-24");
    let restored = machine.restore("restored", "");
    let mut found: Vec<_> = walkdir::WalkDir::new(&restored)
        .into_iter()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .strip_prefix(&restored)
                .unwrap()
                .to_owned()
        })
        .filter(|name| name.components().count() > 0)
        .collect();
    found.sort();
    assert_eq!(found, ["a", "a/keep"].map(std::path::PathBuf::from));
}

#[test]
fn a_pattern_that_cannot_tell_leaves_nothing_out_and_is_named_once() {
    let machine = Machine::new();
    let endless = r"/.*/(a|aa)+(?!b)\1x";
    machine.configure(|text| {
        let rules = format!(
            "<exclude><pattern>{endless}</pattern><pattern>.*gone</pattern></exclude></dir>\n  </collect>"
        );
        text.replace("</dir>\n  </collect>", &rules)
    });
    let long = "a".repeat(60);
    for name in ["ax", "axx", "gone", &long, &format!("{long}b"), "plain"] {
        tree::file(machine.path("source").join(name), "x");
    }
    machine.cback("collect").run().well();
    let text = machine.log();
    let told: Vec<&str> = text.lines().filter(|line| line.contains(endless)).collect();
    assert_eq!(told.len(), 1, "{text}");
    assert!(
        told[0].contains("WARN") && told[0].contains(&long),
        "{told:?}"
    );
    let archive = machine
        .path("collect")
        .join(format!("{}.tar.gz", archive_name(&machine)));
    let listed = foreign(
        &machine.path("."),
        "tar",
        &[OsStr::new("-tzf"), archive.as_os_str()],
    );
    assert!(listed.contains(&format!("/{long}\n")), "{listed}");
    assert!(
        listed.contains("/plain\n") && !listed.contains("gone"),
        "{listed}"
    );
}
