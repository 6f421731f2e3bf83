//! Where days of backups lie: a staging directory, a disc, or a directory with what was on a disc.
//!
//! All have the same layout, `YYYY/MM/DD/PEER/files`, so that a copy of a copy serves as well. What a shelf
//! holds is listed once; restoring then only opens files. A file that was cut into parts is there as if it had not been.

mod parts;
mod sessions;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::event::printable_path;
use crate::iso9660::{self, Extent, FileReader, ReadAt};
use crate::media::{Burner, Drive as _, DriveError, Handling, MediaKind};
use crate::staging::{Staging, part_name};
use crate::sums::Sums;
use crate::units::{AbsPath, Day, PeerName, Proof};

pub use parts::Checked;
use parts::{Joined, join};
use sessions::Found;

/// A file that a peer has on one day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// Whose it is.
    pub peer: PeerName,
    /// The day under which it lies.
    pub day: Day,
    /// Its name in the peer's directory.
    pub name: OsString,
}

/// Somewhere that days of backups lie.
pub struct Shelf {
    name: String,
    /// The file or drive of a disc, or the directory.
    place: PathBuf,
    bytes: Bytes,
    items: BTreeMap<Item, Held>,
    /// Lists of digests of whole days, on a disc.
    lists: BTreeMap<Day, Held>,
    troubles: Vec<String>,
}

/// Why a shelf cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// It cannot be read. That does not mean that it is empty.
    #[error("`{}` cannot be read", printable_path(path))]
    Read {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no daily directory in it.
    #[error("`{}` holds no daily directories (`YYYY/MM/DD`)", printable_path(.0))]
    Empty(PathBuf),
    /// No session of the disc can be read.
    #[error("no session of the disc `{}` can be read", printable_path(path))]
    Disc {
        /// Its file or drive.
        path: PathBuf,
        /// What is wrong with the newest one.
        source: iso9660::ReadError,
    },
}

/// What stands for the numbers of all parts of a file.
pub const PARTS: &str = "_?????";

/// A disc in a drive.
struct InDrive {
    medium: Box<dyn ReadAt>,
    /// First sectors of its sessions, by the drive's own table.
    starts: Vec<u32>,
    /// What is wrong with it.
    trouble: Option<String>,
}

/// The disc in the drive at `path`; `None` if it is no drive that knows of sessions.
fn drive(path: &Path) -> Option<InDrive> {
    use std::os::unix::fs::FileTypeExt as _;
    let device = std::fs::metadata(path).ok()?.file_type();
    if !device.is_block_device() && !device.is_char_device() {
        return None;
    }
    let drive = Burner::new(
        AbsPath::new(std::path::absolute(path).ok()?).ok()?,
        MediaKind::DvdPlusR,
        Handling::default(),
    );
    let (disc, trouble) = match drive.inspect() {
        Err(DriveError::Unreadable { why, .. }) => {
            let trouble = format!("the disc is damaged: {why}");
            (drive.salvage()?, Some(trouble))
        }
        found => (found.ok()??, None),
    };
    Some(InDrive {
        medium: drive.open().ok()?,
        starts: disc.sessions.iter().map(|session| session.start).collect(),
        trouble,
    })
}

/// No list of digests is longer.
const LIST_MAX: u64 = 256 << 20;

/// Where by-hand commands expect a disc to be mounted.
const MOUNTED: &str = "/mnt";

/// Where the bytes of all files are.
enum Bytes {
    /// In files below this directory.
    Directory(PathBuf),
    /// On this disc.
    Disc(Box<dyn ReadAt>),
}

/// Where the bytes of one file are.
#[derive(Clone)]
struct Held {
    length: u64,
    /// On a disc; empty in a directory.
    extents: Vec<Extent>,
    /// Lengths of the parts that it was cut into; none if it is whole.
    parts: Vec<u64>,
}

impl Held {
    fn in_file(length: u64) -> Self {
        Self {
            length,
            extents: Vec::new(),
            parts: Vec::new(),
        }
    }
}

impl Shelf {
    /// What lies at `path`: a staging directory, a directory with the content of a disc, or a disc: its file or
    /// its drive.
    pub fn open(path: &Path) -> Result<Self, ShelfError> {
        let fault = |source| ShelfError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(fault)?.is_dir() {
            return Self::directory(path);
        }
        if let Some(there) = drive(path) {
            let mut shelf = Self::disc(path, there.medium, &there.starts)?;
            shelf.troubles.extend(there.trouble);
            return Ok(shelf);
        }
        let medium = Box::new(File::open(path).map_err(fault)?);
        let readable = iso9660::readable_sessions(medium.as_ref());
        let (starts, error) = match iso9660::sessions_of_copy(medium.as_ref()) {
            Ok(sessions) => (sessions.iter().map(|one| one.start).collect(), None),
            // Something is wrong with the chain; what can be found in spite of that may be all there is.
            Err(error) => (readable.starts, Some(error)),
        };
        let mut shelf = Self::disc(path, medium, &starts)?;
        if !readable.is_newest_known {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            shelf.troubles.push(format!(
                "the beginning of the disc, which shows its newest session, is damaged; there may be newer ones than those \
                 that were found{why}"
            ));
        }
        Ok(shelf)
    }

    /// The disc `medium`, which is at `path`, with sessions that begin at the sectors `starts`, oldest first. A
    /// session has what the ones before it had; so the newest one that can be read serves, and for what is damaged in it those
    /// before.
    pub fn disc(path: &Path, medium: Box<dyn ReadAt>, starts: &[u32]) -> Result<Self, ShelfError> {
        let Found {
            label,
            items,
            lists,
            troubles,
        } = sessions::newest(medium.as_ref(), starts)
            .map_err(|source| ShelfError::Disc {
                path: path.to_owned(),
                source,
            })?
            .filter(|found| !found.items.is_empty())
            .ok_or_else(|| ShelfError::Empty(path.to_owned()))?;
        Ok(Self {
            name: match label.as_str() {
                "" => printable_path(path),
                label => label.to_owned(),
            },
            place: path.to_owned(),
            bytes: Bytes::Disc(medium),
            items,
            lists,
            troubles,
        })
    }

    /// The staging directory at `path`, or a directory with the content of a disc. What cannot be listed in it is among the
    /// [`Shelf::troubles`], and costs nothing else; only if nothing at all is found it is an error.
    pub fn directory(path: &Path) -> Result<Self, ShelfError> {
        let fault = |source| ShelfError::Read {
            path: path.to_owned(),
            source,
        };
        let absolute = std::path::absolute(path).map_err(fault)?;
        let root = AbsPath::new(&absolute).map_err(|error| fault(io::Error::other(error)))?;
        let mut unlisted = Vec::new();
        let mut trouble = |path: &Path, error| unlisted.push((path.to_owned(), error));
        let days = Staging::new(root).readable_days(&mut trouble);
        let mut items = BTreeMap::new();
        for daily in &days {
            let peers = daily.peers().unwrap_or_else(|error| {
                trouble(daily.path(), error);
                Vec::new()
            });
            for peer in peers {
                let files = daily.files(&peer).unwrap_or_else(|error| {
                    trouble(&daily.peer_path(&peer), error);
                    Vec::new()
                });
                for file in files {
                    let item = Item {
                        peer: peer.clone(),
                        day: daily.day(),
                        name: file.name,
                    };
                    items.insert(item, Held::in_file(file.bytes));
                }
            }
        }
        if items.is_empty()
            && let Some((path, source)) = unlisted.pop()
        {
            return Err(ShelfError::Read { path, source });
        }
        if days.is_empty() {
            return Err(ShelfError::Empty(path.to_owned()));
        }
        join(&mut items);
        let troubles = unlisted.iter().map(|(path, error)| {
            let path = printable_path(path);
            format!("{path} cannot be listed, and nothing of it is restored: {error}")
        });
        Ok(Self {
            name: printable_path(&absolute),
            troubles: troubles.collect(),
            place: absolute.clone(),
            bytes: Bytes::Directory(absolute),
            items,
            lists: BTreeMap::new(),
        })
    }

    /// What people call it: the directory's path, or the disc's label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where `item` is, for people: its path, or its path on which disc.
    pub fn whereabouts(&self, item: &Item) -> String {
        let place = printable_path(&self.place);
        match &self.bytes {
            Bytes::Directory(_) => printable_path(self.by_hand(item)),
            Bytes::Disc(_) if self.name == place => {
                format!("{} on the disc {place}", printable_path(self.named(item)))
            }
            Bytes::Disc(_) => {
                let path = printable_path(self.named(item));
                format!("{path} on the disc `{}` ({place})", self.name)
            }
        }
    }

    /// Everything on it, by peer, day and name.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.keys()
    }

    /// What `peer` has on it, by day and name.
    pub fn items_of<'a>(&'a self, peer: &'a PeerName) -> impl Iterator<Item = &'a Item> {
        let first = Item {
            peer: peer.clone(),
            day: Day::from(chrono::NaiveDate::MIN),
            name: OsString::new(),
        };
        let items = self.items.range(first..).map(|(item, _)| item);
        items.take_while(move |item| item.peer == *peer)
    }

    /// The length of `item` in bytes; `None` if it is not on this shelf.
    pub fn length(&self, item: &Item) -> Option<u64> {
        self.items.get(item).map(|held| held.length)
    }

    /// What is wrong with it, although it can be used.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// Reads `item`.
    pub fn read(&self, item: &Item) -> io::Result<Box<dyn Read + Send + '_>> {
        let held = self.items.get(item).ok_or(io::ErrorKind::NotFound)?;
        Ok(match &self.bytes {
            Bytes::Directory(root) => match held.parts.len() {
                0 => Box::new(File::open(root.join(item.path()))?),
                count => Box::new(Joined::new(root.join(item.path()), count as u64)),
            },
            Bytes::Disc(medium) => Box::new(FileReader::new(medium.as_ref(), &held.extents)),
        })
    }

    /// The digest of `item` by the list of its day; `None` if there is no list, or it is not on it. A list that cannot be
    /// read or understood is an error.
    pub fn digest(&self, item: &Item) -> io::Result<Option<Proof>> {
        let sums = self.sums(item.day)?;
        Ok(sums.and_then(|sums| sums.get(&listed_name(item))))
    }

    /// Lengths of the parts that `item` was cut into, with their digests as in [`Shelf::digest`]; none if it is whole.
    pub fn pieces(&self, item: &Item) -> io::Result<Vec<(u64, Option<Proof>)>> {
        let parts = self.items.get(item).map_or(&[][..], |held| &held.parts);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let sums = self.sums(item.day)?.unwrap_or_default();
        let name = listed_name(item);
        let digest = |number| sums.get(&part_name(&name, number));
        let numbered = (0..).zip(parts);
        Ok(numbered
            .map(|(number, length)| (*length, digest(number)))
            .collect())
    }

    /// The list of digests of `day`.
    fn sums(&self, day: Day) -> io::Result<Option<Sums>> {
        match &self.bytes {
            Bytes::Directory(root) => {
                let root = AbsPath::new(root).map_err(io::Error::other)?;
                Staging::new(root).daily(day).sums()
            }
            Bytes::Disc(medium) => {
                let Some(list) = self.lists.get(&day) else {
                    return Ok(None);
                };
                let mut text = Vec::new();
                let list = FileReader::new(medium.as_ref(), &list.extents);
                list.take(LIST_MAX).read_to_end(&mut text)?;
                Sums::parse(&text).map(Some).map_err(io::Error::other)
            }
        }
    }

    /// Where somebody finds `item` by hand; a disc is taken to be mounted on `/mnt`. The parts of a file end in
    /// [`PARTS`].
    pub fn by_hand(&self, item: &Item) -> PathBuf {
        let root = match &self.bytes {
            Bytes::Directory(root) => root,
            Bytes::Disc(_) => Path::new(MOUNTED),
        };
        root.join(self.named(item))
    }

    /// Where `item` lies on the shelf, with [`PARTS`] for the numbers of its parts.
    fn named(&self, item: &Item) -> PathBuf {
        let held = self.items.get(item);
        let mut name = item.name.clone();
        if held.is_some_and(|held| !held.parts.is_empty()) {
            name.push(PARTS);
        }
        item.beside(item.day, &name).path()
    }
}

/// What a list of digests calls `item`.
fn listed_name(item: &Item) -> Vec<u8> {
    [item.peer.as_str().as_bytes(), b"/", item.name.as_bytes()].concat()
}

impl Item {
    /// Where it lies on each shelf: `YYYY/MM/DD/PEER/NAME`.
    pub fn path(&self) -> PathBuf {
        self.day.path().join(&self.peer).join(&self.name)
    }

    /// Another file of the same peer.
    #[must_use]
    pub fn beside(&self, day: Day, name: &OsStr) -> Self {
        Self {
            peer: self.peer.clone(),
            day,
            name: name.to_owned(),
        }
    }
}
