//! A changer for tests: a little program that moves discs, which are files, between slots and drives, which are
//! directories.
//!
//! Hides the program, its faults, and where a disc is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::tree;

/// A machine with one of everything to back up.
pub fn machine() -> Machine {
    let machine = Machine::new();
    tree::one_of_everything(&machine.path("source"));
    machine
}

/// A changer on a machine.
pub struct Jukebox<'m> {
    machine: &'m Machine,
}

/// The robot. `fault` holds the words of a call and what goes wrong with it: `fail`, `lie` (it says that all went well),
/// `die` (it moves the disc and kills the program that called it), `other N` (it takes the disc of slot N), `spoil` (the
/// disc cannot be written).
const ROBOT: &str = r#"#!/bin/sh
set -eu
cd "${0%/*}"
echo "$*" >>calls
fail() { echo "robot: $*" >&2; exit 1; }
fault=
if [ -e fault ] && [ "$(sed -n 1p fault)" = "$*" ]; then
    fault=$(sed -n 2p fault); rm fault
fi
case $fault in
fail) fail "the arm is stuck" ;;
lie) exit 0 ;;
esac
full() {
    case ${2%.iso} in disc) echo "$1 full$3" ;; *) echo "$1 full barcode=${2%.iso}$3" ;; esac
}
case $1 in
status)
    for slot in slots/*; do
        disc=$(ls "$slot")
        if [ -n "$disc" ]; then full "slot ${slot#*/}" "$disc" ""; else echo "slot ${slot#*/} empty"; fi
    done
    for drive in drives/*; do
        if [ -e "$drive/disc.iso" ]; then
            full "drive ${drive#*/}" "$(cat "$drive/name")" " from=$(cat "$drive/from")"
        else echo "drive ${drive#*/} empty"; fi
    done ;;
load)
    from=$2
    case $fault in other*) from=${fault#other } ;; esac
    disc=$(ls "slots/$from")
    [ -n "$disc" ] || fail "slot $2 is empty"
    [ ! -e "drives/$3/disc.iso" ] || fail "drive $3 is full"
    echo "$from" >"drives/$3/from"
    echo "$disc" >"drives/$3/name"
    mv "slots/$from/$disc" "drives/$3/disc.iso" ;;
unload)
    [ -e "drives/$3/disc.iso" ] || fail "drive $3 is empty"
    [ -z "$(ls "slots/$2")" ] || fail "slot $2 is full"
    rm -rf "drives/$3/.disc.iso.partial"
    mv "drives/$3/disc.iso" "slots/$2/$(cat "drives/$3/name")" ;;
*) fail "unknown word $1" ;;
esac
case $fault in
die) kill -9 $PPID ;;
spoil) mkdir "drives/$3/.disc.iso.partial" ;;
esac
"#;

impl<'m> Jukebox<'m> {
    /// A changer with so many slots and drives, all empty, which `machine` stores with; `more` is added to its element.
    pub fn new(machine: &'m Machine, slots: u32, drives: u32, more: &str) -> Self {
        let jukebox = Self { machine };
        for slot in 1..=slots {
            fs::create_dir_all(jukebox.slot(slot)).unwrap();
        }
        for drive in 0..drives {
            fs::create_dir_all(jukebox.path(&format!("drives/{drive}"))).unwrap();
        }
        let program = jukebox.path("robot");
        tree::program(&program, ROBOT);
        jukebox.configure(drives, more);
        jukebox
    }

    /// Configures it.
    pub fn configure(&self, drives: u32, more: &str) {
        let bay = |drive: u32| {
            let device = self.drive(drive);
            let device = device.display();
            format!("<drive><number>{drive}</number><device>{device}</device></drive>")
        };
        let bays = (0..drives).map(bay).collect::<Vec<_>>().concat();
        let changer = format!(
            "<changer><program>{}</program>{bays}{more}</changer></store>",
            self.path("robot").display()
        );
        self.machine.configure(|text| {
            text.replace(
                self.machine.disc().to_str().unwrap(),
                self.drive(0).to_str().unwrap(),
            )
            .replace("</store>", &changer)
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.path("changer").join(name)
    }

    /// The directory that is that slot.
    pub fn slot(&self, slot: u32) -> PathBuf {
        self.path(&format!("slots/{slot}"))
    }

    /// Where the disc is that is in that drive.
    pub fn drive(&self, drive: u32) -> PathBuf {
        self.path(&format!("drives/{drive}/disc.iso"))
    }

    /// Puts a disc with that barcode into the slot; `disc` is none.
    pub fn put(&self, slot: u32, barcode: &str, bytes: impl AsRef<[u8]>) {
        tree::file(self.slot(slot).join(format!("{barcode}.iso")), bytes);
    }

    /// Puts a blank disc without a barcode into each of the slots.
    pub fn blanks(&self, slots: impl IntoIterator<Item = u32>) {
        for slot in slots {
            self.put(slot, "disc", "");
        }
    }

    /// The disc in the slot, if there is one.
    pub fn disc(&self, slot: u32) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.slot(slot)).unwrap();
        entries.next().map(|entry| entry.unwrap().path())
    }

    /// Bytes of the disc in the slot.
    pub fn length(&self, slot: u32) -> u64 {
        self.disc(slot).unwrap().metadata().unwrap().len()
    }

    /// Takes the disc out of the slot.
    pub fn take(&self, slot: u32) {
        fs::remove_file(self.disc(slot).unwrap()).unwrap();
    }

    /// The next call with those words goes wrong in that way.
    pub fn fault(&self, words: &str, how: &str) {
        tree::file(self.path("fault"), format!("{words}\n{how}\n"));
    }

    /// What the robot was asked since the last time, without `status`.
    pub fn moves(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        fs::write(self.path("calls"), "").unwrap();
        let moves = calls.lines().filter(|line| *line != "status");
        moves.map(str::to_owned).collect()
    }

    /// Whether every drive is empty.
    pub fn is_at_rest(&self) -> bool {
        let drives = fs::read_dir(self.path("drives")).unwrap();
        drives
            .flatten()
            .all(|drive| !drive.path().join("disc.iso").exists())
    }

    /// `--from DISC` for the disc of every slot that has one, but the blank ones.
    pub fn every_disc(&self) -> Vec<std::ffi::OsString> {
        let mut all = Vec::new();
        for entry in walkdir::WalkDir::new(self.path("slots")).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() && entry.metadata().unwrap().len() > 0 {
                all.extend(["--from".into(), entry.into_path().into_os_string()]);
            }
        }
        all
    }

    /// Restores the state of `day` from the discs in the slots alone, and compares it with `kept`.
    pub fn comes_back(&self, day: &str, kept: &Path) {
        let into = self.machine.path("back");
        let call = self.machine.cback(&format!("restore --as-of {day}"));
        let call = call.unconfigured().args(self.every_disc());
        call.arg("--into").arg(&into).run().well();
        tree::assert_same(kept, &self.machine.restored("back"));
        fs::remove_dir_all(into).unwrap();
    }
}
