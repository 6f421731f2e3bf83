//! Why an extension could not do its work.

use std::io;
use std::path::PathBuf;

use crate::action::{ActionError, Finding};
use crate::changer::ChangerError;
use crate::dump::DumpError;
use crate::encrypt::EncryptError;
use crate::event::printable_path;
use crate::media::{DriveError, WrongDisc};
use crate::process::RunAsError;
use crate::staging::ChooseError;
use crate::units::{ByteSize, Day};
use crate::upload::{BucketError, UploadError};

/// Why an extension could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ExtendError {
    /// The configuration lacks a section that the extension reads.
    #[error("the configuration has no <{0}> section, which this extension needs")]
    NoSection(&'static str),
    /// A file or directory cannot be used.
    #[error("cannot use {}: {source}", printable_path(path))]
    Use {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no disc to look at.
    #[error("there is no disc in {}", printable_path(.0))]
    NoDisc(PathBuf),
    /// The disc in the drive is not one of ours.
    #[error(transparent)]
    WrongDisc(#[from] WrongDisc),
    /// A dump failed for a reason that others would fail for, too.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// Files cannot be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// No day is chosen to be uploaded.
    #[error("nothing is uploaded: {}", reason(*.0))]
    Choose(ChooseError),
    /// A day is larger than it may be.
    #[error("{day} has {bytes}, which is more than the {limit} that may be uploaded")]
    TooLarge {
        /// The day.
        day: Day,
        /// What it has.
        bytes: ByteSize,
        /// What it may have.
        limit: ByteSize,
    },
    /// There is no such bucket.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Programs cannot run as the backup user.
    #[error(transparent)]
    RunAs(#[from] RunAsError),
    /// Something was not uploaded.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The drive cannot be used.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The changer, or what is remembered of it, failed.
    #[error(transparent)]
    Changer(#[from] ChangerError),
    /// Something that the actions do as well failed.
    #[error(transparent)]
    Action(#[from] ActionError),
}

impl ExtendError {
    /// It as a finding of `validate`, with how to mend it.
    pub(super) fn finding(&self) -> Finding {
        let mend = match self {
            Self::NoSection(section) => {
                format!("add a <{section}> section, or take the extension out of <extensions>")
            }
            Self::Encrypt(EncryptError::NoKey { .. }) => {
                "import the recipient's public key as the user who runs cback (gpg --import), or correct <encrypt_target>"
                    .to_owned()
            }
            Self::Encrypt(_) => {
                "try gpg by hand, as the user who runs cback: it says what is the matter".to_owned()
            }
            _ => "mend that, or take the extension out of <extensions>".to_owned(),
        };
        Finding::new(self.to_string(), mend)
    }
}

/// Why no day is uploaded.
fn reason(error: ChooseError) -> String {
    match error {
        ChooseError::TodayNotStaged(today) => {
            format!("{today} has not been staged, and a full run uploads nothing else")
        }
        ChooseError::NothingWaits(today) => {
            format!("every staged day is in the bucket, looking from {today}")
        }
    }
}
