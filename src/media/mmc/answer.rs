//! Reading numbers out of an answer, and never beyond its end.

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field lies beyond the end.
    #[error("is cut short at byte {0}")]
    Short(usize),
    /// A field has a value that the standard does not have.
    #[error("has {value} at byte {at}, which no drive should say")]
    Value {
        /// Where.
        at: usize,
        /// What.
        value: u32,
    },
}

/// An answer, no longer than what came, and no longer than it claims to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    /// All that came.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// An answer that begins with its own length, which does not count the two bytes that say it.
    pub fn counted16(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let claimed = usize::from(Self(bytes).be16(0)?) + 2;
        Ok(Self(&bytes[..claimed.min(bytes.len())]))
    }

    /// The same with a length of four bytes.
    pub fn counted32(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let claimed = Self(bytes).be32(0)? as usize;
        Ok(Self(&bytes[..claimed.saturating_add(4).min(bytes.len())]))
    }

    pub fn len(self) -> usize {
        self.0.len()
    }

    pub fn byte(self, at: usize) -> Result<u8, Malformed> {
        self.0.get(at).copied().ok_or(Malformed::Short(at))
    }

    pub fn be16(self, at: usize) -> Result<u16, Malformed> {
        self.slice(at, 2)
            .map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    pub fn be32(self, at: usize) -> Result<u32, Malformed> {
        let four = self.slice(at, 4)?;
        Ok(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
    }

    pub fn slice(self, at: usize, count: usize) -> Result<&'a [u8], Malformed> {
        at.checked_add(count)
            .and_then(|end| self.0.get(at..end))
            .ok_or(Malformed::Short(at))
    }
}
