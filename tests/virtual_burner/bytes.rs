//! Numbers in commands and answers: most significant byte first.

/// Writes two bytes at `at`.
pub fn put16(data: &mut [u8], at: usize, value: u16) {
    data[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Writes three bytes at `at`.
pub fn put24(data: &mut [u8], at: usize, value: u32) {
    data[at..at + 3].copy_from_slice(&value.to_be_bytes()[1..]);
}

/// Writes four bytes at `at`.
pub fn put32(data: &mut [u8], at: usize, value: u32) {
    data[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

/// Two bytes; what lies beyond the end is zero.
pub fn get16(data: &[u8], at: usize) -> u16 {
    let byte = |at| u16::from(data.get(at).copied().unwrap_or(0));
    byte(at) << 8 | byte(at + 1)
}

/// Three bytes.
pub fn get24(data: &[u8], at: usize) -> u32 {
    u32::from(data.get(at).copied().unwrap_or(0)) << 16 | u32::from(get16(data, at + 1))
}

/// Four bytes.
pub fn get32(data: &[u8], at: usize) -> u32 {
    u32::from(get16(data, at)) << 16 | u32::from(get16(data, at + 2))
}

/// Minute, second and frame of a sector; those of a lead-in (negative) count back from 100 minutes.
pub fn msf(sector: i64) -> [u8; 3] {
    let frames = (sector + 150).rem_euclid(450_000);
    [
        (frames / 4500) as u8,
        (frames / 75 % 60) as u8,
        (frames % 75) as u8,
    ]
}
