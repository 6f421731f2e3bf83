//! One disc onto another: one thread reads, one writes, a ring of bytes between them.

use std::io::Write as _;
use std::path::PathBuf;
use std::thread;

use serde::Serialize;

use super::compare::{Comparison, Ranges, bytes, length};
use super::owners::owners;
use super::sectors::pieces;
use super::{DiscError, inspect};
use crate::event::{Monitor, Tell as _, path_or_null};
use crate::media::{Drive, Original, ring};

/// Whether the copy is read back and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What came of copying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Sectors of the copy.
    pub sectors: u64,
    /// Sectors that could not be read; zeros stand for them in the copy.
    pub unreadable: Ranges,
    /// The files that those belong to.
    pub files: Vec<String>,
    /// What reading back found, if it was asked for.
    pub verified: Option<Comparison>,
    /// How often the buffer was empty although there was more to write.
    pub times_empty: u64,
    /// Where the disc is that had to give way, if it was put aside.
    #[serde(serialize_with = "path_or_null")]
    pub set_aside: Option<PathBuf>,
}

/// Copies the disc in `source` onto the one in `target`, from sector 0 to the end of its newest session. What cannot be
/// read after some tries is named in the result, with the files that it belongs to.
pub fn copy(
    source: &dyn Drive,
    target: &dyn Drive,
    verify: Verify,
    monitor: &dyn Monitor,
) -> Result<Copied, DiscError> {
    // The target is begun anew before the source is read to its end.
    let whole = |drive: &dyn Drive| std::fs::canonicalize(drive.place()).ok();
    if whole(source).is_some() && whole(source) == whole(target) {
        return Err(DiscError::Itself(source.place().to_owned()));
    }
    let disc = inspect(source)?;
    if disc.is_blank() {
        return Err(DiscError::Blank(source.place().to_owned()));
    }
    let medium = source.open()?;
    let sectors = length(&disc, &*medium).map_err(|error| DiscError::Io {
        path: source.place().to_owned(),
        doing: "measure",
        source: error,
    })?;
    let (mut filling, mut emptying) = ring::ring(ring::BYTES);
    let gauge = filling.gauge();
    let label = disc.label().unwrap_or_default();
    monitor.note(format!("{sectors} sectors are to be copied"));
    let (written, unreadable) = thread::scope(|scope| {
        let medium = &*medium;
        let reader = scope.spawn(move || {
            let mut unreadable = Ranges::default();
            for piece in pieces(medium, sectors) {
                piece.unreadable.iter().for_each(|at| unreadable.push(*at));
                if filling.write_all(&piece.bytes).is_err() {
                    return unreadable; // the other side says why
                }
            }
            filling.end();
            unreadable
        });
        let mut original = Original {
            sectors,
            bytes: &mut emptying,
            label,
        };
        let written = target.duplicate(&mut original, monitor);
        drop(emptying);
        (written, reader.join())
    });
    let set_aside = written?;
    let unreadable = unreadable.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let files = if unreadable.sectors > 0 {
        owners(&*medium, &disc, &unreadable)
    } else {
        Vec::new()
    };
    target.reload()?;
    let verified = match verify {
        Verify::No => None,
        Verify::Yes => {
            let copy = target.open()?;
            let mut found = bytes(&*medium, &*copy, sectors, monitor);
            if found.differing.sectors > 0 {
                found.files = owners(&*medium, &disc, &found.differing);
            }
            // They are in `unreadable`, and zeros on the copy are what was meant.
            found.unreadable_first = Ranges::default();
            Some(found)
        }
    };
    Ok(Copied {
        sectors,
        unreadable,
        files,
        verified,
        times_empty: gauge.times_empty(),
        set_aside,
    })
}
