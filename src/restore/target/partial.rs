//! Names that things have until they are complete, and what a restore that was killed left under such names.

use std::ffi::{CStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

const BEGIN: &[u8] = b".cback-";
const END: &[u8] = b".partial";
/// Digits of a restore's own number.
const DIGITS: usize = 16;

/// Partial names of one restore.
#[derive(Debug, Clone, Copy)]
pub struct Partials {
    /// Tells this restore's names from those that another one left, or makes beside it.
    run: u64,
    number: u64,
}

impl Partials {
    /// Those of the restore with the number `run`, which no other has.
    pub fn new(run: u64) -> Self {
        Self { run, number: 0 }
    }

    /// The next one.
    pub fn next(&mut self) -> OsString {
        self.number += 1;
        format!(".cback-{:0DIGITS$x}-{}.partial", self.run, self.number).into()
    }

    /// Removes what another restore left in `dir`. One that is at work at the same time keeps what it has.
    pub fn sweep(self, dir: BorrowedFd<'_>) {
        // What cannot be listed or removed has a name that says what it is.
        let Ok(entries) = rustix::fs::Dir::read_from(dir) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let is_others = run_of(name.to_bytes()).is_some_and(|run| run != self.run);
            if is_others && is_left(dir, name) {
                let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
            }
        }
    }
}

/// Whether nobody is at work on `name`. A file is [held](hold) while its bytes come; anything else has its partial name for
/// so short a time that one that is there is left.
fn is_left(dir: BorrowedFd<'_>, name: &CStr) -> bool {
    let Ok(stat) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return false;
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return true;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(dir, name, flags, Mode::empty());
    opened.is_ok_and(|file| hold(&file).is_ok())
}

/// Shows other restores that `file` is being worked on, until it is closed. An error if another one does.
pub fn hold(file: impl AsFd) -> Result<(), Errno> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Which restore made `name`; `None` if it is no partial name of a restore.
fn run_of(name: &[u8]) -> Option<u64> {
    let inner = name.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let (run, number) = inner.split_at_checked(DIGITS)?;
    let number = number.strip_prefix(b"-")?;
    let sound = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let run = std::str::from_utf8(run).ok().filter(|_| sound)?;
    run.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        .then(|| u64::from_str_radix(run, 16).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn only_what_other_restores_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (mut own, mut other) = (Partials::new(7), Partials::new(0xfedc_ba98_7654_3210));
        let left = other.next();
        assert_eq!(left, ".cback-fedcba9876543210-1.partial");
        let mine = own.next();
        let mine = mine.to_str().unwrap();
        let others = [
            ".cback-0000000000000008-.partial",
            ".cback-000000000000000g-1.partial",
            ".cback-8-1.partial",
            ".cback-0000000000000008-1",
            "cback-0000000000000008-1.partial",
            mine,
        ];
        for name in others.iter().copied().chain(left.to_str()) {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let handle = std::fs::File::open(dir.path()).unwrap();
        // Another one is at work on this one.
        let held = std::fs::File::create(dir.path().join(other.next())).unwrap();
        hold(&held).unwrap();
        own.sweep(handle.as_fd());
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            others.len() + 1
        );
        drop(held);
        own.sweep(handle.as_fd());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), others.len());
        for name in others {
            assert!(dir.path().join(name).exists(), "{name}");
        }
        assert!(!dir.path().join(left).exists());
    }
}
