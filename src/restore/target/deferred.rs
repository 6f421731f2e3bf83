//! Modes and times of directories, which are set when everything is in them.
//!
//! A million directories would fill the memory, so they wait in a file without a name; what stays in memory
//! are 16 bytes each. The deepest come first: a directory that may not be entered any more, or whose time
//! may not change any more, is finished after what is in it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

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

/// The directories that wait.
pub struct Deferred {
    file: BufWriter<File>,
    length: u64,
    /// Depth and place in the file.
    index: Vec<(u32, u64)>,
}

impl Deferred {
    /// None yet; `file` is empty.
    pub fn new(file: File) -> Self {
        Self {
            file: BufWriter::with_capacity(64 * 1024, file),
            length: 0,
            index: Vec::new(),
        }
    }

    /// Lets one more wait. If a directory comes twice, the later record is applied later.
    pub fn push(&mut self, later: &Later) -> io::Result<()> {
        let path = later.path.as_os_str().as_bytes();
        let length = u32::try_from(path.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&later.mode.to_le_bytes())?;
        self.file.write_all(&later.mtime.seconds.to_le_bytes())?;
        self.file.write_all(&later.mtime.nanos.to_le_bytes())?;
        self.file.write_all(path)?;
        let depth = u32::try_from(later.path.iter().count()).unwrap_or(u32::MAX);
        self.index.push((depth, self.length));
        self.length += (HEAD + path.len()) as u64;
        Ok(())
    }

    /// Calls `apply` with each, the deepest first.
    pub fn apply<E: From<io::Error>>(
        mut self,
        mut apply: impl FnMut(&Later) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.flush()?;
        let file = self.file.get_ref();
        self.index
            .sort_unstable_by_key(|&(depth, at)| (std::cmp::Reverse(depth), at));
        for &(_, at) in &self.index {
            apply(&read(file, at)?)?;
        }
        Ok(())
    }
}

fn read(file: &File, at: u64) -> io::Result<Later> {
    // Most records are shorter than this, and come with one system call.
    let mut buffer = [0; 512];
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], at + got as u64)? {
            0 => break,
            more => got += more,
        }
    }
    let mut rest = &buffer[..got];
    let length = take(&mut rest).map(u32::from_le_bytes)? as usize;
    let mode = take(&mut rest).map(u32::from_le_bytes)?;
    let seconds = take(&mut rest).map(i64::from_le_bytes)?;
    let nanos = take(&mut rest).map(u32::from_le_bytes)?;
    let path = if let Some(path) = rest.get(..length) {
        path.to_vec()
    } else {
        let mut path = vec![0; length];
        file.read_exact_at(&mut path, at + HEAD as u64)?;
        path
    };
    Ok(Later {
        path: Path::new(&OsString::from_vec(path)).to_owned(),
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
}
