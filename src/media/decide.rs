//! New disc or another session: Cedar Backup's blanking rules, pure.
//!
//! | situation | new disc |
//! |---|---|
//! | the disc is blank | yes |
//! | a full backup was asked for | yes |
//! | no blanking behaviour | iff today is the starting day |
//! | mode daily; mode weekly on the starting day | iff `available / (1 + required) <= factor` |
//! | mode weekly on another day | no |
//!
//! One deviation: the start of the week does not begin a second new disc on the same day. A run that is
//! repeated, because it failed half way or because a late peer was staged, appends to the disc that
//! today's first run began instead of blanking it.

use super::Disc;
use crate::units::{Day, Weekday};

/// The unit in which blanking is considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlankMode {
    /// At every run.
    Daily,
    /// At the start of the week only.
    Weekly,
}

/// The configured blanking behaviour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blanking {
    /// When blanking is considered.
    pub mode: BlankMode,
    /// A new disc is begun if the room left is at most this many times what today needs. Not negative.
    pub factor: f64,
}

/// Whether the disc is begun anew because a person said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Only if the rules say so.
    ByRule,
    /// `--full`, or rebuild, or initialize.
    Full,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// Whether a person asked for a new disc.
    pub asked: Asked,
    /// The day of the run.
    pub today: Day,
    /// The day on which the backup week begins.
    pub starting_day: Weekday,
    /// The configured blanking behaviour.
    pub blanking: Option<Blanking>,
    /// Bytes that the disc still takes.
    pub available: u64,
    /// Bytes that the days to be stored need.
    pub required: u64,
}

/// What happens to the disc.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// Another session.
    Append,
    /// A new disc.
    New(Because),
}

/// Why a new disc is begun.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Because {
    /// The disc is blank.
    Blank,
    /// A person asked for it.
    Asked,
    /// The backup week begins today.
    WeekBegins,
    /// The room left is at most `factor` times what is needed.
    LittleRoom {
        /// Bytes left over 1 + bytes needed.
        ratio: f64,
        /// The configured factor.
        factor: f64,
    },
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blank => f.write_str("the disc is blank"),
            Self::Asked => f.write_str("it was asked for"),
            Self::WeekBegins => f.write_str("the backup week begins today"),
            Self::LittleRoom { ratio, factor } => write!(
                f,
                "the room left is {ratio:.2} times what is needed, and the blanking factor is {factor}"
            ),
        }
    }
}

/// Applies the rules of this module's table to `disc`.
pub fn decide(disc: &Disc, situation: &Situation) -> Decision {
    if disc.is_blank() {
        return Decision::New(Because::Blank);
    }
    if situation.asked == Asked::Full {
        return Decision::New(Because::Asked);
    }
    let week_begins = situation.today.weekday() == situation.starting_day
        && disc.begun() != Some(situation.today);
    match situation.blanking {
        None if week_begins => Decision::New(Because::WeekBegins),
        Some(Blanking { mode, factor }) if mode == BlankMode::Daily || week_begins => {
            let ratio = ratio(situation.available, situation.required);
            if ratio <= factor {
                Decision::New(Because::LittleRoom { ratio, factor })
            } else {
                Decision::Append
            }
        }
        _ => Decision::Append,
    }
}

/// The room left over what is needed, as Cedar Backup computes it.
#[allow(clippy::cast_precision_loss)] // a ratio of amounts far below 2^53
fn ratio(available: u64, required: u64) -> f64 {
    available as f64 / (1.0 + required as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::media::{Appendable, MediaKind, Renewal, Session, label};

    /// A disc that was begun on `day`, or a blank one.
    fn disc(day: Option<&str>) -> Disc {
        let sessions: Vec<Session> = day
            .map(|day| Session {
                start: 0,
                end: 100,
                label: label(day.parse().unwrap()).into_bytes(),
            })
            .into_iter()
            .collect();
        Disc {
            kind: MediaKind::DvdPlusRw,
            sessions,
            next_writable: 100,
            first_writable: 0,
            capacity: 2_295_104,
            appendable: Appendable::Open,
            renewal: Renewal::Blank,
            space_size: crate::iso9660::SpaceSize::End,
        }
    }

    /// Monday the 16th begins the week. Columns: day on which the disc was begun (`-`: blank), day of the run,
    /// full or by rule, mode and factor, bytes available, bytes required, expected.
    const TABLE: &str = "
        -   17 rule none       999 10 new
        -   17 rule weekly/0   999 10 new
        09  17 full none       999 10 new
        09  17 full weekly/0   999 10 new
        16  16 full none       999 10 new
        09  16 rule none       999 10 new
        09  17 rule none       999 10 append
        16  16 rule none       999 10 append
        09  17 rule daily/1     11 10 new
        09  17 rule daily/1     12 10 append
        16  16 rule daily/1     11 10 new
        09  16 rule weekly/1    11 10 new
        09  16 rule weekly/1    12 10 append
        09  17 rule weekly/1    11 10 append
        09  17 rule weekly/1     0 10 append
        16  16 rule weekly/1     0 10 append
        09  16 rule weekly/0     0 10 new
        09  16 rule weekly/0     1 10 append
        09  16 rule weekly/3.5   3  0 new";

    #[test]
    fn a_new_disc_is_begun_by_the_rules_of_the_table() {
        for row in TABLE.lines().skip(1) {
            let cells: Vec<&str> = row.split_whitespace().collect();
            let date = |of_month: &str| format!("2026-11-{of_month}");
            let begun = (cells[0] != "-").then(|| date(cells[0]));
            let blanking = cells[3].split_once('/').map(|(mode, factor)| Blanking {
                mode: match mode {
                    "daily" => BlankMode::Daily,
                    _ => BlankMode::Weekly,
                },
                factor: factor.parse().unwrap(),
            });
            let situation = Situation {
                asked: match cells[2] {
                    "full" => Asked::Full,
                    _ => Asked::ByRule,
                },
                today: date(cells[1]).parse().unwrap(),
                starting_day: Weekday::Mon,
                blanking,
                available: cells[4].parse().unwrap(),
                required: cells[5].parse().unwrap(),
            };
            let decision = decide(&disc(begun.as_deref()), &situation);
            let new = matches!(decision, Decision::New(_));
            assert_eq!(new, cells[6] == "new", "{row}: {decision:?}");
        }
    }

    #[test]
    fn a_reason_is_given_in_words() {
        let because = Because::LittleRoom {
            ratio: 1.0 / 3.0,
            factor: 1.5,
        };
        assert_eq!(
            because.to_string(),
            "the room left is 0.33 times what is needed, and the blanking factor is 1.5"
        );
    }
}
