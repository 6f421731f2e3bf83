//! `cback disc …`: what a person does with a disc by hand.

mod burn;
mod consent;
mod doctor;
mod told;
mod which;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use self::consent::{consented, loses};
use super::args::{Common, Consent, DiscCommand, On, Which};
use super::exit::Exit;
use super::session::{Failure, Session};
use crate::disc::{self, Depth, DiscError, Verify, Wish};
use crate::event::{Problem, Tell as _};
use crate::iso9660::ImageError;
use crate::media::{Burn, Drive, DriveError, Thoroughness, Treatment};

/// Carries out what `command` says.
pub fn run(common: &Common, command: &DiscCommand) -> Exit {
    let session = Session::without_log(common);
    let desk = Desk {
        session: &session,
        common,
        began: Instant::now(),
    };
    let outcome = desk.work(command);
    session.end(&outcome)
}

struct Desk<'a> {
    session: &'a Session,
    common: &'a Common,
    began: Instant,
}

impl Desk<'_> {
    fn work(&self, command: &DiscCommand) -> Result<Exit, Failure> {
        match command {
            DiscCommand::Image { into, volume, dirs } => {
                self.image(&burn::wish(volume, dirs), into)
            }
            DiscCommand::Burn {
                on,
                append,
                close,
                volume,
                speed,
                consent,
                paths,
            } => {
                let drive = self.drive_at(on, *speed)?;
                let exit = self.burn(paths, volume, &*drive, burn::how(*append), *consent)?;
                if *close {
                    self.close(&*drive);
                }
                Ok(exit)
            }
            DiscCommand::Blank {
                which,
                all,
                consent,
            } => self.treat(which, Treatment::Blank(thoroughness(*all)), Some(*consent)),
            DiscCommand::Format { which, consent } => {
                self.treat(which, Treatment::Format, Some(*consent))
            }
            DiscCommand::Close(which) => self.treat(which, Treatment::Close, None),
            DiscCommand::Eject(which) => self.treat(which, Treatment::Eject, None),
            DiscCommand::Copy {
                speed,
                verify,
                consent,
                media,
                source,
                target,
            } => {
                let from = self.drive(&on(source, None))?;
                let media = media.or_else(|| which::kind_for_copy(&*from));
                let to = self.drive_at(&on(target, media), *speed)?;
                self.copy(&*from, &*to, *verify, *consent)
            }
            DiscCommand::Doctor { which, yes } => self.doctor(which, Consent { yes: *yes }),
            DiscCommand::Info(which) => self.info(&which.clone().into()),
            DiscCommand::Compare { first, second } => self.compare(first, second),
            DiscCommand::Ls {
                on,
                session,
                recursive,
                path,
            } => self.list(on, *session, path.as_deref(), depth(*recursive)),
            DiscCommand::Get {
                on,
                session,
                into,
                paths,
            } => self.take(on, *session, paths, into),
        }
    }

    fn image(&self, wish: &Wish<'_>, into: &Path) -> Result<Exit, Failure> {
        let made = disc::image(wish, into, self.session.monitor()).map_err(failure)?;
        self.done(&made, told::made);
        Ok(Exit::Well)
    }

    fn doctor(&self, which: &Which, consent: Consent) -> Result<Exit, Failure> {
        let drive = self.drive(&which.clone().into())?;
        doctor::examine(self, &*drive, consent)
    }

    fn info(&self, on: &On) -> Result<Exit, Failure> {
        let drive = self.drive(on)?;
        let survey = disc::survey(&*drive, self.session.monitor()).map_err(failure)?;
        self.session.show(&survey, told::survey);
        Ok(Exit::Well)
    }

    fn compare(&self, first: &Path, second: &Path) -> Result<Exit, Failure> {
        let one = self.drive(&on(first, None))?;
        let two = self.drive(&on(second, None))?;
        let found = disc::compare(&*one, &*two, self.session.monitor()).map_err(failure)?;
        self.session.show(&found, told::comparison);
        Ok(if found.is_identical() {
            Exit::Well
        } else {
            Exit::Problems
        })
    }

    fn list(
        &self,
        on: &On,
        session: Option<usize>,
        path: Option<&Path>,
        depth: Depth,
    ) -> Result<Exit, Failure> {
        let meant = |failure| which::perhaps_meant(failure, on, path, "ls");
        let drive = self.drive(on).map_err(meant)?;
        let within = path.map(within).unwrap_or_default();
        let monitor = self.session.monitor();
        let mut tell = |entry| self.session.show(&entry, told::entry);
        let listed = disc::list(&*drive, session, &within, depth, monitor, &mut tell);
        listed.map_err(failure).map_err(meant)?;
        Ok(Exit::Well)
    }

    fn take(
        &self,
        on: &On,
        session: Option<usize>,
        paths: &[PathBuf],
        into: &Path,
    ) -> Result<Exit, Failure> {
        let first = paths.first().map(PathBuf::as_path);
        let meant = |failure| which::perhaps_meant(failure, on, first, "get");
        let drive = self.drive(on).map_err(meant)?;
        let mut within: Vec<PathBuf> = paths.iter().map(|path| within(path)).collect();
        if within.is_empty() {
            // Everything.
            within.push(PathBuf::new());
        }
        let monitor = self.session.monitor();
        let taken = disc::take(&*drive, session, &within, into, monitor);
        let taken = taken.map_err(failure).map_err(meant)?;
        self.done(&taken, told::taken);
        Ok(if taken.damaged > 0 {
            Exit::Damaged
        } else {
            Exit::Well
        })
    }

    fn drive(&self, on: &On) -> Result<Box<dyn Drive>, Failure> {
        self.drive_at(on, None)
    }

    fn drive_at(
        &self,
        on: &On,
        speed: Option<std::num::NonZeroU32>,
    ) -> Result<Box<dyn Drive>, Failure> {
        which::drive(self.session, self.common, on, speed)
    }

    fn copy(
        &self,
        from: &dyn Drive,
        to: &dyn Drive,
        verify: bool,
        consent: Consent,
    ) -> Result<Exit, Failure> {
        consented(to, Burn::New, consent)?;
        let verify = if verify { Verify::Yes } else { Verify::No };
        let monitor = self.session.monitor();
        let copied = disc::copy(from, to, verify, monitor).map_err(failure)?;
        if copied.unreadable.sectors > 0 {
            let reason = told::unreadable(&copied);
            monitor.problem(
                &Problem::with_file(from.place(), &reason)
                    .advise("another drive may read them; zeros stand for them in the copy"),
            );
        }
        let differs = copied
            .verified
            .as_ref()
            .is_some_and(|found| !found.is_identical());
        if differs && let Some(found) = &copied.verified {
            let reason = told::comparison(found);
            monitor.problem(&Problem::with_file(to.place(), &reason));
        }
        let unseen = to.unseen();
        self.done(&copied, |copied| {
            told::with(told::copied(copied), unseen.as_deref())
        });
        Ok(if differs {
            Exit::Repairable
        } else {
            Exit::Well
        })
    }

    fn treat(
        &self,
        which: &Which,
        treatment: Treatment,
        consent: Option<Consent>,
    ) -> Result<Exit, Failure> {
        let drive = self.drive(&which.clone().into())?;
        if let Some(consent) = consent {
            loses(&*drive, consent)?;
        }
        drive
            .treat(treatment, self.session.monitor())
            .map_err(|error| failure(error.into()))?;
        self.done(&Treated::of(treatment), |done| done.word.to_owned());
        Ok(Exit::Well)
    }

    /// Prints what was done, if somebody is there to read it.
    fn done<T: Serialize>(&self, result: &T, text: impl Fn(&T) -> String) {
        let common = self.common;
        if common.json || common.verbose || (io::stdout().is_terminal() && !common.quiet) {
            let time = told::time(self.began.elapsed());
            self.session
                .show(result, |result| format!("{time}  {}", text(result)));
        }
    }
}

/// What was done to a disc.
#[derive(Serialize)]
struct Treated {
    done: &'static str,
    #[serde(skip)]
    word: &'static str,
}

impl Treated {
    fn of(treatment: Treatment) -> Self {
        let (done, word) = match treatment {
            Treatment::Blank(_) => ("blank", "the disc is blank"),
            Treatment::Format => ("format", "the disc is formatted"),
            Treatment::Close => ("close", "the disc is closed"),
            Treatment::Eject => ("eject", "the tray is open"),
        };
        Self { done, word }
    }
}

fn on(path: &Path, media: Option<crate::media::MediaKind>) -> On {
    On {
        disc: Some(path.to_owned()),
        media,
    }
}

fn thoroughness(all: bool) -> Thoroughness {
    if all {
        Thoroughness::All
    } else {
        Thoroughness::Fast
    }
}

fn depth(recursive: bool) -> Depth {
    if recursive { Depth::All } else { Depth::Own }
}

/// A path on a disc, with or without a slash before and behind it.
fn within(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| matches!(part, std::path::Component::Normal(_)))
        .collect()
}

fn failure(error: DiscError) -> Failure {
    let (exit, advice) = match &error {
        DiscError::NoDisc(_) | DiscError::Drive(DriveError::NoDisc(_)) => {
            (Exit::Disc, Some("put a disc in"))
        }
        DiscError::NoFile(_) => (Exit::Disc, Some("is its name right?")),
        DiscError::Blank(_) => (Exit::Disc, Some("put in the disc that is meant")),
        DiscError::Itself(_) => (Exit::Arguments, Some("name another disc, or another drive")),
        DiscError::SameName { .. } => (
            Exit::Arguments,
            Some("name the directory above them, or give one of them another name"),
        ),
        DiscError::Image(ImageError::Label(..)) => {
            (Exit::Arguments, Some("say another one with --volume-id"))
        }
        DiscError::NoSession { .. } => (Exit::Arguments, Some("`cback disc info` lists them")),
        DiscError::NoSuchFile(_) => (
            Exit::Arguments,
            Some("`cback disc ls -R` lists everything; an earlier session may have it (--session)"),
        ),
        DiscError::Lost(_) => (
            Exit::Damaged,
            Some("an earlier session may have it (--session), or another drive may read it"),
        ),
        DiscError::Read { .. } => (
            Exit::Failed,
            Some(
                "another session may be sound: `cback disc info` lists them, --session N reads one; another drive may \
                 read what this one cannot",
            ),
        ),
        DiscError::Drive(DriveError::TooLarge { .. }) => (
            Exit::Disc,
            Some(
                "put in a disc with more room; for a disc that is a file, say a larger kind with --media",
            ),
        ),
        DiscError::Drive(DriveError::NotBlank | DriveError::Unreadable { .. }) => {
            (Exit::Disc, None)
        }
        DiscError::Drive(DriveError::Closed(_)) => (Exit::Disc, Some("put another disc in")),
        DiscError::Drive(DriveError::Mounted { .. }) => (Exit::Failed, Some("unmount it first")),
        _ => (Exit::Failed, None),
    };
    Failure::of(exit, error).advised(advice.map(str::to_owned))
}
