//! Names of peers: they become directory names, so they must not lead anywhere else.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A peer's name: a host name for remote peers, and the directory below each daily directory.
/// Not empty, at most 255 bytes, no slash, no control character, no leading dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName(String);

/// A text that cannot name a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` cannot name a peer; it becomes a directory, so it must be 1 to 255 bytes without `/`, \
     control characters or a leading dot",
    .0.escape_debug()
)]
pub struct PeerNameError(String);

impl PeerName {
    /// The name of a machine that has none.
    pub fn localhost() -> Self {
        Self("localhost".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PeerName {
    type Err = PeerNameError;

    fn from_str(text: &str) -> Result<Self, PeerNameError> {
        let sound = !text.is_empty()
            && text.len() <= 255
            && !text.starts_with('.')
            && !text.contains(|c: char| c == '/' || c.is_control());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(PeerNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for PeerName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for text in ["", ".", "..", ".hidden", "a/b", "a\nb", "a\0b", "/"] {
            assert!(text.parse::<PeerName>().is_err(), "{text:?}");
        }
        assert!(text_of_255().parse::<PeerName>().is_ok());
        assert!((text_of_255() + "x").parse::<PeerName>().is_err());
    }

    fn text_of_255() -> String {
        "x".repeat(255)
    }
}
