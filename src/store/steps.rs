//! The steps of storing, rebuilding and initializing, in their order.

use std::collections::BTreeSet;

use super::chain;
use super::found::{Found, Previous, check_media, inspect, previous, read_all, to_write};
use super::judge;
use super::kept::Kept;
use super::layout::{self, Fit, Laid};
use super::record::Occasion;
use super::session::{Part, Session};
use super::staged::StagedDay;
use super::{CheckData, Discs, Preview, Store, StoreError, Stored, only_copy, record};
use crate::event::{Problem, Tell as _};
use crate::iso9660::{Image, Tree};
use crate::media::{Asked, Burn, Disc, Payload, Renewal};
use crate::staging::Daily;
use crate::units::Day;

/// The directory of an initialized disc, as Cedar Backup makes it.
const PREPARED: &str = "CedarBackup";

/// The session for what is open; `None` if nothing is. What is there, on a disc that is erased for it, counts as open,
/// too: it has never been marked, and would be nowhere.
fn lay_out(
    job: &Store<'_>,
    found: &mut Found,
    first: Day,
    asked: Asked,
) -> Result<Option<Laid>, StoreError> {
    let by_rule = |found: &Found| {
        let parts = found.open();
        if parts.is_empty() {
            return Ok(None);
        }
        let (disc, previous) = (&found.disc, found.previous.as_ref());
        let first = position(&parts, first);
        layout::by_rule(job, disc, previous, &parts, first, asked).map(Some)
    };
    match by_rule(found)? {
        Some(laid) if erases(&found.disc, &laid) && found.complete().next().is_some() => {
            found.forget_disc();
            by_rule(found)
        }
        laid => Ok(laid),
    }
}

/// Whether what is on `disc` is erased for the session.
fn erases(disc: &Disc, laid: &Laid) -> bool {
    laid.burn == Burn::New && !disc.is_blank() && disc.renewal == Renewal::Blank
}

/// Which of `parts` matters most.
fn position(parts: &[Part<'_>], first: Day) -> usize {
    parts
        .iter()
        .position(|part| part.day.day() == first)
        .unwrap_or(parts.len().saturating_sub(1))
}

pub(super) fn preview(
    job: &Store<'_>,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<Preview, StoreError> {
    let mut found = Found::look(job, days, asked)?;
    let laid = lay_out(job, &mut found, first, asked)?;
    let mut preview = Preview {
        on_disc: found.complete().map(|(day, _)| day.day()).collect(),
        days: Vec::new(),
        left: found.left.clone(),
        new_disc: None,
        sectors: 0,
        free: found.disc.available(Burn::Append),
        disc: found.disc.clone(),
    };
    let Some(laid) = laid else {
        return Ok(preview);
    };
    for (at, part) in found.open().iter().enumerate() {
        let list = if laid.days.contains(&at) {
            &mut preview.days
        } else {
            &mut preview.left
        };
        list.push(part.day.day());
    }
    preview.free = found.disc.available(laid.burn);
    preview.sectors = laid.image.sectors();
    preview.new_disc = laid.because;
    Ok(preview)
}

pub(super) fn store(
    job: &mut Store<'_>,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<Stored, StoreError> {
    let mut found = Found::look(job, days, asked)?;
    let laid = lay_out(job, &mut found, first, asked);
    let mut marked = mark_what_is_there(job, &found)?;
    let mut left = found.left.clone();
    let Some(laid) = laid? else {
        return Ok(outcome(&found.disc, 0, marked, left, None));
    };
    let previous = found.previous.take();
    let parts = found.open();
    let mut no_room = Vec::new();
    if found.disc.is_blank() {
        only_copy::missed(job);
    }
    if let Some(because) = &laid.because {
        job.monitor.note(format!("a new disc is begun: {because}"));
    }
    for (at, part) in parts.iter().enumerate() {
        if !laid.days.contains(&at) {
            let day = part.day.day();
            left.push(day);
            no_room.push(day);
            if job.discs == Discs::One {
                job.monitor.problem(
                    &Problem::new(day.to_string(), "there is no room for it on this disc")
                        .advise("run `cback store` once more with another disc"),
                );
            }
        }
    }
    let days: Vec<&StagedDay> = laid.days.iter().map(|&at| parts[at].day).collect();
    let on_disc = previous.as_ref().filter(|_| laid.burn == Burn::Append);
    let going = erases(&found.disc, &laid).then(|| record::disc_id(job, &found.disc));
    let going = going.flatten();
    chain::check(job, days.iter().copied(), on_disc, going.as_deref());
    let stored = finish(job, &found.disc, previous, &laid, &days, &mut marked, left)?;
    Ok(Stored { no_room, ..stored })
}

pub(super) fn rebuild(job: &mut Store<'_>, days: &[Daily]) -> Result<Stored, StoreError> {
    let disc = to_write(job)?;
    check_media(job, &disc)?;
    let days = read_all(job, days)?;
    let previous = previous(job, &disc, Asked::Full)?;
    let kept = Kept::default();
    let parts: Vec<Part<'_>> = days.iter().map(|day| Part { day, kept: &kept }).collect();
    let laid = Laid {
        occasion: Occasion::Rebuilt,
        ..layout::anew(job, &disc, &parts, Fit::Nothing)?
    };
    let days: Vec<&StagedDay> = days.iter().collect();
    finish(
        job,
        &disc,
        previous,
        &laid,
        &days,
        &mut Vec::new(),
        Vec::new(),
    )
}

pub(super) fn initialize(job: &mut Store<'_>) -> Result<Stored, StoreError> {
    let disc = to_write(job)?;
    if !disc.kind.is_rewritable() {
        return Err(StoreError::WriteOnce(disc.kind.word()));
    }
    let previous = previous(job, &disc, Asked::Full)?;
    let mut tree = Tree::new(layout::root(job));
    tree.make_dir(PREPARED, layout::root(job))?;
    let session = Session {
        days: Vec::new(),
        sources: Vec::new(),
    };
    let laid = Laid {
        burn: Burn::New,
        image: Image::new(
            tree,
            &layout::options(job, disc.start(Burn::New), disc.space_size),
        )?,
        session,
        days: Vec::new(),
        because: None,
        occasion: Occasion::Stored,
    };
    finish(
        job,
        &disc,
        previous,
        &laid,
        &[],
        &mut Vec::new(),
        Vec::new(),
    )
}

/// Marks the days of which everything is on the disc, sound. A run that was killed between burn and
/// indicator left them so.
fn mark_what_is_there(job: &mut Store<'_>, found: &Found) -> Result<Vec<Day>, StoreError> {
    let mut marked = Vec::new();
    for (day, kept) in found.complete() {
        if marked.is_empty() {
            job.drive.reload()?;
        }
        let then = match job.discs {
            Discs::One => "; it is marked as stored",
            Discs::Several => "",
        };
        job.monitor.note(format!(
            "{} is on the disc already and was read back{then}",
            day.day()
        ));
        let digests = |name: &[u8]| kept.others.get(name)?.sha256();
        record::session(job, &found.disc, &[(day, &digests)]);
        record::settle_list(job, day, &digests)?;
        if job.discs == Discs::One {
            record::mark(job, &found.disc, day, Occasion::Stored)?;
        }
        marked.push(day.day());
    }
    Ok(marked)
}

/// Burns, reads back, takes note, marks.
fn finish(
    job: &mut Store<'_>,
    disc: &Disc,
    previous: Option<Previous>,
    laid: &Laid,
    days: &[&StagedDay],
    marked: &mut Vec<Day>,
    mut left: Vec<Day>,
) -> Result<Stored, StoreError> {
    let burnt = burn(job, disc, previous, laid, days)?;
    for (at, day) in days.iter().enumerate() {
        if burnt.damaged.contains(&at) {
            left.push(day.day());
        } else {
            if job.discs == Discs::One {
                record::mark(job, &burnt.now, day, laid.occasion)?;
            }
            marked.push(day.day());
        }
    }
    marked.sort_unstable();
    left.sort_unstable();
    Ok(outcome(
        &burnt.now,
        laid.image.sectors(),
        std::mem::take(marked),
        left,
        burnt.set_aside,
    ))
}

/// A session that was burnt, checked and taken note of.
pub(super) struct Written {
    /// The disc as it is now.
    pub now: Disc,
    /// Days of which something is damaged, by index.
    pub damaged: BTreeSet<usize>,
    /// Where the disc is that had to give way.
    pub set_aside: Option<std::path::PathBuf>,
}

/// Burns, reads back, takes note. Marks nothing.
pub(super) fn burn(
    job: &mut Store<'_>,
    disc: &Disc,
    previous: Option<Previous>,
    laid: &Laid,
    days: &[&StagedDay],
) -> Result<Written, StoreError> {
    let gone = (laid.burn == Burn::New && !disc.is_blank())
        .then(|| record::disc_id(job, disc))
        .flatten();
    if erases(disc, laid) {
        let anew: Vec<Day> = days.iter().map(|day| day.day()).collect();
        only_copy::warn(job, disc, previous.as_ref(), gone.as_deref(), &anew);
        if let Some(id) = &gone {
            record::forget(job, id);
        }
        // They may be on this disc; killed from here on, they are on none.
        for day in days {
            record::unmark(day)?;
        }
    }
    drop(previous);
    let label = layout::label(job);
    let mut payload = Payload {
        image: &laid.image,
        label: &label,
        open: &mut |number| laid.session.open(number),
    };
    let burnt = job.drive.burn(laid.burn, &mut payload, job.monitor);
    let burnt = burnt.inspect_err(|_| record::perhaps_gone(job, gone.as_deref()))?;
    record::replaced(job, gone.as_deref(), burnt.set_aside.as_deref());
    let (faulty, damaged) = judge::staged_files(job, &laid.session, &burnt);

    job.drive.reload()?;
    if let Some(unseen) = job.drive.unseen() {
        job.monitor.note(unseen);
    }
    let now = inspect(job)?;
    if now.newest() != Some(&burnt.session) {
        return Err(StoreError::NotThere);
    }
    if job.check_data == CheckData::Yes {
        judge::disc(job, laid, &faulty)?;
    }
    let lists: Vec<_> = (0..days.len()).map(|at| laid.session.list(at)).collect();
    let digests: Vec<_> = lists
        .iter()
        .map(|list| move |name: &[u8]| list.get(name)?.sha256())
        .collect();
    let sound = || (0..days.len()).filter(|at| !damaged.contains(at));
    let files: Vec<record::DayDigests<'_>> = sound()
        .map(|at| (days[at], &digests[at] as &dyn Fn(&[u8]) -> _))
        .collect();
    record::session(job, &now, &files);
    for (day, digests) in &files {
        record::settle_list(job, day, digests)?;
    }
    Ok(Written {
        now,
        damaged,
        set_aside: burnt.set_aside,
    })
}

pub(super) fn outcome(
    disc: &Disc,
    burnt: u64,
    marked: Vec<Day>,
    left: Vec<Day>,
    set_aside: Option<std::path::PathBuf>,
) -> Stored {
    Stored {
        label: crate::event::printable_bytes(disc.label().unwrap_or_default()),
        session: disc.sessions.len(),
        burnt,
        free: disc.available(Burn::Append),
        capacity: disc.size(),
        marked,
        left,
        no_room: Vec::new(),
        set_aside,
    }
}
