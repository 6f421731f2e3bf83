//! The names in one directory, sorted by their bytes, in as little memory as a million of them need.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

/// Names and types as the directory has them.
#[derive(Debug, Default)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    /// Where a name begins, its length, its type.
    names: Vec<(usize, u16, FileType)>,
}

impl Listing {
    /// Reads the directory `dir`, and says what stopped it if something did.
    pub fn read(dir: BorrowedFd<'_>) -> (Self, Option<Errno>) {
        let mut listing = Self::default();
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut entries = RawDir::new(dir, &mut buffer);
        let mut fault = None;
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => listing.push(entry.file_name().to_bytes(), entry.file_type()),
                Err(errno) => {
                    fault = Some(errno);
                    break;
                }
            }
        }
        let Self { bytes, names } = &mut listing;
        let name = |&(at, length, _): &(usize, u16, FileType)| &bytes[at..][..length.into()];
        names.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        (listing, fault)
    }

    fn push(&mut self, name: &[u8], kind: FileType) {
        if matches!(name, b"." | b"..") {
            return;
        }
        let Ok(length) = u16::try_from(name.len()) else {
            return; // the kernel's names have at most 255 bytes
        };
        self.names.push((self.bytes.len(), length, kind));
        self.bytes.extend_from_slice(name);
    }

    /// The name and type at `index`.
    pub fn get(&self, index: usize) -> Option<(&OsStr, FileType)> {
        let &(at, length, kind) = self.names.get(index)?;
        let name = &self.bytes[at..][..length.into()];
        Some((OsStr::from_bytes(name), kind))
    }

    /// Where `name` is.
    pub fn find(&self, name: &OsStr) -> Option<usize> {
        self.names
            .binary_search_by(|&(at, length, _)| {
                self.bytes[at..][..length.into()].cmp(name.as_bytes())
            })
            .ok()
    }

    /// Leaves only the name at `index`.
    pub fn keep_only(&mut self, index: usize) {
        self.names.swap(0, index);
        self.names.truncate(1);
    }
}
