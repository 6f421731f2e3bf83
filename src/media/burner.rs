//! A real drive: CD, DVD, Blu-ray.
//!
//! What is in it the drive itself says ([`super::mmc`]); nothing is assumed from the configuration. Sectors are read by the
//! drive's own commands, not through the kernel's block device, which remembers the old size of a disc until the tray was
//! cycled. Writing, blanking and closing are another program's business (`cdrskin`): decades of drives' quirks are in it.
//! Hidden here: its words, how its progress is read, the ring of bytes before it, and the tray.

mod engine;
mod found;
mod reader;
mod tray;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::mmc::{AskError, Command, Medium, SgIo, Status, survey};
use super::{
    Appendable, Burn, Burnt, Disc, Drive, DriveError, MediaKind, Original, Payload, Session,
    Treatment,
};
use crate::event::{Monitor, Tell as _};
use crate::iso9660::ReadAt;
use crate::units::AbsPath;

use engine::{Engine, Job, Purpose};

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

    fn cannot(&self, why: impl Into<String>) -> DriveError {
        DriveError::Cannot {
            path: self.path.clone().into(),
            why: why.into(),
        }
    }

    /// What is in, for something that changes it: not mounted, and there.
    fn to_write(&self) -> Result<(Medium, Disc), DriveError> {
        tray::check_unmounted(&self.path)?;
        let (_, medium, disc) = self
            .look()?
            .ok_or_else(|| DriveError::NoDisc(self.path.clone().into()))?;
        Ok((medium, disc))
    }

    /// Makes room for a new disc: one that was written is blanked if it can be.
    fn renew(&self, burn: Burn, monitor: &dyn Monitor) -> Result<(Medium, Disc), DriveError> {
        let (medium, disc) = self.to_write()?;
        if burn == Burn::Append || disc.is_blank() || medium.profile.is_overwritable() {
            return Ok((medium, disc));
        }
        if !medium.profile.is_rewritable() {
            return Err(DriveError::NotBlank);
        }
        monitor.note("the disc is blanked");
        self.engine().run(
            &Job::of(Purpose::Blank(super::Thoroughness::Fast)),
            monitor,
            &mut |_| Ok(()),
        )?;
        self.reload()?;
        self.to_write()
    }

    fn engine(&self) -> Engine<'_> {
        Engine::new(&self.path, &self.handling)
    }
}

impl Drive for Burner {
    fn place(&self) -> &Path {
        &self.path
    }

    fn inspect(&self) -> Result<Option<Disc>, DriveError> {
        Ok(self.look()?.map(|(_, _, disc)| disc))
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
        let (drive, _, disc) = self
            .look()?
            .ok_or_else(|| DriveError::NoDisc(self.path.clone().into()))?;
        let end = disc.sessions.iter().map(|session| session.end).max();
        Ok(Box::new(reader::Reader::new(drive, end.unwrap_or(0))))
    }

    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError> {
        let image = payload.image;
        let before = self.to_write()?.1;
        if burn == Burn::Append && before.appendable == Appendable::Closed {
            return Err(DriveError::Closed(self.path.clone().into()));
        }
        let (needed, free) = (image.sectors(), before.available(burn));
        if image.start() != before.start(burn) {
            return Err(DriveError::Moved {
                image: image.start(),
                disc: before.start(burn),
            });
        }
        if burn == Burn::New && !before.is_blank() && before.renewal == super::Renewal::Insert {
            return Err(DriveError::NotBlank);
        }
        if needed > free {
            return Err(DriveError::TooLarge { needed, free });
        }
        let (medium, disc) = self.renew(burn, monitor)?;
        if image.start() != disc.start(burn) {
            return Err(DriveError::Moved {
                image: image.start(),
                disc: disc.start(burn),
            });
        }
        let job = Job {
            start: image.start(),
            sectors: image.sectors(),
            placed: medium.profile.is_overwritable(),
            cd: medium.profile.is_cd(),
            ..Job::of(Purpose::Session)
        };
        let mut faults = Vec::new();
        self.engine().run(&job, monitor, &mut |out| {
            faults = image
                .write(out, payload.open)
                .map_err(|crate::iso9660::WriteError::Output(error)| error)?;
            Ok(())
        })?;
        if medium.profile.is_overwritable() {
            self.write_head(&image.head_descriptors(), monitor)?;
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

    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError> {
        let (needed, free) = (original.sectors, self.to_write()?.1.available(Burn::New));
        if needed > free {
            return Err(DriveError::TooLarge { needed, free });
        }
        let (medium, _) = self.renew(Burn::New, monitor)?;
        let job = Job {
            start: 0,
            sectors: original.sectors,
            placed: medium.profile.is_overwritable(),
            cd: medium.profile.is_cd(),
            ..Job::of(Purpose::Last)
        };
        let expected = original.sectors * super::SECTOR;
        self.engine().run(&job, monitor, &mut |out| {
            let copied = super::ring::pump(&mut *original.bytes, out)?;
            if copied == expected {
                Ok(())
            } else {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
        })?;
        Ok(None)
    }

    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
        if treatment == Treatment::Eject {
            tray::check_unmounted(&self.path)?;
            return tray::open(self, &self.open_drive()?);
        }
        let (medium, disc) = self.to_write()?;
        let purpose = match treatment {
            Treatment::Blank(_) | Treatment::Format if !medium.profile.is_rewritable() => {
                let name = medium.profile.name();
                return Err(self.cannot(format!("holds a {name}, which is written once")));
            }
            Treatment::Blank(how) => Purpose::Blank(how),
            Treatment::Format => Purpose::Format,
            Treatment::Close if disc.is_blank() => {
                return Err(self.cannot("holds a blank disc, so there is nothing to close"));
            }
            Treatment::Close if medium.status == Status::Complete => return Ok(()),
            Treatment::Close | Treatment::Eject => Purpose::Close,
        };
        self.engine()
            .run(&Job::of(purpose), monitor, &mut |_| Ok(()))?;
        self.reload()
    }

    fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
        let Some((drive, medium, _)) = self.look()? else {
            return Ok(Vec::new());
        };
        Ok(found::details(&drive, &medium))
    }

    fn reload(&self) -> Result<(), DriveError> {
        let drive = self.open_drive()?;
        tray::reload(self, &drive)
    }
}

impl Burner {
    /// Writes the head of a disc without sessions of its own: the descriptors of the newest session, at sector 16.
    fn write_head(&self, descriptors: &[u8], monitor: &dyn Monitor) -> Result<(), DriveError> {
        let mut head = vec![0; 16 * 2048];
        head.extend_from_slice(descriptors);
        head.resize(32 * 2048, 0);
        let job = Job {
            start: 0,
            sectors: 32,
            placed: true,
            ..Job::of(Purpose::Session)
        };
        self.engine().run(&job, monitor, &mut |out| {
            std::io::Write::write_all(out, &head)
        })
    }
}
