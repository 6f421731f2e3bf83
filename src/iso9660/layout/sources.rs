//! Where the new contents of an image are.

use super::super::SECTOR;
use super::super::directory::SECTION_MAX;
use super::super::image::ImageError;
use super::super::tree::{Content, Extent, Tree};
use super::{low_u32, sectors};

/// Where new contents are.
#[derive(Debug, Default)]
pub(in crate::iso9660) struct Sources {
    /// Ascending by source.
    pub placed: Vec<Placed>,
    /// The sector that empty files name: the first one after the directories. libarchive takes 0 for a place before
    /// the file's continuation area, and refuses.
    pub empty: u32,
}

/// A new content.
#[derive(Debug, Clone, Copy)]
pub(in crate::iso9660) struct Placed {
    pub source: u32,
    /// Where it begins, when that is known.
    pub sector: u32,
    pub bytes: u64,
}

impl Sources {
    /// The new contents of a tree, which have no place yet.
    pub(in crate::iso9660) fn of(tree: &Tree) -> Result<Self, ImageError> {
        let place = |(source, bytes)| Placed {
            source,
            sector: 0,
            bytes,
        };
        let mut placed: Vec<Placed> = tree.sources().map(place).collect();
        placed.sort_unstable_by_key(|placed| placed.source);
        let of_two_lengths = placed
            .array_windows()
            .find(|[a, b]| a.source == b.source && a.bytes != b.bytes);
        if let Some([placed, _]) = of_two_lengths {
            return Err(ImageError::TwoLengths(placed.source as usize));
        }
        placed.dedup_by_key(|placed| placed.source);
        Ok(Self { placed, empty: 0 })
    }

    /// Gives the contents their place from `next` on, and moves `next` behind them.
    pub(in crate::iso9660) fn place(&mut self, next: &mut u64) {
        self.empty = low_u32(*next);
        for placed in &mut self.placed {
            placed.sector = low_u32(*next);
            *next += sectors(placed.bytes);
        }
    }

    pub(in crate::iso9660) fn find(&self, source: usize) -> Option<Extent> {
        let source = u32::try_from(source).ok()?;
        let at = self
            .placed
            .binary_search_by_key(&source, |known| known.source)
            .ok()?;
        let Placed { sector, bytes, .. } = self.placed[at];
        Some(Extent { sector, bytes })
    }

    /// The runs of bytes that a content has, each of a length that a record can hold; one of length 0
    /// if it has none.
    pub(super) fn sections(&self, content: &Content) -> Vec<(u32, u32)> {
        let new;
        let extents = match content {
            Content::Old(extents) => extents,
            Content::New { source, bytes } => {
                // while it is measured, no source has a place yet
                new = vec![self.find(*source).unwrap_or(Extent {
                    sector: 0,
                    bytes: *bytes,
                })];
                &new
            }
        };
        let mut sections = Vec::with_capacity(1);
        for extent in extents {
            let mut sector = extent.sector;
            let mut left = extent.bytes;
            while left > 0 {
                let bytes = left.min(SECTION_MAX);
                sections.push((sector, low_u32(bytes)));
                sector = sector.saturating_add(low_u32(bytes / SECTOR));
                left -= bytes;
            }
        }
        if sections.is_empty() {
            sections.push((self.empty, 0));
        }
        sections
    }
}
