//! Modes and times of directories, which are set when everything is in them.
//!
//! A million directories would fill the memory, so they wait in a file without a name; what stays in memory
//! are 16 bytes each. The deepest come first: a directory that may not be entered any more, or whose time
//! may not change any more, is finished after what is in it. What the file has no room for stays in memory, so that what
//! was restored gets its modes on a full disk, too.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use crate::archive::Timestamp;

/// What is still to be set on a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Where it is, below the target directory.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// The time of its last change.
    pub mtime: Timestamp,
}

/// Bytes of a record before the path: its length, mode, seconds, nanoseconds.
const HEAD: usize = 4 + 4 + 8 + 4;

/// Bytes that are written at a time.
const CHUNK: usize = 64 * 1024;

/// The directories that wait.
pub struct Deferred {
    file: File,
    /// Bytes in the file.
    written: u64,
    /// Whole records behind them.
    tail: Vec<u8>,
    /// Depth and place in file and tail.
    index: Vec<(u32, u64)>,
}

impl Deferred {
    /// None yet; `file` is empty.
    pub fn new(file: File) -> Self {
        Self {
            file,
            written: 0,
            tail: Vec::with_capacity(CHUNK),
            index: Vec::new(),
        }
    }

    /// Lets one more wait. If a directory comes twice, the later record is applied later. After an error that one waits,
    /// too.
    pub fn push(&mut self, later: &Later) -> io::Result<()> {
        let path = later.path.as_os_str().as_bytes();
        let length = u32::try_from(path.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
        let depth = u32::try_from(later.path.iter().count()).unwrap_or(u32::MAX);
        let at = self.written + self.tail.len() as u64;
        self.index.push((depth, at));
        self.tail.extend_from_slice(&length.to_le_bytes());
        self.tail.extend_from_slice(&later.mode.to_le_bytes());
        self.tail
            .extend_from_slice(&later.mtime.seconds.to_le_bytes());
        self.tail
            .extend_from_slice(&later.mtime.nanos.to_le_bytes());
        self.tail.extend_from_slice(path);
        if self.tail.len() >= CHUNK {
            self.file.write_all_at(&self.tail, self.written)?;
            self.written += self.tail.len() as u64;
            self.tail.clear();
        }
        Ok(())
    }

    /// Calls `apply` with each, the deepest first.
    pub fn apply<E: From<io::Error>>(
        mut self,
        mut apply: impl FnMut(&Later) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut index = std::mem::take(&mut self.index);
        index.sort_unstable_by_key(|&(depth, at)| (std::cmp::Reverse(depth), at));
        for (_, at) in index {
            apply(&self.record(at)?)?;
        }
        Ok(())
    }

    fn record(&self, at: u64) -> io::Result<Later> {
        if let Some(at) = at.checked_sub(self.written) {
            let at = usize::try_from(at).map_err(io::Error::other)?;
            return parse(self.tail.get(at..).unwrap_or_default(), |_| {
                Err(io::ErrorKind::UnexpectedEof.into())
            });
        }
        // Most records are shorter than this, and come with one system call.
        let mut buffer = [0; 512];
        let most = usize::try_from(self.written - at).map_or(buffer.len(), |left| left.min(512));
        let mut got = 0;
        while got < most {
            match self.file.read_at(&mut buffer[got..most], at + got as u64)? {
                0 => break,
                more => got += more,
            }
        }
        parse(&buffer[..got], |length| {
            let mut path = vec![0; length];
            self.file.read_exact_at(&mut path, at + HEAD as u64)?;
            Ok(path)
        })
    }
}

/// The record that `bytes` begin with; `whole` gives a path of so many bytes that is longer than they are.
fn parse(mut bytes: &[u8], whole: impl FnOnce(usize) -> io::Result<Vec<u8>>) -> io::Result<Later> {
    let length = take(&mut bytes).map(u32::from_le_bytes)? as usize;
    let mode = take(&mut bytes).map(u32::from_le_bytes)?;
    let seconds = take(&mut bytes).map(i64::from_le_bytes)?;
    let nanos = take(&mut bytes).map(u32::from_le_bytes)?;
    let path = match bytes.get(..length) {
        Some(path) => path.to_vec(),
        None => whole(length)?,
    };
    Ok(Later {
        path: PathBuf::from(OsString::from_vec(path)),
        mode,
        mtime: Timestamp { seconds, nanos },
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rest.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_deepest_come_first_and_in_their_order() {
        let mut deferred = Deferred::new(tempfile::tempfile().unwrap());
        let long = "x/".repeat(400) + "x";
        for (at, path) in ["", "a", "a/b", &long, "c", "c/d"].into_iter().enumerate() {
            let mtime = Timestamp {
                seconds: -5,
                nanos: 999_999_999,
            };
            let later = Later {
                path: path.into(),
                mode: u32::try_from(at).unwrap(),
                mtime,
            };
            deferred.push(&later).unwrap();
        }
        let mut seen = Vec::new();
        deferred
            .apply(|later| {
                assert_eq!(later.mtime.seconds, -5);
                assert_eq!(later.mtime.nanos, 999_999_999);
                seen.push((later.path.clone(), later.mode));
                Ok::<(), io::Error>(())
            })
            .unwrap();
        let expected = [
            (&*long, 3),
            ("a/b", 2),
            ("c/d", 5),
            ("a", 1),
            ("c", 4),
            ("", 0),
        ];
        let expected: Vec<_> = expected.map(|(path, mode)| (path.into(), mode)).into();
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_finds_no_room_in_the_file_waits_all_the_same() {
        // Nobody can write to it: the disk is full.
        let file = File::open("/dev/null").unwrap();
        let mut deferred = Deferred::new(file);
        let mut failed = 0;
        for number in 0..3000 {
            let later = Later {
                path: format!("a/rather/long/way/to/directory/{number}").into(),
                mode: number,
                mtime: Timestamp::default(),
            };
            failed += usize::from(deferred.push(&later).is_err());
        }
        assert!(failed > 0);
        let mut seen = 0;
        deferred
            .apply(|later| {
                assert!(later.path.ends_with(later.mode.to_string()));
                seen += 1;
                Ok::<(), io::Error>(())
            })
            .unwrap();
        assert_eq!(seen, 3000);
    }

    #[test]
    fn records_in_the_file_and_behind_it_are_read() {
        let mut deferred = Deferred::new(tempfile::tempfile().unwrap());
        let path = |number: u32| PathBuf::from(format!("{number}/{}", "x".repeat(number as usize)));
        for number in 1..=900 {
            let later = Later {
                path: path(number),
                mode: number,
                mtime: Timestamp::default(),
            };
            deferred.push(&later).unwrap();
        }
        assert!(deferred.written > 0 && !deferred.tail.is_empty());
        let mut next = 1;
        deferred
            .apply(|later| {
                assert_eq!((&later.path, later.mode), (&path(next), next));
                next += 1;
                Ok::<(), io::Error>(())
            })
            .unwrap();
        assert_eq!(next, 901);
    }
}
