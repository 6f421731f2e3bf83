//! What `cback changer` prints.

use std::fmt;

use serde::Serialize;

use super::Moves;
use crate::changer::{Contents, Entry, Place, Port, Setup};
use crate::event::{printable, printable_path};

/// A disc.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownDisc {
    slot: Option<u32>,
    barcode: Option<String>,
    pub state: &'static str,
    label: Option<String>,
    copy: Option<u32>,
    pub free: Option<u64>,
    written: Option<String>,
    seen: Option<String>,
    why: Option<String>,
}

/// A drive.
#[derive(Debug, Serialize)]
struct ShownDrive {
    number: u32,
    /// None if it is not one of ours.
    device: Option<String>,
    disc: Option<ShownDisc>,
}

/// A slot.
#[derive(Debug, Serialize)]
struct ShownSlot {
    number: u32,
    /// `inside` or `export`.
    port: &'static str,
    /// Whether its discs are used.
    ours: bool,
    full: bool,
    /// None if it is empty, or not one of ours.
    disc: Option<ShownDisc>,
}

/// A changer.
#[derive(Debug, Serialize)]
pub(super) struct ShownChanger {
    drives: Vec<ShownDrive>,
    slots: Vec<ShownSlot>,
    /// Discs that are remembered and not in the changer.
    out: Vec<ShownDisc>,
}

impl ShownDisc {
    fn new(entry: &Entry) -> Self {
        Self {
            slot: entry.slot,
            barcode: entry.barcode.as_deref().map(printable),
            state: entry.state.word(),
            label: entry.label.clone(),
            copy: entry.copy,
            free: entry.free,
            written: entry.written.map(|day| day.to_string()),
            seen: entry.seen.map(|day| day.to_string()),
            why: entry.why.clone(),
        }
    }
}

impl fmt::Display for ShownDisc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8}", self.state)?;
        if let Some(code) = &self.barcode {
            write!(f, " [{code}]")?;
        }
        if let Some(label) = &self.label {
            write!(f, " {label}")?;
        }
        if let Some(copy) = self.copy.filter(|&copy| copy > 1) {
            write!(f, " (copy {copy})")?;
        }
        f.write_str(&self.and_free())?;
        if let Some(why) = self.why.as_ref().filter(|_| self.state == "bad") {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl ShownChanger {
    pub(super) fn new(setup: &Setup, contents: &Contents) -> Self {
        let at = |place: Place, slot: Option<u32>| {
            let mut discs = contents.discs.iter();
            let found =
                discs.find(|disc| disc.place == place && (slot.is_none() || disc.slot == slot));
            found.map(ShownDisc::new)
        };
        let drives = contents.status.drives.keys().map(|&number| ShownDrive {
            number,
            device: setup.bay(number).map(|bay| printable_path(&bay.device)),
            disc: at(Place::Drive(number), None),
        });
        let slots = contents
            .status
            .slots
            .iter()
            .map(|(&number, slot)| ShownSlot {
                number,
                port: match slot.port {
                    Port::Inside => "inside",
                    Port::ImportExport => "export",
                },
                ours: setup.has(number, slot),
                full: slot.held.is_some(),
                disc: at(Place::Slot, Some(number)),
            });
        let out = contents.discs.iter().filter(|disc| !disc.is_here());
        Self {
            drives: drives.collect(),
            slots: slots.collect(),
            out: out.map(ShownDisc::new).collect(),
        }
    }
}

impl fmt::Display for ShownChanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for drive in &self.drives {
            let device = drive.device.as_deref().unwrap_or("(not configured)");
            write!(f, "drive {:<3} {device}  ", drive.number)?;
            match &drive.disc {
                Some(disc) => {
                    if let Some(slot) = disc.slot {
                        write!(f, "from slot {slot}: ")?;
                    }
                    writeln!(f, "{disc}")?;
                }
                None => writeln!(f, "empty")?,
            }
        }
        for (at, slot) in self.slots.iter().enumerate() {
            let end = if at == 0 { "\n" } else { "" };
            write!(f, "{end}slot {:<4} ", slot.number)?;
            match &slot.disc {
                Some(disc) => write!(f, "{disc}")?,
                None if slot.full => f.write_str("not one of ours")?,
                None => f.write_str("empty")?,
            }
            let port = if slot.port == "export" {
                " (import and export)"
            } else {
                ""
            };
            writeln!(f, "{port}")?;
        }
        if !self.out.is_empty() {
            writeln!(f, "\nnot in the changer:")?;
        }
        for disc in &self.out {
            write!(f, "    {disc}")?;
            match disc.slot {
                Some(slot) => writeln!(f, ", last in slot {slot}")?,
                None => writeln!(f)?,
            }
        }
        write!(
            f,
            "\n{} drives, {} slots",
            self.drives.len(),
            self.slots.len()
        )
    }
}

/// A disc that was carried, or would be.
#[derive(Debug, Serialize)]
pub(super) struct Carried {
    /// `load` or `unload`.
    word: &'static str,
    /// Whether it was done; else it would be.
    done: bool,
    /// None: one that is empty.
    drive: Option<u32>,
    disc: ShownDisc,
}

impl Carried {
    pub(super) fn new(word: &'static str, disc: &Entry, drive: Option<u32>, moves: Moves) -> Self {
        Self {
            word,
            done: moves == Moves::Yes,
            drive,
            disc: ShownDisc::new(disc),
        }
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = match self.disc.slot {
            Some(slot) => format!("slot {slot}"),
            None => "a slot that is empty".to_owned(),
        };
        let drive = match self.drive {
            Some(drive) => format!("drive {drive}"),
            None => "a drive that is empty".to_owned(),
        };
        let (from, to) = match self.word {
            "load" => (slot, drive),
            _ => (drive, slot),
        };
        let would = if self.done { "" } else { "would be carried " };
        write!(f, "{would}from {from} to {to}: {}", self.disc)
    }
}

/// Discs that were looked at, or would be.
#[derive(Debug, Serialize)]
pub(super) struct Scanned {
    /// Whether it was done; else it would be.
    done: bool,
    discs: Vec<ShownDisc>,
}

impl Scanned {
    pub(super) fn new<'e>(discs: impl Iterator<Item = &'e Entry>, moves: Moves) -> Self {
        Self {
            done: moves == Moves::Yes,
            discs: discs.map(ShownDisc::new).collect(),
        }
    }
}

impl fmt::Display for Scanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for disc in &self.discs {
            match disc.slot {
                Some(slot) => writeln!(f, "slot {slot:<4} {disc}")?,
                None => writeln!(f, "somewhere {disc}")?,
            }
        }
        match (self.discs.len(), self.done) {
            (0, _) => f.write_str("every disc is known already"),
            (count, true) => write!(f, "{count} discs were looked at"),
            (count, false) => write!(f, "{count} discs would be looked at"),
        }
    }
}
