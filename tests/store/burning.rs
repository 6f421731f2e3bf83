//! A drive that does some things otherwise than the one behind it, and damage that no drive reports.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use cback::event::Monitor;
use cback::iso9660::ReadAt;
use cback::media::{Burn, Burnt, Disc, Drive, DriveError, Original, Payload, Treatment};

pub type Before<'d> = Box<dyn Fn() -> Result<(), DriveError> + 'd>;
pub type Burns<'d> =
    Box<dyn Fn(Burn, &mut Payload<'_, '_>, &dyn Monitor) -> Result<Burnt, DriveError> + 'd>;

/// A drive that does as the one behind it, but for some things.
pub struct Otherwise<'d> {
    pub inner: &'d dyn Drive,
    /// Done before everything that reaches the disc.
    pub before: Before<'d>,
    /// Burns in its place.
    pub burns: Option<Burns<'d>>,
}

/// A drive that burns by `how`.
pub fn burning<'d>(
    inner: &'d dyn Drive,
    how: impl Fn(Burn, &mut Payload<'_, '_>, &dyn Monitor) -> Result<Burnt, DriveError> + 'd,
) -> Otherwise<'d> {
    Otherwise {
        inner,
        before: Box::new(|| Ok(())),
        burns: Some(Box::new(how)),
    }
}

impl Drive for Otherwise<'_> {
    fn place(&self) -> &Path {
        self.inner.place()
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        (self.before)()?;
        self.inner.inspect()
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        (self.before)()?;
        self.inner.open()
    }

    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        (self.before)()?;
        match &self.burns {
            Some(burns) => burns(burn, payload, monitor),
            None => self.inner.burn(burn, payload, monitor),
        }
    }

    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        (self.before)()?;
        self.inner.duplicate(original, monitor)
    }

    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
        (self.before)()?;
        self.inner.treat(treatment, monitor)
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        self.inner.details()
    }

    fn reload(&self) -> Result<(), DriveError> {
        (self.before)()?;
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
