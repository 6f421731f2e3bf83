//! Peers that may be absent without anybody being told: a laptop that is often elsewhere.

use std::str::FromStr;

/// When a peer that is not ready, or cannot be reached, is no problem: the configuration's `ignore_failures`. Whatever
/// is wrong with a peer that is there is always a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ignore {
    /// Never.
    #[default]
    None,
    /// Always.
    All,
    /// On the days between full backups.
    Daily,
    /// On the starting day of the week and on full runs.
    Weekly,
}

/// What kind of run asks for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A full run, or one on the starting day of the week.
    WeekStart,
    /// Any other.
    Ordinary,
}

impl Ignore {
    /// Every value's word.
    pub const WORDS: [&'static str; 4] = ["none", "all", "daily", "weekly"];

    /// Whether a peer that is not ready is no problem on this `occasion`.
    pub fn covers(self, occasion: Occasion) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Daily => occasion == Occasion::Ordinary,
            Self::Weekly => occasion == Occasion::WeekStart,
        }
    }
}

impl FromStr for Ignore {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "none" => Ok(Self::None),
            "all" => Ok(Self::All),
            "daily" => Ok(Self::Daily),
            "weekly" => Ok(Self::Weekly),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn weekly_is_the_starting_day_and_daily_the_others() {
        for (word, start, other) in [
            ("none", false, false),
            ("all", true, true),
            ("daily", false, true),
            ("weekly", true, false),
        ] {
            let ignore: Ignore = word.parse().unwrap();
            assert!(Ignore::WORDS.contains(&word));
            assert_eq!(ignore.covers(Occasion::WeekStart), start, "{word}");
            assert_eq!(ignore.covers(Occasion::Ordinary), other, "{word}");
        }
        assert!("Daily".parse::<Ignore>().is_err());
    }
}
