//! The day's list of digests while peers come in.
//!
//! `SHA256SUMS` is one file for the whole day; written anew for each peer, a large pool would write it over and
//! over. So each peer's part is first written into a file of its own, `...PEER.partial`, which stands above what
//! `SHA256SUMS` says of that peer; an empty one says that nothing is known. When all peers had their turn, the list
//! is written once and the parts are removed. A run that is killed in between leaves parts, which readers of the list
//! see, and which the next run settles.
//!
//! No peer's name begins with a dot, so that a part is nobody's partial directory.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::Daily;
use super::daily::sums_name;
use crate::fsx;
use crate::sums::{self, Digest, Sums};
use crate::units::{Ids, PeerName};

impl Daily {
    /// The list of digests of the peers' files, with names `PEER/file`. `None` if there is none: the day was
    /// staged by Cedar Backup, or a staging was interrupted. A list that cannot be understood is an error of
    /// kind `InvalidData`.
    pub fn sums(&self) -> io::Result<Option<Sums>> {
        let mut list = read(&self.path().join(sums::FILE_NAME))?;
        for (peer, path) in self.parts()? {
            // Settled by somebody else a moment ago: then the list has it.
            let Some(part) = read(&path)? else { continue };
            let list = list.get_or_insert_default();
            list.remove_below(&sums_name(&peer, b""));
            for (name, digest) in part.iter() {
                list.insert(name, digest);
            }
        }
        Ok(list)
    }

    /// Whether there is a list of digests, whatever is in it: only our own staging makes one.
    pub fn is_listed(&self) -> io::Result<bool> {
        Ok(self.path().join(sums::FILE_NAME).try_exists()? || !self.parts()?.is_empty())
    }

    /// Whether the list of digests is one file, and not still in parts: then a run was killed before it was complete.
    pub fn is_settled(&self) -> io::Result<bool> {
        Ok(self.parts()?.is_empty())
    }

    /// Replaces the list of digests durably.
    pub fn write_sums(&self, sums: &Sums, ids: Option<Ids>) -> io::Result<()> {
        fsx::write_indicator(&self.path().join(sums::FILE_NAME), sums.to_text(), ids)?;
        for (_, path) in self.parts()? {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Writes the list of digests so that it covers every file of every peer's directory: digests that `known`
    /// has are taken from it, files that it does not know are read, names that are gone are dropped.
    pub fn complete_sums(&self, known: &Sums, ids: Option<Ids>) -> io::Result<()> {
        let mut sums = Sums::new();
        for peer in self.peers()? {
            cover(
                &mut sums,
                known,
                &self.peer_path(&peer),
                &sums_name(&peer, b""),
            )?;
        }
        self.write_sums(&sums, ids)
    }

    /// Lists by their SHA-256 those files that are listed otherwise and of which `known` has it.
    pub fn list_by_sha256(
        &self,
        known: &dyn Fn(&[u8]) -> Option<Digest>,
        ids: Option<Ids>,
    ) -> io::Result<()> {
        let Some(mut sums) = self.sums()? else {
            return Ok(());
        };
        let mut changed = Vec::new();
        for (name, proof) in sums.iter() {
            if proof.sha256().is_none()
                && let Some(digest) = known(name)
            {
                changed.push((name.to_vec(), digest));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        for (name, digest) in changed {
            sums.insert(name, digest);
        }
        self.write_sums(&sums, ids)
    }

    /// Writes down durably what is known of `peer` until the list is completed: the digests of its files by the
    /// names that they have in its directory.
    pub(super) fn write_part(
        &self,
        peer: &PeerName,
        known: &Sums,
        ids: Option<Ids>,
    ) -> io::Result<()> {
        let mut part = Sums::new();
        for (name, digest) in known.iter() {
            part.insert(sums_name(peer, name), digest);
        }
        let path = self.path().join(part_name(peer));
        fsx::write_indicator(&path, part.to_text(), ids)
    }

    /// The parts that are there.
    fn parts(&self) -> io::Result<Vec<(PeerName, PathBuf)>> {
        let entries = match fs::read_dir(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut parts = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(peer) = part_of(&entry.file_name()) {
                parts.push((peer, entry.path()));
            }
        }
        Ok(parts)
    }
}

fn part_name(peer: &PeerName) -> OsString {
    format!("...{}.partial", peer.as_str()).into()
}

/// Whose part `name` is.
pub(super) fn part_of(name: &OsStr) -> Option<PeerName> {
    let name = name.to_str()?;
    name.strip_prefix("...")?
        .strip_suffix(".partial")?
        .parse()
        .ok()
}

fn read(path: &Path) -> io::Result<Option<Sums>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    Sums::parse(&text)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Puts the files below `dir` on the list, with `prefix` before their names.
fn cover(sums: &mut Sums, known: &Sums, dir: &Path, prefix: &[u8]) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let mut name = prefix.to_vec();
        name.extend_from_slice(entry.file_name().as_bytes());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            name.push(b'/');
            cover(sums, known, &entry.path(), &name)?;
        } else if kind.is_file() && !fsx::is_partial(&entry.file_name()) {
            let proof = match known.get(&name) {
                Some(proof) => proof,
                None => Digest::of_reader(&mut File::open(entry.path())?)?.0.into(),
            };
            sums.insert(name, proof);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sums(files: &[(&str, &str)]) -> Sums {
        let mut sums = Sums::new();
        for (name, text) in files {
            sums.insert(*name, Digest::of(text.as_bytes()));
        }
        sums
    }

    #[test]
    fn a_part_stands_above_the_list_until_it_is_settled() {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        assert!(!daily.is_listed().unwrap() && daily.sums().unwrap().is_none());
        let before = sums(&[("alpha/a", "1"), ("alpha/b", "1"), ("alphabet/a", "1")]);
        daily.write_sums(&before, None).unwrap();
        let alpha: PeerName = "alpha".parse().unwrap();

        daily.write_part(&alpha, &Sums::new(), None).unwrap();
        let known = daily.sums().unwrap().unwrap();
        assert_eq!(known, sums(&[("alphabet/a", "1")]));

        daily
            .write_part(&alpha, &sums(&[("a", "2")]), None)
            .unwrap();
        let now = sums(&[("alpha/a", "2"), ("alphabet/a", "1")]);
        assert_eq!(daily.sums().unwrap().unwrap(), now);
        fs::remove_file(daily.path().join(sums::FILE_NAME)).unwrap();
        assert!(daily.is_listed().unwrap());
        assert_eq!(daily.sums().unwrap().unwrap(), sums(&[("alpha/a", "2")]));

        daily.write_sums(&now, None).unwrap();
        assert_eq!(daily.sums().unwrap().unwrap(), now);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_part_is_no_peers_directory() {
        for (name, peer) in [
            ("...alpha.partial", Some("alpha")),
            ("...a.b.partial", Some("a.b")),
            ("....alpha.partial", None),
            ("..alpha.partial", None),
            (".alpha.partial", None),
            ("....partial", None),
        ] {
            let found = part_of(OsStr::new(name));
            assert_eq!(found.as_ref().map(PeerName::as_str), peer, "{name}");
        }
    }
}
