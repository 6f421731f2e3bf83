//! What a source looked like when it was last collected: private to this machine, in the working directory.
//!
//! `etc.snapshot` is the last collection whose archives are known to have been staged; an incremental builds
//! on it. `etc.snapshot.pending` is the latest collection. A file is a head of fixed length, in text, with
//! the digests by which staging is acknowledged, and a body of packed records in the order of the walk.
//! Head and body carry digests: what is damaged is not believed.

#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod record;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::archive::{Compression, Packer, Timestamp};
use crate::event::printable_path;
use crate::fsx::AtomicFile;
use crate::units::Ids;

pub use head::{Head, Output};
pub use record::{Identity, Record};

use head::HEAD;
use record::{Decoder, Encoder};

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read or written.
    #[error("cannot use the snapshot {}", printable_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is damaged, or of another version.
    #[error("the snapshot {} is {reason}", printable_path(path))]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

const SETTLED: &str = ".snapshot";
const PENDING: &str = ".snapshot.pending";

/// Where the snapshot is whose archives were staged.
pub fn path(working_dir: &Path, name: &OsStr) -> PathBuf {
    with(working_dir, name, SETTLED)
}

/// Where the snapshot of the latest collection is.
pub fn pending_path(working_dir: &Path, name: &OsStr) -> PathBuf {
    with(working_dir, name, PENDING)
}

fn with(dir: &Path, name: &OsStr, extension: &str) -> PathBuf {
    let mut name = name.to_owned();
    name.push(extension);
    dir.join(name)
}

/// The stem in the name of a snapshot whose archives were staged; `None` for any other file.
pub fn stem(file_name: &OsStr) -> Option<OsString> {
    without(file_name, SETTLED)
}

/// The stem in the name of a pending snapshot; `None` for any other file.
pub fn pending_stem(file_name: &OsStr) -> Option<OsString> {
    without(file_name, PENDING)
}

fn without(file_name: &OsStr, extension: &str) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt as _;
    let stem = file_name.as_bytes().strip_suffix(extension.as_bytes())?;
    Some(OsStr::from_bytes(stem).to_owned())
}

/// A snapshot that was looked at and found sound.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    path: PathBuf,
    head: Head,
}

impl Snapshot {
    /// Reads the head of the snapshot at `path`; `None` if there is none.
    pub fn head(path: &Path) -> Result<Option<Head>, SnapshotError> {
        Ok(Self::load(path)?.map(|snapshot| snapshot.head))
    }

    /// Opens the snapshot at `path` and compares it with its digests; `None` if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, SnapshotError> {
        let Some(mut snapshot) = Self::load(path)? else {
            return Ok(None);
        };
        let holds = snapshot.head.body.holds(&mut snapshot.file);
        let holds = holds.map_err(|source| SnapshotError::Io {
            path: path.to_owned(),
            source,
        })?;
        if !holds {
            return Err(SnapshotError::Unsound {
                path: path.to_owned(),
                reason: "damaged: its records do not have their digest".to_owned(),
            });
        }
        Ok(Some(snapshot))
    }

    fn load(path: &Path) -> Result<Option<Self>, SnapshotError> {
        let fault = |source| SnapshotError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        let mut text = Vec::new();
        (&mut file)
            .take(HEAD as u64)
            .read_to_end(&mut text)
            .map_err(fault)?;
        let head = Head::parse(&text).map_err(|reason| SnapshotError::Unsound {
            path: path.to_owned(),
            reason,
        })?;
        Ok(Some(Self {
            file,
            path: path.to_owned(),
            head,
        }))
    }

    /// Whether the snapshot at `path`, of the directory `root`, has anything in that directory. One that cannot be
    /// used has not.
    pub fn had_more(path: &Path, root: &Path) -> bool {
        let Ok(Some(last)) = Self::open(path) else {
            return false;
        };
        let more = last.read(|records| {
            while let Ok(Some(record)) = records.next_record() {
                if root.strip_prefix("/") != Ok(&record.path) {
                    return true;
                }
            }
            false
        });
        more.unwrap_or(false)
    }

    /// Gives the snapshot at `path` the head `head`, whose body is the same. Killed meanwhile, the snapshot may not
    /// be sound any more; then it counts as none.
    pub fn rewrite_head(path: &Path, head: &Head) -> Result<(), SnapshotError> {
        use std::os::unix::fs::FileExt as _;
        let write = || -> io::Result<()> {
            let file = File::options().write(true).open(path)?;
            file.write_all_at(&head.text()?, 0)?;
            file.sync_all()
        };
        write().map_err(|source| SnapshotError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// The head.
    pub fn facts(&self) -> &Head {
        &self.head
    }

    /// Gives `work` the records one after the other, unpacked in a thread ahead.
    pub fn read<T>(mut self, work: impl FnOnce(&mut Records<'_>) -> T) -> Result<T, SnapshotError> {
        let sought = self.file.seek(SeekFrom::Start(HEAD as u64));
        sought.map_err(|source| SnapshotError::Io {
            path: self.path.clone(),
            source,
        })?;
        Ok(crate::archive::unpack(
            Compression::Zstd,
            self.file,
            |body| {
                work(&mut Records {
                    decoder: Some(Decoder::new(body)),
                })
            },
        ))
    }
}

/// Records in the order of the walk.
pub struct Records<'a> {
    decoder: Option<Decoder<'a>>,
}

impl Records<'_> {
    /// No records at all.
    pub fn none() -> Self {
        Self { decoder: None }
    }

    /// The next record. An error ends them.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(None);
        };
        let next = decoder.next_record();
        if !matches!(next, Ok(Some(_))) {
            self.decoder = None;
        }
        next
    }
}

/// Writes the snapshot of a collection.
pub struct SnapshotWriter {
    packer: Packer<AtomicFile>,
    encoder: Encoder,
    path: PathBuf,
}

impl SnapshotWriter {
    /// Begins the pending snapshot of the source `name`. Gives the time of the file system's own clock.
    pub fn create(working_dir: &Path, name: &OsStr) -> Result<(Self, Timestamp), SnapshotError> {
        let path = pending_path(working_dir, name);
        let fault = |source| SnapshotError::Io {
            path: path.clone(),
            source,
        };
        let mut file = AtomicFile::create(&path).map_err(fault)?;
        file.write_all(&[b'\n'; HEAD]).map_err(fault)?;
        let stat = file.file().metadata().map_err(fault)?;
        let now = Timestamp {
            seconds: stat.mtime(),
            nanos: u32::try_from(stat.mtime_nsec()).unwrap_or(0),
        };
        let writer = Self {
            packer: Packer::new(Compression::Zstd, Some(1), file),
            encoder: Encoder::default(),
            path: path.clone(),
        };
        Ok((writer, now))
    }

    /// Adds a record.
    pub fn add(&mut self, record: &Record) -> Result<(), SnapshotError> {
        let bytes = self.encoder.encode(record);
        self.packer
            .write_all(bytes)
            .map_err(|source| SnapshotError::Io {
                path: self.path.clone(),
                source,
            })
    }

    /// Writes the head, whose `body` is filled in, and makes the snapshot appear.
    pub fn commit(self, mut head: Head, ids: Option<Ids>) -> Result<(), SnapshotError> {
        let Self { packer, path, .. } = self;
        let write = || -> io::Result<()> {
            let (mut file, packed) = packer.finish()?;
            head.body = packed.proof;
            file.write_over(0, &head.text()?)?;
            file.commit(ids)
        };
        write().map_err(|source| SnapshotError::Io { path, source })
    }
}
