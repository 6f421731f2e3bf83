//! Days after days of `all`: whatever happened, every day comes back, from staging and from discs alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::tree;

#[test]
fn every_day_comes_back_from_staging_and_from_discs_alone() {
    let machine = Machine::new();
    let source = machine.path("source");
    let mut days = Vec::new();
    for (day, words, change) in WEEK {
        change(&source);
        Machine::settle();
        days.push((day, machine.keep(day)));
        machine.cback(words).on(day).run().well_and_silent();
    }
    assert_eq!(
        set_aside(&machine).len(),
        2,
        "a disc for --full, one for the new week"
    );

    for (day, kept) in &days {
        machine.restores(&format!("--as-of {day}"), kept);
    }
    machine.restores("", &days[days.len() - 1].1);

    fs::remove_dir_all(machine.path("stage")).unwrap();
    fs::remove_dir_all(machine.path("work")).unwrap();
    for (day, kept) in &days {
        let into = machine.path(format!("from-discs-{day}"));
        let call = machine
            .cback(&format!("restore --as-of {day}"))
            .unconfigured();
        call.args(machine.every_disc())
            .arg("--into")
            .arg(&into)
            .run()
            .well();
        tree::assert_same(kept, &machine.restored(into.to_str().unwrap()));
    }
}

#[test]
fn a_full_disc_is_set_aside_and_nothing_of_it_is_lost() {
    let machine = Machine::new();
    machine.configure(|text| text.replace("dvd+r<", "cdr-74<").replace("targz<", "tar<"));
    let source = machine.path("source");
    let mut days = Vec::new();
    for (at, day) in [(1_u8, "2026-11-24"), (2, "2026-11-25")] {
        // 650 MB take one of these, not two.
        tree::file(source.join(format!("film-{at}")), vec![at; 330 << 20]);
        Machine::settle();
        days.push((day, machine.keep(day)));
        machine.back_up(day);
    }
    assert_eq!(set_aside(&machine).len(), 1);
    fs::remove_dir_all(machine.path("stage")).unwrap();
    for (day, kept) in &days {
        let into = machine.path(format!("from-discs-{day}"));
        let call = machine
            .cback(&format!("restore --as-of {day}"))
            .unconfigured();
        call.args(machine.every_disc())
            .arg("--into")
            .arg(&into)
            .run()
            .well();
        tree::assert_same(kept, &machine.restored(into.to_str().unwrap()));
        fs::remove_dir_all(into).unwrap();
    }
}

/// Discs that are not in the drive any more, named by their labels.
fn set_aside(machine: &Machine) -> Vec<PathBuf> {
    let mut discs = machine.discs();
    assert_eq!(discs.pop(), Some(machine.disc()));
    for disc in &discs {
        let name = disc.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("CEDAR BACKUP "), "{name}");
    }
    discs
}

/// A day, what is run, what happened to the source before. The week begins on Monday.
type Change = fn(&Path);
const WEEK: [(&str, &str, Change); 9] = [
    ("2026-11-23", "all", tree::one_of_everything),
    ("2026-11-24", "all", some_work),
    ("2026-11-25", "all", other_kinds),
    ("2026-11-26", "all", |_| {}),
    ("2026-11-27", "all", only_attributes),
    ("2026-11-28", "--full all", some_more_work),
    ("2026-11-29", "all", clearing_up),
    ("2026-11-30", "all", |_| {}),
    ("2026-12-01", "all", a_new_beginning),
];

fn some_work(source: &Path) {
    tree::file(source.join("src/parse.c"), "/* new */\n");
    tree::file(
        source.join("photos/2026/party.jpg"),
        tree::noise(2, 100_000),
    );
    tree::file(source.join("letter.txt"), "Dear Ada, dear Bob,\n");
    fs::remove_file(source.join("empty")).unwrap();
    fs::rename(source.join("src/ä ö\nü"), source.join("moved")).unwrap();
}

fn other_kinds(source: &Path) {
    fs::remove_file(source.join("src/main.c")).unwrap();
    tree::file(source.join("src/main.c/now a directory"), "1");
    fs::remove_dir_all(source.join("photos")).unwrap();
    tree::file(source.join("photos"), "now a file");
    fs::remove_file(source.join("link")).unwrap();
    tree::file(source.join("link"), "now a file");
    fs::remove_file(source.join("fifo")).unwrap();
    symlink("letter.txt", source.join("fifo")).unwrap();
    fs::remove_dir(source.join("empty directory")).unwrap();
    symlink("src", source.join("empty directory")).unwrap();
}

fn only_attributes(source: &Path) {
    tree::mode(&source.join("photos"), 0o400);
    xattr::remove(source.join("letter.txt"), "user.mood").unwrap();
    xattr::set(source.join("back\\slash"), "user.new", b"1").unwrap();
    // The same size and the same time, another content.
    let path = source.join("src/parse.c");
    fs::write(&path, "/* old */\n").unwrap();
    tree::age(&path, 1_700_000_000, 0);
    tree::mode(&source.join("src"), 0o2755);
}

fn some_more_work(source: &Path) {
    let path = source.join("src/parse.c");
    fs::write(&path, "/* odd */\n").unwrap();
    tree::age(&path, 1_700_000_000, 0);
    fs::remove_file(source.join("src/letter, linked")).unwrap();
    fs::hard_link(&path, source.join("another name")).unwrap();
}

fn clearing_up(source: &Path) {
    fs::remove_dir_all(source.join("src")).unwrap();
    fs::remove_file(source.join("sparse")).unwrap();
    fs::remove_dir_all(source.join("moved")).unwrap();
}

fn a_new_beginning(source: &Path) {
    tree::file(source.join("src/main.rs"), "fn main() {}\n");
    tree::file(source.join("sparse"), "not sparse at all");
}
