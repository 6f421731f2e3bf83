//! What `cback-span` does: days that wait to be stored, over as many discs as they need.

use super::store::{section, with_store};
use super::{ActionError, Context};
use crate::media::Disc;
use crate::staging::{Daily, Staging};
use crate::store::{Item, Stored};

/// Days that were staged and are not stored, ascending.
pub fn waiting(cx: &Context<'_>) -> Result<Vec<Daily>, ActionError> {
    let dir = &section(cx)?.source_dir;
    let look = |source| ActionError::Look {
        path: dir.clone(),
        source,
    };
    let mut waiting = Vec::new();
    for daily in Staging::new(dir.clone()).days().map_err(look)? {
        if daily.is_staged().map_err(look)? && !daily.is_stored().map_err(look)? {
            waiting.push(daily);
        }
    }
    Ok(waiting)
}

/// Everything in `days` that has to go onto some disc.
pub fn items(cx: &Context<'_>, days: &[Daily]) -> Result<Vec<Item>, ActionError> {
    with_store(cx, |store| store.items(days))
}

/// The disc in the drive.
pub fn disc(cx: &Context<'_>) -> Result<Disc, ActionError> {
    with_store(cx, |store| store.disc())
}

/// Writes `items` of `days` onto a new disc, and checks it.
pub fn write(cx: &Context<'_>, days: &[Daily], items: &[&Item]) -> Result<Stored, ActionError> {
    with_store(cx, |store| store.store_items(days, items))
}

/// Marks `days` as stored on the discs with those labels.
pub fn mark(cx: &Context<'_>, days: &[Daily], labels: &[String]) -> Result<(), ActionError> {
    with_store(cx, |store| store.mark_items(days, labels))
}
