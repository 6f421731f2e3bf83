//! READ TOC/PMA/ATIP (MMC-6 6.26).

use crate::bytes::{msf, put16, put32};
use crate::disc::{Disc, PREGAP};
use crate::sense::{self, Sense};

const LEAD_OUT: u8 = 0xaa;
/// A track of data that was written without interruption.
const DATA: u8 = 0x14;

/// Tracks that a reader sees: number, first sector, session.
fn tracks(disc: &Disc) -> Vec<(u8, u32, u16)> {
    if disc.is_random() {
        return if disc.visible_end() > 0 {
            vec![(1, 0, 1)]
        } else {
            Vec::new()
        };
    }
    let numbered = disc.tracks.iter().zip(1..=99);
    numbered
        .filter(|(track, _)| disc.is_seen(track))
        .map(|(track, number)| (number, track.start, track.session))
        .collect()
}

/// The answer in a format: 0 tracks, 1 sessions, 2 the whole lead-in, 4 what is pressed into a blank CD.
pub fn toc(disc: &Disc, format: u8, in_msf: bool, first: u8) -> Result<Vec<u8>, Sense> {
    let seen = tracks(disc);
    let mut data = match format {
        0 | 1 if seen.is_empty() => return Err(sense::INVALID_FIELD),
        0 => short(disc, &seen, in_msf, first)?,
        1 => sessions(&seen, in_msf),
        2 if disc.kind.is_cd() && !seen.is_empty() => full(disc, &seen),
        4 if disc.kind.is_cd() => atip(disc),
        _ => return Err(sense::INVALID_FIELD),
    };
    let length = data.len() as u16 - 2;
    put16(&mut data, 0, length);
    Ok(data)
}

fn address(data: &mut [u8], at: usize, sector: u32, in_msf: bool) {
    if in_msf {
        data[at + 1..at + 4].copy_from_slice(&msf(i64::from(sector)));
    } else {
        put32(data, at, sector);
    }
}

fn short(disc: &Disc, seen: &[(u8, u32, u16)], in_msf: bool, first: u8) -> Result<Vec<u8>, Sense> {
    let last = seen.last().map_or(1, |track| track.0);
    if first > last && first != LEAD_OUT {
        return Err(sense::INVALID_FIELD);
    }
    let mut data = vec![0, 0, 1, last];
    let end = (LEAD_OUT, disc.visible_end(), 0);
    for (number, sector, _) in seen.iter().chain([&end]).filter(|track| track.0 >= first) {
        let mut row = [0, DATA, *number, 0, 0, 0, 0, 0];
        address(&mut row, 4, *sector, in_msf);
        data.extend_from_slice(&row);
    }
    Ok(data)
}

fn sessions(seen: &[(u8, u32, u16)], in_msf: bool) -> Vec<u8> {
    let last = seen.last().map_or(1, |track| track.2);
    let found = seen.iter().find(|track| track.2 == last);
    let (number, sector, _) = found.copied().unwrap_or((1, 0, 1));
    let mut data = vec![0, 0, 1, last as u8, 0, DATA, number, 0, 0, 0, 0, 0];
    address(&mut data, 8, sector, in_msf);
    data
}

fn full(disc: &Disc, seen: &[(u8, u32, u16)]) -> Vec<u8> {
    let last = seen.last().map_or(1, |track| track.2);
    let mut data = vec![0, 0, 1, last as u8];
    let mut row = |session: u16, point: u8, at: [u8; 3], zero: u8, place: [u8; 3]| {
        data.extend_from_slice(&[session as u8, DATA, 0, point]);
        data.extend_from_slice(&at);
        data.push(zero);
        data.extend_from_slice(&place);
    };
    for session in 1..=last {
        let own: Vec<_> = seen.iter().filter(|track| track.2 == session).collect();
        let (Some(first), Some(end)) = (own.first(), own.last()) else {
            continue;
        };
        row(session, 0xa0, [0; 3], 0, [first.0, 0, 0]);
        row(session, 0xa1, [0; 3], 0, [end.0, 0, 0]);
        let lead_out = disc.tracks[usize::from(end.0) - 1].end.unwrap_or(0);
        row(session, 0xa2, [0; 3], 0, msf(i64::from(lead_out)));
        for (number, sector, _) in own {
            row(session, *number, [0; 3], 0, msf(i64::from(*sector)));
        }
        if session < last || !disc.finalized {
            let next = lead_out + disc.kind.gap(session) - PREGAP;
            row(
                session,
                0xb0,
                msf(i64::from(next)),
                2,
                msf(i64::from(disc.sectors)),
            );
        }
    }
    data
}

fn atip(disc: &Disc) -> Vec<u8> {
    let mut data = vec![0; 28];
    data[4] = 0xd0;
    data[6] = 0x80 | u8::from(disc.kind.is_erasable()) << 6;
    data[8..11].copy_from_slice(&[97, 26, 60]);
    data[12..15].copy_from_slice(&msf(i64::from(disc.sectors)));
    data
}
