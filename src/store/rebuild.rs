//! The days of the backup week that has begun.

use crate::units::{Day, Weekday};

/// From the latest starting day to `today`, ascending: what a rebuilt disc holds.
pub fn week(today: Day, starting_day: Weekday) -> Vec<Day> {
    let mut day = today.latest(starting_day);
    let mut days = vec![day];
    while day < today {
        day = day.succ();
        days.push(day);
    }
    days
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_week_goes_back_to_its_starting_day() {
        let saturday: Day = "2026-11-21".parse().unwrap();
        for (starting_day, first, count) in [
            (Weekday::Sat, 21, 1),
            (Weekday::Fri, 20, 2),
            (Weekday::Mon, 16, 6),
            (Weekday::Sun, 15, 7),
        ] {
            let days = week(saturday, starting_day);
            assert_eq!(days.len(), count, "{starting_day}");
            assert_eq!(days[0].ymd().2, first, "{starting_day}");
            assert_eq!(days[count - 1], saturday);
        }
    }
}
