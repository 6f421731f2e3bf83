//! Reading an archive that no manifest tells about: every member that is wanted is restored, but for what a later archive
//! has brought.
//!
//! A further name of a file has no bytes in the archive. If the first name was not restored, because nobody wants it or
//! because a later version of it is there, the archive is read once more, and the first further name gets the bytes.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::archive::{Kind, Member, Reader, unpack};
use crate::event::{printable_path, with_causes};
use crate::restore::RestoreError;
use crate::restore::carry::{Done, Exists, Linked, Thing, Work};
use crate::restore::extract::packing;
use crate::restore::find::Copy;
use crate::restore::recipe::{Everything, Step};
use crate::restore::target::{Below, OnDamage, WriteError};
use crate::restore::wanted::Part;
use crate::units::{Proof, Prover};

/// Restores everything that is wanted from the archive of `step`, and that no later archive has brought.
pub(in crate::restore) fn restore(
    work: &mut Work<'_>,
    step: &Step,
    rule: &Everything,
) -> Result<(), RestoreError> {
    for (number, copy) in step.copies.iter().enumerate() {
        let others = step.copies.len() - number - 1;
        let mut pass = Pass {
            step,
            rule,
            // What another copy of the same archive brought is no surprise.
            exists: if number == 0 {
                rule.exists
            } else {
                Exists::Later
            },
            on_damage: if others == 0 {
                OnDamage::Keep
            } else {
                OnDamage::Discard
            },
            orphans: HashMap::new(),
        };
        let trouble = read(work, copy, |work, tar| pass.all_members(work, tar))?;
        if !pass.orphans.is_empty() && (trouble.is_none() || others == 0) {
            // What stops it now has stopped it before, or leaves orphans, which are told.
            read(work, copy, |work, tar| pass.adopt(work, tar))?;
            pass.tell_orphans(work)?;
        }
        let Some(reason) = trouble else {
            return Ok(());
        };
        let name = work.shelves[copy.shelf].whereabouts(&copy.item);
        if others == 0 {
            let reason = format!(
                "{reason}; what follows in it is lost, nobody knows what that was, and what came out of it before \
                 may be damaged"
            );
            work.broken(name, &reason);
        } else {
            work.stand_in(name, &format!("{reason}; another copy will be read"));
        }
    }
    Ok(())
}

/// Unpacks `copy` and gives it to `look`; gives what stopped it before the end. If `look` came to the end, the bytes are
/// compared with their digest, if there is one: a tar that is not packed has no checksum of its own.
fn read(
    work: &mut Work<'_>,
    copy: &Copy,
    look: impl FnOnce(&mut Work<'_>, &mut dyn Read) -> Result<Option<String>, RestoreError>,
) -> Result<Option<String>, RestoreError> {
    let shelf = &work.shelves[copy.shelf];
    let promised = shelf.digest(&copy.item).ok().flatten();
    let mut packed = match shelf.read(&copy.item) {
        Ok(packed) => Hashed {
            inner: packed,
            prover: promised.map(Proof::prover),
            ended: false,
        },
        Err(error) => return Ok(Some(error.to_string())),
    };
    let stopped = unpack(packing(&copy.item.name), &mut packed, |tar| look(work, tar))?;
    if stopped.is_none() && packed.ended && packed.prover.map(Prover::finish) != promised {
        let name = shelf.whereabouts(&copy.item);
        let reason = "its bytes are not those that were staged: what came out of it may be damaged";
        work.broken(name, reason);
    }
    Ok(stopped)
}

/// An archive as it is read, and its digest.
struct Hashed<R> {
    inner: R,
    prover: Option<Prover>,
    /// Whether everything was read.
    ended: bool,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        if let Some(prover) = &mut self.prover {
            prover.update(&buffer[..got]);
        }
        self.ended |= got == 0 && !buffer.is_empty();
        Ok(got)
    }
}

/// A further name of a file that was not restored under its first one.
struct Orphan {
    path: PathBuf,
    at: Below,
}

/// One look at one copy of an archive.
struct Pass<'a> {
    step: &'a Step,
    rule: &'a Everything,
    exists: Exists,
    on_damage: OnDamage,
    /// By the first name, below the peer's part of the target directory.
    orphans: HashMap<PathBuf, Vec<Orphan>>,
}

impl Pass<'_> {
    /// Restores every member that is wanted.
    fn all_members(
        &mut self,
        work: &mut Work<'_>,
        tar: &mut dyn Read,
    ) -> Result<Option<String>, RestoreError> {
        let mut reader = Reader::new(tar);
        loop {
            let member = match reader.next_member() {
                Ok(Some(member)) => member,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(with_causes(&error))),
            };
            self.rule.wanted.look(&member.path, &mut work.seen);
            let part = self.rule.wanted.part(&member.path);
            if part == Part::Left {
                continue;
            }
            let Some(at) = self.place(work, &member, &member.path) else {
                continue;
            };
            match (&member.kind, part) {
                (Kind::Dir, _) => work.way(&self.step.peer, &at, &member, self.exists)?,
                (_, Part::Way) => {}
                (Kind::HardLink(first), _) => self.link(work, &member, at, first)?,
                _ => {
                    let put = self.put(work, &member, &member.path, &at, &mut reader)?;
                    if put == Done::Damaged {
                        return Ok(Some(damaged_within(&member.path)));
                    }
                }
            }
        }
    }

    /// Makes `at`, which was called `member.path`, a further name of `first`, or an orphan.
    fn link(
        &mut self,
        work: &mut Work<'_>,
        member: &Member,
        at: Below,
        first: &Path,
    ) -> Result<(), RestoreError> {
        let Some(first) = self.place(work, member, first) else {
            return Ok(());
        };
        let peer = &self.step.peer;
        if work.link(peer, &member.path, &at, &first, self.exists)? == Linked::NotYet {
            let orphan = Orphan {
                path: member.path.clone(),
                at,
            };
            let first = first.as_path().to_owned();
            self.orphans.entry(first).or_default().push(orphan);
        }
        Ok(())
    }

    /// Restores what orphans are further names of, under their names.
    fn adopt(
        &mut self,
        work: &mut Work<'_>,
        tar: &mut dyn Read,
    ) -> Result<Option<String>, RestoreError> {
        let mut reader = Reader::new(tar);
        while !self.orphans.is_empty() {
            let member = match reader.next_member() {
                Ok(Some(member)) => member,
                Ok(None) => break,
                Err(error) => return Ok(Some(with_causes(&error))),
            };
            if member.kind != Kind::File {
                continue;
            }
            let Ok(first) = Below::new(&member.path) else {
                continue;
            };
            let first = first.under(&self.rule.prefix);
            let Some(orphans) = self.orphans.remove(first.as_path()) else {
                continue;
            };
            let mut orphans = orphans.into_iter();
            let Some(eldest) = orphans.next() else {
                continue;
            };
            let put = self.put(work, &member, &eldest.path, &eldest.at, &mut reader)?;
            if put == Done::Damaged {
                return Ok(Some(damaged_within(&member.path)));
            }
            for other in orphans {
                let peer = &self.step.peer;
                let linked = work.link(peer, &other.path, &other.at, &eldest.at, self.exists)?;
                if linked == Linked::NotYet {
                    unlinked(work, self.step, &eldest.at, &other)?;
                }
            }
        }
        Ok(None)
    }

    /// Tells of orphans that are left.
    fn tell_orphans(self, work: &mut Work<'_>) -> Result<(), RestoreError> {
        for (first, orphans) in self.orphans {
            // OK: it was the path of such a place
            let Ok(first) = Below::new(&first) else {
                continue;
            };
            for orphan in orphans {
                unlinked(work, self.step, &first, &orphan)?;
            }
        }
        Ok(())
    }

    fn put(
        &self,
        work: &mut Work<'_>,
        member: &Member,
        path: &Path,
        at: &Below,
        content: &mut dyn Read,
    ) -> Result<Done, RestoreError> {
        let thing = Thing {
            path,
            at,
            member,
            digest: None,
            exists: self.exists,
            on_damage: self.on_damage,
        };
        work.put(&self.step.peer, &thing, content)
    }

    /// Where what was called `path` goes; if nowhere, because of `member`, that is told.
    fn place(&self, work: &mut Work<'_>, member: &Member, path: &Path) -> Option<Below> {
        match Below::new(path) {
            Ok(at) => Some(at.under(&self.rule.prefix)),
            Err(error) => {
                let reason = format!("not restored: {error}");
                work.lost(&self.step.peer, &member.path, &reason);
                None
            }
        }
    }
}

/// Tells that `orphan` was not restored, because its first name was not.
fn unlinked(
    work: &mut Work<'_>,
    step: &Step,
    first: &Below,
    orphan: &Orphan,
) -> Result<(), RestoreError> {
    let error = WriteError::Unlinked(first.as_path().to_owned());
    work.refuse(&step.peer, &orphan.path, error)
}

fn damaged_within(path: &Path) -> String {
    format!("it is damaged within `{}`", printable_path(path))
}
