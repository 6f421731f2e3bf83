//! A volume against the image that it was written from: what Joliet says.
//!
//! The same image always has the same bytes, so they are made once more and compared sector by sector. That covers names,
//! places and lengths, and the path tables, by which Windows finds directories; nothing has to be understood.

use super::super::image::{Image, JolietPart};
use super::super::medium::{ReadError, read_exact};
use super::super::{SECTOR, SECTOR_LEN};
use super::Volume;

/// What of Joliet's is not as it was laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The volume descriptor, which leads to everything else.
    Descriptor,
    /// A path table.
    PathTable,
    /// The directory of that path; it is empty for the root. By its names in the image's tree, not by Joliet's.
    Directory(Vec<u8>),
}

/// A part of Joliet's that is on the medium otherwise than it was laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike {
    /// Which one.
    pub part: Part,
    /// Its sectors that differ, ascending: the first and the last one of each run.
    pub sectors: Vec<(u64, u64)>,
}

impl Volume<'_> {
    /// What Joliet says otherwise than `image`, from which this session was written; nothing if the image has no names for
    /// Joliet. An error if not everything can be read.
    pub fn unlike_joliet_of(&self, image: &Image) -> Result<Vec<Unlike>, ReadError> {
        let mut found: Vec<(JolietPart, Vec<(u64, u64)>)> = Vec::new();
        let mut there = Vec::new();
        image.joliet::<ReadError>(&mut |part, place, bytes| {
            let place = u64::from(place);
            there.resize(bytes.len(), 0);
            read_exact(self.medium, &mut there, place * SECTOR)?;
            let pairs = bytes.chunks(SECTOR_LEN).zip(there.chunks(SECTOR_LEN));
            for (sector, (laid_out, there)) in (place..).zip(pairs) {
                if laid_out == there {
                    continue;
                }
                match found.last_mut() {
                    Some((last, sectors)) if *last == part => match sectors.last_mut() {
                        Some((_, end)) if *end + 1 == sector => *end = sector,
                        _ => sectors.push((sector, sector)),
                    },
                    _ => found.push((part, vec![(sector, sector)])),
                }
            }
            Ok(())
        })?;
        let named = |(part, sectors)| {
            let part = match part {
                JolietPart::Descriptor => Part::Descriptor,
                JolietPart::PathTable => Part::PathTable,
                JolietPart::Directory(node) => Part::Directory(image.tree().path(node)),
            };
            Unlike { part, sectors }
        };
        Ok(found.into_iter().map(named).collect())
    }
}
