//! The lines of a packed manifest, of bounded length.

use std::io::{BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::ManifestError;

/// A longer line is damage: two paths of the longest kind, escaped, are well below.
const LONGEST_LINE: u64 = 1 << 20;

/// Lines of bounded length.
pub(super) struct Lines<R: Read> {
    inner: BufReader<MultiGzDecoder<R>>,
    /// The line that was read last, without its newline.
    pub(super) line: Vec<u8>,
    /// Its number from 1.
    pub(super) number: u64,
}

impl<R: Read> Lines<R> {
    /// The lines that are packed with gzip in `packed`.
    pub(super) fn new(packed: R) -> Self {
        Self {
            inner: BufReader::with_capacity(1 << 16, MultiGzDecoder::new(packed)),
            line: Vec::new(),
            number: 0,
        }
    }

    /// Reads the next line; `false` at the end. A last line without its newline is no line.
    pub(super) fn next(&mut self) -> Result<bool, ManifestError> {
        self.line.clear();
        match (&mut self.inner)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.line)
        {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(ManifestError::Truncated(self.number));
            }
            Err(error) => return Err(error.into()),
        }
        if self.line.pop() != Some(b'\n') {
            if self.line.len() as u64 >= LONGEST_LINE - 1 {
                return Err(self.corrupt("the line does not end".to_owned()));
            }
            if !self.line.is_empty() {
                return Err(ManifestError::Truncated(self.number));
            }
            return Ok(false);
        }
        self.number += 1;
        Ok(true)
    }

    /// What is wrong with that line.
    pub(super) fn corrupt(&self, reason: String) -> ManifestError {
        ManifestError::Corrupt {
            line: self.number,
            reason,
        }
    }
}
