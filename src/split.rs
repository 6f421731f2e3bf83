//! Split: staged files that are too large for a disc are cut into parts `NAME_00000`, `NAME_00001`, …, which
//! `cat NAME_?????` joins.
//!
//! Each part appears whole; the list of digests then names the parts in place of the file, and only after that the
//! file goes. Killed anywhere, the next run cuts the file again.

use std::fs::File;
use std::io::{self, Read, Write as _};

use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::fsx::{self, AtomicFile};
use crate::peer::COLLECTED;
use crate::staging::{BackupFile, Daily, SPLIT, part_name, whole_name};
use crate::sums::{Digest, Hasher, Proof, Prover, Sums};
use crate::units::{ByteSize, Ids};

/// Parts that a file can have.
const MOST_PARTS: u64 = 100_000;

/// No peer's list of what it collected is longer; what is longer was made to fill our memory.
const LONGEST_LIST: u64 = 32 << 20;

/// How files are cut.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Larger files are cut.
    pub limit: ByteSize,
    /// Size of a part; at least one byte.
    pub part: ByteSize,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files that were cut.
    pub files: u64,
    /// Parts that were made of them.
    pub parts: u64,
}

/// The files of `daily` that `rule` wants cut: those above the limit that are not parts themselves.
pub fn candidates(daily: &Daily, rule: Rule) -> io::Result<Vec<BackupFile>> {
    let backups = daily.backups()?;
    let first = |whole: &[u8]| {
        let first = part_name(whole, 0);
        backups
            .binary_search_by(|file| file.name.as_slice().cmp(&first))
            .is_ok()
    };
    let is_part = |name: &[u8]| whole_name(name).is_some_and(|(whole, _)| first(whole));
    Ok(backups
        .iter()
        .filter(|file| file.bytes > rule.limit.0 && !is_part(&file.name))
        .cloned()
        .collect())
}

/// Cuts the files of `daily` that are too large. A file that cannot be cut stays as it is and is a problem; without
/// one, the day is marked.
pub fn split(
    daily: &Daily,
    rule: Rule,
    ids: Option<Ids>,
    monitor: &dyn Monitor,
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    let mut failed = false;
    for file in candidates(daily, rule)? {
        let path = daily.backup_path(&file.name);
        match cut(daily, &file, rule, ids, monitor) {
            Ok(parts) => {
                monitor.note(format!(
                    "{} was cut into {parts} parts",
                    event::printable_path(path)
                ));
                summary.files += 1;
                summary.parts += parts;
            }
            // The other files would find no room either.
            Err(error) if fsx::is_full(&error) => return Err(error),
            Err(error) => {
                failed = true;
                let reason = format!("cannot be split, and stays as it is: {error}");
                monitor.problem(&Problem::with_file(&path, &reason));
            }
        }
    }
    if !failed {
        daily.mark(SPLIT, ids)?;
    }
    Ok(summary)
}

fn cut(
    daily: &Daily,
    file: &BackupFile,
    rule: Rule,
    ids: Option<Ids>,
    monitor: &dyn Monitor,
) -> io::Result<u64> {
    let part = rule.part.0.max(1);
    let count = file.bytes.div_ceil(part);
    if count > MOST_PARTS {
        let reason =
            format!("it would have {count} parts, more than {MOST_PARTS}; enlarge <split_size>");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    if let Some(name) = named_like_a_part(daily, &file.name)? {
        let name = event::printable_bytes(&name);
        let reason = format!(
            "the peer has collected {name}, which is what one of its parts would be called"
        );
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
    }
    remove_old_parts(daily, &file.name, ids)?;
    let mut parts = Vec::new();
    let made = make(daily, file, (part, count), ids, monitor, &mut parts);
    if let Err(error) = made {
        // They would take the room that the next try needs, and go onto the disc beside the file.
        for (name, _) in &parts {
            fsx::remove_durably(&daily.backup_path(name))?;
        }
        return Err(error);
    }
    daily.give_way(&file.name, &parts, ids)?;
    Ok(count)
}

/// Makes `count` parts of `part` bytes of the file, and adds each to `parts` when it is whole. An error if they are not the
/// file that was staged.
fn make(
    daily: &Daily,
    file: &BackupFile,
    (part, count): (u64, u64),
    ids: Option<Ids>,
    monitor: &dyn Monitor,
    parts: &mut Vec<(Vec<u8>, Digest)>,
) -> io::Result<()> {
    let expected = daily.sums()?.and_then(|sums| sums.get(&file.name));
    let mut from = File::open(daily.backup_path(&file.name))?;
    let task = format!("splitting {}", event::printable_bytes(&file.name));
    let mut all = expected.map(Proof::prover);
    let mut done = 0;
    for number in 0..count {
        let name = part_name(&file.name, number);
        let mut to = AtomicFile::create(&daily.backup_path(&name))?;
        let mut digest = Hasher::default();
        let mut rest = (&mut from).take(part);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let got = match rest.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                got => got?,
            };
            if got == 0 {
                break;
            }
            to.write_all(&buffer[..got])?;
            digest.update(&buffer[..got]);
            if let Some(all) = &mut all {
                all.update(&buffer[..got]);
            }
            done += got as u64;
            monitor.observe(&Event::Progress(Progress {
                task: &task,
                done,
                total: Some(file.bytes),
                files: None,
            }));
        }
        to.commit(ids)?;
        parts.push((name, digest.finish()));
    }
    monitor.observe(&Event::ProgressEnd(&task));
    // The original goes only if the parts are the file that was staged.
    same(done, file.bytes, all.map(Prover::finish), expected)
}

/// What the peer collected, by its own list, that has a name which a part of the file `PEER/file` would have.
fn named_like_a_part(daily: &Daily, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let Some(slash) = name.iter().position(|byte| *byte == b'/') else {
        return Ok(None);
    };
    let (peer, file) = (&name[..slash], &name[slash + 1..]);
    let list = [peer, b"/", COLLECTED.as_bytes()].concat();
    let mut text = Vec::new();
    match File::open(daily.backup_path(&list)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?.take(LONGEST_LIST + 1).read_to_end(&mut text)?,
    };
    if text.len() as u64 > LONGEST_LIST {
        let list = event::printable_bytes(&list);
        return Err(io::Error::other(format!("{list} is too long for a list")));
    }
    let is_like_one = |name: &&[u8]| whole_name(name).is_some_and(|(whole, _)| whole == file);
    let list = Sums::parse(&text).unwrap_or_default();
    if !list.is_empty() {
        let own = list.iter().map(|(name, _)| name).find(is_like_one);
        return Ok(own.map(<[u8]>::to_vec));
    }
    // Cedar Backup's says nothing of files. What was staged beside the file is the peer's, unless the day was split before.
    if daily.path().join(SPLIT).try_exists()? {
        return Ok(None);
    }
    let staged = daily.sums()?.unwrap_or_default();
    let below = [peer, b"/"].concat();
    let names = staged.below(&below).map(|(name, _)| &name[below.len()..]);
    let own = names.into_iter().find(is_like_one).map(<[u8]>::to_vec);
    Ok(own)
}

/// Removes parts that an earlier staging of the day, or a killed run, left of the file `name`: more of them than are
/// made now would be joined with these.
fn remove_old_parts(daily: &Daily, name: &[u8], ids: Option<Ids>) -> io::Result<()> {
    let mut old = daily.backups()?;
    old.retain(|file| whole_name(&file.name).is_some_and(|(whole, _)| whole == name));
    if let Some(mut sums) = daily.sums()? {
        let before = sums.len();
        for part in &old {
            sums.remove(&part.name);
        }
        if sums.len() < before {
            daily.write_sums(&sums, ids)?;
        }
    }
    for part in old {
        fsx::remove_durably(&daily.backup_path(&part.name))?;
    }
    Ok(())
}

fn same(read: u64, bytes: u64, found: Option<Proof>, expected: Option<Proof>) -> io::Result<()> {
    if read != bytes {
        return Err(io::Error::other("it changed while it was split"));
    }
    if found != expected {
        return Err(io::Error::other(
            "it is damaged: it is not what was staged, by SHA256SUMS",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event::Tally;
    use crate::sums::Blake3;
    use std::process::Command;

    const RULE: Rule = Rule {
        limit: ByteSize(10),
        part: ByteSize(4),
    };

    fn day(files: &[(&str, &str)]) -> (tempfile::TempDir, Daily) {
        let dir = tempfile::tempdir().unwrap();
        let daily = Daily::new("2026-11-21".parse().unwrap(), dir.path().to_owned());
        std::fs::create_dir(dir.path().join("ada")).unwrap();
        let mut sums = Sums::new();
        for (name, text) in files {
            std::fs::write(dir.path().join("ada").join(name), text).unwrap();
            sums.insert(format!("ada/{name}"), Digest::of(text.as_bytes()));
        }
        daily.write_sums(&sums, None).unwrap();
        (dir, daily)
    }

    fn names(daily: &Daily) -> Vec<String> {
        let names = daily.backups().unwrap().into_iter();
        names
            .map(|file| String::from_utf8(file.name).unwrap())
            .collect()
    }

    fn verifies(daily: &Daily) {
        let judge = Command::new("sha256sum")
            .current_dir(daily.path())
            .args(["-c", "--strict", "--quiet", crate::sums::FILE_NAME])
            .output()
            .unwrap();
        assert!(judge.status.success(), "{judge:?}");
        let listed = daily.sums().unwrap().unwrap().len();
        assert_eq!(listed, daily.backups().unwrap().len());
    }

    #[test]
    fn only_files_above_the_limit_are_cut_and_the_parts_join() {
        let (_dir, daily) = day(&[
            ("ten", "0123456789"),
            ("c++ (x)", "0123456789abc"),
            ("twelve", "0123456789ab"),
        ]);
        let tally = Tally::default();
        let summary = split(&daily, RULE, None, &tally).unwrap();
        assert_eq!((summary.files, summary.parts), (2, 7));
        assert_eq!(
            names(&daily),
            [
                "ada/c++ (x)_00000",
                "ada/c++ (x)_00001",
                "ada/c++ (x)_00002",
                "ada/c++ (x)_00003",
                "ada/ten",
                "ada/twelve_00000",
                "ada/twelve_00001",
                "ada/twelve_00002"
            ]
        );
        verifies(&daily);
        let joined = Command::new("sh")
            .current_dir(daily.path().join("ada"))
            .args(["-c", "cat 'c++ (x)'_????? twelve_?????"])
            .output()
            .unwrap();
        assert_eq!(joined.stdout, b"0123456789abc0123456789ab");
        assert!(daily.path().join(SPLIT).exists());
        assert_eq!(tally.problems(), 0);
    }

    #[test]
    fn parts_are_not_cut_again_and_a_killed_run_is_repeated() {
        let (_dir, daily) = day(&[("big", "0123456789ab")]);
        let rule = Rule {
            limit: ByteSize(3),
            ..RULE
        };
        // Killed when some parts were there; one is of an earlier staging of the day.
        for number in [0, 1, 3] {
            let part = part_name(b"ada/big", number);
            std::fs::write(daily.backup_path(&part), "old").unwrap();
        }
        let tally = Tally::default();
        assert_eq!(split(&daily, rule, None, &tally).unwrap().files, 1);
        let after = names(&daily);
        assert_eq!(after, ["ada/big_00000", "ada/big_00001", "ada/big_00002"]);
        verifies(&daily);
        assert_eq!(split(&daily, rule, None, &tally).unwrap().files, 0);
        assert_eq!(names(&daily), after);
    }

    #[test]
    fn a_file_that_cannot_be_cut_to_its_end_leaves_no_parts() {
        let (_dir, daily) = day(&[("big", "0123456789ab")]);
        // In the place of the second part while it is written.
        std::fs::create_dir(daily.backup_path(b"ada/.big_00001.partial")).unwrap();
        let tally = Tally::default();
        split(&daily, RULE, None, &tally).unwrap();
        assert_eq!(
            (tally.problems(), names(&daily)),
            (1, vec!["ada/big".to_owned()])
        );
    }

    #[test]
    fn a_damaged_file_stays_and_is_named() {
        let by_blake3 = |text: &str| Proof::Blake3(Blake3::of(text.as_bytes()));
        let by_sha256 = |text: &str| Proof::Sha256(Digest::of(text.as_bytes()));
        for (promised, sound) in [
            (by_sha256("0123456789ab"), true),
            (by_blake3("0123456789ab"), true),
            (by_sha256("0123456789aX"), false),
            (by_blake3("0123456789aX"), false),
        ] {
            let (_dir, daily) = day(&[("big", "0123456789ab")]);
            let mut sums = Sums::new();
            sums.insert("ada/big", promised);
            daily.write_sums(&sums, None).unwrap();
            let tally = Tally::default();
            split(&daily, RULE, None, &tally).unwrap();
            assert_eq!(tally.problems(), u64::from(!sound), "{promised}");
            let there = names(&daily).contains(&"ada/big".to_owned());
            assert_eq!(there, !sound, "{promised}");
            assert_eq!(daily.path().join(SPLIT).exists(), sound, "{promised}");
            if sound {
                verifies(&daily);
            }
        }
    }

    #[test]
    fn a_list_without_end_does_not_fill_the_memory() {
        let (_dir, daily) = day(&[("big", "0123456789ab"), ("cback.collect", "")]);
        let list = daily.backup_path(b"ada/cback.collect");
        // A hole: it costs nothing but to whoever reads all of it.
        let list = File::options().write(true).open(list).unwrap();
        list.set_len(LONGEST_LIST + 1).unwrap();
        let tally = Tally::default();
        split(&daily, RULE, None, &tally).unwrap();
        assert_eq!(
            (tally.problems(), names(&daily)),
            (1, vec!["ada/big".to_owned()])
        );
    }

    #[test]
    fn what_the_peer_itself_has_under_the_name_of_a_part_stays() {
        let long = "x".repeat(1000);
        let mut claimed = Sums::new();
        claimed.insert("long", Digest::of(long.as_bytes()));
        claimed.insert("long_00007", Digest::of(b"own"));
        let claimed = String::from_utf8(claimed.to_text()).unwrap();
        let (_dir, daily) = day(&[
            ("long", &long),
            ("long_00007", "own"),
            ("cback.collect", &claimed),
        ]);
        let tally = Tally::default();
        let rule = Rule {
            limit: ByteSize(500),
            part: ByteSize(400),
        };
        split(&daily, rule, None, &tally).unwrap();
        let names = names(&daily);
        assert!(names.contains(&"ada/long".to_owned()), "{names:?}");
        assert!(names.contains(&"ada/long_00007".to_owned()), "{names:?}");
        assert_eq!(tally.problems(), 1);
    }

    /// A client of Cedar Backup says nothing of its files.
    #[test]
    fn what_a_peer_without_a_list_has_under_the_name_of_a_part_stays() {
        let files = [
            ("big", "0123456789ab"),
            ("big_00000", "own"),
            ("cback.collect", ""),
        ];
        let (_dir, daily) = day(&files);
        let tally = Tally::default();
        split(&daily, RULE, None, &tally).unwrap();
        assert_eq!(names(&daily), ["ada/big", "ada/big_00000"]);
        assert_eq!(tally.problems(), 1);
        // Parts of an earlier staging of the day give way.
        let (_dir, daily) = day(&files);
        daily.mark(SPLIT, None).unwrap();
        split(&daily, RULE, None, &Tally::default()).unwrap();
        let parts = ["ada/big_00000", "ada/big_00001", "ada/big_00002"];
        assert_eq!(names(&daily), parts);
    }
}
