//! Closing a disc that has sessions: one last session, after which none can follow.
//!
//! Every kind of disc is closed by what is written last; there is no command that closes a CD whose sessions are complete,
//! and those for the others differ from drive to drive. The last session has the tree of the newest one, and no new bytes:
//! every file stays where it is, and whoever looks at the disc sees what was there before.

use std::io::Read;

use super::engine::{End, Job, Purpose};
use super::{Burner, Drive as _};
use crate::event::{Monitor, Tell as _};
use crate::iso9660::{Image, Options, Volume, WriteError};
use crate::media::{Burn, Disc, DriveError};

/// Closes the disc. Refuses one whose newest session it cannot repeat.
pub(super) fn close(burner: &Burner, monitor: &dyn Monitor) -> Result<(), DriveError> {
    let (medium, disc) = burner.to_write()?;
    if medium.unfinished.is_some() {
        return Err(burner.cannot("holds a session that was broken off, which nothing can follow"));
    }
    let image = last(burner, &disc)?;
    let (needed, free) = (image.sectors(), disc.available(Burn::Append));
    if needed > free {
        return Err(DriveError::TooLarge { needed, free });
    }
    monitor.note(format!(
        "a last session of {needed} sectors closes the disc; it shows what is there already"
    ));
    let job = Job {
        start: image.start(),
        sectors: image.sectors(),
        after: disc.newest().map(|newest| newest.start),
        ..Job::of(Purpose::Last, medium.profile)
    };
    write(burner, &job, &image, monitor)?;
    burner.reload()
}

/// The newest session once more, laid out behind it.
fn last(burner: &Burner, disc: &Disc) -> Result<Image, DriveError> {
    let unknown = |why: &dyn std::fmt::Display| {
        burner.cannot(format!(
            "has a newest session that cannot be repeated to close the disc: {why}"
        ))
    };
    let newest = disc
        .newest()
        .ok_or_else(|| burner.cannot("holds a blank disc, so there is nothing to close"))?;
    let medium = burner.open()?;
    let volume = Volume::open(&*medium, newest.start).map_err(|error| unknown(&error))?;
    let tree = volume.tree().map_err(|error| unknown(&error))?;
    let printable = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ';
    let label = volume.volume_id().iter().filter(printable).take(32);
    let options = Options {
        start: disc.start(Burn::Append),
        volume_id: label.map(|byte| char::from(*byte)).collect(),
        application: "CBACK".to_owned(),
        created: volume.created().unwrap_or_default(),
        space_size: disc.space_size,
        ..Options::default()
    };
    Image::new(tree, &options).map_err(|error| unknown(&error))
}

fn write(
    burner: &Burner,
    job: &Job,
    image: &Image,
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    let end = burner.engine().run(job, monitor, &mut |out| {
        let nothing = |_| -> std::io::Result<Box<dyn Read>> { Ok(Box::new(std::io::empty())) };
        image
            .write(out, &mut { nothing })
            .map(|_| ())
            .map_err(|WriteError::Output(error)| error)
    })?;
    match end {
        End::Well => Ok(()),
        End::Complained(complaint) => Err(burner.engine().complained(complaint)),
    }
}
