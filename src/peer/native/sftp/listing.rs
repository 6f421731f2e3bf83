//! What is in the collect directory of a machine that has only sshd.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::packet::{Attributes, Field, kind};
use super::server::{Server, names};
use super::{Sftp, bytes, unreadable};
use crate::peer::PeerError;
use crate::peer::transport::{MOST_PASSED_BY, is_wanted};

/// Parts of a listing that are asked for at once.
const LISTS: usize = 4;

/// What must stay the same while a file is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) bytes: u64,
    pub(super) mtime: u32,
    pub(super) mode: u32,
}

impl Sftp {
    /// What is in the directory, up to one more than `most`. `enough` is asked after each name.
    pub(super) fn look(
        &self,
        server: &mut Server,
        most: usize,
        enough: &dyn Fn() -> Result<(), PeerError>,
    ) -> Result<Vec<(OsString, Attributes)>, PeerError> {
        let fault = |trouble| self.fault(trouble);
        let fields = [Field::Text(bytes(&self.path))];
        let handle = match server.open(kind::OPENDIR, &fields).map_err(fault)? {
            Ok(handle) => handle,
            Err(status) if status.is_absent() => return Err(self.no_directory()),
            Err(status) => return Err(unreadable(self.path.clone(), status)),
        };
        let mut found: Vec<(OsString, Attributes)> = Vec::new();
        let mut passed_by = 0;
        let mut asked = VecDeque::new();
        // One more than there may be shows that there are too many; all of them need not be borne.
        while found.len() <= most {
            while asked.len() < LISTS {
                asked.push_back(server.ask(kind::READDIR, &[Field::Text(&handle)]));
            }
            let Some(number) = asked.pop_front() else {
                break;
            };
            enough()?;
            let packet = server.answer(number).map_err(fault)?;
            let some = match names(&packet).map_err(fault)? {
                Ok(Some(some)) => some,
                Ok(None) => break,
                Err(status) => return Err(unreadable(self.path.clone(), status)),
            };
            for (name, attributes) in some {
                enough()?;
                check_name(name).map_err(|reason| self.foul(reason))?;
                let name = OsStr::from_bytes(name);
                if is_wanted(name) {
                    found.push((name.to_owned(), attributes));
                } else {
                    passed_by += 1;
                    if passed_by > MOST_PASSED_BY {
                        return Err(self.foul("its listing has no end".to_owned()));
                    }
                }
            }
        }
        for number in asked {
            server.forget(number);
        }
        server.close(&handle);
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if found.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(self.foul("it has two files of one name".to_owned()));
        }
        Ok(found)
    }
}

/// Whether a name can be that of a file here; else what is wrong with it.
pub(in crate::peer) fn check_name(name: &[u8]) -> Result<(), String> {
    if name.is_empty() || name.len() > 255 || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        let shown = crate::event::printable_bytes(&name[..name.len().min(300)]);
        return Err(format!("`{shown}` is no name of a file"));
    }
    Ok(())
}

/// Whether it is a regular file; else what it is.
pub(super) fn kind_of(stat: &Attributes) -> Result<(), &'static str> {
    match stat.mode.map(|mode| mode & 0o170_000) {
        Some(0o100_000) => Ok(()),
        Some(0o040_000) => Err("a directory"),
        Some(0o120_000) => Err("a symbolic link"),
        Some(0o010_000) => Err("a FIFO"),
        Some(0o140_000) => Err("a socket"),
        Some(_) => Err("a device"),
        None => Err("a thing whose kind the server does not tell"),
    }
}

pub(super) fn mark(stat: &Attributes) -> Mark {
    Mark {
        bytes: stat.size.unwrap_or(0),
        mtime: stat.mtime.unwrap_or(0),
        mode: stat.mode.unwrap_or(0o600),
    }
}

/// The time in which a file was last changed, as a mark: more is not told.
pub(super) fn second(mtime: u32) -> [u8; 36] {
    let mut mark = [0; 36];
    mark[..8].copy_from_slice(&u64::from(mtime).to_be_bytes());
    mark
}
