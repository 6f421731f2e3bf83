//! A session against the image that it was written from: whatever of Joliet's is not as it was laid out is found.

use std::collections::{BTreeMap, BTreeSet};

use cback::iso9660::{Content, Image, Joliet, Meta, Options, Part, Tree, Unlike, Volume};

fn tree() -> Tree {
    let mut tree = Tree::new(Meta::default());
    for dir in ["one", "one/grün", "two"] {
        tree.make_dir(dir, Meta::default()).unwrap();
    }
    let many = (0..60).map(|number| format!("two/a rather long name {number}.tar.gz"));
    let few = ["text", "one/letter", "one/grün/\u{1F4BE}*?"].map(str::to_owned);
    for (source, path) in few.into_iter().chain(many).enumerate() {
        let content = Content::New { source, bytes: 5 };
        tree.add_file(path, Meta::default(), content).unwrap();
    }
    tree.add_symlink("link", Meta::default(), "text").unwrap();
    tree
}

/// The image of a session that starts at a sector, and the medium with it.
fn written(start: u32, joliet: Joliet) -> (Image, Vec<u8>) {
    let options = Options {
        start,
        volume_id: "TEST".to_owned(),
        joliet,
        ..Options::default()
    };
    let image = Image::new(tree(), &options).unwrap();
    let mut medium = vec![0; start as usize * 2048];
    let faults = image.write(&mut medium, &mut |_| Ok(Box::new(&b"bytes"[..])));
    assert!(faults.unwrap().is_empty());
    (image, medium)
}

#[allow(clippy::ptr_arg)] // that is what is a medium
fn unlike(image: &Image, medium: &Vec<u8>) -> Vec<Unlike> {
    let volume = Volume::open(medium, image.start()).unwrap();
    volume.unlike_joliet_of(image).unwrap()
}

fn path(part: Part) -> Option<Vec<u8>> {
    match part {
        Part::Directory(path) => Some(path),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from(u32::from_be_bytes(bytes.try_into().unwrap()))
}

#[test]
fn every_sector_of_joliets_counts_and_no_other_one() {
    for start in [0, 160] {
        let (image, medium) = written(start, Joliet::With);
        assert_eq!(unlike(&image, &medium), []);
        let contents = image.extents(0)[0].sector;
        let mut found: BTreeMap<u64, Part> = BTreeMap::new();
        // The last byte of a name or number that is in every sector of a hierarchy: no reader trips over it before.
        for sector in start + 17..contents {
            let mut medium = medium.clone();
            let sector = sector as usize;
            let last = medium[sector * 2048..(sector + 1) * 2048]
                .iter()
                .rposition(|byte| *byte != 0);
            let Some(last) = last else { continue };
            medium[sector * 2048 + last] ^= 1;
            let Ok(volume) = Volume::open(&medium, start) else {
                continue;
            };
            let parts = volume.unlike_joliet_of(&image).unwrap();
            assert!(parts.len() <= 1, "{parts:?}");
            for part in parts {
                let sector = sector as u64;
                assert_eq!(part.sectors, [(sector, sector)]);
                found.insert(sector, part.part);
            }
        }
        let descriptor = &medium[(start as usize + 17) * 2048..][..2048];
        let start = u64::from(start);
        let mut expected = BTreeMap::from([(start + 17, Part::Descriptor)]);
        for place in [
            u32::from_le_bytes(descriptor[140..144].try_into().unwrap()).into(),
            number(&descriptor[148..152]),
        ] {
            expected.insert(place, Part::PathTable);
        }
        let (directories, others): (BTreeMap<_, _>, BTreeMap<_, _>) = found
            .into_iter()
            .partition(|(_, part)| matches!(part, Part::Directory(_)));
        assert_eq!(others, expected);
        // The last hierarchy is Joliet's, and ends where the contents begin; one directory has several sectors.
        let root = number(&descriptor[162..166]);
        let all: Vec<u64> = directories.keys().copied().collect();
        assert_eq!(all, (root..contents.into()).collect::<Vec<u64>>());
        let paths: BTreeSet<Vec<u8>> = directories.into_values().filter_map(path).collect();
        let expected = ["", "one", "one/grün", "two"].map(|path| path.as_bytes().to_vec());
        assert_eq!(paths, expected.into());
    }
}

#[test]
fn sectors_of_one_directory_are_told_together_and_what_cannot_be_read_is_an_error() {
    let (image, mut medium) = written(0, Joliet::With);
    let name: Vec<u8> = "name 5".bytes().flat_map(|byte| [0, byte]).collect();
    let at = medium.windows(name.len()).rposition(|one| one == name);
    let at = at.unwrap() / 2048;
    medium[(at - 1) * 2048 + 100] ^= 1;
    medium[at * 2048 + 100] ^= 1;
    let sector = at as u64;
    let expected = Unlike {
        part: Part::Directory(b"two".to_vec()),
        sectors: vec![(sector - 1, sector)],
    };
    assert_eq!(unlike(&image, &medium), [expected]);
    medium.truncate(at * 2048);
    let volume = Volume::open(&medium, 0).unwrap();
    volume.unlike_joliet_of(&image).unwrap_err();
}

#[test]
fn where_nothing_is_written_for_joliet_nothing_is_missing() {
    let (image, medium) = written(0, Joliet::Without);
    assert_eq!(unlike(&image, &medium), []);
    // A medium without that should have it is another matter.
    let (with, _) = written(0, Joliet::With);
    assert_ne!(unlike(&with, &medium), []);
}
