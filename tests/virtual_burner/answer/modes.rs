//! Mode pages (MMC-6 7): error recovery, write parameters, capabilities.

use super::performance::speeds;
use crate::bytes::put16;
use crate::disc::Disc;

/// Write parameters, as they come out of the box (MMC-6 7.5).
pub fn write_parameters() -> [u8; 52] {
    let mut page = [0; 52];
    page[0] = 0x05;
    page[1] = 50;
    page[2] = 0x41;
    page[3] = 0x04;
    page[4] = 8;
    put16(&mut page, 14, 150);
    page
}

/// Capabilities and mechanical status (MMC-3 5.5.10).
pub fn capabilities(disc: Option<&Disc>, locked: bool, buffer_kib: u16) -> Vec<u8> {
    let speeds = disc.map(|disc| speeds(disc.kind)).unwrap_or_default();
    let fastest = speeds.first().copied().unwrap_or(1385).min(0xffff) as u16;
    let mut page = vec![0; 32];
    page[0] = 0x2a;
    page[2] = 0x3f;
    page[3] = 0x33;
    page[4] = 0xf0;
    page[6] = 1 << 5 | 0x08 | u8::from(locked) << 1 | 1;
    put16(&mut page, 8, fastest);
    put16(&mut page, 12, buffer_kib);
    put16(&mut page, 14, fastest);
    put16(&mut page, 18, fastest);
    put16(&mut page, 20, fastest);
    put16(&mut page, 22, 1);
    put16(&mut page, 28, fastest);
    put16(&mut page, 30, speeds.len() as u16);
    for speed in speeds {
        let [high, low] = (speed.min(0xffff) as u16).to_be_bytes();
        page.extend_from_slice(&[0, 0, high, low]);
    }
    page[1] = page.len() as u8 - 2;
    page
}
