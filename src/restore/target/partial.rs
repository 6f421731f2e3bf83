//! Names that things have until they are complete, and what a restore that was killed left under such names.

use std::ffi::OsString;
use std::os::fd::BorrowedFd;

use crate::fsx;

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
        let is_others = |name: &[u8]| run_of(name).is_some_and(|run| run != self.run);
        // What is no file has its partial name for so short a time that one that is there is left.
        fsx::sweep(dir, is_others, |_| true);
    }
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
    use crate::fsx::hold;

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
