//! Large files: promised by their BLAKE3 from where they were collected until they are on a disc, where everybody finds
//! their SHA-256.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::foreign;
use crate::machine::Machine;
use crate::master::{NATIVE, lock_to_agent};
use crate::sshd::{Claims, Sshd};
use crate::tree;

const DAY: &str = "2026-11-24";

/// Bytes of a file that is large.
const LARGE: usize = 9_000_000;

/// A machine whose source has a large file; its archive is not packed.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.configure(|text| text.replace("targz", "tar"));
    tree::file(machine.path("source/large"), tree::noise(1, LARGE));
    tree::file(machine.path("source/small"), "small");
    machine
}

fn day(machine: &Machine) -> PathBuf {
    machine.path("stage/2026/11/24")
}

/// The one large file of the directory `dir`.
fn large_in(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut large = entries.filter(|entry| entry.metadata().unwrap().len() > LARGE as u64);
    let found = large.next().unwrap().path();
    assert!(large.next().is_none());
    found
}

/// The lines of the list `name` in `dir` that a program understands which knows nothing of BLAKE3, and those others that
/// `b3sum` understands. Both agree with what is there.
fn judged(dir: &Path, name: &str) -> (usize, usize) {
    let text = fs::read_to_string(dir.join(name)).unwrap();
    let mut sums = [String::new(), String::new()];
    for line in text.lines() {
        match line.strip_prefix("# blake3 ") {
            Some(line) => sums[1] += &format!("{line}\n"),
            None => sums[0] += &format!("{line}\n"),
        }
    }
    for (program, sums) in ["sha256sum", "b3sum"].into_iter().zip(&sums) {
        if !sums.is_empty() {
            let list = dir.join(".judged.partial");
            fs::write(&list, sums).unwrap();
            foreign(dir, program, &["-c".as_ref(), list.as_os_str()]);
            fs::remove_file(list).unwrap();
        }
    }
    // As it is, comments and all.
    foreign(
        dir,
        "sha256sum",
        &["-c", "--strict", "--quiet", name].map(OsStr::new),
    );
    (sums[0].lines().count(), sums[1].lines().count())
}

/// Changes one byte of the file at `path`.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_large_file_is_listed_by_blake3_until_it_is_on_a_disc() {
    let machine = machine();
    let kept = machine.keep("kept");
    machine.cback("collect").on(DAY).run().well_and_silent();
    assert_eq!(judged(&machine.path("collect"), "cback.collect"), (1, 1));
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert_eq!(judged(&day(&machine), "SHA256SUMS"), (2, 1));
    // The client knows by that what is safe.
    let told = fs::read_to_string(machine.path("collect/cback.stage")).unwrap();
    assert_eq!(told.matches("# blake3 ").count(), 1, "{told}");
    // It comes back from there.
    let call = machine.cback("restore --from").unconfigured();
    let call = call.arg(machine.path("stage")).arg("--into");
    call.arg(machine.path("from stage")).run().well();
    tree::assert_same(&kept, &machine.restored("from stage"));

    // So it is on a disc that somebody makes of the day as it is, and is checked by that.
    let call = machine
        .cback("disc image --into")
        .arg(machine.path("day.iso"));
    call.arg(day(&machine)).run().well();
    let call = machine
        .cback("--json disc get --disc")
        .arg(machine.path("day.iso"));
    let got = call.arg("--into").arg(machine.path("got")).run().well();
    assert!(got.stdout.contains("\"checked\":3"), "{}", got.stdout);

    machine.cback("store").on(DAY).run().well_and_silent();
    assert_eq!(judged(&day(&machine), "SHA256SUMS"), (3, 0));
    let taken = machine.path("taken");
    let call = machine.cback("disc get --disc").arg(machine.disc());
    call.arg("--into").arg(&taken).run().well();
    assert_eq!(judged(&taken.join("2026/11/24"), "SHA256SUMS"), (4, 0));
    // Staged again, it is what was stored, although the client says it in another way.
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert!(day(&machine).join("cback.store").exists());
    assert_eq!(judged(&day(&machine), "SHA256SUMS"), (3, 0));
}

#[test]
fn the_next_collection_goes_on_from_a_large_one_that_was_staged() {
    let machine = machine();
    Machine::settle();
    machine
        .cback("collect stage")
        .on(DAY)
        .run()
        .well_and_silent();
    machine
        .cback("collect stage")
        .on("2026-11-25")
        .run()
        .well_and_silent();
    let next = machine.path("stage/2026/11/25/ada");
    let largest = fs::read_dir(next)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .max();
    assert!(largest.unwrap() < 100_000, "{largest:?}");
}

#[test]
fn a_large_file_that_is_damaged_in_staging_is_found_by_whoever_reads_it() {
    let machine = machine();
    machine
        .cback("collect stage")
        .on(DAY)
        .run()
        .well_and_silent();
    let staged = large_in(&day(&machine).join("ada"));
    damage(&staged);
    let name = staged.file_name().unwrap().to_str().unwrap();

    let call = machine.cback("restore --from").unconfigured();
    let call = call.arg(machine.path("stage")).arg("--into");
    let ended = call.arg(machine.path("restored")).run();
    ended.with_status(14).says(&["source/large: damaged"]);

    machine.cback("store").on(DAY).run().with_status(10).says(&[
        name,
        "the staged file is damaged: it is not what was staged",
    ]);
    assert!(!day(&machine).join("cback.store").exists());
    // Nobody who reads the disc takes it for sound.
    let taken = machine.path("taken");
    let call = machine.cback("disc get --disc").arg(machine.disc());
    let ended = call.arg("--into").arg(&taken).run();
    ended.with_status(14).says(&[name]);

    // Staged again, it is sound; and then the day is stored.
    machine.cback("stage").on(DAY).run().well_and_silent();
    machine.cback("store").on(DAY).run().well_and_silent();
    assert_eq!(judged(&day(&machine), "SHA256SUMS"), (3, 0));
}

#[test]
fn a_large_file_of_another_machine_is_checked_by_what_that_machine_says() {
    let master = Machine::new();
    let client = machine();
    let ada = Sshd::start(&master, "ada");
    lock_to_agent(&client, &ada, "");
    NATIVE.master(&master, &[&ada]);
    client.cback("collect").on(DAY).run().well_and_silent();
    for entry in fs::read_dir(client.path("collect")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), ada.collect().join(entry.file_name())).unwrap();
    }
    let stage = || master.cback("stage").on(DAY).run();
    // What is not what was collected does not come.
    let collected = large_in(&ada.collect());
    damage(&collected);
    stage().with_status(10).says(&[
        collected.file_name().unwrap().to_str().unwrap(),
        "run `cback collect` on the peer",
    ]);
    let _ = fs::remove_file(ada.collect().join("cback.stage"));
    damage(&collected);
    stage().well_and_silent();
    assert_eq!(judged(&day(&master), "SHA256SUMS"), (2, 1));
}

#[test]
fn what_came_of_an_interrupted_transfer_and_was_damaged_since_comes_again() {
    for (claims, agent) in [
        (Claims::Digests, false),
        (Claims::Digests, true),
        (Claims::Sha256, false),
        (Claims::Nothing, false),
    ] {
        let machine = Machine::new();
        let bob = Sshd::start(&machine, "bob");
        let noise = tree::noise(9, 20_000_000);
        bob.collected(&[("home.tar", &noise)], claims);
        if agent {
            lock_to_agent(&machine, &bob, "");
        }
        NATIVE.master(&machine, &[&bob]);
        bob.meddle(crate::sshd::cut_after(18_000_000));
        machine.cback("stage").on(DAY).run().with_status(6);
        let partial = day(&machine).join(".bob.partial/home.tar");
        assert!(partial.metadata().unwrap().len() > 10_000_000);
        // Somebody has touched what came: it is not what the peer says, and comes once more.
        damage(&partial);
        bob.leave_alone();
        machine.cback("stage").on(DAY).run().well_and_silent();
        assert_eq!(fs::read(day(&machine).join("bob/home.tar")).unwrap(), noise);
        let expected = match claims {
            Claims::Sha256 => (2, 0),
            _ => (1, 1),
        };
        assert_eq!(judged(&day(&machine), "SHA256SUMS"), expected);
    }
}

#[test]
fn a_second_staging_does_not_fetch_a_large_file_again() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    let noise = tree::noise(9, LARGE);
    bob.collected(&[("home.tar", &noise)], Claims::Digests);
    NATIVE.master(&machine, &[&bob]);
    machine.cback("stage").on(DAY).run().well_and_silent();
    bob.collected(
        &[("home.tar", &noise), ("new.tar", b"new")],
        Claims::Digests,
    );
    bob.meddle(crate::sshd::cut_after(1_000_000));
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert_eq!(judged(&day(&machine), "SHA256SUMS"), (2, 1));
}
