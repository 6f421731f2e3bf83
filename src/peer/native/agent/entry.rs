//! What an agent says of an entry of its directory.

use crate::peer::wire::Mark;

/// What an agent says of one entry.
pub(super) struct Told<'a> {
    pub(super) kind: u8,
    pub(super) bytes: u64,
    pub(super) mark: Mark,
    pub(super) mode: u32,
    pub(super) name: &'a [u8],
}

/// An entry: kind, size, what changes with it, mode, name.
pub(super) fn read_entry(payload: &[u8]) -> Option<Told<'_>> {
    let (kind, rest) = payload.split_first()?;
    let (bytes, rest) = rest.split_first_chunk::<8>()?;
    let (mark, rest) = rest.split_first_chunk::<36>()?;
    let (mode, name) = rest.split_first_chunk::<4>()?;
    Some(Told {
        kind: *kind,
        bytes: u64::from_be_bytes(*bytes),
        mark: *mark,
        mode: u32::from_be_bytes(*mode),
        name,
    })
}

/// What the thing is that has this letter, and is no regular file.
pub(super) fn what(kind: u8) -> &'static str {
    match kind {
        b'd' => "a directory",
        b'l' => "a symbolic link",
        b'p' => "a FIFO",
        b's' => "a socket",
        _ => "a device",
    }
}
