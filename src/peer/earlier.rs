//! Files that need not come again: an earlier staging of the day has them, and they are what the peer says.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, linkat, open, openat, unlinkat};
use rustix::io::Errno;

use super::copy::proof_at;
use super::transport::Entry;
use crate::sums::{Proof, Sums};

/// What is there already, with digests, and what has to come.
pub(super) type Found = (Vec<(Entry, Proof)>, Vec<Entry>);

/// Links every file of `entries` whose digest is `claimed` and which the directory `earlier` has, byte for byte, into
/// the directory `into`. Gives these, and those that have to come; these are all where there are no links.
pub(super) fn take_over(
    entries: Vec<Entry>,
    claimed: &Sums,
    earlier: &Path,
    into: &Path,
) -> io::Result<Found> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let earlier = open(earlier, directory, Mode::empty())?;
    let into = open(into, directory, Mode::empty())?;
    let mut there = Vec::new();
    let mut to_come = Vec::new();
    for entry in entries {
        let name = entry.name.as_os_str();
        match claimed.get(name.as_bytes()) {
            Some(proof) if holds(&earlier, name, entry.bytes, proof) => {
                match unlinkat(&into, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
                match linkat(&earlier, name, &into, name, AtFlags::empty()) {
                    Ok(()) => there.push((entry, proof)),
                    // A file system that knows no second name.
                    Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => to_come.push(entry),
                    Err(error) => return Err(error.into()),
                }
            }
            _ => to_come.push(entry),
        }
    }
    Ok((there, to_come))
}

/// Whether the file `name` is a regular one of that length and digest. One that cannot be read is not.
fn holds(dir: impl std::os::fd::AsFd, name: &OsStr, bytes: u64, proof: Proof) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(dir, name, flags, Mode::empty()) else {
        return false;
    };
    let same = fstat(&file).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && u64::try_from(stat.st_size) == Ok(bytes)
    });
    same && proof_at(&File::from(file), u64::MAX, proof.prover()).is_ok_and(|now| now == proof)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::Digest;
    use std::fs;

    #[test]
    fn only_what_is_byte_for_byte_what_the_peer_says_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let (earlier, into) = (dir.path().join("earlier"), dir.path().join("into"));
        fs::create_dir(&earlier).unwrap();
        fs::create_dir(&into).unwrap();
        let mut claimed = Sums::new();
        for (name, now, said) in [
            ("same", "1", Some("1")),
            ("damaged", "2", Some("1")),
            ("longer", "11", Some("1")),
            ("unclaimed", "1", None),
        ] {
            fs::write(earlier.join(name), now).unwrap();
            if let Some(said) = said {
                claimed.insert(name, Digest::of(said.as_bytes()));
            }
        }
        for name in ["new", "link"] {
            claimed.insert(name, Digest::of(b"1"));
        }
        std::os::unix::fs::symlink("same", earlier.join("link")).unwrap();
        fs::write(into.join("same"), "half").unwrap();
        let names = ["damaged", "link", "longer", "new", "same", "unclaimed"];
        let entries = names.map(|name| Entry {
            name: name.into(),
            bytes: 1,
            mark: None,
        });
        let (there, to_come) = take_over(entries.into(), &claimed, &earlier, &into).unwrap();
        assert_eq!((there.len(), to_come.len()), (1, 5));
        assert_eq!(there[0].0.name, "same");
        assert_eq!(fs::read(into.join("same")).unwrap(), b"1");
        assert_eq!(fs::read_dir(into).unwrap().count(), 1);
    }
}
