//! A disc on disk: its bytes in a sparse file, and beside it a small text with what a drive reads from lead-in and lead-out.
//!
//! The text is written whenever a track begins or ends, and says while a disc is in use that it is. A disc that was in use when
//! everything ended is one that lost its power: a track that was being written has then ended by accident.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Disc, Format, Kind, SECTOR, Track};

/// The place of the text.
fn state(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".disc");
    name.into()
}

impl Disc {
    /// A blank one at `path`; what was there is lost.
    pub fn create(path: &Path, kind: Kind, sectors: u32) -> io::Result<()> {
        let contents = File::create(path)?;
        let mut disc = Self::blank(path, contents, kind, sectors);
        disc.in_use = false;
        disc.save()
    }

    /// Makes a blank DVD-RW one that was formatted quickly.
    pub fn restrict(path: &Path) -> io::Result<()> {
        let mut disc = Self::insert(path)?;
        disc.restricted = true;
        disc.format = Format::Until(0);
        disc.remove()
    }

    /// Pretends that the only session ends at that sector, by what the drive knows and by what the session's volume says
    /// (ECMA-119 8.4.8, 8.5.7). Nothing is stored in between.
    pub fn pretend(path: &Path, end: u32) -> io::Result<()> {
        let mut disc = Self::insert(path)?;
        let wrong = |why| Err(io::Error::other(why));
        if end > disc.capacity() || !end.is_multiple_of(disc.kind.block()) {
            return wrong("no such end");
        }
        let places = if disc.is_random() {
            vec![(16, end), (32 + 16, end - 32)]
        } else {
            let [track] = &mut disc.tracks[..] else {
                return wrong("not one session");
            };
            (track.next, track.end) = (end, Some(end));
            vec![(track.start + 16, end)]
        };
        for (first, size) in places {
            let descriptors = (u64::from(first)..).map(|sector| sector * SECTOR as u64);
            for at in descriptors {
                let mut kind = [0; 6];
                disc.contents.read_exact_at(&mut kind, at)?;
                match &kind {
                    [1 | 2, b'C', b'D', b'0', b'0', b'1'] => {
                        disc.contents.write_all_at(&size.to_le_bytes(), at + 80)?;
                        disc.contents.write_all_at(&size.to_be_bytes(), at + 84)?;
                    }
                    [255, ..] => break,
                    _ => return wrong("no volume"),
                }
            }
        }
        disc.remove()
    }

    /// Takes one into a drive.
    pub fn insert(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(state(path))?;
        let contents = OpenOptions::new().read(true).write(true).open(path)?;
        let mut disc = parse(path, contents, &text)
            .ok_or_else(|| io::Error::other(format!("{} is no disc", path.display())))?;
        if disc.in_use {
            disc.power_was_lost();
        }
        disc.in_use = true;
        disc.save()?;
        Ok(disc)
    }

    /// Takes it out. One that somebody made anew meanwhile stays as it is.
    pub fn remove(mut self) -> io::Result<()> {
        let text = fs::read_to_string(state(&self.path))?;
        if !text.contains("in-use 1\n") {
            return Ok(());
        }
        self.in_use = false;
        self.save()
    }

    /// Writes the text.
    pub fn save(&self) -> io::Result<()> {
        let mut text = format!("kind {}\nsectors {}\n", self.kind.word(), self.sectors);
        for (word, fact) in [
            ("in-use", self.in_use),
            ("finalized", self.finalized),
            ("once-only", self.once_only),
            ("restricted", self.restricted),
        ] {
            let _ = writeln!(text, "{word} {}", u8::from(fact));
        }
        let format = match self.format {
            Format::None => "none".to_owned(),
            Format::Until(sector) => sector.to_string(),
            Format::Whole => "whole".to_owned(),
        };
        let _ = writeln!(text, "format {format}\nspare {}", self.spare);
        let _ = writeln!(text, "closed {}", self.closed_sessions);
        for track in &self.tracks {
            let _ = writeln!(text, "{}", track.line());
        }
        let place = state(&self.path);
        let partial = place.with_extension("partial");
        fs::write(&partial, text)?;
        fs::rename(partial, place)
    }
}

fn parse(path: &Path, contents: File, text: &str) -> Option<Disc> {
    let mut lines = text.lines();
    let kind = Kind::of(lines.next()?.strip_prefix("kind ")?)?;
    let sectors = lines.next()?.strip_prefix("sectors ")?.parse().ok()?;
    let mut disc = Disc::blank(path, contents, kind, sectors);
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["in-use", is] => disc.in_use = *is == "1",
            ["finalized", is] => disc.finalized = *is == "1",
            ["once-only", is] => disc.once_only = *is == "1",
            ["restricted", is] => disc.restricted = *is == "1",
            ["format", "none"] => disc.format = Format::None,
            ["format", "whole"] => disc.format = Format::Whole,
            ["format", until] => disc.format = Format::Until(until.parse().ok()?),
            ["spare", spare] => disc.spare = spare.parse().ok()?,
            ["closed", count] => disc.closed_sessions = count.parse().ok()?,
            ["track", track @ ..] => disc.tracks.push(Track::parse(track)?),
            _ => return None,
        }
    }
    Some(disc)
}
