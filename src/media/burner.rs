//! A real drive: CD, DVD, Blu-ray.
//!
//! What is in it the drive itself says ([`super::mmc`]); nothing is assumed from the configuration. Sectors are read by the
//! drive's own commands, not through the kernel's block device, which remembers the old size of a disc until the tray was
//! cycled. Writing, blanking and closing are another program's business (`cdrskin`): decades of drives' quirks are in it.
//! Hidden here: which way each kind of disc is written, the program's words, how its progress is read, the ring of bytes
//! before it, and the tray.

mod close;
mod details;
mod engine;
mod found;
mod judge;
mod part;
mod reader;
mod tray;
mod treat;
mod view;
mod way;
mod write;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::mmc::{AskError, Command, MediaEvent, MediaStatus, Medium, SgIo, survey};
use super::{
    Burn, Burnt, Disc, Drive, DriveError, Glance, MediaKind, Original, Payload, Treatment,
};
use crate::event::Monitor;
use crate::iso9660::{ReadAt, SpaceSize};
use crate::units::AbsPath;

use engine::Engine;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use engine::fuzz;

/// The longest that a command may take that looks at a disc: drives spin up, and focus on bad discs for long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether the tray may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrayUse {
    /// It may.
    #[default]
    Allowed,
    /// It stays closed.
    Forbidden,
}

/// Which programs burn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// `cdrskin`, of libburn.
    #[default]
    Cdrskin,
    /// `cdrecord` for CDs, `growisofs` and `dvd+rw-format` for the rest.
    External,
}

/// How a drive is treated, as its configuration says.
#[derive(Debug, Clone, Default)]
pub struct Handling {
    /// How many times single speed; `None`: as the drive likes.
    pub speed: Option<NonZeroU32>,
    /// Whether the tray may be moved.
    pub tray: TrayUse,
    /// How long to wait after the tray was opened.
    pub eject_delay: Duration,
    /// How long to wait after the disc was loaded again.
    pub refresh_delay: Duration,
    /// Which programs burn.
    pub engine: EngineKind,
    /// Programs to be used in place of others, by name.
    pub programs: Vec<(String, PathBuf)>,
}

/// A drive that writes discs.
#[derive(Debug, Clone)]
pub struct Burner {
    path: AbsPath,
    kind: MediaKind,
    handling: Handling,
}

impl Burner {
    /// The drive at `path`. `kind` is what its discs are expected to be; the drive's own word counts.
    pub fn new(path: AbsPath, kind: MediaKind, handling: Handling) -> Self {
        Self {
            path,
            kind,
            handling,
        }
    }

    fn open_drive(&self) -> Result<SgIo, DriveError> {
        SgIo::open(&self.path).map_err(|source| DriveError::Io {
            path: self.path.clone().into(),
            doing: "open the drive",
            source,
        })
    }

    fn fault(&self) -> impl Fn(AskError) -> DriveError + use<> {
        let path: PathBuf = self.path.clone().into();
        move |error| DriveError::Refused {
            path: path.clone(),
            why: error.to_string(),
        }
    }

    /// What the drive says of its disc. A drive that is getting ready is waited for.
    fn medium(&self, drive: &SgIo) -> Result<Option<Medium>, DriveError> {
        let ask = |command: &Command| tray::ask(drive, command, PATIENCE);
        survey(&ask).map_err(self.fault())
    }

    /// The drive, what is in it, and what that means.
    fn look(&self) -> Result<Option<(SgIo, Medium, Disc)>, DriveError> {
        let drive = self.open_drive()?;
        let Some(medium) = self.medium(&drive)? else {
            return Ok(None);
        };
        let disc = found::disc(self, &drive, &medium)?;
        Ok(Some((drive, medium, disc)))
    }

    /// The same, for somebody who only reads: of a disc that is damaged, what can be found all the same.
    fn look_to_read(&self) -> Result<Option<(SgIo, Medium, Disc)>, DriveError> {
        match self.look() {
            Err(DriveError::Unreadable { .. }) => {}
            looked => return looked,
        }
        let drive = self.open_drive()?;
        let Some(medium) = self.medium(&drive)? else {
            return Ok(None);
        };
        let disc = found::salvage(self, &drive, &medium);
        Ok(Some((drive, medium, disc)))
    }

    fn cannot(&self, why: impl Into<String>) -> DriveError {
        DriveError::Cannot {
            path: self.path.clone().into(),
            why: why.into(),
        }
    }

    /// What is in, for something that changes it: not mounted, and there.
    fn to_write(&self) -> Result<(Medium, Disc), DriveError> {
        tray::check_unmounted(&self.path)?;
        let (_, medium, disc) = self.look()?.ok_or_else(|| self.no_disc())?;
        Ok((medium, disc))
    }

    /// The same for something to which it does not matter what is on the disc, or whether that can be read.
    fn to_treat(&self) -> Result<Medium, DriveError> {
        tray::check_unmounted(&self.path)?;
        self.medium(&self.open_drive()?)?
            .ok_or_else(|| self.no_disc())
    }

    fn no_disc(&self) -> DriveError {
        DriveError::NoDisc(self.path.clone().into())
    }

    fn engine(&self) -> Engine<'_> {
        Engine::new(&self.path, &self.handling)
    }
}

impl Drive for Burner {
    fn place(&self) -> &Path {
        &self.path
    }

    fn expected(&self) -> Option<MediaKind> {
        Some(self.kind)
    }

    fn glance(&self) -> Glance {
        let Ok(drive) = SgIo::open(&self.path) else {
            return Glance::Unknown;
        };
        let status = drive
            .ask(&MediaStatus::command(), PATIENCE)
            .ok()
            .and_then(|answer| MediaStatus::decode(&answer));
        match status {
            None => Glance::Unknown,
            Some(status) if status.open || !status.present => Glance::Empty,
            Some(status) if status.event == MediaEvent::New => Glance::New,
            Some(_) => Glance::Held,
        }
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        Ok(self.look()?.map(|(_, _, disc)| disc))
    }

    fn salvage(&self) -> Option<Disc> {
        let (_, _, disc) = self.look_to_read().ok()??;
        (!disc.is_blank()).then_some(disc)
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        let (drive, medium, disc) = self.look_to_read()?.ok_or_else(|| self.no_disc())?;
        if !medium.profile.is_overwritable() {
            return Ok(Box::new(reader::Reader::of_sessions(drive, &disc.sessions)));
        }
        let end = disc.sessions.iter().map(|session| session.end).max();
        Ok(Box::new(reader::Reader::new(drive, end.unwrap_or(0))))
    }

    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        write::session(self, burn, payload, monitor)
    }

    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        write::duplicate(self, original, monitor)?;
        Ok(None)
    }

    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
        treat::treat(self, treatment, monitor)
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        let Some((drive, medium, _)) = self.look_to_read()? else {
            return Ok(Vec::new());
        };
        Ok(details::details(self, &drive, &medium))
    }

    /// One that is written anywhere has no end that could be marked.
    fn closes(&self, disc: &Disc) -> bool {
        disc.space_size == SpaceSize::End
    }

    fn reload(&self) -> Result<(), DriveError> {
        let drive = self.open_drive()?;
        tray::reload(self, &drive)
    }

    fn unseen(&self) -> Option<String> {
        let drive = self.open_drive().ok()?;
        tray::unseen(self, &drive)
    }
}
