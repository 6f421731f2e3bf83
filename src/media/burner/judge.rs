//! Whether a session is good although its burning program complained.
//!
//! Burning programs complain for many reasons. Some drives report an error when the session is closed although all of
//! it is there; others report none and have lost it. So when a program fails after it had every byte, the disc is read
//! back, and that decides.

use std::io;

use super::engine::Complaint;
use super::reader::Reader;
use super::{Burner, Drive as _};
use crate::event::{Monitor, Tell as _};
use crate::iso9660::{self, Image};
use crate::media::{DriveError, SECTOR};
use crate::sums::{Digest, Hasher};

/// Sectors that are read back at a time.
const AT_ONCE: u64 = 512;

/// Decides whether a session is good after which the program complained. It is if the drive shows it, closed, and it reads
/// as it was written.
pub(super) fn judge(
    burner: &Burner,
    image: &Image,
    written: Option<Digest>,
    complaint: &Complaint,
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    let why = &complaint.why;
    let bad = |found: &str| {
        burner.engine().complained(Complaint {
            why: format!("{why}; {found}"),
            ..complaint.clone()
        })
    };
    monitor.note("the burning program failed after the last byte; the disc is read back to see whether that matters");
    burner.reload()?;
    let Some((drive, medium, disc)) = burner.look()? else {
        return Err(bad("the drive shows no disc any more"));
    };
    let there = disc
        .sessions
        .iter()
        .any(|session| session.start == image.start() && session.end >= image.end());
    if !medium.profile.is_overwritable() && (!there || medium.unfinished.is_some()) {
        return Err(bad("the session is not closed"));
    }
    let end = image.end();
    let reader = Reader::new(drive, end);
    let read = digest_of(&reader, image)
        .map_err(|error| bad(&format!("what was written cannot be read back: {error}")))?;
    if Some(read) != written {
        return Err(bad("what is on the disc is not what was written"));
    }
    monitor.warn(format!(
        "the burning program failed after the last byte ({why}), but the session was read back and is what was written"
    ));
    Ok(())
}

fn digest_of(reader: &dyn iso9660::ReadAt, image: &Image) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut at = u64::from(image.start()) * SECTOR;
    let end = u64::from(image.end()) * SECTOR;
    let mut buffer = vec![0; usize::try_from(AT_ONCE * SECTOR).unwrap_or(1 << 20)];
    while at < end {
        let wanted = usize::try_from(end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = reader.read_at(&mut buffer[..wanted], at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..count]);
        at += count as u64;
    }
    Ok(hasher.finish())
}
