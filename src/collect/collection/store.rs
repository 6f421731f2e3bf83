//! What has to be stored goes into the archive; and into manifest and snapshot, what became of it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Run;
use crate::archive::manifest::{Entry, Place};
use crate::archive::{Kind, Member, Writer};
use crate::collect::CollectError;
use crate::collect::attributes::{extended, extended_of_located, identity, is_before};
use crate::collect::content::{Body, parts, whole};
use crate::collect::links::Copy;
use crate::collect::snapshot::Record;
use crate::event::{Problem, Tell as _};
use crate::fsx::{AtomicFile, Fate};
use crate::select::{Found, Stat, Type};
use crate::units::Digest;

impl Run<'_> {
    /// A regular file whose bytes have to be stored.
    pub(super) fn store_file(
        &mut self,
        found: &Found,
        first: Option<PathBuf>,
    ) -> Result<(), CollectError> {
        let opened = self.opener.open(found).and_then(|file| {
            let stat = Stat::of(&file)?;
            Ok((file, stat))
        });
        let (file, stat) = match opened {
            Ok((file, stat)) if stat.kind() == Type::File => (file, stat),
            Ok(_) => return self.miss(found, "it became something else while it was collected"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.miss(found, "it vanished before it could be read");
            }
            Err(error) => return self.miss(found, &format!("it cannot be opened: {error}")),
        };
        let mut member = self.names.member(found, &stat);
        let mut reasons = Vec::new();
        match extended(file.as_fd()) {
            Ok(extended) => member.extended = extended,
            Err(error) => reasons.push(format!("its extended attributes cannot be read: {error}")),
        }
        let (digest, fate) = self.append(&member, &file, &stat)?;
        let after = Stat::of(&file).ok();
        let times = |stat: Stat| (stat.size, stat.mtime);
        reasons.extend(torn(fate, after.map(times) == Some(times(stat))));
        let torn = (!reasons.is_empty()).then(|| reasons.join("; "));
        let copy = Copy {
            path: member.path.clone(),
            digest,
            size: stat.size,
            torn,
        };
        // A change of attributes while it was read: sound bytes, but next time it is new again.
        let settled = after.map(|after| after.ctime) == Some(stat.ctime);
        let same_file = (stat.device, stat.inode) == (found.stat.device, found.stat.inode);
        let first = first.filter(|_| same_file);
        if same_file {
            self.links
                .note(&found.stat, &member.path, Some(copy.clone()));
        }
        if let Some(reason) = &copy.torn {
            self.problem(&found.path(), reason);
        }
        if let Some(first) = &first {
            member.kind = Kind::HardLink(first.clone());
        }
        self.remember(found, &stat, &copy, first, settled)?;
        self.list_copy(member, &stat, copy)
    }

    /// Writes a file's headers and bytes.
    fn append(
        &mut self,
        member: &Member,
        file: &File,
        stat: &Stat,
    ) -> Result<(Digest, Fate), CollectError> {
        let sparse = parts(file, stat.size, stat.blocks);
        let all = whole(stat.size);
        let task = Arc::clone(&self.task);
        let tell = self.progress_within(&task);
        let mut body = Body::new(file, sparse.as_deref().unwrap_or(&all), stat.size, &tell);
        let archive = self.archive()?;
        let written = match &sparse {
            Some(parts) => archive.append_sparse(member, parts, &mut body),
            None => archive.append_file(member, &mut body),
        };
        written.map_err(|source| self.write_error(source))?;
        let read = body.finish();
        self.done += stat.size;
        self.summary.stored += 1;
        self.report(0);
        Ok(read)
    }

    /// A further name of a file that today's archive has.
    pub(super) fn store_link(
        &mut self,
        found: &Found,
        first: PathBuf,
        copy: &Copy,
    ) -> Result<(), CollectError> {
        let mut member = self.names.member(found, &found.stat);
        member.kind = Kind::HardLink(copy.path.clone());
        let written = self.archive()?.append(&member);
        written.map_err(|source| self.write_error(source))?;
        self.links.note(&found.stat, &member.path, None);
        member.kind = Kind::HardLink(first.clone());
        self.remember(found, &found.stat, copy, Some(first), true)?;
        self.list_copy(member, &found.stat, copy.clone())
    }

    /// Anything but a regular file.
    pub(super) fn store_other(&mut self, found: &Found) -> Result<(), CollectError> {
        let mut member = self.names.member(found, &found.stat);
        let mut torn = found.unlisted.clone();
        if member.kind != Kind::Dir || torn.is_none() {
            match self.opener.locate(found) {
                Ok(located) => match extended_of_located(&located) {
                    Ok(extended) => member.extended = extended,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        torn = Some(self.unasked(&found.path()));
                    }
                    Err(error) => torn = Some(self.unread(&found.path(), &error)),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => torn = Some(self.unread(&found.path(), &error)),
            }
        }
        let written = self.archive()?.append(&member);
        written.map_err(|source| self.write_error(source))?;
        member.extended.clear();
        if torn.is_none() && is_before(found.stat.ctime, self.unit.granularity, self.began) {
            self.snapshot.add(&Record {
                round: found.round,
                path: member.path.clone(),
                identity: identity(&found.stat),
                digest: None,
                first: None,
                stored: Arc::clone(&self.today),
            })?;
        }
        let stored = Arc::clone(&self.today);
        self.list(&Entry {
            member,
            links: found.stat.links.into(),
            digest: None,
            place: match torn {
                Some(reason) => Place::Torn(stored, reason),
                None => Place::Whole(stored),
            },
        })
    }

    /// Tells that the extended attributes of the thing at `path` cannot be read. Gives the reason.
    fn unread(&mut self, path: &Path, error: &io::Error) -> String {
        let reason = format!("its extended attributes cannot be read: {error}");
        self.problem(path, &reason);
        reason
    }

    /// Tells that the extended attributes of the thing at `path` cannot be asked for, the first time in a run. Gives the
    /// reason.
    fn unasked(&mut self, path: &Path) -> String {
        if self.summary.unasked == 0 {
            let reason = "without /proc, the extended attributes of links, devices and directories that forbid reading \
                          cannot be saved; this is the first of them";
            let advice = "mount it (`mount -t proc proc /proc`); the next collection then saves all of these anew";
            self.summary.problems += 1;
            let problem = Problem::with_file(path, reason).advise(advice);
            self.monitor.problem(&problem);
        }
        self.summary.unasked += 1;
        "its extended attributes could not be asked for without /proc".to_owned()
    }

    /// What could not be stored.
    pub(super) fn miss(&mut self, found: &Found, reason: &str) -> Result<(), CollectError> {
        self.problem(&found.path(), reason);
        let member = self.names.member(found, &found.stat);
        self.list(&Entry {
            member,
            links: found.stat.links.into(),
            digest: None,
            place: Place::Missing(reason.to_owned()),
        })
    }

    /// Puts a stored file into the snapshot, if it would be recognised by what is written there.
    fn remember(
        &mut self,
        found: &Found,
        stat: &Stat,
        copy: &Copy,
        first: Option<PathBuf>,
        settled: bool,
    ) -> Result<(), CollectError> {
        // A later change has to be sure to show.
        let settled = settled && is_before(stat.ctime, self.unit.granularity, self.began);
        if !settled || copy.torn.is_some() {
            return Ok(());
        }
        Ok(self.snapshot.add(&Record {
            round: found.round,
            path: found.stored_path(),
            identity: identity(stat),
            digest: Some(copy.digest),
            first,
            stored: Arc::clone(&self.today),
        })?)
    }

    fn list_copy(
        &mut self,
        mut member: Member,
        stat: &Stat,
        copy: Copy,
    ) -> Result<(), CollectError> {
        member.size = copy.size;
        member.extended.clear();
        let stored = Arc::clone(&self.today);
        self.list(&Entry {
            member,
            links: stat.links.into(),
            digest: Some(copy.digest),
            place: match copy.torn {
                Some(reason) => Place::Torn(stored, reason),
                None => Place::Whole(stored),
            },
        })
    }

    pub(super) fn list(&mut self, entry: &Entry) -> Result<(), CollectError> {
        self.entries += 1;
        let (manifest, path) = &mut self.manifest;
        manifest.add(entry).map_err(|source| CollectError::Write {
            path: path.clone(),
            source,
        })
    }

    /// The archive, begun now if it was not before.
    fn archive(&mut self) -> Result<&mut Writer<AtomicFile>, CollectError> {
        if self.archive.is_none() {
            let file = AtomicFile::create(&self.archive_path);
            let file = file.map_err(|source| self.write_error(source))?;
            let writer = Writer::new(self.unit.compression, self.unit.level, file);
            return Ok(self.archive.insert(writer));
        }
        self.archive.as_mut().ok_or_else(|| CollectError::Write {
            path: self.archive_path.clone(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn write_error(&self, source: io::Error) -> CollectError {
        CollectError::Write {
            path: self.archive_path.clone(),
            source,
        }
    }
}

/// Why the stored bytes are not those of one moment, if they are not. `is_same`: length and time are as before.
fn torn(fate: Fate, is_same: bool) -> Option<String> {
    match fate {
        Fate::Whole if is_same => None,
        Fate::Whole => Some("it changed while it was read".to_owned()),
        Fate::Long => Some("it grew while it was read; what was added is not stored".to_owned()),
        Fate::Short(at) => Some(format!(
            "it shrank to {at} bytes while it was read; zeros are stored for the rest"
        )),
        Fate::Failed(at, why) => Some(format!(
            "it cannot be read after {at} bytes ({why}); zeros are stored for the rest"
        )),
    }
}
