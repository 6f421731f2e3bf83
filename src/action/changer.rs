//! Storing onto the discs of a changer: every copy in a drive of its own, all at the same time.

pub(super) mod foresee;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::thread;

use super::store::{drive, open_catalog, section, tell_if_put_aside, told, with_disc};
use super::{ActionError, Context, Patience, wait};
use crate::catalog::Catalog;
use crate::changer::{
    ChangerError, Fresh, Library, Loaded, Robot, Setup, Surroundings, Tagged, Trouble, Verdict,
    Want, is_of_disc, write,
};
use crate::event::{Event, Monitor, Problem, Progress, Tell as _, with_causes};
use crate::media::{Asked, Drive, DriveError, WrongDisc};
use crate::staging::Daily;
use crate::store::{Discs, Item, Store, StoreError, Stored};
use crate::units::{AbsPath, Day};

/// Does `work` with the changer, which nobody else may use meanwhile.
pub fn with_library<T>(
    cx: &Context<'_>,
    setup: &Setup,
    work: impl FnOnce(&Library<'_>) -> Result<T, ActionError>,
) -> Result<T, ActionError> {
    let store = section(cx)?;
    let drives = |device: &AbsPath| -> Box<dyn Drive> {
        let mut one = store.clone();
        one.target = device.clone();
        drive(&one, &cx.config.options, cx.ids)
    };
    let around = Surroundings {
        runner: cx.programs,
        drives: &drives,
        clock: cx.clock,
        monitor: cx.monitor,
        today: cx.day,
        ids: cx.ids,
    };
    let working_dir = &cx.config.options.working_dir;
    let holder = format!("process {}", std::process::id());
    let library = Library::open(setup, around, working_dir, &holder)?;
    work(&library)
}

/// Stores `days` on a disc of each copy, and marks what is on all of them.
pub(super) fn store(
    cx: &Context<'_>,
    setup: &Setup,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<(), ActionError> {
    with_library(cx, setup, |library| {
        let want = match asked {
            Asked::Full => Want::Blank,
            Asked::ByRule if knows_discs(cx)? => Want::Current,
            Asked::ByRule => Want::Any,
        };
        let written = each_copy(cx, setup, &|copy, monitor| {
            let mut left = days.to_vec();
            on_discs(cx, library, (copy, want), &mut |drive, fresh| {
                // Only the first disc is what was asked for; on further ones the rest of it goes.
                let asked = match fresh {
                    Fresh::Continued => Asked::ByRule,
                    Fresh::Blank => asked,
                };
                let stored =
                    with_loaded(cx, drive, monitor, |store| store.store(&left, first, asked));
                verdict(stored, |stored| {
                    left.retain(|daily| stored.no_room.contains(&daily.day()));
                })
            })
        })?;
        mark(cx, days, &written)
    })
}

/// Puts all of `days` onto a new disc of each copy.
pub(super) fn rebuild(cx: &Context<'_>, setup: &Setup, days: &[Daily]) -> Result<(), ActionError> {
    with_library(cx, setup, |library| {
        let written = each_copy(cx, setup, &|copy, monitor| {
            on_discs(cx, library, (copy, Want::Blank), &mut |drive, _| {
                let stored = with_loaded(cx, drive, monitor, |store| store.rebuild(days));
                verdict(stored, |_| ())
            })
        })?;
        mark(cx, days, &written)
    })
}

/// Writes each of `discs`, which are items of `days`, onto a new disc; as many at the same time as there are drives.
/// Nothing is marked. Gives what was written in the order of `discs`.
pub fn write_items(
    cx: &Context<'_>,
    setup: &Setup,
    days: &[Daily],
    discs: &[Vec<&Item>],
) -> Result<Vec<Stored>, ActionError> {
    with_library(cx, setup, |library| {
        let queue = Mutex::new(0..discs.len());
        let next = || queue.lock().map_or(None, |mut queue| queue.next());
        let workers = discs.len().min(setup.bays.len());
        let written = in_parallel(cx, ("burner", workers), &|_, monitor| {
            let mut written = Vec::new();
            while let Some(number) = next() {
                let want = (1, Want::Blank);
                let stored = on_discs(cx, library, want, &mut |drive, _| {
                    let stored = with_loaded(cx, drive, monitor, |store| {
                        store.store_items(days, &discs[number])
                    });
                    verdict(stored, |_| ())
                });
                let stored = stored.inspect_err(|_| {
                    // Nobody begins another disc when one has failed.
                    while next().is_some() {}
                })?;
                written.extend(stored.into_iter().map(|stored| (number, stored)));
            }
            Ok(written)
        })?;
        let mut written = written.concat();
        written.sort_by_key(|(number, _)| *number);
        Ok(written.into_iter().map(|(_, stored)| stored).collect())
    })
}

/// Whether the catalog knows of any disc, one of which may be in use.
fn knows_discs(cx: &Context<'_>) -> Result<bool, ActionError> {
    let (catalog, _) = Catalog::look(&cx.catalog_path())?;
    Ok(!catalog.discs()?.is_empty())
}

/// Does `work` for each copy.
fn each_copy<T: Send>(
    cx: &Context<'_>,
    setup: &Setup,
    work: &(dyn Fn(u32, &dyn Monitor) -> Result<T, ActionError> + Sync),
) -> Result<Vec<T>, ActionError> {
    in_parallel(cx, ("copy", setup.copies.get() as usize), work)
}

/// Does `work` so many times at once; the first one is number 1. If some fail, the first failure is the outcome, and the
/// others are told.
fn in_parallel<T: Send>(
    cx: &Context<'_>,
    (who, count): (&str, usize),
    work: &(dyn Fn(u32, &dyn Monitor) -> Result<T, ActionError> + Sync),
) -> Result<Vec<T>, ActionError> {
    if count <= 1 {
        return Ok(vec![work(1, cx.monitor)?]);
    }
    // A catalog that has to be made is made once; those who come then fill it.
    let (catalog, found) = open_catalog(cx)?;
    drop(catalog);
    tell_if_put_aside(&found, cx.monitor);
    let ended: Vec<Result<T, ActionError>> = thread::scope(|scope| {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let workers: Vec<_> = (1..=count)
            .map(|number| {
                scope.spawn(move || {
                    let monitor = Tagged::new(cx.monitor, format!("{who} {number}"));
                    work(number, &monitor)
                })
            })
            .collect();
        let ends = workers.into_iter().map(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ends.collect()
    });
    let mut done = Vec::new();
    let mut failed = None;
    for (number, ended) in (1..).zip(ended) {
        match ended {
            Ok(written) => done.push(written),
            Err(error) if failed.is_none() => failed = Some(error),
            Err(error) => {
                let problem = Problem::new(format!("{who} {number}"), &with_causes(&error));
                cx.monitor.problem(&problem);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Gives `work` discs until it is done; waits for blank ones if that is wanted.
fn on_discs(
    cx: &Context<'_>,
    library: &Library<'_>,
    (copy, want): (u32, Want),
    work: &mut dyn FnMut(&Loaded, Fresh) -> Verdict<Stored, ActionError>,
) -> Result<Vec<Stored>, ActionError> {
    let mut all = Vec::new();
    let mut begun = want;
    loop {
        // What was written before there was no disc left is not written again.
        let mut kept = Vec::new();
        let mut keep = |drive: &Loaded, fresh: Fresh| match work(drive, fresh) {
            Verdict::Part(stored) => {
                kept.push(stored.clone());
                Verdict::Part(stored)
            }
            other => other,
        };
        match write(library, copy, begun, &mut keep) {
            Ok(written) => {
                all.extend(written);
                for stored in &all {
                    told(cx, stored);
                }
                return Ok(all);
            }
            Err(Trouble::Changer(error @ ChangerError::NoBlank(_)))
                if cx.patience == Patience::ForDisc =>
            {
                if !kept.is_empty() {
                    begun = Want::Blank;
                }
                all.append(&mut kept);
                wait_for_disc(cx, library, &error)?;
            }
            Err(Trouble::Changer(error)) => return Err(error.into()),
            Err(Trouble::Work(error)) => return Err(error),
        }
    }
}

/// Waits until something in the changer is elsewhere than it was.
fn wait_for_disc(
    cx: &Context<'_>,
    library: &Library<'_>,
    error: &ChangerError,
) -> Result<(), ActionError> {
    const TASK: &str = "waiting for a blank disc in the changer";
    let reason = error.to_string();
    cx.monitor.warn(format!("{reason}; waiting for one"));
    let changer = section(cx)?.changer.as_ref();
    if let Some(Robot::Mtx(place) | Robot::Program(place)) = changer.map(|setup| &setup.robot) {
        wait::call(cx, place.as_ref(), &reason);
    }
    loop {
        cx.monitor.observe(&Event::Progress(Progress {
            task: TASK,
            done: 0,
            total: None,
            files: None,
        }));
        cx.clock.sleep(wait::PAUSE);
        if library.look_again()? {
            break;
        }
    }
    cx.monitor.observe(&Event::ProgressEnd(TASK));
    cx.monitor.note("something has changed in the changer");
    Ok(())
}

/// Does `work` with the disc that is loaded.
fn with_loaded<T>(
    cx: &Context<'_>,
    drive: &Loaded,
    monitor: &dyn Monitor,
    work: impl FnOnce(&mut Store<'_>) -> Result<T, StoreError>,
) -> Result<T, ActionError> {
    with_disc(
        cx,
        open_catalog(cx)?,
        (drive, Discs::Several),
        monitor,
        work,
    )
}

/// What a disc's outcome means for the next one. `rest` keeps what has to go there.
fn verdict(
    stored: Result<Stored, ActionError>,
    rest: impl FnOnce(&Stored),
) -> Verdict<Stored, ActionError> {
    match stored {
        Ok(stored) if stored.no_room.is_empty() => Verdict::Done(stored),
        Ok(stored) => {
            rest(&stored);
            Verdict::Part(stored)
        }
        Err(ActionError::Store(error)) => match error {
            StoreError::DiscFull { .. }
            | StoreError::DiscClosed { .. }
            | StoreError::Drive(DriveError::NotBlank | DriveError::Closed(_)) => Verdict::Full,
            StoreError::WrongDisc(WrongDisc::Foreign(_)) => Verdict::Foreign,
            StoreError::Volume { .. } | StoreError::CheckFailed { .. } | StoreError::NotThere => {
                Verdict::Bad(error.to_string())
            }
            StoreError::Drive(ref fault) if is_of_disc(fault) => Verdict::Bad(error.to_string()),
            other => Verdict::Stop(other.into()),
        },
        Err(error) => Verdict::Stop(error),
    }
}

/// Marks those of `days` that every copy has.
fn mark(cx: &Context<'_>, days: &[Daily], written: &[Vec<Stored>]) -> Result<(), ActionError> {
    for daily in days {
        let day = daily.day();
        let of_day =
            |copy: &Vec<Stored>| copy.iter().find(|one| one.marked.contains(&day)).cloned();
        let Some(discs) = written.iter().map(of_day).collect::<Option<Vec<Stored>>>() else {
            continue;
        };
        let mut text = String::new();
        for (number, disc) in (1..).zip(&discs) {
            let label = disc.label.escape_debug();
            // OK: writing to a text does not fail
            let _ = writeln!(text, "copy {number}: {label}\nsession {}", disc.session);
        }
        let marked = daily.mark_stored(&text, cx.ids);
        marked.map_err(|source| ActionError::Mark { day, source })?;
    }
    Ok(())
}
