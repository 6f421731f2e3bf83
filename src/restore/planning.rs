//! From a wish to a recipe: chooses manifests, adds up what they ask for, and looks where that is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::carry::Exists;
use super::find::{self, Copy, Finder, Found};
use super::recipe::{self, Everything, Missing, PlainFile, Recipe, Rule, Source, Step};
use super::scan::Scan;
use super::shelf::Shelf;
use super::target::{Below, Existing};
use super::wanted::{self, Wanted};
use super::{Request, RestoreError};
use crate::archive::manifest::Coverage;
use crate::fsx;
use crate::units::{Day, PeerName};

/// Where files that are no archives go, below the peer's part of the target directory.
const PLAIN: &str = "_files";

/// Tells on which discs an archive is, as far as it is known.
pub type Discs<'a> = &'a dyn Fn(&PeerName, Day, &OsStr) -> Vec<String>;

/// Works out how to fulfil `request` from what is on `shelves`, those named first being preferred. `discs`
/// is asked about what is on none of them.
pub fn plan(
    request: &Request,
    shelves: &[Shelf],
    discs: Discs<'_>,
) -> Result<Recipe, RestoreError> {
    let finder = Finder::new(shelves);
    let peers = peers(request, &finder)?;
    let several = peers.len() > 1;
    let mut recipe = Recipe {
        into: request.into.clone(),
        as_of: request.as_of,
        sources: Vec::new(),
        steps: Vec::new(),
        files: Vec::new(),
        missing: Vec::new(),
        troubles: Vec::new(),
        total_files: 0,
        total_bytes: 0,
        request: request.clone(),
    };
    let mut seen = wanted::Found::default();
    for peer in &peers {
        let name = several.then(|| OsStr::new(peer.as_str()));
        let wanted = Wanted::new(&request.paths, name);
        let prefix = match name {
            Some(name) => Below::new(Path::new(name))?,
            None => Below::default(),
        };
        let begin = recipe.sources.len();
        for (found, scan) in scan_all(&finder, peer, request.as_of, &wanted) {
            seen.add(scan.found.clone());
            let (files, bytes) = scan.totals();
            if files == 0 && scan.needs.is_empty() && !wanted.everything() {
                continue;
            }
            recipe.sources.push(Source {
                peer: peer.clone(),
                path: found.header.source.clone(),
                day: found.header.day,
                full: found.header.coverage == Coverage::Full,
                manifest: shelves[found.copy.shelf].by_hand(&found.copy.item),
                files,
                bytes,
                unsaved: scan.unsaved,
                overlaps: None,
                found,
                scan,
                wanted: wanted.clone(),
                prefix: prefix.clone(),
            });
        }
        rank(&mut recipe.sources[begin..], request.existing);
        for number in begin..recipe.sources.len() {
            steps_of(&mut recipe, number, &finder, discs);
        }
        let known: BTreeSet<OsString> = finder
            .manifests(peer, request.as_of)
            .into_iter()
            .map(|found| found.header.name.clone())
            .collect();
        without_manifest(&mut recipe, peer, &known, shelves, &wanted, &prefix);
    }
    let unknown = recipe.steps.iter().any(|step| step.files.is_none());
    if !unknown && let Some((path, advice)) = seen.missing(&request.paths) {
        return Err(RestoreError::NoSuchPath {
            path: path.to_owned(),
            advice,
        });
    }
    order(&mut recipe);
    recipe.total_files = recipe.sources.iter().map(|source| source.files).sum();
    recipe.total_bytes = recipe.sources.iter().map(|source| source.bytes).sum();
    recipe.troubles = finder.into_troubles();
    Ok(recipe)
}

/// Whose backups are asked for.
fn peers(request: &Request, finder: &Finder<'_>) -> Result<Vec<PeerName>, RestoreError> {
    let items = || finder.shelves().iter().flat_map(Shelf::items);
    let as_of = request.as_of;
    let in_time: BTreeSet<&PeerName> = items()
        .filter(|item| !is_ours(&item.name) && as_of.is_none_or(|as_of| item.day <= as_of))
        .map(|item| &item.peer)
        .collect();
    let mut known: BTreeSet<&PeerName> = items().map(|item| &item.peer).collect();
    known.retain(|peer| in_time.contains(peer) || !finder.manifests(peer, as_of).is_empty());
    if known.is_empty() {
        return Err(RestoreError::Nothing {
            as_of,
            earliest: items().map(|item| item.day).min(),
        });
    }
    match &request.peer {
        None => Ok(known.into_iter().cloned().collect()),
        Some(peer) if known.contains(peer) => Ok(vec![peer.clone()]),
        Some(peer) => Err(RestoreError::UnknownPeer {
            peer: peer.clone(),
            known: known.into_iter().cloned().collect(),
        }),
    }
}

/// Whether a file of this name is for the machinery, not for people.
fn is_ours(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"cback.")
        || fsx::is_partial(name)
        || find::stem_of_manifest(name).is_some()
}

/// Reads the manifests that count. One that cannot be read to its end is put aside, and the next older one
/// takes its place.
fn scan_all(
    finder: &Finder<'_>,
    peer: &PeerName,
    as_of: Option<Day>,
    wanted: &Wanted,
) -> Vec<(Found, Scan)> {
    let mut done: BTreeMap<OsString, (Found, Scan)> = BTreeMap::new();
    loop {
        let mut rejected = false;
        let chosen = finder.manifests(peer, as_of);
        let names: BTreeSet<&OsString> = chosen.iter().map(|found| &found.header.name).collect();
        done.retain(|name, _| names.contains(name));
        for found in &chosen {
            let name = &found.header.name;
            if done
                .get(name)
                .is_some_and(|(known, _)| known.copy == found.copy)
            {
                continue;
            }
            match Scan::new(&finder.shelves()[found.copy.shelf], found, wanted) {
                Ok(scan) => {
                    done.insert(name.clone(), (found.clone(), scan));
                }
                Err(error) => {
                    finder.reject(&found.copy, &error);
                    done.remove(name);
                    rejected = true;
                }
            }
        }
        if !rejected {
            return done.into_values().collect();
        }
    }
}

/// Where sources lie within one another, the latest collection wins: gives such sources their turn.
fn rank(sources: &mut [Source], existing: Existing) {
    let paths: Vec<PathBuf> = sources.iter().map(|source| source.path.clone()).collect();
    let overlaps = |at: usize| {
        let other = |(other, path): (usize, &PathBuf)| {
            other != at && (path.starts_with(&paths[at]) || paths[at].starts_with(path))
        };
        paths.iter().enumerate().any(other)
    };
    let mut order: Vec<usize> = (0..sources.len()).filter(|&at| overlaps(at)).collect();
    order.sort_by_key(|&at| {
        let header = &sources[at].found.header;
        (header.day, header.created)
    });
    if existing != Existing::Replace {
        // What is there first stays.
        order.reverse();
    }
    for (turn, at) in order.into_iter().enumerate() {
        sources[at].overlaps = Some(turn);
    }
}

fn steps_of(recipe: &mut Recipe, number: usize, finder: &Finder<'_>, discs: Discs<'_>) {
    let source = &recipe.sources[number];
    for (stored, need) in &source.scan.needs {
        let copies = finder.archives(&source.peer, stored, source.found.copy.shelf);
        let Some(copy) = copies.first() else {
            if need.files > 0 || need.things > 0 {
                recipe.missing.push(Missing {
                    peer: source.peer.clone(),
                    day: stored.day,
                    archive: PathBuf::from(&stored.archive),
                    discs: discs(&source.peer, stored.day, &stored.archive),
                    files: need.files,
                    bytes: need.bytes,
                    examples: need.examples.clone(),
                });
            }
            continue;
        };
        let shelf = &finder.shelves()[copy.shelf];
        let archive = shelf.by_hand(&copy.item);
        recipe.steps.push(Step {
            peer: source.peer.clone(),
            day: stored.day,
            on: shelf.name().to_owned(),
            archive_bytes: shelf.length(&copy.item).unwrap_or(0),
            files: Some(need.files),
            bytes: Some(need.bytes),
            by_hand: recipe::by_hand(&archive, &source.prefix.within(&recipe.into)),
            archive,
            stored: Some(stored.clone()),
            copies,
            rule: Rule::Manifest(number),
        });
    }
}

/// Adds what no manifest tells about: archives by Cedar Backup, dumps of databases and the like.
fn without_manifest(
    recipe: &mut Recipe,
    peer: &PeerName,
    known: &BTreeSet<OsString>,
    shelves: &[Shelf],
    wanted: &Wanted,
    prefix: &Below,
) {
    let as_of = recipe.as_of;
    // By name and day, each with the shelves that have it.
    let mut held: BTreeMap<&OsStr, BTreeMap<Day, Vec<Copy>>> = BTreeMap::new();
    for (shelf, other) in shelves.iter().enumerate() {
        for item in other.items() {
            let in_time = as_of.is_none_or(|as_of| item.day <= as_of);
            if item.peer == *peer && in_time {
                let copies = held
                    .entry(&item.name)
                    .or_default()
                    .entry(item.day)
                    .or_default();
                copies.push(Copy {
                    shelf,
                    item: item.clone(),
                });
            }
        }
    }
    for (name, days) in held {
        if is_ours(name) {
            continue;
        }
        match find::stem_of_archive(name) {
            Some((stem, _)) if known.contains(stem) || known.contains(base(stem)) => {}
            Some(_) => {
                let begin = week(recipe.request.starting_day, as_of, &days);
                for (number, (day, copies)) in days.range(begin..).rev().enumerate() {
                    let rule = Rule::Everything(Everything {
                        wanted: Box::new(wanted.clone()),
                        prefix: prefix.clone(),
                        exists: if number == 0 {
                            Exists::Problem
                        } else {
                            Exists::Later
                        },
                    });
                    whole_archive(recipe, *day, copies.clone(), shelves, rule);
                }
            }
            None if wanted.everything() => {
                if let Some(copy) = days.values().next_back().and_then(|copies| copies.first()) {
                    plain_file(recipe, copy, shelves, prefix);
                }
            }
            None => {}
        }
    }
}

fn whole_archive(recipe: &mut Recipe, day: Day, copies: Vec<Copy>, shelves: &[Shelf], rule: Rule) {
    let (Some(copy), Rule::Everything(everything)) = (copies.first(), &rule) else {
        return;
    };
    let shelf = &shelves[copy.shelf];
    let archive = shelf.by_hand(&copy.item);
    recipe.steps.push(Step {
        peer: copy.item.peer.clone(),
        day,
        on: shelf.name().to_owned(),
        archive_bytes: shelf.length(&copy.item).unwrap_or(0),
        files: None,
        bytes: None,
        by_hand: format!(
            "{} --skip-old-files",
            recipe::by_hand(&archive, &everything.prefix.within(&recipe.into))
        ),
        archive,
        stored: None,
        copies,
        rule,
    });
}

fn plain_file(recipe: &mut Recipe, copy: &Copy, shelves: &[Shelf], prefix: &Below) {
    let shelf = &shelves[copy.shelf];
    let to = Path::new(PLAIN).join(&copy.item.name);
    // A name in a directory is a plain name.
    let Ok(at) = Below::new(&to).map(|to| to.under(prefix)) else {
        return;
    };
    recipe.files.push(PlainFile {
        file: shelf.by_hand(&copy.item),
        on: shelf.name().to_owned(),
        to: at.as_path().to_owned(),
        bytes: shelf.length(&copy.item).unwrap_or(0),
        copy: copy.clone(),
        at,
    });
}

/// The first day of the week whose archives make up the state: the latest one that is not after the start of
/// the week, or the first that there is.
fn week(
    starting_day: Option<crate::units::Weekday>,
    as_of: Option<Day>,
    days: &BTreeMap<Day, Vec<Copy>>,
) -> Day {
    let last = days.keys().next_back().copied();
    let first = days.keys().next().copied();
    let (Some(last), Some(first)) = (last, first) else {
        return Day::from(chrono::NaiveDate::MIN);
    };
    let Some(weekday) = starting_day else {
        return first;
    };
    let start = as_of.unwrap_or(last).latest(weekday);
    let before = days.range(..=start).next_back();
    before.map_or(first, |(day, _)| *day)
}

/// `etc` for `etc+2`.
fn base(stem: &OsStr) -> &OsStr {
    let bytes = stem.as_bytes();
    let digits = bytes
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match bytes[..bytes.len() - digits].strip_suffix(b"+") {
        Some(base) if digits > 0 => OsStr::from_bytes(base),
        _ => stem,
    }
}

/// Puts the steps into the order in which they are taken: the oldest first; then sources within one
/// another, in their turns; then archives without a manifest, of which the latest comes first and what it
/// brought stays.
fn order(recipe: &mut Recipe) {
    let sources = &recipe.sources;
    recipe.steps.sort_by_cached_key(|step| {
        let (turn, day) = match &step.rule {
            Rule::Manifest(number) => (
                sources[*number].overlaps.map_or(0, |turn| turn + 1),
                step.day.days_since(Day::from(chrono::NaiveDate::MIN)),
            ),
            Rule::Everything(..) => (
                usize::MAX,
                -step.day.days_since(Day::from(chrono::NaiveDate::MIN)),
            ),
        };
        (turn, day, step.peer.clone(), step.archive.clone())
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Weekday;

    #[test]
    fn a_sequence_number_is_no_part_of_the_name() {
        for (stem, expected) in [
            ("etc+2", "etc"),
            ("etc", "etc"),
            ("c++", "c++"),
            ("a+b1", "a+b1"),
            ("x+10", "x"),
        ] {
            assert_eq!(base(OsStr::new(stem)), expected);
        }
    }

    #[test]
    fn the_week_begins_with_the_last_full_archive() {
        let day = |day: u32| Day::new(2026, 11, day).unwrap();
        let days: BTreeMap<Day, Vec<Copy>> =
            [7, 9, 10, 15, 18].map(|at| (day(at), Vec::new())).into();
        // 2026-11-16 is a Monday.
        for (weekday, as_of, expected) in [
            (None, None, 7),
            (Some(Weekday::Mon), Some(15), 9),
            (Some(Weekday::Mon), None, 15),
            (Some(Weekday::Sun), Some(20), 15),
            (Some(Weekday::Sat), Some(7), 7),
        ] {
            let begin = week(weekday, as_of.map(day), &days);
            assert_eq!(begin, day(expected), "{weekday:?} {as_of:?}");
        }
    }
}
