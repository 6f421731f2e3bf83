//! Session at once: the computer announces a session with all its tracks, and then writes it without a pause, beginning with the
//! pregap (MMC-6 6.33, SEND CUE SHEET).

use super::Drive;
use crate::disc::{PREGAP, SECTOR, Track};
use crate::sense::{self, Sense};

impl Drive {
    /// SEND CUE SHEET: rows of eight bytes.
    pub(super) fn cue_sheet(&mut self, out: &[u8]) -> Result<(), Sense> {
        if self.write_type() != 2 {
            return Err(sense::SEQUENCE_ERROR);
        }
        let disc = self.medium_mut()?;
        if disc.finalized {
            return Err(sense::WRITE_PROTECTED);
        }
        let begin = disc.invisible().filter(|_| disc.kind.is_cd());
        let begin = i64::from(begin.ok_or(sense::SEQUENCE_ERROR)?);
        let sector = |row: &[u8]| {
            let [minute, second, frame] = [row[5], row[6], row[7]].map(i64::from);
            (minute * 60 + second) * 75 + frame - i64::from(PREGAP)
        };
        let rows: Vec<&[u8]> = out.chunks_exact(8).collect();
        let end = rows.iter().find(|row| row[1] == 0xaa);
        let end = sector(end.ok_or(sense::INVALID_PARAMETER)?);
        let starts: Vec<i64> = rows
            .iter()
            .filter(|row| (1..=99).contains(&row[1]) && row[2] == 1)
            .map(|row| sector(row))
            .collect();
        let first = *starts.first().ok_or(sense::INVALID_PARAMETER)?;
        // times count from the beginning of the disc, or from that of the session
        let shift = if first == begin { 0 } else { begin - first };
        if end + shift > i64::from(disc.capacity()) {
            return Err(sense::OUT_OF_RANGE);
        }
        let session = disc.session();
        for (at, start) in starts.iter().enumerate() {
            let until = starts.get(at + 1).copied().unwrap_or(end) + shift;
            let (start, until) = (start + shift, until);
            if until <= start {
                return Err(sense::INVALID_PARAMETER);
            }
            disc.tracks
                .push(Track::new(session, start as u32, Some(until as u32)));
        }
        self.cue = Some(begin - i64::from(PREGAP));
        self.save()
    }

    /// Swallows what belongs to the pregap of a session that was announced, and gives the rest.
    pub(super) fn without_pregap<'a>(
        &mut self,
        address: i64,
        data: &'a [u8],
    ) -> Result<(u32, &'a [u8]), Sense> {
        let count = (data.len() / SECTOR) as i64;
        let mut skip = 0;
        if let Some(next) = self.cue {
            let begin = next.max(address);
            let disc = self.medium()?;
            let session = disc.session();
            let first = disc.tracks.iter().find(|track| track.session == session);
            let first = first.map_or(0, |track| i64::from(track.start));
            if address < first {
                if address != begin {
                    return Err(sense::INVALID_ADDRESS_FOR_WRITE);
                }
                skip = (first - address).min(count);
            }
            self.cue = Some(address + count);
        }
        let rest = &data[skip as usize * SECTOR..];
        let start = u32::try_from(address + skip);
        match start {
            Ok(start) => Ok((start, rest)),
            Err(_) if rest.is_empty() => Ok((0, rest)),
            Err(_) => Err(sense::INVALID_ADDRESS_FOR_WRITE),
        }
    }

    /// With the last sector of what was announced, the session is closed.
    pub(super) fn end_of_cue(&mut self) -> Result<(), Sense> {
        if self.cue.is_none() {
            return Ok(());
        }
        let disc = self.medium()?;
        let is_full = |track: &Track| track.closed || track.end == Some(track.next);
        if !disc.tracks.iter().all(is_full) {
            return Ok(());
        }
        self.cue = None;
        self.finish_session()
    }

    /// A DVD that is written at once is complete when its announced length is.
    pub(super) fn end_of_disc_at_once(&mut self) -> Result<(), Sense> {
        let at_once = self.write_type() == 2;
        let disc = self.medium()?;
        let session = disc.session();
        let is_full = |track: &Track| track.session != session || track.end == Some(track.next);
        let begun = disc.tracks.iter().any(|track| track.session == session);
        let full = begun && disc.tracks.iter().all(is_full);
        if disc.kind.is_dvd_minus() && at_once && full && !disc.is_random() {
            return self.finish_session();
        }
        Ok(())
    }
}
