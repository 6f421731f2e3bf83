//! Days that are spread over several discs, each of which gets some of their files.
//!
//! A disc's session has the chosen files at their usual places, with the directories above them, and for each day a
//! list of the digests of those that it has. The days are marked only when all discs are written and checked.

use std::collections::BTreeSet;

use super::kept::Kept;
use super::layout::{self, Fit};
use super::session::Part;
use super::staged::{Entry, StagedDay, What};
use super::{Store, StoreError, Stored, found, steps};
use crate::media::{Asked, Disc, SECTOR};
use crate::staging::Daily;
use crate::units::Day;

/// A file, or a link, of a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its day.
    pub day: Day,
    /// Its path in the daily directory.
    pub name: Vec<u8>,
    /// What it takes on a disc, whole sectors. A link takes nothing.
    pub bytes: u64,
}

impl Store<'_> {
    /// Everything in `days` that has to go onto some disc. A day that cannot be read is an error.
    pub fn items(&self, days: &[Daily]) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for day in found::read_all(self, days)? {
            for entry in &day.entries {
                let bytes = match &entry.what {
                    What::Directory => continue,
                    What::File { bytes, .. } => bytes.div_ceil(SECTOR) * SECTOR,
                    What::Link(_) => 0,
                };
                items.push(Item {
                    day: day.day(),
                    name: entry.name.clone(),
                    bytes,
                });
            }
        }
        Ok(items)
    }

    /// The disc in the drive.
    pub fn disc(&self) -> Result<Disc, StoreError> {
        found::inspect(self)
    }

    /// Writes `items`, which are some of those of `days`, onto a new disc, and checks it. Nothing is marked. A disc in
    /// the drive that has something on it gives way, as its kind does.
    pub fn store_items(&mut self, days: &[Daily], items: &[&Item]) -> Result<Stored, StoreError> {
        let disc = found::to_write(self)?;
        found::check_media(self, &disc)?;
        let mut parts = found::read_all(self, days)?;
        for day in &mut parts {
            keep(day, items);
        }
        parts.retain(|day| !day.entries.is_empty());
        let previous = found::previous(self, &disc, Asked::Full)?;
        let kept = Kept::default();
        let laid = {
            let parts: Vec<Part<'_>> = parts.iter().map(|day| Part { day, kept: &kept }).collect();
            layout::anew(self, &disc, &parts, Fit::Nothing)?
        };
        let days: Vec<&StagedDay> = parts.iter().collect();
        let burnt = steps::burn(self, &disc, previous, &laid, &days)?;
        let left = burnt.damaged.iter().map(|&at| days[at].day()).collect();
        Ok(steps::outcome(
            &burnt.now,
            laid.image.sectors(),
            Vec::new(),
            left,
            burnt.set_aside,
        ))
    }

    /// Marks `days`, all of which are on discs now, as stored.
    pub fn mark_items(&mut self, days: &[Daily], labels: &[String]) -> Result<(), StoreError> {
        let text = format!(
            "spread over {} discs\n{}\n",
            labels.len(),
            labels.join("\n")
        );
        for daily in days {
            let marked = daily.mark_stored(&text, self.ids);
            marked.map_err(|source| StoreError::Mark {
                day: daily.day(),
                source,
            })?;
        }
        Ok(())
    }
}

/// Leaves in `day` what is among `items`, and the directories above.
fn keep(day: &mut StagedDay, items: &[&Item]) {
    let own = day.day();
    let wanted: BTreeSet<&[u8]> = items
        .iter()
        .filter(|item| item.day == own)
        .map(|item| item.name.as_slice())
        .collect();
    let is_above = |dir: &[u8]| {
        let mut inside = dir.to_vec();
        inside.push(b'/');
        let first = wanted.range(inside.as_slice()..).next();
        first.is_some_and(|name| name.starts_with(&inside))
    };
    day.entries.retain(|entry: &Entry| match entry.what {
        What::Directory => is_above(&entry.name),
        What::File { .. } | What::Link(_) => wanted.contains(entry.name.as_slice()),
    });
}
