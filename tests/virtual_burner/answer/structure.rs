//! READ DISC STRUCTURE (MMC-6 6.24): what is pressed into a disc.

use crate::bytes::{put16, put24, put32};
use crate::disc::{Disc, Kind};
use crate::sense::{self, Sense};

/// Maker and type of the discs that we make.
const MAKER: &[u8; 6] = b"VIRTUA";
const TYPE: &[u8; 3] = b"001";

/// The answer for a type of media (0 DVD, 1 Blu-ray) and a format.
pub fn structure(disc: &Disc, media: u8, format: u8) -> Result<Vec<u8>, Sense> {
    let is_bd = disc.kind.is_bd();
    if disc.kind.is_cd() || (media == 1) != is_bd {
        return Err(sense::INVALID_FIELD);
    }
    let payload = match format {
        0x00 if is_bd => bd_information(disc),
        0x0a if is_bd => {
            let mut spare = vec![0; 12];
            put32(&mut spare, 4, disc.spare);
            put32(&mut spare, 8, disc.spare);
            spare
        }
        0x00 => physical(disc, 2048),
        0x01 => vec![0; 4],
        0x0e if disc.kind.is_dvd_minus() => pre_recorded(),
        0x11 if matches!(
            disc.kind,
            Kind::DvdPlusR | Kind::DvdPlusRDl | Kind::DvdPlusRw
        ) =>
        {
            adip(disc)
        }
        _ => return Err(sense::INVALID_FIELD),
    };
    let mut data = vec![0; 4];
    put16(&mut data, 0, payload.len() as u16 + 2);
    data.extend_from_slice(&payload);
    Ok(data)
}

/// Where data begins and ends, in the disc's own count (ECMA-267).
fn physical(disc: &Disc, length: usize) -> Vec<u8> {
    let (book, layers) = match disc.kind {
        Kind::DvdRam => (0x16, 0),
        Kind::DvdR => (0x25, 0),
        Kind::DvdRDl => (0x26, 1),
        Kind::DvdRw => (0x32, 0),
        Kind::DvdPlusRw => (0x92, 0),
        Kind::DvdPlusRDl => (0xe1, 1),
        _ => (0xa1, 0),
    };
    let first = 0x3_0000;
    let mut data = vec![0; length];
    data[0] = book;
    data[1] = 0x02;
    data[2] = layers << 5 | if disc.kind.is_erasable() { 4 } else { 2 };
    put24(&mut data, 5, first);
    let last = if layers > 0 {
        disc.sectors / 2
    } else {
        disc.sectors
    };
    let end = first + last - 1;
    if layers > 0 {
        put24(&mut data, 9, 0xff_ffff - first);
        put24(&mut data, 13, end);
    } else {
        put24(&mut data, 9, end);
    }
    if book >= 0x90 {
        data[19..25].copy_from_slice(MAKER);
        data[27..30].copy_from_slice(TYPE);
    }
    data
}

/// What is pressed into the groove (ECMA-349).
fn adip(disc: &Disc) -> Vec<u8> {
    physical(disc, 256)
}

/// Fields of eight bytes that begin with their number (ECMA-359).
fn pre_recorded() -> Vec<u8> {
    let mut data = vec![0; 68];
    for field in 0..5 {
        data[field * 8] = field as u8 + 1;
    }
    data[17..23].copy_from_slice(MAKER);
    data[25..28].copy_from_slice(TYPE);
    data
}

fn bd_information(disc: &Disc) -> Vec<u8> {
    let mut data = vec![0; 4096];
    data[..2].copy_from_slice(b"DI");
    data[2] = 1;
    let kind: &[u8; 3] = if disc.kind == Kind::BdR {
        b"BDR"
    } else {
        b"BDW"
    };
    data[8..11].copy_from_slice(kind);
    // 25 GB a layer, 33.4 GB where there are three, 32 GB where there are four
    let layers = match disc.sectors {
        0..=12_219_392 => 1,
        12_219_393..=24_438_784 => 2,
        24_438_785..=48_878_592 => 3,
        _ => 4,
    };
    data[12] = layers << 4 | 1;
    data[100..106].copy_from_slice(MAKER);
    data[106..109].copy_from_slice(TYPE);
    data
}
