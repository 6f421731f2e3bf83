//! Files that archives of Cedar Backup hold and our manifests name: those that did not change since it was replaced.
//!
//! Nobody wrote down in which of its archives each of them is, and their members are in no order. So they are read
//! from the latest back to the start of the week, and a member is taken if its digest is the one that the
//! manifest has. Wanted files are held in memory by digests of their paths, a batch at a time.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::manifest::Entry;
use crate::archive::{Kind, Member, Reader, Timestamp, unpack};
use crate::event::{Problem, Tell as _, with_causes};
use crate::units::Digest;

use super::RestoreError;
use super::carry::{Done, Thing, Work};
use super::extract::{Entries, packing};
use super::find::Copy;
use super::recipe::{Source, Step};
use super::target::OnDamage;

/// Files looked for at a time: some 30 MB.
const BATCH: usize = 1 << 18;

/// A path, shortened to a digest.
type Key = [u8; 16];

fn key(path: &Path) -> Key {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = Digest::of(path.as_os_str().as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest.as_bytes()[..16]);
    key
}

/// A wanted file, as the manifest has it.
struct Want {
    path: Key,
    digest: Option<Digest>,
    size: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: Timestamp,
    done: bool,
}

/// Restores what `source` wants from the archives of `step`.
pub(super) fn restore(
    work: &mut Work<'_>,
    step: &Step,
    source: &Source,
) -> Result<(), RestoreError> {
    let Some(stored) = &step.stored else {
        return Ok(());
    };
    let shelf = &work.shelves[source.found.copy.shelf];
    let mut entries = Entries::new(shelf, source, stored, None);
    let mut lost: Vec<Key> = Vec::new();
    loop {
        let mut wants = Vec::new();
        while wants.len() < BATCH
            && let Some((_, entry)) = entries.next()
        {
            wants.push(Want::of(&entry));
        }
        if wants.is_empty() {
            break;
        }
        wants.sort_unstable_by_key(|want| want.path);
        for copies in step.copies.chunk_by(|a, b| a.item == b.item) {
            one_archive(work, source, copies, &mut wants)?;
            if wants.iter().all(|want| want.done) {
                break;
            }
        }
        lost.extend(wants.iter().filter(|want| !want.done).map(|want| want.path));
    }
    if let Some(error) = entries.trouble() {
        let text = format!(
            "the manifest cannot be read any more: {}",
            with_causes(error)
        );
        work.lost(&source.peer, &source.path, &text);
    }
    if lost.is_empty() {
        return Ok(());
    }
    lost.sort_unstable();
    let mut entries = Entries::new(shelf, source, stored, None);
    while let Some((_, entry)) = entries.next() {
        let path = &entry.member.path;
        if lost.binary_search(&key(path)).is_ok() {
            let reason = "no archive of Cedar Backup that is at hand has it as it was; another disc of that week \
                          may: name it with --from";
            work.lost_file(source, path, reason)?;
        }
    }
    Ok(())
}

impl Want {
    fn of(entry: &Entry) -> Self {
        let member = &entry.member;
        Self {
            path: key(&member.path),
            digest: entry.digest,
            size: member.size,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            mtime: member.mtime,
            done: false,
        }
    }
}

/// Takes what is wanted from an archive of which there are `copies`. One that is damaged is followed by the next.
fn one_archive(
    work: &mut Work<'_>,
    source: &Source,
    copies: &[Copy],
    wants: &mut [Want],
) -> Result<(), RestoreError> {
    for (number, copy) in copies.iter().enumerate() {
        let shelf = &work.shelves[copy.shelf];
        let mut aliases = Vec::new();
        let mut pass = |work: &mut Work<'_>, aliases: &[Alias], found: &mut Vec<Alias>| {
            Ok::<_, RestoreError>(match shelf.read(&copy.item) {
                Ok(packed) => unpack(packing(&copy.item.name), packed, |tar| {
                    members(work, source, tar, wants, aliases, found)
                })?,
                Err(error) => Some(error.to_string()),
            })
        };
        let mut trouble = pass(work, &[], &mut aliases)?;
        if !aliases.is_empty() && trouble.is_none() {
            trouble = pass(work, &aliases, &mut Vec::new())?;
        }
        let Some(reason) = trouble else {
            return Ok(());
        };
        let name = shelf.whereabouts(&copy.item);
        if number + 1 < copies.len() {
            work.stand_in(name, &format!("{reason}; another copy will be read"));
        } else {
            let advice = "another disc may have a copy; name it with --from";
            work.monitor()
                .problem(&Problem::new(name, &reason).advise(advice));
        }
    }
    Ok(())
}

/// A wanted file that an archive has as a further name of another one.
struct Alias {
    /// The name that has the bytes.
    first: Key,
    path: PathBuf,
}

/// Looks at every member. Without `aliases` for wanted files, whose further names are put into `found`; else for what
/// those are further names of. Gives what stopped it before the end.
fn members(
    work: &mut Work<'_>,
    source: &Source,
    tar: &mut dyn Read,
    wants: &mut [Want],
    aliases: &[Alias],
    found: &mut Vec<Alias>,
) -> Result<Option<String>, RestoreError> {
    let mut reader = Reader::new(tar);
    loop {
        let member = match reader.next_member() {
            Ok(Some(member)) => member,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(with_causes(&error))),
        };
        let own = key(&member.path);
        let path = if aliases.is_empty() {
            &member.path
        } else if let Some(alias) = aliases.iter().find(|alias| alias.first == own) {
            &alias.path
        } else {
            continue;
        };
        let wanted = key(path);
        let Ok(at) = wants.binary_search_by_key(&wanted, |want| want.path) else {
            continue;
        };
        let want = &mut wants[at];
        match &member.kind {
            _ if want.done => {}
            Kind::HardLink(first) if aliases.is_empty() => found.push(Alias {
                first: key(first),
                path: member.path.clone(),
            }),
            Kind::File if member.size == want.size => {
                let below = source.place(source.scan.place_of(path))?;
                let thing = Thing {
                    path,
                    at: &below,
                    member: &want.member(&member),
                    digest: want.digest,
                    exists: source.exists(),
                    on_damage: OnDamage::Discard,
                };
                want.done = work.put(&source.peer, &thing, &mut reader)? == Done::Yes;
            }
            _ => {}
        }
    }
}

impl Want {
    /// The archive's member with what the manifest says of it, which is later.
    fn member(&self, stored: &Member) -> Member {
        let same_owner = (stored.uid, stored.gid) == (self.uid, self.gid);
        let name = |name: &OsString| {
            if same_owner {
                name.clone()
            } else {
                OsString::new()
            }
        };
        Member {
            path: stored.path.clone(),
            kind: Kind::File,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            user: name(&stored.user),
            group: name(&stored.group),
            mtime: self.mtime,
            size: self.size,
            extended: Vec::new(),
        }
    }
}
