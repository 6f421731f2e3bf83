//! Readers that deliver what was promised, whatever the file does meanwhile.
//!
//! A tar header and a directory record of an image say a size before the bytes follow. A file that
//! shrinks, grows or fails while it is read must not shift what comes after it.

use std::io::{self, Read};

/// What became of a file while it was read.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Fate {
    /// It had the promised length, as far as was read.
    Whole,
    /// It ended after this many bytes; zeros were delivered for the rest.
    Short(u64),
    /// It had more bytes than promised; they were left out.
    Long,
    /// It could not be read after this many bytes; zeros were delivered for the rest.
    Failed(u64, String),
}

/// Delivers exactly the promised number of bytes of a reader: cut, or padded with zeros. Never fails.
#[derive(Debug)]
pub struct Exact<R> {
    inner: R,
    promised: u64,
    delivered: u64,
    fate: Fate,
}

impl<R: Read> Exact<R> {
    /// `promised` bytes of `inner`.
    pub fn new(inner: R, promised: u64) -> Self {
        Self {
            inner,
            promised,
            delivered: 0,
            fate: Fate::Whole,
        }
    }

    /// After everything was read: what became of the file. Looks whether it has more than was promised.
    pub fn finish(mut self) -> Fate {
        if self.fate == Fate::Whole && self.delivered == self.promised {
            let mut one = [0];
            if matches!(self.inner.read(&mut one), Ok(1)) {
                return Fate::Long;
            }
        }
        self.fate
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.promised - self.delivered;
        let want = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if want == 0 {
            return Ok(0);
        }
        let got = loop {
            if self.fate != Fate::Whole {
                break 0;
            }
            match self.inner.read(&mut buffer[..want]) {
                Ok(0) => self.fate = Fate::Short(self.delivered),
                Ok(got) => break got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.fate = Fate::Failed(self.delivered, error.to_string()),
            }
        };
        let got = if got == 0 {
            buffer[..want].fill(0);
            want
        } else {
            got
        };
        self.delivered += got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(inner: impl Read, promised: u64) -> (Vec<u8>, Fate) {
        let mut reader = Exact::new(inner, promised);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        (all, reader.finish())
    }

    #[test]
    fn the_promise_is_kept_whatever_the_file_does() {
        assert_eq!(read(&b"abc"[..], 3), (b"abc".to_vec(), Fate::Whole));
        assert_eq!(read(&b"abc"[..], 5), (b"abc\0\0".to_vec(), Fate::Short(3)));
        assert_eq!(read(&b"abc"[..], 2), (b"ab".to_vec(), Fate::Long));
        assert_eq!(read(&b""[..], 0), (Vec::new(), Fate::Whole));
    }

    #[test]
    fn a_file_that_fails_is_padded() {
        struct Broken(bool);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("bad sector"));
                }
                buffer[0] = b'x';
                Ok(1)
            }
        }
        let expected = (b"x\0\0".to_vec(), Fate::Failed(1, "bad sector".to_owned()));
        assert_eq!(read(Broken(false), 3), expected);
    }
}
