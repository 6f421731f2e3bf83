//! A drive that burns in another way than the one behind it, and damage that no drive reports.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use cback::event::Monitor;
use cback::iso9660::ReadAt;
use cback::media::{Burn, Burnt, Disc, Drive, DriveError, Original, Payload, Treatment};

/// A drive that burns by `how`, and does all else as `inner` does.
pub struct Burning<'d, F> {
    inner: &'d dyn Drive,
    how: F,
}

/// Such a drive.
pub fn burning<F>(inner: &dyn Drive, how: F) -> Burning<'_, F>
where
    F: Fn(Burn, &mut Payload<'_, '_>, &dyn Monitor) -> Result<Burnt, DriveError>,
{
    Burning { inner, how }
}

impl<F> Drive for Burning<'_, F>
where
    F: Fn(Burn, &mut Payload<'_, '_>, &dyn Monitor) -> Result<Burnt, DriveError>,
{
    fn place(&self) -> &Path {
        self.inner.place()
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        self.inner.inspect()
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
        (self.how)(burn, payload, monitor)
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
        self.inner.reload()
    }
}

/// Changes the byte that is `offset` behind the beginning of the last place of the file `medium` where `begin` is; gives
/// where that is.
pub fn damage(medium: &Path, begin: &[u8], offset: usize) -> u64 {
    let bytes = std::fs::read(medium).unwrap();
    let mut windows = bytes.windows(begin.len());
    let at = windows.rposition(|window| window == begin).unwrap() + offset;
    let file = std::fs::OpenOptions::new().write(true).open(medium);
    let changed = [bytes[at] ^ 0x40];
    file.unwrap().write_all_at(&changed, at as u64).unwrap();
    at as u64
}
