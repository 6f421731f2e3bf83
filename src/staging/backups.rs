//! The files of a day that are somebody's backups, and how one of them gives way to what was made of it.
//!
//! The steps of [`Daily::give_way`], each of which leaves behind what is true when the machine stops there:
//!
//! 1. the new files are there, whole and durable, and the list of digests knows the old one;
//! 2. the list knows the new ones and not the old one;
//! 3. the old one is gone.
//!
//! So the list never names a file that is not there, and `sha256sum -c` verifies the day at any time.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::{Daily, STAGED};
use crate::fsx;
use crate::sums::{self, Digest};
use crate::units::Ids;

/// Indicators in a peer's directory: its own, which comes along, and the one that it is given.
const PEERS: [&str; 2] = ["cback.collect", STAGED];
/// Indicator in a daily directory: its files are encrypted.
pub const ENCRYPTED: &str = "cback.encrypt";
/// Indicator in a daily directory: its large files are in parts.
pub const SPLIT: &str = "cback.split";

/// Whether a file of that name in a collect directory, or in a peer's directory of a day, says how far the peer has
/// come. Other names that begin with `cback.` are those of backups: of `/cback.d`, for instance.
pub fn is_peers_indicator(name: &OsStr) -> bool {
    PEERS.iter().any(|indicator| name == *indicator)
}

/// A file that is somebody's backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its path in the daily directory, as the list of digests has it.
    pub name: Vec<u8>,
    /// Its length.
    pub bytes: u64,
}

impl Daily {
    /// Every regular file in the day's directories, however deep, by name; without indicators, partial names and links.
    pub fn backups(&self) -> io::Result<Vec<BackupFile>> {
        let mut found = Vec::new();
        gather(self.path(), &mut Vec::new(), &mut found)?;
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Where the backup `name` is.
    pub fn backup_path(&self, name: &[u8]) -> PathBuf {
        self.path().join(OsStr::from_bytes(name))
    }

    /// Lets the backup `name` give way to the files `by`, which lie in the day already and are durable. A day
    /// without a list of digests (Cedar Backup's) stays without.
    pub fn give_way(
        &self,
        name: &[u8],
        by: &[(Vec<u8>, Digest)],
        ids: Option<Ids>,
    ) -> io::Result<()> {
        if let Some(mut sums) = self.sums()? {
            sums.remove(name);
            for (name, digest) in by {
                sums.insert(name.clone(), *digest);
            }
            self.write_sums(&sums, ids)?;
        }
        fsx::remove_durably(&self.backup_path(name))
    }

    /// Writes the indicator `name`, if it is not there yet.
    pub fn mark(&self, name: &str, ids: Option<Ids>) -> io::Result<()> {
        let path = self.path().join(name);
        if path.try_exists()? {
            return Ok(());
        }
        fsx::write_indicator(&path, "", ids)
    }
}

/// Adds the backups in the directory `dir`, whose path in the day is `prefix`.
fn gather(dir: &Path, prefix: &mut Vec<u8>, found: &mut Vec<BackupFile>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        // A partial directory is a peer that is still coming.
        if fsx::is_partial(&name) {
            continue;
        }
        let length = prefix.len();
        let says_how_far = if length == 0 {
            name.as_bytes().starts_with(b"cback.")
        } else {
            is_peers_indicator(&name)
        };
        if length > 0 {
            prefix.push(b'/');
        }
        prefix.extend_from_slice(name.as_bytes());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            gather(&entry.path(), prefix, found)?;
        } else if kind.is_file() && !says_how_far && prefix != sums::FILE_NAME.as_bytes() {
            found.push(BackupFile {
                name: prefix.clone(),
                bytes: entry.metadata()?.len(),
            });
        }
        prefix.truncate(length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::Sums;

    #[test]
    fn backups_are_files_and_neither_indicators_nor_partial_nor_links() {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        for name in [
            "ada/etc.tar.gz",
            "ada/cback.collect",
            "ada/cback.d.tar",
            "ada/etc-cback.conf.tar",
            "ada/sub/deep",
            "cback.example.org/etc.tar.gz",
            "cback.example.org/cback.collect",
            ".bob.partial/half",
            "ada/.x.gpg.partial",
            "cback.stage",
            "SHA256SUMS",
            "ada/SHA256SUMS",
        ] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink("etc.tar.gz", dir.path().join("ada/link")).unwrap();
        let names: Vec<String> = daily
            .backups()
            .unwrap()
            .into_iter()
            .map(|file| String::from_utf8(file.name).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "ada/SHA256SUMS",
                "ada/cback.d.tar",
                "ada/etc-cback.conf.tar",
                "ada/etc.tar.gz",
                "ada/sub/deep",
                "cback.example.org/etc.tar.gz"
            ]
        );
    }

    #[test]
    fn the_list_follows_what_gives_way() {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        std::fs::create_dir(dir.path().join("ada")).unwrap();
        for name in ["ada/x", "ada/x.gpg", "ada/y"] {
            std::fs::write(daily.backup_path(name.as_bytes()), name).unwrap();
        }
        let mut sums = Sums::new();
        sums.insert("ada/x", Digest::of(b"ada/x"));
        sums.insert("ada/y", Digest::of(b"ada/y"));
        daily.write_sums(&sums, None).unwrap();
        let by = [(b"ada/x.gpg".to_vec(), Digest::of(b"ada/x.gpg"))];
        daily.give_way(b"ada/x", &by, None).unwrap();
        let sums = daily.sums().unwrap().unwrap();
        assert_eq!(sums.get(b"ada/x"), None);
        assert_eq!(
            sums.get(b"ada/x.gpg"),
            Some(Digest::of(b"ada/x.gpg").into())
        );
        assert_eq!(sums.len(), 2);
        assert!(!daily.backup_path(b"ada/x").exists());
    }
}
