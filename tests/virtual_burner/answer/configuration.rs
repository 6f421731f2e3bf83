//! GET CONFIGURATION (MMC-6 6.5, features 5.3): what the drive can do, and what of it with the disc that is in.

use crate::bytes::{put16, put32};
use crate::disc::{Disc, Kind};

/// Profiles of the drive.
const PROFILES: [u16; 17] = [
    0x43, 0x41, 0x40, 0x2b, 0x1b, 0x1a, 0x15, 0x14, 0x13, 0x12, 0x11, 0x10, 0x0a, 0x09, 0x08, 0x42,
    0x02,
];

/// Which features are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    All,
    Current,
    One,
}

/// How much the drive tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Rich,
    /// Only the profiles, as some drives of old do.
    Poor,
}

struct Feature {
    code: u16,
    version: u8,
    persistent: bool,
    current: bool,
    data: Vec<u8>,
}

/// The answer from feature `first` on, with a disc of that profile.
pub fn configuration(
    disc: Option<&Disc>,
    profile: u16,
    asked: Asked,
    first: u16,
    detail: Detail,
) -> Vec<u8> {
    let mut data = vec![0; 8];
    put16(&mut data, 6, profile);
    for feature in features(disc, profile) {
        let is_asked = match asked {
            Asked::All => feature.code >= first,
            Asked::Current => feature.code >= first && feature.current,
            Asked::One => feature.code == first,
        };
        if !is_asked || (detail == Detail::Poor && feature.code > 3) {
            continue;
        }
        let flags =
            feature.version << 2 | u8::from(feature.persistent) << 1 | u8::from(feature.current);
        data.extend_from_slice(&feature.code.to_be_bytes());
        data.extend_from_slice(&[flags, feature.data.len() as u8]);
        data.extend_from_slice(&feature.data);
    }
    let length = data.len() as u32 - 4;
    put32(&mut data, 0, length);
    data
}

fn features(disc: Option<&Disc>, profile: u16) -> Vec<Feature> {
    let mut list = Vec::new();
    let mut add = |code: u16, version: u8, current: bool, data: &[u8]| {
        list.push(Feature {
            code,
            version,
            persistent: matches!(code, 0..=3 | 0x100..=0x108),
            current,
            data: data.to_vec(),
        });
    };
    let is = |kinds: &[Kind]| disc.is_some_and(|disc| kinds.contains(&disc.kind));
    // one that calls itself ROM is only read; one that is blank not even that (MMC-6 5.3)
    let writes = !matches!(profile, 0x08 | 0x10 | 0x40);
    let reads = disc.is_some_and(|disc| disc.visible_end() > 0);
    let sequential = writes && disc.is_some_and(|disc| !disc.is_random());
    let random = disc.is_some_and(Disc::is_random);
    let cd = is(&[Kind::CdR, Kind::CdRw]);
    let bd = is(&[Kind::BdR, Kind::BdRe]);
    let minus = is(&[Kind::DvdR, Kind::DvdRw, Kind::DvdRDl]);
    let block = disc.map_or(16, |disc| disc.kind.block()) as u8;
    let end = disc.map_or(0, |disc| disc.capacity() - 1).to_be_bytes();
    let once_only = disc.is_some_and(|disc| disc.once_only);

    let mut profiles = Vec::new();
    for number in PROFILES {
        profiles.extend_from_slice(&number.to_be_bytes());
        profiles.extend_from_slice(&[u8::from(number == profile), 0]);
    }
    add(0x000, 0, true, &profiles);
    add(0x001, 2, true, &[0, 0, 0, 1, 1, 0, 0, 0]);
    add(0x002, 1, true, &[2, 0, 0, 0]);
    add(0x003, 0, true, &[0x29, 0, 0, 0]);
    add(0x010, 0, reads, &[0, 0, 8, 0, 0, 1, 1, 0]);
    add(0x01d, 0, cd, &[]);
    add(0x01e, 2, cd, &[0, 0, 0, 0]);
    add(0x01f, 1, reads && !cd && !bd, &[1, 0, 1, 0]);
    let [a, b, c, d] = end;
    let writes_anywhere = random && profile != 0x13;
    add(
        0x020,
        1,
        writes_anywhere,
        &[a, b, c, d, 0, 0, 8, 0, 0, block, 1, 0],
    );
    let incremental = sequential && !once_only && !is(&[Kind::BdR]);
    add(0x021, 3, incremental, &[1, 0, 2, 1, 16, 0, 0, 0]);
    let formats = is(&[
        Kind::DvdRw,
        Kind::DvdPlusRw,
        Kind::DvdRam,
        Kind::BdR,
        Kind::BdRe,
    ]);
    add(0x023, 1, writes && formats, &[0x0f, 0, 0, 0, 0, 0, 0, 0]);
    add(0x024, 1, is(&[Kind::DvdRam, Kind::BdRe]), &[0; 4]);
    add(0x026, 0, profile == 0x13, &[]);
    add(0x02a, 0, profile == 0x1a, &[1, 2, 0, 0]);
    add(0x02b, 0, profile == 0x1b, &[1, 0, 0, 0]);
    add(0x02d, 2, writes && cd, &[0x42, 0, 0x01, 0]);
    add(0x02e, 0, writes && cd, &[0x62, 0, 0x0c, 0x80]);
    let dvd_rw = [0x40 | 0x08 | 0x02, 0, 0, 0];
    add(0x02f, 2, minus && sequential, &dvd_rw);
    add(0x037, 0, writes && is(&[Kind::CdRw]), &[0, 0x3f, 0, 0]);
    add(0x03b, 0, profile == 0x2b, &[1, 0, 0, 0]);
    add(0x040, 0, bd, &[0; 28]);
    let mut writing = [0; 24];
    for class in [8, 10, 12, 14, 16, 18, 20, 22] {
        put16(&mut writing[..], class - 4, 0x000f);
    }
    add(0x041, 0, writes && bd, &writing);
    add(0x100, 0, true, &[]);
    add(0x105, 1, true, &[0; 4]);
    add(0x107, 4, true, &[0x1f, 0, 0, 0]);
    add(0x108, 0, true, b"VB000001");
    list
}
