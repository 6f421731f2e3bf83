//! A drive of a changer with a disc in it: it never gets itself an empty disc, since the changer does.

use std::path::{Path, PathBuf};

use crate::event::Monitor;
use crate::iso9660::ReadAt;
use crate::media::{Burn, Burnt, Disc, Drive, DriveError, Original, Payload, Renewal, Treatment};

/// A drive of a changer with a disc in it. A disc that was written is neither set aside nor blanked for a new one.
pub struct Loaded {
    inner: Box<dyn Drive>,
    /// The changer's number for the drive.
    pub number: u32,
}

impl Loaded {
    /// The drive `inner`, which the changer calls `number`.
    pub fn new(inner: Box<dyn Drive>, number: u32) -> Self {
        Self { inner, number }
    }

    /// A new disc can be begun only on one that is blank.
    fn check_blank(&self) -> Result<(), DriveError> {
        match self.inner.inspect()? {
            Some(disc) if !disc.is_blank() => Err(DriveError::NotBlank),
            _ => Ok(()),
        }
    }
}

impl Drive for Loaded {
    fn place(&self) -> &Path {
        self.inner.place()
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        let disc = self.inner.inspect()?;
        Ok(disc.map(|disc| Disc {
            renewal: Renewal::Insert,
            ..disc
        }))
    }

    fn salvage(&self) -> Option<Disc> {
        self.inner.salvage()
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        self.inner.open()
    }

    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        if burn == Burn::New {
            self.check_blank()?;
        }
        self.inner.burn(burn, payload, monitor)
    }

    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        self.check_blank()?;
        self.inner.duplicate(original, monitor)
    }

    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
        self.inner.treat(treatment, monitor)
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        self.inner.details()
    }

    fn closes(&self, disc: &Disc) -> bool {
        self.inner.closes(disc)
    }

    fn reload(&self) -> Result<(), DriveError> {
        self.inner.reload()
    }

    fn unseen(&self) -> Option<String> {
        self.inner.unseen()
    }
}
