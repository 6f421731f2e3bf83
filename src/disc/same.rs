//! Whether two things that are read have the same bytes.

use std::io::{self, Read};

/// Bytes that are compared at a time.
const PIECE: usize = 64 << 10;

/// Whether two readers give the same bytes.
pub(super) fn same(one: &mut dyn Read, two: &mut dyn Read) -> io::Result<bool> {
    let mut left = vec![0; PIECE];
    let mut right = vec![0; PIECE];
    loop {
        let count = fill(one, &mut left)?;
        if count != fill(two, &mut right)? || left[..count] != right[..count] {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
    }
}

fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match from.read(&mut buffer[done..])? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}
