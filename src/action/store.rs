//! `store`: what was staged goes onto the disc.

use super::changer;
use super::closing::{can_close, closed, left_open};
use super::look::{self, Access, Finding};
use super::preview::{self, Storing};
use super::{ActionError, Closing, Context, Extent, Patience, wait};
use crate::catalog::{Catalog, Found};
use crate::config;
use crate::event::{self, Monitor, Tell as _};
use crate::fsx;
use crate::media::{
    Asked, Burner, CheckMedia, DeviceType, Disc, Drive, DriveError, FileDrive, Handling, Renewal,
    SECTOR, TrayUse,
};
use crate::staging::{self, Because, ChooseError, Daily, Scope, Staging};
use crate::store::{CheckData, Discs, Store, StoreError, Stored};
use crate::units::{Day, Ids};

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let section = section(cx)?;
    can_close(cx)?;
    let staging = Staging::new(section.source_dir.clone());
    let states = staging.states().map_err(|source| ActionError::Look {
        path: section.source_dir.clone(),
        source,
    })?;
    let (scope, asked) = match cx.extent {
        Extent::Configured => (Scope::Pending, Asked::ByRule),
        Extent::Full => (Scope::Full, Asked::Full),
    };
    let choice = match staging::choose(cx.day, scope, &states) {
        Err(ChooseError::NothingWaits(day)) if cx.closing == Closing::Closed => {
            let Some(left) = left_open(cx, &staging, &states)? else {
                return Err(ChooseError::NothingWaits(day).into());
            };
            return left.close(cx);
        }
        choice => choice?,
    };
    match choice.because {
        Because::Midnight if section.warn_midnite => cx.monitor.warn(format!(
            "midnight was crossed: the day to store is {}, and today is {}",
            choice.day, cx.day
        )),
        _ => cx.monitor.note(format!("storing {}", choice.day)),
    }
    for day in &choice.older {
        let note = format!("{day} was staged and never stored; it goes onto this disc too");
        cx.monitor.note(note);
    }
    let days: Vec<_> = choice
        .days()
        .iter()
        .map(|day| staging.daily(*day))
        .collect();
    if let Some(setup) = &section.changer {
        return changer::store(cx, setup, &days, choice.day, asked);
    }
    let stored = with_store(cx, |store| {
        let stored = store.store(&days, choice.day, asked)?;
        Ok(closed(cx, store.drive, stored))
    })?;
    told(cx, &stored);
    Ok(())
}

/// What storing would do.
pub(super) fn preview(cx: &Context<'_>) -> Result<Storing, ActionError> {
    let section = section(cx)?;
    can_close(cx)?;
    let staging = Staging::new(section.source_dir.clone());
    let (scope, asked) = match cx.extent {
        Extent::Configured => (Scope::Pending, Asked::ByRule),
        Extent::Full => (Scope::Full, Asked::Full),
    };
    let states = staging.states().map_err(|source| ActionError::Look {
        path: section.source_dir.clone(),
        source,
    })?;
    let choice = match staging::choose(cx.day, scope, &states) {
        Err(ChooseError::NothingWaits(day)) if cx.closing == Closing::Closed => {
            let Some(left) = left_open(cx, &staging, &states)? else {
                return Err(ChooseError::NothingWaits(day).into());
            };
            return Ok(left.preview());
        }
        choice => choice?,
    };
    let days: Vec<_> = choice
        .days()
        .iter()
        .map(|day| staging.daily(*day))
        .collect();
    foresee(cx, &days, choice.day, asked)
}

/// What storing `days` would do.
pub(super) fn foresee(
    cx: &Context<'_>,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<Storing, ActionError> {
    let section = section(cx)?;
    if let Some(setup) = &section.changer {
        return changer::foresee::storing(cx, setup, days, first, asked);
    }
    let (preview, can_close) = with_look(cx, |store| {
        let preview = store.preview(days, first, asked)?;
        let can_close = store.drive.closes(&preview.disc);
        Ok((preview, can_close))
    })?;
    let disc = &preview.disc;
    let closes = closes(cx, &preview);
    let old_disc = match disc.renewal {
        _ if disc.is_blank() || preview.new_disc.is_none() => None,
        Renewal::Blank => Some("erased"),
        Renewal::SetAside => Some("set_aside"),
        Renewal::Insert => Some("replaced"),
    };
    Ok(Storing {
        drive: preview::shown(&section.target),
        label: label(disc),
        new_disc: preview.new_disc.clone(),
        old_disc,
        days: preview::dates(&preview.days),
        on_disc: preview::dates(&preview.on_disc),
        left: preview::dates(&preview.left),
        bytes: preview.sectors * SECTOR,
        free: preview.free * SECTOR,
        fits: preview.left.is_empty(),
        closes: closes && can_close,
        stays_open: closes && !can_close,
    })
}

/// Whether the disc is to be closed then.
fn closes(cx: &Context<'_>, preview: &crate::store::Preview) -> bool {
    let something = !preview.days.is_empty() || !preview.on_disc.is_empty();
    cx.closing == Closing::Closed && something
}

/// The label of `disc` as text.
pub(super) fn label(disc: &Disc) -> Option<String> {
    let label = disc.label()?;
    Some(event::printable(&String::from_utf8_lossy(label)))
}

/// Says in the log what came of it.
pub(super) fn told(cx: &Context<'_>, stored: &Stored) {
    if let Some(path) = &stored.set_aside {
        let path = event::printable_path(path);
        cx.monitor
            .note(format!("the disc before is complete; it is now {path}"));
    }
    let days: Vec<_> = stored.marked.iter().map(ToString::to_string).collect();
    let days = if days.is_empty() {
        "no day".to_owned()
    } else {
        days.join(", ")
    };
    cx.monitor.note(format!(
        "disc `{}` now has {days} in session {}; {} of {} sectors are free",
        stored.label, stored.session, stored.free, stored.capacity,
    ));
}

/// Does `work` with everything that storing needs. A catalog that is not there, or was damaged, is filled again
/// first.
pub(super) fn with_store<T>(
    cx: &Context<'_>,
    mut work: impl FnMut(&mut Store<'_>) -> Result<T, StoreError>,
) -> Result<T, ActionError> {
    section(cx)?;
    let opened = open_catalog(cx)?;
    with_catalog(cx, opened, |store| {
        loop {
            match work(store) {
                Err(error) if cx.patience == Patience::ForDisc && error.wants_another_disc() => {
                    wait::for_disc(cx, store.drive, &error);
                }
                result => return result,
            }
        }
    })
}

/// The catalog, or a fresh one.
pub(super) fn open_catalog(cx: &Context<'_>) -> Result<(Catalog, Found), ActionError> {
    let opened = Catalog::open(&cx.catalog_path())?;
    // The backup user may have to go on with it in a run of its own.
    if let Err(error) = fsx::give(&cx.catalog_path(), cx.ids) {
        cx.monitor
            .warn(format!("the catalog stays root's: {error}"));
    }
    Ok(opened)
}

/// Does `work`, which only looks, with everything that storing needs; the catalog is only looked at, too.
fn with_look<T>(
    cx: &Context<'_>,
    work: impl FnOnce(&mut Store<'_>) -> Result<T, StoreError>,
) -> Result<T, ActionError> {
    with_catalog(cx, look_at_catalog(cx)?, work)
}

/// The catalog to be looked at; nothing is written to it.
pub(super) fn look_at_catalog(cx: &Context<'_>) -> Result<(Catalog, Found), ActionError> {
    let path = cx.catalog_path();
    Ok(match Catalog::look(&path)? {
        // Filling it is for a run that does something.
        (_, Found::Unfilled) => (Catalog::in_memory(&path)?, Found::Missing),
        opened => opened,
    })
}

fn with_catalog<T>(
    cx: &Context<'_>,
    opened: (Catalog, Found),
    work: impl FnOnce(&mut Store<'_>) -> Result<T, StoreError>,
) -> Result<T, ActionError> {
    let drive = drive(section(cx)?, &cx.config.options, cx.ids);
    with_disc(cx, opened, (&*drive, Discs::One), cx.monitor, work)
}

/// Does `work` with everything that storing needs: this catalog, this drive, which is for all or one of several.
pub(super) fn with_disc<T>(
    cx: &Context<'_>,
    (mut catalog, found): (Catalog, Found),
    (drive, discs): (&dyn Drive, Discs),
    monitor: &dyn Monitor,
    work: impl FnOnce(&mut Store<'_>) -> Result<T, StoreError>,
) -> Result<T, ActionError> {
    let section = section(cx)?;
    let mut store = Store {
        drive,
        staging: &Staging::new(section.source_dir.clone()),
        catalog: &mut catalog,
        ids: cx.ids,
        today: cx.day,
        now: cx.stamp,
        starting_day: cx.config.options.starting_day,
        blanking: section.blanking,
        // In a changer a blank disc needs no preparation, and labels are compared with the inventory.
        check_media: if section.check_media && discs == Discs::One {
            CheckMedia::Yes
        } else {
            CheckMedia::No
        },
        check_data: if section.check_data {
            CheckData::Yes
        } else {
            CheckData::No
        },
        discs,
        monitor,
    };
    tell_if_put_aside(&found, monitor);
    if found != Found::Sound {
        store.recall()?;
    }
    Ok(work(&mut store)?)
}

/// Tells of a catalog that could not be used.
pub(super) fn tell_if_put_aside(found: &Found, monitor: &dyn Monitor) {
    if let Found::PutAside { aside, reason } = found {
        monitor.warn(format!(
            "the catalog could not be used ({reason}); it is now {}, and a new one is made from the staging \
             directory and the disc in the drive",
            event::printable_path(aside)
        ));
    }
}

pub(super) fn section<'a>(cx: &Context<'a>) -> Result<&'a config::Store, ActionError> {
    cx.config
        .store
        .as_ref()
        .ok_or(ActionError::NoSection("store"))
}

/// The drive that the section names; `options` has programs that replace others.
pub fn drive(
    section: &config::Store,
    options: &config::Options,
    ids: Option<Ids>,
) -> Box<dyn Drive> {
    match section.device_type {
        DeviceType::File => Box::new(FileDrive::new(section.target.clone(), section.kind, ids)),
        DeviceType::CdWriter | DeviceType::DvdWriter => {
            let handling = handling(section, options);
            Box::new(Burner::new(section.target.clone(), section.kind, handling))
        }
    }
}

/// How the section and the options want drives to be treated.
pub fn handling(section: &config::Store, options: &config::Options) -> Handling {
    Handling {
        speed: section.drive_speed,
        tray: if section.no_eject {
            TrayUse::Forbidden
        } else {
            TrayUse::Allowed
        },
        eject_delay: section.eject_delay,
        refresh_delay: section.refresh_media_delay,
        engine: section.engine,
        programs: options
            .overrides
            .iter()
            .map(|row| (row.command.clone(), row.path.clone().into()))
            .collect(),
    }
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let Some(section) = &cx.config.store else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    findings.extend(look::dir(
        "staging directory",
        &section.source_dir,
        Access::Read,
    ));
    let mut reachable = true;
    if section.device_type == DeviceType::File
        && let Some(parent) = section.target.parent()
        && let Some(finding) = look::dir("directory of the disc", parent, Access::Write)
    {
        findings.push(finding);
        reachable = false;
    }
    if let Some(setup) = &section.changer {
        findings.extend(changer::foresee::check(cx, setup));
    } else if reachable && let Err(error) = drive(section, &cx.config.options, cx.ids).inspect() {
        findings.push(Finding::new(error.to_string(), mend(&error)));
    }
    findings
}

/// What to do about a drive that cannot be looked at.
fn mend(error: &DriveError) -> &'static str {
    match error {
        DriveError::Busy(_) => "wait until it has ended",
        DriveError::Mounted { .. } => "unmount it",
        DriveError::NoDisc(_) => "put a disc in",
        DriveError::Closed(_) | DriveError::NotBlank | DriveError::TooLarge { .. } => {
            "put another disc in"
        }
        DriveError::Unreadable { .. } => {
            "keep the disc, or its file, in another place, so that a new one begins; `cback restore --from` still reads what is \
             sound on it"
        }
        DriveError::NoSpace { .. } => "make room on that file system",
        DriveError::NotAFile(_) | DriveError::NoDirectory { .. } => {
            "correct <target_device>: with <device_type> `file`, it is a file in a directory that is there"
        }
        _ => {
            "is it a drive that burns, and may this user use it? `cback --diagnostics` lists the drives; otherwise correct \
             <target_device>"
        }
    }
}
