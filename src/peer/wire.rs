//! What a master and `cback agent` say to each other, over the two ends of an SSH session.
//!
//! The master says hello, the agent greets. Then each side sends frames: a letter, the length in four bytes (the highest first), so many
//! bytes. The master may ask the next thing before the last one is answered; answers come in the order of the
//! questions. Names are bytes, numbers are unsigned and begin with the highest byte.
//!
//! | question | with | answer |
//! |---|---|---|
//! | `I` | the path of the collect directory | `I`: 1 if `cback.stage` is not older, 36 bytes that change with the file, the text; or `N` |
//! | `L` | nothing | `E` for each entry: kind, size (8), 36 bytes that change with it, mode (4), name; then `.` |
//! | `G` | first byte (8), name | `D` with bytes …, then `.`; or `!` |
//! | `P` | the text of `cback.stage` | `.`; or `!` |
//! | `X` | words with blanks between them | `O` with output …, then `S`: the exit status (4); or `!` |
//!
//! `!` has a letter for the kind of trouble, and words for people.

use std::io::{self, Read, Write};

/// The words behind cback's name with which a master asks for the agent. The switch says nothing new; Cedar Backup does
/// not know it, and ends before it writes into its log that there is no action `agent`.
pub(super) const CALL: &str = "--naming v2 agent";
/// What the master says first: how SFTP begins (`SSH_FXP_INIT`, version 3). A machine that starts an SFTP server
/// whatever it is asked for answers it at once, and is known by that; without it, each would wait for the other.
pub(super) const HELLO: &[u8] = b"\0\0\0\x05\x01\0\0\0\x03";
/// What the agent says first.
pub(super) const GREETING: &[u8] = b"cback-agent 1\n";
/// The longest frame.
pub(super) const LONGEST: usize = 64 << 20;
/// Bytes of a file in one frame.
pub(super) const PIECE: usize = 256 << 10;

/// Kinds of trouble.
pub(super) mod trouble {
    /// No such file or directory.
    pub(in crate::peer) const ABSENT: u8 = b'a';
    /// It is not allowed.
    pub(in crate::peer) const FORBIDDEN: u8 = b'f';
    /// It cannot be read or written.
    pub(in crate::peer) const FAILED: u8 = b'x';
    /// It changed while it was read.
    pub(in crate::peer) const CHANGED: u8 = b'c';
}

/// What changes when a file does: inode, size, and both times.
pub(super) type Mark = [u8; 36];

/// What comes before the bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What it is.
    pub(super) letter: u8,
    /// So many bytes follow.
    pub(super) length: usize,
}

impl Head {
    /// Sends it; the bytes have to follow.
    pub(super) fn send(self, to: &mut dyn Write) -> io::Result<()> {
        let length = u32::try_from(self.length).map_err(io::Error::other)?;
        let mut head = [0; 5];
        head[0] = self.letter;
        head[1..].copy_from_slice(&length.to_be_bytes());
        to.write_all(&head)
    }

    /// Takes the next one; `None` at the end.
    pub(super) fn take(from: &mut dyn Read) -> io::Result<Option<Self>> {
        let mut head = [0; 5];
        let mut got = 0;
        while got < head.len() {
            match from.read(&mut head[got..]) {
                Ok(0) if got == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(more) => got += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let [letter, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            let what = format!("a frame of {length} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Some(Self { letter, length }))
    }

    /// Takes the bytes that follow into `payload`.
    pub(super) fn rest(self, from: &mut dyn Read, payload: &mut Vec<u8>) -> io::Result<()> {
        payload.clear();
        // Memory is taken for what comes, not for what is announced.
        let came = from.take(self.length as u64).read_to_end(payload)?;
        if came < self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Sends a frame.
pub(super) fn send(to: &mut dyn Write, letter: u8, parts: &[&[u8]]) -> io::Result<()> {
    let length = parts.iter().map(|part| part.len()).sum();
    Head { letter, length }.send(to)?;
    for part in parts {
        to.write_all(part)?;
    }
    Ok(())
}

/// Takes the next frame into `payload` and gives its letter; `None` at the end.
pub(super) fn take(from: &mut dyn Read, payload: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let Some(head) = Head::take(from)? else {
        return Ok(None);
    };
    head.rest(from, payload)?;
    Ok(Some(head.letter))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frames_come_back_and_what_is_cut_or_too_long_is_an_error() {
        let mut bytes = Vec::new();
        send(&mut bytes, b'G', &[b"ab", b"c"]).unwrap();
        let mut payload = Vec::new();
        assert_eq!(
            take(&mut bytes.as_slice(), &mut payload).unwrap(),
            Some(b'G')
        );
        assert_eq!(payload, b"abc");
        for end in 1..bytes.len() {
            assert!(take(&mut &bytes[..end], &mut payload).is_err(), "{end}");
        }
        assert_eq!(take(&mut &[][..], &mut payload).unwrap(), None);
        assert!(take(&mut &b"D\xff\xff\xff\xff"[..], &mut payload).is_err());
    }
}
