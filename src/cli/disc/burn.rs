//! `cback disc burn`: directories and files, or an image.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::consent::consented;
use super::{Desk, failure, on, told};
use crate::cli::args::{Consent, Volume};
use crate::cli::exit::Exit;
use crate::cli::run;
use crate::cli::session::Failure;
use crate::disc::{self, Wish};
use crate::event::{Problem, Tell as _, printable_path};
use crate::iso9660::{self, Joliet, ReadError};
use crate::media::{Burn, Drive, Treatment};

impl Desk<'_> {
    /// Burns directories and files, or an image.
    pub(super) fn burn(
        &self,
        paths: &[PathBuf],
        volume: &Volume,
        drive: &dyn Drive,
        how: Burn,
        consent: Consent,
    ) -> Result<Exit, Failure> {
        if let Some(image) = one_image(paths)? {
            return self.burn_image(image, drive, how, volume, consent);
        }
        consented(drive, how, consent)?;
        let wish = wish(volume, paths);
        let made = disc::burn(&wish, drive, how, self.session.monitor()).map_err(failure)?;
        let unseen = drive.unseen();
        self.done(&made, |made| {
            told::with(told::made(made), unseen.as_deref())
        });
        Ok(Exit::Well)
    }

    /// Closes the disc that was burnt. What was burnt is there, whether it can be closed or not.
    pub(super) fn close(&self, drive: &dyn Drive) {
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
        self.copy(&*source, drive, false, consent)
    }
}

pub(super) fn how(append: bool) -> Burn {
    if append { Burn::Append } else { Burn::New }
}

pub(super) fn wish<'a>(volume: &Volume, paths: &'a [PathBuf]) -> Wish<'a> {
    Wish {
        paths,
        volume_id: volume.volume_id.clone(),
        joliet: if volume.joliet {
            Joliet::With
        } else {
            Joliet::Without
        },
        now: run::stamp(SystemTime::now()),
    }
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
