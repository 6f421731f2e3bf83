//! Media as bytes at offsets, files on them, and what goes wrong when they are read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::SECTOR;
use super::image::ImageError;
use super::tree::Extent;

/// Something whose bytes can be read at any offset: a file, a drive, memory.
#[allow(clippy::len_without_is_empty)] // an empty medium is nothing special here
pub trait ReadAt: Send + Sync {
    /// Reads some bytes from an offset; 0 at the end, and only there.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        let facts = self.metadata()?;
        if facts.is_file() {
            return Ok(facts.len());
        }
        // a device says its length only so
        let mut this = self;
        this.seek(SeekFrom::End(0))
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.as_slice().len() as u64)
    }
}

/// Why a volume cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What is on the medium contradicts the standard or itself.
    #[error("damaged at sector {sector}: {what}")]
    Corrupt {
        /// Where, in sectors of 2048 bytes.
        sector: u64,
        /// What is wrong.
        what: String,
    },
    /// It may be in order, but is none of what is supported here.
    #[error("{0}")]
    Incompatible(String),
    /// The medium could not be read.
    #[error("cannot read sector {sector}: {source}")]
    Io {
        /// Where, in sectors of 2048 bytes.
        sector: u64,
        /// What the system says.
        source: io::Error,
    },
}

impl From<ImageError> for ReadError {
    fn from(error: ImageError) -> Self {
        Self::Incompatible(error.to_string())
    }
}

impl ReadError {
    pub(super) fn corrupt(sector: impl Into<u64>, what: impl Into<String>) -> Self {
        Self::Corrupt {
            sector: sector.into(),
            what: what.into(),
        }
    }
}

/// Fills a buffer from an offset. The end of the medium is damage.
pub(super) fn read_exact(
    medium: &dyn ReadAt,
    buffer: &mut [u8],
    offset: u64,
) -> Result<(), ReadError> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset + done as u64;
        match medium.read_at(&mut buffer[done..], at) {
            Ok(0) => return Err(ReadError::corrupt(at / SECTOR, "the medium ends here")),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(ReadError::Io {
                    sector: at / SECTOR,
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Sectors that a medium has, the last one perhaps incomplete.
pub(super) fn length(medium: &dyn ReadAt) -> Result<u64, ReadError> {
    medium
        .len()
        .map(|bytes| bytes.div_ceil(SECTOR))
        .map_err(|source| ReadError::Io { sector: 0, source })
}

/// The bytes of a file on a medium, in order over all its extents.
///
/// Where the medium ends too early, reading fails with `UnexpectedEof`.
pub struct FileReader<'a> {
    medium: &'a dyn ReadAt,
    extents: Vec<Extent>,
    /// Extents that are read, and bytes of the next one.
    done: usize,
    offset: u64,
}

impl<'a> FileReader<'a> {
    /// The bytes at these extents.
    pub fn new(medium: &'a dyn ReadAt, extents: &[Extent]) -> Self {
        Self {
            medium,
            extents: extents.to_vec(),
            done: 0,
            offset: 0,
        }
    }
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(extent) = self.extents.get(self.done) {
            let left = extent.bytes.saturating_sub(self.offset);
            if left == 0 {
                self.done += 1;
                self.offset = 0;
                continue;
            }
            let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let at = u64::from(extent.sector) * SECTOR + self.offset;
            let count = self.medium.read_at(&mut buffer[..count], at)?;
            if count == 0 && !buffer.is_empty() {
                let what = format!("the medium ends at sector {}, within a file", at / SECTOR);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
            }
            self.offset += count as u64;
            return Ok(count);
        }
        Ok(0)
    }
}

impl std::fmt::Debug for FileReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader")
            .field("extents", &self.extents)
            .field("done", &self.done)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_read_over_its_extents_and_its_end_is_checked() {
        let mut medium = vec![0; 3 * 2048];
        medium[0] = b'c';
        medium[2048..2051].copy_from_slice(b"ab_");
        let extent = |sector, bytes| Extent { sector, bytes };
        let mut text = String::new();
        FileReader::new(&medium, &[extent(1, 2), extent(9, 0), extent(0, 1)])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "abc");
        let mut beyond = FileReader::new(&medium, &[extent(2, 4096)]);
        let error = beyond.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
