//! A new disc: written beside the old one, which gives way when the new one is complete.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{ALIGN, FileDrive, append, aside, medium, output};
use crate::event::{Event, Monitor, Progress, printable_path};
use crate::fsx::{self, AtomicFile};
use crate::media::{Burnt, Disc, DriveError, Original, Payload, Renewal, SECTOR, ring};

/// Burns the first session of a new disc. `old` is the locked file that has to give way, if there is one.
pub(super) fn begin(
    drive: &FileDrive,
    disc: &Disc,
    old: Option<&File>,
    payload: &mut Payload<'_, '_>,
    monitor: &dyn Monitor,
) -> Result<Burnt, DriveError> {
    let sectors = payload.image.sectors() + u64::from(ALIGN);
    let (mut burnt, set_aside) = anew(drive, disc, old, sectors, |file| {
        let burnt = append::body(drive, file, payload, monitor)?;
        append::seal(drive, file, payload)?;
        Ok(burnt)
    })?;
    burnt.set_aside = set_aside;
    Ok(burnt)
}

/// Makes a new disc that is a copy. Gives where the old one is, if it was put aside.
pub(super) fn duplicate(
    drive: &FileDrive,
    disc: &Disc,
    old: Option<&File>,
    original: &mut Original<'_>,
    monitor: &dyn Monitor,
) -> Result<Option<PathBuf>, DriveError> {
    const TASK: &str = "copying";
    let total = original.sectors * SECTOR;
    let ((), set_aside) = anew(drive, disc, old, original.sectors, |file| {
        append::reserve(drive, file, 0, total)?;
        let progress = |done| {
            monitor.observe(&Event::Progress(Progress {
                task: TASK,
                done,
                total: Some(total),
                files: None,
            }));
        };
        let (copied, arrived) = output::write_out(file, 0, &progress, |out| {
            ring::pump(&mut *original.bytes, out)
        });
        monitor.observe(&Event::ProgressEnd(TASK));
        let copied = copied.map_err(drive.io("copy to"))?;
        if copied != total {
            return Err(drive.io("copy to")(
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        arrived
            .and_then(|()| file.sync_data())
            .map_err(drive.io("write"))
    })?;
    Ok(set_aside)
}

/// Writes a new disc by `write` into a file of its own; the old one gives way when that is done.
fn anew<T>(
    drive: &FileDrive,
    disc: &Disc,
    old: Option<&File>,
    sectors: u64,
    write: impl FnOnce(&File) -> Result<T, DriveError>,
) -> Result<(T, Option<PathBuf>), DriveError> {
    // A target that is a link stays one.
    let target = std::fs::canonicalize(&drive.path).unwrap_or_else(|_| drive.path.clone().into());
    if let Ok(left) = File::open(fsx::partial_path(&target)) {
        // Left over, or another process is at it.
        medium::hold(&target, left)?;
    }
    let file = AtomicFile::create(&target).map_err(drive.io("create"))?;
    let same = file.file().try_clone().map_err(drive.io("lock"))?;
    let _held = medium::hold(&target, same)?;
    match old {
        Some(old) => make_room(drive, disc, old, &target, &file, sectors * SECTOR)?,
        // It was blank when it was looked at; another process may have burnt it since.
        None if medium::open(&target)?.is_some() => {
            return Err(DriveError::Busy(target));
        }
        None => {}
    }
    let written = write(file.file())?;
    let set_aside = match old {
        Some(old) if disc.renewal == Renewal::SetAside => {
            let label = disc.label().unwrap_or_default();
            Some(aside::keep(drive, old, &target, label)?)
        }
        _ => None,
    };
    file.commit(drive.ids).map_err(drive.io("finish"))?;
    Ok((written, set_aside))
}

/// A rewritable disc stays readable until the new one is complete, if there is room for both. If there is
/// not, but there would be without it, it goes first: that is what blanking means.
fn make_room(
    drive: &FileDrive,
    disc: &Disc,
    old: &File,
    target: &Path,
    new: &AtomicFile,
    needed: u64,
) -> Result<(), DriveError> {
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
    log::info!("blanking {} first: no room for two", printable_path(target));
    fsx::remove_durably(target)
        .and_then(|()| old.set_len(0))
        .map_err(drive.io("blank"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::iso9660::{Image, Meta, Options, Tree};
    use crate::media::{Burn, Drive as _, MediaKind};
    use crate::units::AbsPath;

    #[test]
    fn a_disc_that_somebody_else_has_begun_meanwhile_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = AbsPath::new(dir.path().join("disc.iso")).unwrap();
        let drive = FileDrive::new(path, MediaKind::DvdPlusR, None);
        let options = Options {
            start: ALIGN,
            ..Options::default()
        };
        let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
        let payload = |label| Payload {
            image: &image,
            label,
            open: Box::leak(Box::new(|_| unreachable!())),
        };
        let blank = drive.inspect().unwrap().unwrap();
        drive
            .burn(Burn::New, &mut payload("FIRST"), &Tally::default())
            .unwrap();
        let held = std::fs::read(drive.place()).unwrap();
        // A process that saw the blank disc before.
        let second = begin(
            &drive,
            &blank,
            None,
            &mut payload("SECOND"),
            &Tally::default(),
        );
        assert!(matches!(second, Err(DriveError::Busy(_))), "{second:?}");
        assert!(std::fs::read(drive.place()).unwrap() == held);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
