//! A file that is read where it shall be listed by its SHA-256, and was promised by whatever digest.

use std::io::{self, Read};

use super::{Digest, Hasher, Proof, Prover};
use crate::units::pour;

/// What was seen of a file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its digest by the function of the promise, if that is another one.
    other: Option<Proof>,
}

impl Seen {
    /// Reads everything that `reader` still gives.
    pub fn of_reader(reader: &mut dyn Read, promised: Option<Proof>) -> io::Result<Self> {
        let mut seeing = Seeing::new(promised);
        pour(reader, &mut |bytes| seeing.update(bytes))?;
        Ok(seeing.finish())
    }

    /// Whether it is what was promised.
    pub fn is(&self, promised: Proof) -> bool {
        match promised {
            Proof::Sha256(digest) => digest == self.digest,
            Proof::Blake3(_) => self.other == Some(promised),
        }
    }
}

/// Takes the digests of a file that is being read.
pub struct Seeing {
    hasher: Hasher,
    other: Option<Prover>,
}

impl Seeing {
    /// For a file of which that was `promised`.
    pub fn new(promised: Option<Proof>) -> Self {
        let other = promised.filter(|proof| proof.sha256().is_none());
        Self {
            hasher: Hasher::default(),
            other: other.map(Proof::prover),
        }
    }

    /// Takes `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
    }

    /// What was seen.
    pub fn finish(self) -> Seen {
        Seen {
            digest: self.hasher.finish(),
            other: self.other.map(Prover::finish),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::Blake3;

    #[test]
    fn what_was_read_is_compared_with_the_promise_whatever_that_is() {
        let (sha256, blake3) = (Digest::of(b"x"), Blake3::of(b"x"));
        for promised in [Proof::Sha256(sha256), Proof::Blake3(blake3)] {
            let see = |bytes: &[u8]| Seen::of_reader(&mut &*bytes, Some(promised)).unwrap();
            assert!(see(b"x").is(promised));
            assert_eq!(see(b"x").digest, sha256);
            assert!(!see(b"y").is(promised));
        }
        // What nobody looked for was not seen.
        let seen = Seen::of_reader(&mut &b"x"[..], None).unwrap();
        assert_eq!(seen.digest, sha256);
        assert!(!seen.is(Proof::Blake3(blake3)));
    }
}
