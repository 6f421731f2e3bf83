//! The changer's word and the inventory's, made one. Pure.
//!
//! A barcode names a disc wherever it is. Without one, a disc is taken to be the one that was remembered in that slot;
//! before anything is written on it, it is read and has to be that one. A disc in a drive came from the slot that the
//! changer names, or is the one that was carried there last, or the only one that is missing from its slot; its barcode may
//! be told only while it is in its slot.

use std::collections::BTreeSet;

use super::inventory::{Entry, Inventory, Place};
use super::status::{Held, Status};

/// Puts every disc of `inventory` where `status` sees it; new ones are unknown, those that are gone are out. Only slots
/// that `is_ours` are looked at; drives always are.
pub(super) fn reconcile(inventory: &mut Inventory, status: &Status, is_ours: &dyn Fn(u32) -> bool) {
    let before = inventory.discs.clone();
    let mut placed = BTreeSet::new();
    for disc in &mut inventory.discs {
        disc.place = Place::Out;
    }
    for (&drive, held) in &status.drives {
        let Some(held) = held else { continue };
        let found = in_drive(&before, status, drive, held, &placed);
        let at = found.unwrap_or_else(|| {
            inventory
                .discs
                .push(Entry::unknown(held.from, Place::Out, None));
            inventory.discs.len() - 1
        });
        placed.insert(at);
        let disc = &mut inventory.discs[at];
        disc.place = Place::Drive(drive);
        disc.slot = held.from.or(disc.slot);
        disc.barcode = held.barcode.clone().or(disc.barcode.take());
    }
    for (&number, slot) in &status.slots {
        let Some(held) = &slot.held else { continue };
        if !is_ours(number) {
            continue;
        }
        let nameless = |disc: &Entry| {
            disc.barcode.is_none() && disc.slot == Some(number) && disc.place != Place::Out
        };
        let found = named(&before, &placed, held).or_else(|| position(&before, &placed, nameless));
        let at = found.unwrap_or_else(|| {
            inventory
                .discs
                .push(Entry::unknown(Some(number), Place::Slot, None));
            inventory.discs.len() - 1
        });
        placed.insert(at);
        let disc = &mut inventory.discs[at];
        disc.place = Place::Slot;
        disc.slot = Some(number);
        disc.barcode = held.barcode.clone().or(disc.barcode.take());
    }
}

/// Which disc it is that `drive` holds.
fn in_drive(
    before: &[Entry],
    status: &Status,
    drive: u32,
    held: &Held,
    placed: &BTreeSet<usize>,
) -> Option<usize> {
    if let Some(known) = named(before, placed, held) {
        return Some(known);
    }
    let everywhere = status.slots.values().filter_map(|slot| slot.held.as_ref());
    let everywhere = everywhere.chain(status.drives.values().flatten());
    let codes: BTreeSet<&String> = everywhere
        .filter_map(|held| held.barcode.as_ref())
        .collect();
    // Not every changer tells the barcodes of discs in drives.
    let may_be = |disc: &Entry| match (&disc.barcode, &held.barcode) {
        (None, _) => disc.place != Place::Out,
        (Some(code), None) => disc.place != Place::Out && !codes.contains(code),
        (Some(_), Some(_)) => false,
    };
    if let Some(from) = held.from {
        return position(before, placed, |disc| {
            may_be(disc) && disc.slot == Some(from)
        });
    }
    let was_there = position(before, placed, |disc| {
        may_be(disc) && disc.place == Place::Drive(drive)
    });
    let is_missing = |disc: &Entry| {
        let slot = disc.slot.and_then(|slot| status.slots.get(&slot));
        may_be(disc) && slot.is_some_and(|slot| slot.held.is_none())
    };
    let mut missing =
        (0..before.len()).filter(|at| !placed.contains(at) && is_missing(&before[*at]));
    was_there.or(match (missing.next(), missing.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    })
}

/// The one that has the barcode.
fn named(discs: &[Entry], placed: &BTreeSet<usize>, held: &Held) -> Option<usize> {
    let code = held.barcode.as_ref()?;
    position(discs, placed, |disc| disc.barcode.as_ref() == Some(code))
}

fn position(
    discs: &[Entry],
    placed: &BTreeSet<usize>,
    is: impl Fn(&Entry) -> bool,
) -> Option<usize> {
    (0..discs.len()).find(|at| !placed.contains(at) && is(&discs[*at]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::changer::inventory::State;
    use crate::changer::program;

    /// `slot/place/barcode/label`, `-` for nothing; places are `s`, `o`, or the drive's number.
    fn entry(text: &str) -> Entry {
        let cells: Vec<&str> = text.split('/').collect();
        let some = |text: &str| (text != "-").then(|| text.to_owned());
        let place = match cells[1] {
            "s" => Place::Slot,
            "o" => Place::Out,
            drive => Place::Drive(drive.parse().unwrap()),
        };
        let label = some(cells[3]);
        Entry {
            state: label.as_ref().map_or(State::Unknown, |_| State::InUse),
            label,
            ..Entry::unknown(
                some(cells[0]).map(|slot| slot.parse().unwrap()),
                place,
                some(cells[2]),
            )
        }
    }

    fn shown(inventory: &Inventory) -> String {
        let all = inventory.discs.iter().map(|disc| {
            let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let place = match disc.place {
                Place::Slot => "s".to_owned(),
                Place::Out => "o".to_owned(),
                Place::Drive(drive) => drive.to_string(),
            };
            let slot = dash(disc.slot.map(|slot| slot.to_string()));
            format!(
                "{slot}/{place}/{}/{}",
                dash(disc.barcode.clone()),
                dash(disc.label.clone())
            )
        });
        all.collect::<Vec<_>>().join(" ")
    }

    /// What is remembered; what the changer says, `;` for a new line; what is right then.
    const TABLE: &str = "
        : slot 1 full;slot 2 empty;drive 0 empty : 1/s/-/-
        1/s/-/X : slot 1 full;drive 0 empty : 1/s/-/X
        1/s/-/X : slot 1 empty;drive 0 empty : 1/o/-/X
        1/s/-/X : slot 1 empty;slot 2 full;drive 0 empty : 1/o/-/X 2/s/-/-
        1/s/A/X : slot 1 empty;slot 2 full barcode=A;drive 0 empty : 2/s/A/X
        1/s/A/X 2/s/B/Y : slot 1 full barcode=B;slot 2 full barcode=A;drive 0 empty : 2/s/A/X 1/s/B/Y
        1/s/A/X : slot 1 full barcode=C;drive 0 empty : 1/o/A/X 1/s/C/-
        1/s/-/X : slot 1 full barcode=A;drive 0 empty : 1/s/A/X
        1/s/A/X : slot 1 full;drive 0 empty : 1/o/A/X 1/s/-/-
        1/o/A/X : slot 5 full barcode=A;drive 0 empty : 5/s/A/X
        1/o/-/X : slot 1 full;drive 0 empty : 1/o/-/X 1/s/-/-
        1/s/-/X : slot 1 empty;drive 0 full from=1 : 1/0/-/X
        1/s/-/X : slot 1 empty;drive 0 full : 1/0/-/X
        1/s/-/X 2/s/-/Y : slot 1 empty;slot 2 full;drive 0 full : 1/0/-/X 2/s/-/Y
        1/s/-/X 2/s/-/Y : slot 1 empty;slot 2 empty;drive 0 full : 1/o/-/X 2/o/-/Y -/0/-/-
        1/0/-/X 2/s/-/Y : slot 1 empty;slot 2 empty;drive 0 full : 1/0/-/X 2/o/-/Y
        1/1/-/X 2/0/-/Y : slot 1 empty;slot 2 empty;drive 0 full;drive 1 full : 1/1/-/X 2/0/-/Y
        1/0/-/X : slot 1 full;drive 0 full from=1 : 1/0/-/X 1/s/-/-
        1/s/A/X : slot 1 empty;drive 1 full barcode=A : 1/1/A/X
        1/s/A/X : slot 1 empty;drive 1 full from=1 barcode=B : 1/o/A/X 1/1/B/-
        1/0/-/X : slot 1 full;drive 0 empty : 1/s/-/X
        1/s/-/X : slot 1 full;slot 90 full;drive 0 empty : 1/s/-/X
        1/s/-/X 2/s/A/Y : slot 1 full barcode=A;slot 2 empty;drive 0 empty : 1/o/-/X 1/s/A/Y
        1/s/A/X : slot 1 empty;drive 0 full from=1 : 1/0/A/X
        1/s/A/X 2/s/B/Y : slot 1 empty;slot 2 full barcode=B;drive 0 full : 1/0/A/X 2/s/B/Y
        1/0/A/X 2/s/B/Y : slot 1 full barcode=A;slot 2 empty;drive 0 full : 1/s/A/X 2/0/B/Y
        1/s/A/X : slot 1 full barcode=A;drive 0 full from=1 : 1/s/A/X 1/0/-/-
        1/o/A/X : slot 1 empty;drive 0 full from=1 : 1/o/A/X 1/0/-/-";

    #[test]
    fn discs_are_found_again_by_the_rules_of_the_table() {
        for row in TABLE.lines().skip(1) {
            let cells: Vec<&str> = row.split(" : ").map(str::trim).collect();
            let cells = match cells[..] {
                [status, right] => ["", status.trim_start_matches(':').trim(), right],
                [before, status, right] => [before, status, right],
                _ => panic!("{row}"),
            };
            let mut inventory = Inventory {
                discs: cells[0].split_whitespace().map(entry).collect(),
            };
            let status = cells[1].replace(';', "\n");
            let status = if status.contains("slot") {
                status
            } else {
                panic!("{row}")
            };
            let status = program::parse(&status).unwrap();
            reconcile(&mut inventory, &status, &|slot| slot < 90);
            assert_eq!(shown(&inventory), cells[2], "{row}");
            let once = inventory.clone();
            reconcile(&mut inventory, &status, &|slot| slot < 90);
            assert_eq!(once, inventory, "twice is once: {row}");
        }
    }
}
