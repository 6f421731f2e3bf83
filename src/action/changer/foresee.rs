//! What would come of storing onto the discs of a changer, and what is wrong with one, without moving a disc.

use super::knows_discs;
use crate::action::blank::BlankDisc;
use crate::action::look::Finding;
use crate::action::preview::{self, Storing};
use crate::action::store::{look_at_catalog, section, with_disc};
use crate::action::{ActionError, Context};
use crate::changer::{ChangerError, Contents, Entry, Pick, Setup, State, Want, pick_for};
use crate::media::{Asked, SECTOR};
use crate::staging::{Daily, Staging};
use crate::store::Discs;
use crate::units::Day;

/// What storing would do, without moving a disc: by what is remembered.
pub fn storing(
    cx: &Context<'_>,
    setup: &Setup,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<Storing, ActionError> {
    let section = section(cx)?;
    let working_dir = &cx.config.options.working_dir;
    let contents = Contents::look(setup, cx.programs, working_dir)?;
    let want = match asked {
        Asked::Full => Want::Blank,
        Asked::ByRule if knows_discs(cx)? => Want::Current,
        Asked::ByRule => Want::Any,
    };
    let picked = |want| match pick_for(&contents.discs, want, setup) {
        Pick::Take(disc) | Pick::Look(disc) => Ok(contents.discs[disc].clone()),
        Pick::Nothing => Err(ChangerError::NoBlank("nothing can be stored".to_owned())),
    };
    let mut disc = picked(want)?;
    let blank = BlankDisc(section.kind);
    let catalog = look_at_catalog(cx)?;
    let staging = Staging::new(section.source_dir.clone());
    let all: Vec<Daily> = days
        .iter()
        .map(|daily| staging.daily(daily.day()))
        .collect();
    let preview = with_disc(cx, catalog, (&blank, Discs::Several), cx.monitor, |store| {
        store.preview(&all, first, asked)
    })?;
    let bytes = preview.sectors * SECTOR;
    let because = match (disc.state, asked) {
        (State::InUse, _) => finished(cx, &disc, bytes),
        (_, Asked::Full) => Some("it was asked for"),
        (_, Asked::ByRule) => Some("no disc is in use"),
    };
    if because.is_some() && disc.state == State::InUse {
        disc = picked(Want::Blank)?;
    }
    let because = because.map(|because| format!("{because}; it is the disc {}", disc.name()));
    let free = disc.free.filter(|_| disc.state == State::InUse);
    Ok(Storing {
        drive: format!("the changer: disc {}", disc.name()),
        label: disc.label.clone(),
        new_disc: because,
        old_disc: None,
        days: preview::dates(&preview.days),
        on_disc: Vec::new(),
        left: preview::dates(&preview.left),
        bytes,
        free: free.unwrap_or(preview.free * SECTOR),
        fits: preview.left.is_empty(),
        closes: false,
        stays_open: false,
    })
}

/// Why the disc in use would not be continued.
fn finished(cx: &Context<'_>, disc: &Entry, bytes: u64) -> Option<&'static str> {
    let starts = cx.day.weekday() == cx.config.options.starting_day;
    let blanking = cx.config.store.as_ref().and_then(|store| store.blanking);
    if blanking.is_none() && starts && disc.written != Some(cx.day) {
        return Some("the backup week begins today");
    }
    let is_full = disc.free.is_some_and(|free| free < bytes);
    is_full.then_some("the disc in use has too little room")
}

/// What is wrong with the changer.
pub fn check(cx: &Context<'_>, setup: &Setup) -> Vec<Finding> {
    let contents = match Contents::look(setup, cx.programs, &cx.config.options.working_dir) {
        Ok(contents) => contents,
        Err(error) => {
            let mend = error.advice().unwrap_or("look at the changer");
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let text = match cause {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            return vec![Finding::new(text, mend)];
        }
    };
    let mut findings = Vec::new();
    for bay in &setup.bays {
        if !contents.status.drives.contains_key(&bay.number) {
            let error = ChangerError::NoDrive(bay.number);
            findings.push(Finding::new(
                error.to_string(),
                error.advice().unwrap_or_default(),
            ));
        }
    }
    let slots = &contents.status.slots;
    if let Some(slot) = setup.reject_slot.filter(|slot| !slots.contains_key(slot)) {
        let error = ChangerError::NoSlot(slot);
        findings.push(Finding::new(
            error.to_string(),
            "correct <reject_slot>; `cback changer status` lists what the changer has",
        ));
    }
    if pick_for(&contents.discs, Want::Any, setup) == Pick::Nothing {
        findings.push(Finding::new(
            "no disc in the changer can be written",
            "put blank discs in",
        ));
    }
    findings
}
