//! How a peer's files get into a daily directory: all of them at once, or none.
//!
//! They are gathered in `.PEER.partial/` and synced. Files that an earlier staging of the same day brought and
//! that did not come again are linked in beside them. Then the directory takes the peer's name, in one rename;
//! if there is one already, the two are exchanged and the old one is removed.
//!
//! The steps of [`Incoming::commit`], each of which leaves behind what is true when the machine stops there:
//!
//! 1. the partial directory is complete and durable;
//! 2. a day that is on a disc and is about to differ from it is no longer marked stored;
//! 3. the day's list of digests says nothing about this peer any more;
//! 4. the directory has its name;
//! 5. the list of digests covers it.
//!
//! What was gathered before a connection broke stays in the partial directory, so that the next try goes on from
//! there. Whoever puts files there checks what he finds; nothing but what the commit's list names gets through.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::Daily;
use super::daily::sums_name;
use super::leftovers::aside_path;
use crate::fsx;
use crate::sums::Sums;
use crate::units::{Ids, PeerName};

/// A peer's directory while it is gathered. Dropped without [`Incoming::commit`], what is there stays for the next
/// try.
#[derive(Debug)]
pub struct Incoming<'a> {
    daily: &'a Daily,
    peer: PeerName,
    partial: PathBuf,
    ids: Option<Ids>,
}

/// What a staging of a peer did to its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The peer was not in the day yet.
    First,
    /// The peer was in the day with other files.
    Changed,
    /// The peer was in the day with the same files; what was stored is still what is here.
    Same,
}

impl Daily {
    /// Begins to receive `peer`. The daily directory must exist. What an earlier try gathered is still there.
    pub fn receive(&self, peer: &PeerName, ids: Option<Ids>) -> io::Result<Incoming<'_>> {
        let path = self.peer_path(peer);
        let partial = fsx::partial_path(&path);
        self.sweep_one(&aside_path(&path))?;
        match fs::symlink_metadata(&partial) {
            Ok(there) if there.is_dir() => let_go_of_links(&partial)?,
            _ => {
                self.sweep_one(&partial)?;
                fs::create_dir(&partial)?;
            }
        }
        Ok(Incoming {
            daily: self,
            peer: peer.clone(),
            partial,
            ids,
        })
    }
}

impl Incoming<'_> {
    /// Where the files are to be put.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Where the peer's files of an earlier staging of the day are, if there are any.
    pub fn earlier(&self) -> Option<PathBuf> {
        let path = self.daily.peer_path(&self.peer);
        path.is_dir().then_some(path)
    }

    /// Gives up, and keeps nothing of what was gathered.
    pub fn discard(self) -> io::Result<()> {
        self.daily.sweep_one(&self.partial)
    }

    /// Gives the directory its name. `new` has the digests of the files in it, by their names; their bytes
    /// must be durable already. Whatever else is in it is removed. `list` is the day's list of digests as it was
    /// before anybody came.
    ///
    /// The list is complete when [`Daily::complete_sums`] has written it.
    pub fn commit(self, new: &Sums, list: &Sums) -> io::Result<Received> {
        let path = self.daily.peer_path(&self.peer);
        let prefix = sums_name(&self.peer, b"");
        let mut known = Sums::new();
        for (name, digest) in list.below(&prefix) {
            known.insert(&name[prefix.len()..], digest);
        }
        // What is another name of the file that is there is the same, although it was listed by another digest then.
        let mut changed = Sums::new();
        for (name, proof) in new.iter() {
            if known.get(name) != Some(proof)
                && !(known.get(name).is_some() && is_one_file(&self.partial, &path, name)?)
            {
                changed.insert(name, proof);
            }
        }
        let received = if !path.try_exists()? {
            Received::First
        } else if changed.is_empty() {
            Received::Same
        } else {
            Received::Changed
        };
        keep_listed(&self.partial, new)?;
        if received != Received::First {
            link_missing(&path, &self.partial)?;
        }
        fsx::give(&self.partial, self.ids)?;
        fsx::sync_dir(&self.partial)?;

        if received != Received::Same {
            self.daily.unmark_stored()?;
        }
        // A peer that is not there may be on the list all the same: somebody removed it by hand.
        if received == Received::Changed || (received == Received::First && !known.is_empty()) {
            self.daily.write_part(&self.peer, &Sums::new(), self.ids)?;
        }
        take_name(&self.partial, &path, received)?;
        // What did not come again is still what it was.
        for (name, proof) in changed.iter() {
            known.insert(name, proof);
        }
        self.daily.write_part(&self.peer, &known, self.ids)?;
        Ok(received)
    }
}

/// Removes everything in `dir` that is no file of its own. What an earlier staging has under another name must not be
/// written to.
fn let_go_of_links(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            fsx::remove_tree(&entry.path())?;
        } else if !metadata.is_file() || metadata.nlink() > 1 {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether `name` in both directories is one and the same file.
fn is_one_file(one: &Path, other: &Path, name: &[u8]) -> io::Result<bool> {
    let stat = |dir: &Path| match fs::symlink_metadata(dir.join(OsStr::from_bytes(name))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        stat => stat.map(Some),
    };
    let (one, other) = (stat(one)?, stat(other)?);
    Ok(one.zip(other).is_some_and(|(one, other)| {
        one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
    }))
}

/// Removes everything in `dir` that is not on the list.
fn keep_listed(dir: &Path, list: &Sums) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fsx::remove_tree(&entry.path())?;
        } else if list.get(entry.file_name().as_bytes()).is_none() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Gives the directory `partial` the name `path`. One that has the name already is removed.
fn take_name(partial: &Path, path: &Path, received: Received) -> io::Result<()> {
    if received == Received::First {
        return fsx::rename_durably(partial, path);
    }
    match renameat_with(CWD, partial, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => {
            fsx::sync_dir(fsx::parent(path))?;
            fsx::remove_tree(partial)?;
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            // A file system that cannot exchange. Killed between the two renames, the next run puts back
            // what was set aside.
            let aside = aside_path(path);
            fsx::rename_durably(path, &aside)?;
            fsx::rename_durably(partial, path)?;
            fsx::remove_tree(&aside)?;
        }
        Err(error) => return Err(error.into()),
    }
    fsx::sync_dir(fsx::parent(path))
}

/// Whether a file system has only one name for a file.
fn knows_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), PermissionDenied | TooManyLinks | Unsupported)
}

/// Copies the file `from` durably to the new file `to`, with its owner and permission bits.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let source = fs::File::open(from)?;
    let stat = source.metadata()?;
    let target = fs::File::create_new(to)?;
    fsx::copy_bytes(&source, &target, u64::MAX, &mut |_| {})?;
    std::os::unix::fs::fchown(&target, Some(stat.uid()), Some(stat.gid()))?;
    target.set_permissions(stat.permissions())?;
    target.sync_all()
}

/// Links everything below `from` that `to` does not have into `to`.
fn link_missing(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            match fs::create_dir(&target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            link_missing(&entry.path(), &target)?;
            fsx::sync_dir(&target)?;
        } else if !fsx::is_partial(&entry.file_name()) {
            match fs::hard_link(entry.path(), &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if knows_no_links(&error) => copy(&entry.path(), &target)?,
                linked => linked?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::staging::Staging;
    use crate::sums::Digest;
    use crate::units::AbsPath;
    use std::process::Command;

    fn peer(name: &str) -> PeerName {
        name.parse().unwrap()
    }

    fn fixture() -> (tempfile::TempDir, Daily) {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::new(AbsPath::new(dir.path()).unwrap());
        let daily = staging.make("2026-11-21".parse().unwrap(), None).unwrap();
        (dir, daily)
    }

    fn stage(daily: &Daily, name: &str, files: &[(&str, &str)]) -> Received {
        let list = daily.sums().unwrap().unwrap_or_default();
        let incoming = daily.receive(&peer(name), None).unwrap();
        let mut sums = Sums::new();
        for (file, text) in files {
            fs::write(incoming.path().join(file), text).unwrap();
            sums.insert(*file, Digest::of(text.as_bytes()));
        }
        let received = incoming.commit(&sums, &list).unwrap();
        let known = daily.sums().unwrap().unwrap();
        daily.complete_sums(&known, None).unwrap();
        received
    }

    fn holds(daily: &Daily, name: &str) -> Vec<String> {
        let files = daily.files(&peer(name)).unwrap();
        let text = |file: &OsStr| {
            let path = daily.peer_path(&peer(name)).join(file);
            fs::read_to_string(path).unwrap()
        };
        files
            .iter()
            .map(|file| format!("{}={}", file.name.display(), text(&file.name)))
            .collect()
    }

    fn assert_sums(daily: &Daily, files: usize) {
        assert_eq!(daily.sums().unwrap().unwrap().len(), files);
        let judge = Command::new("sha256sum")
            .current_dir(daily.path())
            .args(["-c", "--strict", "--quiet", crate::sums::FILE_NAME])
            .output()
            .unwrap();
        assert!(judge.status.success(), "{judge:?}");
    }

    #[test]
    fn a_second_staging_of_a_day_replaces_and_keeps() {
        let (_dir, daily) = fixture();
        let first = stage(&daily, "alpha", &[("a", "1"), ("b", "1")]);
        assert_eq!(first, Received::First);
        stage(&daily, "beta", &[("a\\b\nc", "x")]);
        daily.mark_stored("", None).unwrap();

        assert_eq!(stage(&daily, "alpha", &[("a", "1")]), Received::Same);
        assert!(daily.is_stored().unwrap());
        assert_eq!(holds(&daily, "alpha"), ["a=1", "b=1"]);
        assert_sums(&daily, 3);

        let second = stage(&daily, "alpha", &[("b", "2"), ("c", "2")]);
        assert_eq!(second, Received::Changed);
        assert!(!daily.is_stored().unwrap());
        assert_eq!(holds(&daily, "alpha"), ["a=1", "b=2", "c=2"]);
        assert_sums(&daily, 4);
        assert_eq!(daily.sweep(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_peer_that_fails_goes_on_where_it_was_and_one_that_is_given_up_leaves_nothing() {
        let (_dir, daily) = fixture();
        stage(&daily, "alpha", &[("a", "1")]);
        let alpha = peer("alpha");
        let incoming = daily.receive(&alpha, None).unwrap();
        let half = incoming.path().join("a");
        fs::write(&half, "half").unwrap();
        drop(incoming);
        assert_eq!(daily.sweep(&[&alpha]).unwrap(), [""; 0]);
        let incoming = daily.receive(&alpha, None).unwrap();
        assert_eq!(fs::read(&half).unwrap(), b"half");
        incoming.discard().unwrap();
        assert!(!half.exists());
        assert_eq!(holds(&daily, "alpha"), ["a=1"]);
        assert_eq!(daily.sweep(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_the_day_has_already_is_not_written_to() {
        let (_dir, daily) = fixture();
        stage(&daily, "alpha", &[("a", "1")]);
        let alpha = peer("alpha");
        let incoming = daily.receive(&alpha, None).unwrap();
        let there = daily.peer_path(&alpha).join("a");
        fs::hard_link(&there, incoming.path().join("a")).unwrap();
        fs::write(incoming.path().join("own"), "half").unwrap();
        drop(incoming);
        let incoming = daily.receive(&alpha, None).unwrap();
        assert!(!incoming.path().join("a").exists());
        assert!(incoming.path().join("own").exists());
    }

    #[test]
    fn the_list_lets_go_of_a_peer_before_other_files_have_its_name() {
        let (_dir, daily) = fixture();
        stage(&daily, "alpha", &[("a", "1")]);
        let alpha = peer("alpha");
        // Somebody has removed it by hand; the list still has it. And something is in the way of the list's new part.
        fs::remove_dir_all(daily.peer_path(&alpha)).unwrap();
        fs::create_dir(daily.path().join("....alpha.partial.partial")).unwrap();
        let list = daily.sums().unwrap().unwrap();
        let incoming = daily.receive(&alpha, None).unwrap();
        fs::write(incoming.path().join("a"), "2").unwrap();
        let mut sums = Sums::new();
        sums.insert("a", Digest::of(b"2"));
        incoming.commit(&sums, &list).unwrap_err();
        assert!(!daily.peer_path(&alpha).exists());
    }

    #[test]
    fn what_is_not_on_the_list_does_not_get_through() {
        let (_dir, daily) = fixture();
        let incoming = daily.receive(&peer("alpha"), None).unwrap();
        fs::create_dir(incoming.path().join("dir")).unwrap();
        for name in ["a", "b", ".c.partial"] {
            fs::write(incoming.path().join(name), "1").unwrap();
        }
        std::os::unix::fs::symlink("/etc", incoming.path().join("link")).unwrap();
        let mut sums = Sums::new();
        sums.insert("a", Digest::of(b"1"));
        incoming.commit(&sums, &Sums::new()).unwrap();
        let there: Vec<_> = fs::read_dir(daily.peer_path(&peer("alpha")))
            .unwrap()
            .collect();
        assert_eq!(there.len(), 1, "{there:?}");
    }

    #[test]
    fn a_link_in_place_of_a_partial_directory_is_not_followed() {
        let (dir, daily) = fixture();
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, daily.path().join(".alpha.partial")).unwrap();
        stage(&daily, "alpha", &[("a", "1")]);
        assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
        assert_eq!(holds(&daily, "alpha"), ["a=1"]);
    }

    #[test]
    fn leftovers_are_swept_and_what_was_set_aside_comes_back() {
        let (_dir, daily) = fixture();
        stage(&daily, "beta", &[("b", "1")]);
        for leftover in [".alpha.partial", "..beta.partial", "..gamma.partial"] {
            fs::create_dir(daily.path().join(leftover)).unwrap();
            fs::write(daily.path().join(leftover).join("old"), "1").unwrap();
        }
        let swept = daily.sweep(&[]).unwrap();
        assert_eq!(
            swept,
            ["..beta.partial", "..gamma.partial", ".alpha.partial"]
        );
        assert_eq!(holds(&daily, "beta"), ["b=1"]);
        assert_eq!(holds(&daily, "gamma"), ["old=1"]);
        assert!(!daily.path().join(".alpha.partial").exists());
    }

    #[test]
    fn files_that_nobody_listed_are_read_for_the_list() {
        let (_dir, daily) = fixture();
        let by_cedar = daily.path().join("cedar/sub");
        fs::create_dir_all(&by_cedar).unwrap();
        fs::write(by_cedar.join("deep"), "1").unwrap();
        fs::write(by_cedar.with_file_name("etc.tar.gz"), "2").unwrap();
        stage(&daily, "alpha", &[("a", "1")]);
        assert_sums(&daily, 3);
        stage(&daily, "cedar", &[("etc.tar.gz", "3")]);
        assert_sums(&daily, 3);
        assert!(by_cedar.join("deep").exists());
    }
}
