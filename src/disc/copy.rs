//! One disc onto another: one thread reads, one writes, a ring of bytes between them.

use std::io::Write as _;
use std::path::PathBuf;
use std::thread;

use serde::Serialize;

use super::compare::{Comparison, Ranges, bytes, length};
use super::head::CopiedHead;
use super::owners::owners;
use super::sectors::pieces;
use super::{DiscError, to_read};
use crate::event::{Monitor, Problem, Tell as _, path_or_null, printable_path};
use crate::iso9660::ReadAt;
use crate::media::{Disc, Drive, Original, ring};

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

/// Copies the disc in `source` onto the one in `target`, from sector 0 to the end of its newest session, which is what the copy
/// shows. What cannot be read after some tries is named in the result, with the files that it belongs to. Trouble after the
/// last sector was written is told, and is no error.
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
    let disc = to_read(source, monitor)?;
    if disc.is_blank() {
        return Err(DiscError::Blank(source.place().to_owned()));
    }
    let medium = source.open()?;
    let sectors = length(&disc, &*medium).map_err(|error| DiscError::Io {
        path: source.place().to_owned(),
        doing: "measure",
        source: error,
    })?;
    let original = Template {
        head: shown(source, &disc, &*medium, monitor),
        disc,
        medium,
        sectors,
    };
    monitor.note(format!("{sectors} sectors are to be copied"));
    let mut copied = original.onto(target, monitor)?;
    if copied.unreadable.sectors > 0 {
        copied.files = owners(&*original.medium, &original.disc, &copied.unreadable);
    }
    match original.read_back(target, verify, &copied.unreadable, monitor) {
        Ok(verified) => copied.verified = verified,
        Err(error) => {
            let reason = format!("the copy is written, but it could not be looked at: {error}");
            monitor.problem(&Problem::with_file(target.place(), &reason).advise(
                "take the disc out and put it in again; `cback disc compare` says whether it is the same",
            ));
        }
    }
    Ok(copied)
}

/// The disc that is copied.
struct Template {
    disc: Disc,
    medium: Box<dyn ReadAt>,
    sectors: u64,
    /// What the copy has in the place of some of them.
    head: CopiedHead,
}

impl Template {
    /// Writes the copy: one thread reads, this one writes. The files that have what is unreadable are not known yet.
    fn onto(&self, target: &dyn Drive, monitor: &dyn Monitor) -> Result<Copied, DiscError> {
        let (mut filling, mut emptying) = ring::ring(ring::BYTES);
        let gauge = filling.gauge();
        let (medium, head, sectors) = (&*self.medium, &self.head, self.sectors);
        let (written, unreadable) = thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut unreadable = Ranges::default();
                for mut piece in pieces(medium, 0..sectors) {
                    head.put(&mut piece);
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
                label: self.disc.label().unwrap_or_default(),
            };
            let written = target.duplicate(&mut original, monitor);
            drop(emptying);
            (written, reader.join())
        });
        let set_aside = written?;
        Ok(Copied {
            sectors,
            unreadable: unreadable.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            files: Vec::new(),
            verified: None,
            times_empty: gauge.times_empty(),
            set_aside,
        })
    }

    /// Lets `target` look at its disc afresh; compares that with this one, if that is wanted.
    fn read_back(
        &self,
        target: &dyn Drive,
        verify: Verify,
        unreadable: &Ranges,
        monitor: &dyn Monitor,
    ) -> Result<Option<Comparison>, DiscError> {
        target.reload()?;
        if verify == Verify::No {
            return Ok(None);
        }
        let copy = target.open()?;
        let heads = [&self.head, &CopiedHead::default()];
        let mut found = bytes(&*self.medium, &*copy, self.sectors, heads, monitor);
        // What could not be read before is in `unreadable`, and zeros on the copy are what was meant. What cannot be read
        // any more was not compared.
        found.unreadable_first = found.unreadable_first.without(unreadable);
        for ranges in [&found.differing, &found.unreadable_first] {
            if ranges.sectors > 0 {
                found
                    .files
                    .extend(owners(&*self.medium, &self.disc, ranges));
            }
        }
        Ok(Some(found))
    }
}

/// The head that the copy of `disc` gets. A disc that cannot be given one is copied as it is, and that is told.
fn shown(
    source: &dyn Drive,
    disc: &Disc,
    medium: &dyn ReadAt,
    monitor: &dyn Monitor,
) -> CopiedHead {
    match CopiedHead::of(disc, medium) {
        Ok(head) => {
            if head.count() > 0 {
                monitor.note(
                    "the copy shows the newest session, as the disc does by its table of contents",
                );
            }
            head
        }
        Err(error) => {
            monitor.warn(format!(
                "who mounts the copy of {} will see its first session only ({error}); `cback disc ls`, `cback disc get` and \
                 `cback restore` find all of them",
                printable_path(source.place())
            ));
            CopiedHead::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::iso9660::{Image, Meta, Options, Tree};
    use crate::media::{Burn, Burnt, DriveError, FileDrive, MediaKind, Payload, SECTOR, Treatment};
    use crate::units::AbsPath;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    /// A drive with a sector that can be read some times only, and which may not load its disc again.
    struct Tired {
        inner: FileDrive,
        sector: u64,
        times: u32,
        loads: bool,
    }

    struct Worn {
        medium: Box<dyn ReadAt>,
        sector: u64,
        times: AtomicU32,
    }

    impl ReadAt for Worn {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let end = (offset + buffer.len() as u64).div_ceil(SECTOR);
            if (offset / SECTOR..end).contains(&self.sector) {
                let left = |times: u32| times.checked_sub(1);
                let spent = self.times.fetch_update(Relaxed, Relaxed, left).is_err();
                if spent {
                    return Err(io::Error::other("worn out"));
                }
            }
            self.medium.read_at(buffer, offset)
        }
        fn len(&self) -> io::Result<u64> {
            self.medium.len()
        }
    }

    impl Drive for Tired {
        fn place(&self) -> &Path {
            self.inner.place()
        }
        fn inspect(&self) -> Result<Option<Disc>, DriveError> {
            self.inner.inspect()
        }
        fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
            Ok(Box::new(Worn {
                medium: self.inner.open()?,
                sector: self.sector,
                times: self.times.into(),
            }))
        }
        fn burn(
            &self,
            burn: Burn,
            payload: &mut Payload<'_, '_>,
            monitor: &dyn Monitor,
        ) -> Result<Burnt, DriveError> {
            self.inner.burn(burn, payload, monitor)
        }
        fn duplicate(
            &self,
            original: &mut Original<'_>,
            monitor: &dyn Monitor,
        ) -> Result<Option<PathBuf>, DriveError> {
            self.inner.duplicate(original, monitor)
        }
        fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
            self.inner.treat(treatment, monitor)
        }
        fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
            self.inner.details()
        }
        fn reload(&self) -> Result<(), DriveError> {
            if self.loads {
                return self.inner.reload();
            }
            Err(DriveError::Refused {
                path: self.place().to_owned(),
                why: "the tray is stuck".to_owned(),
            })
        }
    }

    /// A disc with one session, and where others can be.
    fn disc(dir: &Path) -> (FileDrive, impl Fn(&str) -> FileDrive) {
        let dir = dir.to_owned();
        let drive = move |name: &str| {
            let path = AbsPath::new(dir.join(name)).unwrap();
            FileDrive::new(path, MediaKind::DvdPlusR, None)
        };
        let options = Options {
            start: 32,
            ..Options::default()
        };
        let image = Image::new(Tree::new(Meta::default()), &options).unwrap();
        let mut payload = Payload {
            image: &image,
            label: "DISC",
            open: &mut |_| unreachable!(),
        };
        let inner = drive("one.iso");
        inner
            .burn(Burn::New, &mut payload, &Tally::default())
            .unwrap();
        (inner, drive)
    }

    #[test]
    fn what_was_not_compared_is_not_called_identical() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, drive) = disc(dir.path());
        // Never; while it is copied; always.
        for (times, unreadable, identical) in [(0, 1, true), (1, 0, false), (9, 0, true)] {
            let tired = Tired {
                inner: inner.clone(),
                sector: 40,
                times,
                loads: true,
            };
            let target = drive(&format!("copy-{times}.iso"));
            let copied = copy(&tired, &target, Verify::Yes, &Tally::default()).unwrap();
            assert_eq!(copied.unreadable.sectors, unreadable, "{times}");
            let verified = copied.verified.unwrap();
            assert_eq!(verified.is_identical(), identical, "{times}: {verified:?}");
        }
    }

    #[test]
    fn a_copy_that_cannot_be_looked_at_is_written_and_what_it_lacks_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, drive) = disc(dir.path());
        for verify in [Verify::No, Verify::Yes] {
            let source = Tired {
                inner: inner.clone(),
                sector: 40,
                times: 0,
                loads: true,
            };
            let target = Tired {
                inner: drive(&format!("copy-{verify:?}.iso")),
                sector: u64::MAX,
                times: 0,
                loads: false,
            };
            let tally = Tally::default();
            let copied = copy(&source, &target, verify, &tally).unwrap();
            assert_eq!(copied.unreadable.ranges, [(40, 40)]);
            assert_eq!((copied.verified, tally.problems()), (None, 1));
        }
    }
}
