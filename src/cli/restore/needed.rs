//! Which copies that the catalog knows are needed for the newest state of everything. Pure.
//!
//! Of a source with manifests its latest manifest says all further; the archives that it names are asked for by the recipe.
//! Of archives without manifests those of a week are needed, since nobody knows what is in them; of any other file the
//! newest. What was collected last long before everything else of its peer is not one of today's sources.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::archive::manifest;
use crate::catalog::WantedRow;
use crate::staging::is_peers_indicator;
use crate::units::Day;

/// Days after which a source that was not collected any more counts as given up.
const GIVEN_UP: i64 = 31;

/// What names of archives end in.
const ARCHIVES: [&[u8]; 4] = [b".tar", b".tar.gz", b".tar.bz2", b".tar.zst"];

/// What a file is to its source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Manifest,
    Archive,
    Plain,
}

/// The rows that are needed, out of `rows`.
pub(super) fn needed(rows: &[WantedRow]) -> Vec<&WantedRow> {
    let parsed: Vec<(&[u8], Part)> = rows.iter().map(|row| source(&row.name)).collect();
    let mut last_of_peer: BTreeMap<&[u8], Day> = BTreeMap::new();
    let mut last: BTreeMap<(&[u8], Part), Day> = BTreeMap::new();
    for (row, &key) in rows.iter().zip(&parsed) {
        for (day, is) in [
            (
                last_of_peer.entry(peer(&row.name)).or_insert(row.day),
                row.day,
            ),
            (last.entry(key).or_insert(row.day), row.day),
        ] {
            *day = (*day).max(is);
        }
    }
    let is_needed = |row: &WantedRow, (stem, part): (&[u8], Part)| {
        let newest = last[&(stem, part)];
        // Only what lies in a peer's directory, and no indicators.
        let file = row.name.splitn(2, |&byte| byte == b'/').nth(1);
        let is_other =
            |file: &[u8]| file.contains(&b'/') || is_peers_indicator(OsStr::from_bytes(file));
        if file.is_none_or(is_other) {
            return false;
        }
        if last_of_peer[peer(&row.name)].days_since(newest) >= GIVEN_UP {
            return false;
        }
        match part {
            Part::Manifest | Part::Plain => row.day == newest,
            Part::Archive => !last.contains_key(&(stem, Part::Manifest)),
        }
    };
    let both = rows.iter().zip(parsed);
    both.filter(|&(row, key)| is_needed(row, key))
        .map(|(row, _)| row)
        .collect()
}

fn peer(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'/').next().unwrap_or(name)
}

/// The source that a file belongs to, `ada/etc` of `ada/etc+2.tar.gz`, and what it is to it.
fn source(name: &[u8]) -> (&[u8], Part) {
    let manifest = format!(".{}", manifest::EXTENSION).into_bytes();
    let (stem, part) = if let Some(stem) = name.strip_suffix(manifest.as_slice()) {
        (stem, Part::Manifest)
    } else if let Some(stem) = ARCHIVES.iter().find_map(|end| name.strip_suffix(*end)) {
        (stem, Part::Archive)
    } else {
        return (name, Part::Plain);
    };
    let plus = stem.iter().rposition(|&byte| byte == b'+');
    let is_number = |at: &usize| {
        let digits = &stem[at + 1..];
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    match plus.filter(is_number) {
        Some(at) => (&stem[..at], part),
        None => (stem, part),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_newest_manifest_of_each_source_is_needed_and_nothing_that_was_given_up() {
        for (rows, expected) in [
            ("", ""),
            ("25 a/etc.mtree.gz", "25 a/etc.mtree.gz"),
            (
                "23 a/etc.mtree.gz, 23 a/etc.tar.gz, 24 a/etc.mtree.gz, 24 a/etc.tar.gz",
                "24 a/etc.mtree.gz",
            ),
            // A second collection on one day belongs to the same source.
            (
                "23 a/etc.mtree.gz, 23 a/etc+2.mtree.gz, 24 a/etc.mtree.gz",
                "24 a/etc.mtree.gz",
            ),
            (
                "23 a/etc+2.mtree.gz, 23 a/etc.mtree.gz",
                "23 a/etc+2.mtree.gz, 23 a/etc.mtree.gz",
            ),
            // A weekly source beside a daily one; peers do not mix.
            (
                "23 a/home.mtree.gz, 25 a/etc.mtree.gz, 24 b/etc.mtree.gz",
                "23 a/home.mtree.gz, 25 a/etc.mtree.gz, 24 b/etc.mtree.gz",
            ),
            // Without manifests the whole week.
            (
                "23 a/x.tar.gz, 24 a/x.tar.gz",
                "23 a/x.tar.gz, 24 a/x.tar.gz",
            ),
            ("23 a/dump.txt, 24 a/dump.txt", "24 a/dump.txt"),
            ("24 a/cback.d.txt, 24 a/cback.collect", "24 a/cback.d.txt"),
            // c++ is no second archive.
            (
                "23 a/c++.mtree.gz, 24 a/c.mtree.gz",
                "23 a/c++.mtree.gz, 24 a/c.mtree.gz",
            ),
            ("01 a/old.mtree.gz, 40 a/etc.mtree.gz", "40 a/etc.mtree.gz"),
            (
                "01 a/old.mtree.gz, 40 b/etc.mtree.gz",
                "01 a/old.mtree.gz, 40 b/etc.mtree.gz",
            ),
        ] {
            let first: Day = "2026-11-01".parse().unwrap();
            let row = |text: &str| {
                let (day, name) = text.split_once(' ').unwrap();
                let mut date = first;
                for _ in 1..day.parse().unwrap() {
                    date = date.succ();
                }
                WantedRow {
                    disc: "id".to_owned(),
                    label: "label".to_owned(),
                    name: name.as_bytes().to_vec(),
                    day: date,
                }
            };
            let list = |text: &str| -> Vec<WantedRow> {
                text.split(", ")
                    .filter(|text| !text.is_empty())
                    .map(row)
                    .collect()
            };
            let all = list(rows);
            let found: Vec<WantedRow> = needed(&all).into_iter().cloned().collect();
            assert_eq!(found, list(expected), "{rows}");
        }
    }
}
