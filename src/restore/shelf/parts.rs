//! Files that were cut into parts, read as if they had not been.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::{Held, Item};
use crate::staging::{part_name, whole_name};
use crate::units::{Proof, Prover};

/// The parts of a file, one after the other.
pub(super) struct Joined {
    path: PathBuf,
    parts: std::ops::Range<u64>,
    part: Option<File>,
}

impl Joined {
    /// The `count` parts of what would be the file at `path`.
    pub(super) fn new(path: PathBuf, count: u64) -> Self {
        Self {
            path,
            parts: 0..count,
            part: None,
        }
    }
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(part) = &mut self.part {
                let got = part.read(buffer)?;
                if got > 0 || buffer.is_empty() {
                    return Ok(got);
                }
            }
            let Some(number) = self.parts.next() else {
                return Ok(0);
            };
            let name = part_name(self.path.as_os_str().as_bytes(), number);
            self.part = Some(File::open(OsStr::from_bytes(&name))?);
        }
    }
}

/// Something that was put together of pieces, compared with their digests as it is read: the first piece that is not what
/// was promised is an error.
pub struct Checked<R> {
    inner: R,
    /// Lengths and digests of the pieces that are still to come, the next one last.
    pieces: Vec<(u64, Option<Proof>)>,
    prover: Option<Prover>,
    /// Bytes of the present piece that were read.
    read: u64,
}

impl<R: Read> Checked<R> {
    /// Reads `inner`, which consists of `pieces`.
    pub fn new(inner: R, mut pieces: Vec<(u64, Option<Proof>)>) -> Self {
        pieces.reverse();
        Self {
            inner,
            pieces,
            prover: None,
            read: 0,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(&(length, promised)) = self.pieces.last() else {
            return self.inner.read(buffer);
        };
        let left = usize::try_from(length - self.read).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let got = self.inner.read(&mut buffer[..most])?;
        if self.read == 0 {
            self.prover = promised.map(Proof::prover);
        }
        if let Some(prover) = &mut self.prover {
            prover.update(&buffer[..got]);
        }
        self.read += got as u64;
        if self.read == length {
            let found = self.prover.take().map(Prover::finish);
            if found != promised {
                let text = "the part that ends here is not what was staged";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            self.pieces.pop();
            self.read = 0;
        }
        Ok(got)
    }
}

/// Puts files in place of their parts. Where a part is missing, or the file itself is there, the parts stay.
pub(super) fn join(items: &mut BTreeMap<Item, Held>) {
    let firsts: Vec<Item> = items
        .keys()
        .filter(|item| whole_name(item.name.as_bytes()).is_some_and(|(_, number)| number == 0))
        .cloned()
        .collect();
    for first in firsts {
        let Some((name, _)) = whole_name(first.name.as_bytes()) else {
            continue;
        };
        let whole = first.beside(first.day, OsStr::from_bytes(name));
        let parts: Vec<Item> = (0..100_000)
            .map(|number| first.beside(first.day, OsStr::from_bytes(&part_name(name, number))))
            .take_while(|part| items.contains_key(part))
            .collect();
        // Parts are sorted by number; one behind a gap says that something is missing.
        let beyond = items
            .range(
                first.beside(
                    first.day,
                    OsStr::from_bytes(&part_name(name, parts.len() as u64)),
                )..,
            )
            .next()
            .and_then(|(item, _)| {
                let (other, _) = whole_name(item.name.as_bytes())?;
                Some(item.peer == first.peer && item.day == first.day && other == name)
            });
        if items.contains_key(&whole) || beyond == Some(true) {
            continue;
        }
        let mut held = Held {
            length: 0,
            extents: Vec::new(),
            parts: Vec::with_capacity(parts.len()),
        };
        for part in &parts {
            if let Some(part) = items.remove(part) {
                held.length += part.length;
                held.parts.push(part.length);
                held.extents.extend(part.extents);
            }
        }
        items.insert(whole, held);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::{Blake3, Digest};

    #[test]
    fn a_piece_that_is_not_what_was_promised_is_an_error_at_its_end() {
        let piece = |text: &str| {
            let bytes = text.as_bytes();
            let by_blake3 = || Proof::Blake3(Blake3::of(bytes));
            let proof = if text == "one" {
                by_blake3()
            } else {
                Digest::of(bytes).into()
            };
            (bytes.len() as u64, Some(proof))
        };
        for (text, pieces, expected) in [
            ("onetwo!", vec![piece("one"), piece("two!")], Ok("onetwo!")),
            ("onetwo!", vec![], Ok("onetwo!")),
            ("onetwo!", vec![(3, None), piece("two!")], Ok("onetwo!")),
            ("", vec![piece("")], Ok("")),
            ("onetwo", vec![piece("one"), piece("two!")], Ok("onetwo")), // its length tells
            ("onetow!", vec![piece("one"), piece("two!")], Err("one")),
            ("eno", vec![piece("one")], Err("")),
        ] {
            let mut read = Vec::new();
            let ended = Checked::new(text.as_bytes(), pieces).read_to_end(&mut read);
            let read = String::from_utf8(read).unwrap();
            let found = ended.map(|_| read.as_str()).map_err(|_| read.as_str());
            assert_eq!(found, expected, "{text}");
        }
    }
}
