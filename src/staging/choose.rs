//! Which days a run stores. Pure: decided on what is known, printed by a dry run.

use crate::units::Day;

/// How far a daily directory has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its day.
    pub day: Day,
    /// Its peers are in it.
    pub staged: bool,
    /// It is on a disc.
    pub stored: bool,
}

/// How much of the staging directory a run looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whatever was staged and is not stored.
    Pending,
    /// Today and nothing else, stored or not: a full backup begins a new disc.
    Full,
}

/// Why the latest of the chosen days was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It is the day of the run.
    Today,
    /// It is the day before or after: staging and storing lie on two sides of midnight.
    Midnight,
    /// Nothing of these days waits, but earlier days do: they were staged and never stored.
    CatchUp,
}

/// What to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The day that the session is named after.
    pub day: Day,
    /// Why.
    pub because: Because,
    /// Earlier days that were staged and never stored, ascending; they go into the same session.
    pub older: Vec<Day>,
}

/// There is nothing to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// A full run stores today, and today was not staged.
    #[error("{0} has not been staged, and a full run stores nothing else")]
    TodayNotStaged(Day),
    /// Every staged day is on a disc.
    #[error("no staged day waits to be stored, looking from {0}")]
    NothingWaits(Day),
}

impl Choice {
    /// Every day to store, ascending.
    pub fn days(&self) -> Vec<Day> {
        let mut days = self.older.clone();
        days.push(self.day);
        days
    }
}

/// Chooses what a run of `today` stores.
///
/// Cedar Backup's rule names the day: the first of today, yesterday and tomorrow that is staged and not
/// stored. Every earlier staged day that never got onto a disc joins it, so that a writer that was broken for a
/// week loses nothing. If only such earlier days wait, the latest of them names the session.
pub fn choose(today: Day, scope: Scope, known: &[State]) -> Result<Choice, ChooseError> {
    let waits = |state: &&State| state.staged && !state.stored;
    if scope == Scope::Full {
        let staged = known.iter().any(|state| state.day == today && state.staged);
        return if staged {
            Ok(Choice {
                day: today,
                because: Because::Today,
                older: Vec::new(),
            })
        } else {
            Err(ChooseError::TodayNotStaged(today))
        };
    }
    let mut waiting: Vec<Day> = known.iter().filter(waits).map(|state| state.day).collect();
    waiting.sort_unstable();
    let near = [
        (today, Because::Today),
        (today.pred(), Because::Midnight),
        (today.succ(), Because::Midnight),
    ];
    let (day, because) = near
        .into_iter()
        .find(|(day, _)| waiting.contains(day))
        .or_else(|| {
            let latest = waiting.iter().rev().find(|&&day| day < today);
            latest.map(|&day| (day, Because::CatchUp))
        })
        .ok_or(ChooseError::NothingWaits(today))?;
    waiting.retain(|&other| other < day);
    Ok(Choice {
        day,
        because,
        older: waiting,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `21s 20S 19-`: day of November 2026; staged, stored, neither.
    fn known(text: &str) -> Vec<State> {
        text.split_whitespace()
            .map(|word| {
                let (day, mark) = word.split_at(2);
                State {
                    day: Day::new(2026, 11, day.parse().unwrap()).unwrap(),
                    staged: mark != "-",
                    stored: mark == "S",
                }
            })
            .collect()
    }

    fn shown(scope: Scope, text: &str) -> String {
        let today = "2026-11-21".parse().unwrap();
        match choose(today, scope, &known(text)) {
            Ok(choice) => {
                let days: Vec<String> = choice
                    .days()
                    .iter()
                    .map(|day| day.ymd().2.to_string())
                    .collect();
                format!("{:?} {}", choice.because, days.join(" "))
            }
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn a_run_stores_what_was_staged_and_never_stored() {
        for (text, expected) in [
            ("21s", "Today 21"),
            ("20S 21s", "Today 21"),
            ("20s 21s", "Today 20 21"),
            ("03s 19s 20S 21s", "Today 3 19 21"),
            ("20s", "Midnight 20"),
            ("20s 21S", "Midnight 20"),
            ("20s 21- 22s", "Midnight 20"),
            ("22s", "Midnight 22"),
            ("18s 22s", "Midnight 18 22"),
            ("17s 18s 21S", "CatchUp 17 18"),
            ("18s 21-", "CatchUp 18"),
            ("21S", "NothingWaits(2026-11-21)"),
            ("21-", "NothingWaits(2026-11-21)"),
            ("23s", "NothingWaits(2026-11-21)"),
            ("", "NothingWaits(2026-11-21)"),
        ] {
            assert_eq!(shown(Scope::Pending, text), expected, "{text}");
        }
    }

    #[test]
    fn a_full_run_stores_today_whether_it_was_stored_or_not() {
        for (text, expected) in [
            ("20s 21s", "Today 21"),
            ("21S", "Today 21"),
            ("20s 21-", "TodayNotStaged(2026-11-21)"),
            ("20s 22s", "TodayNotStaged(2026-11-21)"),
        ] {
            assert_eq!(shown(Scope::Full, text), expected, "{text}");
        }
    }
}
