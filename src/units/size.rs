//! Amounts of bytes, read and written in steps of 1024.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes. Shown as `12 bytes`, `5.54 kB`, `69.02 MB`, `4.40 GB` (steps of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// A text that is no amount of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of bytes; write a number, or a number with KB, MB or GB")]
pub struct ByteSizeError(String);

/// The steps, largest first, with the spelling read and the spelling shown.
const STEPS: [(&str, &str, u64); 3] = [
    ("GB", "GB", 1 << 30),
    ("MB", "MB", 1 << 20),
    ("KB", "kB", 1 << 10),
];

impl fmt::Display for ByteSize {
    #[allow(clippy::cast_precision_loss)] // two decimals are shown
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (_, shown, step) in STEPS {
            if self.0 >= step {
                return f.pad(&format!("{:.2} {shown}", self.0 as f64 / step as f64));
            }
        }
        f.pad(&format!("{} bytes", self.0))
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // the range is checked
    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let fault = || ByteSizeError(text.to_owned());
        let trimmed = text.trim();
        let (number, step) = STEPS
            .iter()
            .find_map(|&(read, _, step)| Some((trimmed.strip_suffix(read)?, step)))
            .unwrap_or((trimmed, 1));
        let value: f64 = number.trim_end().parse().map_err(|_| fault())?;
        let bytes = value * step as f64;
        if bytes.is_finite() && bytes >= 0.0 && bytes < u64::MAX as f64 {
            Ok(Self(bytes as u64))
        } else {
            Err(fault())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_steps_of_1024() {
        for (bytes, shown) in [
            (12, "12 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.00 kB"),
            (5678, "5.54 kB"),
            (1 << 20, "1.00 MB"),
            (72_372_224, "69.02 MB"),
            (1 << 30, "1.00 GB"),
            (4_724_464_026, "4.40 GB"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), shown);
        }
    }

    #[test]
    fn sizes_are_read_with_an_upper_case_suffix() {
        for (text, bytes) in [
            ("12", Some(12)),
            (" 1.25 KB ", Some(1280)),
            ("1e3", Some(1000)),
            ("2GB", Some(2 << 30)),
            ("10 B", None),
            ("10kb", None),
            ("1 TB", None),
            ("1,5 GB", None),
            ("", None),
            ("-1", None),
            ("nan", None),
            ("inf", None),
        ] {
            assert_eq!(
                text.parse().ok().map(|size: ByteSize| size.0),
                bytes,
                "{text}"
            );
        }
    }
}
