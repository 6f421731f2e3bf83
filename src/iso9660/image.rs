//! An image: the sectors of one session for one place on a medium. Measured when it is made, then written in order.
//!
//! ```text
//! start +0   16 sectors of zeros: the system area
//!       +16  volume descriptors: primary, Joliet, terminator
//!            path tables, little and big-endian: primary, Joliet
//!            directories: primary, each followed by its continuation areas; Joliet
//!            new contents, in ascending order of their source numbers, each from a sector of its own
//!            padding
//! ```

use std::io::{self, Read, Write};

use super::charset::Namespace;
use super::descriptor::{self, Descriptor, Labels};
use super::directory::ByteOrder;
use super::layout::{Hierarchy, Sources};
use super::stream::{Cause, Stream};
use super::tree::{Extent, NodeId, Tree};
use super::{SECTOR, SECTOR_LEN, Time};

/// Sectors before the volume descriptors.
pub const SYSTEM_AREA: u32 = 16;

/// Whether names are written for Joliet, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Joliet {
    /// A second hierarchy of directories with names in UCS-2, without symbolic links.
    #[default]
    With,
    /// Rock Ridge alone.
    Without,
}

/// What the volume space size of a session that does not start at sector 0 says.
///
/// The standard counts from the beginning of the medium, and Linux drops continuation areas beyond the size.
/// But where no table of contents says where sessions are (a file, DVD+RW, BD-RE), xorriso finds the next session by
/// adding the size to the start, as its own and genisoimage's sessions say their length there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpaceSize {
    /// The absolute end. For media with a table of contents.
    #[default]
    End,
    /// The length of the session, so that chains of sessions are found. Only as long as no continuation area is
    /// needed: an image with one (a name over 157 bytes, a long link) gives its absolute end all the same.
    Length,
}

/// How an image is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// First sector of the session.
    pub start: u32,
    /// Volume identifier, up to 32 characters of ASCII; Joliet's copy is cut after 16.
    pub volume_id: String,
    /// Volume set identifier, up to 128 characters of ASCII.
    pub volume_set: String,
    /// Publisher, up to 128 characters of ASCII.
    pub publisher: String,
    /// Data preparer, up to 128 characters of ASCII.
    pub preparer: String,
    /// Application, up to 128 characters of ASCII.
    pub application: String,
    /// Creation and modification of the volume.
    pub created: Time,
    /// Whether there are names for Joliet.
    pub joliet: Joliet,
    /// What the volume space size says.
    pub space_size: SpaceSize,
    /// Sectors of zeros at the end, as some drives cannot read the last sectors of a track.
    pub padding: u32,
}

/// Why an image cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageError {
    /// More than 2^32 sectors, or a directory of 4 GiB.
    #[error("the image would be larger than ISO 9660 allows")]
    TooLarge,
    /// Path tables count to 65535.
    #[error("{0} directories are more than the 65535 that ISO 9660 allows")]
    TooManyDirectories(usize),
    /// Two files name the same source with different lengths.
    #[error("source {0} was announced with two different lengths")]
    TwoLengths(usize),
    /// A word of the options does not fit.
    #[error("{0:?} is not printable ASCII, or is longer than {1} characters")]
    Label(String, usize),
}

impl From<ImageError> for io::Error {
    fn from(error: ImageError) -> Self {
        Self::other(error)
    }
}

/// Why writing ended early.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output failed.
    #[error("writing the image failed: {0}")]
    Output(#[source] io::Error),
}

/// Who takes what is laid out for Joliet: what it is, its first sector, its bytes.
pub(super) type JolietOut<'a, E> = dyn FnMut(JolietPart, u32, &[u8]) -> Result<(), E> + 'a;

/// What of Joliet some sectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JolietPart {
    Descriptor,
    PathTable,
    Directory(NodeId),
}

/// A source that did not deliver what was promised. The image is whole: zeros are in the place of what was missing.
#[derive(Debug)]
pub struct Fault {
    /// Its number.
    pub source: usize,
    /// How many of its bytes are in the image.
    pub delivered: u64,
    /// What was wrong.
    pub cause: Cause,
}

/// A session, laid out.
#[derive(Debug)]
pub struct Image {
    tree: Tree,
    labels: Labels,
    start: u32,
    created: Time,
    primary: Hierarchy,
    joliet: Option<Hierarchy>,
    sources: Sources,
    padding: u32,
    end: u32,
    space: u32,
}

impl Image {
    /// Lays a tree out. After this everything is known but the bytes of the new contents.
    pub fn new(tree: Tree, options: &Options) -> Result<Self, ImageError> {
        let labels = Labels {
            volume: label(&options.volume_id, 32)?,
            volume_set: label(&options.volume_set, 128)?,
            publisher: label(&options.publisher, 128)?,
            preparer: label(&options.preparer, 128)?,
            application: label(&options.application, 128)?,
        };
        let mut primary = Hierarchy::measure(&tree, Namespace::Primary)?;
        let mut joliet = match options.joliet {
            Joliet::With => Some(Hierarchy::measure(&tree, Namespace::Joliet)?),
            Joliet::Without => None,
        };
        let descriptors = 2 + u64::from(joliet.is_some());
        let mut next = u64::from(options.start) + u64::from(SYSTEM_AREA) + descriptors;
        primary.place_path_tables(&mut next);
        if let Some(joliet) = &mut joliet {
            joliet.place_path_tables(&mut next);
        }
        primary.place_directories(&mut next);
        if let Some(joliet) = &mut joliet {
            joliet.place_directories(&mut next);
        }
        let mut sources = Sources::of(&tree)?;
        sources.place(&mut next);
        next += u64::from(options.padding);
        let end = u32::try_from(next).map_err(|_| ImageError::TooLarge)?;
        let space = match options.space_size {
            SpaceSize::Length if !primary.has_continuation() => end - options.start,
            SpaceSize::Length | SpaceSize::End => end,
        };
        Ok(Self {
            tree,
            labels,
            start: options.start,
            created: options.created,
            primary,
            joliet,
            sources,
            padding: options.padding,
            end,
            space,
        })
    }

    /// First sector on the medium.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Sector after the last one, counted from the beginning of the medium.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Length in sectors.
    pub fn sectors(&self) -> u64 {
        u64::from(self.end - self.start)
    }

    /// The tree that was laid out.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Where a source's bytes are; nothing if there is no such source or it is empty.
    pub fn extents(&self, source: usize) -> Vec<Extent> {
        self.sources
            .find(source)
            .filter(|extent| extent.bytes > 0)
            .into_iter()
            .collect()
    }

    /// The volume descriptors as they stand in the session, from [`SYSTEM_AREA`] sectors after its start on.
    pub fn descriptors(&self) -> Vec<u8> {
        self.descriptor_set(self.space)
    }

    /// The volume descriptors as they are to be copied to sector 16 of the medium, where readers that know nothing of
    /// sessions look: the size is that of the whole medium.
    pub fn head_descriptors(&self) -> Vec<u8> {
        self.descriptor_set(self.end)
    }

    fn descriptor_set(&self, space: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for hierarchy in self.hierarchies() {
            let (root, root_bytes) = hierarchy.root();
            let descriptor = Descriptor {
                namespace: hierarchy.namespace,
                labels: &self.labels,
                space,
                root,
                root_bytes,
                root_time: self.tree.node(NodeId::ROOT).meta.mtime,
                path_table_bytes: hierarchy.path_table_bytes,
                path_table_little: hierarchy.path_table_little,
                path_table_big: hierarchy.path_table_big,
                created: self.created,
            };
            bytes.extend(descriptor.to_bytes());
        }
        bytes.extend(descriptor::terminator());
        bytes
    }

    fn hierarchies(&self) -> impl Iterator<Item = &Hierarchy> {
        std::iter::once(&self.primary).chain(&self.joliet)
    }

    /// Gives `out` all of Joliet that is laid out, if there is any, piece by piece.
    pub(super) fn joliet<E: From<ImageError>>(&self, out: &mut JolietOut<'_, E>) -> Result<(), E> {
        let Some(joliet) = &self.joliet else {
            return Ok(());
        };
        let place = self.start + SYSTEM_AREA + 1;
        let descriptor = &self.descriptors()[SECTOR_LEN..2 * SECTOR_LEN];
        out(JolietPart::Descriptor, place, descriptor)?;
        for (place, order) in [
            (joliet.path_table_little, ByteOrder::Little),
            (joliet.path_table_big, ByteOrder::Big),
        ] {
            out(JolietPart::PathTable, place, &joliet.path_table(order))?;
        }
        for at in 0..joliet.count() {
            let (node, mut place) = joliet.place(at);
            let part = JolietPart::Directory(node);
            joliet.emit::<E>(&self.tree, &self.sources, at, &mut |bytes| {
                out(part, place, bytes)?;
                place += u32::try_from(bytes.len() / SECTOR_LEN).unwrap_or(u32::MAX);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Writes all sectors in order. `open` is asked for each source once, in ascending order, and not for empty ones.
    /// Sources that deliver less or more than was promised, or fail, are named in the result.
    pub fn write<'s>(
        &self,
        out: &mut (dyn Write + Send),
        open: &mut dyn FnMut(usize) -> io::Result<Box<dyn Read + 's>>,
    ) -> Result<Vec<Fault>, WriteError> {
        let mut head = vec![0; SYSTEM_AREA as usize * SECTOR_LEN];
        head.extend(self.descriptors());
        out.write_all(&head).map_err(WriteError::Output)?;
        self.write_body(out, open)
    }

    /// Like [`Image::write`], but only what comes after the volume descriptors. For a medium where the descriptors shall
    /// appear last, when everything that they point to is safe.
    pub fn write_body<'s>(
        &self,
        out: &mut (dyn Write + Send),
        open: &mut dyn FnMut(usize) -> io::Result<Box<dyn Read + 's>>,
    ) -> Result<Vec<Fault>, WriteError> {
        Stream::run(out, |stream| self.emit(stream, open)).map_err(WriteError::Output)
    }

    /// Sectors before what [`Image::write_body`] writes, counted from the start of the session.
    pub fn body_offset(&self) -> u32 {
        SYSTEM_AREA + 2 + u32::from(self.joliet.is_some())
    }

    fn emit<'s>(
        &self,
        stream: &mut Stream,
        open: &mut dyn FnMut(usize) -> io::Result<Box<dyn Read + 's>>,
    ) -> io::Result<Vec<Fault>> {
        for hierarchy in self.hierarchies() {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                stream.write(&hierarchy.path_table(order))?;
                stream.fill_sector()?;
            }
        }
        for hierarchy in self.hierarchies() {
            for at in 0..hierarchy.count() {
                hierarchy.emit::<io::Error>(&self.tree, &self.sources, at, &mut |bytes| {
                    stream.write(bytes)
                })?;
            }
        }
        let mut faults = Vec::new();
        for placed in &self.sources.placed {
            let (source, bytes) = (placed.source as usize, placed.bytes);
            if bytes == 0 {
                continue;
            }
            debug_assert_eq!(
                u64::from(self.start + self.body_offset()) * SECTOR + stream.written(),
                u64::from(placed.sector) * SECTOR
            );
            let fault = match open(source) {
                Ok(mut reader) => stream.pour(&mut *reader, bytes)?,
                Err(error) => {
                    stream.zeros(bytes)?;
                    Some((0, Cause::Failed(error)))
                }
            };
            faults.extend(fault.map(|(delivered, cause)| Fault {
                source,
                delivered,
                cause,
            }));
            stream.fill_sector()?;
        }
        stream.zeros(u64::from(self.padding) * SECTOR)?;
        Ok(faults)
    }
}

fn label(words: &str, length: usize) -> Result<Vec<u8>, ImageError> {
    let printable = words.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !printable || words.len() > length {
        return Err(ImageError::Label(words.to_owned(), length));
    }
    Ok(words.as_bytes().to_vec())
}
