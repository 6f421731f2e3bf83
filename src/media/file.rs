//! A disc that is a file: a whole backup, restore and every test, without a drive.
//!
//! The file is laid out like an overwritable disc of xorriso: sectors 0 to 31 are a head, the first session
//! begins at sector 32, each next one at the end of the one before, rounded up to a multiple of 32. The head
//! has a copy of the newest session's volume descriptors at sector 16, so that a loop mount and every
//! other reader see the newest session at once; the sessions themselves form a chain that is followed
//! when the head is of no use.
//!
//! Of a write-once kind, nothing but the head ever changes. When a new disc is needed, the file gets the
//! name of its label beside the target and a fresh file takes its place. Of a rewritable kind, the file is
//! replaced. In both cases the new file gets its name only when it is complete.
//!
//! Durable steps of an append, each synced before the next: (1) the session without its volume
//! descriptors, (2) its descriptors, (3) the head. Killed before 2, the session does not exist and the next
//! burn cuts it off; killed before 3, the chain has it, and the next burn or [`Drive::reload`] mends the
//! head. Hidden here: all of that.
//!
//! A copy of a disc that Cedar Backup burnt begins at sector 0 and is continued all the same; how, `iso9660` says
//! ([`crate::iso9660::grown_head`]). Any other image is left as it is.
//!
//! A disc that was closed has a line of text in the last sector of its system area (sector 15), which ECMA-119 leaves to
//! whoever wants it.

mod append;
mod aside;
mod fresh;
mod medium;
mod output;
mod treat;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Advice;

use super::{
    Appendable, Burn, Burnt, Disc, Drive, DriveError, MediaKind, Original, Payload, Renewal,
    SECTOR, Session, Treatment,
};
use crate::event::Monitor;
use crate::iso9660::{ReadAt, SpaceSize};
use crate::units::{AbsPath, Ids};

/// Sectors of the head, and the multiple at which sessions begin.
const ALIGN: u32 = 32;

/// A disc that is a file.
#[derive(Debug, Clone)]
pub struct FileDrive {
    path: AbsPath,
    kind: MediaKind,
    capacity: u64,
    ids: Option<Ids>,
}

impl FileDrive {
    /// The disc of that `kind` at `path`, which need not exist; new files are given to `ids`.
    pub fn new(path: AbsPath, kind: MediaKind, ids: Option<Ids>) -> Self {
        Self::with_capacity(path, kind, kind.sectors(), ids)
    }

    /// The same with another capacity in sectors: a file need not be as large as a real disc.
    pub fn with_capacity(path: AbsPath, kind: MediaKind, sectors: u64, ids: Option<Ids>) -> Self {
        Self {
            path,
            kind,
            capacity: sectors,
            ids,
        }
    }

    /// The disc that consists of `sessions`.
    fn disc(&self, sessions: Vec<Session>, appendable: Appendable) -> Disc {
        let next = sessions.last().map_or(ALIGN, |last| {
            last.end.checked_next_multiple_of(ALIGN).unwrap_or(u32::MAX)
        });
        Disc {
            kind: self.kind,
            sessions,
            next_writable: next,
            first_writable: ALIGN,
            capacity: self.capacity,
            appendable,
            renewal: if self.kind.is_rewritable() {
                Renewal::Blank
            } else {
                Renewal::SetAside
            },
            // A file has no table of contents: other programs follow the chain of lengths.
            space_size: SpaceSize::Length,
        }
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> DriveError + use<> {
        let path: PathBuf = self.path.clone().into();
        move |source| DriveError::Io {
            path: path.clone(),
            doing,
            source,
        }
    }

    /// The disc in a file that is locked; `None` is a blank one.
    fn held(&self, file: Option<&File>) -> Result<Disc, DriveError> {
        let Some(file) = file else {
            return Ok(self.disc(Vec::new(), Appendable::Open));
        };
        let sessions = medium::sessions(&self.path, file)?;
        let appendable = medium::appendable(file, &sessions).map_err(self.io("read"))?;
        Ok(self.disc(sessions, appendable))
    }

    /// The file and what is on it; `None` if there is no file or an empty one.
    fn look(&self) -> Result<Option<(File, Vec<Session>)>, DriveError> {
        match medium::open(&self.path)? {
            Some(file) => {
                let sessions = medium::sessions(&self.path, &file)?;
                Ok(Some((file, sessions)))
            }
            None => Ok(None),
        }
    }
}

impl Drive for FileDrive {
    fn place(&self) -> &Path {
        &self.path
    }

    /// A file that does not exist or is empty is a blank disc; there is always a disc.
    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        let Some((file, sessions)) = self.look()? else {
            return Ok(Some(self.disc(Vec::new(), Appendable::Open)));
        };
        let appendable = medium::appendable(&file, &sessions).map_err(self.io("read"))?;
        Ok(Some(self.disc(sessions, appendable)))
    }

    fn salvage(&self) -> Option<Disc> {
        let file = medium::open(&self.path).ok()??;
        let sessions = medium::salvage(&file);
        (!sessions.is_empty()).then(|| self.disc(sessions, Appendable::Closed))
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        let file = File::open(&self.path).map_err(self.io("open"))?;
        file.sync_data().map_err(self.io("sync"))?;
        // Only advice; a file system in memory has nothing else to read from.
        for advice in [Advice::DontNeed, Advice::Sequential] {
            let _ = rustix::fs::fadvise(&file, 0, None, advice);
        }
        Ok(Box::new(file))
    }

    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        let old = medium::lock(&self.path)?;
        let disc = self.held(old.as_deref())?;
        if burn == Burn::Append && disc.appendable == Appendable::Closed {
            return Err(DriveError::Closed(self.path.clone().into()));
        }
        if payload.image.start() != disc.start(burn) {
            return Err(DriveError::Moved {
                image: payload.image.start(),
                disc: disc.start(burn),
            });
        }
        let (needed, free) = (payload.image.sectors(), disc.available(burn));
        if needed > free {
            return Err(DriveError::TooLarge { needed, free });
        }
        match (burn, old) {
            (Burn::Append, Some(file)) => append::append(self, &file, payload, monitor),
            (_, old) => fresh::begin(self, &disc, old.as_deref(), payload, monitor),
        }
    }

    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        let old = medium::lock(&self.path)?;
        let disc = self.held(old.as_deref())?;
        if original.sectors > self.capacity {
            return Err(DriveError::TooLarge {
                needed: original.sectors,
                free: self.capacity,
            });
        }
        fresh::duplicate(self, &disc, old.as_deref(), original, monitor)
    }

    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
        treat::treat(self, treatment, monitor)
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        Ok(Vec::new())
    }

    fn reload(&self) -> Result<(), DriveError> {
        let Some((file, sessions)) = self.look()? else {
            return Ok(());
        };
        // By the head alone there is one session at sector 0: what it has at the head are that one's own descriptors, and
        // a copy of a disc with others behind stays one.
        let chain = crate::iso9660::sessions(&file).unwrap_or_default();
        if sessions.is_empty() || (chain.len() == 1 && chain[0].start == 0) {
            return Ok(());
        }
        let Some(file) = medium::lock(&self.path)? else {
            return Ok(());
        };
        // Somebody may have burnt between the look and the lock.
        match medium::sessions(&self.path, &file)?.last() {
            Some(newest) => {
                let end = u64::from(newest.end).next_multiple_of(ALIGN.into());
                append::check_head(self, &file, end * SECTOR)?;
                append::mend_head(self, &file, newest)
            }
            None => Ok(()),
        }
    }
}
