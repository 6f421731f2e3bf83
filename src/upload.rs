//! Upload: daily directories, or any directory, to a bucket of Amazon S3 through the program `aws`.
//!
//! New files are there and verified by name and size before anything that was there earlier is deleted, so that there
//! is no moment without a copy. The program runs as the backup user, whose `~/.aws` has the keys.

mod aws;
mod cipher;
mod listed;
mod mirror;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::event::{self, Monitor, Problem, Tell as _, printable};
use crate::process::{Command, RunAs, RunError, Runner, Stdout};
use crate::staging::{Daily, UPLOADED};
use crate::sums;
use crate::units::{AbsPath, Ids};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use aws::fuzz as fuzz_listing;
pub use aws::{Bucket, BucketError};
pub use mirror::{Names, Transfer};

use cipher::Sealed;

/// Somebody who uploads.
#[derive(Clone, Copy)]
pub struct Uploader<'a> {
    /// Runs the programs.
    pub runner: &'a dyn Runner,
    /// As whom they run; as who we are if there is nobody.
    pub user: Option<&'a RunAs>,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
}

/// Where encrypted copies lie while they are uploaded, and what makes them.
#[derive(Clone, Copy)]
pub struct Cipher<'a> {
    /// A shell command with `${input}` and `${output}` in it.
    pub command: &'a str,
    /// The working directory.
    pub working_dir: &'a AbsPath,
    /// To whom the copies are given, so that who uploads can read them.
    pub ids: Option<Ids>,
}

/// What was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uploaded {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects of earlier uploads that were deleted.
    pub deleted: u64,
}

/// Why something was not uploaded.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A program failed, or could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file or directory cannot be used.
    #[error("cannot use {}: {source}", event::printable_path(path))]
    Use {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A listing cannot be understood.
    #[error("the listing of the bucket cannot be understood: {0}")]
    Listing(serde_json::Error),
    /// Not everything is there.
    #[error("{0} files are not in the bucket as they are here")]
    Different(u64),
    /// Files that are not what was staged, or cannot be read.
    #[error("{0} files of the day are damaged, so it is not marked as uploaded")]
    Damaged(u64),
    /// Names that the program would change.
    #[error("{0} names are no UTF-8, and aws would change them; rename these files")]
    Names(u64),
}

/// Names below a directory, with `/`, and sizes.
type Sizes = BTreeMap<String, u64>;

impl Uploader<'_> {
    /// Uploads the day's files to `bucket`, encrypted if there is a cipher; then deletes what is in that day's place of the
    /// bucket and not in the day any more, and marks the day as uploaded.
    pub fn day(
        &self,
        daily: &Daily,
        bucket: &Bucket,
        cipher: Option<Cipher<'_>>,
        ids: Option<Ids>,
    ) -> Result<Uploaded, UploadError> {
        let at = |source| UploadError::Use {
            path: daily.path().to_owned(),
            source,
        };
        let damaged = listed::by_sha256(daily, ids, self.monitor).map_err(at)?;
        let files = self.files(daily)?;
        let place = bucket.below(daily.day());
        let sealed = match cipher {
            None => None,
            Some(cipher) => Some(Sealed::make(self, daily.path(), &files, cipher)?),
        };
        let (from, sizes) = match &sealed {
            None => (daily.path(), files),
            Some(sealed) => (sealed.path(), sealed.sizes()?),
        };
        self.done(aws::copy_command(from, &place))?;
        let there = self.listing(&place)?;
        let different = self.compare(&sizes, &there, &place);
        if different > 0 {
            return Err(UploadError::Different(different));
        }
        if damaged > 0 {
            // What is left of the day is safe; what an earlier upload has stays.
            return Err(UploadError::Damaged(damaged));
        }
        let mut uploaded = Uploaded {
            files: sizes.len() as u64,
            bytes: sizes.values().sum(),
            deleted: 0,
        };
        for name in there.keys().filter(|name| !sizes.contains_key(*name)) {
            match self.done(aws::remove_command(&place, name)) {
                Ok(()) => uploaded.deleted += 1,
                Err(error) => self.monitor.warn(format!(
                    "{}/{} is of an earlier upload and was not deleted: {error}",
                    place.url(),
                    printable(name)
                )),
            }
        }
        daily.mark(UPLOADED, ids).map_err(at)?;
        Ok(uploaded)
    }

    /// The day's files by name: backups, and the list of their digests. Indicators are no part of it.
    fn files(&self, daily: &Daily) -> Result<Sizes, UploadError> {
        let at = |source| UploadError::Use {
            path: daily.path().to_owned(),
            source,
        };
        let mut sizes = Sizes::new();
        let mut odd = 0;
        for file in daily.backups().map_err(at)? {
            match String::from_utf8(file.name) {
                Ok(name) => drop(sizes.insert(name, file.bytes)),
                Err(error) => {
                    odd += 1;
                    self.odd_name(&daily.backup_path(error.as_bytes()));
                }
            }
        }
        if odd > 0 {
            return Err(UploadError::Names(odd));
        }
        match daily.path().join(sums::FILE_NAME).metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            stat => {
                let length = stat.map_err(at)?.len();
                sizes.insert(sums::FILE_NAME.to_owned(), length);
            }
        }
        Ok(sizes)
    }

    fn odd_name(&self, path: &Path) {
        let reason = "its name is no UTF-8, and aws would change it";
        self.monitor.problem(&Problem::with_file(path, reason));
    }

    /// Tells of each file that is not in the bucket as it is here, and gives their number.
    fn compare(&self, here: &Sizes, there: &Sizes, place: &Bucket) -> u64 {
        let mut different = 0;
        for (name, bytes) in here {
            let reason = match there.get(name) {
                None => "it is not in the bucket".to_owned(),
                Some(found) if found != bytes => format!(
                    "it has {} in the bucket and {} here",
                    event::bytes(*found),
                    event::bytes(*bytes)
                ),
                Some(_) => continue,
            };
            different += 1;
            let subject = format!("{}/{name}", place.url());
            self.monitor.problem(&Problem::new(subject, &reason));
        }
        different
    }

    /// What is below `place` in the bucket, by names relative to it.
    fn listing(&self, place: &Bucket) -> Result<Sizes, UploadError> {
        let command = self.as_user(aws::list_command(place));
        let mut text = Vec::new();
        let ended = self.runner.run(&command, Stdout::Bytes(&mut text))?;
        ended.ok(&command)?;
        aws::parse_listing(&text, place).map_err(UploadError::Listing)
    }

    fn as_user(&self, command: Command) -> Command {
        match self.user {
            Some(user) => command.as_user(user),
            None => command,
        }
    }

    fn done(&self, command: Command) -> Result<(), UploadError> {
        let command = self.as_user(command);
        let ended = self.runner.run(&command, Stdout::Lines)?;
        Ok(ended.ok(&command)?)
    }
}

#[cfg(test)]
mod tests;
