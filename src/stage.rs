//! Stage: the peers' collect directories become a daily directory.
//!
//! Several peers are worked on at the same time. For each: fetched into a partial directory and verified, renamed,
//! noted with its digests, acknowledged to the peer. A peer that is not ready or cannot be reached has its turn again
//! later, as long as the request says. When all are through, the day is marked staged. A peer that cannot be had is a
//! problem, and the others go on; what is told about them comes in the order of the request. Killed anywhere, the next
//! run goes on with what was half done; a day that a killed run never marked is marked by the next run, whatever the
//! date then is, so that the peers that were already told that they are safe really get stored.

mod collision;
mod held;
mod queue;
mod report;
mod tidy;
mod total;
mod turn;

use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Clock;
use crate::event::{self, Monitor};
use crate::peer::{Ignore, Limits, Occasion, Peer};
use crate::staging::{Received, Staging};
use crate::sums::Sums;
use crate::units::{Day, Ids, PeerName};

use held::InOrder;
use queue::Queue;
use total::Total;
use turn::{Turn, Work};

/// A peer to stage, and when it may be absent.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The peer.
    pub peer: Peer,
    /// When it is no problem that the peer is not ready.
    pub ignore: Ignore,
}

/// What to stage.
#[derive(Clone, Copy)]
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
    /// How many peers are worked on at the same time; at least one is.
    pub parallel: usize,
    /// How much each peer may bring.
    pub limits: Limits,
    /// How long a peer that is not ready or cannot be reached is asked again.
    pub wait: Duration,
    /// What time it is.
    pub clock: &'a dyn Clock,
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
    #[error("cannot use {}: {source}", event::printable_path(path))]
    Staging {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system of the staging directory is full. Who is in the day is whole, and is marked so.
    #[error(
        "no room in {} for {peer}: {}",
        event::printable_path(path),
        lacking(*missing)
    )]
    Full {
        /// The staging directory.
        path: PathBuf,
        /// The first peer that found no room.
        peer: PeerName,
        /// Bytes that all peers without room lack together; 0 if they brought too much before they could say how much
        /// there is.
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

/// How much room is missing, in words.
fn lacking(bytes: u64) -> String {
    match bytes {
        0 => "no space is left on its file system".to_owned(),
        bytes => format!("{} more are needed", event::bytes(bytes)),
    }
}

/// Stages the peers of `request`. Peers that cannot be had are problems, told to `monitor` and named in the result.
pub fn stage(request: &Request<'_>, monitor: &dyn Monitor) -> Result<Staged, StageError> {
    let root = request.staging.root();
    let fault = |source| StageError::Staging {
        path: root.to_owned(),
        source,
    };
    tidy::tidy(request, monitor).map_err(fault)?;
    let daily = request.staging.daily(request.day);
    tidy::repair_sums(&daily, request.ids, monitor).map_err(fault)?;
    let list = daily.sums().map_err(fault)?.unwrap_or_default();

    let turns = all_turns(request, &list, monitor)?;
    let known = daily.sums().map_err(fault)?.unwrap_or_default();
    let inside = daily.peers().map_err(fault)?;
    if !inside.is_empty() {
        daily.complete_sums(&known, request.ids).map_err(fault)?;
    }
    let Sorted {
        present,
        missing,
        no_room,
    } = sort(turns);
    let marked = if inside.is_empty() {
        Marked::NobodyIn
    } else {
        let text = report::text(request.day, &inside, &present, &missing);
        daily.mark_staged(&text, request.ids).map_err(fault)?;
        Marked::Yes
    };
    if let Some((peer, needed)) = no_room {
        let free = turn::free_bytes(request.staging).map_err(fault)?;
        let missing = match needed {
            0 => 0,
            needed => needed.saturating_sub(free).max(1),
        };
        return Err(StageError::Full {
            path: root.to_owned(),
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

/// How the turns ended.
#[derive(Default)]
struct Sorted {
    present: Vec<Present>,
    /// Those who found no room among them.
    missing: Vec<Missing>,
    /// The first of those who found none, and what they need together.
    no_room: Option<(PeerName, u64)>,
}

fn sort(turns: Vec<Turn>) -> Sorted {
    let mut sorted = Sorted::default();
    for turn in turns {
        match turn {
            Turn::Came(one) => sorted.present.push(one),
            Turn::Missed(one) => sorted.missing.push(one),
            Turn::NoRoom(one, needed) => {
                let (_, sum) = sorted.no_room.get_or_insert((one.peer.clone(), 0));
                *sum += needed;
                sorted.missing.push(one);
            }
        }
    }
    sorted
}

/// Gives every peer its turn. `list` is the day's list of digests as it was before. The turns come in the order of
/// the request.
fn all_turns(
    request: &Request<'_>,
    list: &Sums,
    monitor: &dyn Monitor,
) -> Result<Vec<Turn>, StageError> {
    let work = Work {
        request,
        list,
        told: InOrder::new(monitor),
        total: Total::new(request.peers, monitor),
        crowded_out: Mutex::default(),
    };
    let queue = Queue::new(request.peers.len(), request.wait, request.clock);
    let turns: Mutex<Vec<Option<Turn>>> = Mutex::new(request.peers.iter().map(|_| None).collect());
    let failed = Mutex::new(None);
    let keep = |index: usize, turn| match turn {
        Ok(None) => {}
        Ok(Some(turn)) => locked(&turns)[index] = Some(turn),
        Err(error) => {
            // The staging directory itself cannot be used: nobody else has a turn.
            queue.close();
            locked(&failed).get_or_insert(error);
        }
    };
    let worker = || {
        while let Some(next) = queue.next() {
            keep(next.index, work.take_turn(next, &queue));
        }
    };
    std::thread::scope(|scope| {
        for number in 1..request.parallel.min(request.peers.len()) {
            // Without a thread the others do its work.
            let thread = std::thread::Builder::new().name(format!("peer {number}"));
            let _ = thread.spawn_scoped(scope, worker);
        }
        worker();
    });
    for (index, turn) in work.crowded_out() {
        keep(index, turn);
    }
    work.total.end();
    let failed = failed
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = failed {
        return Err(error);
    }
    let turns = turns
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(turns.into_iter().flatten().collect())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
