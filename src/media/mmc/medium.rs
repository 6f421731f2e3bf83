//! Everything about the disc in a drive, put together from what the commands say.

use super::configuration::{Configuration, Profile};
use super::disc_information::{DiscInformation, Status};
use super::performance::{Capabilities, capabilities, speeds};
use super::track::TrackInformation;
use super::{Ask, AskError, Command, Malformed, capacity, performance, read_capacity, structure};

/// No disc has more.
const TRACKS_MAX: u16 = 4096;

/// A part of a disc that was written in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First sector.
    pub start: u32,
    /// The sector after the last one.
    pub end: u32,
}

/// A disc as its drive describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Its kind.
    pub profile: Profile,
    /// Whether it is blank, open, or complete. One that is written anywhere is `Other`.
    pub status: Status,
    /// Closed sessions, oldest first. None on a disc that is written anywhere.
    pub sessions: Vec<Part>,
    /// Something that was being written when writing was broken off.
    pub unfinished: Option<Part>,
    /// Where the next session begins, if one can follow.
    pub next_writable: Option<u32>,
    /// Sectors that can be written from there on.
    pub free: u64,
    /// Sectors of the whole disc.
    pub capacity: u64,
    /// Maker and type.
    pub media_id: Option<String>,
    /// Writing speeds in kB/s, fastest first.
    pub speeds: Vec<u32>,
    /// What the drive says of its tray and buffer, if it says it.
    pub capabilities: Option<Capabilities>,
}

/// Asks the drive about the disc in it; `None` if there is none.
pub fn survey(ask: &Ask<'_>) -> Result<Option<Medium>, AskError> {
    match ask(&super::test_unit_ready()) {
        Err(error) if error.is_no_medium() => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let configuration = decoded(
        ask,
        "GET CONFIGURATION",
        &Configuration::command(),
        Configuration::decode,
    )?;
    let Some(profile) = configuration.current else {
        return Ok(None);
    };
    let mut medium = Medium {
        profile,
        status: Status::Other,
        sessions: Vec::new(),
        unfinished: None,
        next_writable: None,
        free: 0,
        capacity: 0,
        media_id: None,
        speeds: Vec::new(),
        capabilities: None,
    };
    if profile.is_overwritable() {
        medium.capacity = room(ask)?;
        medium.free = medium.capacity;
        medium.next_writable = Some(0);
    } else {
        sequential(ask, &mut medium)?;
    }
    facts(ask, &mut medium);
    Ok(Some(medium))
}

/// Asks and decodes.
fn decoded<T>(
    ask: &Ask<'_>,
    name: &'static str,
    command: &Command,
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
) -> Result<T, AskError> {
    decode(&ask(command)?).map_err(|source| AskError::Malformed {
        command: name,
        source,
    })
}

fn room(ask: &Ask<'_>) -> Result<u64, AskError> {
    decoded(ask, "READ CAPACITY", &read_capacity(), capacity)
}

/// Sessions and what follows them.
fn sequential(ask: &Ask<'_>, medium: &mut Medium) -> Result<(), AskError> {
    let disc = decoded(
        ask,
        "READ DISC INFORMATION",
        &DiscInformation::command(),
        DiscInformation::decode,
    )?;
    medium.status = disc.disc;
    let mut session = 0;
    let mut end = 0;
    for number in 1..=disc.last_track.clamp(1, TRACKS_MAX) {
        let track = decoded(
            ask,
            "READ TRACK INFORMATION",
            &TrackInformation::command(number),
            TrackInformation::decode,
        )?;
        if track.blank || (number == disc.last_track && track.next_writable.is_some()) {
            medium.next_writable = track.next_writable.or(Some(track.start));
            medium.free = u64::from(track.free);
            end = end.max(u64::from(medium.next_writable.unwrap_or(0)) + medium.free);
            if !track.blank
                && let Some(last) = track.end()
                && last > track.start
            {
                medium.unfinished = Some(Part {
                    start: track.start,
                    end: last,
                });
            }
            continue;
        }
        let Some(last) = track.end() else { continue };
        end = end.max(u64::from(last));
        match medium.sessions.last_mut() {
            Some(part) if track.session == session => part.end = last,
            _ => medium.sessions.push(Part {
                start: track.start,
                end: last,
            }),
        }
        session = track.session;
    }
    medium.capacity = end;
    if disc.disc == Status::Complete {
        medium.next_writable = None;
        medium.free = 0;
    }
    Ok(())
}

/// What is good to know and no reason to fail.
fn facts(ask: &Ask<'_>, medium: &mut Medium) {
    medium.media_id = structure::command(medium.profile)
        .and_then(|command| ask(&command).ok())
        .and_then(|bytes| structure::media_id(medium.profile, &bytes));
    medium.capabilities = ask(&Capabilities::command())
        .ok()
        .and_then(|bytes| capabilities(&bytes).ok());
    medium.speeds = ask(&performance::command())
        .ok()
        .and_then(|bytes| speeds(&bytes).ok())
        .unwrap_or_default();
    if medium.speeds.is_empty()
        && let Some(capabilities) = &medium.capabilities
    {
        medium.speeds.clone_from(&capabilities.speeds);
    }
}
