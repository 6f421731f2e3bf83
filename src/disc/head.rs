//! What the first sectors of a copy have that those of its original have not: descriptors of the newest session.
//!
//! A disc that is written once has a table of contents that says where its newest session is. A copy of its sectors has none,
//! on whatever disc it is: every reader takes what stands at sector 16. So these few sectors are exchanged in a copy
//! ([`crate::iso9660::copied_head`]), and are no difference when the two are compared.

use super::sectors::{Piece, SECTOR};
use crate::iso9660::{self, ReadAt, ReadError};
use crate::media::Disc;

/// Sectors of a copy in place of those of its original.
#[derive(Debug, Default)]
pub(super) struct CopiedHead(Vec<(u64, Vec<u8>)>);

impl CopiedHead {
    /// Those of a copy of `disc`, whose bytes are `medium`. None if it shows its newest session already.
    pub fn of(disc: &Disc, medium: &dyn ReadAt) -> Result<Self, ReadError> {
        let places: Vec<(u32, u32)> = disc
            .sessions
            .iter()
            .map(|session| (session.start, session.end))
            .collect();
        iso9660::copied_head(medium, &places).map(Self)
    }

    /// How many sectors there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the sector of that number is to be this.
    pub fn has(&self, number: u64, sector: &[u8]) -> bool {
        self.0
            .iter()
            .any(|(at, bytes)| *at == number && bytes == sector)
    }

    /// Puts those into `piece` that belong there.
    pub fn put(&self, piece: &mut Piece) {
        for (number, sector) in (piece.first..).zip(piece.bytes.chunks_mut(SECTOR)) {
            if let Some((_, bytes)) = self.0.iter().find(|(at, _)| *at == number) {
                sector.copy_from_slice(bytes);
            }
        }
    }
}
