//! The consistency check: the session is read back from the medium and compared with what was written.
//!
//! A multisession disc can come out unreadable although nothing reported an error. So the session is read by
//! its own volume descriptors, through every directory record, with the system's memory of it dropped: names
//! and places must be those that were laid out, and the bytes must have the digests that were taken when
//! they were read for the burn. What differs is named with its sectors. Windows reads other directories than Linux, Joliet's:
//! they must be there as they were laid out, too.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use super::session::Session;
use crate::event::{Event, Monitor, Progress};
use crate::iso9660::{
    Content, Extent, FileReader, Image, Kind, Node, Part, ReadAt, ReadError, Unlike, Volume,
};
use crate::media::SECTOR;
use crate::sums::{Digest, Hasher};

/// How many ranges of sectors are named for a file.
const RANGES_SHOWN: usize = 8;
/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;
/// Blocks that are read before the first of them has gone into the digest.
const AHEAD: usize = 4;

/// Something on the disc that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its path on the disc.
    pub path: PathBuf,
    /// What differs and where, for people.
    pub how: String,
}

/// Compares the tree that was laid out with what a reader finds, entry by entry: both come in the same order; and the second
/// tree, Joliet's, sector by sector. An error if not everything can be read.
pub(super) fn compare_trees(
    image: &Image,
    found: &Volume<'_>,
) -> Result<Vec<Difference>, ReadError> {
    const CHANGED: &str = "has another kind, place or length on the disc";
    let mut differences = Vec::new();
    let mut differs = |path: &[u8], how: &str| {
        differences.push(Difference {
            path: as_path(path),
            how: how.to_owned(),
        });
    };
    let mut laid_out = image.tree().walk().peekable();
    for entry in found.listing()? {
        let (path, node) = entry.map_err(|loss| loss.error)?;
        loop {
            let order = match laid_out.peek() {
                None => Ordering::Greater,
                Some((next, _)) if *next == path => Ordering::Equal,
                Some((next, _)) => names(next).cmp(names(&path)),
            };
            if order == Ordering::Greater {
                differs(&path, "is on the disc and was not written");
                break;
            }
            match laid_out.next() {
                Some((missing, _)) if order == Ordering::Less => {
                    differs(&missing, "is missing on the disc");
                    continue;
                }
                Some((_, written)) if !alike(image, &written, &node) => differs(&path, CHANGED),
                _ => {}
            }
            break;
        }
    }
    for (missing, _) in laid_out {
        differs(&missing, "is missing on the disc");
    }
    differences.extend(found.unlike_joliet_of(image)?.iter().map(unlike));
    Ok(differences)
}

/// Something that only those notice who read Joliet's names.
fn unlike(unlike: &Unlike) -> Difference {
    let (path, what) = match &unlike.part {
        Part::Descriptor => (&[][..], "the descriptor of the tree"),
        Part::PathTable => (&[][..], "the path table of the tree"),
        Part::Directory(path) => (&path[..], "the directory in the tree"),
    };
    Difference {
        path: as_path(path),
        how: format!(
            "{what} that Windows reads (Joliet) differs from what was written, in {}",
            sectors(&unlike.sectors)
        ),
    }
}

/// Names of the path of an entry. Paths are in the order of these.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

fn as_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn alike(image: &Image, laid_out: &Node, found: &Node) -> bool {
    match (&laid_out.kind, &found.kind) {
        (Kind::Directory, Kind::Directory) => true,
        (Kind::Symlink(a), Kind::Symlink(b)) => a == b,
        (Kind::Special(a), Kind::Special(b)) => a == b,
        (Kind::File(a), Kind::File(Content::Old(b))) => {
            let a = match a {
                Content::Old(extents) => extents.clone(),
                Content::New { source, .. } => image.extents(*source),
            };
            whole(&a) == whole(b)
        }
        _ => false,
    }
}

/// Extents without empty ones, neighbours joined: long files may be cut in different ways.
fn whole(extents: &[Extent]) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents.iter().filter(|extent| extent.bytes > 0) {
        match joined.last_mut() {
            Some(last)
                if last.bytes % SECTOR == 0
                    && u64::from(last.sector) + last.bytes / SECTOR == u64::from(extent.sector) =>
            {
                last.bytes += extent.bytes;
            }
            _ => joined.push(*extent),
        }
    }
    joined
}

/// Compares the bytes of all new contents, except those in `faulty`, which are known to be incomplete.
pub(super) fn compare_bytes(
    medium: &dyn ReadAt,
    image: &Image,
    session: &Session,
    faulty: &BTreeSet<usize>,
    monitor: &dyn Monitor,
) -> Vec<Difference> {
    const TASK: &str = "checking the disc";
    let total = session.sources.iter().map(|source| source.bytes).sum();
    let mut done = 0;
    let mut differences = Vec::new();
    for (number, source) in session.sources.iter().enumerate() {
        let written = source.read.borrow().map(|seen| seen.digest);
        if faulty.contains(&number) || source.bytes == 0 {
            done += source.bytes;
            continue;
        }
        let extents = image.extents(number);
        let read = digest(medium, &extents, &mut |bytes| {
            done += bytes;
            monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done,
                total: Some(total),
                files: None,
            }));
        });
        let sound = matches!((&read, written), (Ok(read), Some(written)) if *read == written);
        if !sound {
            let expected = session.reopen(number);
            differences.push(Difference {
                path: source.on_disc.clone(),
                how: explain(medium, &extents, expected, read.err()),
            });
        }
    }
    monitor.observe(&Event::ProgressEnd(TASK));
    differences
}

/// The digest of what is at `extents`. For a long file a thread reads ahead, so that the disc need not wait for
/// the digest.
fn digest(
    medium: &dyn ReadAt,
    extents: &[Extent],
    tell: &mut dyn FnMut(u64),
) -> io::Result<Digest> {
    let bytes: u64 = extents.iter().map(|extent| extent.bytes).sum();
    if bytes <= BLOCK as u64 {
        let mut all = Vec::new();
        FileReader::new(medium, extents).read_to_end(&mut all)?;
        tell(bytes);
        return Ok(Digest::of(&all));
    }
    let (full, blocks) = sync_channel::<io::Result<Vec<u8>>>(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut reader = FileReader::new(medium, extents);
            loop {
                let mut block = Vec::with_capacity(BLOCK);
                let read = (&mut reader).take(BLOCK as u64).read_to_end(&mut block);
                let over = block.is_empty() || read.is_err();
                if full.send(read.map(|_| block)).is_err() || over {
                    break;
                }
            }
        });
        let mut hasher = Hasher::default();
        for block in blocks {
            let block = block?;
            hasher.update(&block);
            tell(block.len() as u64);
        }
        Ok(hasher.finish())
    })
}

/// Which sectors differ, if the source can be read once more.
fn explain(
    medium: &dyn ReadAt,
    extents: &[Extent],
    expected: io::Result<Box<dyn Read>>,
    error: Option<io::Error>,
) -> String {
    let (why, nowhere) = match error {
        None => (
            "differs from what was written".to_owned(),
            "its source has changed meanwhile, so the places cannot be named",
        ),
        Some(error) => (
            format!("cannot be read: {error}"),
            "when it was tried once more, it could be",
        ),
    };
    let places = expected.and_then(|mut expected| differing(medium, extents, &mut *expected));
    match places {
        Ok(places) if places.is_empty() => format!("{why}; {nowhere}"),
        Ok(places) => format!("{why}, in {}", sectors(&places)),
        Err(error) => format!("{why}; its source cannot be read any more: {error}"),
    }
}

/// Ranges of sectors, first and last, that are not as `expected` has them. One that cannot be read counts.
fn differing(
    medium: &dyn ReadAt,
    extents: &[Extent],
    expected: &mut dyn Read,
) -> io::Result<Vec<(u64, u64)>> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut wanted = [0; 2048];
    let mut there = [0; 2048];
    for extent in extents {
        let mut left = extent.bytes;
        let mut sector = u64::from(extent.sector);
        while left > 0 {
            #[allow(clippy::cast_possible_truncation)] // at most 2048
            let count = left.min(SECTOR) as usize;
            expected.read_exact(&mut wanted[..count])?;
            let same = read_exact_at(medium, &mut there[..count], sector * SECTOR).is_ok()
                && wanted[..count] == there[..count];
            if !same {
                match ranges.last_mut() {
                    Some(last) if last.1 + 1 == sector => last.1 = sector,
                    _ => ranges.push((sector, sector)),
                }
            }
            sector += 1;
            left -= count as u64;
        }
    }
    Ok(ranges)
}

fn read_exact_at(medium: &dyn ReadAt, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match medium.read_at(buffer, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            got => {
                buffer = &mut buffer[got..];
                at += got as u64;
            }
        }
    }
    Ok(())
}

/// `sector 7, sectors 9 to 12 and 3 more places`.
fn sectors(ranges: &[(u64, u64)]) -> String {
    use std::fmt::Write as _;
    let mut text = ranges
        .iter()
        .take(RANGES_SHOWN)
        .map(|&(first, last)| {
            if first == last {
                format!("sector {first}")
            } else {
                format!("sectors {first} to {last}")
            }
        })
        .collect::<Vec<_>>()
        .join(", ");
    if ranges.len() > RANGES_SHOWN {
        let _ = write!(text, " and {} more places", ranges.len() - RANGES_SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Memory(Vec<u8>);

    impl ReadAt for Memory {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let offset = usize::try_from(offset).unwrap();
            if offset / 2048 == 6 {
                return Err(io::Error::other("bad sector"));
            }
            let there = self.0.get(offset..).unwrap_or_default();
            let count = there.len().min(buffer.len());
            buffer[..count].copy_from_slice(&there[..count]);
            Ok(count)
        }

        fn len(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }
    }

    #[test]
    fn sectors_that_differ_or_cannot_be_read_are_named() {
        let expected = vec![7; 2048 * 8 + 10];
        let mut bytes = vec![0; 2048];
        bytes.extend_from_slice(&expected);
        bytes[2048 * 2 + 5] = 8;
        bytes[2048 * 3] = 8;
        bytes[2048 * 9 + 9] = 8;
        let extents = [Extent {
            sector: 1,
            bytes: expected.len() as u64,
        }];
        let ranges = differing(&Memory(bytes), &extents, &mut &expected[..]).unwrap();
        assert_eq!(ranges, [(2, 3), (6, 6), (9, 9)]);
        assert_eq!(sectors(&ranges), "sectors 2 to 3, sector 6, sector 9");
    }

    #[test]
    fn many_places_are_counted() {
        let ranges: Vec<(u64, u64)> = (0..20).map(|at| (2 * at, 2 * at)).collect();
        assert!(sectors(&ranges).ends_with("sector 14 and 12 more places"));
    }

    #[test]
    fn extents_are_compared_by_what_they_cover() {
        let extent = |sector, bytes| Extent { sector, bytes };
        let cut = [extent(10, 4096), extent(12, 100), extent(5, 0)];
        assert_eq!(whole(&cut), whole(&[extent(10, 4196)]));
        assert_ne!(whole(&cut), whole(&[extent(10, 4096), extent(13, 100)]));
    }
}
