//! A drive and a disc are tried: written, read back, continued, read back again, blanked. What comes of it is a report that
//! says enough for somebody who has never seen the drive.
//!
//! What is written is made up as it goes, the same every time, so that nothing has to be kept for comparing.

mod noise;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::same::same;
use super::{DiscError, inspect};
use crate::event::{Monitor, Tell as _, printable_path};
use crate::iso9660::{Content, Image, Kind, Meta, Options, Time, Tree, Volume};
use crate::media::{
    Appendable, Burn, Disc, Drive, DriveError, Payload, Renewal, SECTOR, Thoroughness, Treatment,
};
use noise::Noise;

/// The labels of the two sessions.
const LABELS: [&str; 2] = ["CBACK DOCTOR 1", "CBACK DOCTOR 2"];
/// Names and lengths of the files of each session: one that a drive has to stream, and odd ones.
const FILES: [&[(&str, u64)]; 2] = [
    &[
        ("first/large", 16 << 20),
        ("first/odd", 2047),
        ("first/one", 1),
    ],
    &[("second/large", 4 << 20), ("second/odd", 4097)],
];

/// What the report says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// The drive, or the file that is the disc.
    pub place: String,
    /// The kind of disc, in the configuration's word.
    pub kind: &'static str,
    /// Bytes of the disc.
    pub capacity: u64,
    /// What the drive and the medium say about themselves, in pairs of a word and its value.
    pub details: Vec<(String, String)>,
    /// What was tried, in its order.
    pub steps: Vec<Trial>,
    /// Whether all went well.
    pub sound: bool,
}

/// Something that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// What.
    pub what: &'static str,
    /// What came of it.
    pub result: TrialResult,
    /// Why it failed or was left out.
    pub why: Option<String>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// Bytes that were written or read.
    pub bytes: u64,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialResult {
    /// It went well.
    Well,
    /// It failed.
    Failed,
    /// It was not tried.
    LeftOut,
}

/// Whether the disc may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sacrifice {
    /// Only an empty disc that can be blanked again is tried.
    No,
    /// Any disc, as far as it can be begun anew.
    Yes,
}

/// Why a disc is not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is written once, and would be used up.
    WrittenOnce(String),
    /// It holds something: the label of its newest session.
    Holds(String),
}

/// Whether the disc in `drive` may be tried.
pub fn fit(drive: &dyn Drive, sacrifice: Sacrifice) -> Result<Option<Unfit>, DiscError> {
    let disc = inspect(drive)?;
    // A disc that is written once, and was, is no disc to try on, whoever says so.
    if !disc.is_blank() && disc.renewal != Renewal::Blank {
        return Err(DriveError::NotBlank.into());
    }
    if sacrifice == Sacrifice::Yes {
        return Ok(None);
    }
    Ok(match disc.label() {
        Some(label) => Some(Unfit::Holds(label.escape_ascii().to_string())),
        None if !disc.kind.is_rewritable() => Some(Unfit::WrittenOnce(disc.kind.word().to_owned())),
        None => None,
    })
}

/// Tries the drive. Trouble is in the report; an error is a drive that cannot even be looked at.
pub fn checkup(
    drive: &dyn Drive,
    now: SystemTime,
    monitor: &dyn Monitor,
) -> Result<Checkup, DiscError> {
    let disc = inspect(drive)?;
    let details = drive.details()?;
    let mut trials = Trials {
        drive,
        now,
        monitor,
        done: Vec::new(),
    };
    trials.all(disc.kind.is_rewritable());
    let sound = trials
        .done
        .iter()
        .all(|trial| trial.result != TrialResult::Failed);
    Ok(Checkup {
        place: printable_path(drive.place()),
        kind: disc.kind.word(),
        capacity: disc.size() * SECTOR,
        details,
        steps: trials.done,
        sound,
    })
}

struct Trials<'a> {
    drive: &'a dyn Drive,
    now: SystemTime,
    monitor: &'a dyn Monitor,
    done: Vec<Trial>,
}

impl Trials<'_> {
    fn all(&mut self, rewritable: bool) {
        let went = self.attempt("write the first session", |this| this.write(Burn::New, 0))
            && self.attempt("read it back", |this| this.read(1));
        if went {
            match self.drive.inspect() {
                Ok(Some(disc)) if disc.appendable == Appendable::Closed => self.leave_out(
                    "append a session",
                    "the disc takes one session only, and is closed by it",
                ),
                _ => {
                    let _ = self.attempt("append a session", |this| this.write(Burn::Append, 1))
                        && self.attempt("read both back", |this| this.read(2));
                }
            }
        }
        if rewritable {
            self.attempt("blank", Self::blank);
        } else if went {
            self.attempt("close", Self::close);
        }
    }

    /// Does something, and takes note of what came of it.
    fn attempt(
        &mut self,
        what: &'static str,
        deed: impl FnOnce(&Self) -> Result<u64, String>,
    ) -> bool {
        self.monitor.note(format!("trying: {what}"));
        let began = Instant::now();
        let result = deed(self);
        let (result, why, bytes) = match result {
            Ok(bytes) => (TrialResult::Well, None, bytes),
            Err(why) => (TrialResult::Failed, Some(why), 0),
        };
        self.done.push(Trial {
            what,
            result,
            why,
            milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes,
        });
        result == TrialResult::Well
    }

    fn leave_out(&mut self, what: &'static str, why: &str) {
        self.done.push(Trial {
            what,
            result: TrialResult::LeftOut,
            why: Some(why.to_owned()),
            milliseconds: 0,
            bytes: 0,
        });
    }

    /// Burns the session of that number, counted from 0, which has everything of those before.
    fn write(&self, burn: Burn, number: usize) -> Result<u64, String> {
        let disc = self.disc()?;
        let mut tree = Tree::new(Meta::default());
        if let (Burn::Append, Some(newest)) = (burn, disc.newest()) {
            let medium = self.drive.open().map_err(text)?;
            let volume = Volume::open(&*medium, newest.start).map_err(text)?;
            tree = volume.tree().map_err(text)?;
        }
        for (source, (name, bytes)) in FILES[number].iter().enumerate() {
            let dir = name.split('/').next().unwrap_or_default();
            if tree.lookup(dir).is_none() {
                tree.make_dir(dir, Meta::default()).map_err(text)?;
            }
            let content = Content::New {
                source,
                bytes: *bytes,
            };
            tree.add_file(name, Meta::default(), content)
                .map_err(text)?;
        }
        let since = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let options = Options {
            start: disc.start(burn),
            volume_id: LABELS[number].to_owned(),
            application: "CBACK".to_owned(),
            created: Time::from_seconds(since.as_secs().cast_signed()),
            space_size: disc.space_size,
            ..Options::default()
        };
        let image = Image::new(tree, &options).map_err(text)?;
        let mut payload = Payload {
            image: &image,
            label: LABELS[number],
            open: &mut |source| Ok(Box::new(Noise::of(FILES[number][source].1))),
        };
        let burnt = self
            .drive
            .burn(burn, &mut payload, self.monitor)
            .map_err(text)?;
        self.drive.reload().map_err(text)?;
        let now = self.disc()?;
        if now.newest() != Some(&burnt.session) {
            return Err("the session was written, but the drive does not show it".to_owned());
        }
        Ok(image.sectors() * SECTOR)
    }

    /// Reads that many sessions and compares them with what was written.
    fn read(&self, sessions: usize) -> Result<u64, String> {
        let disc = self.disc()?;
        let medium = self.drive.open().map_err(text)?;
        if disc.sessions.len() != sessions {
            return Err(format!(
                "the drive shows {} sessions instead of {sessions}",
                disc.sessions.len()
            ));
        }
        let mut bytes = 0;
        for (number, session) in disc.sessions.iter().enumerate() {
            let volume = Volume::open(&*medium, session.start).map_err(text)?;
            let tree = volume.tree().map_err(text)?;
            // A session has all that the ones before it have.
            for file in FILES[..=number].iter().copied().flatten() {
                let Some(Kind::File(content)) = tree.lookup(file.0).map(|node| node.kind) else {
                    return Err(format!("session {} has no `{}`", number + 1, file.0));
                };
                let same = same(&mut volume.file(&content), &mut Noise::of(file.1));
                match same {
                    Ok(true) => bytes += file.1,
                    Ok(false) => {
                        return Err(format!("`{}` is not what was written", file.0));
                    }
                    Err(error) => return Err(format!("`{}` cannot be read: {error}", file.0)),
                }
            }
        }
        Ok(bytes)
    }

    fn blank(&self) -> Result<u64, String> {
        let treatment = Treatment::Blank(Thoroughness::Fast);
        self.drive.treat(treatment, self.monitor).map_err(text)?;
        if self.disc()?.is_blank() {
            Ok(0)
        } else {
            Err("the disc was blanked, and the drive still shows sessions".to_owned())
        }
    }

    fn close(&self) -> Result<u64, String> {
        if self.disc()?.appendable == Appendable::Open {
            self.drive
                .treat(Treatment::Close, self.monitor)
                .map_err(text)?;
        }
        if self.disc()?.appendable == Appendable::Closed {
            Ok(0)
        } else {
            Err("the disc was closed, and the drive still calls it open".to_owned())
        }
    }

    fn disc(&self) -> Result<Disc, String> {
        inspect(self.drive).map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::iso9660::ReadAt;
    use crate::media::{Burnt, FileDrive, MediaKind, Original};
    use crate::units::AbsPath;
    use std::io;
    use std::path::{Path, PathBuf};

    /// A drive that loses a bit of everything that is read.
    struct Forgetful(FileDrive);

    struct Scratched(Box<dyn ReadAt>);

    impl ReadAt for Scratched {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let count = self.0.read_at(buffer, offset)?;
            // Behind the directories, in a large file.
            if offset > 4 << 20 && count > 0 {
                buffer[0] ^= 1;
            }
            Ok(count)
        }
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
    }

    impl Drive for Forgetful {
        fn place(&self) -> &Path {
            self.0.place()
        }
        fn inspect(&self) -> Result<Option<Disc>, DriveError> {
            self.0.inspect()
        }
        fn open(&self) -> Result<Box<dyn ReadAt>, DriveError> {
            Ok(Box::new(Scratched(self.0.open()?)))
        }
        fn burn(
            &self,
            burn: Burn,
            payload: &mut Payload<'_, '_>,
            monitor: &dyn Monitor,
        ) -> Result<Burnt, DriveError> {
            self.0.burn(burn, payload, monitor)
        }
        fn duplicate(
            &self,
            original: &mut Original<'_>,
            monitor: &dyn Monitor,
        ) -> Result<Option<PathBuf>, DriveError> {
            self.0.duplicate(original, monitor)
        }
        fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError> {
            self.0.treat(treatment, monitor)
        }
        fn details(&self) -> Result<Vec<(String, String)>, DriveError> {
            self.0.details()
        }
        fn reload(&self) -> Result<(), DriveError> {
            self.0.reload()
        }
    }

    #[test]
    fn a_drive_that_forgets_is_found_out_and_its_disc_is_left_blank() {
        let dir = tempfile::tempdir().unwrap();
        let path = AbsPath::new(dir.path().join("disc.iso")).unwrap();
        let drive = FileDrive::new(path, MediaKind::DvdPlusRw, None);
        let well = checkup(&drive, UNIX_EPOCH, &Tally::default()).unwrap();
        assert!(well.sound, "{well:?}");
        assert_eq!(well.steps.len(), 5);

        let found = checkup(&Forgetful(drive), UNIX_EPOCH, &Tally::default()).unwrap();
        assert!(!found.sound);
        let steps: Vec<_> = found
            .steps
            .iter()
            .map(|trial| (trial.what, trial.result))
            .collect();
        assert_eq!(
            steps,
            [
                ("write the first session", TrialResult::Well),
                ("read it back", TrialResult::Failed),
                ("blank", TrialResult::Well),
            ]
        );
        let why = found.steps[1].why.as_deref();
        assert_eq!(why, Some("`first/large` is not what was written"));
    }
}
