//! Random histories: days of random changes, some of them staged and some not; every staged day's tree comes
//! back from manifests and archives.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::place::{Place, assert_same, present};

/// A change to the tree; numbers choose names.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, u8),
    Delete(usize),
    Move(usize, usize),
    HardLink(usize, usize),
    Symlink(usize, u8),
    Mode(usize, u8),
    Note(usize, u8),
}

/// Names of which some are directories of others, and which sort in a tricky order.
const NAMES: [&str; 10] = [
    "a", "a.b", "a/x", "a/x/deep", "a/x!", "b", "b/c", "b/c/d", "z", "z z\n\\",
];

fn change() -> impl Strategy<Value = Change> {
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (name.clone(), any::<u8>()).prop_map(|(name, byte)| Change::Write(name, byte)),
        2 => name.clone().prop_map(Change::Delete),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Change::Move(from, to)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Change::HardLink(from, to)),
        1 => (name.clone(), any::<u8>()).prop_map(|(name, byte)| Change::Symlink(name, byte)),
        1 => (name.clone(), any::<u8>()).prop_map(|(name, byte)| Change::Mode(name, byte)),
        1 => (name, any::<u8>()).prop_map(|(name, byte)| Change::Note(name, byte)),
    ]
}

/// Does the change if it can be done; what cannot be done is no change.
fn apply(top: &Path, change: &Change) {
    let at = |name: usize| top.join(NAMES[name]);
    let clear = |path: &PathBuf| {
        let _ = fs::remove_file(path);
        let _ = fs::remove_dir_all(path);
        let _ = fs::create_dir_all(path.parent().unwrap());
    };
    match *change {
        Change::Write(name, byte) => {
            // In place, if there is a file: its other names see it.
            if !at(name).is_file() {
                clear(&at(name));
            }
            let _ = fs::write(at(name), vec![byte; usize::from(byte) * 10]);
        }
        Change::Delete(name) => clear(&at(name)),
        Change::Move(from, to) if from != to && !at(to).starts_with(at(from)) => {
            let _ = fs::rename(at(from), at(to));
        }
        Change::HardLink(from, to) if at(from).is_file() && !at(from).starts_with(at(to)) => {
            clear(&at(to));
            let _ = fs::hard_link(at(from), at(to));
        }
        Change::Symlink(name, byte) => {
            clear(&at(name));
            let _ = symlink(format!("to {byte}"), at(name));
        }
        Change::Mode(name, byte) if !at(name).is_symlink() => {
            let mode = 0o700 | u32::from(byte);
            let _ = fs::set_permissions(at(name), fs::Permissions::from_mode(mode));
        }
        Change::Note(name, byte) if !at(name).is_symlink() => {
            let _ = xattr::set(at(name), "user.note", &[byte]);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_staged_day_comes_back(
        days in prop::collection::vec(
            (prop::collection::vec(change(), 0..6), prop::bool::weighted(0.7), 0..2u32),
            1..9,
        ),
    ) {
        let place = Place::new();
        // A source that is suddenly empty is a problem.
        std::fs::write(place.src("stays"), "").unwrap();
        let source = place.source();
        let mut date = super::place::day("2026-11-16");
        let mut staged = Vec::new();
        for (changes, is_staged, days_on) in days {
            for _ in 0..days_on {
                date = date.succ();
            }
            let day = date.to_string();
            for change in &changes {
                apply(&place.at("src"), change);
            }
            place.collect(&day, &source);
            if is_staged {
                place.stage(&day);
                staged.retain(|(earlier, _)| *earlier != day);
                staged.push((day, present(&place.at("src"))));
            }
            for (day, tree) in &staged {
                assert_same(&place.restored(day, "src"), tree, day);
            }
        }
    }
}
