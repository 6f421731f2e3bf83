//! The civil date on which a run began. It never changes during the run.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};

pub use chrono::Weekday;

/// A date of the proleptic Gregorian calendar, years 1 to 9999, without a time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text or triple that names no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date of the form YYYY-MM-DD")]
pub struct DayError(String);

/// English month abbreviations; labels never depend on the locale.
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

impl Day {
    /// The day of this year, month (1–12) and day of month.
    pub fn new(year: i32, month: u32, day: u32) -> Result<Self, DayError> {
        let fault = || DayError(format!("{year:04}-{month:02}-{day:02}"));
        if !(1..=9999).contains(&year) {
            return Err(fault());
        }
        NaiveDate::from_ymd_opt(year, month, day)
            .map(Self)
            .ok_or_else(fault)
    }

    /// Year, month (1–12), day of month.
    pub fn ymd(self) -> (i32, u32, u32) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// Day of the week.
    pub fn weekday(self) -> Weekday {
        self.0.weekday()
    }

    /// The day before; the first day of year 1 is its own predecessor.
    #[must_use]
    pub fn pred(self) -> Self {
        self.minus(1)
    }

    /// The day after; the last day of year 9999 is its own successor.
    #[must_use]
    pub fn succ(self) -> Self {
        match self.0.checked_add_days(Days::new(1)) {
            Some(next) if next.year() <= 9999 => Self(next),
            _ => self,
        }
    }

    /// The day `days` before this one, not before the first day of year 1.
    #[must_use]
    pub fn minus(self, days: u64) -> Self {
        match self.0.checked_sub_days(Days::new(days)) {
            Some(earlier) if earlier.year() >= 1 => Self(earlier),
            _ => Self(NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or(self.0)),
        }
    }

    /// Days from `earlier` to this day; negative if `earlier` is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.signed_duration_since(earlier.0).num_days()
    }

    /// The latest day not after this one that is a `weekday`: the start of the backup week.
    #[must_use]
    pub fn latest(self, weekday: Weekday) -> Self {
        self.minus(u64::from(self.weekday().days_since(weekday)))
    }

    /// `2026/11/21`: the daily directory below a staging directory.
    pub fn path(self) -> PathBuf {
        let (year, month, day) = self.ymd();
        PathBuf::from(format!("{year:04}/{month:02}/{day:02}"))
    }

    /// `21-NOV-2026`: the day as disc labels write it.
    pub fn label(self) -> String {
        let (year, _, day) = self.ymd();
        let month = MONTHS[self.0.month0() as usize];
        format!("{day:02}-{month}-{year:04}")
    }

    /// The date as chrono knows it.
    pub fn date(self) -> NaiveDate {
        self.0
    }
}

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = DayError;

    /// Reads `YYYY-MM-DD` or `YYYY/MM/DD`, zero padded.
    fn from_str(text: &str) -> Result<Self, DayError> {
        let fault = || DayError(text.to_owned());
        let bytes = text.as_bytes();
        let separated = bytes.len() == 10
            && matches!((bytes[4], bytes[7]), (b'-', b'-') | (b'/', b'/'))
            && bytes
                .iter()
                .enumerate()
                .all(|(at, byte)| at == 4 || at == 7 || byte.is_ascii_digit());
        if !separated {
            return Err(fault());
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().ok();
        let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10))
        else {
            return Err(fault());
        };
        Self::new(year.cast_signed(), month, day).map_err(|_| fault())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_is_written_in_three_ways() {
        let day: Day = "2026-11-01".parse().unwrap();
        assert_eq!(day.to_string(), "2026-11-01");
        assert_eq!(day.path(), PathBuf::from("2026/11/01"));
        assert_eq!(day.label(), "01-NOV-2026");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026-11",
            "2026-13-01",
            "2026-02-29",
            "2026-1-01",
            "+026-11-01",
            "2026-11/01",
            "0000-01-01",
            "2026-11-01x",
            "٢٠26-1-1",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_week_begins_on_the_latest_starting_day() {
        let saturday: Day = "2026-11-21".parse().unwrap();
        assert_eq!(saturday.latest(Weekday::Mon).to_string(), "2026-11-16");
        assert_eq!(saturday.latest(Weekday::Sat), saturday);
        assert_eq!(saturday.latest(Weekday::Sun).to_string(), "2026-11-15");
    }
}
