//! A file that comes where other people's files are, and replaces none of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{LongWriter, parent, sync_dir};

/// Partial names that may be somebody else's before that is an error.
const TRIES: u32 = 1000;

/// A file being written under a partial name of its own, for its owner alone. Dropped without [`NewFile::name`], it is
/// removed.
///
/// The partial name says nothing of the name that the file will have, and so is short however long that is. In a directory
/// of our own, [`super::AtomicFile`] is better: what a killed run leaves is replaced by the next one.
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
            let partial = dir.join(format!(".cback-{process}-{number}.partial"));
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&partial);
            match opened {
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
        self.long.finish(&self.file)?;
        self.file.sync_all()?;
        for path in paths {
            match rename_new(&self.partial, &path) {
                Ok(()) => {
                    self.named = true;
                    sync_dir(parent(&path))?;
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
}
