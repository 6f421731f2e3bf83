//! Files for which the peer claims no digest, and which an interrupted fetch left half: what is recorded of them, so
//! that the next fetch can go on inside them.
//!
//! Nobody can prove such a file in the end, so two things are proved before. That the peer still has the same file: its
//! size and time (and whatever else the way to it tells) are those of when it was begun, and the last stretch that came
//! is fetched again and compared. And that the bytes here are those that came: the record has their digest, so that
//! what a power cut made of them does not count. What cannot be shown begins anew.
//!
//! The record lies among the partial files, under a partial name that no peer's file can have. Its lines are: the
//! file's name in hexadecimal digits, size, mark, the bytes that came, their digest. The last one for a name counts, or
//! the one before: who was killed had bytes on their way to the disk.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::transport::{Entry, Job};
use super::wire::Mark;
use crate::fsx;
use crate::sums::{Proof, Prover};

/// The record's name.
const NAME: &str = ".begun.partial";
/// Bytes that are fetched again and compared.
const OVERLAP: u64 = 64 << 10;
/// A file is recorded each time that so many bytes more have come: who is killed goes on from there.
const STRETCH: u64 = 8 << 20;

/// What was recorded.
#[derive(Default)]
pub(super) struct Begun {
    /// The last two of each name.
    lines: HashMap<OsString, [Option<Line>; 2]>,
    file: Option<Arc<File>>,
}

/// What was recorded of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    size: u64,
    mark: Mark,
    bytes: u64,
    proof: Proof,
}

/// How far a file has come, proved.
pub(super) struct Found {
    /// From where it is fetched.
    pub(super) from: u64,
    /// What must come first.
    pub(super) overlap: Vec<u8>,
    /// Of the bytes before that.
    pub(super) prover: Prover,
}

impl Begun {
    /// What is recorded of the job's files; nothing is looked for if none of them is worth it.
    pub(super) fn of(job: &Job<'_>) -> Self {
        let worth = |entry: &Entry| {
            let claimed = job.claimed.get(entry.name.as_bytes()).is_some();
            !claimed && entry.mark.is_some() && entry.bytes > OVERLAP
        };
        if job.entries.iter().any(worth) {
            Self::read(job.into)
        } else {
            Self::default()
        }
    }

    /// The record in the directory `into`. One that cannot be read says nothing: then everything begins anew.
    fn read(into: &Path) -> Self {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND;
        let opened = fsx::open_beneath(into, OsStr::new(NAME), flags, Mode::RUSR | Mode::WUSR);
        let mut text = String::new();
        let file = match opened {
            Ok(mut file) => {
                if let Err(error) = file.read_to_string(&mut text) {
                    log::debug!("{NAME} is not used: {error}");
                    text.clear();
                }
                Some(Arc::new(file))
            }
            Err(error) => {
                log::debug!("{NAME} cannot be used: {error}");
                None
            }
        };
        let mut lines = HashMap::<_, [Option<Line>; 2]>::new();
        for (name, line) in text.lines().filter_map(line) {
            let two = lines.entry(name).or_default();
            *two = [Some(line), two[0]];
        }
        Self { lines, file }
    }

    /// What is in `into` of `entry`, as far as it is proved.
    pub(super) fn found(&self, into: &Path, entry: &Entry) -> Option<Found> {
        let lines = self.lines.get(&entry.name)?;
        let mut lines = lines.iter().flatten();
        lines.find_map(|line| Self::proved(line, into, entry))
    }

    fn proved(line: &Line, into: &Path, entry: &Entry) -> Option<Found> {
        if entry.mark != Some(line.mark) || entry.bytes != line.size || line.bytes > line.size {
            return None;
        }
        let prove = || -> io::Result<Option<Found>> {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK;
            let mut file = fsx::open_beneath(into, &entry.name, flags, Mode::empty())?;
            let from = line.bytes.saturating_sub(OVERLAP);
            let mut prover = line.proof.prover();
            let mut buffer = vec![0; 1 << 18];
            let mut left = from;
            while left > 0 {
                let most =
                    usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                file.read_exact(&mut buffer[..most])?;
                prover.update(&buffer[..most]);
                left -= most as u64;
            }
            let mut overlap = Vec::new();
            file.take(line.bytes - from).read_to_end(&mut overlap)?;
            let mut whole = prover.clone();
            whole.update(&overlap);
            Ok((whole.finish() == line.proof).then_some(Found {
                from,
                overlap,
                prover,
            }))
        };
        prove().ok().flatten()
    }

    /// Follows `entry` from now on, of which `prover` has seen `bytes`.
    pub(super) fn follow(&self, entry: &Entry, prover: Prover, bytes: u64) -> Follower {
        let name = entry.name.clone();
        let (size, recorded) = (entry.bytes, bytes);
        let known = |mark| (name, size, mark);
        Follower {
            known: entry.mark.map(known),
            file: self.file.clone(),
            prover,
            bytes,
            recorded,
        }
    }
}

/// Takes a file's digest, and records how far it comes; also when it is dropped, for whatever reason.
pub(super) struct Follower {
    /// Name, size and mark; a file without a mark is not recorded.
    known: Option<(OsString, u64, Mark)>,
    file: Option<Arc<File>>,
    prover: Prover,
    bytes: u64,
    recorded: u64,
}

impl Follower {
    /// One that takes the digest by `prover` and records nothing.
    pub(super) fn unrecorded(prover: Prover) -> Self {
        Self {
            known: None,
            file: None,
            prover,
            bytes: 0,
            recorded: 0,
        }
    }

    /// More has come.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.prover.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.bytes >= self.recorded + STRETCH {
            self.record();
        }
    }

    /// The digest of everything that came.
    pub(super) fn proof(&self) -> Proof {
        self.prover.clone().finish()
    }

    /// What came is not worth to go on with.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    fn record(&mut self) {
        self.recorded = self.bytes;
        let (Some((name, size, mark)), Some(file)) = (&self.known, &self.file) else {
            return;
        };
        // A small one is fetched again sooner than proved.
        if self.bytes <= OVERLAP {
            return;
        }
        let mut text = String::new();
        for byte in name.as_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = write!(text, " {size} ");
        for byte in mark {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = writeln!(text, " {} {}", self.bytes, self.proof());
        if let Err(error) = (&**file).write_all(text.as_bytes()) {
            // It costs time in the next fetch, and nothing else.
            log::debug!("{NAME} cannot be written: {error}");
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if self.bytes > self.recorded {
            self.record();
        }
    }
}

/// Reads a line; one that is cut says nothing.
fn line(text: &str) -> Option<(OsString, Line)> {
    let mut words = text.split(' ');
    let name = OsStr::from_bytes(&from_hex(words.next()?)?).to_owned();
    let size = words.next()?.parse().ok()?;
    let mark = from_hex(words.next()?)?.try_into().ok()?;
    let bytes = words.next()?.parse().ok()?;
    let proof = words.next()?.parse().ok()?;
    let line = Line {
        size,
        mark,
        bytes,
        proof,
    };
    words.next().is_none().then_some((name, line))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(byte).collect())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::Blake3;

    const SIZE: usize = 300_000;
    /// So long that it is a large file.
    const LONG: u64 = 100 << 20;

    fn entry(mark: u8, bytes: usize) -> Entry {
        Entry {
            name: OsString::from("home \n.tar"),
            bytes: bytes as u64,
            mark: Some([mark; 36]),
        }
    }

    /// A directory in which 200 000 bytes of a file have come, and the connection then broke.
    fn interrupted() -> (tempfile::TempDir, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
        std::fs::write(dir.path().join("home \n.tar"), &bytes[..250_000]).unwrap();
        let begun = Begun::read(dir.path());
        let mut follower = begun.follow(&entry(1, SIZE), Prover::for_length(LONG), 0);
        follower.update(&bytes[..150_000]);
        follower.update(&bytes[150_000..200_000]);
        drop(follower);
        (dir, bytes)
    }

    #[test]
    fn a_file_goes_on_where_it_was_if_nothing_changed() {
        let (dir, bytes) = interrupted();
        let begun = Begun::read(dir.path());
        let found = begun.found(dir.path(), &entry(1, SIZE)).unwrap();
        assert_eq!(found.from, 200_000 - OVERLAP);
        let from = usize::try_from(found.from).unwrap();
        assert_eq!(found.overlap, &bytes[from..200_000]);
        let mut follower = begun.follow(&entry(1, SIZE), found.prover, found.from);
        follower.update(&bytes[from..]);
        assert_eq!(follower.proof(), Proof::Blake3(Blake3::of(&bytes)));
        // Whole, it need not come again but for its end.
        drop(follower);
        std::fs::write(dir.path().join("home \n.tar"), &bytes).unwrap();
        let found = Begun::read(dir.path()).found(dir.path(), &entry(1, SIZE));
        assert_eq!(found.unwrap().from, SIZE as u64 - OVERLAP);
    }

    #[test]
    fn whatever_changed_begins_anew() {
        let (dir, mut bytes) = interrupted();
        let found = |entry: &Entry| Begun::read(dir.path()).found(dir.path(), entry).is_some();
        assert!(found(&entry(1, SIZE)));
        assert!(!found(&entry(2, SIZE)), "another time");
        assert!(!found(&entry(1, SIZE + 1)), "another size");
        let unmarked = Entry {
            mark: None,
            ..entry(1, SIZE)
        };
        assert!(!found(&unmarked), "a way that tells no time");
        let path = dir.path().join("home \n.tar");
        bytes[1000] ^= 1;
        std::fs::write(&path, &bytes[..250_000]).unwrap();
        assert!(!found(&entry(1, SIZE)), "damaged here");
        std::fs::write(&path, &bytes[..100_000]).unwrap();
        assert!(!found(&entry(1, SIZE)), "shorter than it was");
        std::fs::remove_file(path).unwrap();
        assert!(!found(&entry(1, SIZE)), "gone");
    }

    #[test]
    fn a_record_that_is_cut_or_nonsense_says_nothing() {
        let (dir, _) = interrupted();
        let record = dir.path().join(NAME);
        let text = std::fs::read_to_string(&record).unwrap();
        assert_eq!(text.lines().count(), 1);
        for end in 0..text.len() - 1 {
            std::fs::write(&record, &text[..end]).unwrap();
            assert!(Begun::read(dir.path()).lines.is_empty(), "{end}");
        }
        std::fs::write(&record, b"\xff\xfe").unwrap();
        assert!(Begun::read(dir.path()).lines.is_empty());
        std::fs::remove_file(&record).unwrap();
        std::os::unix::fs::symlink("/dev/null", &record).unwrap();
        assert!(Begun::read(dir.path()).file.is_none());
    }
}
