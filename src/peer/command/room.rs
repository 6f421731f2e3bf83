//! The directory that an outside program copies a stranger's files into: what is in it, while the program runs and
//! after it.
//!
//! The program is not ours, and what it writes is the stranger's choice. So the directory is weighed while it
//! fills, with everything below it; in the end only regular files directly in it count, and nothing is followed.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::FileType;

use super::super::local::foreign;
use super::super::transport::{Entry, Listing, Refused, is_wanted};
use crate::fsx;

/// What is in a directory, in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weight {
    /// Everything that has a name, at any depth.
    pub(super) files: usize,
    /// Bytes of regular files, as far as they reach or as they take room, whatever is more.
    pub(super) bytes: u64,
}

/// Weighs what is in `dir`. When there is more than `most`, it stops there.
pub(super) fn weigh(dir: &Path, most: usize) -> io::Result<Weight> {
    let mut weight = Weight::default();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        // The program may rename and remove while we look.
        let Some(entries) = if_there(fs::read_dir(&dir))? else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let Some(metadata) = if_there(entry.metadata())? else {
                continue;
            };
            weight.files += 1;
            if metadata.is_dir() {
                dirs.push(entry.path());
            } else if metadata.is_file() {
                let bytes = metadata.len().max(metadata.blocks().saturating_mul(512));
                weight.bytes = weight.bytes.saturating_add(bytes);
            }
            if weight.files > most {
                return Ok(weight);
            }
        }
    }
    Ok(weight)
}

/// Room below which a file system is full: a program that copies gives up at less.
const LAST: u64 = 64 << 10;

/// Whether the file system of `dir` has no room left for those who are not root.
pub(super) fn is_full(dir: &Path) -> io::Result<bool> {
    let stat = rustix::fs::statvfs(dir)?;
    let bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    // A file system that does not count its files says that there are none.
    let no_name = stat.f_files > 0 && stat.f_favail == 0;
    Ok(bytes < LAST || no_name)
}

/// Removes everything in `dir`.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        fsx::remove_tree(&entry.path())?;
    }
    Ok(())
}

/// Lists the regular files in `dir`. Everything else is removed, and told unless it is passed by.
pub(super) fn sort(dir: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (name, metadata) = (entry.file_name(), entry.metadata()?);
        let what = foreign(FileType::from_raw_mode(metadata.mode()));
        let is_wanted = is_wanted(&name);
        match what {
            None if is_wanted => {
                let bytes = metadata.len();
                listing.entries.push(Entry {
                    name,
                    bytes,
                    mark: None,
                });
                continue;
            }
            Some(what) if is_wanted => listing.refused.push((name, Refused::NotRegular(what))),
            _ => {}
        }
        fsx::remove_tree(&entry.path())?;
    }
    listing.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(listing)
}

fn if_there<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn everything_is_weighed_and_only_plain_files_stay() {
        let base = tempfile::tempdir().unwrap();
        let (dir, outside) = (base.path().join("into"), base.path().join("outside"));
        fs::create_dir_all(dir.join("dir/below")).unwrap();
        fs::create_dir(dir.join(".x.partial")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mine"), "mine").unwrap();
        fs::write(dir.join("good"), vec![1; 100_000]).unwrap();
        fs::write(dir.join("cback.stage"), "").unwrap();
        fs::write(dir.join("dir/below/deep"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink(&outside, dir.join("link")).unwrap();
        nix::unistd::mkfifo(&dir.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        // A sparse file is as long as it says.
        fs::File::create(dir.join("dir/hole"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();

        let weight = weigh(&dir, 100).unwrap();
        assert_eq!(weight.files, 9);
        assert!(weight.bytes >= (1 << 40) + 200_000, "{weight:?}");
        assert_eq!(weigh(&dir, 3).unwrap().files, 4);
        assert_eq!(
            weigh(&base.path().join("nowhere"), 3).unwrap(),
            Weight::default()
        );

        let listing = sort(&dir).unwrap();
        assert_eq!(listing.entries.len(), 1);
        let mut told: Vec<String> = listing
            .refused
            .iter()
            .map(|(name, why)| format!("{}: {why}", name.display()))
            .collect();
        told.sort();
        let only = "; only regular files are staged";
        let expected = ["dir: a directory", "fifo: a FIFO", "link: a symbolic link"];
        assert_eq!(told, expected.map(|what| format!("{what}{only}")));
        assert_eq!(weigh(&dir, 100).unwrap().files, 1);
        sweep(&dir).unwrap();
        assert_eq!(weigh(&dir, 100).unwrap(), Weight::default());
        assert!(outside.join("mine").exists());
    }
}
