//! Writing an indicator by SFTP, and why it cannot be written: the third version of the protocol has no word for a
//! full disk, only "failure". Most servers tell how much room there is if they are asked.

use std::io::{self, Write as _};
use std::path::Path;

use ssh2::{File, OpenFlags, OpenType};

use super::{Sftp, is_absent, is_answer};
use crate::fsx;
use crate::peer::PeerError;

impl Sftp {
    /// Writes the file at `path`, durably where the server can.
    pub(super) fn write(&self, path: &Path, text: &[u8]) -> Result<(), PeerError> {
        let partial = fsx::partial_path(path);
        let unwritable = |error: ssh2::Error| {
            if is_answer(&error) {
                unwritten(path, error.into())
            } else {
                self.fault(&error)
            }
        };
        let server = self.server()?;
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let mut file = server
            .open_mode(&partial, flags, 0o644, OpenType::File)
            .map_err(unwritable)?;
        if let Err(error) = file.write_all(text) {
            let why = self.why(&mut file, path, text.len(), &error);
            drop(file);
            // What is half written takes room on a disk that may have none.
            let _ = server.unlink(&partial);
            return Err(why);
        }
        // Servers that cannot sync say so; then it is as durable as they make it.
        let _ = file.fsync();
        file.close().map_err(unwritable)?;
        drop(file);
        match server.unlink(path) {
            Err(error) if !is_absent(&error) => return Err(unwritable(error)),
            _ => {}
        }
        server.rename(&partial, path, None).map_err(unwritable)
    }

    /// Why `bytes` could not be written into `file`.
    fn why(&self, file: &mut File, path: &Path, bytes: usize, error: &io::Error) -> PeerError {
        match file.statvfs() {
            // A full file system may still have a block or two.
            Ok(room) if room.f_bavail.saturating_mul(room.f_frsize) < bytes as u64 + 65_536 => {
                let none = "no space is left on that machine's disk";
                unwritten(path, io::Error::new(io::ErrorKind::StorageFull, none))
            }
            Ok(_) => unwritten(path, no_reason()),
            Err(answer) if is_answer(&answer) => unwritten(path, no_reason()),
            Err(_) => self.io_fault(error),
        }
    }
}

fn unwritten(path: &Path, source: io::Error) -> PeerError {
    PeerError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

fn no_reason() -> io::Error {
    io::Error::other("its SFTP server gives no reason")
}
