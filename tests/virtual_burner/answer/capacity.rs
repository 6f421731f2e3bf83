//! READ CAPACITY (MMC-6 6.20) and READ FORMAT CAPACITIES (MMC-6 6.23).

use crate::bytes::{put24, put32};
use crate::disc::{Disc, Format, Kind};

/// The last sector that readers see, and the length of a sector.
pub fn capacity(disc: &Disc) -> Vec<u8> {
    let mut data = vec![0; 8];
    put32(&mut data, 0, disc.visible_end().saturating_sub(1));
    put32(&mut data, 4, 2048);
    data
}

/// How a disc is formatted, and how it can be: sectors, type, parameter.
pub fn formats(disc: Option<&Disc>) -> Vec<u8> {
    let mut data = vec![0; 4];
    let Some(disc) = disc else {
        data.extend_from_slice(&[0, 0, 0, 0, 3, 0, 8, 0]);
        data[3] = 8;
        return data;
    };
    let (sectors, spare) = (disc.sectors, default_spare(disc));
    let is_formatted = disc.is_random() && disc.format != Format::None || disc.spare > 0;
    let current = if is_formatted {
        disc.visible_end().max(1)
    } else {
        disc.capacity()
    };
    let mut row = |sectors: u32, kind: u8, parameter: u32| {
        let mut row = [0; 8];
        put32(&mut row, 0, sectors);
        row[4] = kind;
        put24(&mut row, 5, parameter);
        data.extend_from_slice(&row);
    };
    row(current, if is_formatted { 2 } else { 1 }, 2048);
    match disc.kind {
        Kind::CdRw => row(sectors, 0x10 << 2, 32),
        Kind::DvdRw => {
            row(sectors, 0, 2048);
            row(sectors, 0x10 << 2, 16);
            row(sectors, 0x15 << 2, 16);
            if disc.restricted {
                row(sectors - disc.visible_end(), 0x13 << 2, 16);
            }
        }
        Kind::DvdPlusRw => row(sectors, 0x26 << 2, 0),
        Kind::DvdRam => {
            row(sectors, 0, 2048);
            row(sectors, 1 << 2, 2048);
        }
        Kind::BdR => {
            row(sectors - spare, 0, 2048);
            row(sectors - spare, 0x32 << 2, 0);
            row(sectors - 2 * spare, 0x32 << 2, 0);
        }
        Kind::BdRe => {
            row(sectors - spare, 0, 2048);
            row(sectors - spare, 0x30 << 2, 0);
            row(sectors - 2 * spare, 0x30 << 2, 0);
            row(sectors, 0x31 << 2, 0);
        }
        _ => {}
    }
    data[3] = data.len() as u8 - 4;
    data
}

/// Sectors kept in place of bad ones if nobody says how many: a thirty-second part of a Blu-ray disc.
pub fn default_spare(disc: &Disc) -> u32 {
    let block = disc.kind.block();
    disc.sectors / 32 / block * block
}
