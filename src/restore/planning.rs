//! From a wish to a recipe: chooses manifests, adds up what they ask for, and looks where that is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::by_hand;
use super::find::{Finder, Found};
use super::recipe::{Missing, Recipe, Rule, Source, Step, Turn};
use super::scan::Scan;
use super::shelf::Shelf;
use super::target::{Below, Existing};
use super::wanted::Wanted;
use super::{Request, RestoreError, sealed, unlisted};
use crate::archive::manifest::Coverage;
use crate::units::{Day, PeerName};

/// Tells on which discs an archive is, as far as it is known.
pub type Discs<'a> = &'a dyn Fn(&PeerName, Day, &OsStr) -> Vec<String>;

/// Why there is no recipe, and what could not be read meanwhile: what is missing may be in that.
#[derive(Debug)]
pub struct Unplanned {
    /// Why there is none.
    pub error: RestoreError,
    /// Manifests that could not be read.
    pub troubles: Vec<String>,
}

/// Works out how to fulfil `request` from what is on `shelves`, those named first being preferred. `discs`
/// is asked about what is on none of them.
pub fn plan(request: &Request, shelves: &[Shelf], discs: Discs<'_>) -> Result<Recipe, Unplanned> {
    let finder = Finder::new(shelves);
    let planned = recipe(request, &finder, discs);
    let troubles = finder.into_troubles();
    match planned {
        Ok(recipe) => Ok(Recipe { troubles, ..recipe }),
        Err(error) => Err(Unplanned { error, troubles }),
    }
}

fn recipe(
    request: &Request,
    finder: &Finder<'_>,
    discs: Discs<'_>,
) -> Result<Recipe, RestoreError> {
    let peers = peers(request, finder)?;
    let mut recipe = Recipe::empty(request, peers.len() > 1);
    for peer in &peers {
        add(&mut recipe, peer, finder, discs)?;
    }
    // What nobody can look into before it is read may have it.
    let unknown =
        recipe.steps.iter().any(|step| step.files.is_none()) || sealed::next(&recipe).is_some();
    if !unknown && let Some((path, advice)) = recipe.seen.missing(&request.paths).next() {
        return Err(RestoreError::NoSuchPath {
            path: path.to_owned(),
            as_of: request.as_of,
            advice,
        });
    }
    order(&mut recipe);
    let sum = |of: fn(&Source) -> u64| recipe.sources.iter().map(of).fold(0, u64::saturating_add);
    (recipe.total_files, recipe.total_bytes) =
        (sum(|source| source.files), sum(|source| source.bytes));
    Ok(recipe)
}

/// Adds what is wanted of `peer`.
fn add(
    recipe: &mut Recipe,
    peer: &PeerName,
    finder: &Finder<'_>,
    discs: Discs<'_>,
) -> Result<(), RestoreError> {
    let shelves = finder.shelves();
    let request = recipe.request.clone();
    let name = recipe.several.then(|| OsStr::new(peer.as_str()));
    let wanted = Wanted::new(&request.paths, name);
    let prefix = match name {
        Some(name) => Below::new(Path::new(name))?,
        None => Below::default(),
    };
    let begin = recipe.sources.len();
    let later = unlisted::Later::find(finder, peer, &request);
    for (found, scan) in scan_all(finder, peer, request.as_of, &wanted) {
        if later.replaces(&found.header.name) {
            continue;
        }
        recipe.seen.add(scan.found.clone());
        let (files, bytes) = scan.totals();
        if scan.needs.is_empty() && scan.unsaved == 0 && !wanted.everything() {
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
        steps_of(recipe, number, finder, discs);
    }
    for source in &mut recipe.sources[begin..] {
        if later.adds_to(&source.found.header.name) {
            source.overlaps.get_or_insert(0);
        }
    }
    unlisted::add(recipe, peer, &later, shelves, &wanted, &prefix);
    Ok(())
}

/// Whose backups are asked for.
pub(super) fn peers(request: &Request, finder: &Finder<'_>) -> Result<Vec<PeerName>, RestoreError> {
    let items = || finder.shelves().iter().flat_map(Shelf::items);
    let as_of = request.as_of;
    let in_time: BTreeSet<&PeerName> = items()
        .filter(|item| {
            !unlisted::is_ours(&item.name) && as_of.is_none_or(|as_of| item.day <= as_of)
        })
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
/// Where what is there is kept, everything that is there is a problem, whoever brought it.
fn rank(sources: &mut [Source], existing: Existing) {
    if existing == Existing::Keep {
        return;
    }
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
        let (copies, rule) = match stored.cedars() {
            None => (
                finder.archives(&source.peer, stored, source.found.copy.shelf),
                Rule::Manifest(number),
            ),
            Some(stem) => (
                unlisted::week_of(finder, &source.peer, stored, stem, &recipe.request),
                Rule::Cedars(number),
            ),
        };
        let Some(copy) = copies.first() else {
            recipe.missing.push(Missing {
                peer: source.peer.clone(),
                day: stored.day,
                archive: PathBuf::from(&stored.archive),
                discs: discs(&source.peer, stored.day, &stored.archive),
                files: need.files,
                bytes: need.bytes,
                examples: need.examples.clone(),
            });
            continue;
        };
        let shelf = &finder.shelves()[copy.shelf];
        let into = source.prefix.within(&recipe.into);
        // One archive; or, of Cedar Backup's, several, the latest first.
        let archives = || {
            let several = matches!(rule, Rule::Cedars(_));
            let one_each = copies.chunk_by(|a, b| a.item == b.item);
            let take = if several { usize::MAX } else { 1 };
            one_each.take(take).filter_map(|copies| copies.first())
        };
        let commands = archives().map(|copy| {
            let shelf = &finder.shelves()[copy.shelf];
            by_hand::command(&shelf.by_hand(&copy.item), &into)
        });
        let mut commands: Vec<String> = commands.collect();
        commands.reverse();
        let lengths = archives().filter_map(|copy| finder.shelves()[copy.shelf].length(&copy.item));
        recipe.steps.push(Step {
            peer: source.peer.clone(),
            day: stored.day,
            on: shelf.name().to_owned(),
            whereabouts: shelf.whereabouts(&copy.item),
            archive_bytes: lengths.sum(),
            files: Some(need.files),
            bytes: Some(need.bytes),
            by_hand: commands.join(" && "),
            archive: shelf.by_hand(&copy.item),
            stored: Some(stored.clone()),
            copies,
            rule,
        });
    }
}

/// Puts the steps into the order in which they are taken: the oldest first; then sources within one
/// another, in their turns; then archives without a manifest, of which the latest comes first and what it
/// brought stays.
fn order(recipe: &mut Recipe) {
    let sources = &recipe.sources;
    recipe.steps.sort_by_cached_key(|step| {
        let (turn, day) = match &step.rule {
            Rule::Manifest(number) | Rule::Cedars(number) => (
                sources[*number].overlaps.map_or(0, |turn| turn + 1),
                step.day.days_since(Day::from(chrono::NaiveDate::MIN)),
            ),
            Rule::Everything(everything) => (
                match everything.turn {
                    Turn::First => 0,
                    Turn::Last => usize::MAX,
                },
                -step.day.days_since(Day::from(chrono::NaiveDate::MIN)),
            ),
        };
        (turn, day, step.peer.clone(), step.archive.clone())
    });
}
