//! `initialize`: prepares a rewritable disc.

use super::preview::{self, Initializing};
use super::store::{drive, label, section, told, with_store};
use super::{ActionError, Context};
use crate::store::StoreError;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    needed(cx)?;
    #[allow(clippy::redundant_closure_for_method_calls)]
    // the path is not general over the lifetime
    let stored = with_store(cx, |store| store.initialize())?;
    told(cx, &stored);
    Ok(())
}

/// Discs in a changer are known by the inventory, and need no label before the first session.
fn needed(cx: &Context<'_>) -> Result<(), ActionError> {
    match section(cx)?.changer {
        Some(_) => Err(ActionError::NotForChanger),
        None => Ok(()),
    }
}

/// What it would do. Fails where the action would: no disc, or one that is written once.
pub(super) fn preview(cx: &Context<'_>) -> Result<Initializing, ActionError> {
    needed(cx)?;
    let section = section(cx)?;
    let drive = drive(section, &cx.config.options, cx.ids);
    let disc = drive.inspect().map_err(StoreError::from)?;
    let disc = disc.ok_or_else(|| StoreError::NoDisc(drive.place().to_owned()))?;
    if !disc.kind.is_rewritable() {
        return Err(StoreError::WriteOnce(disc.kind.word()).into());
    }
    Ok(Initializing {
        drive: preview::shown(&section.target),
        label: label(&disc),
        sessions: disc.sessions.len(),
    })
}
