//! Opening what somebody else named: never anything but an entry of the directory that was meant.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat, openat2};
use rustix::io::Errno;

/// Opens the entry `name` of the directory `dir` with those flags; a new file gets `mode`. The name may have been
/// chosen by a stranger: one that is no single name is an error of kind `InvalidInput`, and a link is an error, too.
/// The kernel is asked to see to it itself, where it can (`openat2`).
pub fn open_beneath(dir: &Path, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    open_in(open(dir, directory, Mode::empty())?, name, flags, mode)
}

/// The same in a directory that is open, for many of its entries.
pub fn open_in(dir: impl AsFd, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || name == "." || name == ".." || bytes.contains(&b'/') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&dir, name, flags, mode, resolve) {
        // An old kernel, or a sandbox that does not know the call: a single name and no link lead nowhere else.
        Err(Errno::NOSYS | Errno::PERM) => Ok(openat(&dir, name, flags, mode)?.into()),
        opened => Ok(opened?.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read as _;

    #[test]
    fn nothing_but_an_entry_of_the_directory_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(dir.path().join("outside"), "secret").unwrap();
        std::fs::write(inside.join("file"), "own").unwrap();
        std::os::unix::fs::symlink("../outside", inside.join("link")).unwrap();
        std::os::unix::fs::symlink("file", inside.join("near")).unwrap();
        let read = |name: &str| open_beneath(&inside, name.as_ref(), OFlags::RDONLY, Mode::empty());
        let mut text = String::new();
        read("file").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "own");
        for name in [
            "",
            ".",
            "..",
            "../outside",
            "/etc/passwd",
            "link",
            "near",
            "none",
        ] {
            assert!(read(name).is_err(), "{name}");
        }
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::from_raw_mode(0o600);
        assert!(open_beneath(&inside, "new".as_ref(), new, mode).is_ok());
        assert!(open_beneath(&inside, "link".as_ref(), new, mode).is_err());
        let created = OFlags::WRONLY | OFlags::CREATE;
        assert!(open_beneath(&inside, "link".as_ref(), created, mode).is_err());
        assert_eq!(
            std::fs::read(dir.path().join("outside")).unwrap(),
            b"secret"
        );
    }
}
