//! READ TRACK INFORMATION (MMC-6 6.27).

use crate::bytes::put32;
use crate::disc::{Disc, Track};
use crate::sense::{self, Sense};

/// How a track is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Sector(u32),
    Track(u32),
    Session(u32),
}

/// A track's information.
pub fn track_information(disc: &Disc, which: Which) -> Result<Vec<u8>, Sense> {
    if disc.is_random() {
        return match which {
            Which::Track(1 | 0xff) | Which::Session(1) | Which::Sector(_) => Ok(whole(disc)),
            _ => Err(sense::INVALID_FIELD),
        };
    }
    let number = number(disc, which).ok_or(sense::INVALID_FIELD)?;
    if let Some(track) = disc.tracks.get(number - 1) {
        return Ok(of(disc, number, track));
    }
    let start = disc.invisible().ok_or(sense::INVALID_FIELD)?;
    let track = Track::new(disc.session(), start, None);
    Ok(of(disc, number, &track))
}

fn number(disc: &Disc, which: Which) -> Option<usize> {
    let tracks = &disc.tracks;
    let last = usize::from(disc.track_count());
    match which {
        Which::Track(0xff) => match disc.open_ended() {
            Some(at) => Some(at + 1),
            None => disc.invisible().map(|_| last),
        },
        Which::Track(number) => Some(number as usize).filter(|number| (1..=last).contains(number)),
        Which::Session(session) => {
            let first = tracks
                .iter()
                .position(|track| u32::from(track.session) == session);
            let next = u32::from(disc.session()) == session && disc.invisible().is_some();
            first.map(|at| at + 1).or(next.then_some(last))
        }
        Which::Sector(sector) => {
            let before = tracks.iter().filter(|track| track.start <= sector).count();
            let invisible = disc.invisible().is_some_and(|start| start <= sector);
            Some(if invisible { last } else { before }).filter(|number| *number > 0)
        }
    }
}

fn of(disc: &Disc, number: usize, track: &Track) -> Vec<u8> {
    let capacity = disc.capacity();
    let limit = track.end.unwrap_or(capacity).max(track.next);
    let is_blank = track.next == track.start && !track.closed;
    let goes_on = !track.closed && !track.damaged;
    let mut data = vec![0; 48];
    data[1] = 46;
    [data[32], data[2]] = (number as u16).to_be_bytes();
    [data[33], data[3]] = track.session.to_be_bytes();
    data[5] = u8::from(track.damaged) << 5 | 4;
    let is_reserved = !track.closed && track.end.is_some();
    let incremental = disc.kind.is_dvd_minus() && !disc.once_only;
    data[6] = u8::from(is_reserved) << 7
        | u8::from(is_blank) << 6
        | u8::from(incremental) << 5
        | if is_blank && disc.kind.is_cd() {
            0x0f
        } else {
            1
        };
    data[7] = u8::from(goes_on) | u8::from(!disc.kind.is_cd() && !is_blank) << 1;
    put32(&mut data, 8, track.start);
    if goes_on {
        put32(&mut data, 12, track.next);
        put32(&mut data, 16, limit - track.next);
    }
    if disc.kind.is_dvd_minus() {
        put32(&mut data, 20, 16);
    }
    put32(&mut data, 24, limit - track.start);
    if !is_blank && !disc.kind.is_cd() {
        put32(
            &mut data,
            28,
            (track.next - track.run_out).saturating_sub(1),
        );
    }
    data
}

/// The one track of a disc that is written anywhere.
fn whole(disc: &Disc) -> Vec<u8> {
    let mut data = vec![0; 48];
    let capacity = disc.capacity();
    data[1] = 46;
    data[2] = 1;
    data[3] = 1;
    data[5] = 4;
    let is_blank = disc.format == crate::disc::Format::None;
    data[6] = u8::from(is_blank) << 6 | 1;
    put32(&mut data, 16, if is_blank { capacity } else { 0 });
    put32(&mut data, 20, disc.kind.block());
    put32(
        &mut data,
        24,
        disc.visible_end().max(if is_blank { capacity } else { 0 }),
    );
    data
}
