//! A new disc: written beside the old one, which gives way when the new one is complete.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{ALIGN, FileDrive, append, aside, medium};
use crate::event::Monitor;
use crate::fsx::{self, AtomicFile};
use crate::media::{Burnt, Disc, DriveError, Payload, Renewal, SECTOR};

/// Burns the first session of a new disc. `old` is the locked file that has to give way, if there is one.
pub(super) fn begin(
    drive: &FileDrive,
    disc: &Disc,
    old: Option<&File>,
    payload: &mut Payload<'_, '_>,
    monitor: &dyn Monitor,
) -> Result<Burnt, DriveError> {
    // A target that is a link stays one.
    let target = std::fs::canonicalize(&drive.path).unwrap_or_else(|_| drive.path.clone().into());
    if let Ok(left) = File::open(fsx::partial_path(&target)) {
        // Left over, or another process is at it.
        medium::hold(&target, left)?;
    }
    let file = AtomicFile::create(&target).map_err(drive.io("create"))?;
    let same = file.file().try_clone().map_err(drive.io("lock"))?;
    let _held = medium::hold(&target, same)?;
    if let Some(old) = old {
        make_room(drive, disc, old, &target, &file, payload)?;
    }
    let mut burnt = append::body(drive, file.file(), payload, monitor)?;
    append::seal(drive, file.file(), payload)?;
    if let Some(old) = old
        && disc.renewal == Renewal::SetAside
    {
        let label = disc.label().unwrap_or_default();
        burnt.set_aside = Some(aside::keep(drive, old, &target, label)?);
    }
    file.commit(drive.ids).map_err(drive.io("finish"))?;
    Ok(burnt)
}

/// A rewritable disc stays readable until the new one is complete, if there is room for both. If there is
/// not, but there would be without it, it goes first: that is what blanking means.
fn make_room(
    drive: &FileDrive,
    disc: &Disc,
    old: &File,
    target: &Path,
    new: &AtomicFile,
    payload: &Payload<'_, '_>,
) -> Result<(), DriveError> {
    let needed = (payload.image.sectors() + u64::from(ALIGN)) * SECTOR;
    let (Some(free), Ok(metadata)) = (append::free_bytes(new.file()), old.metadata()) else {
        return Ok(());
    };
    if disc.renewal != Renewal::Blank || free >= needed {
        return Ok(());
    }
    let gained = if metadata.nlink() == 1 {
        metadata.blocks() * 512
    } else {
        0
    };
    if free + gained < needed {
        return Err(DriveError::NoSpace {
            path: PathBuf::from(target),
            needed,
            free: free + gained,
        });
    }
    log::info!("blanking {} first: no room for two", target.display());
    fsx::remove_durably(target)
        .and_then(|()| old.set_len(0))
        .map_err(drive.io("blank"))
}
