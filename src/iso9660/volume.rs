//! A volume that is read: one session on a medium, whoever wrote it.
//!
//! The medium is not trusted. Whatever it says, reading ends, with a result or with an error that says whether the
//! medium is damaged, not supported, or cannot be read; memory stays within bounds that are constants here and in `scan`.

mod laid_out;
mod listing;
mod scan;
mod second;

use super::descriptor::{self, Found, Parsed};
use super::directory::Record;
use super::medium::{FileReader, ReadAt, ReadError, length, read_exact};
use super::rock_ridge;
use super::session;
use super::tree::{Content, NodeId, Tree};
use super::{SECTOR, SECTOR_LEN, Time};

use second::Second;

pub use laid_out::{Part, Unlike};
pub use listing::Listing;

/// How many volume descriptors are looked at.
const DESCRIPTORS_MAX: u32 = 64;

/// Whose names a tree has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Rock Ridge: bytes, owners, modes, symbolic links.
    RockRidge,
    /// Joliet: UTF-8, at most 64 characters or so.
    Joliet,
    /// Plain ISO 9660, without versions.
    Plain,
}

/// A directory of which something could not be read.
#[derive(Debug)]
pub struct Loss {
    /// Its path, empty for the root.
    pub path: Vec<u8>,
    /// What was wrong.
    pub error: ReadError,
}

/// One session on a medium.
pub struct Volume<'a> {
    medium: &'a dyn ReadAt,
    primary: Found,
    joliet: Option<Found>,
    names: Names,
    /// Bytes of each system use area that are not Rock Ridge's.
    skip: usize,
    end: u32,
}

impl<'a> Volume<'a> {
    /// Opens the session that starts at a sector; 0 is the only session, or the first one of those that begin there, or
    /// else the head of a medium, which shows the newest.
    pub fn open(medium: &'a dyn ReadAt, start: u32) -> Result<Self, ReadError> {
        let first = session::descriptor_sector(medium, start)?;
        let (primary, joliet) = descriptors(medium, start, first)?;
        let end = session::end(medium, start, primary.space)?;
        let mut this = Self {
            medium,
            names: if joliet.is_some() {
                Names::Joliet
            } else {
                Names::Plain
            },
            primary,
            joliet,
            skip: 0,
            end,
        };
        match this.rock_ridge() {
            Ok(Some(skip)) => {
                this.names = Names::RockRidge;
                this.skip = skip;
            }
            Err(error) if this.joliet.is_none() => return Err(error),
            // Joliet has the files; that something is missing is told with them.
            Ok(None) | Err(_) => {}
        }
        Ok(this)
    }

    /// What is wrong with the root directory that should have the best names: where others have to do, this is lost.
    pub fn trouble(&self) -> Option<ReadError> {
        self.rock_ridge().err()
    }

    /// Looks into the root directory's first record for Rock Ridge.
    fn rock_ridge(&self) -> Result<Option<usize>, ReadError> {
        let mut sector = vec![0; SECTOR_LEN];
        let at = u64::from(self.primary.root);
        read_exact(self.medium, &mut sector, at * SECTOR)?;
        let length = usize::from(sector[0]);
        let corrupt = |what: &str| ReadError::corrupt(at, what);
        let record = sector
            .get(..length)
            .filter(|record| record.len() >= 34)
            .ok_or_else(|| corrupt("there is no root directory"))?;
        let (_, system_use) = Record::parse(record).map_err(corrupt)?;
        let Some(skip) = rock_ridge::is_announced(system_use) else {
            return Ok(None);
        };
        let found = scan::Scan::new(self.medium, Names::RockRidge, skip)?.facts(
            self.primary.root,
            system_use,
            0,
        )?;
        Ok(found.is_present.then_some(skip))
    }

    /// Volume identifier, without trailing spaces.
    pub fn volume_id(&self) -> &[u8] {
        &self.primary.volume_id
    }

    /// When the volume was made, if its descriptor says so.
    pub fn created(&self) -> Option<Time> {
        Some(self.primary.created).filter(|time| *time != Time::default())
    }

    /// The sector after the last one of the session, counted from the beginning of the medium. Sessions of other
    /// programs count from their own start: where nothing else tells, the later end that the medium has is taken.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Whose names the tree has.
    pub fn names(&self) -> Names {
        self.names
    }

    /// Everything in the volume; contents are [`Content::Old`].
    ///
    /// Files may lie beyond the end of a medium that was cut off: reading those fails later, the others can be had.
    pub fn tree(&self) -> Result<Tree, ReadError> {
        self.rock_ridge()?;
        self.tree_of(self.names)
    }

    /// As much of the tree as can be read, and of which directories something is missing; of very many, only the first
    /// ones. What Rock Ridge's directories do not tell any more, Joliet's may. An error only if not even a root directory
    /// begins as it should.
    pub fn salvage(&self) -> Result<(Tree, Vec<Loss>), ReadError> {
        let scan = scan::Scan::new(self.medium, self.names, self.skip)?;
        let (mut tree, salvaged) = scan.salvage(self.root(self.names)?)?;
        let mut places: Vec<NodeId> = salvaged.iter().map(|(node, _)| *node).collect();
        places.dedup();
        let named = |(node, error)| Loss {
            path: tree.path(node),
            error,
        };
        let mut losses: Vec<Loss> = salvaged.into_iter().map(named).collect();
        losses.extend(self.trouble().map(|error| Loss {
            path: Vec::new(),
            error,
        }));
        if places.is_empty() {
            return Ok((tree, losses));
        }
        let scan = scan::Scan::new(self.medium, self.names, self.skip)?;
        let mut instead = Listing::of_second(scan, self.second());
        for node in places {
            instead.stand_in(&tree.path(node), &tree, node);
            for found in &mut instead {
                match found {
                    Ok((path, node)) => tree.put(&path, &node),
                    Err(loss) if losses.len() < scan::LOSSES_MAX => losses.push(loss),
                    Err(_) => {}
                }
            }
        }
        Ok((tree, losses))
    }

    /// The same entries as in [`Volume::salvage`], one after the other, with little memory: directories are read when it
    /// is their turn. An error only if not even a root directory begins as it should.
    pub fn listing(&self) -> Result<Listing<'a>, ReadError> {
        let mut scan = scan::Scan::new(self.medium, self.names, self.skip)?;
        let root = scan.begin(self.root(self.names)?)?;
        Ok(Listing::new(scan, self.second(), root, self.trouble()))
    }

    /// Joliet's directories, where Rock Ridge's are better and can be read from their root on.
    fn second(&self) -> Option<Second<'a>> {
        let joliet = self.joliet.as_ref();
        let joliet = joliet.filter(|_| self.names == Names::RockRidge)?;
        Second::new(self.medium, joliet).ok()
    }

    /// Like [`Volume::tree`], but with other names than the best ones; incompatible if the volume has none such.
    pub fn tree_of(&self, names: Names) -> Result<Tree, ReadError> {
        scan::Scan::new(self.medium, names, self.skip)?.run(self.root(names)?)
    }

    /// The descriptor of the directories with such names.
    fn root(&self, names: Names) -> Result<&Found, ReadError> {
        match (names, &self.joliet) {
            (Names::Joliet, Some(joliet)) => Ok(joliet),
            (Names::RockRidge, _) if self.names == Names::RockRidge => Ok(&self.primary),
            (Names::Plain, _) => Ok(&self.primary),
            _ => Err(ReadError::Incompatible(
                "the volume has no such names".to_owned(),
            )),
        }
    }

    /// The bytes of a file of this volume's tree; none for contents that are not on the medium.
    pub fn file(&self, content: &Content) -> FileReader<'a> {
        match content {
            Content::Old(extents) => FileReader::new(self.medium, extents),
            Content::New { .. } => FileReader::new(self.medium, &[]),
        }
    }
}

/// Reads the descriptors of the session that starts at `start`, from sector `first` on.
fn descriptors(
    medium: &dyn ReadAt,
    start: u32,
    first: u64,
) -> Result<(Found, Option<Found>), ReadError> {
    let mut primary = None;
    let mut joliet = None;
    let mut sector = vec![0; SECTOR_LEN];
    for at in first..first + u64::from(DESCRIPTORS_MAX) {
        if at >= length(medium)? {
            break;
        }
        read_exact(medium, &mut sector, at * SECTOR)?;
        match descriptor::parse(&sector) {
            Parsed::Primary(found) => primary = primary.or(Some(found)),
            Parsed::Joliet(found) => joliet = joliet.or(Some(found)),
            Parsed::Other => {}
            Parsed::Terminator | Parsed::Foreign => break,
        }
    }
    let primary = primary.ok_or_else(|| {
        ReadError::Incompatible(format!("there is no ISO 9660 volume at sector {start}"))
    })?;
    if u64::from(primary.block) != SECTOR {
        return Err(ReadError::Incompatible(format!(
            "its blocks have {} bytes; only 2048 are supported",
            primary.block
        )));
    }
    Ok((primary, joliet))
}

impl std::fmt::Debug for Volume<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Volume")
            .field("primary", &self.primary)
            .field("joliet", &self.joliet)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
