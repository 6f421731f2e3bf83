//! Numbers of slots, written as ranges: `1-20,22`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The largest number that a slot can have: addresses have 16 bits.
const LAST: u32 = 65_535;

/// A set of slots; not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots(Vec<RangeInclusive<u32>>);

/// Why a text names no slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of a slot and no range of them")]
pub struct SlotsError(String);

impl Slots {
    /// Whether the slot of that number is one of them.
    pub fn contains(&self, slot: u32) -> bool {
        self.0.iter().any(|range| range.contains(&slot))
    }
}

impl FromStr for Slots {
    type Err = SlotsError;

    fn from_str(text: &str) -> Result<Self, SlotsError> {
        let mut ranges = Vec::new();
        for word in text.split(',').map(str::trim) {
            let wrong = || SlotsError(word.to_owned());
            let number = |text: &str| {
                let digits = text.trim();
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = plain.then(|| digits.parse::<u32>().ok()).flatten();
                number.filter(|&slot| slot <= LAST).ok_or_else(wrong)
            };
            let (first, last) = match word.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(word)?, number(word)?),
            };
            if first > last {
                return Err(wrong());
            }
            ranges.push(first..=last);
        }
        Ok(Self(ranges))
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{comma}{first}")?,
                (first, last) => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_nonsense_is_named() {
        for (text, has, has_not) in [
            ("1", &[1][..], &[0, 2][..]),
            ("1-3, 7", &[1, 2, 3, 7], &[0, 4, 6, 8]),
            (" 0 - 2 ", &[0, 1, 2], &[3]),
        ] {
            let slots: Slots = text.parse().unwrap_or_else(|_| unreachable!("{text}"));
            assert!(has.iter().all(|&slot| slots.contains(slot)), "{text}");
            assert!(!has_not.iter().any(|&slot| slots.contains(slot)), "{text}");
            assert_eq!(slots.to_string().parse(), Ok(slots));
        }
        for text in ["", "a", "3-1", "1,", "-1", "1-", "+1", "1-2-3", "70000"] {
            assert!(text.parse::<Slots>().is_err(), "{text}");
        }
    }
}
