//! Writing: each kind of disc has its rules, and what breaks them is refused.
//!
//! A disc with tracks is written where its track goes on, and nowhere else, so that no sector is written twice. A disc that is
//! written anywhere is written as far as it is formatted.

use super::Drive;
use crate::disc::{Disc, Format, Kind, SECTOR, Track};
use crate::sense::{self, Sense};

impl Drive {
    /// WRITE.
    pub(super) fn write(&mut self, address: u32, count: u32, data: &[u8]) -> Result<(), Sense> {
        self.medium()?;
        self.ready()?;
        if data.len() != count as usize * SECTOR {
            return Err(sense::INVALID_FIELD);
        }
        if count == 0 {
            return Ok(());
        }
        // the pregap of a CD's first track lies before sector 0
        let address = i64::from(address.cast_signed());
        let (address, data) = self.without_pregap(address, data)?;
        if data.is_empty() {
            return Ok(());
        }
        let count = (data.len() / SECTOR) as u32;
        let disc = self.medium_mut()?;
        let at = if disc.is_random() {
            None
        } else {
            Some(self.place(address, count)?)
        };
        if at.is_none() {
            self.check_formatted(address, count)?;
        }
        self.faults.check_write(address, count)?;
        // a disc with spare areas is verified as it is written, at half the speed
        let disc = self.medium()?;
        let parts = if disc.kind == Kind::BdR && disc.spare > 0 {
            2
        } else {
            1
        };
        self.sink.take(data.len() as u64, parts);
        let disc = self.medium_mut()?;
        disc.store(address, data)?;
        match at {
            Some(at) => disc.tracks[at].next += count,
            None => disc.grow(address + count),
        }
        self.end_of_cue()
    }

    /// The track that goes on at that sector; it is begun if nobody has.
    fn place(&mut self, address: u32, count: u32) -> Result<usize, Sense> {
        let at_once = self.write_type() == 2;
        let disc = self.medium_mut()?;
        if disc.finalized {
            return Err(sense::WRITE_PROTECTED);
        }
        let goes_on = |track: &Track| !track.closed && !track.damaged && track.next == address;
        let (capacity, session) = (disc.capacity(), disc.session());
        let at = if let Some(at) = disc.tracks.iter().position(goes_on) {
            at
        } else if disc.invisible() == Some(address) {
            // at once means that the length was announced
            if disc.once_only || (at_once && (disc.kind.is_cd() || disc.kind.is_dvd_minus())) {
                return Err(sense::SEQUENCE_ERROR);
            }
            if address + count > capacity {
                return Err(sense::OUT_OF_RANGE);
            }
            if disc.kind == Kind::BdR {
                disc.format = Format::Whole;
            }
            disc.tracks.push(Track::new(session, address, None));
            disc.save().map_err(|_| sense::WRITE_ERROR)?;
            disc.tracks.len() - 1
        } else {
            return Err(sense::INVALID_ADDRESS_FOR_WRITE);
        };
        match disc.tracks[at].end {
            Some(end) if address + count > end => Err(sense::END_OF_TRACK),
            None if address + count > capacity => Err(sense::OUT_OF_RANGE),
            _ => Ok(at),
        }
    }

    /// Whether a disc that is written anywhere can be written there.
    fn check_formatted(&self, address: u32, count: u32) -> Result<(), Sense> {
        let disc = self.medium()?;
        let end = address.checked_add(count).ok_or(sense::OUT_OF_RANGE)?;
        if end > disc.capacity() {
            return Err(sense::OUT_OF_RANGE);
        }
        let whole_blocks = address.is_multiple_of(16) && count.is_multiple_of(16);
        match disc.format {
            Format::None => Err(sense::NOT_FORMATTED),
            _ if disc.restricted && !whole_blocks => Err(sense::INVALID_ADDRESS_FOR_WRITE),
            Format::Until(limit) if disc.restricted && address > limit => {
                Err(sense::INVALID_ADDRESS_FOR_WRITE)
            }
            _ => Ok(()),
        }
    }

    /// SYNCHRONIZE CACHE: what is in the buffer gets onto the disc, in whole blocks. It ends a CD's track that is written at
    /// once.
    pub(super) fn synchronize(&mut self) -> Result<(), Sense> {
        self.medium()?;
        self.sink.flush();
        let disc = self.medium_mut()?;
        let block = disc.kind.block();
        let capacity = disc.capacity();
        if !disc.is_random() {
            for track in disc.tracks.iter_mut().filter(|track| !track.closed) {
                let limit = track.end.unwrap_or(capacity);
                track.next = track.next.next_multiple_of(block).min(limit);
            }
        }
        let disc = self.medium()?;
        let written = |at: &usize| disc.tracks[*at].next > disc.tracks[*at].start;
        if disc.kind.is_cd()
            && let Some(at) = disc.open_ended().filter(written)
        {
            self.close_track(at as u16 + 1)?;
        }
        self.save()?;
        self.end_of_disc_at_once()
    }

    /// RESERVE TRACK: a track of that length.
    pub(super) fn reserve(&mut self, sectors: u32) -> Result<(), Sense> {
        let disc = self.medium_mut()?;
        if disc.finalized {
            return Err(sense::WRITE_PROTECTED);
        }
        if disc.is_random() {
            return Err(sense::CANNOT_WRITE_INCOMPATIBLE);
        }
        let start = disc.invisible().ok_or(sense::SEQUENCE_ERROR)?;
        let sectors = sectors.next_multiple_of(disc.kind.block());
        let end = start.checked_add(sectors).ok_or(sense::OUT_OF_RANGE)?;
        if sectors == 0 || end > disc.capacity() {
            return Err(sense::OUT_OF_RANGE);
        }
        let track = Track::new(disc.session(), start, Some(end));
        disc.tracks.push(track);
        self.save()
    }
}

impl Disc {
    /// A disc that is formatted as it is written.
    fn grow(&mut self, end: u32) {
        if let Format::Until(limit) = self.format
            && end > limit
        {
            self.format = if end >= self.capacity() {
                Format::Whole
            } else {
                Format::Until(end)
            };
        }
    }
}
