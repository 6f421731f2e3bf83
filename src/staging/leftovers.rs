//! What a killed run leaves in a daily directory: peers that were still coming, and peers that were set aside.
//!
//! `.PEER.partial` is a peer that was coming. `..PEER.partial` is one that had to make way for a moment, on a file system
//! that cannot exchange two names: if nothing has taken its place, it is all there is of that peer.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::Daily;
use super::list::part_of;
use crate::event;
use crate::fsx;
use crate::units::PeerName;

impl Daily {
    /// Removes what a killed run left half done in this daily directory, and puts back what it had set aside.
    /// What was gathered of the peers in `keep` stays. Gives the names of what was swept; an error names what cannot
    /// be. Does nothing if the daily directory does not exist.
    pub fn sweep(&self, keep: &[&PeerName]) -> io::Result<Vec<OsString>> {
        let entries = match fs::read_dir(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let kept: HashSet<OsString> = keep
            .iter()
            .filter_map(|peer| Some(fsx::partial_path(peer.as_ref()).file_name()?.to_owned()))
            .collect();
        let mut swept = Vec::new();
        let mut failed = Ok(());
        for entry in entries {
            let name = entry?.file_name();
            if !fsx::is_partial(&name) || part_of(&name).is_some() || kept.contains(&name) {
                continue;
            }
            match self.sweep_one(&self.path().join(&name)) {
                Ok(()) => swept.push(name),
                Err(error) => {
                    let shown = event::printable_bytes(name.as_bytes());
                    let what = format!("cannot clear {shown} away: {error}");
                    failed = Err(io::Error::new(error.kind(), what));
                }
            }
        }
        swept.sort_unstable();
        failed.map(|()| swept)
    }

    /// The directory of a peer that was set aside and is all there is of it; [`sweep`](Self::sweep) puts it back.
    pub fn set_aside(&self) -> io::Result<Option<PathBuf>> {
        for entry in fs::read_dir(self.path())? {
            let aside = entry?.path();
            if let Some(path) = path_of_aside(&aside)
                && !path.try_exists()?
            {
                return Ok(Some(aside));
            }
        }
        Ok(None)
    }

    pub(super) fn sweep_one(&self, leftover: &Path) -> io::Result<()> {
        if let Err(error) = fs::symlink_metadata(leftover) {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            };
        }
        if let Some(path) = path_of_aside(leftover)
            && !path.try_exists()?
        {
            return fsx::rename_durably(leftover, &path);
        }
        fsx::remove_tree(leftover)?;
        fsx::sync_dir(self.path())
    }
}

/// `..PEER.partial`: where a peer's directory is set aside. No peer's name begins with a dot, so that this is no
/// peer's partial name.
pub(super) fn aside_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("")));
    fsx::partial_path(&path.with_file_name(name))
}

/// What was set aside as `aside`, if that is such a name.
pub(super) fn path_of_aside(aside: &Path) -> Option<PathBuf> {
    let name = aside.file_name()?.as_bytes();
    let name = name.strip_prefix(b"..")?.strip_suffix(b".partial")?;
    (!name.is_empty() && !name.starts_with(b"."))
        .then(|| aside.with_file_name(OsStr::from_bytes(name)))
}
