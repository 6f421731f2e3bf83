//! Stage: the peers' collect directories become a daily directory.
//!
//! For each peer: fetched into a partial directory and verified, renamed, put on the day's list of digests,
//! acknowledged to the peer. When all had their turn, the day is marked staged. A peer that cannot be had is a
//! problem, and the others go on. Killed anywhere, the next run sweeps what was half done; a day that a killed
//! run never marked is marked by the next run, whatever the date then is, so that the peers that were already
//! told that they are safe really get stored.

mod collision;
mod report;

use std::io;
use std::path::PathBuf;

use crate::event::{self, Monitor, Problem, Tell as _};
use crate::peer::{Ignore, Occasion, Peer, PeerError, Readiness};
use crate::staging::{Daily, Received, Staging};
use crate::sums::Sums;
use crate::units::{Day, Ids, PeerName};

/// A peer to stage, and when it may be absent.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The peer.
    pub peer: Peer,
    /// When it is no problem that the peer is not ready.
    pub ignore: Ignore,
}

/// What to stage.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where to.
    pub staging: &'a Staging,
    /// The day of the run.
    pub day: Day,
    /// Whom, in this order.
    pub peers: &'a [Wanted],
    /// Who is to own the files; nobody else than now if `None`.
    pub ids: Option<Ids>,
    /// What kind of run it is.
    pub occasion: Occasion,
}

/// A peer that is in the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The peer.
    pub peer: PeerName,
    /// How many files came.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What that did to the day.
    pub received: Received,
}

/// Whether somebody has to be told that a peer is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It was a problem.
    Problem,
    /// The peer may be absent today.
    Excused,
}

/// A peer that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The peer.
    pub peer: PeerName,
    /// Why.
    pub reason: String,
    /// Whether that was a problem.
    pub missed: Missed,
}

/// What became of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The day.
    pub day: Day,
    /// Who came in this run.
    pub present: Vec<Present>,
    /// Who did not.
    pub missing: Vec<Missing>,
    /// Whether the day is marked staged now. It is not if nobody is in it, neither from this run nor from an
    /// earlier one: then there is nothing to store.
    pub marked: Marked,
}

/// Whether a day is marked staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It has `cback.stage`.
    Yes,
    /// There is nothing in it. Only if everybody missing is excused.
    NobodyIn,
}

/// Why a day could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The staging directory or a daily directory cannot be used.
    #[error("cannot use {}: {source}", event::printable(&path.to_string_lossy()))]
    Staging {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system of the staging directory is full. Who is in the day is whole, and is marked so.
    #[error(
        "no room in {} for {peer}: {} more are needed",
        event::printable(&path.to_string_lossy()),
        event::bytes(*missing)
    )]
    Full {
        /// The staging directory.
        path: PathBuf,
        /// The first peer that found no room.
        peer: PeerName,
        /// Bytes that all peers without room lack together.
        missing: u64,
    },
    /// Not one peer could be staged, and the day is not marked: storing it would only hide that.
    #[error("nothing was staged for {day}: none of the {peers} peers could be had")]
    Nobody {
        /// The day.
        day: Day,
        /// How many were asked.
        peers: usize,
    },
}

/// How one peer's turn ended.
enum Turn {
    Came(Present),
    Missed(Missing),
    /// It found no room, and lacks so many bytes.
    NoRoom(Missing, u64),
}

/// Stages the peers of `request`. Peers that cannot be had are problems, told to `monitor` and named in the result.
pub fn stage(request: &Request<'_>, monitor: &dyn Monitor) -> Result<Staged, StageError> {
    let root = request.staging.root();
    let fault = |source| StageError::Staging {
        path: root.to_owned(),
        source,
    };
    tidy(request, monitor).map_err(fault)?;
    let daily = request.staging.daily(request.day);
    repair_sums(&daily, request.ids, monitor).map_err(fault)?;

    let mut present = Vec::new();
    let mut missing = Vec::new();
    let mut no_room: Option<(PeerName, u64)> = None;
    for wanted in request.peers {
        match take_turn(request, wanted, monitor)? {
            Turn::Came(one) => present.push(one),
            Turn::Missed(one) => missing.push(one),
            Turn::NoRoom(one, bytes) => {
                let (_, sum) = no_room.get_or_insert((one.peer.clone(), 0));
                *sum += bytes;
                missing.push(one);
            }
        }
    }
    let inside = daily.peers().map_err(fault)?;
    let marked = if inside.is_empty() {
        Marked::NobodyIn
    } else {
        let text = report::text(request.day, &inside, &present, &missing);
        daily.mark_staged(&text, request.ids).map_err(fault)?;
        Marked::Yes
    };
    if let Some((peer, missing)) = no_room {
        let path = root.to_owned();
        return Err(StageError::Full {
            path,
            peer,
            missing,
        });
    }
    let unexcused = missing.iter().any(|one| one.missed == Missed::Problem);
    if marked == Marked::NobodyIn && unexcused {
        return Err(StageError::Nobody {
            day: request.day,
            peers: request.peers.len(),
        });
    }
    Ok(Staged {
        day: request.day,
        present,
        missing,
        marked,
    })
}

/// Clears away what killed runs left, and marks the days that they did not come to mark.
fn tidy(request: &Request<'_>, monitor: &dyn Monitor) -> io::Result<()> {
    for daily in request.staging.days()? {
        let swept = daily.sweep()?;
        if !swept.is_empty() {
            monitor.note(format!(
                "swept what an interrupted run left in {}",
                event::printable(&daily.path().to_string_lossy())
            ));
        }
        // Only our own staging writes the list before the mark; Cedar Backup's half done days stay unmarked.
        let unfinished = daily.day() != request.day && !daily.is_staged()?;
        if !unfinished || daily.sums().is_ok_and(|sums| sums.is_none()) {
            continue;
        }
        let inside = daily.peers()?;
        if inside.is_empty() {
            continue;
        }
        repair_sums(&daily, request.ids, monitor)?;
        let known = daily.sums()?.unwrap_or_default();
        daily.complete_sums(&known, request.ids)?;
        daily.mark_staged(&report::text(daily.day(), &inside, &[], &[]), request.ids)?;
        monitor.warn(format!(
            "the staging of {} was interrupted; what it had staged ({}) will be stored",
            daily.day(),
            report::names(&inside)
        ));
    }
    Ok(())
}

/// Makes a new list of digests from the files if the day's list cannot be understood.
fn repair_sums(daily: &Daily, ids: Option<Ids>, monitor: &dyn Monitor) -> io::Result<()> {
    match daily.sums() {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            monitor.warn(format!(
                "the list of digests in {} is damaged ({error}); it is made anew from the files as they are now",
                event::printable(&daily.path().to_string_lossy())
            ));
            daily.complete_sums(&Sums::new(), ids)
        }
        sums => sums.map(drop),
    }
}

/// Gives one peer its turn.
fn take_turn(
    request: &Request<'_>,
    wanted: &Wanted,
    monitor: &dyn Monitor,
) -> Result<Turn, StageError> {
    let peer = &wanted.peer;
    let missed = |reason: String, missed| Missing {
        peer: peer.name().clone(),
        reason,
        missed,
    };
    let problem = |error: &PeerError| {
        let problem = Problem::new(peer.name().as_str(), error);
        monitor.problem(&match error.advice() {
            Some(advice) => problem.advise(advice),
            None => problem,
        });
        missed(error.to_string(), Missed::Problem)
    };
    monitor.note(format!("staging peer {}", peer.name()));
    let readiness = match peer.readiness() {
        Ok(readiness) => readiness,
        Err(error) => return Ok(Turn::Missed(problem(&error))),
    };
    let dir = event::printable(&peer.collect_dir().to_string_lossy());
    if readiness == Readiness::NotReady {
        let reason = format!("not ready: {dir} has no cback.collect");
        if wanted.ignore.covers(request.occasion) {
            monitor.note(format!("{}: {reason}; it may be absent today", peer.name()));
            return Ok(Turn::Missed(missed(reason, Missed::Excused)));
        }
        let problem = Problem::new(peer.name().as_str(), &reason)
            .advise("see whether collect ran on the peer, then run `cback stage` again");
        monitor.problem(&problem);
        return Ok(Turn::Missed(missed(reason, Missed::Problem)));
    }

    let fault = |source| StageError::Staging {
        path: request.staging.daily(request.day).path().to_owned(),
        source,
    };
    let daily = request
        .staging
        .make(request.day, request.ids)
        .map_err(fault)?;
    if readiness == Readiness::Staged && !daily.peer_path(peer.name()).exists() {
        let reason = format!(
            "nothing was collected in {dir} since it was last staged; the same files are staged again"
        );
        if wanted.ignore.covers(request.occasion) {
            monitor.warn(format!("{}: {reason}", peer.name()));
        } else {
            let problem = Problem::new(peer.name().as_str(), &reason)
                .advise("see whether collect still runs on the peer");
            monitor.problem(&problem);
        }
    }
    match receive(request, &daily, peer, monitor) {
        Ok(present) => {
            monitor.note(format!(
                "staged {} ({} files, {})",
                peer.name(),
                present.files,
                event::bytes(present.bytes)
            ));
            Ok(Turn::Came(present))
        }
        Err(error) => {
            let missing = problem(&error);
            Ok(match error {
                PeerError::Full { needed, .. } => {
                    let free = free_bytes(&daily).map_err(fault)?;
                    Turn::NoRoom(missing, needed.saturating_sub(free).max(1))
                }
                _ => Turn::Missed(missing),
            })
        }
    }
}

/// Fetches a peer into `daily` and tells it so. What is half done when it fails is gone when it returns.
fn receive(
    request: &Request<'_>,
    daily: &Daily,
    peer: &Peer,
    monitor: &dyn Monitor,
) -> Result<Present, PeerError> {
    let into = daily.peer_path(peer.name());
    let unwritable = |source| PeerError::Unwritable {
        path: into.clone(),
        source,
    };
    let incoming = daily
        .receive(peer.name(), request.ids)
        .map_err(unwritable)?;
    let fetched = peer.fetch(incoming.path(), request.ids, monitor)?;
    if let Some(found) = collision::find(&into, incoming.path()).map_err(unwritable)? {
        return Err(PeerError::OtherDay {
            name: found.name,
            there: found.there,
            coming: found.coming,
        });
    }
    let received = incoming.commit(&fetched.sums).map_err(|source| {
        if crate::fsx::is_full(&source) {
            PeerError::Full {
                path: into.clone(),
                needed: fetched.bytes,
            }
        } else {
            unwritable(source)
        }
    })?;
    if let Err(error) = peer.acknowledge(request.day, &fetched.sums, request.ids) {
        // It is staged; the peer only does not know, and will bring it again.
        monitor.problem(
            &Problem::new(
                peer.name().as_str(),
                &format!("staged, but it cannot be told so: {error}"),
            )
            .advise("let the backup user write into the collect directory"),
        );
    }
    Ok(Present {
        peer: peer.name().clone(),
        files: fetched.sums.len(),
        bytes: fetched.bytes,
        received,
    })
}

/// What this process may still write beside `daily`.
fn free_bytes(daily: &Daily) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(daily.path())?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
