//! One file's bytes into another, the quickest way that the file systems have.

use std::fs::File;
use std::io::{self, Read, Write as _};

use rustix::fs::{copy_file_range, ioctl_ficlone};
use rustix::io::Errno;

/// How much is copied between two reports of progress.
const STEP: usize = 16 << 20;

/// Lets the empty file `to` share all blocks of `from` until one of them is changed; nothing is copied. Gives
/// `false` where that cannot be: on two file systems, or on one that does not share.
pub fn reflink(from: &File, to: &File) -> io::Result<bool> {
    match ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}

/// Copies `most` bytes, or fewer if there are fewer, from `from`, which must be at its beginning, into the empty
/// file `to`: within the kernel or the file server if they can, else by reading and writing. Tells `progress` how
/// many more bytes are there. Gives the bytes in all.
///
/// What is there is in the page cache; durable is something else.
pub fn copy_bytes(
    from: &File,
    to: &File,
    most: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<u64> {
    let mut bytes = 0;
    while bytes < most {
        let step = usize::try_from(most - bytes).map_or(STEP, |left| left.min(STEP));
        match copy_file_range(from, None, to, None, step) {
            // A file of the kernel's own making says that it is empty and is not: asked again below.
            Ok(0) if bytes > 0 => return Ok(bytes),
            Ok(0) => break,
            Ok(more) => {
                bytes += more as u64;
                progress(more as u64);
            }
            Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) if bytes == 0 => {
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if bytes > 0 {
        return Ok(bytes);
    }
    plain(&mut from.take(most), to, progress)
}

fn plain(from: &mut dyn Read, mut to: &File, progress: &mut dyn FnMut(u64)) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(got) => {
                to.write_all(&buffer[..got])?;
                bytes += got as u64;
                progress(got as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether `error` says that there is no room: the file system is full, or the quota is used up.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn copied(from: &File, most: u64) -> (Vec<u8>, u64) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("to");
        let to = File::create(&path).unwrap();
        let mut told = 0;
        let bytes = copy_bytes(from, &to, most, &mut |more| told += more).unwrap();
        assert_eq!(told, bytes);
        (std::fs::read(path).unwrap(), bytes)
    }

    #[test]
    fn every_byte_arrives() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [0, 1, 4096, STEP + 1] {
            let content: Vec<u8> = (0..=250).cycle().take(bytes).collect();
            let path = dir.path().join("from");
            std::fs::write(&path, &content).unwrap();
            let (got, count) = copied(&File::open(&path).unwrap(), u64::MAX);
            assert!(got == content && count == bytes as u64, "{bytes}");
        }
    }

    #[test]
    fn no_more_than_asked_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("from");
        std::fs::write(&path, "growing").unwrap();
        let (got, count) = copied(&File::open(&path).unwrap(), 4);
        assert_eq!((got.as_slice(), count), (&b"grow"[..], 4));
    }

    #[test]
    fn a_file_that_lies_about_its_length_is_read_as_far_as_asked() {
        let from = File::open("/proc/self/status").unwrap();
        assert_eq!(from.metadata().unwrap().len(), 0);
        let (got, count) = copied(&from, 5);
        assert_eq!((got.as_slice(), count), (&b"Name:"[..], 5));
    }
}
