//! The bytes of one member, holes included. A sparse file's data begin with a map in decimal lines: how many
//! parts there are, then offset and length of each, filled up to a block (GNU tar manual, "PAX Format,
//! Versions 1.0").

use std::io;

use super::{Input, ReadError, padding};

/// A tar block.
const BLOCK: usize = 512;
/// More parts are not believed.
const MOST_PARTS: u64 = 1 << 20;

/// What is left to read of a member.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Offset and length of what is stored, ascending, empty ones left out.
    parts: Vec<(u64, u64)>,
    /// The part to read next.
    at: usize,
    /// Position in the file.
    position: u64,
    /// Length of the file.
    size: u64,
    /// Bytes of the archive up to the next header.
    stored: u64,
}

impl Content {
    /// `size` bytes without holes.
    pub fn plain(size: u64) -> Self {
        Self {
            parts: Vec::from_iter((size > 0).then_some((0, size))),
            at: 0,
            position: 0,
            size,
            stored: size.saturating_add(padding(size)),
        }
    }

    /// Reads the map of a sparse file of `size` bytes, for which `stored` bytes are in the archive.
    pub fn sparse(input: &mut Input<'_>, stored: u64, size: u64) -> Result<Self, ReadError> {
        let offset = input.offset;
        let corrupt = |reason: &str| ReadError::Corrupt {
            offset,
            reason: format!("the map of a sparse file {reason}"),
        };
        let mut map = Map {
            left: stored,
            block: [0; BLOCK],
            at: BLOCK,
        };
        let count = map.number(input)?;
        if count > MOST_PARTS {
            return Err(corrupt("has too many parts"));
        }
        let (mut parts, mut end, mut data) = (Vec::new(), 0, 0u64);
        for _ in 0..count {
            let (start, length) = (map.number(input)?, map.number(input)?);
            if start < end || start.checked_add(length).is_none_or(|end| end > size) {
                return Err(corrupt("has parts that overlap or leave the file"));
            }
            end = start + length;
            data += length;
            if length > 0 {
                parts.push((start, length));
            }
        }
        if data != map.left {
            return Err(corrupt("does not fit the length of the member"));
        }
        Ok(Self {
            parts,
            at: 0,
            position: 0,
            size,
            stored: data + padding(data),
        })
    }

    /// Length of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the archive from here up to the next header.
    pub fn stored(self) -> u64 {
        self.stored
    }

    /// Whether something of the file is not stored.
    pub fn has_holes(&self) -> bool {
        self.parts.iter().map(|part| part.1).sum::<u64>() < self.size
    }

    /// Reads on, holes as zeros.
    pub fn read(&mut self, input: &mut Input<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.parts.get(self.at).map_or(self.size, |part| part.0);
        if self.position >= next {
            return Ok(self.read_data(input, buffer)?.map_or(0, |(_, count)| count));
        }
        let count = up_to(buffer.len(), next - self.position);
        buffer[..count].fill(0);
        self.position += count as u64;
        Ok(count)
    }

    /// Reads on after the next hole: the position in the file and how many bytes; `None` at the end.
    pub fn read_data(
        &mut self,
        input: &mut Input<'_>,
        buffer: &mut [u8],
    ) -> io::Result<Option<(u64, usize)>> {
        let Some(&(start, length)) = self.parts.get(self.at) else {
            self.position = self.size;
            return Ok(None);
        };
        self.position = self.position.max(start);
        let left = start + length - self.position;
        let count = up_to(buffer.len(), left);
        let got = loop {
            match input.inner.read(&mut buffer[..count]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if got == 0 && count > 0 {
            let text = "the archive is cut short";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        let at = self.position;
        input.offset += got as u64;
        self.stored -= got as u64;
        self.position += got as u64;
        if got as u64 == left {
            self.at += 1;
        }
        Ok(Some((at, got)))
    }
}

fn up_to(room: usize, left: u64) -> usize {
    usize::try_from(left).map_or(room, |left| left.min(room))
}

/// The decimal lines before the data.
struct Map {
    /// Bytes of the member behind the blocks that were read.
    left: u64,
    block: [u8; BLOCK],
    at: usize,
}

impl Map {
    /// The next line.
    fn number(&mut self, input: &mut Input<'_>) -> Result<u64, ReadError> {
        let offset = input.offset;
        let corrupt = || ReadError::Corrupt {
            offset,
            reason: "the map of a sparse file is not sound".to_owned(),
        };
        let mut number = 0u64;
        loop {
            if self.at == self.block.len() {
                self.left = self.left.checked_sub(BLOCK as u64).ok_or_else(corrupt)?;
                input.fill(&mut self.block)?;
                self.at = 0;
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'0'..=b'9' => {
                    let longer = number.checked_mul(10);
                    let longer = longer.and_then(|n| n.checked_add(u64::from(byte - b'0')));
                    number = longer.ok_or_else(corrupt)?;
                }
                b'\n' => return Ok(number),
                _ => return Err(corrupt()),
            }
        }
    }
}
