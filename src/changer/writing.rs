//! Writing onto the discs of a changer: one after the other until everything is written.

use std::collections::BTreeSet;

use super::inventory::State;
use super::pick::{Pick, Want};
use super::{BAD_IN_A_ROW, ChangerError, Library, Loaded};
use crate::event::{Problem, Tell as _, with_causes};
use crate::fsx;
use crate::media::DriveError;

/// Whether a disc has something of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// It is the one that was in use.
    Continued,
    /// It is blank.
    Blank,
}

/// What came of work with one disc.
#[derive(Debug)]
pub enum Verdict<T, E> {
    /// All is written.
    Done(T),
    /// The disc took a part, and takes no more; the rest goes on the next one.
    Part(T),
    /// The disc takes no more, and nothing was written.
    Full,
    /// The disc is somebody else's; nothing was written.
    Foreign,
    /// The disc could not be written or read.
    Bad(String),
    /// Another disc would not help.
    Stop(E),
}

/// Why not everything was written.
#[derive(Debug)]
pub enum Trouble<E> {
    /// The changer.
    Changer(ChangerError),
    /// The work itself.
    Work(E),
}

impl<E> From<ChangerError> for Trouble<E> {
    fn from(error: ChangerError) -> Self {
        Self::Changer(error)
    }
}

/// Gives `work` a disc for the copy of that number, and further ones until it is done: what `first` asks for, and after
/// that blank ones. A disc that fails is remembered as bad and told as a problem. At the end the disc is put back,
/// however it ends.
pub fn write<T, E>(
    library: &Library<'_>,
    copy: u32,
    first: Want,
    work: &mut dyn FnMut(&Loaded, Fresh) -> Verdict<T, E>,
) -> Result<Vec<T>, Trouble<E>> {
    let mut turns = Turns {
        library,
        copy,
        want: first,
        done: Vec::new(),
        bad: 0,
        used: BTreeSet::new(),
    };
    let ended = loop {
        match turns.next(work) {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(trouble) => break Err(trouble),
        }
    };
    let back = turns.put_back();
    match (ended, back) {
        (Err(trouble), _) => Err(trouble),
        (Ok(()), Ok(())) => Ok(turns.done),
        (Ok(()), Err(error)) => {
            // What was written is written.
            let problem = Problem::new("the changer", &with_causes(&error));
            let advice = "everything was written; `cback changer unload` puts the disc back";
            library.monitor().problem(&problem.advise(advice));
            Ok(turns.done)
        }
    }
}

struct Turns<'l, 'a, T> {
    library: &'l Library<'a>,
    copy: u32,
    want: Want,
    done: Vec<T>,
    bad: usize,
    /// The drives that had a disc for us.
    used: BTreeSet<u32>,
}

impl<T> Turns<'_, '_, T> {
    /// One disc. Whether everything is written.
    fn next<E>(
        &mut self,
        work: &mut dyn FnMut(&Loaded, Fresh) -> Verdict<T, E>,
    ) -> Result<bool, Trouble<E>> {
        let library = self.library;
        let disc = match library.claim(self.want, self.copy)? {
            Pick::Take(disc) | Pick::Look(disc) => disc,
            Pick::Nothing => return Err(ChangerError::NoBlank(library.shortage()).into()),
        };
        let ended = self.with(disc, work);
        library.release(disc);
        ended
    }

    fn with<E>(
        &mut self,
        disc: usize,
        work: &mut dyn FnMut(&Loaded, Fresh) -> Verdict<T, E>,
    ) -> Result<bool, Trouble<E>> {
        let library = self.library;
        let before = library.disc(disc);
        let is_blank = before.state == State::Blank;
        let drive = library.load(disc, None)?;
        self.used.insert(drive.number);
        let seen = match library.examine(&drive) {
            Ok(seen) => seen,
            Err(ChangerError::Drive(error)) if is_of_disc(&error) => {
                return self.reject(disc, &drive, &error.to_string());
            }
            Err(error) => return Err(error.into()),
        };
        let fresh = match library.note(disc, &seen)? {
            // The one that is in use may be among those that were not looked at yet.
            State::Blank if !is_blank && self.want == Want::Current => return Ok(false),
            State::Blank => Fresh::Blank,
            State::InUse if self.want == Want::Blank => {
                // It was taken for a blank one, or for nothing.
                return Ok(false);
            }
            State::InUse if library.disc(disc).copy == Some(self.copy) => Fresh::Continued,
            State::InUse => {
                self.want = Want::Current;
                return Ok(false);
            }
            State::Full if before.copy == Some(self.copy) => {
                // The one that was in use; no other one is to be looked for.
                self.want = Want::Blank;
                return Ok(false);
            }
            _ => return Ok(false),
        };
        match work(&drive, fresh) {
            Verdict::Done(result) => {
                self.done.push(result);
                self.written(disc, &drive)?;
                Ok(true)
            }
            Verdict::Part(result) => {
                self.done.push(result);
                self.written(disc, &drive)?;
                library.close(disc, State::Full)?;
                self.want = Want::Blank;
                Ok(false)
            }
            Verdict::Full => {
                library.close(disc, State::Full)?;
                self.want = Want::Blank;
                Ok(false)
            }
            Verdict::Foreign => {
                library.close(disc, State::Foreign)?;
                Ok(false)
            }
            Verdict::Bad(why) => self.reject(disc, &drive, &why),
            Verdict::Stop(error) => Err(Trouble::Work(error)),
        }
    }

    /// Takes note of a disc that was written.
    fn written(&mut self, disc: usize, drive: &Loaded) -> Result<(), ChangerError> {
        self.bad = 0;
        let seen = self.library.examine(drive)?;
        self.library.note(disc, &seen)?;
        self.library.use_for(disc, self.copy)
    }

    fn reject<E>(&mut self, disc: usize, drive: &Loaded, why: &str) -> Result<bool, Trouble<E>> {
        let library = self.library;
        self.bad += 1;
        let entry = library.disc(disc);
        if entry.state == State::InUse {
            self.want = Want::Blank;
        }
        let slot = library.reject(disc, drive.number, why)?;
        let subject = format!("the disc {}", entry.name());
        let reason = format!("is bad, and another one is taken: {why}");
        let advice = format!("it is in slot {slot}, and is not written any more; take it out");
        library
            .monitor()
            .problem(&Problem::new(subject, &reason).advise(advice));
        if self.bad >= BAD_IN_A_ROW {
            return Err(ChangerError::ManyBad {
                count: self.bad,
                drive: drive.number,
                why: why.to_owned(),
            }
            .into());
        }
        Ok(false)
    }

    fn put_back(&mut self) -> Result<(), ChangerError> {
        self.library.put_back_all(&self.used)
    }
}

/// Whether an error of a drive may be the fault of the disc in it.
pub fn is_of_disc(error: &DriveError) -> bool {
    match error {
        DriveError::Unreadable { .. }
        | DriveError::Engine { .. }
        | DriveError::Refused { .. }
        | DriveError::Cannot { .. } => true,
        DriveError::Io { doing, source, .. } => {
            !doing.starts_with("open the drive") && !fsx::is_full(source)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
