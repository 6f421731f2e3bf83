//! Addresses of drives as the burning programs of old wrote them.

use std::fmt;
use std::str::FromStr;

/// A drive's address: `0,0,0`, `ATA:1,0,0`, `IOCompactDiscServices/2`. Kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScsiId(String);

/// A text that is no address of a drive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the address of a drive", .0.escape_debug())]
pub struct ScsiIdError(String);

impl ScsiId {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Three numbers, perhaps behind `method:`, which may have colons itself: `REMOTE:user@host:1,0,0`.
fn is_triple(text: &str) -> bool {
    let numbers = text.rsplit_once(':').map_or(text, |(_, numbers)| numbers);
    let is_number = |part: &str| {
        let digits = part.trim_matches([' ', '\t']);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    numbers.split(',').count() == 3 && numbers.split(',').all(is_number)
}

/// `IO…Services`, perhaps with `/number`.
fn is_service(text: &str) -> bool {
    let (name, number) = match text.split_once('/') {
        Some((name, number)) => (name, Some(number)),
        None => (text, None),
    };
    name.len() >= "IOServices".len()
        && name.starts_with("IO")
        && name.ends_with("Services")
        && number.is_none_or(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

impl FromStr for ScsiId {
    type Err = ScsiIdError;

    fn from_str(text: &str) -> Result<Self, ScsiIdError> {
        if is_triple(text) || is_service(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScsiIdError(text.to_owned()))
        }
    }
}

impl fmt::Display for ScsiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_triples_or_services() {
        for (text, sound) in [
            ("0,0,0", true),
            (" 0,   0, 0 ", true),
            ("ATA:3,2,1", true),
            ("ATA: 3, 2,1  ", true),
            ("  ATAPI:1,   2, 3", true),
            ("REMOTE:backup@host:1,0,0", true),
            ("ATAPI:/dev/cdrw:0,0,0", true),
            ("IOCompactDiscServices", true),
            ("IOCompactDiscServices/2", true),
            ("IOCompactDiscServices/12", true),
            ("", false),
            ("1,2", false),
            ("1,2,3,4", false),
            ("IOCompactDiscServices\\3", false),
            ("IOCompactDiscServices/", false),
            ("ATAPI;1,2,3", false),
            ("ATA-1,2,3", false),
            ("IO", false),
        ] {
            assert_eq!(text.parse::<ScsiId>().is_ok(), sound, "{text:?}");
        }
    }
}
