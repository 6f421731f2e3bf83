//! A session behind those that are there, and the head that says which one is the newest.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::{ALIGN, FileDrive, output};
use crate::event::{Event, Monitor, Progress};
use crate::iso9660::{self, ReadError, WriteError};
use crate::media::{Burnt, DriveError, Payload, SECTOR, Session};

/// Where the volume descriptors are in a session: behind the system area.
const DESCRIPTORS: u64 = 16 * SECTOR;
/// Bytes in a sector, in memory.
const SECTOR_LEN: usize = 2048;

/// Burns the session of `payload` at its place in `file`.
pub(super) fn append(
    drive: &FileDrive,
    file: &File,
    payload: &mut Payload<'_, '_>,
    monitor: &dyn Monitor,
) -> Result<Burnt, DriveError> {
    let base = u64::from(payload.image.start()) * SECTOR;
    check_head(drive, file, base)?;
    // What an interrupted burn left behind the last session goes first.
    file.set_len(base).map_err(drive.io("cut"))?;
    let burnt = body(drive, file, payload, monitor);
    if burnt.is_err() {
        // As if nothing had happened; should this fail too, the next burn cuts.
        let _ = file.set_len(base);
    }
    let burnt = burnt?;
    seal(drive, file, payload)?;
    Ok(burnt)
}

/// Refuses a disc that has something from byte `end` on and a damaged head: only that says whether the chain of sessions was
/// followed to its end, or broken off before sessions which would be cut off now.
pub(super) fn check_head(drive: &FileDrive, file: &File, end: u64) -> Result<(), DriveError> {
    let mut head = [0; 6];
    file.read_exact_at(&mut head, DESCRIPTORS)
        .map_err(drive.io("read the head of"))?;
    let length = file.metadata().map_err(drive.io("read"))?.len();
    // ECMA-119 8.4: type 1, identifier
    if head == *b"\x01CD001" || length <= end {
        return Ok(());
    }
    Err(DriveError::Unreadable {
        path: drive.path.clone().into(),
        why:
            "its head is damaged, and behind the last session that can be found there may be others"
                .to_owned(),
    })
}

/// Writes everything of the session but its volume descriptors.
pub(super) fn body(
    drive: &FileDrive,
    file: &File,
    payload: &mut Payload<'_, '_>,
    monitor: &dyn Monitor,
) -> Result<Burnt, DriveError> {
    const TASK: &str = "burning";
    let image = payload.image;
    let base = u64::from(image.start()) * SECTOR;
    let total = image.sectors() * SECTOR;
    reserve(drive, file, base, total)?;
    let body = u64::from(image.body_offset()) * SECTOR;
    let progress = |done| {
        monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done: body + done,
            total: Some(total),
            files: None,
        }));
    };
    let (written, arrived) = output::write_out(file, base + body, &progress, |out| {
        image.write_body(out, payload.open)
    });
    let result = written
        .map_err(|WriteError::Output(error)| error)
        .and_then(|faults| arrived.and_then(|()| file.sync_data()).map(|()| faults));
    monitor.observe(&Event::ProgressEnd(TASK));
    let faults = match result {
        Ok(faults) => faults,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            return Err(no_space(drive, file, total));
        }
        Err(error) => return Err(drive.io("write")(error)),
    };
    Ok(Burnt {
        session: Session {
            start: image.start(),
            end: image.end(),
            label: payload.label.as_bytes().to_vec(),
        },
        faults,
        set_aside: None,
    })
}

/// Gives the session its descriptors, then the head.
pub(super) fn seal(
    drive: &FileDrive,
    file: &File,
    payload: &Payload<'_, '_>,
) -> Result<(), DriveError> {
    let descriptors = payload.image.descriptors();
    let own = u64::from(payload.image.start()) * SECTOR + DESCRIPTORS;
    file.write_all_at(&descriptors, own)
        .and_then(|()| file.sync_data())
        .map_err(drive.io("write the volume descriptors of"))?;
    write_head(drive, file, &payload.image.head_descriptors()).map(drop)
}

/// Makes the head a copy of the descriptors of the session `newest`, if it is not one.
pub(super) fn mend_head(
    drive: &FileDrive,
    file: &File,
    newest: &Session,
) -> Result<(), DriveError> {
    let set = iso9660::shown_descriptors(file, newest.start, newest.end)
        .map_err(|error| drive.io("read the volume descriptors of")(io::Error::other(error)))?;
    if !write_head(drive, file, &set)?.is_empty() {
        log::info!("the head of {} was mended", drive.path);
    }
    Ok(())
}

/// Bytes that the head has for descriptors.
#[allow(clippy::cast_possible_truncation)] // 32 KiB
const HEAD_ROOM: usize = (ALIGN as u64 * SECTOR - DESCRIPTORS) as usize;

/// Writes `descriptors` into the head; gives the numbers of the sectors that were changed. A copy of which only a part
/// arrived is mended like a missing one.
fn write_head(
    drive: &FileDrive,
    file: &File,
    descriptors: &[u8],
) -> Result<Vec<usize>, DriveError> {
    let fault = drive.io("write the head of");
    let mut old = vec![0; ALIGN as usize * SECTOR_LEN];
    file.read_exact_at(&mut old, 0).map_err(&fault)?;
    let new = if is_begun_at_zero(file).map_err(&fault)? {
        iso9660::grown_head(&old, descriptors)
    } else {
        let set = &descriptors[..descriptors.len().min(HEAD_ROOM)];
        let mut new = old.clone();
        new[old.len() - HEAD_ROOM..][..set.len()].copy_from_slice(set);
        new
    };
    let sectors = old.chunks(SECTOR_LEN).zip(new.chunks(SECTOR_LEN));
    let changed = sectors.enumerate().filter(|(_, (old, new))| old != new);
    let changed: Vec<(usize, &[u8])> = changed.map(|(at, (_, new))| (at, new)).collect();
    // What is kept lies before what it is kept from.
    for (at, sector) in &changed {
        file.write_all_at(sector, *at as u64 * SECTOR)
            .map_err(&fault)?;
        if (*at as u64) * SECTOR < DESCRIPTORS {
            file.sync_data().map_err(&fault)?;
        }
    }
    file.sync_data().map_err(&fault)?;
    Ok(changed.into_iter().map(|(at, _)| at).collect())
}

/// Whether the first session starts at sector 0. It does not if there is no volume at all: then reading back tells.
fn is_begun_at_zero(file: &File) -> io::Result<bool> {
    match iso9660::sessions(file) {
        Ok(sessions) => Ok(sessions.first().is_some_and(|first| first.start == 0)),
        Err(ReadError::Incompatible(_)) => Ok(false),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Takes room on the file system before the first byte, so that a full one is noticed now.
pub(super) fn reserve(
    drive: &FileDrive,
    file: &File,
    base: u64,
    bytes: u64,
) -> Result<(), DriveError> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), base, bytes) {
        Ok(()) => Ok(()),
        Err(Errno::NOSPC | Errno::DQUOT) => {
            let error = no_space(drive, file, bytes);
            let _ = file.set_len(base);
            Err(error)
        }
        Err(errno @ Errno::FBIG) => Err(drive.io("enlarge")(errno.into())),
        // The file system cannot: a look must do.
        Err(_) if free_bytes(file).is_some_and(|free| free < bytes) => {
            Err(no_space(drive, file, bytes))
        }
        Err(_) => file.set_len(base + bytes).map_err(drive.io("enlarge")),
    }
}

fn no_space(drive: &FileDrive, file: &File, needed: u64) -> DriveError {
    DriveError::NoSpace {
        path: drive.path.clone().into(),
        needed,
        free: free_bytes(file).unwrap_or(0),
    }
}

/// Bytes that the file system of `file` still gives to us.
pub(super) fn free_bytes(file: &File) -> Option<u64> {
    let stat = rustix::fs::fstatvfs(file).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
