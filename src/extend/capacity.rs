//! `capacity`: whether the disc in the drive is nearly full.

use super::ExtendError;
use crate::action::{self, Context, Finding};
use crate::changer::{self, Entry, Inventory, State};
use crate::config::{self, Capacity};
use crate::event::{self, Problem, Tell as _};
use crate::iso9660::SpaceSize;
use crate::media::{self, Appendable, Burn, Disc, MediaKind, Renewal, SECTOR, Session};

fn section<'a>(cx: &Context<'a>) -> Result<(&'a config::Store, Capacity), ExtendError> {
    let config = cx.config;
    let store = config
        .store
        .as_ref()
        .ok_or(ExtendError::NoSection("store"))?;
    let limit = config.capacity.ok_or(ExtendError::NoSection("capacity"))?;
    Ok((store, limit))
}

pub(super) fn run(cx: &Context<'_>) -> Result<(), ExtendError> {
    let (store, limit) = section(cx)?;
    if store.changer.is_some() {
        return of_changer(cx, store, limit);
    }
    let drive = action::drive(store, &cx.config.options, cx.ids);
    let disc = drive
        .inspect()?
        .ok_or_else(|| ExtendError::NoDisc(drive.place().to_owned()))?;
    if store.check_media {
        media::check(&disc)?;
    }
    match full(&disc, limit) {
        Some(reason) => {
            let name = match disc.label() {
                Some(label) => format!("disc `{}`", event::printable_bytes(label)),
                None => "the disc".to_owned(),
            };
            let problem = Problem::new(name, &reason)
                .advise("have a new disc ready, or let the next backup begin one with --full");
            cx.monitor.problem(&problem);
        }
        None => cx.monitor.note(format!(
            "the disc has {} free, {:.2}% are used",
            event::bytes(available(&disc)),
            used(&disc)
        )),
    }
    Ok(())
}

/// The disc in use of a changer counts when no blank one is there to follow it.
fn of_changer(cx: &Context<'_>, store: &config::Store, limit: Capacity) -> Result<(), ExtendError> {
    let path = cx.config.options.working_dir.join(changer::FILE_NAME);
    let inventory = Inventory::look(&path)?.unwrap_or_default();
    let here = || inventory.discs.iter().filter(|disc| disc.is_here());
    let blank = here().filter(|disc| disc.state == State::Blank).count();
    for entry in here().filter(|disc| disc.state == State::InUse) {
        let disc = remembered(entry, store.kind);
        match full(&disc, limit).filter(|_| blank == 0) {
            Some(reason) => {
                let reason = format!("{reason}, and the changer has no blank disc that is known");
                let problem = Problem::new(format!("the disc {}", entry.name()), &reason)
                    .advise("put blank discs in, and run `cback changer scan`");
                cx.monitor.problem(&problem);
            }
            None => cx.monitor.note(format!(
                "the disc {} has {} free, and {blank} blank discs follow",
                entry.name(),
                event::bytes(available(&disc))
            )),
        }
    }
    Ok(())
}

/// The disc as it was when it was looked at last.
fn remembered(entry: &Entry, kind: MediaKind) -> Disc {
    let left = entry.free.unwrap_or(0) / SECTOR;
    let written = u32::try_from(kind.sectors().saturating_sub(left)).unwrap_or(u32::MAX);
    Disc {
        kind,
        sessions: vec![Session {
            start: 0,
            end: written,
            label: Vec::new(),
        }],
        next_writable: written,
        first_writable: 0,
        capacity: kind.sectors(),
        appendable: Appendable::Open,
        renewal: Renewal::Insert,
        space_size: SpaceSize::End,
    }
}

/// Why the disc counts as nearly full; `None` if it does not.
fn full(disc: &Disc, limit: Capacity) -> Option<String> {
    match limit {
        Capacity::MaxPercentage(most) => (used(disc) > most).then(|| {
            format!(
                "has reached its capacity limit of {most}%: {:.2}% are used",
                used(disc)
            )
        }),
        Capacity::MinBytes(least) => (available(disc) < least.0).then(|| {
            format!(
                "has reached its capacity limit: only {} are free, fewer than {least}",
                event::bytes(available(disc))
            )
        }),
    }
}

/// Bytes that another session may have.
fn available(disc: &Disc) -> u64 {
    disc.available(Burn::Append) * SECTOR
}

/// Percentage of the disc that cannot be written any more.
#[allow(clippy::cast_precision_loss)] // sectors of a disc are far below 2^52
fn used(disc: &Disc) -> f64 {
    let size = disc.size();
    if size == 0 {
        return 100.0;
    }
    let left = disc.available(Burn::Append).min(size);
    (size - left) as f64 * 100.0 / size as f64
}

pub(super) fn preview(cx: &Context<'_>) -> Result<Vec<String>, ExtendError> {
    let (store, limit) = section(cx)?;
    let limit = match limit {
        Capacity::MaxPercentage(most) => format!("more than {most}% of it are used"),
        Capacity::MinBytes(least) => format!("less than {least} of it is free"),
    };
    Ok(vec![format!(
        "would look at the disc in {} and tell a problem if {limit}",
        store.target
    )])
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    // The drive is looked at with the section <store>.
    let error = section(cx).err();
    error.map(|error| error.finding()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ByteSize;

    fn disc(next_writable: u32) -> Disc {
        let session = Session {
            start: 0,
            end: next_writable,
            label: b"CEDAR BACKUP 21-NOV-2026".to_vec(),
        };
        Disc {
            kind: MediaKind::DvdPlusR,
            sessions: Vec::from_iter((next_writable > 0).then_some(session)),
            next_writable,
            first_writable: 0,
            capacity: 1000,
            appendable: Appendable::Open,
            renewal: Renewal::Insert,
            space_size: SpaceSize::End,
        }
    }

    #[test]
    fn nothing_is_used_of_a_blank_cd() {
        let mut cd = disc(0);
        cd.kind = MediaKind::CdR74;
        cd.capacity = cd.kind.sectors();
        assert!(used(&cd) < 0.01, "{}", used(&cd));
    }

    #[test]
    fn the_alarm_is_raised_beyond_the_limit_and_not_at_it() {
        let kilo = |sectors: u64| Capacity::MinBytes(ByteSize(sectors * SECTOR));
        for (next, limit, alarm) in [
            (0, Capacity::MaxPercentage(0.0), false),
            (900, Capacity::MaxPercentage(90.0), false),
            (901, Capacity::MaxPercentage(90.0), true),
            (900, kilo(100), false),
            (901, kilo(100), true),
            (1000, kilo(1), true),
        ] {
            assert_eq!(
                full(&disc(next), limit).is_some(),
                alarm,
                "{next} {limit:?}"
            );
        }
    }
}
