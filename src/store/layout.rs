//! Which days fit, on which disc, and how they lie there.

use std::time::UNIX_EPOCH;

use super::found::Previous;
use super::kept::Kept;
use super::record::Occasion;
use super::session::{Part, Session};
use super::{Store, StoreError};
use crate::iso9660::{Image, Meta, Options, SpaceSize, Time, Tree};
use crate::media::{
    self, Appendable, Asked, Burn, Decision, Disc, DriveError, Renewal, SECTOR, Situation, Unlike,
};

/// A session that fits, laid out.
pub(super) struct Laid {
    pub burn: Burn,
    pub image: Image,
    pub session: Session,
    /// Which of the days it holds, by index, ascending.
    pub days: Vec<usize>,
    /// Why a new disc is begun, if one is.
    pub because: Option<String>,
    /// What it is burnt for.
    pub occasion: Occasion,
}

/// What may be left out of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Days other than this one, by index.
    AllBut(usize),
    /// Nothing.
    Nothing,
}

/// Why there is no session.
enum LayoutError {
    /// It does not fit: sectors that it needs.
    DoesNotFit(u64),
    /// Something else.
    Fault(StoreError),
}

impl<E: Into<StoreError>> From<E> for LayoutError {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// The session that the blanking rules ask for.
pub(super) fn by_rule(
    job: &Store<'_>,
    disc: &Disc,
    previous: Option<&Previous>,
    parts: &[Part<'_>],
    first: usize,
    asked: Asked,
) -> Result<Laid, StoreError> {
    let nothing = Kept::default();
    let afresh: Vec<Part<'_>> = parts
        .iter()
        .map(|part| Part {
            day: part.day,
            kept: &nothing,
        })
        .collect();
    let empty = Tree::new(root(job));
    let required = match job.blanking {
        Some(_) => required(job, &empty, disc, &afresh)?,
        None => 0, // nobody asks
    };
    let decision = media::decide(
        disc,
        &Situation {
            asked,
            today: job.today,
            starting_day: job.starting_day,
            blanking: job.blanking,
            available: disc.available(Burn::Append) * SECTOR,
            required,
        },
    );
    if asked == Asked::ByRule {
        media::check_owner(disc)?;
    }
    let because = match (decision, previous) {
        (Decision::New(because), _) => because.to_string(),
        (Decision::Append, previous) => {
            let tree = previous.map_or(&empty, |previous| &previous.tree);
            match fit(job, tree, disc, Burn::Append, parts, Fit::AllBut(first)) {
                Ok(laid) => return Ok(laid),
                Err(LayoutError::Fault(fault)) => return Err(fault),
                Err(LayoutError::DoesNotFit(needed)) => overfull(disc, needed)?.to_owned(),
            }
        }
    };
    if asked == Asked::ByRule {
        erasable(job, disc)?;
    }
    let laid = anew(job, disc, &afresh, Fit::AllBut(first))?;
    Ok(Laid {
        because: Some(because),
        ..laid
    })
}

/// Bytes that `parts` would take on a disc of their own.
fn required(
    job: &Store<'_>,
    empty: &Tree,
    disc: &Disc,
    parts: &[Part<'_>],
) -> Result<u64, StoreError> {
    let all: Vec<usize> = (0..parts.len()).collect();
    let (alone, _) = lay_out(job, empty, disc, Burn::New, parts, &all)?;
    Ok(alone.sectors() * SECTOR)
}

/// Why a disc gives way to a new one when not even the day that matters most fits, in `needed` sectors. An error where
/// none can be begun without somebody who changes it.
fn overfull(disc: &Disc, needed: u64) -> Result<&'static str, StoreError> {
    match (disc.renewal, disc.appendable) {
        (Renewal::SetAside, Appendable::Open) => Ok("the disc is full"),
        (Renewal::SetAside, Appendable::Closed) => Ok("the disc takes no other session"),
        (renewal, Appendable::Closed) => Err(StoreError::DiscClosed { renewal }),
        (renewal, Appendable::Open) => Err(StoreError::DiscFull {
            renewal,
            needed,
            free: disc.available(Burn::Append),
        }),
    }
}

/// Refuses to erase a disc by a rule if the configuration speaks of discs that are written once: their owner does not
/// expect that anything is ever erased.
fn erasable(job: &Store<'_>, disc: &Disc) -> Result<(), StoreError> {
    match job.drive.expected() {
        Some(expected)
            if !disc.is_blank()
                && disc.renewal == Renewal::Blank
                && media::unlike(expected, disc.kind) == Some(Unlike::Erasable) =>
        {
            Err(StoreError::NotErased {
                expected: expected.word(),
                found: disc.kind.word(),
            })
        }
        _ => Ok(()),
    }
}

/// A session on a new disc.
pub(super) fn anew(
    job: &Store<'_>,
    disc: &Disc,
    parts: &[Part<'_>],
    leave: Fit,
) -> Result<Laid, StoreError> {
    if !disc.is_blank() && disc.renewal == Renewal::Insert {
        return Err(DriveError::NotBlank.into());
    }
    let empty = Tree::new(root(job));
    match fit(job, &empty, disc, Burn::New, parts, leave) {
        Ok(laid) => Ok(laid),
        Err(LayoutError::Fault(fault)) => Err(fault),
        Err(LayoutError::DoesNotFit(needed)) => Err(StoreError::TooLarge {
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
    parts: &[Part<'_>],
    leave: Fit,
) -> Result<Laid, LayoutError> {
    let free = disc.available(burn);
    let try_with = |chosen: Vec<usize>| -> Result<Laid, LayoutError> {
        let (image, session) = lay_out(job, tree, disc, burn, parts, &chosen)?;
        if image.sectors() > free {
            return Err(LayoutError::DoesNotFit(image.sectors()));
        }
        Ok(Laid {
            burn,
            image,
            session,
            days: chosen,
            because: None,
            occasion: Occasion::Stored,
        })
    };
    let first = match (try_with((0..parts.len()).collect()), leave) {
        (Err(LayoutError::DoesNotFit(_)), Fit::AllBut(first)) if parts.len() > 1 => first,
        (result, _) => return result,
    };
    let mut laid = try_with(vec![first])?;
    for at in (0..parts.len()).filter(|&at| at != first) {
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
    disc: &Disc,
    burn: Burn,
    parts: &[Part<'_>],
    chosen: &[usize],
) -> Result<(Image, Session), StoreError> {
    let mut tree = tree.clone();
    tree.make_dir("", root(job))?;
    let chosen: Vec<Part<'_>> = chosen.iter().map(|&at| parts[at]).collect();
    let session = Session::compose(&mut tree, &chosen, &label(job), time(job))?;
    let options = Options {
        volume_set: session.fingerprint(),
        ..options(job, disc.start(burn), disc.space_size)
    };
    Ok((Image::new(tree, &options)?, session))
}

pub(super) fn label(job: &Store<'_>) -> String {
    media::label(job.today)
}

/// The time that the session is dated with.
fn time(job: &Store<'_>) -> Time {
    let since = job.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_seconds(since.as_secs().cast_signed())
}

pub(super) fn root(job: &Store<'_>) -> Meta {
    Meta {
        mode: 0o555,
        uid: 0,
        gid: 0,
        mtime: time(job),
    }
}

pub(super) fn options(job: &Store<'_>, start: u32, space_size: SpaceSize) -> Options {
    Options {
        start,
        volume_id: label(job),
        application: "CBACK".to_owned(),
        created: time(job),
        space_size,
        ..Options::default()
    }
}
