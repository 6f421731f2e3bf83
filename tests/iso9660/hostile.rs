//! Media that lie. Whatever is on one, reading ends with a result or an error that has a kind; it never panics,
//! and what it makes of a small medium stays small.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use cback::iso9660::{
    FileReader, Image, Kind, Names, Options, ReadAt, ReadError, SECTOR, Tree, Volume,
    readable_sessions, sessions, sessions_of_copy,
};

use crate::disc::{Disc, add, root_meta, write};
use crate::model::{Model, dir, file, link};

/// A medium that counts what is read from it.
struct Counting<'a> {
    bytes: &'a [u8],
    read: AtomicU64,
}

impl ReadAt for Counting<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let count = self.bytes.read_at(buffer, offset)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn len(&self) -> std::io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

/// Reads everything that can be read, and checks that it was not much more than there is.
fn devour(bytes: &[u8]) -> Vec<Result<Tree, ReadError>> {
    let medium = Counting {
        bytes,
        read: AtomicU64::new(0),
    };
    let mut starts = vec![0];
    if let Ok(sessions) = sessions(&medium) {
        starts.extend(sessions.iter().map(|session| session.start).take(8));
    }
    let readable = readable_sessions(&medium).starts;
    starts.extend(readable.iter().rev().take(2));
    if let Ok(copied) = sessions_of_copy(&medium) {
        assert!(copied.len() <= bytes.len() / 2048);
        assert!(copied.is_sorted_by(|a, b| a.start < b.start));
    }
    starts.sort_unstable();
    starts.dedup();
    let mut results = Vec::new();
    for start in starts {
        let volume = match Volume::open(&medium, start) {
            Ok(volume) => volume,
            Err(error) => {
                results.push(Err(error));
                continue;
            }
        };
        if let Ok((salvaged, losses)) = volume.salvage() {
            // The same where all is well, and only there.
            let whole = volume.tree();
            assert_eq!(whole.is_ok(), losses.is_empty(), "{whole:?}");
            let all = whole.map_or(0, |tree| tree.walk().count());
            assert!(salvaged.walk().count() >= all);
            let (listed, lost): (Vec<_>, Vec<_>) =
                volume.listing().unwrap().partition(Result::is_ok);
            assert_eq!(lost.is_empty(), losses.is_empty());
            let mut listed: Vec<_> = listed.into_iter().map(|entry| entry.unwrap().0).collect();
            listed.sort_unstable();
            let mut all: Vec<_> = salvaged.walk().map(|(path, _)| path).collect();
            all.sort_unstable();
            assert!(listed == all, "{listed:?} {all:?}");
        } else {
            assert!(volume.tree().is_err());
            assert!(volume.listing().is_err());
        }
        for names in [Names::RockRidge, Names::Joliet, Names::Plain] {
            let tree = volume.tree_of(names);
            if let Ok(tree) = &tree {
                let mut left = bytes.len() as u64 * 2;
                for (_, node) in tree.walk() {
                    if let Kind::File(content) = &node.kind {
                        // lies about lengths may not make us read for ever
                        let mut some = volume.file(content).take(left);
                        left -= std::io::copy(&mut some, &mut std::io::sink()).unwrap_or(0);
                    }
                }
            }
            results.push(tree);
        }
    }
    let read = medium.read.into_inner();
    let bound = 64 * bytes.len() as u64 + (1 << 20);
    assert!(read < bound, "{read} bytes were read of {}", bytes.len());
    results
}

fn victim() -> Vec<u8> {
    let mut model = Model::new();
    let long = "n".repeat(220);
    for (path, item) in [
        ("d", dir()),
        ("d/e", dir()),
        ("d/e/f", file(1, 3000)),
        ("d/empty", file(0, 0)),
        (long.as_str(), file(2, 10)),
        ("link", link("t".repeat(600))),
        ("SUMS", file(3, 2048)),
    ] {
        model.insert(path.as_bytes().to_vec(), item);
    }
    let mut tree = Tree::new(root_meta());
    let sources = add(&mut tree, &model);
    let image = Image::new(tree, &Options::default()).unwrap();
    write(&image, &sources)
}

/// Where descriptors, path tables and directories are: everything but contents.
fn metadata(image: &[u8]) -> std::ops::Range<usize> {
    16 * 2048..image.len() - 4 * 2048
}

#[test]
fn every_byte_of_the_metadata_may_be_anything() {
    let image = victim();
    let mut broken = image.clone();
    let (mut sound, mut damaged) = (0, 0);
    for at in metadata(&image) {
        if image[at] == 0 && at % 7 != 0 {
            continue; // most of a volume is zeros; some of them will do
        }
        for value in [0, 0xFF, image[at] ^ 1, image[at].wrapping_add(0x80)] {
            broken[at] = value;
            for result in devour(&broken) {
                match result {
                    Ok(_) => sound += 1,
                    Err(_) => damaged += 1,
                }
            }
        }
        broken[at] = image[at];
    }
    assert!(sound > 1000 && damaged > 1000, "{sound} {damaged}");
}

#[test]
fn every_number_may_be_wrong() {
    let image = victim();
    let mut broken = image.clone();
    for at in metadata(&image).step_by(2) {
        if image[at..at + 4] == [0; 4] {
            continue;
        }
        for value in [1, 16, 19, 0x7FFF_FFFF, 0xFFFF_F800, u32::MAX] {
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            devour(&broken);
        }
        broken[at..at + 4].copy_from_slice(&image[at..at + 4]);
    }
}

#[test]
fn a_medium_may_end_anywhere() {
    let image = victim();
    for length in (0..image.len()).step_by(509) {
        devour(&image[..length]);
    }
    let end = image.len() - 4 * 2048;
    let volume = Volume::open(&image, 0).unwrap();
    let whole = volume.tree().unwrap();
    // files are lost, names are not
    let cut = image[..end].to_vec();
    let tree = Volume::open(&cut, 0).unwrap().tree().unwrap();
    assert_eq!(tree.walk().count(), whole.walk().count());
    let Kind::File(content) = &tree.lookup("SUMS").unwrap().kind else {
        panic!("no file");
    };
    let cut_volume = Volume::open(&cut, 0).unwrap();
    let mut bytes = Vec::new();
    assert!(cut_volume.file(content).read_to_end(&mut bytes).is_err());
}

#[test]
fn sessions_may_lie_about_where_they_are() {
    let mut disc = Disc::blank();
    for number in 0..3_u64 {
        let name = format!("f{number}").into_bytes();
        disc.append("S", &Model::from([(name, file(number, 5000))]), &[]);
    }
    let image = std::fs::read(&disc.path).unwrap();
    let starts: Vec<_> = std::iter::once(0)
        .chain(sessions(&image).unwrap().iter().map(|one| one.start))
        .collect();
    let mut broken = image.clone();
    for start in starts {
        let descriptor = (start as usize + 16) * 2048;
        for field in [0, 1, 80, 128, 156, 158, 166] {
            let at = descriptor + field;
            for value in [0, 1, 32, 48, 64, 0x7FFF_FFFF, 0xFFFF_FFE1, u32::MAX] {
                broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
                devour(&broken);
            }
            broken[at..at + 4].copy_from_slice(&image[at..at + 4]);
        }
    }
}

/// Where a directory record for an identifier begins.
fn record(image: &[u8], identifier: &[u8]) -> usize {
    let at = image
        .windows(identifier.len())
        .position(|window| window == identifier)
        .unwrap();
    at - 33
}

fn patch(image: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut broken = image.to_vec();
    broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
    broken
}

fn assert_corrupt(image: &dyn ReadAt, words: &str) {
    let error = Volume::open(image, 0)
        .and_then(|volume| volume.tree())
        .unwrap_err();
    assert!(
        matches!(&error, ReadError::Corrupt { what, .. } if what.contains(words)),
        "{error}"
    );
}

#[test]
fn known_tricks_are_called_damage() {
    let image = victim();
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let root = number(16 * 2048 + 158);
    // the first record with the identifier D is in the root, the second one is in the path table or elsewhere
    let root_bytes = &image[root as usize * 2048..];
    let d = root as usize * 2048 + record(root_bytes, b"\x01D\x44\x00PX"[..2].as_ref()) + 1;
    assert_eq!(image[d + 32..d + 34], [1, b'D']);
    assert_corrupt(&patch(&image, d + 2, root), "contains itself");
    assert_corrupt(&patch(&image, d + 10, 0xFFFF_F800), "beyond the end");
    let continuation = image
        .windows(4)
        .position(|window| window == b"CE\x1c\x01")
        .unwrap();
    assert_corrupt(&patch(&image, continuation + 4, u32::MAX), "continuation");
    assert_corrupt(&patch(&image, continuation + 12, 2000), "continuation");
    assert_corrupt(&patch(&image, continuation + 20, u32::MAX), "continuation");
    let name = image.windows(4).position(|w| w == b"SUMS").unwrap();
    let real = image[name..]
        .windows(9)
        .position(|w| w == b"NM\x09\x01\0SUMS");
    let mut slash = image.clone();
    let at = name + real.unwrap() + 5;
    slash[at..at + 4].copy_from_slice(b"../x");
    assert_corrupt(&slash, "slash");
    let mut twice = image.clone();
    twice[at..at + 4].copy_from_slice(b"link");
    assert_corrupt(&twice, "twice");
}

/// A file that goes on where another one is: what is missing is missed of it alone.
#[test]
fn a_file_without_its_next_section_costs_no_other() {
    let image = victim();
    let mut broken = image.clone();
    let begun = record(&image, b"NNNNNNNN.;1");
    assert_eq!(image[begun + 25], 0);
    broken[begun + 25] = 0x80;
    assert_corrupt(&broken, "next section");
    let volume = Volume::open(&broken, 0).unwrap();
    let (tree, losses) = volume.salvage().unwrap();
    assert_eq!(losses.len(), 1);
    assert!(tree.lookup("SUMS").is_some());
    devour(&broken);
}

/// Bytes of the directory in which a record has such an identifier: its sector.
fn sector_with(image: &[u8], identifier: &[u8]) -> usize {
    record(image, identifier) / 2048
}

/// UCS-2.
fn wide(name: &str) -> Vec<u8> {
    name.bytes().flat_map(|byte| [0, byte]).collect()
}

#[test]
fn what_rock_ridge_has_lost_joliet_still_has() {
    let image = victim();
    let whole = Volume::open(&image, 0).unwrap().tree().unwrap();
    let contents = |tree: &Tree, path: &str| match tree.lookup(path).map(|node| node.kind) {
        Some(Kind::File(content)) => Some(content),
        _ => None,
    };
    // The root, a directory in it and one in that; and what continues the records of the root, that of the long name too.
    let root = sector_with(&image, b"SUMS.;1");
    let (upper, lower) = (
        sector_with(&image, b"EMPTY.;1"),
        sector_with(&image, b"\x04F.;1"),
    );
    assert!(root + 1 < upper && upper < lower);
    let long = "n".repeat(60);
    for lost in [root, upper, lower, root + 1] {
        let mut broken = image.clone();
        broken[lost * 2048..][..2048].fill(b'x');
        let volume = Volume::open(&broken, 0).unwrap();
        assert!(volume.tree().is_err());
        let (tree, losses) = volume.salvage().unwrap();
        assert!(!losses.is_empty());
        for path in ["SUMS", "d/e/f", "d/empty"] {
            let there = contents(&tree, path);
            assert!(there.is_some(), "{path}");
            assert_eq!(there, contents(&whole, path), "{path}");
        }
        // once, by its own name or by what is left of it
        let is_long = |path: &[u8]| path.starts_with(long.as_bytes());
        assert_eq!(tree.walk().filter(|(path, _)| is_long(path)).count(), 1);
        let listed = volume.listing().unwrap().filter_map(Result::ok);
        let mut listed: Vec<_> = listed.map(|(path, _)| path).collect();
        listed.sort();
        let mut salvaged: Vec<_> = tree.walk().map(|(path, _)| path).collect();
        salvaged.sort();
        assert_eq!(listed, salvaged);
        devour(&broken);
    }
    // Both.
    let mut broken = image.clone();
    for lost in [root, sector_with(&image, &wide("SUMS"))] {
        broken[lost * 2048..][..2048].fill(b'x');
    }
    assert!(
        Volume::open(&broken, 0)
            .and_then(|volume| volume.salvage())
            .is_err()
    );
}

/// A continuation area that points to itself.
#[test]
fn continuation_areas_without_end_are_damage() {
    let mut image = victim();
    let ce = image
        .windows(4)
        .position(|window| window == b"CE\x1c\x01")
        .unwrap();
    let entry = image[ce..ce + 28].to_vec();
    let sector = u32::from_le_bytes(entry[4..8].try_into().unwrap()) as usize;
    let offset = u32::from_le_bytes(entry[12..16].try_into().unwrap()) as usize;
    let area = sector * 2048 + offset;
    let end = area + u32::from_le_bytes(entry[20..24].try_into().unwrap()) as usize;
    image[area..end].fill(0);
    image[area..area + 28].copy_from_slice(&entry);
    assert_corrupt(&image, "no end");
}

#[test]
fn a_file_may_claim_more_than_the_medium_has() {
    let medium = vec![7_u8; 4096];
    let extent = cback::iso9660::Extent {
        sector: u32::MAX,
        bytes: u64::MAX,
    };
    let mut bytes = Vec::new();
    let error = FileReader::new(&medium, &[extent])
        .read_to_end(&mut bytes)
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(u64::from(extent.sector) * SECTOR > 4096);
}

#[test]
fn a_medium_that_cannot_be_read_is_not_called_empty_or_damaged() {
    struct Dead;
    impl ReadAt for Dead {
        fn read_at(&self, _: &mut [u8], _: u64) -> std::io::Result<usize> {
            Err(std::io::Error::other("no seek complete"))
        }
        fn len(&self) -> std::io::Result<u64> {
            Ok(1 << 30)
        }
    }
    assert!(matches!(sessions(&Dead), Err(ReadError::Io { .. })));
    assert!(matches!(Volume::open(&Dead, 0), Err(ReadError::Io { .. })));
}
