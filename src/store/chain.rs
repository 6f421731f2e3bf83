//! Whether what is stored can be restored: every archive that a day's manifests name has a known copy.
//!
//! An increment is worth what it builds on. If the staging directory was emptied by hand, or a disc was thrown
//! away, nobody shall learn of it on the worst day of the year.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Store;
use super::found::Previous;
use super::staged::{StagedDay, What};
use crate::archive::manifest::{self, Coverage, ManifestError, ManifestReader, Place, Stored};
use crate::catalog::CopyRow;
use crate::event::{Problem, Tell as _, printable_path};
use crate::iso9660::{Content, FileReader, Kind};
use crate::units::{Day, PeerName};

const MEND: &str =
    "run `cback --full collect`, then stage and store; if there is a disc that has it, keep it";
const LOOK: &str = "look at the machine that collected it: such a manifest is damaged or forged";
/// What encrypting, splitting, and both add to the name of a staged archive.
const ADDED: [&str; 4] = ["", ".gpg", "_00000", ".gpg_00000"];
/// What the names of Cedar Backup's archives end in.
const CEDARS: [&str; 3] = [".tar", ".tar.gz", ".tar.bz2"];
/// A manifest that names more archives than these is no work of this program: a week has a few.
const MOST: usize = 1000;
/// So many of the archives that are missing are named.
const NAMED: usize = 5;
/// Days of a week.
const WEEK: u32 = 7;
/// Days after its collection on which an archive may still be staged: a late peer is staged later than it collects.
const LATE: u64 = 31;

/// Names the archives that the manifests of `days` build on and that are neither staged, nor on the disc that is
/// continued, nor on a disc of the catalog but the one that is `going`: it is erased next.
pub(super) fn check<'a>(
    job: &Store<'_>,
    days: impl Iterator<Item = &'a StagedDay>,
    disc: Option<&Previous>,
    going: Option<&str>,
) {
    let places = Places { job, disc, going };
    for day in days {
        let mut asked = Asked::default();
        for (peer, name) in manifests(day) {
            if asked.peer.as_ref() != Some(&peer) {
                asked = Asked::of(&peer);
            }
            let file = day.daily.path().join(OsStr::from_bytes(name));
            places.check(&file, day.day(), &mut asked);
        }
    }
}

/// What was asked about one peer's archives: the manifests of a hostile machine name any number of them.
#[derive(Default)]
struct Asked {
    peer: Option<PeerName>,
    /// Whether there is a copy, by how many days later than it collects the peer may be staged.
    known: BTreeMap<(u64, Stored), bool>,
    missed: usize,
}

impl Asked {
    fn of(peer: &PeerName) -> Self {
        Self {
            peer: Some(peer.clone()),
            ..Self::default()
        }
    }
}

/// `etc.tar.gz of 2026-11-16, etc.tar.gz of 2026-11-17 and 3 more`.
fn named(missing: &[Stored]) -> String {
    let text = missing
        .iter()
        .take(NAMED)
        .map(|needed| format!("{} of {}", printable_path(&needed.archive), needed.day))
        .collect::<Vec<_>>()
        .join(", ");
    match missing.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// The manifests of a day: whose, and their paths in it.
fn manifests(day: &StagedDay) -> impl Iterator<Item = (PeerName, &[u8])> {
    let suffix = format!(".{}", manifest::EXTENSION).into_bytes();
    day.entries.iter().filter_map(move |entry| {
        let is_file = matches!(entry.what, What::File { .. });
        if !is_file || !entry.name.ends_with(&suffix) {
            return None;
        }
        let at = entry.name.iter().position(|&byte| byte == b'/')?;
        let peer = std::str::from_utf8(&entry.name[..at]).ok()?.parse().ok()?;
        Some((peer, entry.name.as_slice()))
    })
}

/// What a manifest builds on.
struct Needs {
    /// The day of its own collection.
    collected: Day,
    /// Archives of other collections; one more than [`MOST`] stand for any number.
    others: BTreeSet<Stored>,
}

impl Needs {
    fn read(file: &Path) -> Result<Self, ManifestError> {
        let mut manifest = ManifestReader::new(File::open(file)?)?;
        let header = manifest.header();
        let own = Stored {
            day: header.day,
            archive: header.archive.clone(),
        };
        let full = header.coverage == Coverage::Full;
        let mut others = BTreeSet::new();
        while !full
            && others.len() <= MOST
            && let Some(entry) = manifest.next_entry()?
        {
            if let Place::Whole(stored) | Place::Torn(stored, _) = entry.place
                && *stored != own
                && !others.contains(&*stored)
            {
                others.insert(Stored::clone(&stored));
            }
        }
        Ok(Self {
            collected: own.day,
            others,
        })
    }
}

/// What a staged archive may be called in its daily directory.
fn names(peer: &PeerName, archive: &OsStr) -> [Vec<u8>; 4] {
    ADDED.map(|added| {
        let archive = archive.as_bytes();
        [peer.as_str().as_bytes(), b"/", archive, added.as_bytes()].concat()
    })
}

/// Where copies may be.
struct Places<'a> {
    job: &'a Store<'a>,
    /// The disc in the drive, if it is continued.
    disc: Option<&'a Previous>,
    /// The disc that is erased next.
    going: Option<&'a str>,
}

impl Places<'_> {
    /// Tells what the manifest at `file`, which was staged on `day`, builds on and nobody has.
    fn check(&self, file: &Path, day: Day, asked: &mut Asked) {
        let tell = |reason: &dyn Display, advice: &str| {
            let problem = Problem::with_file(file, reason);
            self.job.monitor.problem(&problem.advise(advice));
        };
        let needs = match Needs::read(file) {
            Ok(needs) => needs,
            // A foreign file of that name says nothing about archives.
            Err(ManifestError::Incompatible(_)) => return,
            Err(error) => return tell(&error, MEND),
        };
        if needs.others.len() > MOST || asked.missed > MOST {
            let reason = format!(
                "nobody looked for what it builds on: it, or what else this machine collected, names more than {MOST} \
                 archives that are nowhere"
            );
            return tell(&reason, LOOK);
        }
        let late = day.days_since(needs.collected).unsigned_abs().min(LATE);
        let missing: Vec<Stored> = needs
            .others
            .into_iter()
            .filter(|needed| self.lacks(needed, late, asked))
            .collect();
        if !missing.is_empty() {
            let reason = format!(
                "it builds on {}, of which no copy is known, neither staged nor on a disc",
                named(&missing)
            );
            tell(&reason, MEND);
        }
    }

    /// Whether no copy of `needed` is known; asked once.
    fn lacks(&self, needed: &Stored, late: u64, asked: &mut Asked) -> bool {
        let Some(peer) = &asked.peer else {
            return false;
        };
        let key = (late, needed.clone());
        if let Some(have) = asked.known.get(&key) {
            return !have;
        }
        let have = self.have(peer, needed, late);
        asked.missed += usize::from(!have);
        asked.known.insert(key, have);
        !have
    }

    /// Whether a copy of the archive `needed` of `peer` is known. `late` is by how many days this peer is staged after
    /// it has collected.
    fn have(&self, peer: &PeerName, needed: &Stored, late: u64) -> bool {
        if let Some(stem) = needed.cedars() {
            return self.have_cedars(peer, stem, needed.day);
        }
        let names = names(peer, &needed.archive);
        let mut day = needed.day;
        for after in 0..=LATE {
            let there = names
                .iter()
                .any(|name| self.is_staged(day, name) || self.on_disc(day, name).is_some());
            // An archive without a manifest (an encrypted one, for instance) is believed to be what its directory says.
            let collected = there
                .then(|| self.collected(day, peer, &needed.archive).unwrap_or(day))
                .is_some_and(|collected| collected == needed.day);
            // The catalog does not know when something was collected.
            if collected || (after <= late && self.on_other_disc(day, peer, &names)) {
                return true;
            }
            day = day.succ();
        }
        false
    }

    /// Whether any archive of the source `stem` is known that Cedar Backup made between the start of that week and `last`,
    /// the day of its last digests. Which of them has a file, only reading them tells.
    fn have_cedars(&self, peer: &PeerName, stem: &OsStr, last: Day) -> bool {
        let archives = CEDARS.map(|end| {
            let mut archive = stem.to_owned();
            archive.push(end);
            archive
        });
        let names: Vec<Vec<u8>> = archives
            .iter()
            .flat_map(|archive| names(peer, archive))
            .collect();
        let mut day = last.latest(self.job.starting_day);
        // The master may have come after midnight. Who claims the last day of all has none after it.
        for _ in 0..=WEEK {
            let there = names
                .iter()
                .any(|name| self.is_staged(day, name) || self.on_disc(day, name).is_some());
            // Where one of our manifests lies beside it, it is ours.
            let theirs = || self.collected(day, peer, &archives[0]).is_none();
            if (there && theirs()) || self.on_other_disc(day, peer, &names) {
                return true;
            }
            if day > last {
                break;
            }
            day = day.succ();
        }
        false
    }

    fn is_staged(&self, day: Day, name: &[u8]) -> bool {
        let daily = self.job.staging.daily(day);
        daily.path().join(OsStr::from_bytes(name)).exists()
    }

    fn on_disc(&self, day: Day, name: &[u8]) -> Option<Content> {
        let path = day.path().join(OsStr::from_bytes(name));
        match self.disc?.tree.lookup(path)?.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    fn on_other_disc(&self, day: Day, peer: &PeerName, names: &[Vec<u8>]) -> bool {
        let is_one = |copy: &CopyRow| {
            names.contains(&copy.file.name) && Some(copy.disc.id.as_str()) != self.going
        };
        let known = |copies: Vec<CopyRow>| copies.iter().any(is_one);
        // A catalog that cannot be read is told elsewhere, and knows nothing bad.
        self.job.catalog.copies(day, Some(peer)).map_or(true, known)
    }

    /// The day on which the archive in the daily directory of `day` was collected, if its manifest says so.
    fn collected(&self, day: Day, peer: &PeerName, archive: &OsStr) -> Option<Day> {
        let archive = archive.as_bytes();
        let stem = archive
            .windows(4)
            .rposition(|part| part == b".tar")
            .map_or(archive, |at| &archive[..at]);
        let name = [
            peer.as_str().as_bytes(),
            b"/",
            stem,
            b".",
            manifest::EXTENSION.as_bytes(),
        ]
        .concat();
        let staged = self
            .job
            .staging
            .daily(day)
            .path()
            .join(OsStr::from_bytes(&name));
        if let Ok(file) = File::open(staged) {
            return Some(ManifestReader::new(file).ok()?.header().day);
        }
        let Content::Old(extents) = self.on_disc(day, &name)? else {
            return None;
        };
        let file = FileReader::new(&*self.disc?.medium, &extents);
        Some(ManifestReader::new(file).ok()?.header().day)
    }
}
