//! Which disc is next. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Setup;
use super::inventory::{Entry, Place, State};

/// What kind of disc is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The one that is in use. Where none is known, every unknown disc is looked at before a blank one is begun.
    Current,
    /// The one that is in use; where none is known, a blank one.
    Any,
    /// A blank one.
    Blank,
}

/// A disc, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    Take(usize),
    /// It has to be looked at before anything can be said.
    Look(usize),
    /// There is none.
    Nothing,
}

/// The next disc for the copy of that number; never one of those that are `taken`.
pub(super) fn pick(discs: &[Entry], want: Want, copy: u32, taken: &BTreeSet<usize>) -> Pick {
    let free = |state: State| {
        let fits = move |disc: &Entry| disc.is_here() && disc.state == state;
        (0..discs.len()).filter(move |at| !taken.contains(at) && fits(&discs[*at]))
    };
    // What is in a drive need not be carried; else the lowest slot, as people count.
    let turn = |at: &usize| {
        let disc = &discs[*at];
        (
            !matches!(disc.place, Place::Drive(_)),
            disc.slot.unwrap_or(u32::MAX),
        )
    };
    let current = free(State::InUse)
        .filter(|&at| discs[at].copy == Some(copy))
        .max_by_key(|&at| (discs[at].written, Reverse(discs[at].slot)));
    let blank = free(State::Blank).min_by_key(turn);
    let unknown = free(State::Unknown).min_by_key(turn);
    let order = match want {
        Want::Current => [
            current.map(Pick::Take),
            unknown.map(Pick::Look),
            blank.map(Pick::Take),
        ],
        Want::Any => [
            current.map(Pick::Take),
            blank.map(Pick::Take),
            unknown.map(Pick::Look),
        ],
        Want::Blank => [None, blank.map(Pick::Take), unknown.map(Pick::Look)],
    };
    order.into_iter().flatten().next().unwrap_or(Pick::Nothing)
}

/// The disc that would be picked first for the first copy, if nothing were in use.
pub fn pick_for(discs: &[Entry], want: Want, setup: &Setup) -> Pick {
    let mut discs = discs.to_vec();
    let unknown = |disc: &Entry| setup.reaches(disc) && disc.state == State::Unknown;
    if want != Want::Current || !discs.iter().any(unknown) {
        settle(&mut discs, setup.copies.get());
    }
    let taken = out_of_reach(&discs, setup).collect();
    pick(&discs, want, 1, &taken)
}

/// Those that cannot be had.
pub(super) fn out_of_reach<'a>(
    discs: &'a [Entry],
    setup: &'a Setup,
) -> impl Iterator<Item = usize> + 'a {
    (0..discs.len()).filter(|&at| !setup.reaches(&discs[at]))
}

/// Of the discs in use, one for each of `copies` stays so, the newest ones; the others count as full.
pub(super) fn settle(discs: &mut [Entry], copies: u32) {
    let mut order: Vec<usize> = (0..discs.len())
        .filter(|&at| discs[at].state == State::InUse)
        .collect();
    order.sort_by_key(|&at| {
        let disc = &discs[at];
        (Reverse(disc.written), !disc.is_here(), disc.slot)
    });
    let mut filled = BTreeSet::new();
    for &at in &order {
        // The newest of each copy that is remembered.
        let copy = discs[at].copy.filter(|&copy| (1..=copies).contains(&copy));
        discs[at].copy = copy.filter(|&copy| filled.insert(copy));
    }
    let mut open: Vec<u32> = (1..=copies)
        .filter(|copy| !filled.contains(copy))
        .rev()
        .collect();
    // A disc that is newer than those of every copy was written with them, or after them.
    for at in order {
        if discs[at].copy.is_none() {
            match open.pop() {
                Some(copy) => discs[at].copy = Some(copy),
                None => discs[at].state = State::Full,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `slot:state:day of the month:copy:place`.
    fn discs(text: &str) -> Vec<Entry> {
        text.split_whitespace()
            .map(|word| {
                let cells: Vec<&str> = word.split(':').collect();
                let state = match cells[1] {
                    "?" => State::Unknown,
                    "blank" => State::Blank,
                    "use" => State::InUse,
                    "full" => State::Full,
                    "bad" => State::Bad,
                    _ => State::Foreign,
                };
                let number = |at: usize| cells.get(at).and_then(|cell| cell.parse::<u32>().ok());
                let place = match cells.get(4) {
                    Some(&"out") => Place::Out,
                    Some(drive) => Place::Drive(drive.parse().unwrap()),
                    None => Place::Slot,
                };
                Entry {
                    state,
                    written: number(2).map(|day| format!("2026-11-{day:02}").parse().unwrap()),
                    copy: number(3),
                    ..Entry::unknown(number(0), place, None)
                }
            })
            .collect()
    }

    /// Discs, what is wanted for which copy, what is picked: the index, with `?` if it has to be looked at first.
    const TABLE: &str = "
        1:blank 2:use:10:1 | current 1 | 1
        1:blank 2:use:10:1 | any 1     | 1
        1:blank 2:use:10:1 | blank 1   | 0
        1:use:09:1 2:use:10:1 | current 1 | 1
        1:use:10:1 2:use:10:1 | current 1 | 0
        1:use:09:1 2:use:10:2 | current 1 | 0
        1:use:09:1 2:use:10:2 | current 2 | 1
        1:use:09:1:out 2:blank | current 1 | 1
        1:blank 2:?        | current 1 | 1?
        1:blank 2:?        | any 1     | 0
        1:? 2:blank        | blank 1   | 1
        1:? 2:?            | blank 1   | 0?
        1:? 2:?:-:-:0      | blank 1   | 1?
        1:blank 2:blank:-:-:1 | blank 1 | 1
        3:blank 2:blank    | blank 1   | 1
        1:full 2:bad 3:foreign | current 1 | -
        1:full 2:use:10:1  | blank 1   | -
        1:use:10 2:blank   | current 1 | 1
        | any 1 | -";

    #[test]
    fn the_next_disc_is_picked_by_the_rules_of_the_table() {
        for row in TABLE.lines().skip(1) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let (want, copy) = cells[1].split_once(' ').unwrap();
            let want = match want {
                "current" => Want::Current,
                "any" => Want::Any,
                _ => Want::Blank,
            };
            let picked = pick(
                &discs(cells[0]),
                want,
                copy.trim().parse().unwrap(),
                &BTreeSet::new(),
            );
            let shown = match picked {
                Pick::Take(at) => at.to_string(),
                Pick::Look(at) => format!("{at}?"),
                Pick::Nothing => "-".to_owned(),
            };
            assert_eq!(shown, cells[2], "{row}");
        }
    }

    #[test]
    fn what_is_taken_is_not_picked_again() {
        let all = discs("1:blank 2:blank 3:?");
        let mut taken = BTreeSet::new();
        for expected in [Pick::Take(0), Pick::Take(1), Pick::Look(2), Pick::Nothing] {
            let picked = pick(&all, Want::Any, 1, &taken);
            assert_eq!(picked, expected);
            if let Pick::Take(at) | Pick::Look(at) = picked {
                taken.insert(at);
            }
        }
    }

    #[test]
    fn one_disc_of_each_copy_stays_in_use() {
        for (before, copies, after) in [
            ("1:use:09 2:use:10", 1, "full use1"),
            ("1:use:09:1 2:use:10", 1, "use1 full"),
            ("1:use:10 2:use:10", 1, "use1 full"),
            ("1:use:10 2:use:10", 2, "use1 use2"),
            ("1:use:10:2 2:use:09", 2, "use2 use1"),
            ("1:use:10:1 2:use:11:1", 1, "full use1"),
            ("1:use:10:2 2:blank", 1, "use1 blank"),
            ("1:bad 2:full 3:foreign 4:?", 1, "bad full foreign unknown"),
        ] {
            let mut all = discs(before);
            settle(&mut all, copies);
            let shown: Vec<String> = all
                .iter()
                .map(|disc| match (disc.state, disc.copy) {
                    (State::InUse, Some(copy)) => format!("use{copy}"),
                    (state, _) => state.word().to_owned(),
                })
                .collect();
            assert_eq!(shown.join(" "), after, "{before}");
        }
    }
}
