//! One peer's turn: from its collect directory into the day, and the word to it that it is safe.

use std::io;
use std::sync::Mutex;

use super::held::{Held, InOrder};
use super::queue::{Next, Queue};
use super::total::Total;
use super::{Missed, Missing, Present, Request, StageError, Wanted, collision, locked};
use crate::event::{self, Event, Monitor, Problem, Progress, Tell as _};
use crate::fault;
use crate::fsx;
use crate::peer::{Peer, PeerError, Readiness, Target};
use crate::staging::{Daily, Staging};
use crate::sums::Sums;
use crate::units::PeerName;

/// How one peer's turns ended.
#[derive(Debug)]
pub(super) enum Turn {
    Came(Present),
    Missed(Missing),
    /// It found no room, and needs so many bytes.
    NoRoom(Missing, u64),
}

/// What all turns share.
pub(super) struct Work<'a> {
    pub(super) request: &'a Request<'a>,
    /// The day's list of digests as it was before anybody came.
    pub(super) list: &'a Sums,
    pub(super) told: InOrder<'a>,
    pub(super) total: Total<'a>,
    /// Peers that found no room while others were at work.
    pub(super) crowded_out: Mutex<Vec<(usize, Absent)>>,
}

/// How one attempt ended.
type Outcome = Result<Present, Absent>;

/// Why a peer is not in the day.
pub(super) struct Absent {
    reason: String,
    advice: Option<String>,
    kind: Kind,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is elsewhere, or not as far; it may come later, and may be allowed to be absent.
    Away,
    /// It found no room, and needs so many bytes.
    NoRoom(u64),
    /// Something is wrong that waiting does not mend.
    Wrong,
}

impl Work<'_> {
    /// Gives the peer its turn; `None` if it has another one later. An error means that the staging directory
    /// cannot be used.
    pub(super) fn take_turn(
        &self,
        next: Next,
        queue: &Queue<'_>,
    ) -> Result<Option<Turn>, StageError> {
        let name = self.request.peers[next.index].peer.name();
        let held = Held::new(self.told.monitor);
        let share = self.total.share(&held);
        self.told
            .monitor
            .observe(&Event::ProgressEnd(&waiting(name)));
        let outcome = self.attempt(next.index, &share)?;
        if let Err(absent) = &outcome
            && absent.kind == Kind::Away
            && let Some(pause) = queue.again(next)
        {
            let (reason, pause) = (&absent.reason, pause.as_secs());
            let text = format!("{name}: {reason}; it is asked again in {pause} seconds");
            self.told.monitor.note(text);
            share.again();
            // On a screen it can be seen who is waited for, until the next turn.
            self.told.monitor.observe(&Event::Progress(Progress {
                task: &waiting(name),
                done: 0,
                total: None,
                files: None,
            }));
            return Ok(None);
        }
        match outcome {
            Err(absent) if matches!(absent.kind, Kind::NoRoom(_)) && self.request.parallel > 1 => {
                share.again();
                locked(&self.crowded_out).push((next.index, absent));
                Ok(None)
            }
            outcome => {
                share.end();
                Ok(Some(self.settle(next.index, outcome, held)))
            }
        }
    }

    /// Gives those who found no room while others were at work another turn, one after the other: what gave up
    /// beside them may have made room.
    pub(super) fn crowded_out(&self) -> Vec<(usize, Result<Option<Turn>, StageError>)> {
        let mut all = std::mem::take(&mut *locked(&self.crowded_out));
        all.sort_unstable_by_key(|(index, _)| *index);
        let again = all.into_iter().map(|(index, absent)| {
            let held = Held::new(self.told.monitor);
            let share = self.total.share(&held);
            let room = match (absent.kind, free_bytes(self.request.staging)) {
                (Kind::NoRoom(needed), Ok(free)) => free > needed,
                _ => true,
            };
            let outcome = if room {
                self.attempt(index, &share)
            } else {
                Ok(Err(absent))
            };
            share.end();
            (
                index,
                outcome.map(|outcome| Some(self.settle(index, outcome, held))),
            )
        });
        again.collect()
    }

    /// One attempt to bring the peer into the day.
    fn attempt(&self, index: usize, monitor: &dyn Monitor) -> Result<Outcome, StageError> {
        let peer = &self.request.peers[index].peer;
        monitor.note(format!("staging peer {}", peer.name()));
        // A fault of ours that one peer's bytes bring to light must not cost the others their backup.
        let outcome = fault::contain(|| self.bring(peer, monitor));
        // A pool has more peers than this machine should have connections.
        peer.hang_up();
        outcome.unwrap_or_else(|panicked| {
            Ok(Err(Absent {
                reason: panicked.to_string(),
                advice: Some("this is a fault of cback; please report it".to_owned()),
                kind: Kind::Wrong,
            }))
        })
    }

    /// The peer has no other turn: tells how it ended.
    fn settle(&self, index: usize, outcome: Outcome, held: Held<'_>) -> Turn {
        let wanted = &self.request.peers[index];
        let name = wanted.peer.name();
        let turn = match outcome {
            Ok(present) => {
                self.told.monitor.note(format!(
                    "staged {name} ({} files, {})",
                    present.files,
                    event::bytes(present.bytes)
                ));
                Turn::Came(present)
            }
            Err(absent) => self.absent(wanted, absent, &held),
        };
        self.told.pass_on(index, name.as_str(), held.into_told());
        turn
    }

    /// Tells that a peer is not in the day.
    fn absent(&self, wanted: &Wanted, absent: Absent, monitor: &dyn Monitor) -> Turn {
        let name = wanted.peer.name();
        let excused = absent.kind == Kind::Away && wanted.ignore.covers(self.request.occasion);
        if excused {
            monitor.note(format!("{name}: {}; it may be absent today", absent.reason));
        } else {
            let mut problem = Problem::new(name.as_str(), &absent.reason);
            problem.advice = absent.advice;
            monitor.problem(&problem);
        }
        let missing = Missing {
            peer: name.clone(),
            reason: absent.reason,
            missed: if excused {
                Missed::Excused
            } else {
                Missed::Problem
            },
        };
        match absent.kind {
            Kind::NoRoom(needed) => Turn::NoRoom(missing, needed),
            _ => Turn::Missed(missing),
        }
    }

    /// Brings the peer into the day, if it is ready.
    fn bring(&self, peer: &Peer, monitor: &dyn Monitor) -> Result<Outcome, StageError> {
        let request = self.request;
        let readiness = match peer.readiness(request.limits) {
            Ok(readiness) => readiness,
            Err(error) => return Ok(Err(Absent::because(&error))),
        };
        let dir = event::printable_path(peer.collect_dir());
        if readiness == Readiness::NotReady {
            return Ok(Err(Absent {
                reason: format!("not ready: {dir} has no cback.collect"),
                advice: Some(
                    "see whether collect ran on the peer, then run `cback stage` again".to_owned(),
                ),
                kind: Kind::Away,
            }));
        }
        let daily = request.staging.daily(request.day);
        if readiness == Readiness::Staged && !daily.peer_path(peer.name()).exists() {
            return Ok(Err(Absent {
                reason: format!(
                    "not ready: nothing was collected in {dir} since it was last staged"
                ),
                advice: Some(
                    "see whether collect still runs on the peer; to stage the same files once more, remove \
                     cback.stage there"
                        .to_owned(),
                ),
                kind: Kind::Away,
            }));
        }
        let daily = request
            .staging
            .make(request.day, request.ids)
            .map_err(|source| StageError::Staging {
                path: daily.path().to_owned(),
                source,
            })?;
        let received = self.receive(&daily, peer, monitor);
        Ok(received.map_err(|error| Absent::because(&error)))
    }

    /// Fetches a peer into `daily` and tells it so. If its connection breaks, what came stays for the next try.
    fn receive(
        &self,
        daily: &Daily,
        peer: &Peer,
        monitor: &dyn Monitor,
    ) -> Result<Present, PeerError> {
        let request = self.request;
        let into = daily.peer_path(peer.name());
        let unwritable = |source| PeerError::Unwritable {
            path: into.clone(),
            source,
        };
        let incoming = daily
            .receive(peer.name(), request.ids)
            .map_err(unwritable)?;
        let earlier = incoming.earlier();
        let target = Target {
            into: incoming.path(),
            earlier: earlier.as_deref(),
            ids: request.ids,
            limits: request.limits,
        };
        let fetched = match peer.fetch(&target, monitor) {
            Ok(fetched) => fetched,
            Err(error) => {
                if !is_interrupted(&error) {
                    incoming.discard().map_err(unwritable)?;
                }
                return Err(error);
            }
        };
        if let Some(found) = collision::find(&into, incoming.path()).map_err(unwritable)? {
            incoming.discard().map_err(unwritable)?;
            return Err(PeerError::OtherDay {
                name: found.name,
                there: found.there,
                coming: found.coming,
            });
        }
        let received = incoming
            .commit(&fetched.sums, self.list)
            .map_err(|source| {
                if fsx::is_full(&source) {
                    PeerError::Full {
                        path: into.clone(),
                        needed: fetched.bytes,
                    }
                } else {
                    unwritable(source)
                }
            })?;
        self.acknowledge(peer, &fetched.sums, monitor);
        Ok(Present {
            peer: peer.name().clone(),
            files: fetched.sums.len(),
            bytes: fetched.bytes,
            received,
        })
    }

    /// Tells the peer that it is staged. If it cannot be told, it only does not know, and will bring it again.
    fn acknowledge(&self, peer: &Peer, sums: &Sums, monitor: &dyn Monitor) {
        let request = self.request;
        let Err(error) = peer.acknowledge(request.day, sums, request.ids) else {
            return;
        };
        let full = match &error {
            PeerError::Unwritable { source, .. } => fsx::is_full(source),
            _ => false,
        };
        let advice = if full {
            "make room on that machine; until it is told, it brings the same files again"
        } else {
            "let the backup user write into the collect directory"
        };
        let reason = format!("staged, but it cannot be told so: {error}");
        monitor.problem(&Problem::new(peer.name().as_str(), &reason).advise(advice));
    }
}

fn waiting(name: &PeerName) -> String {
    format!("waiting for {name}")
}

impl Absent {
    fn because(error: &PeerError) -> Self {
        Self {
            reason: error.to_string(),
            advice: error.advice(),
            kind: match error {
                PeerError::Full { needed, .. } => Kind::NoRoom(*needed),
                error if is_away(error) => Kind::Away,
                _ => Kind::Wrong,
            },
        }
    }
}

/// Whether what came so far is worth to be kept for the next try.
fn is_interrupted(error: &PeerError) -> bool {
    is_cut(error) || matches!(error, PeerError::TooLong(_))
}

/// Whether the way to the peer ended.
fn is_cut(error: &PeerError) -> bool {
    matches!(error, PeerError::Silent { .. } | PeerError::Broken { .. })
}

/// Whether the peer may come later without anybody mending anything.
fn is_away(error: &PeerError) -> bool {
    is_cut(error)
        || matches!(
            error,
            PeerError::Changing(_) | PeerError::Unreachable { .. }
        )
}

/// What this process may still write into the staging directory.
pub(super) fn free_bytes(staging: &Staging) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(staging.root())?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
