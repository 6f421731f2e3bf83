//! Memory stays flat however many files a volume has. In a program of its own, whose peak nobody else raises.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::File;

use cback::iso9660::{Content, Image, Joliet, Meta, Options, Tree, Volume};

const FILES: usize = 200_000;
/// Bytes for each file, names included. Half would do; with an allocation for each name and place it would be 700.
const EACH: u64 = 160;
/// What an image takes however small it is: blocks on their way to the output.
const BLOCKS: u64 = 8 << 20;

/// The most memory that this program has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[test]
fn many_files_in_one_directory_are_laid_out_and_listed_in_little_memory() {
    let most = BLOCKS + FILES as u64 * EACH;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.iso");
    let before = peak();

    let mut tree = Tree::new(Meta::default());
    for source in 0..FILES {
        let content = Content::New { source, bytes: 0 };
        let name = format!("document-{source:07}.txt");
        tree.add_file(name, Meta::default(), content).unwrap();
    }
    let options = Options {
        joliet: Joliet::With,
        ..Options::default()
    };
    let image = Image::new(tree, &options).unwrap();
    let mut file = File::create(&path).unwrap();
    image.write(&mut file, &mut |_| unreachable!()).unwrap();
    drop(image);
    let written = peak() - before;
    assert!(written < most, "writing took {written} bytes");

    // What was freed is used again.
    let medium = File::open(&path).unwrap();
    let volume = Volume::open(&medium, 0).unwrap();
    let mut count = 0;
    for entry in volume.listing().unwrap() {
        let (path, _) = entry.unwrap();
        assert_eq!(path, format!("document-{count:07}.txt").as_bytes());
        count += 1;
    }
    assert_eq!(count, FILES);
    assert_eq!(volume.tree().unwrap().walk().count(), FILES);
    let all = peak() - before;
    assert!(all < most, "writing and reading took {all} bytes");
}
