//! What every drive must do: one list of cases, over discs that are files and over a burner with the kernel's own CD-ROM driver
//! before it. The burner is in a guest, where this same program runs the same cases.

#![allow(clippy::unwrap_used, missing_docs)]

mod bench;
mod broken_off;
#[path = "../store/burning.rs"]
mod burning;
mod cases;
#[allow(dead_code)] // shared with other tests
#[path = "../guest/mod.rs"]
mod guest;
#[allow(dead_code)]
#[path = "../store/pool.rs"]
mod pool;
mod stored;

use std::thread;
use std::time::Instant;

use bench::{Bench, Kind, Place};
use cback::media::MediaKind;
use guest::Guest;

/// Set for the program that runs in the guest.
const IN_GUEST: &str = "CBACK_TEST_IN_GUEST";

/// Names of kinds, with blanks between, if not all are to be tried in the burner.
const ONLY: &str = "CBACK_TEST_KINDS";

/// Discs that are written once: their kind, and the virtual burner's word for it.
const ONCE: [Kind; 4] = [
    Kind(MediaKind::CdR80, "cd-r"),
    Kind(MediaKind::DvdPlusR, "dvd+r"),
    Kind(MediaKind::DvdR, "dvd-r"),
    Kind(MediaKind::BdR, "bd-r"),
];
/// Discs that are written again, in sessions or anywhere.
const AGAIN: [Kind; 4] = [
    Kind(MediaKind::DvdRw, "dvd-rw"),
    Kind(MediaKind::DvdPlusRw, "dvd+rw"),
    Kind(MediaKind::CdRw80, "cd-rw"),
    Kind(MediaKind::BdRe, "bd-re"),
];

/// What only a drive tells apart: two layers, and a DVD-RW that is written anywhere.
const LAYERED: Kind = Kind(MediaKind::DvdPlusRDl, "dvd+r-dl");
const RESTRICTED: Kind = Kind(MediaKind::DvdRw, "dvd-rw-restricted");

/// Every kind there is.
fn kinds() -> impl Iterator<Item = Kind> {
    ONCE.into_iter().chain(AGAIN).chain([LAYERED, RESTRICTED])
}

/// What is done with a bench.
type Case = fn(&Bench);

/// The suite. Each case begins with a blank disc.
static CASES: [(&str, Case); 17] = [
    ("a blank disc is blank", cases::blank),
    ("a first session is there once it is burnt", cases::first),
    ("a session is appended", cases::appended),
    ("what does not fit is refused", cases::too_large),
    ("an image for another place is refused", cases::astray),
    ("a new disc begins as the disc says", cases::renewed),
    ("a disc is blanked if it can be", cases::blanked),
    ("a closed disc takes nothing", cases::closed),
    ("nothing is done without a disc", cases::taken_out),
    ("a copy is what was copied", cases::copied),
    ("the newest session is found", cases::newest),
    ("a burn that is killed loses nothing", broken_off::killed),
    ("two days are stored and read back", stored::two_days),
    ("a stranger's disc is left alone", stored::foreign),
    ("a closed disc is told from a full one", stored::closed),
    ("a full disc takes no other day", stored::full),
    ("a changed byte is found and mended", stored::damaged),
];

/// How many of them, the last ones, try what `store` decides by what a drive tells: in the burner, which is slow, that is tried
/// with the first kinds only.
const DECIDED: usize = 4;
const FIRST: [&str; 4] = ["cd-r", "dvd+r", "dvd-rw", "dvd+rw"];

/// The cases for a kind of disc.
fn cases(place: Place, kind: Kind) -> &'static [(&'static str, Case)] {
    if place == Place::File || FIRST.contains(&kind.1) {
        &CASES
    } else {
        &CASES[..CASES.len() - DECIDED]
    }
}

/// Every case on discs of these kinds.
fn run(place: Place, kinds: &[Kind], test: &str) {
    for kind in kinds {
        for (name, case) in cases(place, *kind) {
            println!("{}: {name}", kind.1);
            let began = Instant::now();
            case(&Bench::new(place, *kind, test));
            println!("  {:.1} s", began.elapsed().as_secs_f64());
        }
    }
}

/// Every case in a burner: in the guest if this is there, and otherwise by means of one.
fn run_in_burner(kinds: &[Kind], test: &str) {
    if broken_off::burns_for_ever() {
        return;
    }
    // for whoever looks for what is wrong with one kind
    let only = std::env::var(ONLY).ok();
    let is_wanted = |kind: &&Kind| {
        only.as_ref()
            .is_none_or(|only| only.split(' ').any(|word| word == kind.1))
    };
    let kinds: Vec<Kind> = kinds.iter().filter(is_wanted).copied().collect();
    if std::env::var_os(IN_GUEST).is_some() {
        return run(Place::Burner, &kinds, test);
    }
    // A guest waits for its burner most of the time: two of them take half of it.
    let (some, others) = kinds.split_at(kinds.len().div_ceil(2));
    thread::scope(|scope| {
        scope.spawn(|| run_in_guest(others, test));
        run_in_guest(some, test);
    });
}

/// Every case in the burner of a guest.
fn run_in_guest(kinds: &[Kind], test: &str) {
    if kinds.is_empty() {
        return;
    }
    let words: Vec<&str> = kinds.iter().map(|kind| kind.1).collect();
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "export {ONLY}='{}'; {IN_GUEST}=1 other suite {} --exact {test} --nocapture",
        words.join(" "),
        program.display()
    );
    let guest = Guest::run(|_| (), &script);
    guest.has("suite", 0, &["1 passed"]);
    let said = guest.said("suite");
    for kind in kinds {
        for (name, _) in cases(Place::Burner, *kind) {
            let line = format!("{}: {name}\n", kind.1);
            assert!(said.contains(&line), "{line}{said}");
        }
    }
}

#[test]
fn files_written_once_pass() {
    if !broken_off::burns_for_ever() {
        run(Place::File, &ONCE, "files_written_once_pass");
    }
}

#[test]
fn files_written_again_pass() {
    if !broken_off::burns_for_ever() {
        run(Place::File, &AGAIN, "files_written_again_pass");
    }
}

#[test]
fn a_burner_passes_with_discs_written_once() {
    let kinds = [&ONCE[..], &[LAYERED]].concat();
    run_in_burner(&kinds, "a_burner_passes_with_discs_written_once");
}

#[test]
fn a_burner_passes_with_discs_written_again() {
    let kinds = [&AGAIN[..], &[RESTRICTED]].concat();
    run_in_burner(&kinds, "a_burner_passes_with_discs_written_again");
}
