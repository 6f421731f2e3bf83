//! Storing: days + drive + catalog → a verified session, and only then an indicator.
//!
//! Steps, in this order: what is on the disc already is read back and only marked; blanking rules; layout;
//! burn; read back; catalog; `cback.store`. Killed anywhere, the next run finds on the disc what got there
//! and goes on. Hidden here: how a session is composed, how it is compared, what an interrupted run left.

mod chain;
mod error;
mod found;
mod judge;
mod kept;
mod layout;
mod only_copy;
mod readme;
mod rebuild;
mod record;
mod session;
mod spanned;
mod staged;
mod steps;
mod verify;

use std::path::PathBuf;
use std::time::SystemTime;

use crate::catalog::Catalog;
use crate::event::Monitor;
use crate::media::{Asked, Blanking, CheckMedia, Disc, Drive};
use crate::staging::{Daily, Staging};
use crate::units::{Day, Ids, Weekday};

pub use error::StoreError;
pub use rebuild::week;
pub use record::{Recalled, days, is_newest_on, is_rebuilt_on};
pub use spanned::Item;

/// Whether a session is read back and compared after it was burnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckData {
    /// It is.
    Yes,
    /// Cedar Backup's default.
    #[default]
    No,
}

/// Whether everything is to go onto this disc alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Discs {
    /// It is: what does not fit is a problem, and what is on the disc is marked as stored.
    #[default]
    One,
    /// Others follow, or get the same: whoever asked says what does not fit, and marks.
    Several,
}

/// Everything that storing needs to know and does not decide.
pub struct Store<'a> {
    /// Where discs are burnt.
    pub drive: &'a dyn Drive,
    /// The staging directory that the days are in.
    pub staging: &'a Staging,
    /// What is where.
    pub catalog: &'a mut Catalog,
    /// To whom indicators are given.
    pub ids: Option<Ids>,
    /// The day of the run.
    pub today: Day,
    /// The time that the session is dated with.
    pub now: SystemTime,
    /// The day on which the backup week begins.
    pub starting_day: Weekday,
    /// When a new disc is begun.
    pub blanking: Option<Blanking>,
    /// Whether labels are checked.
    pub check_media: CheckMedia,
    /// Whether sessions are read back.
    pub check_data: CheckData,
    /// Whether there are further discs.
    pub discs: Discs,
    /// Who is told.
    pub monitor: &'a dyn Monitor,
}

/// What came of storing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The label that the disc shows now.
    pub label: String,
    /// The number of the newest session, counted from 1.
    pub session: usize,
    /// Sectors that were burnt; 0 if everything was on the disc already.
    pub burnt: u64,
    /// Sectors that the disc still takes in another session.
    pub free: u64,
    /// Sectors of the disc.
    pub capacity: u64,
    /// Days that are on the disc now and, unless there are further discs, marked; ascending.
    pub marked: Vec<Day>,
    /// Days that are not: they did not fit, or something in them is damaged. A problem was told for each, but for those
    /// without room if there are further discs.
    pub left: Vec<Day>,
    /// Those of them that did not fit.
    pub no_room: Vec<Day>,
    /// Where the disc is that had to give way.
    pub set_aside: Option<PathBuf>,
}

/// What storing would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Days that are on the disc already, sound, and would only be marked.
    pub on_disc: Vec<Day>,
    /// Days that would be burnt.
    pub days: Vec<Day>,
    /// Days that cannot be read or would not fit.
    pub left: Vec<Day>,
    /// Why a new disc would be begun; `None` if a session would be appended.
    pub new_disc: Option<String>,
    /// Sectors that would be burnt.
    pub sectors: u64,
    /// Sectors that the disc takes in such a session.
    pub free: u64,
    /// The disc that is in the drive.
    pub disc: Disc,
}

impl Store<'_> {
    /// Stores `days`; `first` is the one that matters most if not all fit. By rule, or onto a new disc if that
    /// was `asked` for.
    ///
    /// A stranger's disc, one whose label is none of ours, is never appended to, and no rule begins it anew.
    /// Only a person can, with `--full`, and only if `check_media` is off: a rewritable disc is then erased.
    pub fn store(
        &mut self,
        days: &[Daily],
        first: Day,
        asked: Asked,
    ) -> Result<Stored, StoreError> {
        steps::store(self, days, first, asked)
    }

    /// What [`Store::store`] would do, without doing it: nothing is written, nothing marked.
    pub fn preview(&self, days: &[Daily], first: Day, asked: Asked) -> Result<Preview, StoreError> {
        steps::preview(self, days, first, asked)
    }

    /// Puts all of `days` onto a new disc, whether they were stored or not. What cannot be read or does not fit
    /// is an error: a rebuilt disc has everything.
    pub fn rebuild(&mut self, days: &[Daily]) -> Result<Stored, StoreError> {
        steps::rebuild(self, days)
    }

    /// Prepares a rewritable disc: one session with our label and an empty directory `CedarBackup`. Whatever is
    /// on the disc is lost; it is named first.
    pub fn initialize(&mut self) -> Result<Stored, StoreError> {
        steps::initialize(self)
    }

    /// Reads the disc in the drive and the staging directory into the catalog.
    pub fn recall(&mut self) -> Result<Recalled, StoreError> {
        record::recall(self)
    }
}
