//! GET PERFORMANCE (MMC-6 6.8).

use crate::bytes::put32;
use crate::disc::{Disc, Kind};

/// Single speed in kB/s (1000 bytes), and the speeds at which a kind of disc is written.
pub fn speeds(kind: Kind) -> Vec<u32> {
    let (single, times): (u32, &[u32]) = match kind {
        Kind::CdR => (176, &[48, 32, 16, 8]),
        Kind::CdRw => (176, &[24, 10, 4]),
        Kind::DvdR | Kind::DvdPlusR => (1385, &[16, 8, 4]),
        Kind::DvdRDl | Kind::DvdPlusRDl | Kind::DvdPlusRw => (1385, &[8, 4]),
        Kind::DvdRw => (1385, &[6, 4]),
        Kind::DvdRam => (1385, &[5, 3]),
        Kind::BdR => (4495, &[16, 6, 4]),
        Kind::BdRe => (4495, &[2]),
    };
    times.iter().map(|times| single * times).collect()
}

/// Speeds of writing (type 3), or what reading or writing comes to (type 0).
pub fn performance(disc: &Disc, kind: u8, writes: bool, rows: usize) -> Vec<u8> {
    let speeds = speeds(disc.kind);
    let fastest = speeds[0];
    let last = disc.capacity() - 1;
    let mut data = vec![0; 8];
    data[4] = u8::from(writes) << 1;
    if kind == 3 {
        data[4] = 0;
        for speed in speeds.into_iter().take(rows) {
            let mut row = [0; 16];
            put32(&mut row, 4, last);
            put32(&mut row, 8, fastest);
            put32(&mut row, 12, speed);
            data.extend_from_slice(&row);
        }
    } else if rows > 0 {
        let mut row = [0; 16];
        put32(&mut row, 4, fastest);
        put32(&mut row, 8, last);
        put32(&mut row, 12, fastest);
        data.extend_from_slice(&row);
    }
    let length = data.len() as u32 - 4;
    put32(&mut data, 0, length);
    data
}
