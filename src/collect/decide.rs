//! Whether a source is collected today, and how much of it. Pure.

use super::Mode;
use crate::units::{Day, Weekday};

/// Whether everything is wanted, whatever day it is (`--full`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Full {
    /// As the modes say.
    #[default]
    No,
    /// Everything.
    Yes,
}

/// What is known about the last collection that was staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Its day.
    pub day: Day,
    /// The day of the full collection on which it builds; its own, if it is one.
    pub full: Day,
}

/// What to do with a source today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Collect everything.
    Full,
    /// Collect what differs from the last collection that was staged.
    Incremental,
    /// Nothing.
    NotToday,
}

/// Decides. A week's start that was missed is made up: what counts is whether the last collection that
/// was staged is older than the latest starting day, not whether that day is today. A collection from
/// the future (the clock was wrong) counts as none.
pub fn decide(mode: Mode, last: Option<Last>, today: Day, start: Weekday, full: Full) -> Decision {
    let week = today.latest(start);
    let last = last.filter(|last| last.day <= today);
    match (mode, last) {
        _ if full == Full::Yes => Decision::Full,
        (Mode::Daily, _) | (_, None) => Decision::Full,
        (Mode::Weekly, Some(last)) if last.day < week => Decision::Full,
        (Mode::Weekly, Some(_)) => Decision::NotToday,
        (Mode::Incr, Some(last)) if last.full < week => Decision::Full,
        (Mode::Incr, Some(_)) => Decision::Incremental,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_week_that_was_missed_is_made_up() {
        use Decision::{Full as Whole, Incremental, NotToday};
        let day = |text: &str| text.parse::<Day>().unwrap();
        // 2026-11-16 is a Monday, the starting day.
        for (mode, last, full, today, expected) in [
            (Mode::Daily, "2026-11-17", "2026-11-17", "2026-11-18", Whole),
            (Mode::Weekly, "", "", "2026-11-18", Whole),
            (
                Mode::Weekly,
                "2026-11-16",
                "2026-11-16",
                "2026-11-16",
                NotToday,
            ),
            (
                Mode::Weekly,
                "2026-11-16",
                "2026-11-16",
                "2026-11-22",
                NotToday,
            ),
            (
                Mode::Weekly,
                "2026-11-15",
                "2026-11-15",
                "2026-11-16",
                Whole,
            ),
            (
                Mode::Weekly,
                "2026-11-15",
                "2026-11-15",
                "2026-11-18",
                Whole,
            ),
            (
                Mode::Weekly,
                "2026-11-25",
                "2026-11-25",
                "2026-11-18",
                Whole,
            ),
            (Mode::Incr, "", "", "2026-11-18", Whole),
            (
                Mode::Incr,
                "2026-11-16",
                "2026-11-16",
                "2026-11-16",
                Incremental,
            ),
            (
                Mode::Incr,
                "2026-11-17",
                "2026-11-16",
                "2026-11-18",
                Incremental,
            ),
            (Mode::Incr, "2026-11-15", "2026-11-10", "2026-11-16", Whole),
            (Mode::Incr, "2026-11-17", "2026-11-14", "2026-11-18", Whole),
            (Mode::Incr, "2026-11-25", "2026-11-25", "2026-11-18", Whole),
        ] {
            let last = (!last.is_empty()).then(|| Last {
                day: day(last),
                full: day(full),
            });
            let decided = decide(mode, last, day(today), Weekday::Mon, Full::No);
            assert_eq!(decided, expected, "{mode:?} {last:?} {today}");
            let forced = decide(mode, last, day(today), Weekday::Mon, Full::Yes);
            assert_eq!(forced, Whole);
        }
    }
}
