//! `cback rebuild`, `initialize`, `validate`.

use std::fs;

use crate::call::foreign;
use crate::machine::Machine;
use crate::tree;

#[test]
fn rebuild_puts_the_days_of_this_week_on_a_fresh_disc() {
    let machine = Machine::new();
    let source = machine.path("source");
    tree::one_of_everything(&source);
    machine.back_up("2026-11-22");
    for day in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        tree::file(source.join(day), day);
        machine.back_up(day);
    }
    let kept = machine.keep("source");
    for disc in machine.discs() {
        fs::remove_file(disc).unwrap();
    }
    machine
        .cback("rebuild")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let list = foreign(
        &machine.path(""),
        "bsdtar",
        &["-tf".as_ref(), machine.disc().as_ref()],
    );
    for day in ["2026/11/23", "2026/11/24", "2026/11/25"] {
        assert!(list.contains(&format!("{day}/SHA256SUMS")), "{list}");
    }
    assert!(
        !list.contains("2026/11/22"),
        "the week begins on Monday\n{list}"
    );
    let call = machine
        .cback("restore --from")
        .unconfigured()
        .arg(machine.disc());
    call.arg("--into")
        .arg(machine.path("restored"))
        .run()
        .well();
    tree::assert_same(&kept, &machine.restored("restored"));
}

#[test]
fn initialize_prepares_a_rewritable_disc_and_refuses_others() {
    let machine = Machine::new();
    machine
        .cback("initialize")
        .run()
        .with_status(6)
        .says(&["dvd+r"]);
    assert!(!machine.disc().exists());
    machine.configure(|text| {
        text.replace("dvd+r<", "dvd+rw<")
            .replace("</check_data>", "</check_data><check_media>Y</check_media>")
    });
    tree::one_of_everything(&machine.path("source"));
    let ended = machine.cback("all").on("2026-11-24").run();
    assert!(
        [6, 12].contains(&ended.status),
        "a disc that was not prepared: {ended:?}"
    );
    ended.says(&["initialize"]);
    machine
        .cback("initialize")
        .on("2026-11-24")
        .run()
        .well_and_silent();
    let said = foreign(
        &machine.path(""),
        "isoinfo",
        &["-d".as_ref(), "-i".as_ref(), machine.disc().as_ref()],
    );
    assert!(
        said.contains("Volume id: CEDAR BACKUP 24-NOV-2026"),
        "{said}"
    );
    machine.back_up("2026-11-24");
}

#[test]
fn validate_finds_what_the_world_lacks() {
    let machine = Machine::new();
    machine.cback("validate").run().well();
    fs::remove_dir(machine.path("stage")).unwrap();
    fs::remove_dir(machine.path("source")).unwrap();
    let ended = machine.cback("validate").run().with_status(4);
    let (stage, source) = (machine.path("stage"), machine.path("source"));
    ended.says(&[stage.to_str().unwrap(), source.to_str().unwrap()]);
}

/// Zeros over the root directory of the first session of the disc.
fn spoil_first(machine: &Machine) {
    let mut disc = fs::read(machine.disc()).unwrap();
    let record = (32 + 16) * 2048 + 156;
    let root = u32::from_le_bytes(disc[record + 2..record + 6].try_into().unwrap()) as usize;
    disc[root * 2048..(root + 1) * 2048].fill(0);
    fs::write(machine.disc(), disc).unwrap();
}

#[test]
fn a_disc_that_cannot_be_listed_can_be_initialized_and_an_old_session_hinders_nothing() {
    let machine = Machine::new();
    fs::write(machine.path("source/a"), "a").unwrap();
    for day in ["2026-11-23", "2026-11-24"] {
        machine.back_up(day);
    }
    spoil_first(&machine);
    fs::remove_file(machine.path("work/catalog.sqlite3")).unwrap();
    fs::write(machine.path("stage/2026/11/23/SHA256SUMS"), "odd\n").unwrap();
    let stored = machine.cback("all").on("2026-11-25").run();
    let told = ["in session 1", "stage/2026/11/23"];
    stored.with_status(10).says(&told);
    assert!(machine.path("stage/2026/11/25/cback.store").exists());

    let machine = Machine::new();
    machine.configure(|text| text.replace("dvd+r<", "dvd+rw<"));
    fs::write(machine.path("source/a"), "a").unwrap();
    machine.back_up("2026-11-23");
    spoil_first(&machine);
    fs::remove_file(machine.path("work/catalog.sqlite3")).unwrap();
    machine
        .cback("initialize")
        .on("2026-11-24")
        .run()
        .with_status(10);
    let info = machine.cback("disc info").run().well();
    assert!(info.stdout.contains("24-NOV-2026"), "{}", info.stdout);
}
