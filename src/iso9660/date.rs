//! Points in time and their two forms on a volume (ECMA-119 8.4.26.1 and 9.1.5). Hides the calendar.
//!
//! Everything is written in UTC. Times that a form cannot hold become the nearest that it can.

/// A point in time since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds after them.
    pub nanos: u32,
}

const DAY: i64 = 86_400;

/// Year, month, day of a number of days since 1970-01-01 in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468; // days since 0000-03-01
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153; // 0 is March
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, low_byte(month), low_byte(day))
}

/// Days since 1970-01-01 of a date.
fn days(year: i64, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn low_byte(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

impl Time {
    /// This many seconds since 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    fn clamped(self, first_year: i64, last_year: i64) -> i64 {
        let first = days(first_year, 1, 1) * DAY;
        let last = days(last_year + 1, 1, 1) * DAY - 1;
        self.seconds.clamp(first, last)
    }

    /// The seven bytes of a directory record: whole seconds, years 1900 to 2155.
    pub(super) fn to_record(self) -> [u8; 7] {
        let seconds = self.clamped(1900, 2155);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let clock = seconds.rem_euclid(DAY);
        [
            low_byte(year - 1900),
            month,
            day,
            low_byte(clock / 3600),
            low_byte(clock / 60 % 60),
            low_byte(clock % 60),
            0,
        ]
    }

    /// The seventeen bytes of a volume descriptor: hundredths of a second, years 1 to 9999.
    pub(super) fn to_descriptor(self) -> [u8; 17] {
        let seconds = self.clamped(1, 9999);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let clock = seconds.rem_euclid(DAY);
        let text = format!(
            "{year:04}{month:02}{day:02}{:02}{:02}{:02}{:02}",
            clock / 3600,
            clock / 60 % 60,
            clock % 60,
            self.nanos / 10_000_000 % 100
        );
        let mut bytes = [0; 17];
        bytes[..16].copy_from_slice(&text.as_bytes()[..16]);
        bytes
    }

    /// Reads a directory record's date. A date that is none (month 0, hour 77) is 1970: dates are never
    /// worth losing a file for.
    pub(super) fn from_record(bytes: [u8; 7]) -> Self {
        let [year, month, day, hour, minute, second, zone] = bytes;
        Self::checked(
            1900 + i64::from(year),
            [month, day, hour, minute, second],
            zone,
            0,
        )
    }

    /// Reads a descriptor's date (also the long form of Rock Ridge); like [`Time::from_record`].
    pub(super) fn from_descriptor(bytes: [u8; 17]) -> Self {
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().try_fold(0_i64, |sum, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| sum * 10 + i64::from(digit - b'0'))
            })
        };
        let Some(year) = number(0, 4) else {
            return Self::default();
        };
        let mut fields = [0; 5];
        for (at, field) in fields.iter_mut().enumerate() {
            *field = number(4 + at * 2, 6 + at * 2).map_or(255, low_byte);
        }
        let hundredths = number(14, 16).unwrap_or(0);
        let nanos = u32::try_from(hundredths).unwrap_or(0) * 10_000_000;
        Self::checked(year, fields, bytes[16], nanos)
    }

    fn checked(year: i64, fields: [u8; 5], zone: u8, nanos: u32) -> Self {
        let [month, day, hour, minute, second] = fields;
        let sane = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        if !sane {
            return Self::default();
        }
        let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let offset = i64::from(zone.cast_signed()) * 900; // quarters of an hour east of Greenwich
        Self {
            seconds: days(year, month, day) * DAY + clock - offset,
            nanos,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_have_known_bytes() {
        for (seconds, record, text) in [
            (0, [70, 1, 1, 0, 0, 0, 0], "1970010100000000"),
            (951_782_399, [100, 2, 28, 23, 59, 59, 0], "2000022823595900"),
            (951_782_400, [100, 2, 29, 0, 0, 0, 0], "2000022900000000"),
            (1_795_219_200, [126, 11, 21, 0, 0, 0, 0], "2026112100000000"),
            (-1, [69, 12, 31, 23, 59, 59, 0], "1969123123595900"),
        ] {
            let time = Time::from_seconds(seconds);
            assert_eq!(time.to_record(), record);
            assert_eq!(&time.to_descriptor()[..16], text.as_bytes());
            assert_eq!(Time::from_record(record), time);
            assert_eq!(Time::from_descriptor(time.to_descriptor()), time);
        }
    }

    #[test]
    fn what_a_form_cannot_hold_becomes_the_nearest() {
        let far = Time::from_seconds(i64::MAX);
        assert_eq!(far.to_record(), [255, 12, 31, 23, 59, 59, 0]);
        assert_eq!(&far.to_descriptor()[..8], b"99991231");
        let early = Time::from_seconds(i64::MIN);
        assert_eq!(early.to_record(), [0, 1, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn zones_count_and_nonsense_is_1970() {
        let berlin = Time::from_record([126, 7, 1, 2, 0, 0, 8]);
        assert_eq!(berlin.to_record(), [126, 7, 1, 0, 0, 0, 0]);
        assert_eq!(Time::from_record([126, 13, 1, 0, 0, 0, 0]), Time::default());
        assert_eq!(Time::from_record([255; 7]), Time::default());
        assert_eq!(Time::from_descriptor([b'x'; 17]), Time::default());
    }
}
