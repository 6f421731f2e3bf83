//! CLOSE TRACK SESSION (MMC-6 6.3).

use super::Drive;
use super::faults::FailedClose;
use crate::disc::{Format, Kind};
use crate::sense::{self, Sense};

/// A track of a CD has at least four seconds.
const SHORTEST: u32 = 300;
/// Sectors that end a track written at once.
const RUN_OUT: u32 = 2;

impl Drive {
    /// Closes a track, a session, or the disc.
    pub(super) fn close(&mut self, function: u8, track: u16, immediate: bool) -> Result<(), Sense> {
        self.medium()?;
        self.ready()?;
        self.synchronize()?;
        if self.medium()?.is_random() {
            return self.stop_formatting(immediate);
        }
        if function == 1 {
            self.close_track(track)?;
            self.save()?;
        } else {
            let failed = self.faults.close.take();
            if failed == Some(FailedClose::Open) {
                return Err(sense::FIXATION_ERROR);
            }
            self.close_session(function)?;
            if failed == Some(FailedClose::Closed) {
                return Err(sense::FIXATION_ERROR);
            }
        }
        self.take_time(sense::OPERATION_IN_PROGRESS, immediate);
        Ok(())
    }

    pub(super) fn close_track(&mut self, number: u16) -> Result<(), Sense> {
        let link = self.faults.link_blocks;
        let disc = self.medium_mut()?;
        let at = usize::from(number).wrapping_sub(1);
        let at = if number == 0xff {
            disc.open_ended()
        } else {
            Some(at)
        };
        let (kind, capacity) = (disc.kind, disc.capacity());
        let track = at.and_then(|at| disc.tracks.get_mut(at));
        let Some(track) = track else {
            return Err(sense::INVALID_FIELD);
        };
        if track.closed {
            return Ok(());
        }
        if track.next == track.start {
            return Err(sense::EMPTY_RESERVED_TRACK);
        }
        match track.end {
            // what is left of an announced length is filled up
            Some(end) => track.next = end,
            None if kind.is_cd() => {
                let shortest = track.start + SHORTEST;
                track.next = (track.next.max(shortest) + RUN_OUT).min(capacity);
                track.run_out = RUN_OUT;
            }
            None => {
                track.next = track.next.next_multiple_of(kind.block()).min(capacity);
                if link > 0 {
                    track.next = (track.next + link).min(capacity);
                    track.run_out = link;
                }
            }
        }
        track.end = Some(track.next);
        track.closed = true;
        track.damaged = false;
        Ok(())
    }

    fn close_session(&mut self, function: u8) -> Result<(), Sense> {
        let disc = self.medium()?;
        if disc.finalized {
            return Ok(());
        }
        let ends = matches!(function, 3 | 5 | 6);
        let session = disc.session();
        let open: Vec<usize> = (0..disc.tracks.len())
            .filter(|at| disc.tracks[*at].session == session)
            .collect();
        if open.is_empty() {
            // only DVD and Blu-ray drives can close a disc without another track
            if disc.kind.is_cd() || disc.tracks.is_empty() || !ends {
                return Err(sense::NO_TRACK_TO_CLOSE);
            }
            let disc = self.medium_mut()?;
            disc.finalized = true;
            return self.save();
        }
        for at in open {
            let track = self.medium()?.tracks[at];
            if self.medium()?.kind.is_cd() && !track.closed && !track.damaged {
                return Err(sense::INCOMPLETE_TRACK);
            }
            self.close_track(at as u16 + 1)?;
        }
        let multi = self.is_multi();
        let disc = self.medium_mut()?;
        disc.closed_sessions += 1;
        let by_page = disc.kind.is_cd() || disc.kind.is_dvd_minus();
        disc.finalized = ends || (by_page && !multi);
        self.save()
    }

    /// Closes what was written at once: its tracks are full.
    pub(super) fn finish_session(&mut self) -> Result<(), Sense> {
        let failed = self.faults.close.take();
        if failed == Some(FailedClose::Open) {
            return Err(sense::FIXATION_ERROR);
        }
        let multi = self.is_multi();
        let disc = self.medium_mut()?;
        for track in &mut disc.tracks {
            track.closed = true;
        }
        disc.closed_sessions += 1;
        disc.finalized = !multi || disc.once_only;
        self.save()?;
        match failed {
            Some(_) => Err(sense::FIXATION_ERROR),
            None => Ok(()),
        }
    }

    /// A DVD+RW that is formatted in the background can be taken out; the rest follows later.
    fn stop_formatting(&mut self, immediate: bool) -> Result<(), Sense> {
        let disc = self.medium()?;
        if disc.kind == Kind::DvdPlusRw && disc.format == Format::None {
            return Err(sense::NOT_FORMATTED);
        }
        self.save()?;
        self.take_time(sense::OPERATION_IN_PROGRESS, immediate);
        Ok(())
    }
}
