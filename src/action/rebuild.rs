//! `rebuild`: this week's staged days onto a fresh disc.

use super::changer;
use super::closing::{can_close, closed, rebuilt_and_open};
use super::preview::Storing;
use super::store::{foresee, section, told, with_store};
use super::{ActionError, Context};
use crate::event::Tell as _;
use crate::media::Asked;
use crate::staging::{Daily, Staging};
use crate::store::week;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    can_close(cx)?;
    let days = days(cx)?;
    // the run that was to close it was broken off, or could not
    if let Some(left) = rebuilt_and_open(cx, &days)? {
        return left.close(cx);
    }
    for daily in &days {
        cx.monitor.note(format!("rebuilding {}", daily.day()));
    }
    if let Some(setup) = &section(cx)?.changer {
        return changer::rebuild(cx, setup, &days);
    }
    let stored = with_store(cx, |store| {
        let stored = store.rebuild(&days)?;
        Ok(closed(cx, store.drive, stored))
    })?;
    told(cx, &stored);
    Ok(())
}

/// What rebuilding would do.
pub(super) fn preview(cx: &Context<'_>) -> Result<Storing, ActionError> {
    can_close(cx)?;
    let days = days(cx)?;
    match rebuilt_and_open(cx, &days)? {
        Some(left) => Ok(left.preview()),
        None => foresee(cx, &days, cx.day, Asked::Full),
    }
}

/// The staged days of this week; at least one.
fn days(cx: &Context<'_>) -> Result<Vec<Daily>, ActionError> {
    let section = section(cx)?;
    let staging = Staging::new(section.source_dir.clone());
    let mut days = Vec::new();
    for day in week(cx.day, cx.config.options.starting_day) {
        let daily = staging.daily(day);
        let staged = daily.is_staged().map_err(|source| ActionError::Look {
            path: section.source_dir.clone(),
            source,
        })?;
        days.extend(staged.then_some(daily));
    }
    if days.is_empty() {
        return Err(ActionError::NothingToRebuild);
    }
    Ok(days)
}
