//! What is known of the discs: what is seen on them, and what is remembered of it.

use std::time::Duration;

use super::{Inner, Library};
use crate::changer::inventory::{Entry, Place, State};
use crate::changer::{ChangerError, Loaded, pick};
use crate::event::{Tell as _, printable_bytes};
use crate::iso9660::ReadAt;
use crate::media::{self, Appendable, Burn, Disc, Drive as _, DriveError, SECTOR};
use crate::units::Day;

/// How often a drive is asked whether it sees the disc that was carried into it, a second apart.
const ASKED: u32 = 60;

/// What was seen on a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    state: State,
    label: Option<String>,
    disc: Option<String>,
    free: u64,
    written: Option<Day>,
}

impl Library<'_> {
    /// Looks at the disc in `drive`. A drive that does not see its disc yet is waited for.
    pub fn examine(&self, drive: &Loaded) -> Result<Seen, ChangerError> {
        let mut disc = drive.inspect()?;
        let mut asked = 1;
        while disc.is_none() && asked < ASKED {
            self.around.clock.sleep(Duration::from_secs(1));
            disc = drive.inspect()?;
            asked += 1;
        }
        let disc = disc.ok_or_else(|| ChangerError::NotSeen {
            drive: drive.number,
            device: drive.place().to_owned(),
        })?;
        let medium = if disc.is_blank() {
            None
        } else {
            Some(drive.open()?)
        };
        Seen::of(disc, medium.as_deref()).map_err(|why| {
            ChangerError::Drive(DriveError::Unreadable {
                path: drive.place().to_owned(),
                why: why.to_owned(),
            })
        })
    }

    /// Takes note of what was seen on `disc`, and gives its state then. A disc that is known to be bad or full stays so. If
    /// it is not the one that was remembered, that is told, and other discs without barcodes are not believed any more.
    pub fn note(&self, disc: usize, seen: &Seen) -> Result<State, ChangerError> {
        let mut inner = self.inner();
        inner.seen.insert(disc);
        let entry = inner.inventory.discs[disc].clone();
        let is_other = entry.disc.is_some() && entry.disc != seen.disc;
        if is_other {
            self.around.monitor.warn(format!(
                "another disc than the one that is remembered is in slot {}: not {}, but {}",
                entry
                    .slot
                    .map_or_else(|| "?".to_owned(), |slot| slot.to_string()),
                entry.name(),
                seen.name()
            ));
            inner.displace(disc);
        }
        inner.take_over(disc, seen);
        let today = self.around.today;
        let entry = &mut inner.inventory.discs[disc];
        entry.state = match (entry.state, seen.state) {
            (State::Bad, _) => State::Bad,
            (State::Full, State::InUse) => State::Full,
            (_, state) => state,
        };
        if seen.state == State::Bad {
            let why = "writing the only session on it was broken off";
            entry.why.get_or_insert_with(|| why.to_owned());
        }
        entry.label.clone_from(&seen.label);
        entry.disc.clone_from(&seen.disc);
        entry.free = Some(seen.free);
        entry.written = seen.written;
        entry.seen = Some(today);
        let state = entry.state;
        self.save(&mut inner)?;
        Ok(state)
    }

    /// Remembers that sessions of the copy `copy` go onto `disc`, and onto no other one any more.
    pub(in crate::changer) fn use_for(&self, disc: usize, copy: u32) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        for (at, entry) in inner.inventory.discs.iter_mut().enumerate() {
            if entry.state == State::InUse && at == disc {
                entry.copy = Some(copy);
            } else if entry.state == State::InUse && entry.copy == Some(copy) {
                entry.state = State::Full;
            }
        }
        self.save(&mut inner)
    }

    /// Remembers that nothing more is written on `disc`.
    pub(in crate::changer) fn close(&self, disc: usize, state: State) -> Result<(), ChangerError> {
        self.change(disc, |entry| entry.state = state)
    }

    /// Remembers that `disc` is bad, and why; then carries it to where bad discs go.
    pub fn reject(&self, disc: usize, drive: u32, why: &str) -> Result<u32, ChangerError> {
        self.change(disc, |entry| {
            entry.state = State::Bad;
            entry.why = Some(why.to_owned());
        })?;
        let reject = self.setup.reject_slot.filter(|slot| {
            let inner = self.inner();
            let there = inner.status.slots.get(slot);
            there.is_some_and(|slot| slot.held.is_none())
        });
        self.put_into(drive, reject)
    }

    /// Forgets what is known of `disc`, so that it is looked at afresh.
    pub fn forget(&self, disc: usize) -> Result<(), ChangerError> {
        self.change(disc, |entry| {
            *entry = Entry::unknown(entry.slot, entry.place, entry.barcode.take());
        })
    }

    /// Of the discs in use, the newest for each copy stay so.
    pub fn settle(&self) -> Result<(), ChangerError> {
        let mut inner = self.inner();
        pick::settle(&mut inner.inventory.discs, self.setup.copies.get());
        self.save(&mut inner)
    }
}

impl Inner {
    /// The disc that was remembered at the place of `disc` is not there: it is out, as far as anybody knows.
    fn displace(&mut self, disc: usize) {
        let entry = &self.inventory.discs[disc];
        let fresh = Entry::unknown(entry.slot, entry.place, entry.barcode.clone());
        let mut gone = std::mem::replace(&mut self.inventory.discs[disc], fresh);
        gone.place = Place::Out;
        let had_barcode = gone.barcode.take().is_some();
        self.inventory.discs.push(gone);
        if had_barcode {
            return;
        }
        // Somebody has filled the slots anew.
        for (at, other) in self.inventory.discs.iter_mut().enumerate() {
            let is_suspect = other.is_here()
                && other.barcode.is_none()
                && other.state != State::Bad
                && at != disc
                && !self.seen.contains(&at)
                && !self.taken.contains(&at);
            if is_suspect {
                *other = Entry::unknown(other.slot, other.place, None);
            }
        }
    }

    /// A disc that was out and is the one that was `seen` now is in its place again.
    fn take_over(&mut self, disc: usize, seen: &Seen) {
        let discs = &mut self.inventory.discs;
        let Some(identity) = &seen.disc else { return };
        if discs[disc].disc.is_some() {
            return;
        }
        let back = (0..discs.len())
            .find(|&at| discs[at].place == Place::Out && discs[at].disc.as_ref() == Some(identity));
        let Some(back) = back else { return };
        let nobody = Entry::unknown(None, Place::Out, None);
        let known = std::mem::replace(&mut discs[back], nobody);
        let here = &mut discs[disc];
        here.copy = known.copy;
        here.why = known.why;
        here.disc = known.disc;
        if known.state != State::Unknown {
            here.state = known.state;
        }
    }
}

impl Seen {
    /// What `disc` is, by its sessions that are whole; `medium` has its bytes, unless it is blank. An error says why one of
    /// ours cannot be told from others: it must not be taken for another one.
    fn of(disc: Disc, medium: Option<&dyn ReadAt>) -> Result<Self, &'static str> {
        let is_blank = disc.is_blank();
        let free = disc.available(Burn::Append) * SECTOR;
        let mut whole = disc;
        whole
            .sessions
            .retain(|session| session.label != media::BROKEN_OFF);
        let state = match whole.label() {
            None if is_blank => State::Blank,
            None => State::Bad,
            Some(label) if !media::is_ours(label) => State::Foreign,
            Some(_) if whole.appendable == Appendable::Open && free > 0 => State::InUse,
            Some(_) => State::Full,
        };
        let identity = medium.and_then(|medium| whole.identity(medium));
        if identity.is_none() && matches!(state, State::InUse | State::Full) {
            return Err("the volume descriptor of its first session cannot be read");
        }
        Ok(Self {
            state,
            label: whole.label().map(printable_bytes),
            disc: identity,
            free,
            written: whole.written(),
        })
    }

    /// What a disc is of which only some sessions can be found: nothing is written onto it.
    pub(in crate::changer) fn damaged(disc: &Disc) -> Self {
        let mut sessions = disc.sessions.iter().rev();
        let ours = sessions.find(|session| media::is_ours(&session.label));
        let label = ours.map(|session| session.label.as_slice());
        Self {
            state: ours.map_or(State::Foreign, |_| State::Full),
            label: label.or(disc.label()).map(printable_bytes),
            disc: None,
            free: 0,
            written: None,
        }
    }

    /// What it is, in words.
    pub fn name(&self) -> String {
        match &self.label {
            Some(label) => format!("`{label}`"),
            None => "a blank one".to_owned(),
        }
    }

    /// What it is good for.
    pub fn state(&self) -> State {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iso9660::SpaceSize;
    use crate::media::{BROKEN_OFF, MediaKind, Renewal, Session};

    /// What is seen of a disc with those labels; its bytes can be read, or not.
    fn seen(labels: &[&[u8]], appendable: Appendable, medium: &[u8]) -> Result<Seen, &'static str> {
        let session = |(label, start): (&&[u8], u32)| Session {
            start,
            end: start + 50,
            label: label.to_vec(),
        };
        let sessions = labels.iter().zip((0..).step_by(100)).map(session);
        let disc = Disc {
            kind: MediaKind::DvdPlusR,
            sessions: sessions.collect(),
            next_writable: 1000,
            first_writable: 0,
            capacity: MediaKind::DvdPlusR.sectors(),
            appendable,
            renewal: Renewal::Insert,
            space_size: SpaceSize::End,
        };
        let medium = medium.to_vec();
        let medium: Option<&dyn ReadAt> = (!labels.is_empty()).then_some(&medium);
        Seen::of(disc, medium)
    }

    #[test]
    fn a_disc_is_what_its_whole_sessions_make_it() {
        use Appendable::{Closed, Open};
        let (monday, tuesday) = (
            &b"CEDAR BACKUP 23-NOV-2026"[..],
            &b"CEDAR BACKUP 24-NOV-2026"[..],
        );
        let medium = vec![0; 40 * 2048];
        for (labels, appendable, state, day) in [
            (&[][..], Open, State::Blank, None),
            (&[monday, tuesday], Open, State::InUse, Some("2026-11-24")),
            (&[monday, tuesday], Closed, State::Full, Some("2026-11-24")),
            (&[b"HOLIDAY"], Open, State::Foreign, None),
            // Nothing can follow, and what was there before is ours all the same.
            (
                &[monday, BROKEN_OFF],
                Closed,
                State::Full,
                Some("2026-11-23"),
            ),
            (&[BROKEN_OFF], Closed, State::Bad, None),
        ] {
            let found = seen(labels, appendable, &medium);
            let found = found.unwrap_or_else(|why| unreachable!("{why}"));
            assert_eq!(found.state, state, "{labels:?}");
            assert_eq!(found.written.map(|day| day.to_string()).as_deref(), day);
        }
        // One that cannot be told from others is none of them.
        for (labels, is_known) in [(&[monday][..], false), (&[b"HOLIDAY"], true), (&[], true)] {
            let found = seen(labels, Open, &medium[..2048]);
            assert_eq!(found.is_ok(), is_known, "{labels:?}");
        }
    }
}
