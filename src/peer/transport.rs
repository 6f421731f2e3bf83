//! How a collect directory is reached: what every place offers, on this machine or on another.
//!
//! An implementation brings bytes and says what it saw; what they mean (readiness, what is missing, what may be
//! staged) is decided once, in `fetch`. One conformance suite holds for all of them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::fsx;
use crate::sums::{Proof, Sums};
use crate::units::Ids;

use super::limits::{Deadline, Watched};
use super::wire::Mark;
use super::{PeerError, STAGED};

/// An open way to one collect directory. Over a network it is one connection, used for everything.
pub(super) trait Transport: Send + Sync + std::fmt::Debug {
    /// Looks for `cback.collect`, no longer than the `limits` allow; `None` if it is not there. A directory that
    /// cannot be looked into is an error.
    fn collected(&self, limits: &Watched) -> Result<Option<Collected>, PeerError>;

    /// Everything in the directory that is not passed by. A way that cannot list without fetching fetches into
    /// the directory `into`, and keeps to the `limits` meanwhile. When there are more entries than they allow, it may
    /// stop there.
    fn list(&self, into: &Path, limits: &Watched) -> Result<Listing, PeerError>;

    /// Brings the job's files, each verified and durable, and tells the job of each. An error ends the whole
    /// peer; what is whole by then has been told.
    fn get(&self, job: &Job<'_>) -> Result<(), PeerError>;

    /// Whether the peer was left alone since [`collected`](Self::collected) was asked first: a new
    /// `cback.collect` means that it collected meanwhile, and what was fetched may be half of it.
    fn unchanged(&self) -> Result<(), PeerError>;

    /// Writes the indicator `name` with that text, durably where the place can.
    fn put(&self, name: &str, text: &[u8], ids: Option<Ids>) -> Result<(), PeerError>;

    /// Whether the peer's own cback is surely one that understands `--dry-run`, as it answers for itself there.
    fn is_ours(&self) -> bool {
        false
    }

    /// Lets the peer's own cback do something; each line of what it prints goes to `output`.
    fn exec(&self, errand: &Errand<'_>, output: &mut dyn FnMut(&[u8])) -> Result<(), PeerError>;
}

/// What `cback.collect` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Collected {
    /// Its text; empty if it has none, or cannot be read as a text.
    pub(super) text: Vec<u8>,
    /// Whether a `cback.stage` is there that is not older.
    pub(super) staged: bool,
}

/// A regular file that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) bytes: u64,
    /// What changes when the file does, where the way to it tells.
    pub(super) mark: Option<Mark>,
}

/// What is in a collect directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// What to fetch, by the bytes of the names.
    pub(super) entries: Vec<Entry>,
    /// What cannot be fetched.
    pub(super) refused: Vec<(OsString, Refused)>,
}

/// Why one entry of the directory is not staged, while the others are.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}; only regular files are staged")]
    NotRegular(&'static str),
    #[error("its name cannot be that of a file")]
    Name,
    #[error("it is on the list of what was collected, but not there")]
    Missing,
    #[error("it is not what was collected: its digest differs from the one in cback.collect")]
    Different,
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
}

/// What to bring where.
pub(super) struct Job<'a> {
    /// The files.
    pub(super) entries: &'a [Entry],
    /// The directory that they come into. What an interrupted fetch left there may be continued.
    pub(super) into: &'a Path,
    /// How much, and how long.
    pub(super) limits: &'a Watched,
    /// The digests that the peer says they have, where it does.
    pub(super) claimed: &'a Sums,
    /// To whom they are given.
    pub(super) ids: Option<Ids>,
    /// Told of bytes as they come; from several threads. An error means that it is enough: nothing more may be
    /// fetched, and the error is the outcome.
    pub(super) progress: &'a (dyn Fn(u64) -> Result<(), PeerError> + Sync),
    /// Told of bytes of which [`progress`](Self::progress) was told and that come once more, since their file has changed.
    pub(super) in_vain: &'a (dyn Fn(u64) + Sync),
    /// Told once of each file that came, or why it did not; from several threads.
    pub(super) done: &'a (dyn Fn(&Entry, Result<Proof, Refused>) + Sync),
}

/// What a peer's cback is to do.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    /// The switches and the action, each a word that needs no quoting.
    pub(super) words: &'a [&'a str],
    /// How long it may take.
    pub(super) end: Deadline,
}

/// How long what takes a moment may take: looking at an indicator, writing one.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);

/// The most that is read of an indicator: a list of some hundred thousand files.
pub(super) const LONGEST_INDICATOR: u64 = 32 << 20;

/// So many names that are passed by may be in a directory; they do not count among its files, and a listing of
/// nothing else must end, too.
pub(super) const MOST_PASSED_BY: usize = 10_000;

/// What the other machine said of its own disk, as an error of the kind that it is.
pub(super) fn said(text: String) -> io::Error {
    let full = ["No space left on device", "Disk quota exceeded"];
    let kind = if full.iter().any(|words| text.contains(words)) {
        io::ErrorKind::StorageFull
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, text)
}

/// Whether `name` is staged at all: partial names and an old `cback.stage` are passed by.
pub(super) fn is_wanted(name: &OsStr) -> bool {
    name != "." && name != ".." && name != STAGED && !fsx::is_partial(name)
}
