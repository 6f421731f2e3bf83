//! Rock Ridge 1.12 on SUSP 1.12: what the system use areas of directory records say. This file writes, `read` reads.
//!
//! A record has room for about 200 bytes; what does not fit goes to a continuation area, to which a `CE`
//! entry points. Some kernels drop an entry silently when its continuation area lies beyond the volume space
//! size, and libarchive gives up when it lies behind the file's bytes, as for each file of an earlier session. So
//! continuation areas are used only when there is no other way: `TF` holds the modification time alone and is left
//! out where that makes the rest fit, as the record itself says the same; `ER` has no descriptive texts; plain identifiers
//! of long names are short. Names of files need none up to 157 bytes.
//!
//! `TF` has the short form, of whole seconds: Linux took the long form for the short one until 2025.
//!
//! Directories that are deeper than eight levels are recorded where they are. Relocating them (`CL`, `PL`, `RE`)
//! would obey ECMA-119 6.8.2.1, but readers without Rock Ridge would then show them in a wrong place, and no reader
//! of the last decades minds the depth. Relocated directories of other programs are read.

mod read;

use super::SECTOR_LEN;
use super::directory::both32;
use super::tree::{Kind, Node};

pub(super) use read::{Facts, facts, is_announced};

const FORMAT_DIRECTORY: u32 = 0o040_000;
const FORMAT_FILE: u32 = 0o100_000;
const FORMAT_SYMLINK: u32 = 0o120_000;
/// The bits of the mode that say the type of a file.
pub(super) const FORMAT_MASK: u32 = 0o170_000;

const ENTRY_MAX: usize = 255;
const CE_LENGTH: usize = 28;
const TF_LENGTH: usize = 12;

const COMPONENT_CONTINUES: u8 = 1;
const COMPONENT_CURRENT: u8 = 2;
const COMPONENT_PARENT: u8 = 4;
const COMPONENT_ROOT: u8 = 8;

/// Which record of a node an area is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The first record of the root directory, which announces that there is Rock Ridge.
    RootItself,
    /// The first or second record of a directory.
    Directory,
    /// The record in the directory above.
    Named(&'a [u8]),
}

/// The continuation areas of one directory, before it is known where they are.
#[derive(Debug)]
pub(super) struct Continuation {
    /// First sector.
    pub sector: u32,
    /// What is in them so far.
    pub bytes: Vec<u8>,
}

fn entry(signature: [u8; 2], data: &[u8], out: &mut Vec<u8>) {
    out.extend(signature);
    out.push(u8::try_from(4 + data.len()).unwrap_or(u8::MAX));
    out.push(1);
    out.extend(data);
}

/// All entries for a node, one after the other.
pub(super) fn entries(node: &Node, links: u32, serial: u32, place: Place<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    if place == Place::RootItself {
        entry(*b"SP", &[0xBE, 0xEF, 0], &mut out);
    }
    let format = match &node.kind {
        Kind::Directory => FORMAT_DIRECTORY,
        Kind::File(_) => FORMAT_FILE,
        Kind::Symlink(_) => FORMAT_SYMLINK,
        Kind::Special(special) => special.format & FORMAT_MASK,
    };
    let mut posix = Vec::with_capacity(40);
    let mode = format | (node.meta.mode & !FORMAT_MASK);
    for value in [mode, links, node.meta.uid, node.meta.gid, serial] {
        posix.extend(both32(value));
    }
    entry(*b"PX", &posix, &mut out);
    let mut time = vec![0x02]; // modification only
    time.extend(node.meta.mtime.to_record());
    entry(*b"TF", &time, &mut out);
    if let Place::Named(name) = place {
        names(name, &mut out);
    }
    match &node.kind {
        Kind::Symlink(target) => symlink(target, &mut out),
        Kind::Special(special) => {
            let mut device = both32(special.device.0).to_vec();
            device.extend(both32(special.device.1));
            entry(*b"PN", &device, &mut out);
        }
        Kind::Directory | Kind::File(_) => {}
    }
    if place == Place::RootItself {
        let mut extension = vec![10, 0, 0, 1];
        extension.extend(b"IEEE_P1282");
        entry(*b"ER", &extension, &mut out);
    }
    out
}

fn names(name: &[u8], out: &mut Vec<u8>) {
    let mut pieces = name.chunks(ENTRY_MAX - 5).peekable();
    while let Some(piece) = pieces.next() {
        let mut data = vec![u8::from(pieces.peek().is_some())];
        data.extend(piece);
        entry(*b"NM", &data, out);
    }
}

/// `SL` entries for a target. An empty component is recorded as one of length 0, so that doubled and final
/// slashes come back as they were.
fn symlink(target: &[u8], out: &mut Vec<u8>) {
    let mut link = Link::default();
    let relative = target.strip_prefix(b"/");
    if relative.is_some() {
        link.component(COMPONENT_ROOT, b"");
    }
    match relative.unwrap_or(target) {
        [] => {}
        rest => {
            for name in rest.split(|byte| *byte == b'/') {
                match name {
                    b"." => link.component(COMPONENT_CURRENT, name),
                    b".." => link.component(COMPONENT_PARENT, name),
                    _ => link.component(0, name),
                }
            }
        }
    }
    link.full.push(link.data);
    let last = link.full.len() - 1;
    for (at, data) in link.full.iter().enumerate() {
        let mut with_flags = vec![u8::from(at < last)];
        with_flags.extend(data);
        entry(*b"SL", &with_flags, out);
    }
}

/// The component records of a symbolic link, cut into entries.
///
/// libarchive forgets the slash between the last component of one entry and the first of the next. So an entry
/// never ends with a whole component: its last one is said to continue, if only with nothing.
#[derive(Default)]
struct Link<'a> {
    full: Vec<Vec<u8>>,
    data: Vec<u8>,
    /// Where the last component starts in `data`, its flags and text.
    last: (usize, u8, &'a [u8]),
}

impl<'a> Link<'a> {
    /// Of the 250 bytes of an entry, two are kept for `..` in letters.
    const ROOM: usize = ENTRY_MAX - 5 - 2;

    fn component(&mut self, flags: u8, mut text: &'a [u8]) {
        let length = |text: &[u8]| if flags == 0 { text.len() } else { 0 };
        if self.data.len() + 2 + length(text) > Self::ROOM && !self.data.is_empty() {
            self.close();
        }
        while self.data.len() + 2 + length(text) > Self::ROOM {
            let (piece, rest) = text.split_at(Self::ROOM - 2 - self.data.len());
            self.push(COMPONENT_CONTINUES, piece);
            self.full.push(std::mem::take(&mut self.data));
            text = rest;
        }
        self.last = (self.data.len(), flags, text);
        self.push(flags, &text[..length(text)]);
    }

    fn push(&mut self, flags: u8, text: &[u8]) {
        self.data.push(flags);
        self.data.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.data.extend(text);
    }

    /// Ends an entry between two components.
    fn close(&mut self) {
        let (start, flags, text) = self.last;
        if flags != COMPONENT_ROOT {
            self.data.truncate(start);
            self.push(COMPONENT_CONTINUES, text);
        }
        self.full.push(std::mem::take(&mut self.data));
        if flags != COMPONENT_ROOT {
            self.push(0, b"");
        }
    }
}

/// How many bytes of whole entries fit into `room`.
fn fitting(entries: &[u8], room: usize) -> usize {
    let mut end = 0;
    while let Some(length) = entries.get(end + 2) {
        if end + usize::from(*length) > room {
            break;
        }
        end += usize::from(*length);
    }
    end
}

/// Puts entries where they fit: what is returned into the record, the rest into the continuation areas.
pub(super) fn place(mut entries: Vec<u8>, room: usize, continuation: &mut Continuation) -> Vec<u8> {
    if entries.len() > room && entries.len() - TF_LENGTH <= room {
        drop_time(&mut entries);
    }
    if entries.len() > room {
        let kept = fitting(&entries, room - CE_LENGTH);
        let pointer = put_aside(&entries[kept..], continuation);
        entries.truncate(kept);
        entries.extend(pointer);
    }
    entries
}

/// Takes the `TF` entry out.
fn drop_time(entries: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(length) = entries.get(at + 2).copied().map(usize::from) {
        if entries[at..].starts_with(b"TF") {
            entries.drain(at..at + length);
            return;
        }
        at += length;
    }
}

/// Appends entries to the continuation areas, none across the end of a sector; gives the `CE` entry that points to them.
fn put_aside(entries: &[u8], continuation: &mut Continuation) -> Vec<u8> {
    let used = continuation.bytes.len() % SECTOR_LEN;
    if used > 0 && used + entries.len() > SECTOR_LEN {
        let padding = SECTOR_LEN - used;
        let padded = continuation.bytes.len() + padding;
        continuation.bytes.resize(padded, 0);
    }
    let start = continuation.bytes.len();
    let length = if entries.len() > SECTOR_LEN {
        let kept = fitting(entries, SECTOR_LEN - CE_LENGTH);
        continuation.bytes.resize(start + SECTOR_LEN, 0);
        let pointer = put_aside(&entries[kept..], continuation);
        let area = &mut continuation.bytes[start..start + kept + CE_LENGTH];
        area[..kept].copy_from_slice(&entries[..kept]);
        area[kept..].copy_from_slice(&pointer);
        kept + CE_LENGTH
    } else {
        continuation.bytes.extend(entries);
        entries.len()
    };
    let sectors = u32::try_from(start / SECTOR_LEN).unwrap_or(u32::MAX);
    let mut data = Vec::with_capacity(24);
    for value in [
        continuation.sector.saturating_add(sectors),
        u32::try_from(start % SECTOR_LEN).unwrap_or(u32::MAX),
        u32::try_from(length).unwrap_or(u32::MAX),
    ] {
        data.extend(both32(value));
    }
    let mut pointer = Vec::with_capacity(CE_LENGTH);
    entry(*b"CE", &data, &mut pointer);
    pointer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::iso9660::tree::{Meta, TARGET_MAX};

    fn round_trip(name: &[u8], target: Option<&[u8]>, room: usize) -> (Facts, usize) {
        let kind = match target {
            Some(target) => Kind::Symlink(target.into()),
            None => Kind::File(crate::iso9660::Content::Old(Vec::new())),
        };
        let meta = Meta {
            mode: 0o4755,
            uid: 1000,
            gid: 70_000,
            mtime: crate::iso9660::Time::from_seconds(1_000_000_000),
        };
        let node = Node { meta, kind };
        let mut continuation = Continuation {
            sector: 100,
            bytes: b"something before".to_vec(),
        };
        let all = entries(&node, 1, 7, Place::Named(name));
        let kept = place(all, room, &mut continuation);
        assert!(kept.len() <= room);
        let facts = facts::<&str>(&kept, 0, &mut |sector, offset, length| {
            assert!(offset + length <= 2048);
            let at = (sector as usize - 100) * 2048 + offset;
            Ok(continuation.bytes[at..at + length].to_vec())
        })
        .unwrap();
        (facts, continuation.bytes.len())
    }

    #[test]
    fn names_and_targets_of_every_length_come_back() {
        for length in [1, 100, 157, 158, 200, 250, 251, 255] {
            let name = vec![b'n'; length];
            let (facts, continued) = round_trip(&name, None, 206);
            assert_eq!(facts.name.as_deref(), Some(&name[..]));
            assert_eq!(facts.posix, Some((0o104_755, 1000, 70_000)));
            assert_eq!(continued > 16, length > 157);
        }
        for length in [1, 130, 248, 249, 250, 1000, 4095, TARGET_MAX] {
            let target: Vec<u8> = (0..length)
                .map(|at| if at % 301 == 300 { b'/' } else { b't' })
                .collect();
            let (facts, _) = round_trip(b"link", Some(&target), 206);
            assert_eq!(facts.target, Some(target));
        }
    }

    #[test]
    fn targets_come_back_to_the_byte() {
        let dots = "../".repeat(1000) + "x";
        for target in [
            &dots,
            "/",
            "//",
            "/a",
            "a//b",
            "a/",
            "./a",
            "../..",
            "/..",
            "a/./b/../c",
            ".",
            "...",
            "\u{1}/\u{7f}",
        ] {
            let (facts, _) = round_trip(b"link", Some(target.as_bytes()), 206);
            assert_eq!(facts.target.as_deref(), Some(target.as_bytes()));
        }
    }
}
