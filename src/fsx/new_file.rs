//! A file that comes where other people's files are, and replaces none of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, FileType, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::{LongWriter, hold, parent, sweep, sync_dir};

/// Partial names that may be somebody else's before that is an error.
const TRIES: u32 = 1000;
const BEGIN: &str = ".cback-";
const END: &str = ".partial";

/// A file being written under a partial name of its own, for its owner alone. Dropped without [`NewFile::name`], it is
/// removed. What a killed run left is [swept](NewFile::sweep) by a later one.
///
/// The partial name says nothing of the name that the file will have, and so is short however long that is. In a directory
/// of our own, [`super::AtomicFile`] is simpler.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    partial: PathBuf,
    named: bool,
    long: LongWriter,
}

impl NewFile {
    /// Begins a file in the directory `dir`.
    pub fn create_in(dir: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let mut tries = 0;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let partial = dir.join(format!("{BEGIN}{process}-{number}{END}"));
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&partial);
            match opened {
                // Another run that sweeps may have been there first.
                Ok(file) if is_swept(&file, &partial) && tries < TRIES => tries += 1,
                Ok(file) => {
                    return Ok(Self {
                        file,
                        partial,
                        named: false,
                        long: LongWriter::default(),
                    });
                }
                // A process of the same number left it, or it is something else altogether.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the bytes durable, gives the file the first of `paths`, all in its directory, that nobody has, and says which.
    /// If all are taken, the error is of kind `AlreadyExists`, and the file is removed.
    pub fn name(mut self, paths: impl IntoIterator<Item = PathBuf>) -> io::Result<PathBuf> {
        self.end()?.sync_all()?;
        let path = self.rename(paths)?;
        sync_dir(parent(&path))?;
        Ok(path)
    }

    /// The file, for system calls that need one.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Waits until all bytes are in the file, though not on the disk, and gives the file itself: its mode and its times stay
    /// as they are set now.
    pub fn end(&mut self) -> io::Result<&File> {
        self.long.finish(&self.file)?;
        Ok(&self.file)
    }

    /// Removes what a run that was killed left in the directory `dir`: our own files, of such a partial name, that no other
    /// run is writing. What cannot be removed stays.
    pub fn sweep(dir: &Path) {
        let Ok(dir) = File::open(dir) else {
            return;
        };
        let user = geteuid().as_raw();
        sweep(dir.as_fd(), is_partial, |stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == user
        });
    }

    /// As [`NewFile::name`], for bytes that are durable; the name is not yet.
    pub(super) fn rename(
        &mut self,
        paths: impl IntoIterator<Item = PathBuf>,
    ) -> io::Result<PathBuf> {
        for path in paths {
            match rename_new(&self.partial, &path) {
                Ok(()) => {
                    self.named = true;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.named {
            // What cannot be removed has a name that says what it is.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.long.write_all(&self.file, buffer)?;
        Ok(buffer.len())
    }

    /// Does nothing: [`NewFile::name`] waits for everything.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes hold of `file`, which was just made as `path`: whether another run took it for one that was left, and has removed it
/// or is about to.
fn is_swept(file: &File, path: &Path) -> bool {
    match hold(file) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
        // Where there are no locks, nobody sweeps.
        _ => std::fs::symlink_metadata(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound),
    }
}

/// Whether a file of ours may have that name while it is written.
fn is_partial(name: &[u8]) -> bool {
    let inner = name
        .strip_prefix(BEGIN.as_bytes())
        .and_then(|rest| rest.strip_suffix(END.as_bytes()));
    let numbers = inner.map(|inner| inner.split(|byte| *byte == b'-'));
    // Ten digits are the largest number that either of them can be: one of more digits is a restore's.
    let is_number =
        |word: &[u8]| (1..=10).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    numbers.is_some_and(|mut numbers| numbers.clone().count() == 2 && numbers.all(is_number))
}

/// Renames `from` to `to`, which must not be there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Many file systems that are programs know no rename that replaces nothing: a look must do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match std::fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(from, to),
            Err(error) => Err(error),
        },
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn it_takes_the_first_name_that_is_free_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("first"), "mine").unwrap();
        std::os::unix::fs::symlink("first", path("second")).unwrap();
        // Even a partial name may be taken.
        let next = NewFile::create_in(dir.path()).unwrap();
        let taken = next.partial.clone();
        let number = taken.file_name().unwrap().to_str().unwrap();
        let number: u32 = number
            .split(['-', '.'])
            .filter_map(|word| word.parse().ok())
            .next_back()
            .unwrap();
        drop(next);
        let squatter = path(&format!(
            ".cback-{}-{}.partial",
            std::process::id(),
            number + 1
        ));
        fs::write(&squatter, "mine, too").unwrap();

        let mut file = NewFile::create_in(dir.path()).unwrap();
        file.write_all(b"new").unwrap();
        let named = file.name(["first", "second", "third"].map(path)).unwrap();
        assert_eq!(named, path("third"));
        assert_eq!(fs::read(named).unwrap(), b"new");
        assert_eq!(fs::read(path("first")).unwrap(), b"mine");
        assert_eq!(fs::read(squatter).unwrap(), b"mine, too");

        let file = NewFile::create_in(dir.path()).unwrap();
        let refused = file.name([path("first")]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }
    #[test]
    fn what_a_dead_run_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let others = [
            ".cback-1-.partial",
            ".cback--1.partial",
            ".cback-1-2-3.partial",
            ".cback-1.partial",
            ".cback-1-a.partial",
            ".cback-1-2",
            "cback-1-2.partial",
            // A restore's.
            ".cback-0000000000000001-2.partial",
        ];
        for name in others.iter().chain(&[".cback-1-2.partial"]) {
            fs::write(path(name), "").unwrap();
        }
        fs::create_dir(path(".cback-1-3.partial")).unwrap();
        std::os::unix::fs::symlink("x", path(".cback-1-4.partial")).unwrap();
        let at_work = NewFile::create_in(dir.path()).unwrap();
        NewFile::sweep(dir.path());
        assert!(!path(".cback-1-2.partial").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), others.len() + 3);
        at_work.name([path("whole")]).unwrap();
        assert!(path("whole").exists());
    }

    #[test]
    fn a_file_that_somebody_sweeps_before_it_is_held_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        let sweeper = File::open(&path).unwrap();
        hold(&sweeper).unwrap();
        assert!(is_swept(&file, &path));
        fs::remove_file(&path).unwrap();
        drop(sweeper);
        assert!(is_swept(&file, &path));
        assert!(!is_swept(&File::create(&path).unwrap(), &path));
    }
}
