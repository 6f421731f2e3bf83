//! One daily directory: its indicators, its peers and their files, its list of digests.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::{ENCRYPTED, SPLIT, STAGED, STORED, UPLOADED};
use crate::fsx;
use crate::units::{Day, Ids, PeerName};

/// The daily directory of a day. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daily {
    day: Day,
    path: PathBuf,
}

/// A peer's file in a daily directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Its name in the peer's directory.
    pub name: OsString,
    /// Its length.
    pub bytes: u64,
}

impl Daily {
    /// The daily directory of `day` at `path`; usually had from [`super::Staging::daily`].
    pub fn new(day: Day, path: PathBuf) -> Self {
        Self { day, path }
    }

    /// Its day.
    pub fn day(&self) -> Day {
        self.day
    }

    /// Where it is: `STAGING/YYYY/MM/DD`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a peer's directory in it is.
    pub fn peer_path(&self, peer: &PeerName) -> PathBuf {
        self.path.join(peer)
    }

    /// Whether the directory exists.
    pub fn exists(&self) -> io::Result<bool> {
        self.path.try_exists()
    }

    /// Whether its peers are in it: `cback.stage` exists.
    pub fn is_staged(&self) -> io::Result<bool> {
        self.path.join(STAGED).try_exists()
    }

    /// Whether it is on a disc: `cback.store` exists.
    pub fn is_stored(&self) -> io::Result<bool> {
        self.path.join(STORED).try_exists()
    }

    /// What was noted when it was stored; `None` if it is not.
    pub fn stored_note(&self) -> io::Result<Option<String>> {
        match std::fs::read(self.path.join(STORED)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it is on S3: `cback.amazons3` exists.
    pub fn is_uploaded(&self) -> io::Result<bool> {
        self.path.join(UPLOADED).try_exists()
    }

    /// Says durably that the peers are in it. `text` is for people.
    pub fn mark_staged(&self, text: &str, ids: Option<Ids>) -> io::Result<()> {
        fsx::write_indicator(&self.path.join(STAGED), text, ids)
    }

    /// Says durably that it is on a disc. `text` is for people: on which one.
    pub fn mark_stored(&self, text: &str, ids: Option<Ids>) -> io::Result<()> {
        fsx::write_indicator(&self.path.join(STORED), text, ids)
    }

    /// Takes back durably that it is on a disc: that is erased. Its files are as they were.
    pub fn take_from_disc(&self) -> io::Result<()> {
        fsx::remove_durably(&self.path.join(STORED))
    }

    /// Takes back durably that it is on a disc or on S3, and that its files are encrypted and split: what is there
    /// is no longer what is here, and what came is as it came.
    pub fn unmark_stored(&self) -> io::Result<()> {
        fsx::remove_durably(&self.path.join(ENCRYPTED))?;
        fsx::remove_durably(&self.path.join(SPLIT))?;
        fsx::remove_durably(&self.path.join(STORED))?;
        fsx::remove_durably(&self.path.join(UPLOADED))
    }

    /// The peers whose directories are in it, by name. None if the daily directory does not exist.
    pub fn peers(&self) -> io::Result<Vec<PeerName>> {
        let entries = match std::fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut peers = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A partial name begins with a dot, and so is no peer's.
            if let Some(Ok(name)) = entry.file_name().to_str().map(str::parse)
                && entry.file_type()?.is_dir()
            {
                peers.push(name);
            }
        }
        peers.sort_unstable();
        Ok(peers)
    }

    /// The regular files of `peer` that are not partial, by the bytes of their names.
    pub fn files(&self, peer: &PeerName) -> io::Result<Vec<StagedFile>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(self.peer_path(peer))? {
            let entry = entry?;
            let name = entry.file_name();
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // gone since it was listed
                metadata => metadata?,
            };
            if metadata.is_file() && !fsx::is_partial(&name) {
                let bytes = metadata.len();
                files.push(StagedFile { name, bytes });
            }
        }
        files.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(files)
    }
}

/// `PEER/file`: the name of a peer's file in the day's list of digests.
pub(super) fn sums_name(peer: &PeerName, file: &[u8]) -> Vec<u8> {
    let mut name = OsString::from(peer.as_str()).into_vec();
    name.push(b'/');
    name.extend_from_slice(file);
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn indicators_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        assert!(!daily.is_staged().unwrap() && !daily.is_stored().unwrap());
        daily.mark_staged("alpha\n", None).unwrap();
        daily.mark_stored("", None).unwrap();
        assert!(daily.is_staged().unwrap() && daily.is_stored().unwrap());
        daily.unmark_stored().unwrap();
        daily.unmark_stored().unwrap();
        assert!(daily.is_staged().unwrap() && !daily.is_stored().unwrap());
    }

    #[test]
    fn peers_are_directories_that_are_not_partial() {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().join("day"));
        assert_eq!(daily.peers().unwrap(), []);
        for name in ["beta", "alpha", ".gamma.partial"] {
            std::fs::create_dir_all(daily.path().join(name)).unwrap();
        }
        std::fs::write(daily.path().join("cback.stage"), "").unwrap();
        let peers = daily.peers().unwrap();
        let names: Vec<&str> = peers.iter().map(PeerName::as_str).collect();
        assert_eq!(names, ["alpha", "beta"]);
    }
}
