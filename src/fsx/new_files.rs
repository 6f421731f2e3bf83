//! Many new files become durable with one sync.
//!
//! To sync a file takes a disk milliseconds, however small the file is. So small files wait under their partial names until
//! there are many of them. None has its own name before its bytes are durable.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use rustix::fs::{fstatfs, syncfs};

use super::NewFile;

/// Files that wait at most. Each is open.
const FILES: usize = 256;
/// Bytes in them, after which nothing waits any more.
const BYTES: u64 = 64 << 20;
/// No more files than these are synced each on its own: what other programs write meanwhile need not be waited for.
const FEW: usize = 16;
/// File systems of other machines and in programs (NFS, CIFS, SMB, FUSE), by the number that `statfs(2)` gives them: they
/// hear of a sync only if it is that of a file.
const TOLD_OF_FILES: [u32; 4] = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546];

/// [`NewFile`]s that wait for their names.
#[derive(Debug, Default)]
pub struct NewFiles {
    waiting: Vec<(NewFile, PathBuf)>,
    bytes: u64,
    /// The file system that they are on.
    device: u64,
    /// File systems where names are not durable, and a file of each.
    unsynced: Vec<(u64, File)>,
}

/// The path that a file was to have, and whether it is there. One whose name somebody has is of kind `AlreadyExists`, and the
/// file is removed.
pub type Named = (PathBuf, io::Result<()>);

impl NewFiles {
    /// Adds a file that is complete and shall be at `path`, in its directory. Gives what became of those that have waited
    /// long enough.
    pub fn add(&mut self, mut file: NewFile, path: PathBuf) -> Vec<Named> {
        let metadata = match file.end().and_then(File::metadata) {
            Ok(metadata) => metadata,
            Err(error) => return vec![(path, Err(error))],
        };
        let mut named = Vec::new();
        if metadata.dev() != self.device {
            named = self.settle();
            self.device = metadata.dev();
        }
        self.waiting.push((file, path));
        self.bytes += metadata.len();
        if self.waiting.len() >= FILES || self.bytes >= BYTES {
            named.extend(self.settle());
        }
        named
    }

    /// Makes all that wait durable, and gives each its name. Gives what became of them, in the order of [`NewFiles::add`].
    pub fn settle(&mut self) -> Vec<Named> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let together = match waiting.first() {
            // By a file that was opened before anything was written: so it hears of every error.
            Some((first, _)) if waiting.len() > FEW => sync_around(first.file()),
            _ => None,
        };
        let is_together = together.is_some();
        if let Some(file) = together {
            self.unsynced.retain(|(device, _)| *device != self.device);
            self.unsynced.push((self.device, file));
        }
        let name = |(mut file, path): (NewFile, PathBuf)| {
            let to = [path.clone()];
            let named = if is_together {
                file.rename(to)
            } else {
                file.name(to)
            };
            (path, named.map(drop))
        };
        waiting.into_iter().map(name).collect()
    }

    /// Makes the names durable that were given.
    pub fn sync(&mut self) -> io::Result<()> {
        let synced = self.unsynced.drain(..).map(|(_, file)| syncfs(file));
        // All of them, whatever becomes of the first.
        Ok(synced.fold(Ok(()), Result::and)?)
    }
}

/// Syncs the whole file system that `file` is on, and gives a handle for the next time; nothing if that cannot be, or
/// something did not arrive: each file knows then whether it did.
fn sync_around(file: &File) -> Option<File> {
    let kind = fstatfs(file).ok()?.f_type;
    // Negative where the numbers have 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let is_told_of_files = TOLD_OF_FILES.contains(&(kind as u32));
    if is_told_of_files {
        return None;
    }
    let again = file.try_clone().ok()?;
    syncfs(file).ok()?;
    Some(again)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    fn add(files: &mut NewFiles, path: &Path, bytes: u64) -> Vec<Named> {
        let mut file = NewFile::create_in(path.parent().unwrap()).unwrap();
        file.write_all(path.file_name().unwrap().as_encoded_bytes())
            .unwrap();
        file.end().unwrap().set_len(bytes).unwrap();
        files.add(file, path.to_owned())
    }

    #[test]
    fn every_file_gets_its_name_and_none_that_somebody_has() {
        for count in [1, FEW, FEW + 1, FILES - 1, FILES, 2 * FILES + FEW + 7] {
            let dir = tempfile::tempdir().unwrap();
            let path = |number: usize| dir.path().join(number.to_string());
            fs::write(path(count / 2), "mine").unwrap();
            let mut files = NewFiles::default();
            let mut named = Vec::new();
            for number in 0..count {
                named.extend(add(&mut files, &path(number), 1));
                assert!(number + 1 - named.len() < FILES);
                // Whatever waits has no name.
                let there = fs::read_dir(dir.path()).unwrap();
                let is_named = |name: &std::ffi::OsStr| !crate::fsx::is_partial(name);
                let there = there.filter(|entry| is_named(&entry.as_ref().unwrap().file_name()));
                let mine_waits = usize::from(named.len() <= count / 2);
                assert_eq!(there.count(), named.len() + mine_waits, "{count} {number}");
            }
            named.extend(files.settle());
            files.sync().unwrap();
            for (number, (at, result)) in named.iter().enumerate() {
                assert_eq!(*at, path(number));
                let kind = result.as_ref().err().map(io::Error::kind);
                let taken = (number == count / 2).then_some(io::ErrorKind::AlreadyExists);
                assert_eq!(kind, taken, "{count} {number}");
            }
            assert_eq!(fs::read(path(count / 2)).unwrap(), b"mine");
            let there: BTreeSet<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            assert_eq!(there, (0..count).map(path).collect(), "{count}");
        }
    }

    #[test]
    fn many_bytes_do_not_wait_nor_does_anything_for_another_file_system() {
        let here = tempfile::tempdir().unwrap();
        let there = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut files = NewFiles::default();
        let [a, b] = ["a", "b"].map(|name| here.path().join(name));
        let [c, d] = ["c", "d"].map(|name| there.path().join(name));
        assert!(add(&mut files, &a, 5).is_empty());
        assert_eq!(add(&mut files, &b, BYTES).len(), 2);
        assert!(add(&mut files, &a.with_file_name("e"), 5).is_empty());
        // Only if `/tmp` is not in memory itself are there two.
        let two = here.path().metadata().unwrap().dev() != there.path().metadata().unwrap().dev();
        assert_eq!(add(&mut files, &c, 5).len(), usize::from(two));
        assert!(add(&mut files, &d, 5).is_empty());
        let named = files.settle();
        assert!(named.iter().all(|(_, result)| result.is_ok()));
        assert!(c.exists() && d.exists());
    }
}
