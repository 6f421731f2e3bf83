//! The program that burns: how it is started, fed, and listened to.
//!
//! The image goes from our writer through a ring of bytes into its standard input; there is no file in between. If the
//! source fails, the program is ended before it could take zeros for data. The words of each program have a file of their
//! own: `cdrskin` (libburn), which knows every drive, and the external ones for sites that insist.

mod cdrskin;
mod external;
mod feed;
mod hear;
mod inhibit;

#[cfg(fuzzing)]
pub use hear::fuzz;

use std::io::{self, Write};
use std::path::Path;

use super::way::Manner;
use super::{EngineKind, Handling};
use crate::event::{Event, Monitor, Tell as _};
use crate::media::mmc::Profile;
use crate::media::{DriveError, Thoroughness};
use crate::process::{Command, RunError, System};

/// Some drives cannot read the last sectors of a CD's track, and a track has at least four seconds (MMC-6 4.2.3).
const CD_PADDING: u64 = 150;
const CD_SHORTEST: u64 = 300;
/// Sectors that a CD's track needs besides its data and what it is padded with: it is linked and runs out.
const CD_LINK: u64 = 7;

/// What the program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A session after which others can follow.
    Session,
    /// A session, and the disc is closed.
    Last,
    /// The first sectors of a disc that is written anywhere, which show the newest session.
    Head,
    /// Zeros over a disc that is written anywhere.
    Erase,
    /// Blanking.
    Blank(Thoroughness),
    /// Making a disc ready for writing anywhere.
    Format,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub purpose: Purpose,
    /// The kind of disc.
    pub profile: Profile,
    /// Where the session begins.
    pub start: u32,
    /// Its length.
    pub sectors: u64,
    /// Where the session before it begins, if there is one.
    pub after: Option<u32>,
    /// How it is written.
    pub manner: Manner,
    /// How much at a time.
    pub chunk: Chunk,
}

/// How much a burning program writes with one command on a DVD or BD. What it pads the end of a session to is that, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// Whatever it finds best.
    Usual,
    /// [`DOUBLE`] sectors, if it can do that: half as many commands.
    Double,
}

/// Sectors of a double chunk, 64 KiB.
pub(super) const DOUBLE: u32 = 32;

impl Job {
    /// A job without bytes.
    pub fn of(purpose: Purpose, profile: Profile) -> Self {
        Self {
            purpose,
            profile,
            start: 0,
            sectors: 0,
            after: None,
            manner: Manner::Open,
            chunk: Chunk::Usual,
        }
    }

    /// Sectors that follow the data of a CD's track.
    fn padding(&self) -> u64 {
        if self.profile.is_cd() {
            CD_PADDING.max(CD_SHORTEST.saturating_sub(self.sectors))
        } else {
            0
        }
    }

    /// Whether the disc is closed by this.
    fn closes(&self) -> bool {
        self.purpose == Purpose::Last || self.manner == Manner::AtOnce
    }
}

/// Sectors that a session costs on a disc of that kind besides its own.
pub(super) fn cost(profile: Profile) -> u64 {
    if profile.is_cd() {
        CD_PADDING + CD_LINK
    } else {
        0
    }
}

/// How a program ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Well,
    /// It had every byte, and then it said that something was wrong. The data may be on the disc all the same.
    Complained(Complaint),
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// In the program's words.
    pub why: String,
    /// The sector at which writing failed, if it says so.
    pub sector: Option<u64>,
}

/// The program for one drive.
pub(super) struct Engine<'a> {
    drive: &'a Path,
    handling: &'a Handling,
}

/// Fills the ring.
type Fill<'a> = dyn FnMut(&mut (dyn Write + Send)) -> io::Result<()> + 'a;

impl<'a> Engine<'a> {
    pub fn new(drive: &'a Path, handling: &'a Handling) -> Self {
        Self { drive, handling }
    }

    /// Does `job`; `fill` gives the bytes of its session, if it has some. The machine is kept awake meanwhile.
    pub fn run(
        &self,
        job: &Job,
        monitor: &dyn Monitor,
        fill: &mut Fill<'_>,
    ) -> Result<End, DriveError> {
        let command = self.command(job)?;
        let mut system = System::new(monitor);
        for (name, path) in &self.handling.programs {
            system = system.overriding(name.clone(), path.clone());
        }
        let _awake = inhibit::awake(&system, task(job.purpose));
        let task = task(job.purpose);
        let result = if job.sectors > 0 {
            self.feed(&system, &command, job, monitor, fill)
        } else {
            self.plain(&system, &command).map(|()| End::Well)
        };
        monitor.observe(&Event::ProgressEnd(task));
        result
    }

    fn command(&self, job: &Job) -> Result<Command, DriveError> {
        match self.handling.engine {
            EngineKind::Cdrskin => Ok(cdrskin::command(self.drive, job, self.handling.speed)),
            EngineKind::External => external::command(self.drive, job, self.handling.speed)
                .ok_or_else(|| DriveError::Cannot {
                    path: self.drive.to_owned(),
                    why: external::lacking(job),
                }),
        }
    }

    /// The failure of whatever was asked, with what was said.
    pub fn failed(&self, error: impl Into<String>) -> DriveError {
        DriveError::Engine {
            path: self.drive.to_owned(),
            why: error.into(),
            sector: None,
        }
    }

    /// The same, after the program had every byte.
    pub fn complained(&self, Complaint { why, sector }: Complaint) -> DriveError {
        DriveError::Engine {
            path: self.drive.to_owned(),
            why,
            sector,
        }
    }

    fn run_error(&self, error: &RunError) -> DriveError {
        if let RunError::Missing { program } = error {
            return DriveError::Cannot {
                path: self.drive.to_owned(),
                why: format!(
                    "cannot be written, since there is no program {program}; install it (Debian: packages cdrskin, growisofs, wodim)"
                ),
            };
        }
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        self.failed(format!("{error}{cause}"))
    }

    fn plain(&self, system: &System<'_>, command: &Command) -> Result<(), DriveError> {
        let mut running = system
            .spawn(command)
            .map_err(|error| self.run_error(&error))?;
        drop(running.stdin.take());
        let told = running
            .stdout
            .take()
            .map(|out| hear::listen(out, &mut |_| {}));
        self.ended(command, running.wait(), &told.unwrap_or_default())
    }

    fn ended(
        &self,
        command: &Command,
        ended: Result<crate::process::Ended, RunError>,
        told: &[String],
    ) -> Result<(), DriveError> {
        let ended = ended.map_err(|error| self.run_error(&error))?;
        if ended.success() {
            return Ok(());
        }
        let shown = hear::reasons(&ended.tail, told);
        let program = crate::event::printable_path(command.program());
        Err(self.complained(Complaint {
            why: format!("{program} {}: {}", ended.status, shown.join("; ")),
            sector: hear::bad_sector(ended.tail.iter().chain(told)),
        }))
    }

    /// Runs the program and feeds it, and judges what came of both.
    fn feed(
        &self,
        system: &System<'_>,
        command: &Command,
        job: &Job,
        monitor: &dyn Monitor,
        fill: &mut Fill<'_>,
    ) -> Result<End, DriveError> {
        let running = system
            .spawn(command)
            .map_err(|error| self.run_error(&error))?;
        let fed = feed::feed(running, job, monitor, fill);
        let Some(running) = fed.running else {
            let why = fed.filled.err().map(|error| error.to_string());
            return Err(self.failed(format!(
                "the source failed, and the session was given up: {}",
                why.unwrap_or_default()
            )));
        };
        match fed.times_empty {
            0 => log::debug!("the buffer was never empty while burning"),
            times => monitor.note(format!(
                "the buffer was empty {times} times while burning: the source is slower than the drive, and a lower \
                 <drive_speed> may spare the disc"
            )),
        }
        let arrived = fed.filled.and(fed.poured);
        if let Err(error) = self.ended(command, running.wait(), &fed.told) {
            return match error {
                DriveError::Engine { why, sector, .. } if arrived.is_ok() => {
                    Ok(End::Complained(Complaint { why, sector }))
                }
                error => Err(error),
            };
        }
        if let Some(at) = fed.start.filter(|at| *at != u64::from(job.start)) {
            return Err(DriveError::Moved {
                image: job.start,
                disc: u32::try_from(at).unwrap_or(u32::MAX),
            });
        }
        arrived
            .map(|()| End::Well)
            .map_err(|error| self.failed(error.to_string()))
    }
}

fn task(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Session | Purpose::Last => "burning",
        Purpose::Head => "burning the head",
        Purpose::Blank(_) | Purpose::Erase => "blanking",
        Purpose::Format => "formatting",
    }
}

#[cfg(test)]
mod tests;
