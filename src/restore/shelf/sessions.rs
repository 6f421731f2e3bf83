//! What the sessions of a disc hold for somebody who restores.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::{Held, Item, join};
use crate::event::{printable, printable_path, with_causes};
use crate::iso9660::{Content, Kind, ReadAt, ReadError, Tree, Volume};
use crate::sums;
use crate::units::Day;

/// What was found on a disc.
pub(super) struct Found {
    /// The label of the newest session that can be read.
    pub label: String,
    /// The files.
    pub items: BTreeMap<Item, Held>,
    /// Lists of digests of whole days.
    pub lists: BTreeMap<Day, Held>,
    /// What is wrong, although it can be used.
    pub troubles: Vec<String>,
}

/// Directories that cannot be read in full, and why.
type Losses = BTreeMap<PathBuf, ReadError>;

/// What is in the newest of the sessions that begin at `starts`, oldest first. For a directory that is damaged there the
/// newest of those before stands in that has it whole. `None` if there is no session at all.
pub(super) fn newest(medium: &dyn ReadAt, starts: &[u32]) -> Result<Option<Found>, ReadError> {
    let mut unreadable = None;
    let mut found: Option<(Found, Losses)> = None;
    let mut answered = BTreeSet::new();
    for start in starts.iter().rev() {
        match (session(medium, *start), &mut found) {
            (Ok(session), None) => found = Some(session),
            (Ok((older, gaps)), Some((newest, losses))) => {
                for lost in losses.keys().filter(|lost| !answered.contains(*lost)) {
                    newest.stand_in(&older, lost);
                }
                let whole = |lost: &&PathBuf| {
                    let is_in = |gap: &PathBuf| gap.starts_with(lost) || lost.starts_with(gap);
                    older.has(lost) && !gaps.keys().any(is_in)
                };
                answered.extend(losses.keys().filter(whole).cloned());
            }
            (Err(error), None) => unreadable = unreadable.or(Some(error)),
            (Err(_), Some(_)) => {}
        }
        if found
            .as_ref()
            .is_some_and(|(_, losses)| losses.len() == answered.len())
        {
            break;
        }
    }
    let Some((mut found, mut losses)) = found else {
        return unreadable.map_or(Ok(None), Err);
    };
    if found.items.is_empty()
        && let Some((_, error)) = losses.pop_first()
    {
        return Err(error);
    }
    let earlier = unreadable.map(|error| {
        let text = "the newest session cannot be read, an earlier one is used";
        format!("{text}: {}", with_causes(&error))
    });
    found.troubles.extend(earlier);
    for (path, error) in losses {
        let instead = if answered.contains(&path) {
            "as it was in an earlier session is used"
        } else {
            "cannot be read in full, nor as a whole in an earlier session"
        };
        let path = match path.as_os_str().as_bytes() {
            b"" => "the root directory".to_owned(),
            _ => printable_path(&path),
        };
        found
            .troubles
            .push(format!("{path} {instead}: {}", with_causes(&error)));
    }
    Ok(Some(found))
}

fn session(medium: &dyn ReadAt, start: u32) -> Result<(Found, Losses), ReadError> {
    let volume = Volume::open(medium, start)?;
    let (tree, lost) = volume.salvage()?;
    let (items, lists) = items(&tree);
    let mut losses = Losses::new();
    for loss in lost {
        let path = PathBuf::from(OsStr::from_bytes(&loss.path));
        losses.entry(path).or_insert(loss.error);
    }
    let found = Found {
        label: printable(&String::from_utf8_lossy(volume.volume_id())),
        items,
        lists,
        troubles: Vec::new(),
    };
    Ok((found, losses))
}

impl Found {
    /// Takes over what `older` has in the directory `lost`, and below, and this one has not.
    fn stand_in(&mut self, older: &Self, lost: &Path) {
        for (item, held) in &older.items {
            if item.path().starts_with(lost) && !self.items.contains_key(item) {
                self.items.insert(item.clone(), held.clone());
            }
        }
        for (day, held) in &older.lists {
            if day.path().starts_with(lost) && !self.lists.contains_key(day) {
                self.lists.insert(*day, held.clone());
            }
        }
    }

    /// Whether something is in the directory at `path`, or below.
    fn has(&self, path: &Path) -> bool {
        self.items.keys().any(|item| item.path().starts_with(path))
    }
}

/// The files in `tree` that lie where a peer's files lie, and the lists of digests.
fn items(tree: &Tree) -> (BTreeMap<Item, Held>, BTreeMap<Day, Held>) {
    let mut items = BTreeMap::new();
    let mut lists = BTreeMap::new();
    for (path, node) in tree.walk() {
        let Kind::File(Content::Old(extents)) = &node.kind else {
            continue;
        };
        let path = Path::new(OsStr::from_bytes(&path));
        let held = Held {
            length: extents.iter().map(|extent| extent.bytes).sum(),
            extents: extents.clone(),
            parts: Vec::new(),
        };
        if let Some(item) = item(path) {
            items.insert(item, held);
        } else if path.file_name() == Some(OsStr::new(sums::FILE_NAME))
            && let Some(day) = path.parent().and_then(Path::to_str)
            && let Ok(day) = day.parse()
        {
            lists.insert(day, held);
        }
    }
    join(&mut items);
    (items, lists)
}

/// The item that `YYYY/MM/DD/PEER/NAME` names.
fn item(path: &Path) -> Option<Item> {
    let names: Vec<&OsStr> = path.iter().collect();
    let [year, month, day, peer, name] = names[..] else {
        return None;
    };
    let day = [year, month, day].map(|part| part.to_str().unwrap_or(""));
    Some(Item {
        peer: peer.to_str()?.parse().ok()?,
        day: day.join("/").parse().ok()?,
        name: name.to_owned(),
    })
}
