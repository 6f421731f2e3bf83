//! Sessions and copies onto a disc, whatever kind it is.
//!
//! A disc without sessions of its own is laid out as a disc that is a file: a head of 32 sectors, then the sessions. Its
//! first session is written from sector 0 on together with a head of zeros, since some of these discs take only what
//! follows what is there; the head gets the descriptors of the newest session last, when that is complete.

use std::io::{self, Write};
use std::ops::Range;

use super::engine::{Chunk, DOUBLE, End, Job, Purpose};
use super::judge::judge;
use super::reader::Reader;
use super::way::{First, Manner, Way, way};
use super::{Burner, Drive as _};
use crate::event::{Monitor, Tell as _, printable_bytes};
use crate::iso9660::{self, Content, Image, Kind};
use crate::media::mmc::{Medium, Status};
use crate::media::{
    Appendable, Burn, Burnt, Disc, DriveError, Original, Payload, Renewal, SECTOR, Session,
    Thoroughness, ring,
};
use crate::sums::Hasher;

static ZEROS: [u8; 32 * 2048] = [0; 32 * 2048];

/// Burns the session of `payload`.
pub(super) fn session(
    burner: &Burner,
    burn: Burn,
    payload: &mut Payload<'_, '_>,
    monitor: &dyn Monitor,
) -> Result<Burnt, DriveError> {
    let image = payload.image;
    let (medium, before) = burner.to_write()?;
    if burn == Burn::Append && before.appendable == Appendable::Closed {
        return Err(DriveError::Closed(burner.path.clone().into()));
    }
    in_place(image, &before, burn)?;
    if burn == Burn::New && !before.is_blank() && before.renewal == Renewal::Insert {
        return Err(DriveError::NotBlank);
    }
    let (needed, free) = (image.sectors(), before.available(burn));
    if needed > free {
        return Err(DriveError::TooLarge { needed, free });
    }
    let (medium, disc, manner) = ready(burner, medium, before, burn, monitor)?;
    in_place(image, &disc, burn)?;
    let free = disc.available(burn);
    if needed > free {
        return Err(DriveError::TooLarge { needed, free });
    }
    tell_cost(&medium, manner, monitor);

    // Read before anything is written.
    let new_head = match manner {
        Manner::Placed => Some(new_head(burner, &disc, burn, image)?),
        _ => None,
    };

    // What is written besides the image: before it the head of a new disc, after it what fills its last block.
    let head = match (manner, burn) {
        (Manner::Placed, Burn::New) => u64::from(image.start()),
        _ => 0,
    };
    let tail = match manner {
        Manner::Placed => {
            let end = u64::from(image.end());
            let whole = end.next_multiple_of(iso9660::ALIGNMENT.into());
            whole.min(medium.capacity).saturating_sub(end)
        }
        _ => 0,
    };
    let job = Job {
        start: if head > 0 { 0 } else { image.start() },
        sectors: head + image.sectors() + tail,
        after: disc.newest().map(|newest| newest.start),
        manner,
        chunk: chunk(&medium, manner, image.start()..image.end()),
        ..Job::of(Purpose::Session, medium.profile)
    };
    let mut faults = Vec::new();
    let mut digest = None;
    let end = burner.engine().run(&job, monitor, &mut |out| {
        zeros(out, head)?;
        let mut hashed = Hashed {
            out: &mut *out,
            hasher: Hasher::default(),
        };
        faults = image
            .write(&mut hashed, payload.open)
            .map_err(|crate::iso9660::WriteError::Output(error)| error)?;
        digest = Some(hashed.hasher.finish());
        zeros(out, tail)
    });
    if let End::Complained(complaint) = end.map_err(|error| named(error, image))? {
        judge(burner, image, digest, &complaint, monitor).map_err(|error| named(error, image))?;
    }
    if let Some(head) = new_head {
        write_head(burner, &medium, &head, monitor)?;
    }
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

/// How much is written at a time of a session in those sectors. The program fills up the last chunk, counted from where the
/// session begins; that must not go over the edge of the disc.
fn chunk(medium: &Medium, manner: Manner, session: Range<u32>) -> Chunk {
    let sectors = u64::from(session.end.saturating_sub(session.start));
    let end = u64::from(session.start) + sectors.next_multiple_of(DOUBLE.into());
    if manner == Manner::Open && !medium.profile.is_cd() && end <= medium.capacity {
        Chunk::Double
    } else {
        Chunk::Usual
    }
}

/// Makes the disc a copy of `original`.
pub(super) fn duplicate(
    burner: &Burner,
    original: &mut Original<'_>,
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    let (medium, before) = burner.to_write()?;
    if !before.is_blank() && before.renewal == Renewal::Insert {
        return Err(DriveError::NotBlank);
    }
    // A copy has its own head, so that it begins where the disc does.
    let free = before.available(Burn::New) + u64::from(before.first_writable);
    let needed = original.sectors;
    if needed > free {
        return Err(DriveError::TooLarge { needed, free });
    }
    let (medium, _, manner) = ready(burner, medium, before, Burn::New, monitor)?;
    tell_cost(&medium, manner, monitor);
    let job = Job {
        sectors: original.sectors,
        manner,
        ..Job::of(Purpose::Last, medium.profile)
    };
    let expected = original.sectors * SECTOR;
    let end = burner.engine().run(&job, monitor, &mut |out| {
        let copied = ring::pump(&mut *original.bytes, out)?;
        if copied == expected {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    })?;
    match end {
        End::Well => Ok(()),
        // There is nothing left to compare it with; who copies can compare the discs.
        End::Complained(complaint) => Err(burner.engine().complained(complaint)),
    }
}

/// The image is laid out for the place where the disc takes it.
fn in_place(image: &Image, disc: &Disc, burn: Burn) -> Result<(), DriveError> {
    if image.start() == disc.start(burn) {
        return Ok(());
    }
    Err(DriveError::Moved {
        image: image.start(),
        disc: disc.start(burn),
    })
}

/// Blanks or formats the disc, if it needs that before it can be written.
fn ready(
    burner: &Burner,
    medium: Medium,
    disc: Disc,
    burn: Burn,
    monitor: &dyn Monitor,
) -> Result<(Medium, Disc, Manner), DriveError> {
    let refused = || match burn {
        Burn::New => DriveError::NotBlank,
        Burn::Append => DriveError::Closed(burner.path.clone().into()),
    };
    // One that has only what was broken off and can still be written is begun behind that.
    let how = if disc.is_blank() && medium.status == Status::Open && !medium.profile.is_rewritable()
    {
        Burn::Append
    } else {
        burn
    };
    let Way { first, manner } = way(&medium, how).ok_or_else(refused)?;
    let purpose = match first {
        First::Nothing => return Ok((medium, disc, manner)),
        First::Blank(how) => {
            monitor.note(match how {
                Thoroughness::Fast => "the disc is blanked",
                Thoroughness::All => {
                    "the disc is blanked everywhere, which takes as long as writing all of it; a DVD-RW that was formatted \
                     (`cback disc format`) does not need that"
                }
            });
            Purpose::Blank(how)
        }
        First::Format => {
            monitor.note("the disc is formatted");
            Purpose::Format
        }
    };
    let nothing = &mut |_: &mut (dyn Write + Send)| Ok(());
    let job = Job::of(purpose, medium.profile);
    burner.engine().run(&job, monitor, nothing)?;
    burner.reload()?;
    let (medium, disc) = burner.to_write()?;
    match way(&medium, burn) {
        Some(Way {
            first: First::Nothing,
            manner,
        }) => Ok((medium, disc, manner)),
        _ => Err(burner.cannot("holds a disc that is not blank although it was blanked")),
    }
}

/// Says what the way of writing costs.
fn tell_cost(medium: &Medium, manner: Manner, monitor: &dyn Monitor) {
    let name = medium.profile.name();
    if manner == Manner::AtOnce {
        monitor.warn(format!(
            "this {name} is written in one go in this drive; it is closed by that, and no other session can follow"
        ));
    }
    if medium.spare_blocks.is_some_and(|blocks| blocks > 0) && !medium.profile.is_overwritable() {
        monitor.note(format!(
            "this {name} has spare areas: the drive reads back what it writes, and so writes at half its speed"
        ));
    }
}

/// The same failure, with the file of ours that was being written.
fn named(error: DriveError, image: &Image) -> DriveError {
    match error {
        DriveError::Engine {
            path,
            why,
            sector: Some(sector),
        } => DriveError::Engine {
            path,
            why: format!("{why}; writing failed {}", place(image, sector)),
            sector: Some(sector),
        },
        error => error,
    }
}

/// What of `image` is written in the block that begins at `sector`, in words.
fn place(image: &Image, sector: u64) -> String {
    let block = sector..sector + u64::from(iso9660::ALIGNMENT);
    for (path, node) in image.tree().walk() {
        let Kind::File(Content::New { source, .. }) = node.kind else {
            continue;
        };
        for extent in image.extents(source) {
            let start = u64::from(extent.sector);
            if start < block.end && block.start < start + extent.bytes.div_ceil(SECTOR) {
                return format!("at sector {sector}, in {}", printable_bytes(&path));
            }
        }
    }
    format!("at sector {sector}, in no file")
}

/// What the head of a disc without sessions of its own becomes: it has the descriptors of the newest session, at sector
/// 16. A disc whose first session starts at sector 0 keeps what else is there.
fn new_head(
    burner: &Burner,
    disc: &Disc,
    burn: Burn,
    image: &Image,
) -> Result<Vec<u8>, DriveError> {
    let descriptors = image.head_descriptors();
    let mut head = ZEROS.to_vec();
    let begun_at_zero = disc.sessions.first().is_some_and(|first| first.start == 0);
    if burn == Burn::Append && begun_at_zero {
        let drive = burner.open_drive()?;
        Reader::new(drive, iso9660::HEAD)
            .read_exact_at_start(&mut head)
            .map_err(|source| DriveError::Io {
                path: burner.path.clone().into(),
                doing: "read the head of",
                source,
            })?;
        return Ok(iso9660::grown_head(&head, &descriptors));
    }
    let at = iso9660::SYSTEM_AREA as usize * 2048;
    head[at..at + descriptors.len()].copy_from_slice(&descriptors);
    Ok(head)
}

/// Writes the head of a disc without sessions of its own.
fn write_head(
    burner: &Burner,
    medium: &Medium,
    head: &[u8],
    monitor: &dyn Monitor,
) -> Result<(), DriveError> {
    let job = Job {
        sectors: u64::from(iso9660::HEAD),
        manner: Manner::Placed,
        ..Job::of(Purpose::Head, medium.profile)
    };
    let end = burner
        .engine()
        .run(&job, monitor, &mut |out| out.write_all(head))?;
    match end {
        End::Well => Ok(()),
        End::Complained(complaint) => Err(burner.engine().complained(complaint)),
    }
}

/// Writes that many sectors of zeros.
pub(super) fn zeros(out: &mut dyn Write, sectors: u64) -> io::Result<()> {
    let mut left = sectors * SECTOR;
    while left > 0 {
        let count = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        out.write_all(&ZEROS[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Takes the digest of what passes.
struct Hashed<'a> {
    out: &'a mut (dyn Write + Send),
    hasher: Hasher,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::way::tests::medium;
    use super::*;

    #[test]
    fn what_fills_the_last_chunk_stays_on_the_disc() {
        use Manner::{AtOnce, Open, Placed};
        // profile, manner, session, expected; the disc has 1024 sectors
        for (profile, manner, session, expected) in [
            (0x1b, Open, 0..100, Chunk::Double),
            (0x1b, Open, 16..1024, Chunk::Usual),
            (0x1b, Open, 32..1024, Chunk::Double),
            // the last block of the disc, and half a chunk before it
            (0x41, Open, 1008..1020, Chunk::Usual),
            (0x41, Open, 992..1020, Chunk::Double),
            (0x09, Open, 0..100, Chunk::Usual),
            (0x1a, Placed, 0..100, Chunk::Usual),
            (0x15, AtOnce, 0..100, Chunk::Usual),
        ] {
            let medium = Medium {
                capacity: 1024,
                ..medium(profile, Status::Open)
            };
            let found = chunk(&medium, manner, session.clone());
            assert_eq!(found, expected, "{profile:#04x} {session:?}");
        }
    }
}
