//! `cback changer …`: what a person does with a changer by hand.

mod shown;

use std::collections::BTreeSet;

use super::args::{ChangerCommand, Common};
use super::exit::Exit;
use super::run;
use super::session::{Failure, Session};
use crate::action::{self, ActionError, Context};
use crate::changer::{ChangerError, Contents, Library, Place, Setup, State, is_of_disc};
use crate::event::{Problem, Tell as _};
use shown::{Carried, Scanned, ShownChanger, ShownDisc};

/// Carries out what `command` says.
pub fn run(common: &Common, command: &ChangerCommand) -> Exit {
    let session = Session::without_log(common);
    let outcome = session.load(common).and_then(|config| {
        let setup = config
            .store
            .as_ref()
            .and_then(|store| store.changer.as_ref());
        let setup = setup.ok_or_else(|| {
            Failure::new(Exit::Config, "the configuration names no changer")
                .advise("add <changer> to <store>: `cback config explain changer`")
        })?;
        run::beside(&session, &config, |context| {
            let desk = Desk {
                session: &session,
                setup,
                context,
            };
            desk.work(command)
        })
    });
    session.end(&outcome)
}

struct Desk<'a> {
    session: &'a Session,
    setup: &'a Setup,
    context: &'a Context<'a>,
}

/// Whether discs are moved, or only said to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Yes,
    No,
}

impl Moves {
    fn unless(dry_run: bool) -> Self {
        if dry_run { Self::No } else { Self::Yes }
    }
}

impl Desk<'_> {
    fn work(&self, command: &ChangerCommand) -> Result<Exit, Failure> {
        match command {
            ChangerCommand::Status => {
                let shown = ShownChanger::new(self.setup, &self.look()?);
                self.session.show(&shown, ToString::to_string);
                Ok(Exit::Well)
            }
            ChangerCommand::Load {
                disc,
                drive,
                dry_run,
            } => self.load(disc, *drive, Moves::unless(*dry_run)),
            ChangerCommand::Unload {
                drive,
                slot,
                dry_run,
            } => self.unload(*drive, *slot, Moves::unless(*dry_run)),
            ChangerCommand::Scan {
                all,
                slots,
                dry_run,
            } => self.scan(*all, slots, Moves::unless(*dry_run)),
        }
    }

    /// Where everything is, without changing anything.
    fn look(&self) -> Result<Contents, Failure> {
        let working_dir = &self.context.config.options.working_dir;
        Contents::look(self.setup, self.context.programs, working_dir).map_err(failure)
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Library<'_>) -> Result<T, ChangerError>,
    ) -> Result<T, Failure> {
        let worked = action::changer::with_library(self.context, self.setup, |library| {
            work(library).map_err(ActionError::from)
        });
        worked.map_err(|error| match error {
            ActionError::Changer(error) => failure(error),
            error => Failure::of(Exit::Failed, error),
        })
    }

    fn load(&self, wanted: &str, drive: Option<u32>, moves: Moves) -> Result<Exit, Failure> {
        if moves == Moves::No {
            let contents = self.look()?;
            let disc = find(&contents, wanted).map_err(failure)?;
            let shown = Carried::new("load", &contents.discs[disc], drive, Moves::No);
            self.session.show(&shown, ToString::to_string);
            return Ok(Exit::Well);
        }
        let carried = self.with(|library| {
            let disc = find(&library.contents(), wanted)?;
            let loaded = library.load(disc, drive)?;
            match library.examine(&loaded) {
                Ok(seen) => {
                    library.note(disc, &seen)?;
                    library.settle()?;
                }
                Err(error) => {
                    let advice = "it is in the drive; `cback disc info` may say more";
                    let problem = Problem::new(format!("drive {}", loaded.number), &error);
                    library.monitor().problem(&problem.advise(advice));
                }
            }
            let entry = library.disc(disc);
            Ok(Carried::new(
                "load",
                &entry,
                Some(loaded.number),
                Moves::Yes,
            ))
        })?;
        self.session.show(&carried, ToString::to_string);
        Ok(Exit::Well)
    }

    fn unload(&self, drive: Option<u32>, slot: Option<u32>, moves: Moves) -> Result<Exit, Failure> {
        let contents = self.look()?;
        let in_drive = |number: u32| {
            let mut discs = contents.discs.iter();
            discs.find(|disc| disc.place == Place::Drive(number))
        };
        let drives: Vec<u32> = match drive {
            Some(drive) if in_drive(drive).is_none() => {
                let there = contents.status.drives.contains_key(&drive);
                return Err(failure(if there {
                    ChangerError::DriveEmpty(drive)
                } else {
                    ChangerError::NoDrive(drive)
                }));
            }
            Some(drive) => vec![drive],
            None => {
                let bays = self.setup.bays.iter().map(|bay| bay.number);
                bays.filter(|&number| in_drive(number).is_some()).collect()
            }
        };
        if moves == Moves::No {
            for number in drives {
                if let Some(disc) = in_drive(number) {
                    let mut disc = disc.clone();
                    disc.slot = slot.or(disc.slot);
                    let shown = Carried::new("unload", &disc, Some(number), Moves::No);
                    self.session.show(&shown, ToString::to_string);
                }
            }
            return Ok(Exit::Well);
        }
        self.with(|library| {
            for number in drives {
                let before = library.contents().discs;
                let disc = before
                    .iter()
                    .position(|disc| disc.place == Place::Drive(number));
                library.put_into(number, slot)?;
                if let Some(disc) = disc {
                    let entry = library.disc(disc);
                    let shown = Carried::new("unload", &entry, Some(number), Moves::Yes);
                    self.session.show(&shown, ToString::to_string);
                }
            }
            Ok(())
        })?;
        Ok(Exit::Well)
    }

    fn scan(&self, all: bool, slots: &[u32], moves: Moves) -> Result<Exit, Failure> {
        if moves == Moves::No {
            let contents = self.look()?;
            let discs = to_scan(self.setup, &contents, all, slots).map_err(failure)?;
            let discs = discs.iter().map(|&disc| &contents.discs[disc]);
            let scanned = Scanned::new(discs, Moves::No);
            self.session.show(&scanned, ToString::to_string);
            return Ok(Exit::Well);
        }
        let scanned = self.with(|library| {
            let discs = to_scan(self.setup, &library.contents(), all, slots)?;
            let mut used = BTreeSet::new();
            for &disc in &discs {
                if all || !slots.is_empty() {
                    library.forget(disc)?;
                }
                let loaded = library.load(disc, None)?;
                used.insert(loaded.number);
                match library.examine(&loaded) {
                    Ok(seen) => {
                        library.note(disc, &seen)?;
                    }
                    Err(ChangerError::Drive(error)) if is_of_disc(&error) => {
                        let name = library.disc(disc).name();
                        let slot = library.reject(disc, loaded.number, &error.to_string())?;
                        let advice = format!("it is in slot {slot}; take it out");
                        let reason = format!("is bad: {error}");
                        let problem = Problem::new(format!("the disc {name}"), &reason);
                        library.monitor().problem(&problem.advise(advice));
                    }
                    Err(error) => return Err(error),
                }
                // Its drive may be used for the next one.
                library.release(disc);
            }
            library.settle()?;
            library.put_back_all(&used)?;
            let entries: Vec<_> = discs.iter().map(|&disc| library.disc(disc)).collect();
            Ok(Scanned::new(entries.iter(), Moves::Yes))
        })?;
        self.session.show(&scanned, ToString::to_string);
        Ok(Exit::Well)
    }
}

/// The disc that a person means: by its slot, its barcode, or its label.
fn find(contents: &Contents, wanted: &str) -> Result<usize, ChangerError> {
    let here = || (0..contents.discs.len()).filter(|&at| contents.discs[at].is_here());
    let named = |at: &usize| {
        let disc = &contents.discs[*at];
        disc.barcode.as_deref() == Some(wanted) || disc.label.as_deref() == Some(wanted)
    };
    if let Some(disc) = here().find(named) {
        return Ok(disc);
    }
    match wanted.parse() {
        Ok(slot) => in_slot(contents, slot),
        Err(_) => Err(ChangerError::NotHere(format!("`{wanted}`"))),
    }
}

/// The disc whose slot that is; one that lies in it, if another one came from there.
fn in_slot(contents: &Contents, slot: u32) -> Result<usize, ChangerError> {
    let is_it = |at: &usize| {
        let disc = &contents.discs[*at];
        disc.is_here() && disc.slot == Some(slot)
    };
    let lies_elsewhere = |at: &usize| contents.discs[*at].place != Place::Slot;
    match (0..contents.discs.len())
        .filter(is_it)
        .min_by_key(lies_elsewhere)
    {
        Some(disc) => Ok(disc),
        None if contents.status.slots.contains_key(&slot) => Err(ChangerError::SlotEmpty(slot)),
        None => Err(ChangerError::NoSlot(slot)),
    }
}

/// The discs that are to be looked at.
fn to_scan(
    setup: &Setup,
    contents: &Contents,
    all: bool,
    slots: &[u32],
) -> Result<Vec<usize>, ChangerError> {
    if !slots.is_empty() {
        return slots.iter().map(|&slot| in_slot(contents, slot)).collect();
    }
    let discs = contents.discs.iter().enumerate();
    let mut chosen: Vec<usize> = discs
        .filter(|(_, disc)| setup.reaches(disc) && (all || disc.state == State::Unknown))
        .map(|(at, _)| at)
        .collect();
    chosen.sort_by_key(|&at| contents.discs[at].slot);
    Ok(chosen)
}

/// What a changer's failure means to the caller.
pub(super) fn failure(error: ChangerError) -> Failure {
    let exit = match &error {
        ChangerError::Locked(crate::lock::LockError::Held { .. }) => Exit::Locked,
        error if error.wants_disc() => Exit::Disc,
        _ => Exit::Failed,
    };
    let advice = error.advice().map(str::to_owned);
    Failure::of(exit, error).advised(advice)
}

impl ShownDisc {
    /// The end of a sentence about a disc.
    fn and_free(&self) -> String {
        match self.free {
            Some(free) if self.state == "in use" => {
                format!(", {} free", crate::event::bytes(free))
            }
            _ => String::new(),
        }
    }
}
