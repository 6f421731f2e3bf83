//! Restoring from the discs in a changer: those that are needed are loaded, by what the catalog knows; without one, all.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::thread;

use super::needed::needed;
use super::{Places, args, explained, fulfil, recipe, request};
use crate::action;
use crate::changer::{Counter, Entry, Library, Setup, State};
use crate::cli::args::Common;
use crate::cli::changer::failure;
use crate::cli::exit::Exit;
use crate::cli::run;
use crate::cli::session::{Failure, Session};
use crate::event::{Problem, Tell as _};
use crate::restore::{Recipe, RestoreError, Shelf, Unplanned};
use crate::units::Day;

/// Restores what `wish` says from `places` and from the changer.
pub(super) fn work(
    session: &Session,
    common: &Common,
    wish: &args::Restore,
    mut places: Places,
    setup: &Setup,
) -> Result<Exit, Failure> {
    let Some(config) = places.config.take() else {
        return Err(Failure::new(
            Exit::Config,
            "a changer needs a configuration",
        ));
    };
    run::beside(session, &config, |context| {
        places.config = Some(config.clone());
        let worked = action::changer::with_library(context, setup, |library| {
            let (counter, wishes) = Counter::new();
            let ended = thread::scope(|scope| {
                let worker = scope.spawn(move || {
                    let mut desk = Desk {
                        session,
                        wish,
                        library,
                        counter,
                        places,
                        opened: BTreeSet::new(),
                    };
                    let recipe = desk.recipe()?;
                    fulfil(session, common, wish, &recipe, &desk.places.shelves)
                });
                library.serve(wishes);
                match worker.join() {
                    Ok(ended) => ended,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            });
            if let Err(error) = library.clear_drives() {
                let advice = "`cback changer unload` puts the disc back";
                let problem = Problem::new("the changer", &error).advise(advice);
                session.monitor().problem(&problem);
            }
            Ok(ended)
        });
        worked.map_err(|error| match error {
            action::ActionError::Changer(error) => failure(error),
            error => Failure::of(Exit::Failed, error),
        })?
    })
}

struct Desk<'a> {
    session: &'a Session,
    wish: &'a args::Restore,
    library: &'a Library<'a>,
    counter: Counter,
    places: Places,
    /// Discs that are among the shelves, or cannot be.
    opened: BTreeSet<usize>,
}

impl Desk<'_> {
    /// How to restore it, when every disc that is needed has been looked at.
    fn recipe(&mut self) -> Result<Recipe, Failure> {
        let by_catalog = self.by_catalog();
        // All discs are a matter of hours: only if somebody asks for them.
        let enough = by_catalog.is_some() && self.wish.from.is_empty();
        let absent = if let Some(absent) = by_catalog {
            absent?
        } else {
            self.open_all()?;
            Vec::new()
        };
        let request = request(self.wish, &self.places)?;
        let mut planned = recipe(&request, &self.places);
        let mut all = false;
        loop {
            let missing: BTreeSet<String> = match &planned {
                Ok(recipe) if recipe.missing.is_empty() => break,
                Ok(recipe) => {
                    let discs = recipe.missing.iter().flat_map(|missing| &missing.discs);
                    discs.cloned().collect()
                }
                Err(Unplanned {
                    error: RestoreError::NoSuchPath { .. } | RestoreError::UnknownPeer { .. },
                    ..
                }) if enough => break,
                Err(_) => BTreeSet::new(),
            };
            let named = |entry: &Entry| {
                entry
                    .label
                    .as_ref()
                    .is_some_and(|label| missing.contains(label))
            };
            // The catalog may not know every disc.
            if !self.open_those(&named)? {
                if all {
                    break;
                }
                self.open_all()?;
                all = true;
            }
            planned = recipe(&request, &self.places);
        }
        self.told(&absent)?;
        planned.map_err(|unplanned| match unplanned.error {
            RestoreError::Nothing { .. } if self.places.shelves.is_empty() => Failure::new(
                Exit::Disc,
                "there is nothing to restore from, in the changer or elsewhere",
            )
            .advise("put the discs in, and look at what the changer holds: cback changer scan"),
            _ => {
                let failure =
                    explained(unplanned, &request, &self.places, self.session.monitor());
                failure.advised_also(enough.then_some(
                    "of the changer's discs only those were looked at that the catalog names; --from changer looks at all",
                ))
            }
        })
    }

    /// Opens the discs that the catalog says are needed; gives the labels of those that are not in the changer. `None` if
    /// the catalog knows nothing.
    fn by_catalog(&mut self) -> Option<Result<Vec<String>, Failure>> {
        let catalog = self.places.catalog.as_ref()?;
        let known = catalog
            .wanted(self.wish.as_of, self.wish.peer.as_ref())
            .ok()
            .filter(|known| !known.is_empty())?;
        let mut wanted = needed(&known);
        let held: BTreeSet<(Day, Vec<u8>)> = self
            .places
            .shelves
            .iter()
            .flat_map(Shelf::items)
            .map(|item| {
                let name = [item.peer.as_str().as_bytes(), b"/", item.name.as_bytes()].concat();
                (item.day, name)
            })
            .collect();
        wanted.retain(|row| !held.contains(&(row.day, row.name.clone())));
        let here = self.library.contents().discs;
        let is_here = |disc: &str| {
            here.iter()
                .any(|entry| self.library.reaches(entry) && entry.disc.as_deref() == Some(disc))
        };
        let needed: BTreeSet<String> = wanted
            .iter()
            .filter(|row| is_here(&row.disc))
            .map(|row| row.disc.clone())
            .collect();
        // Another copy may be in the changer.
        let has_one = |row: &crate::catalog::WantedRow| {
            wanted.iter().any(|other| {
                (other.day, &other.name) == (row.day, &row.name) && is_here(&other.disc)
            })
        };
        let absent: BTreeSet<String> = wanted
            .iter()
            .filter(|row| !has_one(row))
            .map(|row| row.label.clone())
            .collect();
        let opened = self.open_those(&|entry| {
            entry
                .disc
                .as_ref()
                .is_some_and(|disc| needed.contains(disc))
        });
        Some(opened.map(|_| absent.into_iter().collect()))
    }

    /// Opens every disc of ours, and what nobody has looked at.
    fn open_all(&mut self) -> Result<bool, Failure> {
        self.open_those(&|entry| entry.disc.is_some() || entry.state == State::Unknown)
    }

    /// Opens the discs in the changer that are `meant`, newest first. Whether there was one that was not open.
    fn open_those(&mut self, meant: &dyn Fn(&Entry) -> bool) -> Result<bool, Failure> {
        let contents = self.library.contents();
        let mut chosen: Vec<usize> = (0..contents.discs.len())
            .filter(|at| !self.opened.contains(at))
            .filter(|&at| self.library.reaches(&contents.discs[at]) && meant(&contents.discs[at]))
            .filter(|&at| contents.discs[at].state != State::Foreign)
            .collect();
        chosen.sort_by_key(|&at| {
            (
                std::cmp::Reverse(contents.discs[at].written),
                contents.discs[at].slot,
            )
        });
        for &disc in &chosen {
            self.opened.insert(disc);
            self.open(disc)?;
        }
        Ok(!chosen.is_empty())
    }

    fn open(&mut self, disc: usize) -> Result<(), Failure> {
        let name = self.library.disc(disc).name();
        let unusable = |reason: &dyn std::fmt::Display| {
            let advice = "see by the days that `--dry-run` shows whether anything newer was there";
            let problem = Problem::new(format!("the disc {name}"), &reason.to_string());
            self.session.monitor().problem(&problem.advise(advice));
        };
        let (seen, starts, medium) = match self.library.open_disc(disc, &self.counter) {
            Ok(opened) => opened,
            Err(crate::changer::ChangerError::Drive(error)) => {
                unusable(&error);
                return Ok(());
            }
            Err(error) => return Err(failure(error)),
        };
        if !matches!(seen.state(), State::InUse | State::Full) {
            return Ok(());
        }
        let place = std::path::PathBuf::from(format!("disc {}", self.library.disc(disc).name()));
        match Shelf::disc(&place, Box::new(medium), &starts) {
            Ok(opened) => self.places.shelves.push(opened),
            Err(error) => unusable(&error),
        }
        Ok(())
    }

    /// Tells of discs that have the newest copies of something, and are not here.
    fn told(&self, absent: &[String]) -> Result<(), Failure> {
        if absent.is_empty() {
            return Ok(());
        }
        let discs = absent.join("`, `");
        let what = format!(
            "these discs have the newest copies of something, and are not in the changer: `{discs}`"
        );
        if self.wish.incomplete || self.wish.dry_run {
            let advice = "an older state of it is restored, or none; put the disc in";
            let problem = Problem::new("the changer", &what).advise(advice);
            self.session.monitor().problem(&problem);
            return Ok(());
        }
        Err(Failure::new(Exit::Disc, what)
            .advise("put them in and run it again, or restore what can be had with --incomplete"))
    }
}
