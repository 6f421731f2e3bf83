//! What no manifest tells about: archives by Cedar Backup, dumps of databases and the like.
//!
//! Such archives are read from the latest back to the start of the week, and what a later one brought stays. What
//! was deleted in between comes back, for nobody knows. Everything else is copied as it is, the latest of each name.

mod members;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::archive::manifest::Stored;
use crate::fsx;
use crate::staging::is_peers_indicator;
use crate::units::{Day, PeerName, Weekday};

use super::Request;
use super::by_hand;
use super::carry::Exists;
use super::find::{self, Copy, Finder, LATE};
use super::recipe::{Everything, PlainFile, Recipe, Rule, Step, Turn};
use super::sealed;
use super::shelf::Shelf;
use super::target::Below;
use super::wanted::{Part, Wanted};

pub(super) use members::restore;

/// Where files that are no archives go, below the peer's part of the target directory.
const PLAIN: &str = "_files";

/// Archives by Cedar Backup that are later than the latest manifest of their source: it took over again.
pub(super) struct Later {
    /// By source; every source that has a manifest is there.
    sources: BTreeMap<OsString, Since>,
}

/// Cedar Backup's later archives of one source.
struct Since {
    /// When the turn of each comes.
    turn: Turn,
    days: BTreeMap<Day, Vec<Copy>>,
}

impl Later {
    /// Looks for such archives of `peer`.
    pub fn find(finder: &Finder<'_>, peer: &PeerName, request: &Request) -> Self {
        let newest = finder.newest(peer, request.as_of).into_iter();
        let sources = newest.map(|(stem, newest)| {
            let mut days = finder.by_cedar(peer, &stem);
            let last = newest.copy.item.day;
            days.retain(|day, _| *day > last && request.as_of.is_none_or(|as_of| *day <= as_of));
            // Only on the starting day itself an archive is sure to be a full one, so that the manifest does not
            // count any more.
            let start = request.starting_day.and_then(|weekday| {
                let newest = days.keys().next_back()?;
                Some(request.as_of.unwrap_or(*newest).latest(weekday))
            });
            let turn = match start.filter(|start| days.contains_key(start)) {
                Some(start) => {
                    days = days.split_off(&start);
                    Turn::Last
                }
                None => Turn::First,
            };
            (stem, Since { turn, days })
        });
        Self {
            sources: sources.collect(),
        }
    }

    /// Whether the manifest of the source `stem` is older than all that counts.
    pub fn replaces(&self, stem: &OsStr) -> bool {
        let since = self.sources.get(stem);
        since.is_some_and(|since| since.turn == Turn::Last)
    }

    /// Whether the manifest of the source `stem` only says what there was before.
    pub fn adds_to(&self, stem: &OsStr) -> bool {
        let since = self.sources.get(stem);
        since.is_some_and(|since| since.turn == Turn::First && !since.days.is_empty())
    }

    /// The days of archives of this name that count, and when their turn comes; `None` if no manifest was ever there
    /// for it.
    fn days_of(&self, stem: &OsStr, name: &OsStr) -> Option<(BTreeMap<Day, Vec<Copy>>, Turn)> {
        let Some(since) = self.sources.get(stem) else {
            // What has a number is ours.
            let is_ours = self.sources.contains_key(base(stem));
            return is_ours.then(|| (BTreeMap::new(), Turn::Last));
        };
        let mut days = since.days.clone();
        for copies in days.values_mut() {
            copies.retain(|copy| copy.item.name == name);
        }
        days.retain(|_, copies| !copies.is_empty());
        Some((days, since.turn))
    }
}

/// Cedar Backup's archives of the week in which it wrote its digests last, the latest first. What lies there longer
/// or was staged late does no harm.
pub(super) fn week_of(
    finder: &Finder<'_>,
    peer: &PeerName,
    stored: &Stored,
    stem: &OsStr,
    request: &Request,
) -> Vec<Copy> {
    let mut days = finder.by_cedar(peer, stem);
    let latest = (0..LATE).fold(stored.day, |day, _| day.succ());
    days.retain(|day, _| *day <= latest);
    let begin = week(request.starting_day, Some(stored.day), &days);
    let week = days.range(begin..).rev();
    week.flat_map(|(_, copies)| copies.iter().cloned())
        .collect()
}

/// Adds what no manifest tells about: archives by Cedar Backup, dumps of databases and the like.
pub(super) fn add(
    recipe: &mut Recipe,
    peer: &PeerName,
    later: &Later,
    shelves: &[Shelf],
    wanted: &Wanted,
    prefix: &Below,
) {
    let mut archives = Vec::new();
    for (name, days) in held(shelves, peer, recipe.as_of) {
        if is_ours(name) {
            continue;
        }
        if sealed::content(name).is_some() {
            add_sealed(recipe, &days, shelves);
            continue;
        }
        let archive = find::stem_of_archive(name)
            .filter(|(stem, _)| !is_mail(name) || later.days_of(stem, name).is_some());
        if let Some((stem, _)) = archive {
            let (days, turn) = later.days_of(stem, name).unwrap_or_else(|| {
                let mut days = days;
                let begin = week(recipe.request.starting_day, recipe.as_of, &days);
                (days.split_off(&begin), Turn::Last)
            });
            let days = days.into_iter();
            archives.extend(days.map(|(day, copies)| (stem, day, copies, turn)));
            continue;
        }
        let to = Path::new(PLAIN).join(name);
        wanted.look(&to, &mut recipe.seen);
        if wanted.part(&to) == Part::Wanted
            && let Some(copy) = days.values().next_back().and_then(|copies| copies.first())
        {
            plain_file(recipe, copy, shelves, &to, prefix);
        }
    }
    // The latest of each source, which may have been packed in another way before.
    let mut latest: BTreeMap<&OsStr, Day> = BTreeMap::new();
    for (stem, day, ..) in &archives {
        let known = latest.entry(stem).or_insert(*day);
        *known = (*known).max(*day);
    }
    for (stem, day, copies, turn) in archives {
        let rule = Rule::Everything(Everything {
            wanted: Box::new(wanted.clone()),
            prefix: prefix.clone(),
            exists: if latest.get(stem) == Some(&day) {
                Exists::Problem
            } else {
                Exists::Later
            },
            turn,
        });
        whole_archive(recipe, day, copies, shelves, rule);
    }
}

/// The files of `peer` that lie under a day not after `as_of`, by name and day, each with the shelves that have it.
fn held<'a>(
    shelves: &'a [Shelf],
    peer: &'a PeerName,
    as_of: Option<Day>,
) -> BTreeMap<&'a OsStr, BTreeMap<Day, Vec<Copy>>> {
    let mut held: BTreeMap<&OsStr, BTreeMap<Day, Vec<Copy>>> = BTreeMap::new();
    for (shelf, other) in shelves.iter().enumerate() {
        for item in other.items_of(peer) {
            if as_of.is_none_or(|as_of| item.day <= as_of) {
                let days = held.entry(&item.name).or_default();
                days.entry(item.day).or_default().push(Copy {
                    shelf,
                    item: item.clone(),
                });
            }
        }
    }
    held
}

/// Adds the encrypted archives or manifests of one name, those of the week: what is wanted of them cannot be seen from
/// outside.
fn add_sealed(recipe: &mut Recipe, days: &BTreeMap<Day, Vec<Copy>>, shelves: &[Shelf]) {
    let begin = week(recipe.request.starting_day, recipe.as_of, days);
    for copy in days.range(begin..).filter_map(|(_, copies)| copies.first()) {
        if !sealed::is_open(&copy.item, shelves) {
            let to = sealed::target(&copy.item);
            plain_file(recipe, copy, shelves, &to, &Below::default());
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
        whereabouts: shelf.whereabouts(&copy.item),
        archive_bytes: shelf.length(&copy.item).unwrap_or(0),
        files: None,
        bytes: None,
        by_hand: format!(
            "{} --skip-old-files",
            by_hand::command(&archive, &everything.prefix.within(&recipe.into))
        ),
        archive,
        stored: None,
        copies,
        rule,
    });
}

fn plain_file(recipe: &mut Recipe, copy: &Copy, shelves: &[Shelf], to: &Path, prefix: &Below) {
    let shelf = &shelves[copy.shelf];
    // A name in a directory is a plain name.
    let Ok(at) = Below::new(to).map(|to| to.under(prefix)) else {
        return;
    };
    recipe.files.push(PlainFile {
        file: shelf.by_hand(&copy.item),
        on: shelf.name().to_owned(),
        whereabouts: shelf.whereabouts(&copy.item),
        to: at.as_path().to_owned(),
        bytes: shelf.length(&copy.item).unwrap_or(0),
        copy: copy.clone(),
        at,
    });
}

/// The first day of the week whose archives make up the state: the latest one that is not after the start of
/// the week, or the first that there is.
fn week(starting_day: Option<Weekday>, as_of: Option<Day>, days: &BTreeMap<Day, Vec<Copy>>) -> Day {
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

/// Whether a file of this name is a dump of mailboxes, `mbox-20261121-home-me-mail.tar.gz`: of each day there is
/// another, and the mailboxes in it have lost their directory.
fn is_mail(name: &OsStr) -> bool {
    let rest = name.as_bytes().strip_prefix(b"mbox-");
    let dated = rest.and_then(|rest| rest.split_at_checked(8));
    dated.is_some_and(|(day, rest)| day.iter().all(u8::is_ascii_digit) && rest.starts_with(b"-"))
}

/// Whether a file of this name is for the machinery, not for people.
pub(super) fn is_ours(name: &OsStr) -> bool {
    is_peers_indicator(name) || fsx::is_partial(name) || find::stem_of_manifest(name).is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
