//! What proves that a file has the bytes that were meant: its digest, by one of two functions.
//!
//! SHA-256 is what every system verifies, and what is on discs. BLAKE3 is as hard to forge and takes a quarter of the time. It
//! goes with large files from the machine that made them until they are on a disc: where many machines send at the same
//! time, the digest is what takes longest.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use super::{Blake3, Blake3Hasher, Digest, Hasher};

/// Files of so many bytes or more are proved by their BLAKE3, where it is up to us.
const LARGE: u64 = 8 << 20;

/// Stands before the digits of a BLAKE3.
const BLAKE3: &str = "blake3:";

/// A digest of a file's bytes. Shown as 64 hexadecimal digits; a BLAKE3 with `blake3:` before them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The SHA-256.
    Sha256(Digest),
    /// The BLAKE3.
    Blake3(Blake3),
}

/// A text that is no [`Proof`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither a SHA-256 nor a BLAKE3", .0.escape_debug())]
pub struct ProofError(String);

impl Proof {
    /// Who takes the same digest of other bytes.
    pub fn prover(self) -> Prover {
        match self {
            Self::Sha256(_) => Prover::default(),
            Self::Blake3(_) => Prover::Blake3(Blake3Hasher::default()),
        }
    }

    /// Whether it is the digest of everything that `reader` still gives.
    pub fn holds(self, reader: &mut dyn Read) -> io::Result<bool> {
        let mut prover = self.prover();
        super::pour(reader, &mut |bytes| prover.update(bytes))?;
        Ok(prover.finish() == self)
    }

    /// Whether no bytes have both digests: they are by the same function, and differ.
    pub fn contradicts(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other) && self != other
    }

    /// The SHA-256, if that is what it is.
    pub fn sha256(self) -> Option<Digest> {
        match self {
            Self::Sha256(digest) => Some(digest),
            Self::Blake3(_) => None,
        }
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::Sha256(digest) => digest.as_bytes(),
            Self::Blake3(blake3) => &blake3.0,
        }
    }
}

impl From<Digest> for Proof {
    fn from(digest: Digest) -> Self {
        Self::Sha256(digest)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => fmt::Display::fmt(digest, f),
            Self::Blake3(blake3) => write!(f, "{BLAKE3}{blake3}"),
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let proof = match text.strip_prefix(BLAKE3) {
            Some(hex) => Blake3::from_hex(hex.as_bytes()).map(Self::Blake3),
            None => Digest::from_hex(text.as_bytes()).map(Self::Sha256),
        };
        proof.ok_or_else(|| ProofError(text.to_owned()))
    }
}

/// Takes bytes and gives their digest.
#[derive(Debug, Clone)]
pub enum Prover {
    /// The SHA-256.
    Sha256(Hasher),
    /// The BLAKE3.
    Blake3(Blake3Hasher),
    /// The SHA-256 of a small file and the BLAKE3 of a large one, of which nobody knows yet how long it will be: both, and
    /// how much there was.
    BySize(Hasher, Blake3Hasher, u64),
}

impl Default for Prover {
    fn default() -> Self {
        Self::Sha256(Hasher::default())
    }
}

impl Prover {
    /// For a file of `bytes` bytes of which nobody has said anything.
    pub fn for_length(bytes: u64) -> Self {
        if bytes < LARGE {
            Self::default()
        } else {
            Self::Blake3(Blake3Hasher::default())
        }
    }

    /// For a file that is being made: takes the digest that suits its length.
    pub fn by_size() -> Self {
        Self::BySize(Hasher::default(), Blake3Hasher::default(), 0)
    }

    /// Takes `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => hasher.update(bytes),
            Self::BySize(sha256, blake3, before) => {
                blake3.update(bytes);
                *before += bytes.len() as u64;
                if *before < LARGE {
                    sha256.update(bytes);
                } else {
                    *self = Self::Blake3(std::mem::take(blake3));
                }
            }
        }
    }

    /// The digest of what was taken.
    pub fn finish(self) -> Proof {
        match self {
            Self::Sha256(hasher) | Self::BySize(hasher, ..) => Proof::Sha256(hasher.finish()),
            Self::Blake3(hasher) => Proof::Blake3(hasher.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_proof_is_read_as_it_is_shown() {
        let sha256 = Proof::Sha256(Digest::of(b"x"));
        let blake3 = Proof::Blake3(Blake3::of(b"x"));
        for proof in [sha256, blake3] {
            assert_eq!(proof.to_string().parse::<Proof>().unwrap(), proof);
            assert!(proof.holds(&mut &b"x"[..]).unwrap());
            assert!(!proof.holds(&mut &b"y"[..]).unwrap());
        }
        // The digits alone do not say by which function.
        let digits = blake3.to_string().replace("blake3:", "");
        assert_ne!(digits.parse::<Proof>().unwrap(), blake3);
        for unsound in ["", "blake3:", "blake3:00", &digits[1..]] {
            assert!(unsound.parse::<Proof>().is_err(), "{unsound}");
        }
    }

    #[test]
    fn the_length_of_a_file_says_how_it_is_proved() {
        let whole = usize::try_from(LARGE).unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(whole + 1).collect();
        for (length, large) in [
            (0, false),
            (whole - 1, false),
            (whole, true),
            (whole + 1, true),
        ] {
            let bytes = &bytes[..length];
            let expected = if large {
                Proof::Blake3(Blake3::of(bytes))
            } else {
                Proof::Sha256(Digest::of(bytes))
            };
            let mut prover = Prover::by_size();
            for piece in bytes.chunks(1 << 20) {
                prover.update(piece);
            }
            assert_eq!(prover.finish(), expected, "{length}");
        }
    }
}
