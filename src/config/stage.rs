//! `<stage>`: where peers' archives are gathered by day.

use crate::units::AbsPath;

use super::finding::Told;
use super::options::Options;
use super::peers::{self, Peer};
use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, PATH};

pub(super) const RULES: &[Rule] = &[
    one("staging_dir", PATH)
        .means("The directory of the daily directories `YYYY/MM/DD`.")
        .required()
        .example("/var/lib/cback/stage"),
    peers::WITHIN_STAGE,
];

/// Where and from whom archives are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The directory of the daily directories.
    pub staging_dir: AbsPath,
    /// The section's own peers, or else those of `<peers>`; local ones first, never none, no name twice.
    pub peers: Vec<Peer>,
}

/// Reads the section; `pool` are the peers of `<peers>`, if there is such a section.
pub(super) fn read(
    at: Cursor<'_>,
    options: Read<&Options>,
    pool: Option<&Read<Vec<Peer>>>,
) -> Read<Stage> {
    let staging_dir = at.required("staging_dir", value::path);
    let own = peers::read(at, options);
    let peers = match (own, pool) {
        (Err(Told), _) | (_, Some(Err(Told))) => Err(Told),
        (Ok(own), Some(Ok(pool))) if own.is_empty() => Ok(pool.clone()),
        (Ok(own), None) if own.is_empty() => Err(peers::none(at)),
        (Ok(own), _) => Ok(own),
    };
    Ok(Stage {
        staging_dir: staging_dir?,
        peers: peers?,
    })
}
