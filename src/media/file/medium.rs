//! Opening the disc's file, and finding its sessions. What is not understood is never taken for blank.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::ALIGN;
use crate::fsx;
use crate::iso9660::{self, Volume};
use crate::media::{Appendable, DriveError, SECTOR, Session, is_ours};

/// What a closed disc has at the beginning of sector 15.
pub(super) const CLOSED: &[u8] = b"cback: this disc is closed\n";
/// Where that is.
pub(super) const CLOSED_AT: u64 = 15 * SECTOR;

/// Whether the disc in `file` takes another session after `sessions`.
pub(super) fn appendable(file: &File, sessions: &[Session]) -> io::Result<Appendable> {
    if let (Some(first), Some(last)) = (sessions.first(), sessions.last())
        && first.start != ALIGN
    {
        // Begun by another program, at sector 0: a copy of a disc that Cedar Backup burnt, or any image. If there is
        // something behind its end, it may be sessions that only the disc's own table had; or such were found, which no
        // chain leads to.
        let room = u64::from(last.end).next_multiple_of(u64::from(ALIGN)) * SECTOR;
        let chain = iso9660::sessions(file).map_or(0, |chain| chain.len());
        if !is_ours(&last.label) || sessions.len() > chain || file.metadata()?.len() > room {
            return Ok(Appendable::Closed);
        }
    }
    let mut there = [0; CLOSED.len()];
    match file.read_exact_at(&mut there, CLOSED_AT) {
        Ok(()) if there == *CLOSED => Ok(Appendable::Closed),
        Ok(()) => Ok(Appendable::Open),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Appendable::Open),
        Err(error) => Err(error),
    }
}

/// The file at `path` for reading; `None` if the disc is blank.
pub(super) fn open(path: &Path) -> Result<Option<File>, DriveError> {
    open_with(path, OpenOptions::new().read(true))
}

/// A file that no other process may burn until this is dropped.
#[derive(Debug)]
pub(super) struct Held(File);

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Held {
    /// Closing alone would not do: a child that was forked meanwhile shares the lock until it executes its
    /// program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The file at `path` for writing, locked; `None` if the disc is blank.
pub(super) fn lock(path: &Path) -> Result<Option<Held>, DriveError> {
    let Some(file) = open_with(path, OpenOptions::new().read(true).write(true))? else {
        return Ok(None);
    };
    let file = hold(path, file)?;
    // Whoever held it before may have put another file in its place.
    let same = match (std::fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
        _ => false,
    };
    if same {
        Ok(Some(file))
    } else {
        Err(DriveError::Busy(path.to_owned()))
    }
}

/// Locks `file` without waiting.
pub(super) fn hold(path: &Path, file: File) -> Result<Held, DriveError> {
    match file.try_lock() {
        Ok(()) => Ok(Held(file)),
        Err(TryLockError::WouldBlock) => Err(DriveError::Busy(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(DriveError::Io {
            path: path.to_owned(),
            doing: "lock",
            source,
        }),
    }
}

fn open_with(path: &Path, options: &OpenOptions) -> Result<Option<File>, DriveError> {
    let fault = |source| DriveError::Io {
        path: path.to_owned(),
        doing: "open",
        source,
    };
    // Looked at before it is opened: opening a pipe waits, opening a device may do something.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return absent(path).map(|()| None);
        }
        Err(error) => return Err(fault(error)),
    };
    if !metadata.is_file() {
        return Err(DriveError::NotAFile(path.to_owned()));
    }
    if metadata.len() == 0 {
        return Ok(None);
    }
    options.open(path).map(Some).map_err(fault)
}

/// A file that is not there is a blank disc only if its directory is: a file system that is not mounted
/// must not look like an empty shelf. A link to nothing is no disc either.
fn absent(path: &Path) -> Result<(), DriveError> {
    let dir = fsx::parent(path);
    let refuse = |why| DriveError::NoDirectory {
        dir: dir.to_owned(),
        why,
    };
    let metadata = std::fs::metadata(dir).map_err(refuse)?;
    if !metadata.is_dir() {
        return Err(refuse(io::ErrorKind::NotADirectory.into()));
    }
    if std::fs::symlink_metadata(path).is_ok() {
        return Err(DriveError::Unreadable {
            path: path.to_owned(),
            why: "it is a symbolic link to nothing".to_owned(),
        });
    }
    Ok(())
}

/// The sessions that are found in a file that [`sessions`] refuses, oldest first: all of them if it was only cut short; those
/// that can be found in spite of that where their chain is broken.
pub(super) fn salvage(file: &File) -> Vec<Session> {
    if let Ok(found) = iso9660::sessions_of_copy(file) {
        return found.into_iter().map(of_volume).collect();
    }
    let at = |start: u32| {
        let volume = Volume::open(file, start).ok()?;
        Some(Session {
            start,
            end: volume.end(),
            label: volume.volume_id().to_vec(),
        })
    };
    let starts = iso9660::readable_sessions(file).starts;
    starts.into_iter().filter_map(at).collect()
}

fn of_volume(session: iso9660::Session) -> Session {
    Session {
        start: session.start,
        end: session.end,
        label: session.volume_id,
    }
}

/// The sessions in a file that is not empty; at least one.
pub(super) fn sessions(path: &Path, file: &File) -> Result<Vec<Session>, DriveError> {
    let refuse = |why: String| DriveError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let found = iso9660::sessions_of_copy(file).map_err(|error| refuse(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| refuse(error.to_string()))?;
    let sectors = metadata.len() / SECTOR;
    let sessions: Vec<Session> = found.into_iter().map(of_volume).collect();
    match sessions.last() {
        None => Err(refuse(
            "it is not empty, and no ISO 9660 volume is on it".to_owned(),
        )),
        Some(last) if u64::from(last.end) > sectors => Err(refuse(format!(
            "it is cut short: it has {sectors} sectors, and its newest session ends at {}",
            last.end
        ))),
        Some(_) => Ok(sessions),
    }
}
