//! READ DISC INFORMATION (MMC-6 6.22).

use crate::bytes::msf;
use crate::disc::{Disc, Format, Kind};

/// Standard disc information.
pub fn disc_information(disc: &Disc) -> Vec<u8> {
    let mut data = vec![0; 34];
    let (status, last) = disc.status();
    let tracks = disc.track_count().max(1);
    let sessions = if disc.is_random() {
        1
    } else {
        disc.closed_sessions + u16::from(!disc.finalized)
    };
    let in_last = |track: &crate::disc::Track| track.session == sessions;
    let first = disc.tracks.iter().position(in_last);
    let first = first.map_or(tracks, |at| at as u16 + 1);
    data[1] = 32;
    data[2] = u8::from(disc.kind.is_erasable()) << 4 | (last as u8) << 2 | status as u8;
    data[3] = 1;
    for (at, value) in [(4, sessions), (5, first), (6, tracks)] {
        let [high, low] = value.to_be_bytes();
        data[at] = low;
        data[at + 5] = high;
    }
    data[7] = 0x20; // no restriction of use
    if disc.kind == Kind::DvdPlusRw {
        data[7] |= match disc.format {
            Format::None => 0,
            Format::Until(_) => 1,
            Format::Whole => 3,
        };
    }
    data[8] = if disc.kind.is_cd() { 0 } else { 0xff };
    if disc.kind.is_cd() && !disc.finalized {
        if let Some(start) = disc.invisible().filter(|start| *start > 0) {
            data[17..20].copy_from_slice(&msf(i64::from(start) - 4650));
        }
        data[21..24].copy_from_slice(&msf(i64::from(disc.sectors)));
    } else {
        data[16..24].fill(0xff);
    }
    data
}
