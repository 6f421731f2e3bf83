//! Everything about the disc in a drive, put together from what the commands say.

use super::configuration::{Configuration, Profile};
use super::disc_information::{DiscInformation, Status};
use super::format::{FormatCapacities, FormatState};
use super::performance::{Capabilities, capabilities, speeds};
use super::toc::{self, Toc};
use super::track::TrackInformation;
use super::{Ask, AskError, Command, Malformed, capacity, performance, read_capacity, structure};

/// No disc has more.
const TRACKS_MAX: u16 = 8192;
/// The feature Incremental Streaming Writable: sessions of a DVD-R or DVD-RW that others can follow.
const INCREMENTAL: u16 = 0x21;
/// The number that stands for the track that comes next .
const INVISIBLE: u16 = 0xff;

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
    /// Sectors that can be read: of a disc that is written anywhere, those that are formatted.
    pub readable: u64,
    /// Whether a disc that is written anywhere is formatted. Others need no format.
    pub formatted: bool,
    /// Whether a session can be written after which others can follow. A DVD-R DL, or a DVD-RW that was blanked in a hurry,
    /// is only written in one go.
    pub incremental: bool,
    /// Spare blocks of a Blu-ray disc, if the drive tells.
    pub spare_blocks: Option<u32>,
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
    );
    let features = match &configuration {
        Ok(found) => found.features.as_slice(),
        Err(_) => &[],
    };
    let incremental = features
        .iter()
        .find(|(code, _)| *code == INCREMENTAL)
        .is_none_or(|(_, current)| *current);
    let profile = match configuration {
        Ok(Configuration {
            current: Some(profile),
            ..
        }) => profile,
        Err(error) if !error.is_unknown() => return Err(error),
        // A drive from before there were profiles, or one that is poor.
        Ok(_) | Err(_) => poor(ask)?,
    };
    let mut medium = Medium {
        profile,
        status: Status::Other,
        sessions: Vec::new(),
        unfinished: None,
        next_writable: None,
        free: 0,
        capacity: 0,
        readable: 0,
        formatted: true,
        incremental,
        spare_blocks: None,
        media_id: None,
        speeds: Vec::new(),
        capabilities: None,
    };
    if profile.is_overwritable() {
        overwritable(ask, &mut medium)?;
    } else {
        sequential(ask, &mut medium)?;
    }
    facts(ask, &mut medium);
    Ok(Some(medium))
}

/// The kind of disc by what older commands say: READ DISC INFORMATION, and mode page 2Ah.
fn poor(ask: &Ask<'_>) -> Result<Profile, AskError> {
    let able = ask(&Capabilities::command())
        .ok()
        .and_then(|bytes| capabilities(&bytes).ok());
    let disc = ask(&DiscInformation::command())
        .ok()
        .and_then(|bytes| DiscInformation::decode(&bytes).ok());
    match (disc, able) {
        (Some(disc), _) if disc.erasable => Ok(Profile::CD_RW),
        (Some(disc), Some(able)) if able.writes_cd && disc.disc != Status::Complete => {
            Ok(Profile::CD_R)
        }
        (disc, able) => match ask(&Toc::command()) {
            Ok(_) => Ok(Profile::CD_ROM),
            Err(error) if disc.is_none() && able.is_none() => Err(error),
            Err(_) => Err(AskError::Unusable),
        },
    }
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

/// How much there is, and whether it can be used already.
fn overwritable(ask: &Ask<'_>, medium: &mut Medium) -> Result<(), AskError> {
    let formats = ask(&FormatCapacities::command())
        .ok()
        .and_then(|bytes| FormatCapacities::decode(&bytes).ok());
    let unformatted = formats
        .as_ref()
        .is_some_and(|formats| formats.state == FormatState::Unformatted);
    let virgin = ask(&DiscInformation::command())
        .ok()
        .and_then(|bytes| DiscInformation::decode(&bytes).ok())
        .is_some_and(|disc| disc.disc == Status::Empty);
    let most = formats.as_ref().map_or(0, FormatCapacities::most);
    medium.next_writable = Some(0);
    if unformatted || (virgin && most > 0 && medium.profile.is_formatted_by_use()) {
        medium.formatted = false;
        medium.capacity = most;
    } else {
        medium.readable = room(ask)?;
        // A DVD-RW that was formatted quickly, and a DVD+RW that is still being formatted, grow while they are written.
        medium.capacity = if medium.profile.grows() {
            medium.readable.max(most)
        } else {
            medium.readable
        };
    }
    medium.free = medium.capacity;
    Ok(())
}

/// Sessions and what follows them.
fn sequential(ask: &Ask<'_>, medium: &mut Medium) -> Result<(), AskError> {
    let disc = match decoded(
        ask,
        "READ DISC INFORMATION",
        &DiscInformation::command(),
        DiscInformation::decode,
    ) {
        Err(error) if error.is_unknown() => return read_only(ask, medium),
        disc => disc?,
    };
    medium.status = disc.disc;
    let profile = medium.profile;
    let mut session = 0;
    let mut end = 0;
    for number in 1..=disc.last_track.clamp(1, TRACKS_MAX) {
        let track = match track(ask, number) {
            // Some drives know the next track of a CD by its other name only.
            Err(error) if error.is_unknown() && number == disc.last_track && profile.is_cd() => {
                track(ask, INVISIBLE)?
            }
            Err(error) if error.is_unknown() && number == 1 && disc.disc == Status::Complete => {
                return read_only(ask, medium);
            }
            track => track?,
        };
        if track.blank || (number == disc.last_track && track.next_writable.is_some()) {
            medium.next_writable = track.next_writable.or(Some(track.start));
            medium.free = u64::from(track.free);
            end = end.max(u64::from(medium.next_writable.unwrap_or(0)) + medium.free);
            if !track.blank
                && let Some(last) = track.end()
                && last > track.start
            {
                let start = medium.unfinished.map_or(track.start, |part| part.start);
                medium.unfinished = Some(Part { start, end: last });
            }
            continue;
        }
        let Some(last) = track.end() else { continue };
        end = end.max(u64::from(last));
        // A session that is neither empty nor closed: closing it failed, or the current went away while it was written.
        if disc.last_session == Status::Open && track.session == disc.sessions {
            let start = medium.unfinished.map_or(track.start, |part| part.start);
            medium.unfinished = Some(Part { start, end: last });
            continue;
        }
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
    medium.readable = u64::from(medium.sessions.last().map_or(0, |part| part.end));
    if disc.disc == Status::Complete {
        medium.next_writable = None;
        medium.free = 0;
    }
    if profile.is_cd() && !medium.sessions.is_empty() {
        by_toc(ask, medium);
    }
    if profile.is_rewritable() {
        medium.capacity = medium.capacity.max(when_blank(ask, profile));
    }
    Ok(())
}

/// How many sectors a disc will have when it is blanked; 0 if nothing tells.
fn when_blank(ask: &Ask<'_>, profile: Profile) -> u64 {
    if profile.is_cd() {
        let answer = ask(&toc::atip_command()).ok();
        return answer
            .and_then(|bytes| toc::atip(&bytes))
            .map_or(0, u64::from);
    }
    let answer = ask(&FormatCapacities::command()).ok();
    answer
        .and_then(|bytes| FormatCapacities::decode(&bytes).ok())
        .map_or(0, |formats| formats.most())
}

fn track(ask: &Ask<'_>, number: u16) -> Result<TrackInformation, AskError> {
    decoded(
        ask,
        "READ TRACK INFORMATION",
        &TrackInformation::command(number),
        TrackInformation::decode,
    )
}

/// The sessions of a CD by its own table of contents, if that has as many. Tracks tell the same, but of the last one some
/// drives count what they pad it with.
fn by_toc(ask: &Ask<'_>, medium: &mut Medium) {
    let table = ask(&toc::full_toc_command())
        .ok()
        .and_then(|bytes| toc::full_toc(&bytes).ok())
        .unwrap_or_default();
    if table.len() != medium.sessions.len() {
        log::debug!(
            "the table of contents has {} sessions, the tracks have {}",
            table.len(),
            medium.sessions.len()
        );
        return;
    }
    for (part, session) in medium.sessions.iter_mut().zip(table) {
        if part.start == session.start {
            part.end = part.end.max(session.end);
        }
    }
}

/// A drive that only reads knows nothing of tracks and sessions but the table of contents.
fn read_only(ask: &Ask<'_>, medium: &mut Medium) -> Result<(), AskError> {
    medium.status = Status::Complete;
    medium.sessions.clear();
    if medium.profile.is_cd() {
        let table = ask(&toc::full_toc_command())
            .ok()
            .and_then(|bytes| toc::full_toc(&bytes).ok())
            .unwrap_or_default();
        medium.sessions = table
            .iter()
            .map(|session| Part {
                start: session.start,
                end: session.end,
            })
            .collect();
    }
    if medium.sessions.is_empty() {
        let plain = decoded(ask, "READ TOC", &Toc::command(), toc::toc);
        let end = match plain.ok().and_then(|toc| toc.lead_out) {
            Some(end) => end,
            None => u32::try_from(room(ask)?).unwrap_or(u32::MAX),
        };
        medium.sessions.push(Part { start: 0, end });
    }
    let end = medium.sessions.last().map_or(0, |last| u64::from(last.end));
    medium.capacity = end;
    medium.readable = end;
    medium.next_writable = None;
    medium.free = 0;
    Ok(())
}

/// What is good to know and no reason to fail.
fn facts(ask: &Ask<'_>, medium: &mut Medium) {
    medium.media_id = structure::command(medium.profile)
        .and_then(|command| ask(&command).ok())
        .and_then(|bytes| structure::media_id(medium.profile, &bytes));
    medium.spare_blocks = structure::spare_command(medium.profile)
        .and_then(|command| ask(&command).ok())
        .and_then(|bytes| structure::spare_blocks(&bytes));
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
