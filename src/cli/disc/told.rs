//! Results as text.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Local};

use crate::disc::{Comparison, Condition, Copied, Entry, Made, Ranges, Survey, Taken, What};
use crate::event::{bytes, printable_path};
use crate::media::SECTOR;

/// Ranges and files that are named; more are counted.
const SHOWN: usize = 20;
/// Characters of the bar of free space.
const BAR: u64 = 40;

/// Time since the beginning: `0:07.31`.
pub(super) fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let hundredths = elapsed.subsec_millis() / 10;
    format!("{}:{:02}.{hundredths:02}", seconds / 60, seconds % 60)
}

/// What is in a drive.
pub(super) fn survey(survey: &Survey) -> String {
    let condition = match survey.condition {
        Condition::Blank => "blank",
        Condition::Appendable => "takes another session",
        Condition::Closed => "closed, takes no other session",
    };
    let mut text = format!("{}: {}, {condition}", survey.place, survey.kind);
    for (word, value) in &survey.details {
        let _ = write!(text, "\n  {word:<12} {value}");
    }
    for session in &survey.sessions {
        let created = session.created.and_then(moment).unwrap_or_default();
        let _ = write!(
            text,
            "\n{:>3}  {created:<19}  {:<32}  {:>10}  at sector {}",
            session.number,
            session.label,
            bytes(u64::from(session.sectors) * SECTOR),
            session.start,
        );
        if let Some(trouble) = &session.trouble {
            let _ = write!(text, "\n     cannot be read: {trouble}");
        }
    }
    let _ = write!(
        text,
        "\n[{}] {} free of {}",
        bar(survey.capacity.saturating_sub(survey.free), survey.capacity),
        bytes(survey.free),
        bytes(survey.capacity)
    );
    text
}

fn bar(used: u64, capacity: u64) -> String {
    let full = if capacity == 0 {
        BAR
    } else {
        (used * BAR).div_ceil(capacity).min(BAR)
    };
    (0..BAR)
        .map(|at| if at < full { '#' } else { '-' })
        .collect()
}

fn moment(seconds: i64) -> Option<String> {
    let utc = DateTime::from_timestamp(seconds, 0)?;
    Some(
        utc.with_timezone(&Local)
            .format("%Y-%m-%d %H:%M:%S")
            .to_string(),
    )
}

/// What was made.
pub(super) fn made(made: &Made) -> String {
    let mut text = format!(
        "{}: `{}`, {} in {} sectors from sector {}",
        printable_path(&made.place),
        made.label,
        bytes(made.sectors * SECTOR),
        made.sectors,
        made.start
    );
    aside(&mut text, made.set_aside.as_deref());
    text
}

/// The same, and what is left to do for the person.
pub(super) fn with(text: String, left: Option<&str>) -> String {
    match left {
        Some(left) => format!("{text}\n{left}"),
        None => text,
    }
}

fn aside(text: &mut String, path: Option<&std::path::Path>) {
    if let Some(path) = path {
        let path = printable_path(path);
        let _ = write!(text, "; the disc before is now {path}");
    }
}

/// What was copied.
pub(super) fn copied(copied: &Copied) -> String {
    let mut text = format!(
        "copied {} sectors ({})",
        copied.sectors,
        bytes(copied.sectors * SECTOR)
    );
    if let Some(found) = &copied.verified
        && found.is_identical()
    {
        text.push_str(", read back and found identical");
    }
    if copied.unreadable.sectors > 0 {
        let _ = write!(text, "; {}", unreadable(copied));
    }
    aside(&mut text, copied.set_aside.as_deref());
    text
}

/// What could not be copied.
pub(super) fn unreadable(copied: &Copied) -> String {
    let mut text = format!(
        "{} cannot be read: {}",
        blocks(copied.unreadable.sectors),
        ranges(&copied.unreadable)
    );
    files(&mut text, &copied.files);
    text
}

/// How two discs compare.
pub(super) fn comparison(found: &Comparison) -> String {
    if found.is_identical() {
        let mut text = format!("identical: {} compared", blocks(found.compared));
        if found.head.sectors > 0 {
            let _ = write!(
                text,
                "; in {} one of them, a copy of the other, shows its newest session: {}",
                blocks(found.head.sectors),
                ranges(&found.head)
            );
        }
        return text;
    }
    let mut parts = Vec::new();
    if found.differing.sectors > 0 {
        parts.push(format!(
            "{} of {} differ: {}",
            found.differing.sectors,
            blocks(found.compared),
            ranges(&found.differing)
        ));
    }
    for (which, bad) in [
        ("first", &found.unreadable_first),
        ("second", &found.unreadable_second),
    ] {
        if bad.sectors > 0 {
            let count = blocks(bad.sectors);
            parts.push(format!(
                "{count} cannot be read on the {which} disc: {}",
                ranges(bad)
            ));
        }
    }
    if found.longer != 0 {
        let which = if found.longer > 0 { "first" } else { "second" };
        let more = blocks(found.longer.unsigned_abs());
        parts.push(format!("the {which} disc has {more} more"));
    }
    let mut text = parts.join("; ");
    files(&mut text, &found.files);
    text
}

fn blocks(count: u64) -> String {
    format!("{count} block{}", if count == 1 { "" } else { "s" })
}

fn ranges(ranges: &Ranges) -> String {
    let shown: Vec<String> = ranges
        .ranges
        .iter()
        .take(SHOWN)
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    let mut text = shown.join(", ");
    let hidden = ranges.count.saturating_sub(shown.len() as u64);
    if hidden > 0 {
        let _ = write!(text, " and {hidden} more ranges");
    }
    text
}

fn files(text: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let _ = write!(text, "; in ");
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    text.push_str(&shown.join(", "));
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more files", names.len() - SHOWN);
    }
}

/// A line of `ls`.
pub(super) fn entry(entry: &Entry) -> String {
    let kind = match entry.what {
        What::Directory => 'd',
        What::File => '-',
        What::Link => 'l',
        What::Special => 's',
    };
    let mode: String = (0..9)
        .map(|at| {
            if entry.mode & (0o400 >> at) == 0 {
                '-'
            } else {
                ['r', 'w', 'x'][at % 3]
            }
        })
        .collect();
    let time = moment(entry.mtime).unwrap_or_default();
    let mut text = format!(
        "{kind}{mode} {:>5} {:>5} {:>12} {time} {}",
        entry.uid, entry.gid, entry.bytes, entry.path
    );
    if let Some(target) = &entry.target {
        let _ = write!(text, " -> {target}");
    }
    text
}

/// What was taken off a disc.
pub(super) fn taken(taken: &Taken) -> String {
    let mut text = format!("{} files ({})", taken.files, bytes(taken.bytes));
    if taken.checked > 0 {
        let _ = write!(text, ", {} checked by their digests", taken.checked);
    }
    if taken.damaged > 0 {
        let _ = write!(text, ", {} damaged", taken.damaged);
    }
    text
}
