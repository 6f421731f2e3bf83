//! What is written on a disc that is tried.

use std::io::{self, Read};

/// Bytes that look random and are the same every time.
pub(super) struct Noise {
    state: u64,
    left: u64,
}

impl Noise {
    /// That many; those of another length are others.
    pub fn of(bytes: u64) -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15 ^ bytes,
            left: bytes,
        }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        for byte in &mut buffer[..count] {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            *byte = self.state.to_le_bytes()[3];
        }
        self.left -= count as u64;
        Ok(count)
    }
}
