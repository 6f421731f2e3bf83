//! Files that were cut into parts, read as if they had not been.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::{Held, Item};
use crate::staging::{part_name, whole_name};

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
            parts: Some(parts.len() as u64),
        };
        for part in &parts {
            if let Some(part) = items.remove(part) {
                held.length += part.length;
                held.extents.extend(part.extents);
            }
        }
        items.insert(whole, held);
    }
}
