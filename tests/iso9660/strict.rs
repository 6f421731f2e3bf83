//! The structure of an image, compared with ECMA-119 to the letter by a parser of its own, and shown as text.
//!
//! What readers tolerate (numbers that differ in their two byte orders, records out of order, path tables that nobody
//! reads) is an error here.

use std::fmt::Write as _;

use cback::iso9660::{Image, Joliet, Options, SpaceSize, Time, Tree};

use crate::disc::{add, root_meta, write};
use crate::model::{Model, dir, file, link};

struct Checker<'a> {
    /// The medium from sector 0 on.
    medium: &'a [u8],
    text: String,
    /// What is where: first sector, sectors, what.
    used: Vec<(u32, u32, String)>,
}

#[derive(Debug, PartialEq, Eq, Clone)]
struct Directory {
    identifier: Vec<u8>,
    sector: u32,
    parent: usize,
}

fn both16(bytes: &[u8]) -> u16 {
    let little = u16::from_le_bytes([bytes[0], bytes[1]]);
    assert_eq!(little, u16::from_be_bytes([bytes[2], bytes[3]]));
    little
}

fn both32(bytes: &[u8]) -> u32 {
    let little = u32::from_le_bytes(bytes[..4].try_into().unwrap());
    assert_eq!(little, u32::from_be_bytes(bytes[4..8].try_into().unwrap()));
    little
}

fn sectors(bytes: u32) -> u32 {
    bytes.div_ceil(2048)
}

/// What an identifier is sorted by (9.3).
type Key = (Vec<u8>, Vec<u8>);

fn key(identifier: &[u8], joliet: bool) -> Key {
    let dot = identifier.iter().position(|byte| *byte == b'.');
    match dot.filter(|_| !joliet) {
        Some(dot) => (identifier[..dot].to_vec(), identifier[dot + 1..].to_vec()),
        None => (identifier.to_vec(), Vec::new()),
    }
}

impl Checker<'_> {
    fn at(&self, sector: u32, bytes: u32) -> &[u8] {
        let start = sector as usize * 2048;
        &self.medium[start..start + bytes as usize]
    }

    fn used(&mut self, sector: u32, count: u32, what: &str) {
        if count > 0 {
            self.used.push((sector, count, what.to_owned()));
        }
    }

    fn check(&mut self, start: u32, space: u32) {
        let mut at = start + 16;
        loop {
            let descriptor = self.at(at, 2048).to_vec();
            assert_eq!(&descriptor[1..6], b"CD001");
            assert_eq!(descriptor[6], 1);
            at += 1;
            if descriptor[0] == 255 {
                assert!(descriptor[7..].iter().all(|byte| *byte == 0));
                break;
            }
            assert!(descriptor[0] == 1 || &descriptor[88..91] == b"%/E");
            assert_eq!(both32(&descriptor[80..]), space);
            for at in [120, 124] {
                assert_eq!(both16(&descriptor[at..]), 1);
            }
            assert_eq!(both16(&descriptor[128..]), 2048);
            assert_eq!(descriptor[881], 1);
            self.hierarchy(&descriptor, descriptor[0] == 2);
        }
        self.used(start, at - start, "descriptors");
    }

    fn hierarchy(&mut self, descriptor: &[u8], joliet: bool) {
        let table_bytes = both32(&descriptor[132..]);
        let little = u32::from_le_bytes(descriptor[140..144].try_into().unwrap());
        let big = u32::from_be_bytes(descriptor[148..152].try_into().unwrap());
        assert_eq!(&descriptor[144..148], [0; 4]);
        assert_eq!(&descriptor[152..156], [0; 4]);
        assert_eq!(descriptor[156], 34);
        let root = both32(&descriptor[158..]);
        let root_bytes = both32(&descriptor[166..]);
        let label: Vec<u8> = descriptor[40..72]
            .iter()
            .copied()
            .filter(|b| *b != 0)
            .collect();
        writeln!(
            self.text,
            "{} {:?}: path tables of {table_bytes} bytes at {little} and {big}, root at {root}",
            if joliet { "joliet" } else { "primary" },
            label.escape_ascii().to_string().trim_end()
        )
        .unwrap();
        let tables = [(little, "little"), (big, "big")].map(|(sector, order)| {
            self.used(sector, sectors(table_bytes), "path table");
            let bytes = self.at(sector, table_bytes).to_vec();
            path_table(&bytes, order == "big")
        });
        assert_eq!(tables[0], tables[1]);
        // by level, by number of the parent, by identifier: what a queue gives
        let mut found = vec![(
            Directory {
                identifier: vec![0],
                sector: root,
                parent: 1,
            },
            root_bytes,
        )];
        let mut number = 0;
        while let Some((directory, bytes)) = found.get(number).cloned() {
            let parent = found[directory.parent - 1].0.sector;
            for (identifier, sector, length) in self.directory(&directory, bytes, parent, joliet) {
                let child = Directory {
                    identifier,
                    sector,
                    parent: number + 1,
                };
                found.push((child, length));
            }
            number += 1;
        }
        let directories: Vec<_> = found.into_iter().map(|(directory, _)| directory).collect();
        assert_eq!(directories, tables[0]);
    }

    /// Checks a directory; its subdirectories with sector and length.
    fn directory(
        &mut self,
        directory: &Directory,
        bytes: u32,
        parent: u32,
        joliet: bool,
    ) -> Vec<(Vec<u8>, u32, u32)> {
        let sector = directory.sector;
        self.used(sector, sectors(bytes), "directory");
        assert!(bytes > 0 && bytes.is_multiple_of(2048));
        writeln!(self.text, "  directory at {sector}, {bytes} bytes").unwrap();
        let mut children = Vec::new();
        let mut before: Option<(Key, u8)> = None;
        let mut number = 0;
        for block in 0..bytes / 2048 {
            let block = self.at(sector + block, 2048).to_vec();
            let mut at = 0;
            while at < 2048 && block[at] != 0 {
                let record = &block[at..at + usize::from(block[at])];
                at += record.len();
                assert!(record.len().is_multiple_of(2));
                assert_eq!([record[1], record[26], record[27]], [0; 3]);
                assert_eq!(both16(&record[28..]), 1);
                let (place, length) = (both32(&record[2..]), both32(&record[10..]));
                let flags = record[25];
                let end = 33 + usize::from(record[32]);
                let identifier = record[33..end].to_vec();
                let system_use = &record[end + usize::from(end % 2 == 1)..];
                let entries = if joliet {
                    String::new()
                } else {
                    self.system_use(system_use)
                };
                writeln!(
                    self.text,
                    "    {place} +{length} {flags:02x} {}{entries}",
                    identifier.escape_ascii()
                )
                .unwrap();
                match number {
                    0 => assert_eq!((&identifier[..], place, length), (&[0][..], sector, bytes)),
                    1 => assert_eq!((&identifier[..], place), (&[1][..], parent)),
                    _ => {
                        check_identifier(&identifier, flags, joliet);
                        let key = key(&identifier, joliet);
                        if let Some((before, flags)) = &before {
                            let continues = flags & 0x80 != 0;
                            assert!(if continues {
                                *before == key
                            } else {
                                *before < key
                            });
                        }
                        before = Some((key, flags));
                        if flags & 2 != 0 {
                            children.push((identifier, place, length));
                        } else {
                            assert!(flags & 0x80 == 0 || length.is_multiple_of(2048));
                            self.used(place, sectors(length), "file");
                        }
                    }
                }
                number += 1;
            }
            assert!(block[at..].iter().all(|byte| *byte == 0));
        }
        assert_eq!(before.map_or(0, |(_, flags)| flags & 0x80), 0);
        children
    }

    fn system_use(&mut self, area: &[u8]) -> String {
        let mut text = String::new();
        let mut area = area.to_vec();
        loop {
            let mut next = None;
            let mut rest = &area[..];
            while rest.len() >= 4 {
                let (entry, behind) = rest.split_at(usize::from(rest[2]));
                rest = behind;
                assert_eq!(entry[3], 1);
                let data = &entry[4..];
                let shown = match &entry[..2] {
                    b"CE" => {
                        next = Some([both32(data), both32(&data[8..]), both32(&data[16..])]);
                        format!("{next:?}")
                    }
                    b"PX" => {
                        assert_eq!(entry.len(), 44);
                        let number = |at: usize| both32(&data[at * 8..]);
                        format!(
                            "{:o} {} {} {} {}",
                            number(0),
                            number(1),
                            number(2),
                            number(3),
                            number(4)
                        )
                    }
                    b"NM" | b"SL" | b"ER" | b"SP" | b"TF" => data.escape_ascii().to_string(),
                    other => panic!("{}", other.escape_ascii()),
                };
                write!(text, " {}({shown})", entry[..2].escape_ascii()).unwrap();
            }
            assert!(rest.iter().all(|byte| *byte == 0));
            let Some([sector, offset, length]) = next else {
                return text;
            };
            assert!(offset + length <= 2048);
            area = self.at(sector, 2048)[offset as usize..(offset + length) as usize].to_vec();
            self.used(sector, 1, "continuation");
        }
    }

    /// Nothing overlaps, and where nothing is there are zeros.
    fn check_places(&mut self, start: u32) {
        self.used.sort();
        self.used.dedup(); // Joliet shows the same files, continuation areas share sectors
        let mut next = start;
        for (sector, count, what) in self.used.clone() {
            assert!(sector >= next, "{what} at {sector} overlaps");
            let gap = self.at(next, (sector - next) * 2048);
            assert!(gap.iter().all(|byte| *byte == 0));
            next = sector + count;
        }
        let end = u32::try_from(self.medium.len() / 2048).unwrap();
        assert!(
            self.at(next, (end - next) * 2048)
                .iter()
                .all(|byte| *byte == 0)
        );
    }
}

fn path_table(mut bytes: &[u8], big: bool) -> Vec<Directory> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(bytes[0]);
        assert_eq!(bytes[1], 0);
        let sector = bytes[2..6].try_into().unwrap();
        let parent = bytes[6..8].try_into().unwrap();
        found.push(Directory {
            identifier: bytes[8..8 + length].to_vec(),
            sector: if big {
                u32::from_be_bytes(sector)
            } else {
                u32::from_le_bytes(sector)
            },
            parent: usize::from(if big {
                u16::from_be_bytes(parent)
            } else {
                u16::from_le_bytes(parent)
            }),
        });
        bytes = &bytes[8 + length.next_multiple_of(2)..];
    }
    found
}

fn check_identifier(identifier: &[u8], flags: u8, joliet: bool) {
    if joliet {
        let version = if flags & 2 == 0 { 4 } else { 0 };
        assert!(identifier.len().is_multiple_of(2) && identifier.len() <= 128 + version);
        return;
    }
    let d_characters = |bytes: &[u8]| {
        let allowed =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        assert!(bytes.iter().all(allowed), "{}", identifier.escape_ascii());
    };
    if flags & 2 != 0 {
        assert!(identifier.len() <= 31);
        return d_characters(identifier);
    }
    let name = identifier.strip_suffix(b";1").unwrap();
    let dot = name.iter().position(|byte| *byte == b'.').unwrap();
    assert!(name.len() <= 31 && name.len() > 1);
    d_characters(&name[..dot]);
    d_characters(&name[dot + 1..]);
}

/// Checks an image of a model at a place; what it shows.
fn check(model: &Model, start: u32, space_size: SpaceSize) -> String {
    let mut tree = Tree::new(root_meta());
    let sources = add(&mut tree, model);
    let options = Options {
        start,
        volume_id: "STRICT".to_owned(),
        created: Time::from_seconds(1_700_000_000),
        joliet: Joliet::With,
        space_size,
        padding: 3,
        ..Options::default()
    };
    let image = Image::new(tree, &options).unwrap();
    let mut medium = vec![0; start as usize * 2048];
    medium.extend(write(&image, &sources));
    let mut checker = Checker {
        medium: &medium,
        text: String::new(),
        used: Vec::new(),
    };
    checker.check(start, image.end());
    checker.check_places(start);
    checker.text
}

fn small() -> Model {
    let deep = "d/1/2/3/4/5/6/7/8/9";
    let mut model: Model = [
        ("README.txt".to_owned(), file(1, 5000)),
        ("empty".to_owned(), file(0, 0)),
        ("archive.tar.gz".to_owned(), file(2, 2048)),
        ("n".repeat(200), file(3, 1)),
        ("link".to_owned(), link("../a//b/")),
        (
            "far".to_owned(),
            link(format!("/{}", "component/".repeat(60))),
        ),
        (format!("{deep}/f"), file(4, 4)),
    ]
    .into_iter()
    .map(|(path, item)| (path.into_bytes(), item))
    .collect();
    for (at, _) in deep.match_indices('/').chain([(deep.len(), "")]) {
        model.insert(deep.as_bytes()[..at].to_vec(), dir());
    }
    model
}

#[test]
fn an_image_is_to_the_letter_of_the_standard() {
    let text = check(&small(), 0, SpaceSize::End);
    snapbox::assert_data_eq!(text, snapbox::file!["dump.txt"].raw());
}

#[test]
fn large_directories_and_later_sessions_are_to_the_letter_too() {
    let mut model = small();
    for number in 0..400_usize {
        let path = format!(
            "{}{number}",
            "some long name that is cut ".repeat(1 + number % 9)
        );
        model.insert(
            path.into_bytes(),
            file(number as u64, number as u64 % 5 * 1000),
        );
        model.insert(format!("dir.{number}").into_bytes(), dir());
    }
    check(&model, 0, SpaceSize::End);
    check(&model, 12_345, SpaceSize::Length);
}
