//! The steps of storing, rebuilding and initializing, in their order.

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use super::kept::{self, Kept};
use super::session::{Origin, Part, Session};
use super::staged::{self, StagedDay};
use super::{CheckData, Store, StoreError, Stored, only_copy, record, verify};
use crate::event::{Problem, Tell as _};
use crate::iso9660::{Cause, Fault, Image, Meta, Options, ReadAt, SpaceSize, Time, Tree, Volume};
use crate::media::{
    self, Asked, Burn, Burnt, CheckMedia, Decision, Disc, DriveError, Payload, Renewal, SECTOR,
    Situation,
};
use crate::staging::Daily;
use crate::units::Day;

/// The directory of an initialized disc, as Cedar Backup makes it.
const PREPARED: &str = "CedarBackup";

/// What the disc's newest session holds.
pub(super) struct Previous {
    pub medium: Box<dyn ReadAt>,
    pub tree: Tree,
}

/// A session that fits, laid out.
struct Laid {
    burn: Burn,
    image: Image,
    session: Session,
    /// Which of the days it holds, by index, ascending.
    days: Vec<usize>,
}

/// What may be left out of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Days other than this one, by index.
    AllBut(usize),
    /// Nothing.
    Nothing,
}

/// A session does not fit: sectors that it needs.
struct DoesNotFit(u64);

enum LayoutError {
    DoesNotFit(DoesNotFit),
    Fault(StoreError),
}

impl<E: Into<StoreError>> From<E> for LayoutError {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

pub(super) fn store(
    job: &mut Store<'_>,
    days: &[Daily],
    first: Day,
    asked: Asked,
) -> Result<Stored, StoreError> {
    let disc = inspect(job)?;
    check_media(job, &disc)?;
    let (days, mut left) = read_days(job, days)?;
    let previous = previous(job, &disc, asked)?;
    let kept: Vec<Kept> = match (&previous, asked) {
        (Some(previous), Asked::ByRule) => days
            .iter()
            .map(|day| kept::find(&*previous.medium, &previous.tree, day))
            .collect(),
        _ => days.iter().map(|_| Kept::default()).collect(),
    };
    let mut marked = mark_what_is_there(job, &disc, &days, &kept)?;
    let open: Vec<usize> = (0..days.len()).filter(|&at| !kept[at].complete).collect();
    if open.is_empty() {
        return Ok(outcome(&disc, 0, marked, left, None));
    }
    let days: Vec<&StagedDay> = open.iter().map(|&at| &days[at]).collect();
    let kept: Vec<&Kept> = open.iter().map(|&at| &kept[at]).collect();
    let first = days
        .iter()
        .position(|day| day.day() == first)
        .unwrap_or(days.len() - 1);

    let laid = by_rule(job, &disc, previous.as_ref(), &days, &kept, first, asked)?;
    for (at, day) in days.iter().enumerate() {
        if !laid.days.contains(&at) {
            left.push(day.day());
            job.monitor.problem(
                &Problem::new(day.day().to_string(), "there is no room for it on this disc")
                    .advise("run `cback store` once more with another disc"),
            );
        }
    }
    let days: Vec<&StagedDay> = laid.days.iter().map(|&at| days[at]).collect();
    finish(job, &disc, previous, laid, &days, &mut marked, left)
}

pub(super) fn rebuild(job: &mut Store<'_>, days: &[Daily]) -> Result<Stored, StoreError> {
    let disc = inspect(job)?;
    check_media(job, &disc)?;
    let (days, left) = read_days(job, days)?;
    if !left.is_empty() {
        return Err(StoreError::NothingReadable);
    }
    let previous = previous(job, &disc, Asked::Full)?;
    let days: Vec<&StagedDay> = days.iter().collect();
    let nothing = Kept::default();
    let kept: Vec<&Kept> = days.iter().map(|_| &nothing).collect();
    let laid = anew(job, &disc, &days, &kept, Fit::Nothing)?;
    finish(job, &disc, previous, laid, &days, &mut Vec::new(), left)
}

pub(super) fn initialize(job: &mut Store<'_>) -> Result<Stored, StoreError> {
    let disc = inspect(job)?;
    if !disc.kind.is_rewritable() {
        return Err(StoreError::WriteOnce(disc.kind.word()));
    }
    let previous = previous(job, &disc, Asked::Full)?;
    let mut tree = Tree::new(root(job));
    tree.make_dir(PREPARED, root(job))?;
    let session = Session {
        days: Vec::new(),
        sources: Vec::new(),
    };
    let laid = Laid {
        burn: Burn::New,
        image: Image::new(tree, &options(job, disc.start(Burn::New)))?,
        session,
        days: Vec::new(),
    };
    finish(job, &disc, previous, laid, &[], &mut Vec::new(), Vec::new())
}

fn inspect(job: &Store<'_>) -> Result<Disc, StoreError> {
    job.drive
        .inspect()?
        .ok_or_else(|| StoreError::NoDisc(job.drive.place().to_owned()))
}

fn check_media(job: &Store<'_>, disc: &Disc) -> Result<(), StoreError> {
    if job.check_media == CheckMedia::Yes {
        media::check(disc)?;
    }
    Ok(())
}

/// Reads the daily directories. One that cannot be read is a problem and stays behind.
fn read_days(job: &Store<'_>, days: &[Daily]) -> Result<(Vec<StagedDay>, Vec<Day>), StoreError> {
    let mut read = Vec::new();
    let mut left = Vec::new();
    for daily in days {
        match staged::read(daily, job.monitor) {
            Ok(day) => read.push(day),
            Err(error) => {
                left.push(daily.day());
                job.monitor.problem(
                    &Problem::with_file(daily.path(), &error)
                        .advise("the day is not stored; repair its directory or stage it again"),
                );
            }
        }
    }
    if read.is_empty() {
        return Err(StoreError::NothingReadable);
    }
    Ok((read, left))
}

/// The newest session of a disc of ours. If a new disc was asked for, one that cannot be read is only
/// warned of: it gives way in any case.
fn previous(job: &Store<'_>, disc: &Disc, asked: Asked) -> Result<Option<Previous>, StoreError> {
    let Some(newest) = disc.newest() else {
        return Ok(None);
    };
    if !media::is_ours(&newest.label) && asked == Asked::ByRule {
        return Ok(None);
    }
    let medium = job.drive.open()?;
    let tree = Volume::open(&*medium, newest.start).and_then(|volume| volume.tree());
    match tree {
        Ok(tree) => Ok(Some(Previous { medium, tree })),
        Err(error) if asked == Asked::Full => {
            job.monitor.warn(format!(
                "what is on {} cannot be listed before it gives way: {error}",
                job.drive.place().display()
            ));
            Ok(None)
        }
        Err(source) => Err(StoreError::Volume {
            place: job.drive.place().to_owned(),
            source,
        }),
    }
}

/// Marks the days of which everything is on the disc, sound. A run that was killed between burn and
/// indicator left them so.
fn mark_what_is_there(
    job: &mut Store<'_>,
    disc: &Disc,
    days: &[StagedDay],
    kept: &[Kept],
) -> Result<Vec<Day>, StoreError> {
    let mut marked = Vec::new();
    for (day, kept) in days.iter().zip(kept) {
        if !kept.complete {
            continue;
        }
        if marked.is_empty() {
            job.drive.reload()?;
        }
        job.monitor.note(format!(
            "{} is on the disc already and was read back; it is marked as stored",
            day.day()
        ));
        let digests = |name: &[u8]| kept.others.get(name);
        record::session(job, disc, &[(day, &digests)]);
        record::mark(job, disc, day)?;
        marked.push(day.day());
    }
    Ok(marked)
}

/// The session that the blanking rules ask for.
fn by_rule(
    job: &mut Store<'_>,
    disc: &Disc,
    previous: Option<&Previous>,
    days: &[&StagedDay],
    kept: &[&Kept],
    first: usize,
    asked: Asked,
) -> Result<Laid, StoreError> {
    let nothing = Kept::default();
    let none: Vec<&Kept> = days.iter().map(|_| &nothing).collect();
    let all: Vec<usize> = (0..days.len()).collect();
    let empty = Tree::new(root(job));
    let (alone, _) = lay_out(job, &empty, disc.start(Burn::New), days, &none, &all)?;
    let decision = media::decide(
        disc,
        &Situation {
            asked,
            today: job.today,
            starting_day: job.starting_day,
            blanking: job.blanking,
            available: disc.available(Burn::Append) * SECTOR,
            required: alone.sectors() * SECTOR,
        },
    );
    if asked == Asked::ByRule {
        media::check_owner(disc)?;
    }
    let because = match (decision, previous) {
        (Decision::New(because), _) => because.to_string(),
        (Decision::Append, previous) => {
            let tree = previous.map_or(&empty, |previous| &previous.tree);
            match fit(job, tree, disc, Burn::Append, days, kept, Fit::AllBut(first)) {
                Ok(laid) => return Ok(laid),
                Err(LayoutError::Fault(fault)) => return Err(fault),
                Err(LayoutError::DoesNotFit(_)) if disc.renewal == Renewal::SetAside => {
                    "the disc is full".to_owned()
                }
                Err(LayoutError::DoesNotFit(DoesNotFit(needed))) => {
                    let free = disc.available(Burn::Append);
                    return Err(StoreError::DiscFull { needed, free });
                }
            }
        }
    };
    job.monitor.note(format!("a new disc is begun: {because}"));
    anew(job, disc, days, &none, Fit::AllBut(first))
}

/// A session on a new disc.
fn anew(
    job: &mut Store<'_>,
    disc: &Disc,
    days: &[&StagedDay],
    kept: &[&Kept],
    leave: Fit,
) -> Result<Laid, StoreError> {
    if !disc.is_blank() && disc.renewal == Renewal::Insert {
        return Err(DriveError::NotBlank.into());
    }
    let empty = Tree::new(root(job));
    match fit(job, &empty, disc, Burn::New, days, kept, leave) {
        Ok(laid) => Ok(laid),
        Err(LayoutError::Fault(fault)) => Err(fault),
        Err(LayoutError::DoesNotFit(DoesNotFit(needed))) => Err(StoreError::TooLarge {
            needed,
            free: disc.available(Burn::New),
        }),
    }
}

/// Lays out as many days as the disc takes: all; or the one that matters most, and then the oldest that fit.
fn fit(
    job: &Store<'_>,
    tree: &Tree,
    disc: &Disc,
    burn: Burn,
    days: &[&StagedDay],
    kept: &[&Kept],
    leave: Fit,
) -> Result<Laid, LayoutError> {
    let free = disc.available(burn);
    let try_with = |chosen: Vec<usize>| -> Result<Laid, LayoutError> {
        let (image, session) = lay_out(job, tree, disc.start(burn), days, kept, &chosen)?;
        if image.sectors() > free {
            return Err(LayoutError::DoesNotFit(DoesNotFit(image.sectors())));
        }
        Ok(Laid {
            burn,
            image,
            session,
            days: chosen,
        })
    };
    let first = match (try_with((0..days.len()).collect()), leave) {
        (Err(LayoutError::DoesNotFit(_)), Fit::AllBut(first)) if days.len() > 1 => first,
        (result, _) => return result,
    };
    let mut laid = try_with(vec![first])?;
    for at in (0..days.len()).filter(|&at| at != first) {
        let mut more = laid.days.clone();
        more.push(at);
        more.sort_unstable();
        match try_with(more) {
            Ok(larger) => laid = larger,
            Err(LayoutError::DoesNotFit(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(laid)
}

fn lay_out(
    job: &Store<'_>,
    tree: &Tree,
    start: u32,
    days: &[&StagedDay],
    kept: &[&Kept],
    chosen: &[usize],
) -> Result<(Image, Session), StoreError> {
    let mut tree = tree.clone();
    tree.make_dir("", root(job))?;
    let parts: Vec<Part<'_>> = chosen
        .iter()
        .map(|&at| Part {
            day: days[at],
            kept: kept[at],
        })
        .collect();
    let session = Session::compose(&mut tree, &parts, &label(job), time(job))?;
    Ok((Image::new(tree, &options(job, start))?, session))
}

fn label(job: &Store<'_>) -> String {
    media::label(job.today)
}

/// The time that the session is dated with.
fn time(job: &Store<'_>) -> Time {
    let since = job.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_seconds(since.as_secs().cast_signed())
}

fn root(job: &Store<'_>) -> Meta {
    Meta {
        mode: 0o555,
        uid: 0,
        gid: 0,
        mtime: time(job),
    }
}

fn options(job: &Store<'_>, start: u32) -> Options {
    Options {
        start,
        volume_id: label(job),
        application: "CBACK".to_owned(),
        created: time(job),
        // A file has no table of contents: other programs follow the chain of lengths.
        space_size: SpaceSize::Length,
        ..Options::default()
    }
}

/// Burns, reads back, takes note, marks.
fn finish(
    job: &mut Store<'_>,
    disc: &Disc,
    previous: Option<Previous>,
    laid: Laid,
    days: &[&StagedDay],
    marked: &mut Vec<Day>,
    mut left: Vec<Day>,
) -> Result<Stored, StoreError> {
    let gone = (laid.burn == Burn::New && !disc.is_blank())
        .then(|| record::disc_id(job, disc))
        .flatten();
    if laid.burn == Burn::New && !disc.is_blank() && disc.renewal == Renewal::Blank {
        only_copy::warn(job, disc, previous.as_ref(), gone.as_deref());
    }
    drop(previous);
    let label = label(job);
    let mut payload = Payload {
        image: &laid.image,
        label: &label,
        open: &mut |number| laid.session.open(number),
    };
    let burnt = job.drive.burn(laid.burn, &mut payload, job.monitor)?;
    record::replaced(job, gone.as_deref(), burnt.set_aside.as_deref());
    let (faulty, damaged) = damaged(job, &laid.session, &burnt);

    job.drive.reload()?;
    let now = inspect(job)?;
    if now.newest() != Some(&burnt.session) {
        return Err(StoreError::NotThere);
    }
    if job.check_data == CheckData::Yes {
        check(job, &laid, &faulty)?;
    }
    let lists: Vec<_> = (0..days.len()).map(|at| laid.session.list(at)).collect();
    let digests: Vec<_> = lists
        .iter()
        .map(|list| move |name: &[u8]| list.get(name))
        .collect();
    let sound = || (0..days.len()).filter(|at| !damaged.contains(at));
    let files: Vec<record::DayDigests<'_>> = sound()
        .map(|at| (days[at], &digests[at] as &dyn Fn(&[u8]) -> _))
        .collect();
    record::session(job, &now, &files);
    for at in sound() {
        record::mark(job, &now, days[at])?;
        marked.push(days[at].day());
    }
    marked.sort_unstable();
    left.extend(damaged.iter().map(|&at| days[at].day()));
    left.sort_unstable();
    let sectors = laid.image.sectors();
    Ok(outcome(
        &now,
        sectors,
        std::mem::take(marked),
        left,
        burnt.set_aside,
    ))
}

/// Tells of every staged file that was not what staging noted or could not be read: the numbers of those that
/// are incomplete on the disc, and the days that must not be marked.
fn damaged(
    job: &Store<'_>,
    session: &Session,
    burnt: &Burnt,
) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut days = BTreeSet::new();
    let advice = "the day is not marked as stored; stage it again, or repair the file";
    for fault in &burnt.faults {
        if let Origin::Staged { day, path, .. } = &session.sources[fault.source].origin {
            days.insert(*day);
            let problem = Problem::with_file(path, &explain(fault)).advise(advice);
            job.monitor.problem(&problem);
        }
    }
    let faulty: BTreeSet<usize> = burnt.faults.iter().map(|fault| fault.source).collect();
    for (number, source) in session.sources.iter().enumerate() {
        if let Origin::Staged { day, path, promised: Some(promised), .. } = &source.origin
            && !faulty.contains(&number)
            && *source.read.borrow() != Some(*promised)
        {
            days.insert(*day);
            let reason = "the staged file is damaged: it is not what was staged";
            job.monitor
                .problem(&Problem::with_file(path, reason).advise(advice));
        }
    }
    (faulty, days)
}

fn explain(fault: &Fault) -> String {
    match &fault.cause {
        Cause::Short => format!("it shrank to {} bytes while it was burnt", fault.delivered),
        Cause::Long => "it grew while it was burnt".to_owned(),
        Cause::Failed(error) => format!("cannot be read: {error}"),
    }
}

/// The consistency check.
fn check(job: &Store<'_>, laid: &Laid, faulty: &BTreeSet<usize>) -> Result<(), StoreError> {
    let medium = job.drive.open()?;
    let found = Volume::open(&*medium, laid.image.start()).and_then(|volume| volume.tree());
    let mut differences = match found {
        Ok(tree) => verify::compare_trees(&laid.image, &tree),
        Err(source) => {
            job.monitor.problem(&Problem::with_file(
                job.drive.place(),
                &format!("the session cannot be read back: {source}"),
            ));
            return Err(StoreError::CheckFailed { differences: 1 });
        }
    };
    differences.extend(verify::compare_bytes(
        &*medium,
        &laid.image,
        &laid.session,
        faulty,
        job.monitor,
    ));
    for difference in &differences {
        let subject = job.drive.place().join(&difference.path);
        job.monitor
            .problem(&Problem::with_file(&subject, &difference.how));
    }
    if differences.is_empty() {
        job.monitor.note("the session was read back and is sound");
        return Ok(());
    }
    Err(StoreError::CheckFailed {
        differences: differences.len(),
    })
}

fn outcome(
    disc: &Disc,
    burnt: u64,
    marked: Vec<Day>,
    left: Vec<Day>,
    set_aside: Option<std::path::PathBuf>,
) -> Stored {
    Stored {
        label: String::from_utf8_lossy(disc.label().unwrap_or_default()).into_owned(),
        session: disc.sessions.len(),
        burnt,
        free: disc.available(Burn::Append),
        capacity: disc.capacity,
        marked,
        left,
        set_aside,
    }
}
