//! Drive and medium, for people.

use super::part::{Held, session};
use super::way::{Manner, way};
use super::{Burner, PATIENCE, tray};
use crate::media::Burn;
use crate::media::mmc::{self, Capabilities, Medium, Part, SgIo};

/// A word and its value.
type Row = (String, String);

fn row(word: &str, value: impl Into<String>) -> Row {
    (word.to_owned(), value.into())
}

/// What the drive and the medium say about themselves.
pub(super) fn details(burner: &Burner, drive: &SgIo, medium: &Medium) -> Vec<Row> {
    let name = tray::ask(drive, &mmc::inquiry(), PATIENCE).ok();
    let name = name.as_deref().and_then(mmc::name);
    let mut rows: Vec<Row> = name.map(|name| row("drive", name)).into_iter().collect();
    rows.extend(of_medium(medium));
    for part in cut(burner, drive, medium).chain(medium.unfinished) {
        rows.push(row(
            "broken off",
            format!("a session at sector {} was not finished", part.start),
        ));
    }
    rows.extend(medium.capabilities.iter().flat_map(of_drive));
    rows
}

fn of_medium(medium: &Medium) -> Vec<Row> {
    let mut rows = vec![row("medium", medium.profile.name())];
    rows.extend(medium.media_id.iter().map(|id| row("made by", id.as_str())));
    if !medium.speeds.is_empty() {
        let speeds: Vec<String> = medium
            .speeds
            .iter()
            .map(|speed| format!("{}.{} MB/s", speed / 1000, speed % 1000 / 100))
            .collect();
        rows.push(row("writes at", speeds.join(", ")));
    }
    if let Some(next) = medium.next_writable {
        rows.push(row("next sector", next.to_string()));
    }
    match medium.spare_blocks {
        None => {}
        Some(0) => rows.push(row("spare areas", "none")),
        Some(blocks) => rows.push(row(
            "spare areas",
            format!(
                "{blocks} blocks; written at half speed, since the drive reads back what it writes"
            ),
        )),
    }
    if !medium.formatted {
        rows.push(row(
            "format",
            "none yet; it is formatted when it is written first",
        ));
    }
    if way(medium, Burn::New).is_some_and(|way| way.manner == Manner::AtOnce) {
        rows.push(row("sessions", "one only; it closes the disc"));
    }
    rows
}

/// Sessions of ours that were closed before they were whole.
fn cut(burner: &Burner, drive: &SgIo, medium: &Medium) -> impl Iterator<Item = Part> {
    let parts: &[Part] = if medium.profile.is_overwritable() {
        &[]
    } else {
        &medium.sessions
    };
    parts
        .iter()
        .filter_map(move |part| match session(burner, drive, *part) {
            Ok(Held::Cut(part)) => Some(part),
            _ => None,
        })
}

fn of_drive(drive: &Capabilities) -> Vec<Row> {
    let buffer = drive
        .buffer
        .map(|bytes| row("buffer", crate::event::bytes(bytes)));
    let tray = drive.locked.then(|| row("tray", "locked"));
    buffer.into_iter().chain(tray).collect()
}
