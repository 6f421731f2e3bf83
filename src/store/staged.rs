//! What is in a daily directory, with what staging promised about it.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::event::{Monitor, Tell as _, printable_path};
use crate::fsx;
use crate::iso9660::{Meta, Time};
use crate::staging::{Daily, STORED};
use crate::sums::{self, Proof, Sums};
use crate::units::Day;

/// A daily directory that is to be stored.
#[derive(Debug)]
pub(super) struct StagedDay {
    /// The directory itself.
    pub daily: Daily,
    /// Facts about it.
    pub meta: Meta,
    /// What is in it, directories before what they contain, names sorted by bytes.
    pub entries: Vec<Entry>,
}

/// Something in a daily directory.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path in the daily directory.
    pub name: Vec<u8>,
    /// Facts about it.
    pub meta: Meta,
    /// What it is.
    pub what: What,
}

/// What an entry is.
#[derive(Debug)]
pub(super) enum What {
    /// A directory.
    Directory,
    /// A file of that many bytes, and its digest if staging noted one.
    File {
        /// Its length.
        bytes: u64,
        /// What staging noted.
        promised: Option<Proof>,
    },
    /// A symbolic link to there.
    Link(PathBuf),
}

impl StagedDay {
    /// Its day.
    pub fn day(&self) -> Day {
        self.daily.day()
    }

    /// Where an entry is.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.daily
            .path()
            .join(std::ffi::OsStr::from_bytes(&entry.name))
    }

    /// Where an entry goes on the disc.
    pub fn on_disc(&self, name: &[u8]) -> PathBuf {
        self.day().path().join(std::ffi::OsStr::from_bytes(name))
    }
}

/// Whether an entry is an indicator of the daily directory itself: it says how far the day has come, and is
/// not what was backed up.
pub(super) fn is_indicator(name: &[u8]) -> bool {
    name.starts_with(b"cback.") && !name.contains(&b'/')
}

/// Reads the daily directory. Partial files, the store indicator and the list of digests stay behind; what is
/// neither directory, file nor link does too, with a warning. A file that staging noted and that is not
/// there is an error: the day is not what was staged. So is a peer that an interrupted staging has set aside.
pub(super) fn read(daily: &Daily, monitor: &dyn Monitor) -> io::Result<StagedDay> {
    if let Some(aside) = daily.set_aside()? {
        let what = "is a peer that an interrupted staging has set aside; the next `cback stage` puts it back";
        return Err(io::Error::other(format!(
            "{} {what}",
            printable_path(aside)
        )));
    }
    let sums = daily.sums()?;
    let mut day = StagedDay {
        daily: daily.clone(),
        meta: directory_meta(&std::fs::metadata(daily.path())?),
        entries: Vec::new(),
    };
    let mut waiting: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(directory) = waiting.pop() {
        let path = daily.path().join(std::ffi::OsStr::from_bytes(&directory));
        for entry in std::fs::read_dir(&path).map_err(|error| at(&path, &error))? {
            let name = entry.map_err(|error| at(&path, &error))?.file_name();
            let left_behind = directory.is_empty() && (name == STORED || name == sums::FILE_NAME);
            if left_behind || fsx::is_partial(&name) {
                continue;
            }
            let path = path.join(&name);
            let name = if directory.is_empty() {
                name.as_bytes().to_vec()
            } else {
                [&directory, &b"/"[..], name.as_bytes()].concat()
            };
            let Some(entry) = look(&path, name, sums.as_ref())? else {
                monitor.warn(format!(
                    "{} is neither file, directory nor link and is not stored",
                    printable_path(path)
                ));
                continue;
            };
            if matches!(entry.what, What::Directory) {
                waiting.push(entry.name.clone());
            }
            day.entries.push(entry);
        }
    }
    // A directory's name begins the names of what it contains, and so comes first.
    day.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if let Some(sums) = sums {
        complete(&day, &sums)?;
    }
    Ok(day)
}

fn look(path: &Path, name: Vec<u8>, sums: Option<&Sums>) -> io::Result<Option<Entry>> {
    let fault = |error| at(path, &error);
    let metadata = std::fs::symlink_metadata(path).map_err(fault)?;
    let kind = metadata.file_type();
    let entry = if kind.is_dir() {
        Entry {
            meta: directory_meta(&metadata),
            what: What::Directory,
            name,
        }
    } else if kind.is_symlink() {
        Entry {
            meta: meta(&metadata, 0o777),
            what: What::Link(std::fs::read_link(path).map_err(fault)?),
            name,
        }
    } else if kind.is_file() {
        Entry {
            meta: meta(&metadata, 0o444 | metadata.mode() & 0o111),
            what: What::File {
                bytes: metadata.len(),
                promised: sums.and_then(|sums| sums.get(&name)),
            },
            name,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(entry))
}

/// Whether everything that staging noted is there.
fn complete(day: &StagedDay, sums: &Sums) -> io::Result<()> {
    for (name, _) in sums.iter() {
        let there = day
            .entries
            .binary_search_by(|entry| entry.name.as_slice().cmp(name))
            .is_ok();
        if !there {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "{} was staged and is gone",
                    String::from_utf8_lossy(name).escape_debug()
                ),
            ));
        }
    }
    Ok(())
}

/// An error that names the file.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", printable_path(path)))
}

/// On the disc, everything belongs to root and everybody may read it, as on Cedar Backup's discs: whoever
/// holds the disc can read it anyway, and whoever must restore may not be root. The archives keep owners and
/// modes of what is in them.
fn meta(metadata: &std::fs::Metadata, mode: u32) -> Meta {
    Meta {
        mode,
        uid: 0,
        gid: 0,
        mtime: Time {
            seconds: metadata.mtime(),
            nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
        },
    }
}

fn directory_meta(metadata: &std::fs::Metadata) -> Meta {
    meta(metadata, 0o555)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::staging::Staging;
    use crate::sums::Digest;
    use crate::units::AbsPath;

    fn daily(dir: &Path) -> Daily {
        let daily = Staging::new(AbsPath::new(dir).unwrap()).daily("2026-11-21".parse().unwrap());
        std::fs::create_dir_all(daily.path().join("alpha/sub")).unwrap();
        for name in [
            "alpha/etc.tar.gz",
            "alpha/sub/x",
            "alpha-b",
            "cback.stage",
            "cback.store",
            "alpha/.y.partial",
        ] {
            std::fs::write(daily.path().join(name), name).unwrap();
        }
        daily
    }

    #[test]
    fn a_day_is_read_without_what_is_not_meant_for_the_disc() {
        let dir = tempfile::tempdir().unwrap();
        let daily = daily(dir.path());
        let mut sums = Sums::new();
        sums.insert("alpha/etc.tar.gz", Digest::of(b"alpha/etc.tar.gz"));
        daily.write_sums(&sums, None).unwrap();
        nix::unistd::mkfifo(&daily.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let tally = Tally::default();
        let day = read(&daily, &tally).unwrap();
        let names: Vec<&str> = day
            .entries
            .iter()
            .map(|entry| std::str::from_utf8(&entry.name).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "alpha",
                "alpha-b",
                "alpha/etc.tar.gz",
                "alpha/sub",
                "alpha/sub/x",
                "cback.stage"
            ]
        );
        assert!(matches!(
            day.entries[2].what,
            What::File {
                bytes: 16,
                promised: Some(_)
            }
        ));
        assert_eq!(tally.warnings(), 1);
    }

    #[test]
    fn a_peer_that_was_set_aside_is_missed() {
        let dir = tempfile::tempdir().unwrap();
        let daily = daily(dir.path());
        std::fs::create_dir(daily.path().join("..alpha.partial")).unwrap();
        read(&daily, &Tally::default()).unwrap();
        std::fs::create_dir(daily.path().join("..beta.partial")).unwrap();
        let error = read(&daily, &Tally::default()).unwrap_err();
        assert!(
            error.to_string().contains("..beta.partial is a peer"),
            "{error}"
        );
        daily.sweep(&[]).unwrap();
        let day = read(&daily, &Tally::default()).unwrap();
        assert!(day.entries.iter().any(|entry| entry.name == b"beta"));
    }

    #[test]
    fn a_file_that_was_staged_and_is_gone_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let daily = daily(dir.path());
        let mut sums = Sums::new();
        sums.insert("alpha/gone.tar.gz", Digest::of(b""));
        daily.write_sums(&sums, None).unwrap();
        let error = read(&daily, &Tally::default()).unwrap_err();
        assert!(error.to_string().contains("alpha/gone.tar.gz"), "{error}");
    }
}
