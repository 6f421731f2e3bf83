//! Much of everything: directories deep and wide, a file of more than 4 GiB.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use cback::iso9660::{Content, Extent, FileReader, Image, Kind, Options, SECTOR, Tree, Volume};

use crate::disc::{Disc, meta, root_meta};
use crate::foreign::{Shown, Which, bsdtar_extract, isoinfo_paths, run, xorriso_extract};
use crate::model::{Model, assert_same, dir, expected, file, read_directory, read_tree};

/// Extracts with everybody and compares; returns the paths that isoinfo has to see.
fn judge(disc: &Disc) {
    let wanted = expected(&disc.model);
    let medium = disc.open();
    let tree = Volume::open(&medium, 0).unwrap().tree().unwrap();
    assert_same("ours", &read_tree(&medium, &tree), &wanted);
    let directory = disc.directory.path();
    std::fs::create_dir(directory.join("bsdtar")).unwrap();
    bsdtar_extract(&disc.path, &directory.join("bsdtar"));
    assert_same(
        "bsdtar",
        &read_directory(&directory.join("bsdtar")),
        &wanted,
    );
    xorriso_extract(&disc.path, Which::Newest, &directory.join("xorriso"));
    assert_same(
        "xorriso",
        &read_directory(&directory.join("xorriso")),
        &wanted,
    );
    let paths: BTreeSet<_> = disc.model.keys().cloned().collect();
    assert_eq!(isoinfo_paths(&disc.path, Shown::RockRidge, 0), paths);
}

#[test]
fn directories_of_any_depth_are_where_they_belong() {
    let mut model = Model::new();
    for (top, levels) in [("eight", 8), ("nine", 9), ("thirty", 30)] {
        let mut path = top.to_owned();
        model.insert(path.clone().into_bytes(), dir());
        for level in 2..=levels {
            write!(path, "/{level}").unwrap();
            model.insert(path.clone().into_bytes(), dir());
            model.insert(format!("{path}/f").into_bytes(), file(level, 10));
        }
    }
    let mut disc = Disc::blank();
    disc.append("DEEP", &model, &[]);
    judge(&disc);
    let paths = model.keys().cloned().collect();
    assert_eq!(isoinfo_paths(&disc.path, Shown::Joliet, 0), paths);
}

#[test]
fn a_directory_of_five_thousand_entries_is_complete() {
    let mut model = Model::new();
    model.insert(b"wide".to_vec(), dir());
    for number in 0..5000 {
        let path = format!("wide/a name that is the same for forty characters {number}");
        model.insert(path.into_bytes(), file(number, number % 3 * 10));
    }
    let mut disc = Disc::blank();
    disc.append("WIDE", &model, &[]);
    judge(&disc);
}

#[test]
fn a_hundred_thousand_entries_are_measured_and_read_back() {
    let mut tree = Tree::new(root_meta());
    tree.make_dir("wide", root_meta()).unwrap();
    for number in 0..100_000_usize {
        let content = Content::New {
            source: number,
            bytes: 0,
        };
        tree.add_file(format!("wide/{number}"), root_meta(), content)
            .unwrap();
    }
    let image = Image::new(tree, &Options::default()).unwrap();
    let mut out = Vec::new();
    image.write(&mut out, &mut |_| unreachable!()).unwrap();
    assert_eq!(out.len() as u64, image.sectors() * SECTOR);
    let read = Volume::open(&out, 0).unwrap().tree().unwrap();
    assert_eq!(read.list("wide").unwrap().count(), 100_000);
}

/// Writes zeros as holes.
struct Sparse(File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
        for chunk in bytes.chunks(ZEROS.len()) {
            if *chunk == ZEROS[..chunk.len()] {
                self.0
                    .seek(SeekFrom::Current(i64::try_from(chunk.len()).unwrap()))?;
            } else {
                self.0.write_all(chunk)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let end = self.0.stream_position()?;
        self.0.set_len(end)
    }
}

/// Zeros with marks at the places where sections meet, and at the end.
struct Marked {
    at: u64,
    bytes: u64,
}

const BIG: u64 = 0xFFFF_F800 + 5_000_007;
const MARKS: [u64; 4] = [0, 0xFFFF_F800 - 4, 0xFFFF_F800, BIG - 4];

impl Read for Marked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.bytes - self.at).unwrap();
        let count = left.min(buffer.len());
        buffer[..count].fill(0);
        for mark in MARKS {
            for (place, byte) in (mark..).zip(*b"MARK") {
                if (self.at..self.at + count as u64).contains(&place) {
                    buffer[usize::try_from(place - self.at).unwrap()] = byte;
                }
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

#[test]
fn a_file_of_more_than_four_gib_has_several_sections_that_all_readers_join() {
    let bytes = BIG;
    let mut tree = Tree::new(root_meta());
    let item = file(0, 0);
    for (source, (name, bytes)) in [("big", bytes), ("small", 5)].into_iter().enumerate() {
        tree.add_file(name, meta(&item), Content::New { source, bytes })
            .unwrap();
    }
    let image = Image::new(tree, &Options::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("big.iso");
    let mut out = Sparse(File::create(&path).unwrap());
    image
        .write(&mut out, &mut |source| {
            Ok(match source {
                0 => Box::new(Marked { at: 0, bytes }),
                _ => Box::new(&b"small"[..]),
            })
        })
        .unwrap();
    assert_eq!(path.metadata().unwrap().len(), image.sectors() * SECTOR);

    let medium = File::open(&path).unwrap();
    let read = Volume::open(&medium, 0).unwrap().tree().unwrap();
    let Kind::File(Content::Old(extents)) = &read.lookup("big").unwrap().kind else {
        panic!("no file");
    };
    assert_eq!(*extents, image.extents(0));
    for mark in MARKS {
        let sector = extents[0].sector + u32::try_from(mark / SECTOR).unwrap();
        let within = mark % SECTOR + 4;
        let piece = Extent {
            sector,
            bytes: within,
        };
        let mut tail = Vec::new();
        FileReader::new(&medium, &[piece])
            .read_to_end(&mut tail)
            .unwrap();
        assert!(tail.ends_with(b"MARK"));
    }
    // the others see its length, and what comes after it
    let listed = run("bsdtar", &["-tvf".as_ref(), path.as_os_str()]);
    let listed = String::from_utf8(listed).unwrap();
    assert!(listed.contains(&bytes.to_string()), "{listed}");
    let small = run(
        "bsdtar",
        &["-xOf".as_ref(), path.as_os_str(), "small".as_ref()],
    );
    assert_eq!(small, b"small");
    let device = format!("stdio:{}", path.display());
    let listed = run(
        "xorriso",
        &["-indev", &device, "-lsl", "/big"].map(AsRef::as_ref),
    );
    let listed = String::from_utf8(listed).unwrap();
    assert!(listed.contains(&bytes.to_string()), "{listed}");
    // one of them has to read across the seam
    let restored = directory.path().join("restored");
    let restored_text = restored.to_str().unwrap();
    run(
        "xorriso",
        &[
            "-osirrox",
            "on:sparse=4096",
            "-indev",
            &device,
            "-extract",
            "/big",
            restored_text,
        ]
        .map(AsRef::as_ref),
    );
    let restored = File::open(&restored).unwrap();
    assert_eq!(restored.metadata().unwrap().len(), bytes);
    for mark in MARKS {
        let mut four = [0; 4];
        std::os::unix::fs::FileExt::read_exact_at(&restored, &mut four, mark).unwrap();
        assert_eq!(&four, b"MARK");
    }
}
