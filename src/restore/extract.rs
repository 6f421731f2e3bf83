//! Getting what is wanted out of one archive, of which there may be several copies.
//!
//! An archive and the manifest that names it are in the same order, so one look at each is enough: members are passed
//! over up to the one that is wanted next. What a damaged copy does not give is looked for in the next one.

use std::cmp::Ordering;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::archive::manifest::{Entry, ManifestError, ManifestReader, Stored};
use crate::archive::{Compression, Kind, Member, Reader, path_order, unpack};
use crate::event::{count, with_causes};
use crate::units::Proof;

use super::RestoreError;
use super::carry::{Done, Exists, Thing, Work};
use super::find::{self, Copy};
use super::recipe::{Source, Step};
use super::scan;
use super::shelf::Shelf;
use super::target::{Existing, OnDamage};

/// Restores what `source` wants from the archive of `step`.
pub(super) fn by_manifest(
    work: &mut Work<'_>,
    step: &Step,
    source: &Source,
) -> Result<(), RestoreError> {
    entries(work, step, source, None)
}

/// Restores the entries of the manifest with those numbers, which ascend.
pub(super) fn by_numbers(
    work: &mut Work<'_>,
    step: &Step,
    source: &Source,
    numbers: Vec<u64>,
) -> Result<(), RestoreError> {
    entries(work, step, source, Some(numbers))
}

fn entries(
    work: &mut Work<'_>,
    step: &Step,
    source: &Source,
    mut todo: Option<Vec<u64>>,
) -> Result<(), RestoreError> {
    let Some(stored) = &step.stored else {
        return Ok(());
    };
    for (number, copy) in step.copies.iter().enumerate() {
        let others = step.copies.len() - number - 1;
        let on_damage = if others == 0 {
            OnDamage::Keep
        } else {
            OnDamage::Discard
        };
        let mut pass = Pass::new(work, source, stored, todo.take(), on_damage);
        let mut stopped = pass.look_at(work, copy, Rounds::Several)?;
        if stopped == Stopped::AtTheEnd {
            // Something is not in it. Taken for the archive of a single round, it shows what; the rest comes back.
            pass = pass.again(work, source, stored);
            stopped = pass.look_at(work, copy, Rounds::One)?;
        }
        let reason = stopped.reason();
        if let Some(reason) = &reason {
            pass.give_up(work, &format!("its archive is damaged: {reason}"))?;
        }
        if let Some(error) = pass.entries.trouble() {
            let text = format!(
                "the manifest cannot be read any more: {}",
                with_causes(error)
            );
            work.lost(&source.peer, &source.path, &text);
        }
        if pass.failed.is_empty() {
            return Ok(());
        }
        let name = work.shelves[copy.shelf].whereabouts(&copy.item);
        if others > 0 {
            let lost = count(pass.failed.len() as u64, "thing");
            let text = format!("damaged; {lost} will be taken from another copy");
            work.stand_in(name, &text);
        } else if let Some(reason) = reason {
            work.broken(name, &reason);
        }
        todo = Some(pass.failed);
    }
    Ok(())
}

/// One look at one copy of an archive.
struct Pass<'a> {
    source: &'a Source,
    entries: Entries<'a>,
    on_damage: OnDamage,
    /// Numbers of the entries that this copy did not give.
    failed: Vec<u64>,
}

/// What the order of an archive's members says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounds {
    /// What links led to came in later rounds of the walk, each in order of the paths: whatever comes next may be meant.
    Several,
    /// Whatever comes behind an entry shows that the entry is not there.
    One,
}

/// How a look at an archive ended.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    /// With the last thing that is wanted.
    WhenDone,
    /// Behind the last member, with things still wanted.
    AtTheEnd,
    /// Before, because of damage.
    ByDamage(String),
}

impl Stopped {
    fn reason(self) -> Option<String> {
        match self {
            Self::WhenDone => None,
            Self::AtTheEnd => Some("it ends before its last members".to_owned()),
            Self::ByDamage(reason) => Some(reason),
        }
    }
}

impl<'a> Pass<'a> {
    fn new(
        work: &Work<'a>,
        source: &'a Source,
        stored: &'a Arc<Stored>,
        only: Option<Vec<u64>>,
        on_damage: OnDamage,
    ) -> Self {
        let shelf = &work.shelves[source.found.copy.shelf];
        Self {
            source,
            entries: Entries::new(shelf, source, stored, only),
            on_damage,
            failed: Vec::new(),
        }
    }

    /// Another pass, for what this one did not come to.
    fn again(mut self, work: &Work<'a>, source: &'a Source, stored: &'a Arc<Stored>) -> Self {
        let rest = std::iter::from_fn(|| self.entries.next());
        let rest = rest.map(|(number, _)| number).collect();
        Self {
            failed: self.failed,
            ..Self::new(work, source, stored, Some(rest), self.on_damage)
        }
    }

    fn look_at(
        &mut self,
        work: &mut Work<'_>,
        copy: &Copy,
        rounds: Rounds,
    ) -> Result<Stopped, RestoreError> {
        let on = &work.shelves[copy.shelf];
        match on.read(&copy.item) {
            Ok(packed) => unpack(packing(&copy.item.name), packed, |tar| {
                self.merge(work, tar, rounds)
            }),
            Err(error) => Ok(Stopped::ByDamage(error.to_string())),
        }
    }

    /// Goes through the archive up to the last thing that is wanted.
    fn merge(
        &mut self,
        work: &mut Work<'_>,
        tar: &mut dyn Read,
        rounds: Rounds,
    ) -> Result<Stopped, RestoreError> {
        let mut reader = Reader::new(tar);
        while self.entries.peek().is_some() {
            let member = match reader.next_member() {
                Ok(Some(member)) => member,
                Ok(None) => return Ok(Stopped::AtTheEnd),
                Err(error) => return Ok(Stopped::ByDamage(with_causes(&error))),
            };
            while let Some((_, entry)) = self.entries.peek() {
                match order(&member.path, &entry.member.path) {
                    Ordering::Equal => {
                        self.take(work, &member, &mut reader)?;
                        break;
                    }
                    Ordering::Greater if rounds == Rounds::One => {
                        self.miss(work, "it is not in its archive")?;
                    }
                    Ordering::Less | Ordering::Greater => break,
                }
            }
        }
        Ok(Stopped::WhenDone)
    }

    /// Restores the next entry from `member`.
    fn take(
        &mut self,
        work: &mut Work<'_>,
        member: &Member,
        content: &mut dyn Read,
    ) -> Result<(), RestoreError> {
        let Some((_, entry)) = self.entries.peek() else {
            return Ok(());
        };
        if !agree(entry, member) {
            return self.miss(work, "its archive has something else of that name");
        }
        let Some((number, entry)) = self.entries.next() else {
            return Ok(());
        };
        let source = self.source;
        let path = &entry.member.path;
        let at = source.place(source.scan.place_of(path))?;
        // Where sources overlap and what is there first stays, the directory has the modes of the latest already.
        let stays = work.recipe.request.existing != Existing::Replace;
        if member.kind == Kind::Dir && source.exists() == Exists::Later && stays {
            return work.way(&source.peer, &at, member, Exists::Later);
        }
        let thing = Thing {
            path,
            at: &at,
            member,
            digest: entry.digest.map(Proof::Sha256),
            exists: source.exists(),
            on_damage: self.on_damage,
        };
        if work.put(&source.peer, &thing, content)? == Done::Damaged {
            self.failed.push(number);
        }
        Ok(())
    }

    /// The archive does not have the next entry.
    fn miss(&mut self, work: &mut Work<'_>, reason: &str) -> Result<(), RestoreError> {
        let Some((number, entry)) = self.entries.next() else {
            return Ok(());
        };
        self.failed.push(number);
        if self.on_damage == OnDamage::Discard {
            return Ok(());
        }
        if entry.member.kind == Kind::File {
            work.lost_file(self.source, &entry.member.path, reason)
        } else {
            work.put_described(self.source, &entry)
        }
    }

    /// The archive gives nothing more.
    fn give_up(&mut self, work: &mut Work<'_>, reason: &str) -> Result<(), RestoreError> {
        while self.entries.peek().is_some() {
            self.miss(work, reason)?;
        }
        Ok(())
    }
}

/// Whether the archive's member is what the manifest says.
fn agree(entry: &Entry, member: &Member) -> bool {
    member.kind == entry.member.kind && member.size == entry.member.size
}

/// The order of walks, in which the top comes before everything else.
fn order(a: &Path, b: &Path) -> Ordering {
    let plain = |path| {
        if path == Path::new(".") {
            Path::new("")
        } else {
            path
        }
    };
    path_order(plain(a), plain(b))
}

/// The entries of a manifest that are wanted from one archive, with their numbers.
pub(super) struct Entries<'a> {
    source: &'a Source,
    stored: &'a Arc<Stored>,
    /// Only these numbers, ascending.
    only: Option<std::vec::IntoIter<u64>>,
    reader: Option<ManifestReader<Box<dyn Read + Send + 'a>>>,
    number: u64,
    next: Option<(u64, Entry)>,
    trouble: Option<ManifestError>,
}

impl<'a> Entries<'a> {
    pub fn new(
        shelf: &'a Shelf,
        source: &'a Source,
        stored: &'a Arc<Stored>,
        only: Option<Vec<u64>>,
    ) -> Self {
        let reader = shelf
            .read(&source.found.copy.item)
            .map_err(ManifestError::from)
            .and_then(ManifestReader::new);
        let (reader, trouble) = match reader {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(error)),
        };
        let mut this = Self {
            source,
            stored,
            only: only.map(Vec::into_iter),
            reader,
            number: 0,
            next: None,
            trouble,
        };
        this.advance();
        this
    }

    /// Why there is nothing more, if the manifest could not be read to its end.
    pub fn trouble(&self) -> Option<&ManifestError> {
        self.trouble.as_ref()
    }

    fn peek(&self) -> Option<&(u64, Entry)> {
        self.next.as_ref()
    }

    pub fn next(&mut self) -> Option<(u64, Entry)> {
        let next = self.next.take();
        self.advance();
        next
    }

    fn advance(&mut self) {
        while let Some(reader) = &mut self.reader {
            let entry = match reader.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => {
                    self.trouble = Some(error);
                    break;
                }
            };
            let number = self.number;
            self.number += 1;
            if !self.is_wanted(number, &entry) {
                continue;
            }
            self.next = Some((number, entry));
            return;
        }
        self.reader = None;
    }

    fn is_wanted(&mut self, number: u64, entry: &Entry) -> bool {
        if let Some(only) = &mut self.only {
            while only.as_slice().first().is_some_and(|next| *next < number) {
                only.next();
            }
            if only.as_slice().first() != Some(&number) {
                return false;
            }
        }
        let source = self.source;
        // Further names are made when every file is there.
        !matches!(entry.member.kind, Kind::HardLink(_))
            && scan::stored(&entry.place) == Some(self.stored)
            && source.scan.wants(&entry.member.path, &source.wanted)
    }
}

/// How an archive of this name is packed.
pub(super) fn packing(name: &std::ffi::OsStr) -> Compression {
    find::stem_of_archive(name).map_or(Compression::None, |(_, way)| way)
}
