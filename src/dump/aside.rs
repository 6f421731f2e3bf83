//! An older dump in the collect directory that must not pass for today's.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};

use crate::fsx;
use crate::peer;
use crate::sums::Sums;

/// What a dump's name can end in: nothing, or how it is packed.
pub(super) const SUFFIXES: [&str; 4] = ["", ".gz", ".bz2", ".zst"];

/// Clears the file at `path` away: removes it if it was staged, and else gives it a name with its day, which is
/// returned.
pub(super) fn put(path: &Path) -> io::Result<Option<PathBuf>> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() || was_staged(path)? {
        fsx::remove_durably(path)?;
        return Ok(None);
    }
    let day = DateTime::<Local>::from(metadata.modified()?).format("%Y-%m-%d");
    let mut number = 1;
    let kept = loop {
        let kept = dated(path, &day.to_string(), number);
        if !kept.try_exists()? {
            break kept;
        }
        number += 1;
    };
    fsx::rename_durably(path, &kept)?;
    Ok(Some(kept))
}

/// Whether the master has said that it has the file at `path` as it is now.
fn was_staged(path: &Path) -> io::Result<bool> {
    let indicator = fsx::parent(path).join(peer::STAGED);
    let text = match std::fs::read(&indicator) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        text => text?,
    };
    match Sums::parse(&text) {
        // Cedar Backup's master leaves the indicator empty: everything that was there then.
        Ok(sums) if sums.is_empty() => {
            Ok(path.metadata()?.modified()? <= indicator.metadata()?.modified()?)
        }
        Ok(sums) => {
            let name = path.file_name().unwrap_or_default().as_bytes();
            let Some(proof) = sums.get(name) else {
                return Ok(false);
            };
            proof.holds(&mut File::open(path)?)
        }
        Err(_) => Ok(false),
    }
}

/// `mysqldump.2026-11-20.txt.gz` for `mysqldump.txt.gz`; with a number if that is taken.
fn dated(path: &Path, day: &str, number: u32) -> PathBuf {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let at = name.windows(4).rposition(|part| part == b".txt");
    let (stem, extension) = name.split_at(at.unwrap_or(name.len()));
    let mut dated = stem.to_vec();
    dated.extend_from_slice(format!(".{day}").as_bytes());
    if number > 1 {
        dated.extend_from_slice(format!("+{number}").as_bytes());
    }
    dated.extend_from_slice(extension);
    path.with_file_name(std::ffi::OsStr::from_bytes(&dated))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Digest;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("cback."))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_staged_goes_and_what_was_not_is_kept_under_its_day() {
        let ours = |text: &str| format!("{}  a.txt.gz\n", Digest::of(text.as_bytes()));
        for (indicator, kept) in [
            (Some(ours("old")), false),
            (Some(ours("older")), true),
            (Some(ours("old").replace("a.txt", "b.txt")), true),
            (Some(String::new()), false), // Cedar Backup's
            (Some("what?\n".to_owned()), true),
            (None, true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.txt.gz");
            std::fs::write(&path, "old").unwrap();
            if let Some(text) = &indicator {
                std::fs::write(dir.path().join(peer::STAGED), text).unwrap();
            }
            let month = || Local::now().format("%Y-%m").to_string();
            let before = month();
            put(&path).unwrap();
            let months = [before, month()];
            let names = names(dir.path());
            assert_eq!(names.len(), usize::from(kept), "{indicator:?}: {names:?}");
            if kept {
                let is_of = |month: &String| names[0].starts_with(&format!("a.{month}"));
                assert!(months.iter().any(is_of), "{names:?}");
                assert!(names[0].ends_with(".txt.gz"), "{names:?}");
            }
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let path = Path::new("/x/mysqldump-shop.txt.bz2");
        for (number, expected) in [
            (1, "/x/mysqldump-shop.2026-11-20.txt.bz2"),
            (2, "/x/mysqldump-shop.2026-11-20+2.txt.bz2"),
        ] {
            assert_eq!(dated(path, "2026-11-20", number), Path::new(expected));
        }
    }
}
