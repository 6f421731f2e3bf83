//! How the pool is: who was staged when, what waits to be stored, how full the disc is. Looks, and changes nothing.

use serde::{Serialize, Serializer};

use super::ActionError;
use super::store::drive;
use crate::changer::{self, Inventory, State};
use crate::config::{self, Config, Peer};
use crate::event::printable_bytes;
use crate::iso9660::SECTOR;
use crate::media::{Burn, Disc};
use crate::staging::{Daily, Staging};
use crate::units::{Day, PeerName};

/// How the pool is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The day of the question.
    #[serde(serialize_with = "text")]
    pub today: Day,
    /// The peers, in the order of the configuration.
    pub peers: Vec<PeerStatus>,
    /// The latest day that is on a disc, not after `today`.
    #[serde(serialize_with = "maybe")]
    pub stored: Option<Day>,
    /// Days after `today` that have a daily directory, ascending: a clock was wrong. Nothing else counts them but `waiting`.
    #[serde(serialize_with = "all")]
    pub ahead: Vec<Day>,
    /// Days that are staged and on no disc, ascending.
    #[serde(serialize_with = "all")]
    pub waiting: Vec<Day>,
    /// The disc in the drive; `None` if none is configured.
    pub disc: Option<DiscStatus>,
}

/// How one peer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerStatus {
    /// The peer.
    #[serde(serialize_with = "text")]
    pub name: PeerName,
    /// The latest day that it is in, not after today. `None` if it is in none that the staging directory still has.
    #[serde(serialize_with = "maybe")]
    pub staged: Option<Day>,
    /// The first staged day after that, on which it is missing. `None` if it is in the latest one.
    #[serde(serialize_with = "maybe")]
    pub missing_since: Option<Day>,
}

/// How the disc is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DiscStatus {
    /// There is none in the drive, or its file does not exist yet.
    None,
    /// It is there.
    There {
        /// Its label; empty if it is blank.
        label: String,
        /// Sessions on it.
        sessions: usize,
        /// Bytes that are written.
        used: u64,
        /// Bytes that can still be written.
        free: u64,
    },
    /// The discs are in a changer; what is remembered of them.
    Changer {
        /// Labels of the discs in use.
        in_use: Vec<String>,
        /// Bytes that each of them still takes.
        free: Vec<u64>,
        /// Blank discs.
        blank: usize,
        /// Discs that nobody has looked at.
        unknown: usize,
        /// Discs that cannot be written.
        bad: usize,
    },
    /// It cannot be looked at.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// Looks at the staging directory and the drive of `config`.
pub fn status(config: &Config, today: Day) -> Result<Status, ActionError> {
    let section = config
        .stage
        .as_ref()
        .ok_or(ActionError::NoSection("stage"))?;
    let look = |source| ActionError::Look {
        path: section.staging_dir.clone(),
        source,
    };
    let mut days = Staging::new(section.staging_dir.clone())
        .days()
        .map_err(look)?;
    // What a wrong clock has dated is no sign that backups are made nowadays.
    let ahead = days.split_off(days.partition_point(|daily| daily.day() <= today));
    let mut staged = Vec::new();
    let mut stored = None;
    let mut waiting = Vec::new();
    for daily in &days {
        let is_stored = daily.is_stored().map_err(look)?;
        if is_stored {
            stored = Some(daily.day());
        }
        if daily.is_staged().map_err(look)? {
            staged.push(daily);
            if !is_stored {
                waiting.push(daily.day());
            }
        }
    }
    for daily in &ahead {
        if daily.is_staged().map_err(look)? && !daily.is_stored().map_err(look)? {
            waiting.push(daily.day());
        }
    }
    let peers = section
        .peers
        .iter()
        .map(|peer| peer_status(peer, &days, &staged));
    Ok(Status {
        today,
        peers: peers.collect::<Result<_, _>>().map_err(look)?,
        stored,
        ahead: ahead.iter().map(Daily::day).collect(),
        waiting,
        disc: config
            .store
            .as_ref()
            .map(|section| disc(section, &config.options)),
    })
}

fn peer_status(peer: &Peer, days: &[Daily], staged: &[&Daily]) -> std::io::Result<PeerStatus> {
    let mut last = None;
    for daily in days.iter().rev() {
        // A peer that could not be had leaves an empty directory in Cedar Backup's days.
        let dir = daily.peer_path(&peer.name);
        if dir.is_dir() && !daily.files(&peer.name)?.is_empty() {
            last = Some(daily.day());
            break;
        }
    }
    let missing = staged
        .iter()
        .map(|daily| daily.day())
        .find(|&day| last.is_none_or(|last| day > last));
    Ok(PeerStatus {
        name: peer.name.clone(),
        staged: last,
        missing_since: missing,
    })
}

fn disc(section: &config::Store, options: &config::Options) -> DiscStatus {
    if let Some(setup) = &section.changer {
        return remembered(setup, options);
    }
    let inspected = drive(section, options, None).inspect();
    match inspected.map_err(|error| error.to_string()) {
        Ok(Some(disc)) => there(&disc),
        Ok(None) => DiscStatus::None,
        Err(reason) => DiscStatus::Unreadable { reason },
    }
}

/// What the inventory says; the changer is not disturbed.
fn remembered(setup: &changer::Setup, options: &config::Options) -> DiscStatus {
    let path = options.working_dir.join(changer::FILE_NAME);
    let discs = match Inventory::look(&path).map_err(|error| error.to_string()) {
        Ok(Ok(inventory)) => inventory.discs,
        Ok(Err(reason)) | Err(reason) => return DiscStatus::Unreadable { reason },
    };
    let here = |state: State| {
        let discs = discs.iter();
        discs.filter(move |disc| setup.reaches(disc) && disc.state == state)
    };
    let used: Vec<_> = here(State::InUse)
        .filter(|disc| disc.copy.is_some())
        .collect();
    DiscStatus::Changer {
        in_use: used.iter().filter_map(|disc| disc.label.clone()).collect(),
        free: used.iter().map(|disc| disc.free.unwrap_or(0)).collect(),
        blank: here(State::Blank).count(),
        unknown: here(State::Unknown).count(),
        bad: here(State::Bad).count(),
    }
}

fn there(disc: &Disc) -> DiscStatus {
    let bytes = |sectors: u64| sectors * SECTOR;
    DiscStatus::There {
        label: printable_bytes(disc.label().unwrap_or_default()),
        sessions: disc.sessions.len(),
        used: bytes(disc.used()),
        free: bytes(disc.available(Burn::Append)),
    }
}

impl Status {
    /// Peers whose last staged day is more than `most` days ago, and those that were never staged.
    pub fn peers_older_than(&self, most: u32) -> Vec<&PeerName> {
        self.peers
            .iter()
            .filter(|peer| self.is_older(peer.staged, most))
            .map(|peer| &peer.name)
            .collect()
    }

    /// Whether the last stored day is more than `most` days ago, or nothing was ever stored although a disc is
    /// configured.
    pub fn is_disc_older_than(&self, most: u32) -> bool {
        self.disc.is_some() && self.is_older(self.stored, most)
    }

    fn is_older(&self, day: Option<Day>, most: u32) -> bool {
        day.is_none_or(|day| self.today.days_since(day) > i64::from(most))
    }
}

fn text<S: Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // what serde asks for
fn maybe<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
}

fn all<S: Serializer>(days: &[Day], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(days.iter().map(Day::to_string))
}
