//! `rebuild`: this week's staged days onto a fresh disc.

use super::store::{section, told, with_store};
use super::{ActionError, Context};
use crate::event::Tell as _;
use crate::staging::Staging;
use crate::store::week;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let section = section(cx)?;
    let staging = Staging::new(section.source_dir.clone());
    let mut days = Vec::new();
    for day in week(cx.day, cx.config.options.starting_day) {
        let daily = staging.daily(day);
        let staged = daily.is_staged().map_err(|source| ActionError::Look {
            path: section.source_dir.clone(),
            source,
        })?;
        if staged {
            cx.monitor.note(format!("rebuilding {day}"));
            days.push(daily);
        }
    }
    if days.is_empty() {
        return Err(ActionError::NothingToRebuild);
    }
    let stored = with_store(cx, |store| store.rebuild(&days))?;
    told(cx, &stored);
    Ok(())
}
