//! From a directory record to a node: what Rock Ridge or the identifier says of it.

use super::super::super::charset::{joliet_name, plain_name};
use super::super::super::directory::{FLAG_ASSOCIATED, FLAG_CONTINUES, FLAG_DIRECTORY, Record};
use super::super::super::medium::ReadError;
use super::super::super::rock_ridge::{FORMAT_MASK, Facts};
use super::super::super::tree::{Content, Extent, Kind, Meta, NodeId, Special, name_fault};
use super::super::super::{SECTOR, Time};
use super::super::Names;
use super::{ENTRIES_MAX, Pending, Scan};

/// Bytes of a name; Joliet's can have more than 255 in UTF-8.
const NAME_MAX: usize = 1024;

/// A file whose further sections are still to come.
pub(super) struct Sections {
    identifier: Vec<u8>,
    name: Vec<u8>,
    meta: Meta,
    extents: Vec<Extent>,
}

impl Scan<'_> {
    /// Takes a record in the sector `sector`; `open` is a file of which a section was read that is not its last.
    pub(super) fn record(
        &mut self,
        directory: &Pending,
        sector: u32,
        record: Record<'_>,
        system_use: &[u8],
        open: &mut Option<Sections>,
    ) -> Result<(), ReadError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(ReadError::Incompatible(format!(
                "the volume has more than {ENTRIES_MAX} entries"
            )));
        }
        if matches!(record.identifier, [0 | 1]) || record.flags & FLAG_ASSOCIATED != 0 {
            return Ok(());
        }
        if let Some(mut sections) = open.take() {
            if sections.identifier == record.identifier {
                push_extent(&mut sections.extents, record);
                return self.file(directory, sections, record.flags, open);
            }
            // This costs the file that was begun, not the one at hand.
            let what = "the next section of a file is missing";
            self.lost(directory, Err(ReadError::corrupt(sector, what)))?;
        }
        let facts = if self.names == Names::RockRidge {
            self.facts(sector, system_use, self.skip)?
        } else {
            Facts::default()
        };
        if facts.is_relocated {
            return Ok(());
        }
        if facts.is_transformed {
            return Err(ReadError::Incompatible(
                "the volume has compressed files (zisofs)".to_owned(),
            ));
        }
        let name = self.name(directory.node, sector, record.identifier, &facts)?;
        if record.flags & FLAG_DIRECTORY != 0 || facts.child.is_some() {
            return self.subdirectory(directory, &name, record, &facts);
        }
        let meta = meta(&facts, record.time, 0o644);
        if let Some(kind) = unusual(&facts).map_err(|what| ReadError::corrupt(sector, what))? {
            self.insert(directory, &name, meta, &kind)?;
            return Ok(());
        }
        let mut sections = Sections {
            identifier: record.identifier.to_vec(),
            name,
            meta,
            extents: Vec::new(),
        };
        push_extent(&mut sections.extents, record);
        self.file(directory, sections, record.flags, open)
    }

    /// A directory in another: where its record says, or where Rock Ridge says that it was moved to.
    fn subdirectory(
        &mut self,
        directory: &Pending,
        name: &[u8],
        record: Record<'_>,
        facts: &Facts,
    ) -> Result<(), ReadError> {
        let (at, bytes, meta) = match facts.child {
            Some(child) if u64::from(child) < self.sectors => {
                let (meta, bytes) = self.itself(child)?;
                (child, bytes, meta)
            }
            Some(child) => {
                return Err(ReadError::corrupt(
                    child,
                    "a directory lies beyond the end of the medium",
                ));
            }
            None => {
                let meta = meta(facts, record.time, 0o755);
                (record.sector, record.bytes, meta)
            }
        };
        let node = self.insert(directory, name, meta, &Kind::Directory)?;
        let pending = self.enter(node, at, bytes, directory.depth + 1)?;
        self.queue.push_back(pending);
        Ok(())
    }

    /// A file of which another section was read.
    fn file(
        &mut self,
        directory: &Pending,
        sections: Sections,
        flags: u8,
        open: &mut Option<Sections>,
    ) -> Result<(), ReadError> {
        if flags & FLAG_CONTINUES != 0 {
            *open = Some(sections);
            return Ok(());
        }
        let kind = Kind::File(Content::Old(sections.extents));
        self.insert(directory, &sections.name, sections.meta, &kind)?;
        Ok(())
    }

    fn insert(
        &mut self,
        directory: &Pending,
        name: &[u8],
        meta: Meta,
        kind: &Kind,
    ) -> Result<NodeId, ReadError> {
        let node = self.tree.insert(directory.node, name, meta, kind);
        node.ok_or_else(|| ReadError::Incompatible("the volume has too many names".to_owned()))
    }

    fn name(
        &self,
        directory: NodeId,
        sector: u32,
        identifier: &[u8],
        facts: &Facts,
    ) -> Result<Vec<u8>, ReadError> {
        let mut name = match (self.names, &facts.name) {
            (Names::RockRidge, Some(name)) => name.clone(),
            (Names::Joliet, _) => joliet_name(identifier),
            _ => plain_name(identifier),
        };
        if self.names == Names::Plain && self.tree.child(directory, &name).is_some() {
            name = identifier.to_vec(); // another version of the same file
        }
        let fault = match name.len() {
            0..=NAME_MAX => name_fault(&name),
            _ => Some("a name that is too long"),
        };
        let twice = || self.tree.child(directory, &name).map(|_| "a name twice");
        match fault.or_else(twice) {
            Some(fault) => Err(ReadError::corrupt(
                sector,
                format!("a directory has {fault}: {}", name.escape_ascii()),
            )),
            None => Ok(name),
        }
    }
}

fn push_extent(extents: &mut Vec<Extent>, record: Record<'_>) {
    if record.bytes == 0 {
        return;
    }
    if let Some(last) = extents.last_mut()
        && last.bytes % SECTOR == 0
        && u64::from(last.sector) + last.bytes / SECTOR == u64::from(record.sector)
    {
        last.bytes += u64::from(record.bytes);
        return;
    }
    extents.push(Extent {
        sector: record.sector,
        bytes: u64::from(record.bytes),
    });
}

pub(super) fn meta(facts: &Facts, time: Time, mode: u32) -> Meta {
    let (mode, uid, gid) = facts.posix.unwrap_or((mode, 0, 0));
    Meta {
        mode: mode & 0o7777,
        uid,
        gid,
        mtime: facts.mtime.unwrap_or(time),
    }
}

/// What is neither directory nor file.
fn unusual(facts: &Facts) -> Result<Option<Kind>, &'static str> {
    let format = facts.posix.map_or(0, |posix| posix.0 & FORMAT_MASK);
    match format {
        0o120_000 => match &facts.target {
            Some(target) if !target.is_empty() && !target.contains(&0) => {
                Ok(Some(Kind::Symlink(target.as_slice().into())))
            }
            _ => Err("a symbolic link has no target"),
        },
        0o010_000 | 0o020_000 | 0o060_000 | 0o140_000 => Ok(Some(Kind::Special(Special {
            format,
            device: facts.device.unwrap_or((0, 0)),
        }))),
        _ => Ok(None),
    }
}
