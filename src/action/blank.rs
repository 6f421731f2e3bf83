//! A blank disc that is nowhere: what would go onto one can be laid out without any.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::Monitor;
use crate::iso9660::{ReadAt, SpaceSize};
use crate::media::{
    Appendable, Burn, Burnt, Disc, Drive, DriveError, MediaKind, Original, Payload, Renewal,
    Treatment,
};

/// A blank disc of that kind; nothing can be done with it.
pub(super) struct BlankDisc(pub MediaKind);

impl BlankDisc {
    fn nowhere<T>() -> Result<T, DriveError> {
        Err(DriveError::Io {
            path: PathBuf::new(),
            doing: "use",
            source: io::ErrorKind::NotFound.into(),
        })
    }
}

impl Drive for BlankDisc {
    fn place(&self) -> &Path {
        Path::new("a blank disc")
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        Ok(Some(Disc {
            kind: self.0,
            sessions: Vec::new(),
            next_writable: 0,
            first_writable: 0,
            capacity: self.0.sectors(),
            appendable: Appendable::Open,
            renewal: Renewal::Insert,
            space_size: SpaceSize::End,
        }))
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        Self::nowhere()
    }

    fn burn(&self, _: Burn, _: &mut Payload<'_, '_>, _: &dyn Monitor) -> Result<Burnt, DriveError> {
        Self::nowhere()
    }

    fn duplicate(
        &self,
        _: &mut Original<'_>,
        _: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        Self::nowhere()
    }

    fn treat(&self, _: Treatment, _: &dyn Monitor) -> Result<(), DriveError> {
        Self::nowhere()
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        Ok(Vec::new())
    }

    fn reload(&self) -> Result<(), DriveError> {
        Ok(())
    }
}
