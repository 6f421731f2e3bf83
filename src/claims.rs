//! What a machine says of the files in its collect directory, so that whoever stages them can check them.
//!
//! It is said in `cback.collect`, by collect, when everything is there. What dumps wrote before that is noted in the working
//! directory until then. A note counts for the rest of its day, as long as the file is the one that was noted: the same
//! inode, length and time. Somebody else may write files of these names, and a wrong claim would keep them from being staged.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::fsx;
use crate::sums::{Proof, Sums, write_line};
use crate::units::{Day, Ids};

/// The indicator in a collect directory: everything is there. It has text: the digests.
pub const COLLECTED: &str = "cback.collect";

/// The notes of dumps, in the working directory.
const NOTES: &str = "dumps.noted";

/// Where a machine collects.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where files wait for being staged.
    pub collect_dir: &'a Path,
    /// Where state is kept.
    pub working_dir: &'a Path,
}

/// A file that was noted.
struct Note {
    /// What it was then.
    stamp: String,
    name: Vec<u8>,
    proof: Proof,
}

impl Place<'_> {
    /// Notes that on `day` the file `name` was put into the collect directory, and what proves it.
    pub fn note(&self, day: Day, name: &OsStr, proof: Proof, ids: Option<Ids>) -> io::Result<()> {
        let stamp = stamp(&self.collect_dir.join(name).symlink_metadata()?);
        let mut notes = self.notes(day);
        notes.retain(|note| note.name != name.as_bytes());
        notes.push(Note {
            stamp,
            name: name.as_bytes().to_vec(),
            proof,
        });
        let mut text = head(day).into_bytes();
        for note in notes {
            text.extend_from_slice(note.stamp.as_bytes());
            text.push(b'\n');
            write_line(&mut text, &note.name, note.proof);
        }
        fsx::write_indicator(&self.working_dir.join(NOTES), text, ids)
    }

    /// The files that were noted on `day` and are still what they were.
    pub fn noted(&self, day: Day) -> Sums {
        let mut sums = Sums::new();
        for note in self.notes(day) {
            let path = self.collect_dir.join(OsStr::from_bytes(&note.name));
            let now = path.symlink_metadata();
            if now.is_ok_and(|now| now.is_file() && stamp(&now) == note.stamp) {
                sums.insert(note.name, note.proof);
            }
        }
        sums
    }

    /// Takes back what `cback.collect` says of the files `names`, which are written anew or go next. It stays as old as it is:
    /// its time says when everything was there.
    pub fn withdraw(&self, names: &[&OsStr], ids: Option<Ids>) -> io::Result<()> {
        let path = self.collect_dir.join(COLLECTED);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text?,
        };
        // Somebody else's says nothing of files.
        let Ok(mut sums) = Sums::parse(&text) else {
            return Ok(());
        };
        let before = sums.len();
        sums.retain(|name| !names.iter().any(|gone| gone.as_bytes() == name));
        if sums.len() == before {
            return Ok(());
        }
        let then = path.metadata()?.modified()?;
        let mut file = fsx::AtomicFile::create(&path)?;
        file.write_over(0, &sums.to_text())?;
        file.file().set_modified(then)?;
        file.commit(ids)
    }

    /// What was noted on `day`. Notes that cannot be read or understood say nothing.
    fn notes(&self, day: Day) -> Vec<Note> {
        let text = std::fs::read(self.working_dir.join(NOTES)).unwrap_or_default();
        let Some(rest) = text.strip_prefix(head(day).as_bytes()) else {
            return Vec::new();
        };
        let lines: Vec<&[u8]> = rest.split(|byte| *byte == b'\n').collect();
        let notes = lines.chunks_exact(2).map(|two| {
            let sums = Sums::parse(two[1]).ok()?;
            let (name, proof) = sums.iter().next()?;
            Some(Note {
                stamp: String::from_utf8(two[0].to_vec()).ok()?,
                name: name.to_vec(),
                proof,
            })
        });
        notes.map_while(|note| note).collect()
    }
}

fn head(day: Day) -> String {
    format!("# written on {day}\n")
}

/// What tells a file from what it was before, or from another one of its name.
fn stamp(stat: &Metadata) -> String {
    format!(
        "# {} bytes, {}.{:09}, inode {}",
        stat.len(),
        stat.mtime(),
        stat.mtime_nsec(),
        stat.ino()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sums::{Blake3, Digest};
    use std::fs;
    use std::time::{Duration, SystemTime};

    fn day() -> Day {
        "2026-11-24".parse().unwrap()
    }

    fn noted(place: &Place<'_>, day: Day) -> Vec<String> {
        let sums = place.noted(day);
        let names = sums.iter().map(|(name, _)| name.to_vec());
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn a_note_counts_on_its_day_while_the_file_is_what_it_was() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let place = Place {
            collect_dir: dirs[0].path(),
            working_dir: dirs[1].path(),
        };
        let proofs = [
            Proof::Sha256(Digest::of(b"x")),
            Proof::Blake3(Blake3::of(b"x")),
        ];
        for (name, proof) in ["a.txt", "b\n.txt"].into_iter().zip(proofs) {
            fs::write(place.collect_dir.join(name), "x").unwrap();
            place.note(day(), OsStr::new(name), proof, None).unwrap();
        }
        assert_eq!(noted(&place, day()), ["a.txt", "b\n.txt"]);
        assert_eq!(place.noted(day()).get(b"b\n.txt"), Some(proofs[1]));
        assert_eq!(noted(&place, day().succ()), [""; 0]);
        // Written by somebody else, or gone.
        fs::remove_file(place.collect_dir.join("a.txt")).unwrap();
        assert_eq!(noted(&place, day()), ["b\n.txt"]);
        fs::write(place.collect_dir.join("a.txt"), "x").unwrap();
        assert_eq!(noted(&place, day()), ["b\n.txt"]);
        // Another day's note lets go of those before.
        place
            .note(day().succ(), OsStr::new("a.txt"), proofs[0], None)
            .unwrap();
        assert_eq!(noted(&place, day().succ()), ["a.txt"]);
        assert_eq!(noted(&place, day()), [""; 0]);
        let notes = place.working_dir.join(NOTES);
        let text = fs::read(&notes).unwrap();
        for end in 0..text.len() - 1 {
            fs::write(&notes, &text[..end]).unwrap();
            assert_eq!(noted(&place, day().succ()), [""; 0], "{end}");
        }
    }

    #[test]
    fn what_is_written_anew_is_not_claimed_any_more_and_the_indicator_stays_as_old_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            collect_dir: dir.path(),
            working_dir: dir.path(),
        };
        let names = [OsStr::new("a.txt"), OsStr::new("a.txt.gz")];
        let collected = dir.path().join(COLLECTED);
        place.withdraw(&names, None).unwrap();
        assert!(!collected.exists());
        for (text, after) in [
            ("", Some("")),
            ("somebody else's\n", None),
            (&format!("{}  etc.tar\n", Digest::of(b"")), None),
            (&format!("{}  a.txt.gz\n", Digest::of(b"")), Some("")),
        ] {
            fs::write(&collected, text).unwrap();
            let then = SystemTime::now() - Duration::from_secs(1000);
            fs::File::options()
                .write(true)
                .open(&collected)
                .unwrap()
                .set_modified(then)
                .unwrap();
            let before = collected.metadata().unwrap().modified().unwrap();
            place.withdraw(&names, None).unwrap();
            assert_eq!(
                fs::read_to_string(&collected).unwrap(),
                after.unwrap_or(text)
            );
            assert_eq!(collected.metadata().unwrap().modified().unwrap(), before);
        }
    }
}
