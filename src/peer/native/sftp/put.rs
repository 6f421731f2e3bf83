//! Writing an indicator by SFTP, and why it cannot be written: the third version of the protocol has no word for a
//! full disk, only "failure". Most servers tell how much room there is if they are asked.

use std::io;
use std::path::Path;

use super::packet::{Field, Status, kind};
use super::server::{Answer, Handle, Server};
use super::{Sftp, bytes};
use crate::fsx;
use crate::peer::PeerError;

/// How a file is opened: to write, new or empty.
const WRITE_NEW: u32 = 0x2 | 0x8 | 0x10;
/// The flag for permissions in attributes.
const PERMISSIONS: u32 = 4;
/// Bytes that every server takes at once.
const PIECE: usize = 30_000;

impl Sftp {
    /// Writes the file at `path`, durably where the server can.
    pub(super) fn write(
        &self,
        server: &mut Server,
        path: &Path,
        text: &[u8],
    ) -> Result<(), PeerError> {
        let fault = |trouble| self.fault(trouble);
        let unwritable = |status: Status| unwritten(path, status.into());
        let partial = fsx::partial_path(path);
        let (from, to) = (Field::Text(bytes(&partial)), Field::Text(bytes(path)));
        let flags = [Field::Number(WRITE_NEW), Field::Number(PERMISSIONS)];
        let fields = [from, flags[0], flags[1], Field::Number(0o644)];
        let opened = server.open(kind::OPEN, &fields).map_err(fault)?;
        let handle = opened.map_err(unwritable)?;
        if let Err(status) = write_all(server, &handle, text).map_err(fault)? {
            let full = is_full(server, &handle, text.len()).map_err(fault)?;
            // What is half written takes room on a disk that may have none.
            server.close(&handle);
            let _ = server.order(kind::REMOVE, &[from]).map_err(fault)?;
            return Err(if full.unwrap_or(false) {
                let none = "no space is left on that machine's disk";
                unwritten(path, io::Error::new(io::ErrorKind::StorageFull, none))
            } else {
                unwritable(status)
            });
        }
        if server.has(b"fsync@openssh.com", b"1") {
            let fields = [Field::Text(b"fsync@openssh.com"), Field::Text(&handle)];
            // One that cannot sync makes it as durable as it can.
            let _ = server.order(kind::EXTENDED, &fields).map_err(fault)?;
        }
        let closed = server.order(kind::CLOSE, &[Field::Text(&handle)]);
        closed.map_err(fault)?.map_err(unwritable)?;
        let renamed = if server.has(b"posix-rename@openssh.com", b"1") {
            let name = Field::Text(b"posix-rename@openssh.com");
            server.order(kind::EXTENDED, &[name, from, to])
        } else {
            // Without it, the new name must not be taken.
            match server.order(kind::REMOVE, &[to]).map_err(fault)? {
                Err(status) if !status.is_absent() => Ok(Err(status)),
                _ => server.order(kind::RENAME, &[from, to]),
            }
        };
        renamed.map_err(fault)?.map_err(unwritable)
    }
}

fn write_all(server: &mut Server, handle: &Handle, text: &[u8]) -> Answer<()> {
    let mut at = 0;
    for piece in text.chunks(PIECE) {
        let fields = [Field::Text(handle), Field::Long(at), Field::Text(piece)];
        if let Err(status) = server.order(kind::WRITE, &fields)? {
            return Ok(Err(status));
        }
        at += piece.len() as u64;
    }
    Ok(Ok(()))
}

/// Whether the server's disk has too little room for so many bytes, if it tells.
fn is_full(server: &mut Server, handle: &Handle, bytes: usize) -> Answer<bool> {
    let fields = [Field::Text(b"fstatvfs@openssh.com"), Field::Text(handle)];
    let packet = server.call(kind::EXTENDED, &fields)?;
    let mut fields = match packet.expect(kind::EXTENDED_REPLY)? {
        Ok(fields) => fields,
        Err(status) => return Ok(Err(status)),
    };
    let (_block, fragment) = (fields.long()?, fields.long()?);
    let (_all, _free, available) = (fields.long()?, fields.long()?, fields.long()?);
    // A full file system may still have a block or two.
    Ok(Ok(
        available.saturating_mul(fragment) < bytes as u64 + 65_536
    ))
}

fn unwritten(path: &Path, source: io::Error) -> PeerError {
    PeerError::Unwritable {
        path: path.to_owned(),
        source,
    }
}
