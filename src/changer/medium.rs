//! A disc in a changer, to be read from wherever it is: it is carried into a drive when somebody reads from it.
//!
//! Whoever restores reads from several discs, in an order that only the recipe knows. So each disc is a medium like
//! any other; its bytes are asked for over a channel, and [`Library::serve`] answers, carrying discs as they are needed.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::inventory::Place;
use super::{ChangerError, Library, Loaded, Seen};
use crate::event::{Problem, Tell as _};
use crate::iso9660::ReadAt;
use crate::media::{Drive as _, DriveError, SECTOR, Session};

/// Bytes that are asked for at once, at least.
const CHUNK: usize = 1 << 20;

/// A wish for bytes of a disc.
pub(super) struct Ask {
    disc: usize,
    offset: u64,
    length: usize,
    answer: Sender<io::Result<Vec<u8>>>,
}

/// A disc in a changer.
pub struct DiscInChanger {
    disc: usize,
    bytes: u64,
    ask: Sender<Ask>,
    last: Mutex<(u64, Vec<u8>)>,
}

/// Where wishes of several discs are given.
pub struct Counter(Sender<Ask>);

/// Where they arrive.
pub struct Wishes(Receiver<Ask>);

impl Counter {
    /// A counter, and its other side.
    pub fn new() -> (Self, Wishes) {
        let (ask, asked) = channel();
        (Self(ask), Wishes(asked))
    }

    /// The disc of that index, which is so many bytes long.
    pub fn disc(&self, disc: usize, bytes: u64) -> DiscInChanger {
        DiscInChanger {
            disc,
            bytes,
            ask: self.0.clone(),
            last: Mutex::new((0, Vec::new())),
        }
    }
}

impl DiscInChanger {
    fn fetch(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let (answer, answered) = channel();
        let ask = Ask {
            disc: self.disc,
            offset,
            length,
            answer,
        };
        let gone = || io::Error::other("nobody serves the changer any more");
        self.ask.send(ask).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

impl ReadAt for DiscInChanger {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = |last: &(u64, Vec<u8>)| {
            let skip = usize::try_from(offset.checked_sub(last.0)?).ok()?;
            (skip < last.1.len()).then_some(skip)
        };
        if inside(&last).is_none() {
            let found = self.fetch(offset, buffer.len().max(CHUNK));
            // A bad sector that nobody wants yet must not hide those before it.
            let found = found.or_else(|error| match buffer.len() {
                length if length < CHUNK => self.fetch(offset, length),
                _ => Err(error),
            });
            *last = (offset, found?);
        }
        let Some(skip) = inside(&last) else {
            return Ok(0);
        };
        let there = &last.1[skip..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }
}

/// What there is on a disc for somebody who reads it.
struct ToRead {
    seen: Seen,
    sessions: Vec<Session>,
    /// What is wrong with it.
    damage: Option<String>,
}

impl Library<'_> {
    /// Answers wishes until nobody has the counter or any of its discs any more. A disc that is wished for is carried into a
    /// drive, has to be the one that is remembered, and stays there until the drive is needed.
    pub fn serve(&self, wishes: Wishes) {
        let mut open: BTreeMap<usize, (u32, Box<dyn ReadAt>)> = BTreeMap::new();
        for wish in wishes.0 {
            let mut read = || {
                let is_in = |drive: u32| self.disc(wish.disc).place == Place::Drive(drive);
                if !open.get(&wish.disc).is_some_and(|(drive, _)| is_in(*drive)) {
                    // A drive that is needed has to let go of what is read from it.
                    open.retain(|&disc, (drive, _)| {
                        disc != wish.disc && self.disc(disc).place == Place::Drive(*drive)
                    });
                    if open.len() >= self.bays() {
                        open.clear();
                    }
                    let found = self.to_read(wish.disc).map_err(io::Error::other)?;
                    open.retain(|_, (drive, _)| *drive != found.0);
                    open.insert(wish.disc, found);
                }
                let mut bytes = vec![0; wish.length];
                let Some((_, medium)) = open.get(&wish.disc) else {
                    return Ok(Vec::new());
                };
                let got = medium.read_at(&mut bytes, wish.offset)?;
                bytes.truncate(got);
                Ok(bytes)
            };
            // Somebody who has not waited for the answer does not need it.
            let _ = wish.answer.send(read());
        }
    }

    /// Carries `disc` into a drive and opens it; gives the drive's number, too. The drive may be used for another disc
    /// afterwards.
    fn to_read(&self, disc: usize) -> Result<(u32, Box<dyn ReadAt>), ChangerError> {
        let before = self.disc(disc);
        let drive = self.load(disc, None)?;
        let found = self.look_to_read(disc, &drive);
        let found = found.and_then(|_| Ok(drive.open()?));
        let after = self.disc(disc);
        self.release(disc);
        let medium = found?;
        if before.disc.is_some() && before.disc != after.disc {
            return Err(ChangerError::WrongDisc {
                slot: before.slot.unwrap_or(0),
                drive: drive.number,
                expected: before.name(),
                found: after.name(),
            });
        }
        Ok((drive.number, medium))
    }

    /// Carries `disc` into a drive and looks at it: what is on it then, with the starts of its sessions, oldest first, and
    /// the medium, which is to be read while [`Library::serve`] serves `counter`. The drive may be used for another disc
    /// at once.
    pub fn open_disc(
        &self,
        disc: usize,
        counter: &Counter,
    ) -> Result<(Seen, Vec<u32>, DiscInChanger), ChangerError> {
        let drive = self.load(disc, None)?;
        let looked = self.look_to_read(disc, &drive);
        self.release(disc);
        let ToRead {
            seen,
            sessions,
            damage,
        } = looked?;
        if let Some(why) = damage {
            let name = self.disc(disc).name();
            let reason = format!("is damaged, and what can be found on it is used: {why}");
            let problem = Problem::new(format!("the disc {name}"), &reason);
            self.monitor().problem(&problem);
        }
        let starts = sessions.iter().map(|session| session.start).collect();
        let end = sessions.iter().map(|session| session.end).max();
        let bytes = u64::from(end.unwrap_or(0)) * SECTOR;
        Ok((seen, starts, counter.disc(disc, bytes)))
    }

    /// Looks at the disc in `drive`, which is `disc`. Of one that is damaged nothing is noted.
    fn look_to_read(&self, disc: usize, drive: &Loaded) -> Result<ToRead, ChangerError> {
        let error = match self.examine(drive) {
            Ok(seen) => {
                self.note(disc, &seen)?;
                return Ok(ToRead {
                    seen,
                    sessions: drive
                        .inspect()?
                        .map_or_else(Vec::new, |found| found.sessions),
                    damage: None,
                });
            }
            Err(error) => error,
        };
        let (damage, found) = match &error {
            ChangerError::Drive(DriveError::Unreadable { why, .. }) => (why, drive.salvage()),
            _ => return Err(error),
        };
        match found {
            Some(found) => Ok(ToRead {
                seen: Seen::damaged(&found),
                sessions: found.sessions,
                damage: Some(damage.clone()),
            }),
            None => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_bad_sector_behind_what_is_wanted_costs_nothing() {
        let (counter, wishes) = Counter::new();
        let disc = counter.disc(0, 1 << 20);
        drop(counter);
        std::thread::scope(|scope| {
            // A drive that gives nothing of a piece in which a sector is bad: the one behind the first 8 KiB.
            scope.spawn(|| {
                for wish in wishes.0 {
                    let bad = 8192..8192 + 2048;
                    let (from, length) = (wish.offset, wish.length as u64);
                    let answer = if from < bad.end && from + length > bad.start {
                        Err(io::Error::other("scratched"))
                    } else {
                        Ok(vec![1; wish.length])
                    };
                    wish.answer.send(answer).unwrap();
                }
            });
            let mut buffer = [0; 4096];
            for (offset, is_read) in [(0, true), (4096, true), (8192, false), (12_288, true)] {
                let got = disc.read_at(&mut buffer, offset);
                assert_eq!(got.ok(), is_read.then_some(4096), "{offset}");
            }
            drop(disc);
        });
    }
}
