//! What every drive does, and what can go wrong with it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Burn, Disc, MediaKind, SECTOR, Session};
use crate::event::{self, Monitor};
use crate::iso9660::{Fault, Image, ReadAt};

/// A whole disc to be copied: its bytes from sector 0 on.
pub struct Original<'a> {
    /// Its length.
    pub sectors: u64,
    /// Exactly that many sectors.
    pub bytes: &'a mut (dyn Read + Send),
    /// The label that the copy will show.
    pub label: &'a [u8],
}

/// How thoroughly a disc is blanked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thoroughness {
    /// So that it can be written from the start again; old bytes stay where they are not written over.
    #[default]
    Fast,
    /// Everywhere.
    All,
}

/// What can be done to a disc besides burning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// A rewritable disc becomes blank.
    Blank(Thoroughness),
    /// A rewritable disc is made ready for writing anywhere. What is on it is lost.
    Format,
    /// No other session can follow.
    Close,
    /// The tray opens.
    Eject,
}

/// Opens the files of an image by their index while it is burnt.
pub type Open<'a> = dyn FnMut(usize) -> io::Result<Box<dyn Read + 'a>> + 'a;

/// What is burnt: an image and the bytes of its files.
pub struct Payload<'a, 'b> {
    /// The image, laid out for the sector at which the disc takes the next session.
    pub image: &'b Image,
    /// The label that the image was given.
    pub label: &'b str,
    /// Opens the image's files. Called from the thread that called [`Drive::burn`], once a file.
    pub open: &'b mut Open<'a>,
}

/// What came of a burn.
#[derive(Debug)]
pub struct Burnt {
    /// The session as it is on the disc now.
    pub session: Session,
    /// Files that did not deliver what the image promised; zeros stand for what is missing.
    pub faults: Vec<Fault>,
    /// Where the disc is that had to give way to a new one, if the drive put it aside.
    pub set_aside: Option<PathBuf>,
}

/// What can be seen of a drive at once, without a disc being spun up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// Nothing: it has to be looked at.
    Unknown,
    /// The tray is open or empty.
    Empty,
    /// There is a disc, and nothing is known to have happened to it.
    Held,
    /// A disc was put in.
    New,
}

/// A device that holds a disc.
pub trait Drive {
    /// Where it is: a device, or the file that is the disc.
    fn place(&self) -> &Path;

    /// The kind of disc that the configuration says is used here, if the disc in the drive may be of another one.
    fn expected(&self) -> Option<MediaKind> {
        None
    }

    /// A quick look, for those who wait.
    fn glance(&self) -> Glance {
        Glance::Unknown
    }

    /// What is in the drive; `None` if nothing is. A disc that cannot be read is an error, never blank.
    fn inspect(&self) -> Result<Option<Disc>, DriveError>;

    /// What is found on a disc that [`Drive::inspect`] calls unreadable, for somebody who only reads it; nothing can be written
    /// onto that. `None` if nothing is.
    fn salvage(&self) -> Option<Disc> {
        None
    }

    /// The disc's bytes as they are on the medium: what memory remembers of it has been dropped.
    fn open(&self) -> Result<Box<dyn ReadAt>, DriveError>;

    /// Burns a session. Streams; refuses before the first byte what cannot fit. Whatever happens, earlier
    /// sessions stay readable unless `burn` is [`Burn::New`] and the disc's renewal is to blank it.
    fn burn(
        &self,
        burn: Burn,
        payload: &mut Payload<'_, '_>,
        monitor: &dyn Monitor,
    ) -> Result<Burnt, DriveError>;

    /// Makes the disc a copy of another one, which begins a new disc as [`Burn::New`] does. Gives where the disc
    /// before was put aside, if it was.
    fn duplicate(
        &self,
        original: &mut Original<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Option<PathBuf>, DriveError>;

    /// Blanks, formats, closes or ejects the disc. Nobody is asked whether what is on it may be lost.
    fn treat(&self, treatment: Treatment, monitor: &dyn Monitor) -> Result<(), DriveError>;

    /// What the drive and the medium say about themselves, for people: pairs of a word and its value.
    fn details(&self) -> Result<Vec<(String, String)>, DriveError>;

    /// Whether a disc like this one can be closed here, so that no session can follow.
    fn closes(&self, _disc: &Disc) -> bool {
        true
    }

    /// Looks at the disc afresh, so that every reader of it sees its newest session.
    fn reload(&self) -> Result<(), DriveError>;

    /// Why readers other than ourselves may not see the newest session although the drive was [reloaded](Drive::reload), and
    /// what a person can do about that, as a sentence; `None` if nothing has to be done.
    fn unseen(&self) -> Option<String> {
        None
    }
}

/// Why a drive could not do it.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// Another process is burning.
    #[error("{} is being written by another process", event::printable_path(.0))]
    Busy(PathBuf),
    /// The configured target is no regular file.
    #[error("{} is not a regular file, so it cannot be a disc that is a file", event::printable_path(.0))]
    NotAFile(PathBuf),
    /// The directory in which the disc's file would be cannot be looked into.
    #[error("the directory {} cannot be used: {why}", event::printable_path(dir))]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There are bytes, and they are no disc that can be understood. It is not touched.
    #[error(
        "the disc {} cannot be read: {why}; it is left as it is; move it away if a new disc shall begin there",
        event::printable_path(path)
    )]
    Unreadable {
        /// The disc.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The image does not begin where the disc takes the next session.
    #[error("the session was laid out for sector {image}, but the disc takes it at {disc}")]
    Moved {
        /// Start of the image.
        image: u32,
        /// Next writable address.
        disc: u32,
    },
    /// The session does not fit.
    #[error(
        "a session of {} needs {needed} sectors, and the disc has {free} free",
        event::bytes(needed * SECTOR)
    )]
    TooLarge {
        /// Sectors that the session needs.
        needed: u64,
        /// Sectors that the disc still takes.
        free: u64,
    },
    /// The file system that holds the disc's file is too full.
    #[error(
        "the file system of {} has {} free, and the session needs {}",
        event::printable_path(path),
        event::bytes(*free),
        event::bytes(*needed)
    )]
    NoSpace {
        /// The disc.
        path: PathBuf,
        /// Bytes that the session needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A new disc is needed, and this drive cannot get one by itself.
    #[error("the disc is written already and cannot be blanked; insert a blank one")]
    NotBlank,
    /// The tray is open or empty.
    #[error("there is no disc in {}", event::printable_path(.0))]
    NoDisc(PathBuf),
    /// No other session can follow.
    #[error("the disc in {} is closed and takes no other session", event::printable_path(.0))]
    Closed(PathBuf),
    /// The disc is mounted, so that somebody may be reading it.
    #[error("{} is mounted at {at}", event::printable_path(path))]
    Mounted {
        /// The drive.
        path: PathBuf,
        /// Where its disc is mounted.
        at: String,
    },
    /// The drive does not do what it is asked.
    #[error("{}: {why}", event::printable_path(path))]
    Refused {
        /// The drive.
        path: PathBuf,
        /// What it says.
        why: String,
    },
    /// The program that burns failed.
    #[error("burning {} failed: {why}", event::printable_path(path))]
    Engine {
        /// The drive.
        path: PathBuf,
        /// What it said last.
        why: String,
        /// The sector at which writing failed, if that is known.
        sector: Option<u64>,
    },
    /// This kind of disc or drive cannot do that.
    #[error("{} {why}", event::printable_path(path))]
    Cannot {
        /// The disc.
        path: PathBuf,
        /// What it is or lacks, as the rest of a sentence.
        why: String,
    },
    /// The medium or the operating system failed.
    #[error("cannot {doing} {}: {source}", event::printable_path(path))]
    Io {
        /// The disc.
        path: PathBuf,
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}
