//! Files that archives of Cedar Backup hold and our manifests name: those that did not change since it was replaced.
//!
//! Nobody wrote down in which of its archives each of them is, and their members are in no order. So they are read
//! from the latest back to the start of the week, and a member is taken if its digest is the one that the
//! manifest has. Wanted files are held in memory by digests of their paths, a batch at a time.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::manifest::Entry;
use crate::archive::{Kind, Member, Reader, Timestamp, unpack};
use crate::event::with_causes;
use crate::units::{Digest, Proof};

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
        let mut pass = |work: &mut Work<'_>, look: &mut Look| {
            Ok::<_, RestoreError>(match shelf.read(&copy.item) {
                Ok(packed) => unpack(packing(&copy.item.name), packed, |tar| {
                    members(work, source, tar, wants, look)
                })?,
                Err(error) => Some(error.to_string()),
            })
        };
        let mut aliases = Aliases::new();
        let mut trouble = pass(work, &mut Look::ForAll(&mut aliases))?;
        // One of each first name at a time: its bytes pass by once.
        while !aliases.is_empty() && trouble.is_none() {
            trouble = pass(work, &mut Look::ForFirsts(&aliases))?;
            aliases.retain(|_, paths| {
                paths.pop();
                !paths.is_empty()
            });
        }
        let Some(reason) = trouble else {
            return Ok(());
        };
        let name = shelf.whereabouts(&copy.item);
        if number + 1 < copies.len() {
            work.stand_in(name, &format!("{reason}; another copy will be read"));
        } else {
            work.broken(name, &reason);
        }
    }
    Ok(())
}

/// Wanted files that an archive has as further names of other ones, by the name that has the bytes.
type Aliases = HashMap<Key, Vec<PathBuf>>;

/// What is looked for among the members of an archive.
enum Look<'a> {
    /// Every wanted file; those that are further names are put here.
    ForAll(&'a mut Aliases),
    /// The first names of these, for the last of the others each.
    ForFirsts(&'a Aliases),
}

/// Looks at every member. Gives what stopped it before the end.
fn members(
    work: &mut Work<'_>,
    source: &Source,
    tar: &mut dyn Read,
    wants: &mut [Want],
    look: &mut Look<'_>,
) -> Result<Option<String>, RestoreError> {
    let mut reader = Reader::new(tar);
    loop {
        let member = match reader.next_member() {
            Ok(Some(member)) => member,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(with_causes(&error))),
        };
        let path = match look {
            Look::ForAll(_) => Some(&member.path),
            Look::ForFirsts(aliases) => {
                let others = aliases.get(&key(&member.path));
                others.and_then(|others| others.last())
            }
        };
        let Some(path) = path else { continue };
        let wanted = key(path);
        let Ok(at) = wants.binary_search_by_key(&wanted, |want| want.path) else {
            continue;
        };
        let want = &mut wants[at];
        match (&member.kind, &mut *look) {
            _ if want.done => {}
            (Kind::HardLink(first), Look::ForAll(aliases)) => {
                let others = aliases.entry(key(first)).or_default();
                others.push(member.path.clone());
            }
            (Kind::File, _) if member.size == want.size => {
                let below = source.place(source.scan.place_of(path))?;
                let thing = Thing {
                    path,
                    at: &below,
                    member: &want.member(&member),
                    digest: want.digest.map(Proof::Sha256),
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
