//! What is restored without an archive: further names of files, what manifests describe although its archive is
//! missing, and files that are copied as they are.

use std::io;

use crate::archive::manifest::{Entry, ManifestError, ManifestReader, Place, Stored};
use crate::archive::{Kind, Member, Timestamp};
use crate::event::{Problem, Tell as _};
use crate::sums;

use super::RestoreError;
use super::carry::{Exists, Linked, Thing, Work};
use super::orphans::{self, Orphans};
use super::recipe::{PlainFile, Source};
use super::scan;
use super::shelf::Checked;
use super::target::OnDamage;
use super::wanted::Part;

impl Work<'_> {
    /// What archives do not hold: further names, directories and links whose archive is missing; and what
    /// has to be told of things that were not saved as they should have been.
    pub fn complete(&mut self, source: &Source) -> Result<(), RestoreError> {
        let scan = &source.scan;
        let missing: Vec<_> = scan
            .needs
            .keys()
            .filter(|stored| !self.is_at_hand(source, stored))
            .collect();
        if scan.links + scan.unsaved + scan.torn == 0 && missing.is_empty() {
            return Ok(());
        }
        let entries = self
            .shelf(&source.found.copy)
            .read(&source.found.copy.item)
            .map_err(ManifestError::from)
            .and_then(ManifestReader::new);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.lost(
                    &source.peer,
                    &source.path,
                    &format!("further names of files: {error}"),
                );
                return Ok(());
            }
        };
        let mut orphans = Orphans::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.lost(
                        &source.peer,
                        &source.path,
                        &format!("further names of files: {error}"),
                    );
                    break;
                }
            };
            if source.wanted.part(&entry.member.path) == Part::Wanted {
                let is_missing =
                    scan::stored(&entry.place).is_some_and(|stored| missing.contains(&stored));
                self.complete_one(source, &entry, is_missing, &mut orphans)?;
            }
        }
        if orphans.is_empty() {
            return Ok(());
        }
        orphans::adopt(self, source, &orphans)
    }

    fn is_at_hand(&self, source: &Source, stored: &Stored) -> bool {
        !self.recipe.missing.iter().any(|missing| {
            missing.peer == source.peer
                && missing.day == stored.day
                && missing.archive.as_os_str() == stored.archive
        })
    }

    fn complete_one(
        &mut self,
        source: &Source,
        entry: &Entry,
        is_missing: bool,
        orphans: &mut Orphans,
    ) -> Result<(), RestoreError> {
        let member = &entry.member;
        let at = source.place(&member.path)?;
        let exists = source.exists();
        if let Place::Missing(reason) = &entry.place {
            self.summary.failed += 1;
            let name = self.name(&source.peer, &member.path);
            let problem = Problem::new(name, &format!("was not saved: {reason}"));
            self.monitor()
                .problem(&problem.advise("an earlier day may have it; see --as-of"));
            if member.kind == Kind::Dir {
                self.way(&source.peer, &at, member, exists)?;
            }
            return Ok(());
        }
        match &member.kind {
            Kind::HardLink(first) => {
                let place = source.place(source.scan.place_of(first))?;
                if place == at {
                    // It stands in for the first name, and has the bytes.
                    if is_missing {
                        self.lack(&at);
                    }
                } else if self.link(&source.peer, &member.path, &at, &place, exists)?
                    == Linked::NotYet
                {
                    let known = orphans.entry(first.clone()).or_default();
                    known.push(member.path.clone());
                }
            }
            Kind::File if is_missing => self.lack(&at),
            Kind::File => {}
            _ if is_missing => self.put_described(source, entry)?,
            _ => {}
        }
        if let (Place::Torn(_, reason), false) = (&entry.place, is_missing) {
            let name = self.name(&source.peer, &member.path);
            let reason = format!("restored as it was saved, which was not well: {reason}");
            let advice = "an earlier day may have it whole; see --as-of";
            self.monitor()
                .problem(&Problem::new(name, &reason).advise(advice));
        }
        Ok(())
    }

    /// Restores something that has no bytes as the manifest describes it. It lacks extended attributes.
    pub fn put_described(&mut self, source: &Source, entry: &Entry) -> Result<(), RestoreError> {
        let at = source.place(&entry.member.path)?;
        let thing = Thing {
            path: &entry.member.path,
            at: &at,
            member: &entry.member,
            digest: None,
            exists: source.exists(),
            on_damage: OnDamage::Keep,
        };
        self.put(&source.peer, &thing, &mut io::empty())?;
        Ok(())
    }

    pub fn copy(&mut self, file: &PlainFile) -> Result<(), RestoreError> {
        let item = &file.copy.item;
        let from = self.shelf(&file.copy);
        let known = from
            .digest(item)
            .and_then(|digest| Ok((digest, from.pieces(item)?)));
        let (digest, pieces) = known.unwrap_or_else(|error| {
            let name = self.name(&item.peer, &file.to);
            let reason = format!(
                "its digest is not known, and so it is copied unchecked: the list of its day, {}: {error}",
                sums::FILE_NAME
            );
            self.monitor().problem(&Problem::new(name, &reason));
            (None, Vec::new())
        });
        let mut content = match from.read(item) {
            Ok(content) => Checked::new(content, pieces),
            Err(error) => {
                self.lost(&item.peer, &file.to, &format!("cannot be read: {error}"));
                return Ok(());
            }
        };
        let member = plain_member(file);
        let thing = Thing {
            path: &file.to,
            at: &file.at,
            member: &member,
            digest,
            exists: Exists::Problem,
            on_damage: OnDamage::Keep,
        };
        self.put(&item.peer, &thing, &mut content)?;
        Ok(())
    }
}

/// A file that is copied as it is belongs to whoever copies it.
fn plain_member(file: &PlainFile) -> Member {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    Member {
        path: file.to.clone(),
        kind: Kind::File,
        mode: 0o600,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        user: std::ffi::OsString::new(),
        group: std::ffi::OsString::new(),
        mtime: Timestamp {
            seconds: now.as_secs().cast_signed(),
            nanos: now.subsec_nanos(),
        },
        size: file.bytes,
        extended: Vec::new(),
    }
}
