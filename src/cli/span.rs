//! `cback-span`: the dialogue that spreads staged days over several discs.

mod dialogue;

use std::io;
use std::os::unix::ffi::OsStrExt as _;

use serde::Serialize;

use super::args;
use super::diagnostics;
use super::exit::Exit;
use super::run;
use super::session::{Failure, Session};
use crate::action::{self, Context, Extent};
use crate::changer::Setup;
use crate::config;
use crate::event::{Tell as _, bytes, printable, printable_bytes, printable_path};
use crate::media::{Disc, MediaKind, Renewal, SECTOR};
use crate::span::{Fit, SpanError, span};
use crate::staging::Daily;
use crate::store::{Item, Stored};
use dialogue::{Default, Dialogue};

/// How much of a disc is kept free, in percent, unless the person says otherwise: directories need it.
const CUSHION: &str = "4.5";

/// What came of it.
#[derive(Debug, Serialize)]
struct Spanned {
    /// Days that are stored now.
    days: Vec<String>,
    discs: Vec<Written>,
}

/// A disc that was written.
#[derive(Debug, Serialize)]
struct Written {
    label: String,
    files: usize,
    bytes: u64,
}

/// Talks with the person.
pub fn run(arguments: &args::Span) -> Exit {
    let common = &arguments.common;
    if arguments.diagnostics {
        return diagnostics::run(common);
    }
    let session = match Session::open(common) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let (mut input, mut output, mut errors) = (io::stdin().lock(), io::stdout(), io::stderr());
    let mut dialogue = Dialogue {
        input: &mut input,
        // Standard output is for the objects then.
        output: if common.json {
            &mut errors
        } else {
            &mut output
        },
    };
    let outcome = session.load(common).and_then(|config| {
        run::alone(
            &session,
            &config,
            run::Manner::of(Extent::Configured),
            |context| talk(&session, &mut dialogue, context),
        )
    });
    session.end(&outcome)
}

fn talk(session: &Session, dialogue: &mut Dialogue<'_>, cx: &Context<'_>) -> Result<Exit, Failure> {
    let section = cx.config.store.as_ref().ok_or_else(|| {
        Failure::new(
            Exit::Config,
            "the configuration has no <store> section, which this needs",
        )
    })?;
    dialogue
        .say("Staged days that were not stored yet are spread over as many discs as they need.");
    if !dialogue.agrees("Continue?", Default::Yes)? {
        return Ok(Exit::Well);
    }
    dialogue.say(&settings(section));
    if !dialogue.agrees("Is this OK?", Default::Yes)? {
        return Ok(Exit::Well);
    }
    let days = action::span::waiting(cx).map_err(run::meaning)?;
    if days.is_empty() {
        dialogue.say("No staged day waits to be stored.");
        return Ok(Exit::Well);
    }
    let items = action::span::items(cx, &days).map_err(run::meaning)?;
    let total: u64 = items.iter().map(|item| item.bytes).sum();
    for daily in &days {
        dialogue.say(&format!("  {}", printable_path(daily.path())));
    }
    dialogue.say(&format!("{} files, {} in all.", items.len(), bytes(total)));
    if !dialogue.agrees("Continue?", Default::Yes)? {
        return Ok(Exit::Well);
    }
    let Some(capacity) = room(dialogue, section.kind, total)? else {
        return Ok(Exit::Well);
    };
    let discs = solution(dialogue, &items, capacity)?;
    let discs: Vec<Vec<&Item>> = discs
        .iter()
        .map(|disc| disc.iter().map(|&at| &items[at]).collect())
        .collect();
    let written = match &section.changer {
        Some(setup) => from_changer(cx, setup, &days, &discs)?,
        None => by_hand(dialogue, cx, &days, &discs)?,
    };
    let labels: Vec<String> = written.iter().map(|disc| disc.label.clone()).collect();
    action::span::mark(cx, &days, &labels).map_err(run::meaning)?;
    let spanned = Spanned {
        days: days.iter().map(|daily| daily.day().to_string()).collect(),
        discs: written,
    };
    session.show(&spanned, |spanned| {
        let (days, discs) = (spanned.days.join(", "), spanned.discs.len());
        format!("{days}: stored on {discs} discs")
    });
    Ok(Exit::Well)
}

/// Bytes that are written on each disc, of `total` in all; `None` if the person does not go on.
fn room(dialogue: &mut Dialogue<'_>, kind: MediaKind, total: u64) -> Result<Option<u64>, Failure> {
    let nominal = kind.sectors() * SECTOR;
    dialogue.say(&format!("A {} takes {}.", kind.word(), bytes(nominal)));
    let cushion = dialogue.answer("How much of it is kept free, in percent?", CUSHION, percent)?;
    let capacity = nominal - share(nominal, cushion);
    dialogue.say(&format!(
        "That leaves {} on each disc: at least {} discs are needed.",
        bytes(capacity),
        total.div_ceil(capacity.max(1)).max(1)
    ));
    let goes_on = dialogue.agrees("Continue?", Default::Yes)?;
    Ok(goes_on.then_some(capacity))
}

/// Writes all discs, which the person puts in one after the other.
fn by_hand(
    dialogue: &mut Dialogue<'_>,
    cx: &Context<'_>,
    days: &[Daily],
    discs: &[Vec<&Item>],
) -> Result<Vec<Written>, Failure> {
    let mut written = Vec::new();
    let mut last = None;
    for (number, disc) in (1..).zip(discs) {
        let which = format!("disc {number} of {}", discs.len());
        let stored = write(dialogue, cx, days, disc, &which, last.as_ref())?;
        cx.monitor
            .note(format!("{which} is written: `{}`", stored.label));
        last = action::span::disc(cx).ok();
        written.push(Written::new(stored.label, disc));
    }
    Ok(written)
}

/// Writes all discs, which the changer brings, as many at the same time as it has drives.
fn from_changer(
    cx: &Context<'_>,
    setup: &Setup,
    days: &[Daily],
    discs: &[Vec<&Item>],
) -> Result<Vec<Written>, Failure> {
    let stored = action::changer::write_items(cx, setup, days, discs);
    let stored = stored.map_err(run::meaning)?;
    let mut written = Vec::new();
    for (stored, disc) in stored.into_iter().zip(discs) {
        unread(&stored)?;
        written.push(Written::new(stored.label, disc));
    }
    Ok(written)
}

/// A disc on which a file is not what was staged does not count.
fn unread(stored: &Stored) -> Result<(), Failure> {
    match stored.left.first() {
        Some(day) => {
            let what = format!("a file of {day} was not read as it was staged; see the log");
            Err(Failure::new(Exit::Failed, what))
        }
        None => Ok(()),
    }
}

impl Written {
    fn new(label: String, items: &[&Item]) -> Self {
        Self {
            label,
            files: items.len(),
            bytes: items.iter().map(|item| item.bytes).sum(),
        }
    }
}

/// How this machine stores.
fn settings(section: &config::Store) -> String {
    let shown = |path: &std::path::Path| printable_path(path);
    format!(
        "  source directory  {}\n  media             {}\n  device            {}\n  read back         {}",
        shown(&section.source_dir),
        section.kind.word(),
        match &section.changer {
            Some(setup) => format!("a changer with drives: {}", setup.bays.len()),
            None => shown(&section.target),
        },
        if section.check_data { "yes" } else { "no" }
    )
}

fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim_end_matches('%').trim().parse().ok()?;
    (0.0..100.0).contains(&number).then_some(number)
}

/// That many percent of `amount`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
// OK: sizes of discs are far below 2^53, and the share is between 0 and the amount
fn share(amount: u64, percent: f64) -> u64 {
    (amount as f64 * percent / 100.0) as u64
}

/// Discs that the person accepts: for each the positions of its items.
fn solution(
    dialogue: &mut Dialogue<'_>,
    items: &[Item],
    capacity: u64,
) -> Result<Vec<Vec<usize>>, Failure> {
    let sizes: Vec<u64> = items.iter().map(|item| item.bytes).collect();
    let words: Vec<&str> = Fit::ALL.iter().map(|row| row.0).collect();
    let question = format!("How are files chosen ({})?", words.join(", "));
    loop {
        let fit: Fit = dialogue.answer(&question, "worst", |word| word.parse().ok())?;
        let discs = span(fit, &sizes, capacity).map_err(|error| unspannable(error, items))?;
        dialogue.say(&format!("{} discs:", discs.len()));
        for (number, disc) in (1..).zip(&discs) {
            let sum: u64 = disc.iter().map(|&at| sizes[at]).sum();
            dialogue.say(&format!(
                "  {number}: {} files, {}, {}% full",
                disc.len(),
                bytes(sum),
                sum.saturating_mul(100) / capacity.max(1)
            ));
        }
        if dialogue.agrees("Accept this solution?", Default::Yes)? {
            return Ok(discs);
        }
    }
}

fn unspannable(error: SpanError, items: &[Item]) -> Failure {
    let what = match error {
        SpanError::TooLarge {
            item,
            size,
            capacity,
        } => {
            let dir = items[item].day.path();
            let path = dir.join(std::ffi::OsStr::from_bytes(&items[item].name));
            format!(
                "{} takes {}, and a disc has room for {}",
                printable_path(path),
                bytes(size),
                bytes(capacity)
            )
        }
        SpanError::NoCapacity => error.to_string(),
    };
    Failure::new(Exit::Failed, what)
        .advise("keep less free, use larger discs, or cut large files with the `split` extension")
}

/// Writes one disc, asking for it until it is done or given up.
fn write(
    dialogue: &mut Dialogue<'_>,
    cx: &Context<'_>,
    days: &[Daily],
    items: &[&Item],
    which: &str,
    last: Option<&Disc>,
) -> Result<Stored, Failure> {
    loop {
        let inserted = dialogue.ask(&format!("Insert {which}, and press return"));
        // Where nobody answers, nobody has put a disc in.
        inserted.map_err(|failure| failure.with(Exit::Disc))?;
        let failure = match attempt(dialogue, cx, days, items, last) {
            Ok(Some(stored)) => return Ok(stored),
            Ok(None) => continue,
            Err(failure) => failure,
        };
        dialogue.say(&format!("{which}: {}", printable(&failure.sentence())));
        cx.monitor.warn(format!("{which}: {}", failure.sentence()));
        // Where nobody answers, nobody has mended what was wrong.
        if !dialogue
            .agrees("Retry this step?", Default::Yes)
            .unwrap_or(false)
        {
            return Err(failure);
        }
    }
}

/// Writes the disc in the drive; nothing if it may not be.
fn attempt(
    dialogue: &mut Dialogue<'_>,
    cx: &Context<'_>,
    days: &[Daily],
    items: &[&Item],
    last: Option<&Disc>,
) -> Result<Option<Stored>, Failure> {
    let disc = action::span::disc(cx).map_err(run::meaning)?;
    if !disc.is_blank() && disc.renewal == Renewal::Blank {
        if last.is_some_and(|last| last.sessions == disc.sessions) {
            dialogue.say("This disc was just written. Insert another one.");
            return Ok(None);
        }
        let label = printable_bytes(disc.label().unwrap_or_default());
        let question = format!(
            "The disc `{}` has {} sessions, and all of them will be lost. ERASE it?",
            label,
            disc.sessions.len()
        );
        if !dialogue.agrees(&question, Default::No)? {
            return Ok(None);
        }
    }
    let stored = action::span::write(cx, days, items).map_err(run::meaning)?;
    unread(&stored)?;
    Ok(Some(stored))
}
