//! `cback disc …`: what a person does with a disc by hand.

mod consent;
mod doctor;
mod told;
mod which;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use serde::Serialize;

use self::consent::{consented, loses};
use super::args::{Common, Consent, DiscCommand, On, Volume, Which};
use super::exit::Exit;
use super::session::{Failure, Session};
use crate::disc::{self, Depth, DiscError, Verify, Wish};
use crate::event::{Problem, Tell as _, printable_path};
use crate::iso9660::{self, ImageError, Joliet, ReadError};
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
            DiscCommand::Image { into, volume, dirs } => self.image(&wish(volume, dirs), into),
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
                let how = if *append { Burn::Append } else { Burn::New };
                let exit = match one_image(paths)? {
                    Some(image) => self.burn_image(image, &*drive, how, volume, *consent)?,
                    None => self.burn(&wish(volume, paths), &*drive, how, *consent)?,
                };
                if *close {
                    self.close(&*drive);
                }
                Ok(exit)
            }
            DiscCommand::Blank {
                which,
                all,
                consent,
            } => {
                let how = if *all {
                    Thoroughness::All
                } else {
                    Thoroughness::Fast
                };
                self.treat(which, Treatment::Blank(how), Some(*consent))
            }
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
                consented(&*to, Burn::New, *consent)?;
                self.copy(&*from, &*to, *verify)
            }
            DiscCommand::Doctor { which, yes } => {
                let drive = self.drive(&which.clone().into())?;
                doctor::examine(self, &*drive, Consent { yes: *yes })
            }
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

    fn burn(
        &self,
        wish: &Wish<'_>,
        drive: &dyn Drive,
        how: Burn,
        consent: Consent,
    ) -> Result<Exit, Failure> {
        consented(drive, how, consent)?;
        let made = disc::burn(wish, drive, how, self.session.monitor()).map_err(failure)?;
        let unseen = drive.unseen();
        self.done(&made, |made| {
            told::with(told::made(made), unseen.as_deref())
        });
        Ok(Exit::Well)
    }

    /// Closes the disc that was burnt. What was burnt is there, whether it can be closed or not.
    fn close(&self, drive: &dyn Drive) {
        let monitor = self.session.monitor();
        match drive.treat(Treatment::Close, monitor) {
            Ok(()) => monitor.note("the disc is closed"),
            Err(error) => {
                let reason = format!("it is burnt, but could not be closed: {error}");
                monitor.problem(
                    &Problem::with_file(drive.place(), &reason)
                        .advise("`cback disc info` says what is on it"),
                );
            }
        }
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
        let drive = self.drive(on)?;
        let path = path.map(within).unwrap_or_default();
        let monitor = self.session.monitor();
        let mut tell = |entry| self.session.show(&entry, told::entry);
        let listed = disc::list(&*drive, session, &path, depth, monitor, &mut tell);
        listed.map_err(failure)?;
        Ok(Exit::Well)
    }

    fn take(
        &self,
        on: &On,
        session: Option<usize>,
        paths: &[PathBuf],
        into: &Path,
    ) -> Result<Exit, Failure> {
        let drive = self.drive(on)?;
        let paths: Vec<PathBuf> = paths.iter().map(|path| within(path)).collect();
        let monitor = self.session.monitor();
        let taken = disc::take(&*drive, session, &paths, into, monitor).map_err(failure)?;
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

    fn burn_image(
        &self,
        image: &Path,
        drive: &dyn Drive,
        how: Burn,
        volume: &Volume,
        consent: Consent,
    ) -> Result<Exit, Failure> {
        let refused = |why: &str, advice: &str| {
            let what = format!("{} is an image, which {why}", printable_path(image));
            Err(Failure::new(Exit::Arguments, what).advise(advice))
        };
        if how == Burn::Append {
            return refused(
                "has its own place on a disc and cannot be appended",
                "mount it, or take its files out with `cback disc get`, and burn those",
            );
        }
        if volume.volume_id.is_some() || volume.joliet {
            return refused(
                "is burnt as it is",
                "leave out --volume-id and --joliet; or take its files out with `cback disc get`, and burn those",
            );
        }
        let source = self.drive(&on(image, None))?;
        // One that is damaged is not burnt: who wants that copies it.
        source.inspect().map_err(|error| {
            failure(error.into()).advise("to copy what there is of it: cback disc copy")
        })?;
        consented(drive, Burn::New, consent)?;
        self.copy(&*source, drive, false)
    }

    fn copy(&self, from: &dyn Drive, to: &dyn Drive, verify: bool) -> Result<Exit, Failure> {
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

fn wish<'a>(volume: &Volume, paths: &'a [PathBuf]) -> Wish<'a> {
    Wish {
        paths,
        volume_id: volume.volume_id.clone(),
        joliet: if volume.joliet {
            Joliet::With
        } else {
            Joliet::Without
        },
        now: super::run::stamp(SystemTime::now()),
    }
}

fn on(path: &Path, media: Option<crate::media::MediaKind>) -> On {
    On {
        disc: Some(path.to_owned()),
        media,
    }
}

fn depth(recursive: bool) -> Depth {
    if recursive { Depth::All } else { Depth::Own }
}

/// The path, if it is the only one and an ISO 9660 image. One that is damaged is no mere file, and nothing that should be
/// burnt.
fn one_image(paths: &[PathBuf]) -> Result<Option<&Path>, Failure> {
    let [path] = paths else { return Ok(None) };
    // Opening a pipe waits for whoever fills it.
    if !std::fs::metadata(path).is_ok_and(|facts| facts.is_file()) {
        return Ok(None);
    }
    // What cannot be opened is told by whoever reads it.
    let Ok(file) = std::fs::File::open(path) else {
        return Ok(None);
    };
    match iso9660::sessions(&file) {
        Ok(found) => Ok((!found.is_empty()).then_some(path)),
        Err(ReadError::Incompatible(_)) => Ok(None),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            format!(
                "{} is an image that is damaged: {error}",
                printable_path(path)
            ),
        )
        .advise(
            "`cback disc get` takes what there is off it; name its directory to burn it as a file",
        )),
    }
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
