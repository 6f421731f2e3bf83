//! One verified copy of one file.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use crate::fsx::{self, EarlySync};
use crate::sums::{Proof, Prover};
use crate::units::Ids;

/// Which digests a copy is to come with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The copy's, read back, by the function of this one.
    ReadBack(Proof),
    /// That and the source's.
    Both,
}

impl Wanted {
    /// Who takes these digests of a file of `bytes` bytes.
    fn prover(self, bytes: u64) -> Prover {
        match self {
            Self::ReadBack(proof) => proof.prover(),
            Self::Both => Prover::for_length(bytes),
        }
    }
}

/// The digests of a copy.
pub(super) struct Copy {
    /// Of the source's bytes, if it was wanted.
    pub(super) source: Option<Proof>,
    /// Of the copy's bytes, read back.
    pub(super) read_back: Proof,
}

/// Which side failed.
pub(super) enum CopyError {
    Source(io::Error),
    Target(io::Error),
}

/// Copies `source` to the new file `target`, makes it durable, reads it back.
pub(super) fn write_copy(
    source: &File,
    target: &Path,
    ids: Option<Ids>,
    wanted: Wanted,
    progress: &mut dyn FnMut(u64),
) -> Result<Copy, CopyError> {
    let copy = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(CopyError::Target)?;
    // A file that grows faster than it is copied would never end.
    let bytes = source.metadata().map_err(CopyError::Source)?.len();
    let mut early = EarlySync::default();
    let mut progress = |more| {
        early.wrote(&copy, more);
        progress(more);
    };
    let progress: &mut dyn FnMut(u64) = &mut progress;
    let shared = fsx::reflink(source, &copy).map_err(CopyError::Target)?;
    let hashed = if shared {
        progress(copy.metadata().map_err(CopyError::Target)?.len());
        None
    } else if wanted == Wanted::Both {
        // Both readers of the source run side by side; the slower one finds the bytes in the page cache.
        let (copied, hashed) = std::thread::scope(|scope| {
            let hashing = scope.spawn(|| proof_at(source, bytes, wanted.prover(bytes)));
            let copied = fsx::copy_bytes(source, &copy, bytes, progress);
            let hashed = hashing
                .join()
                .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            (copied, hashed)
        });
        let hashed = hashed.map_err(CopyError::Source)?;
        copied.map_err(CopyError::Target)?;
        Some(hashed)
    } else {
        match fsx::copy_bytes(source, &copy, bytes, progress) {
            Err(error) if !fsx::is_full(&error) => {
                // The kernel does not say which side failed; reading tells.
                proof_at(source, bytes, wanted.prover(bytes)).map_err(CopyError::Source)?;
                return Err(CopyError::Target(error));
            }
            copied => copied.map_err(CopyError::Target)?,
        };
        None
    };
    early.finish().map_err(CopyError::Target)?;
    let mode = mode_here(source.metadata().map_err(CopyError::Source)?.mode());
    let read_back = settle(&copy, mode, ids, wanted.prover(bytes)).map_err(CopyError::Target)?;
    Ok(Copy {
        source: if shared { Some(read_back) } else { hashed },
        read_back,
    })
}

/// The permission bits that a file gets here, by those that it has there. Nobody takes another user's power from them;
/// and its owner can read it, to store it, and go on writing when the connection broke.
pub(super) fn mode_here(there: u32) -> u32 {
    there & 0o777 | 0o600
}

/// Gives the written `copy` its owner and mode, makes it durable, reads it back.
fn settle(copy: &File, mode: u32, ids: Option<Ids>, prover: Prover) -> io::Result<Proof> {
    if let Some(ids) = ids {
        std::os::unix::fs::fchown(copy, Some(ids.uid), Some(ids.gid))?;
    }
    copy.set_permissions(Permissions::from_mode(mode))?;
    copy.sync_all()?;
    // Out of the cache, so that it is the device that is read. A file system that keeps its pages may.
    let _ = fadvise(copy, 0, None, Advice::DontNeed);
    proof_at(copy, u64::MAX, prover)
}

/// The digest by `prover` of the first `most` bytes of `file`, or of all if there are fewer. Does not move its position.
pub(super) fn proof_at(file: &File, most: u64, mut prover: Prover) -> io::Result<Proof> {
    let mut buffer = vec![0; 1 << 18];
    let mut offset = 0;
    while offset < most {
        let left =
            usize::try_from(most - offset).map_or(buffer.len(), |left| left.min(buffer.len()));
        match file.read_at(&mut buffer[..left], offset) {
            Ok(0) => break,
            Ok(got) => {
                prover.update(&buffer[..got]);
                offset += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(prover.finish())
}
