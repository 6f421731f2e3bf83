//! What storing finds before anything is decided: the disc, what it holds, and the days that are to go onto it.

use super::kept::{self, Kept};
use super::session::Part;
use super::staged::{self, StagedDay};
use super::{Store, StoreError};
use crate::event::{Problem, Tell as _, printable_path};
use crate::iso9660::{ReadAt, Tree, Volume};
use crate::media::{self, Asked, CheckMedia, Disc, Unlike};
use crate::staging::Daily;
use crate::units::Day;

/// What the disc's newest session holds.
pub(super) struct Previous {
    /// The disc, to be read.
    pub medium: Box<dyn ReadAt>,
    /// Its tree.
    pub tree: Tree,
}

/// What was found before anything is decided.
pub(super) struct Found {
    /// The disc in the drive.
    pub disc: Disc,
    /// What it holds.
    pub previous: Option<Previous>,
    /// The days that can be read, with what of them is on the disc.
    days: Vec<(StagedDay, Kept)>,
    /// Those that cannot.
    pub left: Vec<Day>,
}

impl Found {
    /// Looks at the disc, and at `days` in the staging directory.
    pub fn look(job: &Store<'_>, days: &[Daily], asked: Asked) -> Result<Self, StoreError> {
        let disc = to_write(job)?;
        check_media(job, &disc)?;
        let (days, left) = read_days(job, days)?;
        let previous = previous(job, &disc, asked)?;
        let kept = |day: &StagedDay| match (&previous, asked) {
            (Some(previous), Asked::ByRule) => kept::find(&*previous.medium, &previous.tree, day),
            _ => Kept::default(),
        };
        let days = days
            .into_iter()
            .map(|day| {
                let kept = kept(&day);
                (day, kept)
            })
            .collect();
        Ok(Self {
            disc,
            previous,
            days,
            left,
        })
    }

    /// The days of which something is missing on the disc.
    pub fn open(&self) -> Vec<Part<'_>> {
        self.days
            .iter()
            .filter(|(_, kept)| !kept.complete)
            .map(|(day, kept)| Part { day, kept })
            .collect()
    }

    /// Those of which nothing is missing there.
    pub fn complete(&self) -> impl Iterator<Item = &(StagedDay, Kept)> {
        self.days.iter().filter(|(_, kept)| kept.complete)
    }

    /// What is on the disc does not count: it is erased.
    pub fn forget_disc(&mut self) {
        for (_, kept) in &mut self.days {
            *kept = Kept::default();
        }
    }
}

/// The disc in the drive; without one, an error.
pub(super) fn inspect(job: &Store<'_>) -> Result<Disc, StoreError> {
    job.drive
        .inspect()?
        .ok_or_else(|| StoreError::NoDisc(job.drive.place().to_owned()))
}

/// Looks at the disc that is to be written, and says if it is not what the configuration says.
pub(super) fn to_write(job: &Store<'_>) -> Result<Disc, StoreError> {
    let disc = inspect(job)?;
    if let Some(expected) = job.drive.expected()
        && let Some(unlike) = media::unlike(expected, disc.kind)
    {
        let text = unlike.say(expected, disc.kind);
        match unlike {
            Unlike::Larger => job.monitor.note(text),
            _ => job.monitor.warn(text),
        }
    }
    Ok(disc)
}

/// Checks that the disc is one of this backup's, if that is configured.
pub(super) fn check_media(job: &Store<'_>, disc: &Disc) -> Result<(), StoreError> {
    if job.check_media == CheckMedia::Yes {
        media::check(disc)?;
    }
    Ok(())
}

/// Reads all of the daily directories. One that cannot be read is an error, and a problem.
pub(super) fn read_all(job: &Store<'_>, days: &[Daily]) -> Result<Vec<StagedDay>, StoreError> {
    let (days, left) = read_days(job, days)?;
    if left.is_empty() {
        Ok(days)
    } else {
        Err(StoreError::NothingReadable)
    }
}

/// Reads the daily directories. One that cannot be read is a problem and stays behind.
fn read_days(job: &Store<'_>, days: &[Daily]) -> Result<(Vec<StagedDay>, Vec<Day>), StoreError> {
    let mut read = Vec::new();
    let mut left = Vec::new();
    for daily in days {
        match staged::read(daily, job.monitor) {
            Ok(day) => read.push(day),
            Err(error) => {
                left.push(daily.day());
                job.monitor.problem(
                    &Problem::with_file(daily.path(), &error)
                        .advise("the day is not stored; repair its directory or stage it again"),
                );
            }
        }
    }
    if read.is_empty() {
        return Err(StoreError::NothingReadable);
    }
    Ok((read, left))
}

/// The newest session of a disc of ours. If a new disc was asked for, one that cannot be read is only
/// warned of: it gives way in any case.
pub(super) fn previous(
    job: &Store<'_>,
    disc: &Disc,
    asked: Asked,
) -> Result<Option<Previous>, StoreError> {
    let Some(newest) = disc.newest() else {
        return Ok(None);
    };
    if !media::is_ours(&newest.label) && asked == Asked::ByRule {
        return Ok(None);
    }
    let medium = job.drive.open()?;
    let tree = Volume::open(&*medium, newest.start).and_then(|volume| volume.tree());
    match tree {
        Ok(tree) => Ok(Some(Previous { medium, tree })),
        Err(error) if asked == Asked::Full => {
            job.monitor.warn(format!(
                "what is on {} cannot be listed before it gives way: {error}",
                printable_path(job.drive.place())
            ));
            Ok(None)
        }
        Err(source) => Err(StoreError::Volume {
            place: job.drive.place().to_owned(),
            source,
        }),
    }
}
