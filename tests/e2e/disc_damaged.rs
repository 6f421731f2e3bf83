//! `cback disc` on discs that are damaged, and files that come where others are.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::machine::Machine;

/// A machine with a disc of two files, the second of which is large.
fn machine() -> Machine {
    let machine = Machine::new();
    fs::write(machine.path("source/a"), "small\n").unwrap();
    fs::write(machine.path("source/big"), vec![7; 300_000]).unwrap();
    machine.cback("disc burn --disc d.iso source").run().well();
    machine
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn of_a_disc_that_was_cut_short_there_is_what_is_left() {
    let machine = machine();
    let whole = fs::read(machine.path("d.iso")).unwrap();
    let big = whole.windows(4096).position(|w| w == [7; 4096]).unwrap();
    let cut = &whole[..big + 100_000];
    fs::write(machine.path("d.iso"), cut).unwrap();
    let is_told = &["d.iso", "damaged", "cut short"];
    machine
        .cback("disc info d.iso")
        .run()
        .with_status(10)
        .says(is_told)
        .says(&["SOURCE"]);
    let listed = machine.cback("disc ls --disc d.iso").run();
    listed
        .with_status(10)
        .says(is_told)
        .says(&["big", "300000"]);
    let got = machine.cback("disc get --disc d.iso --into got /").run();
    got.with_status(14)
        .says(&["got/big", "are missing", "got/big.damaged", "--session"]);
    assert_eq!(fs::read(machine.path("got/a")).unwrap(), b"small\n");
    assert!(!machine.path("got/big").exists());
    let left = fs::read(machine.path("got/big.damaged")).unwrap();
    assert_eq!(left, vec![7; 100_000]);
    // It is copied as far as it goes, and never written.
    let copied = machine.cback("disc copy d.iso copy.iso").run();
    copied.with_status(10).says(is_told);
    let copy = fs::read(machine.path("copy.iso")).unwrap();
    assert!(copy.starts_with(cut) && copy.len() - cut.len() < 2048);
    for words in ["burn --append --disc d.iso source", "close d.iso"] {
        let refused = machine.cback(&format!("disc {words}")).run();
        assert_ne!(refused.status, 0, "{words}");
    }
    assert!(fs::read(machine.path("d.iso")).unwrap() == cut);
}

#[test]
fn a_broken_chain_of_sessions_costs_none_that_can_be_found() {
    let machine = machine();
    for name in ["second", "third"] {
        fs::create_dir(machine.path(name)).unwrap();
        fs::write(machine.path(name).join(name), name).unwrap();
        let words = format!("disc burn --append --disc d.iso {name}");
        machine.cback(&words).run().well();
    }
    let info = machine.cback("--json disc info d.iso").run().well();
    let line: serde_json::Value =
        serde_json::from_str(info.stdout.lines().next().unwrap()).unwrap();
    let start = line["result"]["sessions"][1]["start"].as_u64().unwrap();
    let at = usize::try_from((start + 16) * 2048).unwrap();
    let mut disc = fs::read(machine.path("d.iso")).unwrap();
    disc[at..at + 2048].fill(0);
    fs::write(machine.path("d.iso"), &disc).unwrap();
    let is_told = &["the disc is damaged", "no session here"];
    machine
        .cback("disc get --disc d.iso --into got a third")
        .run()
        .with_status(10)
        .says(is_told);
    assert_eq!(fs::read(machine.path("got/a")).unwrap(), b"small\n");
    assert_eq!(fs::read(machine.path("got/third")).unwrap(), b"third");
    let first = machine.cback("disc ls --disc d.iso --session 1").run();
    let first = first.with_status(10).says(is_told).stdout;
    assert!(first.contains("big") && !first.contains("third"), "{first}");
    // Such an image is not burnt, neither as an image nor as a mere file.
    let burn = machine.cback("disc burn --disc new.iso d.iso").run();
    burn.with_status(6)
        .says(&["d.iso is an image that is damaged"]);
    assert!(!machine.path("new.iso").exists());
}

#[test]
fn what_lies_in_a_damaged_directory_is_not_called_missing() {
    let machine = Machine::new();
    fs::create_dir(machine.path("source/dir")).unwrap();
    fs::write(machine.path("source/dir/letter"), "letter").unwrap();
    fs::write(machine.path("source/text"), "text").unwrap();
    machine.cback("disc burn --disc d.iso source").run().well();
    let mut disc = fs::read(machine.path("d.iso")).unwrap();
    let is_it =
        |sector: &[u8]| sector[32..34] == [1, 0] && sector.windows(6).any(|word| word == b"letter");
    let at = disc.chunks_exact(2048).position(is_it).unwrap();
    disc[at * 2048..(at + 1) * 2048].fill(b'x');
    fs::write(machine.path("d.iso"), &disc).unwrap();
    let lost = &["dir/letter", "not among what can be read", "--session"];
    machine
        .cback("disc ls --disc d.iso dir/letter")
        .run()
        .with_status(14)
        .says(lost);
    // The others are taken all the same.
    machine
        .cback("disc get --disc d.iso --into got dir/letter text")
        .run()
        .with_status(14)
        .says(&lost[..2]);
    assert_eq!(fs::read(machine.path("got/text")).unwrap(), b"text");
    // A slip is one.
    for words in ["ls --disc d.iso txet", "get --disc d.iso txet"] {
        let slip = machine.cback(&format!("disc {words}")).run();
        slip.with_status(2).says(&["there is no `txet`"]);
    }
}

#[test]
fn what_comes_off_a_disc_replaces_nothing_under_whatever_name() {
    let machine = Machine::new();
    let long = "n".repeat(255);
    for name in [".x.partial", "x", &long] {
        fs::write(machine.path("source").join(name), name).unwrap();
    }
    std::os::unix::fs::symlink("x", machine.path("source/link")).unwrap();
    fs::create_dir(machine.path("source/dir")).unwrap();
    fs::set_permissions(machine.path("source/dir"), Permissions::from_mode(0o755)).unwrap();
    fs::write(machine.path("source/dir/inside"), "inside").unwrap();
    machine.cback("disc burn --disc d.iso source").run().well();
    // Somebody's own things are there already.
    fs::create_dir_all(machine.path("got/dir")).unwrap();
    fs::set_permissions(machine.path("got/dir"), Permissions::from_mode(0o700)).unwrap();
    fs::write(machine.path("got/.other.partial"), "mine").unwrap();
    fs::write(machine.path("source/other"), "other").unwrap();
    machine
        .cback("disc burn --append --disc d.iso source")
        .run()
        .well();
    machine
        .cback("disc get --disc d.iso --into got /")
        .run()
        .well();
    for name in [".x.partial", "x", &long] {
        let got = fs::read(machine.path("got").join(name));
        assert_eq!(got.unwrap(), name.as_bytes(), "{name}");
    }
    assert_eq!(fs::read(machine.path("got/other")).unwrap(), b"other");
    assert_eq!(
        fs::read(machine.path("got/.other.partial")).unwrap(),
        b"mine"
    );
    assert_eq!(mode(&machine.path("got/dir")), 0o700);
    assert_eq!(fs::read(machine.path("got/dir/inside")).unwrap(), b"inside");
    // What was made has the mode that it had.
    machine
        .cback("disc get --disc d.iso --into new dir")
        .run()
        .well();
    assert_eq!(mode(&machine.path("new/dir")), 0o755);
    // The same once more goes on where it was broken off; what is somebody else's is told.
    let again = || machine.cback("disc get --disc d.iso --into got /").run();
    fs::remove_file(machine.path("got/dir/inside")).unwrap();
    again().well_and_silent();
    assert_eq!(fs::read(machine.path("got/dir/inside")).unwrap(), b"inside");
    fs::write(machine.path("got/x"), "X").unwrap();
    again().with_status(10).says(&["got/x", "which stays"]);
    assert_eq!(fs::read(machine.path("got/x")).unwrap(), b"X");
}

#[test]
fn a_mistyped_name_is_no_blank_disc() {
    let machine = machine();
    for words in [
        "ls --disc typo.iso",
        "get --disc typo.iso a",
        "copy typo.iso copy.iso",
        "compare d.iso typo.iso",
    ] {
        let slip = machine.cback(&format!("disc {words}")).run();
        let slip = slip.with_status(12).says(&["typo.iso", "no such file"]);
        assert!(!slip.stderr.contains("blank"), "{}", slip.stderr);
    }
    let info = machine.cback("disc info typo.iso").run().well();
    assert!(info.stdout.contains("none yet"), "{}", info.stdout);
    fs::write(machine.path("empty.iso"), "").unwrap();
    let blank = machine.cback("disc ls --disc empty.iso").run();
    blank.with_status(12).says(&["empty.iso is blank"]);
}

#[test]
fn an_image_is_burnt_as_it_is_and_a_strange_label_is_no_obstacle() {
    let machine = machine();
    for switch in ["--volume-id OTHER", "--joliet"] {
        let words = format!("disc burn {switch} --disc new.iso d.iso");
        let refused = machine.cback(&words).run().with_status(2);
        refused.says(&["is burnt as it is", "--volume-id"]);
        assert!(!machine.path("new.iso").exists());
    }
    let refused = machine.cback("disc burn --disc new.iso --volume-id Ümlaut source");
    refused.run().with_status(2).says(&["--volume-id"]);
    // A label of another program, in the session and in the head.
    let mut disc = fs::read(machine.path("d.iso")).unwrap();
    for sector in [16, 48] {
        disc[sector * 2048 + 40..][..7].copy_from_slice("F\u{e9}te 1".as_bytes());
    }
    fs::write(machine.path("d.iso"), &disc).unwrap();
    machine
        .cback("disc burn --append --disc d.iso source")
        .run()
        .well();
    let info = machine.cback("disc info d.iso").run().well();
    info.says(&["F\u{e9}te 1", "F__te 1"]);
}

#[test]
fn a_disc_without_its_head_is_restored_and_that_there_may_be_more_is_said() {
    let machine = crate::disc::machine();
    let mut kept = Vec::new();
    for day in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        fs::write(machine.path("source").join(day), day).unwrap();
        Machine::settle();
        machine.back_up(day);
        kept.push(machine.keep(day));
    }
    let mut disc = fs::read(machine.disc()).unwrap();
    let starts: Vec<usize> = cback::iso9660::sessions(&disc)
        .unwrap()
        .iter()
        .map(|session| session.start as usize)
        .collect();
    // The head alone, and then a gap in the chain besides.
    for (lost, kept) in [(0, &kept[2]), (starts[1], &kept[0])] {
        disc[(lost + 16) * 2048..(lost + 19) * 2048].fill(b'x');
        fs::write(machine.disc(), &disc).unwrap();
        let restored = machine
            .cback("restore --incomplete --into out --from")
            .arg(machine.disc())
            .run();
        restored.with_status(10).says(&["newer ones"]);
        crate::tree::assert_same(kept, &machine.restored("out"));
        fs::remove_dir_all(machine.path("out")).unwrap();
    }
    // Nothing goes over what cannot be found.
    let refused = machine.cback("all").on("2026-11-26").run();
    assert!(refused.status != 0, "{refused:?}");
    refused.says(&["head is damaged"]);
    assert!(fs::read(machine.disc()).unwrap() == disc);
}
