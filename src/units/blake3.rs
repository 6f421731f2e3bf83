//! The BLAKE3 of some bytes: as hard to forge as their SHA-256, and taken in a quarter of the time.
//!
//! It goes with a large file from the machine that made it until that file is on a disc, and no further: what is on a disc
//! has to be checked in fifty years, with what every system has.

use std::fmt;

use super::hex;

/// A BLAKE3 of 32 bytes. Shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Blake3(pub [u8; 32]);

impl Blake3 {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Blake3Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The one that `hex` writes, in either case; `None` if it writes none.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        hex::bytes(hex).map(Self)
    }
}

impl fmt::Display for Blake3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::show(&self.0, f)
    }
}

impl fmt::Debug for Blake3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes bytes and gives their BLAKE3.
#[derive(Debug, Clone, Default)]
pub struct Blake3Hasher(Box<blake3::Hasher>);

impl Blake3Hasher {
    /// Takes `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The BLAKE3 of what was taken.
    pub fn finish(self) -> Blake3 {
        Blake3(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_that_of_the_specification_and_is_read_as_it_is_shown() {
        // The first 32 bytes of two of the test vectors that come with the specification: bytes 0 to 250, over and over.
        for (length, hex) in [
            (
                0,
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            (
                1,
                "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            ),
        ] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let blake3 = Blake3::of(&bytes);
            assert_eq!(format!("{blake3:?}"), hex);
            assert_eq!(
                Blake3::from_hex(hex.to_uppercase().as_bytes()),
                Some(blake3)
            );
        }
        for unsound in [&b"2d"[..], &[b'g'; 64], b""] {
            assert_eq!(Blake3::from_hex(unsound), None);
        }
    }
}
