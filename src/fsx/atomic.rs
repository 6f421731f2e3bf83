//! A file that appears whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{LongWriter, parent, partial_path, rename_durably};
use crate::units::Ids;

/// A file being written under its partial name. Dropped without [`AtomicFile::commit`], it is removed.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    committed: bool,
    long: LongWriter,
}

impl AtomicFile {
    /// Begins the file that will be at `path`. What an earlier run left under the partial name is
    /// replaced, never followed.
    pub fn create(path: &Path) -> io::Result<Self> {
        let partial = partial_path(path);
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o666)
            .open(&partial)?;
        Ok(Self {
            file,
            partial,
            path: path.to_owned(),
            committed: false,
            long: LongWriter::default(),
        })
    }

    /// The file itself, for system calls that need one.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `bytes` over those that were written at byte `at`, once everything else is written.
    pub fn write_over(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.long.finish(&self.file)?;
        self.file.write_all_at(bytes, at)
    }

    /// Gives the file to `ids`, makes its bytes durable, gives it its name, makes that durable.
    pub fn commit(mut self, ids: Option<Ids>) -> io::Result<()> {
        if let Some(ids) = ids {
            std::os::unix::fs::fchown(&self.file, Some(ids.uid), Some(ids.gid))?;
        }
        self.long.finish(&self.file)?;
        self.file.sync_all()?;
        rename_durably(&self.partial, &self.path)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be removed now is swept by the next run.
            let _ = std::fs::remove_file(&self.partial);
            let _ = super::sync_dir(parent(&self.partial));
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.long.write_all(&self.file, buffer)?;
        Ok(buffer.len())
    }

    /// Does nothing: [`AtomicFile::commit`] waits for everything.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_appears_with_commit_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("name");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"all").unwrap();
        assert!(!path.exists());
        file.commit(None).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all");
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(AtomicFile::create(&dir.path().join("name")).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
