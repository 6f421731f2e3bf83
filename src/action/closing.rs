//! `--close`: the disc is closed with its session, or by the next run if that one did not get so far.

use super::preview::{self, Storing};
use super::store::{drive, label, section};
use super::{ActionError, Closing, Context};
use crate::event::{Problem, Tell as _};
use crate::media::{Appendable, Burn, Disc, Drive, SECTOR, Treatment};
use crate::staging::{Daily, Staging, State};
use crate::store::{StoreError, Stored, is_newest_on, is_rebuilt_on};

/// Whether the disc can be closed, if that was asked for: a changer chooses its discs by the room that they have left.
pub(super) fn can_close(cx: &Context<'_>) -> Result<(), ActionError> {
    match (cx.closing, &section(cx)?.changer) {
        (Closing::Closed, Some(_)) => Err(ActionError::NotClosedInChanger),
        _ => Ok(()),
    }
}

/// Closes the disc that has what was `stored`, if that was asked for. The backup is on it whether or not it can be
/// closed, so that trouble with that is a problem and no failure.
pub(super) fn closed(cx: &Context<'_>, drive: &dyn Drive, stored: Stored) -> Stored {
    // A disc on which nothing of this run is stays as it is.
    if cx.closing == Closing::Open || (stored.burnt == 0 && stored.marked.is_empty()) {
        return stored;
    }
    match drive.treat(Treatment::Close, cx.monitor) {
        Ok(()) => {
            cx.monitor
                .note(format!("disc `{}` is closed", stored.label));
            Stored { free: 0, ..stored }
        }
        Err(error) => {
            cx.monitor.problem(
                &Problem::new(
                    format!("disc `{}`", stored.label),
                    &format!("the backup is on it, but it could not be closed: {error}"),
                )
                .advise(
                    "run the same again, which closes it, or `cback disc close`; or take it out, so that nothing else is \
                     written on it",
                ),
            );
            stored
        }
    }
}

/// A disc that was to be closed, and is not.
pub(super) struct LeftOpen {
    drive: Box<dyn Drive>,
    disc: Disc,
    /// Why nothing else is done.
    why: &'static str,
}

/// The disc in the drive, if it has what was stored last and takes another session: the run that was to close it was broken
/// off, or could not.
pub(super) fn left_open(
    cx: &Context<'_>,
    staging: &Staging,
    states: &[State],
) -> Result<Option<LeftOpen>, ActionError> {
    let stored = states.iter().filter(|state| state.stored);
    let Some(newest) = stored.map(|state| state.day).max() else {
        return Ok(None);
    };
    let note = note(cx, &staging.daily(newest))?;
    let found = open_disc(cx, "nothing is to be stored")?;
    Ok(found.filter(|found| is_newest_on(&found.disc, &note)))
}

/// The disc in the drive, if `days` were rebuilt onto it and it takes another session.
pub(super) fn rebuilt_and_open(
    cx: &Context<'_>,
    days: &[Daily],
) -> Result<Option<LeftOpen>, ActionError> {
    if cx.closing == Closing::Open {
        return Ok(None);
    }
    let Some(found) = open_disc(cx, "the week is rebuilt")? else {
        return Ok(None);
    };
    for daily in days {
        if !is_rebuilt_on(&found.disc, &note(cx, daily)?) {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// What the mark of a day says; nothing if it has none.
fn note(cx: &Context<'_>, daily: &Daily) -> Result<String, ActionError> {
    let source_dir = &section(cx)?.source_dir;
    let note = daily.stored_note().map_err(|source| ActionError::Look {
        path: source_dir.clone(),
        source,
    })?;
    Ok(note.unwrap_or_default())
}

/// The disc in the drive, if it can be closed and is not.
fn open_disc(cx: &Context<'_>, why: &'static str) -> Result<Option<LeftOpen>, ActionError> {
    let drive = drive(section(cx)?, &cx.config.options, cx.ids);
    let disc = drive.inspect().map_err(StoreError::from)?;
    Ok(disc
        .filter(|disc| disc.appendable == Appendable::Open && drive.closes(disc))
        .map(|disc| LeftOpen { drive, disc, why }))
}

impl LeftOpen {
    /// Closes it. Nothing is added.
    pub fn close(&self, cx: &Context<'_>) -> Result<(), ActionError> {
        let label = label(&self.disc).unwrap_or_default();
        cx.monitor.note(format!(
            "{}; disc `{label}` has what was stored last, and was not closed",
            self.why
        ));
        let closed = self.drive.treat(Treatment::Close, cx.monitor);
        closed.map_err(StoreError::from)?;
        cx.monitor.note(format!("disc `{label}` is closed"));
        Ok(())
    }

    /// What closing it would do.
    pub fn preview(&self) -> Storing {
        Storing {
            drive: preview::shown(self.drive.place()),
            label: label(&self.disc),
            new_disc: None,
            old_disc: None,
            days: Vec::new(),
            on_disc: Vec::new(),
            left: Vec::new(),
            bytes: 0,
            free: self.disc.available(Burn::Append) * SECTOR,
            fits: true,
            closes: true,
            stays_open: false,
        }
    }
}
