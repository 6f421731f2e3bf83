//! `<stage>`: where peers' archives are gathered by day.

use std::time::Duration;

use crate::peer::Limits;
use crate::units::AbsPath;

use super::finding::Told;
use super::options::Options;
use super::peers::{self, Peer};
use super::read::{Cursor, Read};
use super::schema::{Rule, one};
use super::value::{self, PATH, SIZE, TIME};

pub(super) const RULES: &[Rule] = &[
    one("staging_dir", PATH)
        .means("The directory of the daily directories `YYYY/MM/DD`.")
        .required()
        .example("/var/lib/cback/stage"),
    one("parallel", "a whole number, 1 or more")
        .means("How many peers are worked on at the same time.")
        .otherwise("4")
        .ours(),
    one("wait_for_peers", TIME)
        .means(
            "How long a peer is waited for that is still collecting, or cannot be reached: it is asked again and again, \
             at most every five minutes. With `0` nobody is asked twice.",
        )
        .otherwise("0")
        .ours(),
    one("max_files", "a whole number, 1 or more")
        .means(
            "How many files one peer may have in its collect directory. A peer with more is a problem, and nothing of \
             it is staged.",
        )
        .otherwise("10000")
        .ours(),
    one("max_bytes", SIZE)
        .means("How much all files of one peer may have together, likewise.")
        .otherwise("1024 GB")
        .ours(),
    one("max_time", TIME)
        .means("How long the files of one peer may take to come, likewise.")
        .otherwise("24 h")
        .ours(),
    peers::WITHIN_STAGE,
];

/// Where and from whom archives are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The directory of the daily directories.
    pub staging_dir: AbsPath,
    /// How many peers are worked on at the same time; at least one.
    pub parallel: usize,
    /// How long peers are waited for.
    pub wait_for_peers: Duration,
    /// How much each peer may bring.
    pub limits: Limits,
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
    let parallel = at.optional("parallel", value::positive);
    let wait_for_peers = at.optional("wait_for_peers", value::time);
    let files = at.optional("max_files", value::positive);
    let bytes = at.optional("max_bytes", value::size);
    let time = at.optional("max_time", value::time);
    let own = peers::read(at, options);
    let peers = match (own, pool) {
        (Err(Told), _) | (_, Some(Err(Told))) => Err(Told),
        (Ok(own), Some(Ok(pool))) if own.is_empty() => Ok(pool.clone()),
        (Ok(own), None) if own.is_empty() => Err(peers::none(at)),
        (Ok(own), _) => Ok(own),
    };
    let most = Limits::default();
    Ok(Stage {
        staging_dir: staging_dir?,
        parallel: parallel?.map_or(4, count),
        wait_for_peers: wait_for_peers?.unwrap_or_default(),
        limits: Limits {
            files: files?.map_or(most.files, count),
            bytes: bytes?.map_or(most.bytes, |size| size.0),
            time: time?.unwrap_or(most.time),
        },
        peers: peers?,
    })
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
