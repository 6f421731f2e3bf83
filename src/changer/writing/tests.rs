//! The rest of what does not fit goes onto the next blank disc; what fails is not tried again.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::changer::{Bay, Robot, Setup, Surroundings};
use crate::clock::SystemClock;
use crate::event::Tally;
use crate::media::{Drive, FileDrive, MediaKind};
use crate::process::{Command, Ended, RunError, Runner, Status, Stdout};
use crate::units::AbsPath;

/// A robot whose slots are the files `1` to `9` of a directory, and whose drive is the file `drive`.
struct Arm(PathBuf);

impl Runner for Arm {
    fn run(&self, command: &Command, stdout: Stdout<'_>) -> Result<Ended, RunError> {
        let words: Vec<&str> = command
            .arguments()
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        let (slot, drive) = (
            words.get(1).map(|slot| self.0.join(slot)),
            self.0.join("drive"),
        );
        let state = |path: &Path| if path.exists() { "full" } else { "empty" };
        match (words[0], stdout) {
            ("status", Stdout::Keep(kept)) => {
                for number in 1..=9 {
                    let slot = self.0.join(number.to_string());
                    kept.extend(format!("slot {number} {}\n", state(&slot)).into_bytes());
                }
                kept.extend(format!("drive 0 {}\n", state(&drive)).into_bytes());
            }
            ("load", _) => fs::rename(slot.unwrap(), drive).unwrap(),
            _ => fs::rename(drive, slot.unwrap()).unwrap(),
        }
        Ok(Ended {
            status: Status::Exited(0),
            tail: Vec::new(),
        })
    }
}

/// What the discs of slots 1 to 3 are after work that came to those verdicts, and how it ended.
fn after(verdicts: &[&str]) -> (String, Result<Vec<usize>, String>) {
    let dir = tempfile::tempdir().unwrap();
    for slot in 1..=3 {
        fs::write(dir.path().join(slot.to_string()), "").unwrap();
    }
    let path = |name: &str| AbsPath::new(dir.path().join(name)).unwrap();
    let setup = Setup {
        robot: Robot::Program(path("arm")),
        bays: vec![Bay {
            number: 0,
            device: path("drive"),
        }],
        slots: None,
        reject_slot: Some(9),
        copies: std::num::NonZeroU32::MIN,
    };
    let drives = |device: &AbsPath| -> Box<dyn Drive> {
        Box::new(FileDrive::new(device.clone(), MediaKind::DvdPlusR, None))
    };
    let tally = Tally::default();
    let around = Surroundings {
        runner: &Arm(dir.path().to_owned()),
        drives: &drives,
        clock: &SystemClock,
        monitor: &tally,
        today: "2026-11-23".parse().unwrap(),
        ids: None,
    };
    let library = Library::open(&setup, around, dir.path(), "a test").unwrap();
    let mut turns = verdicts.iter().enumerate();
    let ended = write(&library, 1, Want::Any, &mut |_, fresh| {
        assert_eq!(fresh, Fresh::Blank);
        let (number, verdict) = turns.next().unwrap();
        match *verdict {
            "done" => Verdict::Done(number),
            "part" => Verdict::Part(number),
            "full" => Verdict::Full,
            "foreign" => Verdict::Foreign,
            "bad" => Verdict::Bad("scratched".to_owned()),
            _ => Verdict::Stop("stopped".to_owned()),
        }
    });
    assert!(turns.next().is_none() && !dir.path().join("drive").exists());
    let mut discs = library.contents().discs;
    discs.sort_by_key(|disc| disc.slot);
    let words: Vec<String> = discs
        .iter()
        .map(|disc| format!("{} {}", disc.slot.unwrap(), disc.state.word()))
        .collect();
    let ended = ended.map_err(|trouble| match trouble {
        Trouble::Work(text) => text,
        Trouble::Changer(error) => error.to_string(),
    });
    (words.join(", "), ended)
}

#[test]
fn the_next_disc_depends_on_what_became_of_the_one_before() {
    for (verdicts, discs, done) in [
        (&["done"][..], "1 blank, 2 unknown, 3 unknown", &[0][..]),
        (&["part", "done"], "1 full, 2 blank, 3 unknown", &[0, 1]),
        (
            &["part", "part", "done"],
            "1 full, 2 full, 3 blank",
            &[0, 1, 2],
        ),
        (&["full", "done"], "1 full, 2 blank, 3 unknown", &[1]),
        (&["foreign", "done"], "1 foreign, 2 blank, 3 unknown", &[1]),
        (&["bad", "done"], "2 blank, 3 unknown, 9 bad", &[1]),
        // The reject slot is full then.
        (&["bad", "bad", "done"], "2 bad, 3 blank, 9 bad", &[2]),
    ] {
        assert_eq!(
            after(verdicts),
            (discs.to_owned(), Ok(done.to_vec())),
            "{verdicts:?}"
        );
    }
    for (verdicts, says) in [
        (&["stop"][..], "stopped"),
        (&["part", "part", "part"], "no blank disc is left"),
        (&["bad", "bad", "bad"], "3 discs failed one after the other"),
    ] {
        let (_, ended) = after(verdicts);
        assert!(
            ended.as_ref().unwrap_err().contains(says),
            "{verdicts:?}: {ended:?}"
        );
    }
}
