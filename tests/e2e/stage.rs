//! `cback stage`: the peers' archives arrive whole, and the day says who was there.

use std::ffi::OsStr;
use std::fs;

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

const DAY: &str = "2026-11-24";

fn daily(machine: &Machine) -> std::path::PathBuf {
    machine.path("stage/2026/11/24")
}

#[test]
fn a_daily_directory_is_complete_and_verifies() {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine
        .cback("collect stage")
        .on(DAY)
        .run()
        .well_and_silent();
    let dir = daily(&machine);
    assert!(dir.join("cback.stage").is_file() && dir.join("ada/cback.collect").is_file());
    foreign(
        &dir,
        "sha256sum",
        &["-c", "--strict", "--quiet", "SHA256SUMS"].map(OsStr::new),
    );
    let sums = fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
    let files = fs::read_dir(dir.join("ada")).unwrap().count();
    assert_eq!(sums.lines().count(), files, "{sums}");
}

#[test]
fn a_peer_that_is_not_ready_is_named_and_the_others_are_staged() {
    let machine = Machine::new();
    tree::file(machine.path("source/file"), "x");
    fs::create_dir(machine.path("bob")).unwrap();
    let bob = |failures: &str| {
        machine.configure(|text| {
            let peer = format!(
                "<peer><name>bob</name><type>local</type><collect_dir>{}</collect_dir>{failures}</peer></peers>",
                machine.path("bob").display()
            );
            text.replace("</peers>", &peer)
        });
    };
    bob("");
    machine
        .cback("collect stage")
        .on(DAY)
        .run()
        .with_status(10)
        .says(&["bob", "cback.collect"]);
    assert!(daily(&machine).join("ada").is_dir() && !daily(&machine).join("bob").exists());

    // Ready at last; the same day takes it in.
    bob("");
    tree::file(machine.path("bob/other.tar"), "");
    tree::file(machine.path("bob/cback.collect"), "");
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert!(
        daily(&machine).join("ada").is_dir() && daily(&machine).join("bob/other.tar").is_file()
    );
    foreign(
        &daily(&machine),
        "sha256sum",
        &["-c", "--strict", "--quiet", "SHA256SUMS"].map(OsStr::new),
    );

    fs::remove_file(machine.path("bob/cback.collect")).unwrap();
    bob("<ignore_failures>all</ignore_failures>");
    machine
        .cback("collect stage")
        .on("2026-11-25")
        .run()
        .well_and_silent();
}

#[test]
fn a_day_that_changes_after_it_was_stored_is_stored_again() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    machine.back_up(DAY);
    assert!(daily(&machine).join("cback.store").exists());
    tree::file(source.join("afternoon"), "x");
    let kept = machine.keep("afternoon");
    machine
        .cback("collect stage")
        .on("2026-11-24 14:00:00")
        .run()
        .well_and_silent();
    assert!(!daily(&machine).join("cback.store").exists());
    machine
        .cback("store")
        .on("2026-11-24 15:00:00")
        .run()
        .well_and_silent();
    fs::remove_dir_all(machine.path("stage")).unwrap();
    let call = machine
        .cback("restore")
        .unconfigured()
        .args(machine.every_disc());
    call.arg("--into")
        .arg(machine.path("restored"))
        .run()
        .well();
    tree::assert_same(&kept, &machine.restored("restored"));
}
