//! The list of digests of a day that lost some of its files.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::fsx;
use crate::sums::{FILE_NAME, Sums};
use crate::units::Ids;

/// Takes files that are gone off the list in the daily directory `dir`. A list that cannot be understood is left to
/// staging, which makes a new one.
pub(super) fn shorten(dir: &Path) -> io::Result<()> {
    let path = dir.join(FILE_NAME);
    let text = match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let Ok(mut sums) = Sums::parse(&text) else {
        return Ok(());
    };
    let before = sums.len();
    sums.retain(|name| {
        let there = dir.join(OsStr::from_bytes(name)).symlink_metadata();
        !there.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    });
    if sums.len() == before {
        return Ok(());
    }
    // Whoever owned the list owns the new one; only root can give files away.
    let ids = if nix::unistd::Uid::effective().is_root() {
        let metadata = path.metadata()?;
        Some(Ids {
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    } else {
        None
    };
    fsx::write_indicator(&path, sums.to_text(), ids)
}
