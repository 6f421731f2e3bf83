//! 32 bytes as hexadecimal digits.

use std::fmt;

/// The 64 lower-case digits of `bytes`.
pub(super) fn digits(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

/// The bytes that `hex` writes, in either case; `None` if it does not write 32.
pub(super) fn bytes(hex: &[u8]) -> Option<[u8; 32]> {
    if hex.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// Shows `bytes` as their digits.
pub(super) fn show(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    digits(bytes)
        .iter()
        .try_for_each(|&digit| fmt::Write::write_char(f, char::from(digit)))
}
