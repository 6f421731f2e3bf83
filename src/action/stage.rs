//! `stage`: the peers' archives come into the day's directory.

use super::look::{self, Access, Finding};
use super::preview::{self, Staging};
use super::{ActionError, Context, Extent, peers};
use crate::config::{self, Place};
use crate::event::with_causes;
use crate::peer::{Occasion, Peer, PeerError, Readiness};
use crate::stage::{Request, Wanted, stage};
use crate::staging;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let section = cx
        .config
        .stage
        .as_ref()
        .ok_or(ActionError::NoSection("stage"))?;
    let wanted = |configured: &config::Peer| Wanted {
        peer: peers::peer(cx.config, configured),
        ignore: configured.ignore_failures,
    };
    let peers: Vec<Wanted> = section.peers.iter().map(wanted).collect();
    let week_starts = cx.day.weekday() == cx.config.options.starting_day;
    let request = Request {
        staging: &staging::Staging::new(section.staging_dir.clone()),
        day: cx.day,
        peers: &peers,
        ids: cx.ids,
        occasion: if week_starts || cx.extent == Extent::Full {
            Occasion::WeekStart
        } else {
            Occasion::Ordinary
        },
        parallel: section.parallel,
        limits: section.limits,
        wait: section.wait_for_peers,
        clock: cx.clock,
    };
    stage(&request, cx.monitor)?;
    Ok(())
}

/// What staging would do.
pub(super) fn preview(cx: &Context<'_>) -> Result<Staging, ActionError> {
    let section = cx
        .config
        .stage
        .as_ref()
        .ok_or(ActionError::NoSection("stage"))?;
    let daily = staging::Staging::new(section.staging_dir.clone()).daily(cx.day);
    let mut all = Vec::new();
    let ask = |peer: &Peer| peer.readiness(section.limits);
    peers::each(cx.config, &section.peers, ask, |peer, asked| {
        let (state, reason) = match asked {
            Ok(Readiness::Ready) => ("ready", None),
            Ok(Readiness::Staged) => ("staged", None),
            Ok(Readiness::NotReady) => ("not_ready", Some("there is no cback.collect".to_owned())),
            Err(error) => ("unreachable", Some(error.to_string())),
        };
        all.push(preview::Peer {
            name: peer.name().as_str().to_owned(),
            state,
            reason,
        });
    });
    Ok(Staging {
        into: preview::shown(daily.path()),
        peers: all,
    })
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut staged: &[config::Peer] = &[];
    if let Some(section) = &cx.config.stage {
        staged = &section.peers;
        findings.extend(look::dir(
            "staging directory",
            &section.staging_dir,
            Access::Write,
        ));
    }
    // Peers that are managed, and staged by nobody here.
    let others = cx.config.peers.iter();
    let others = others.filter(|peer| staged.iter().all(|other| other.name != peer.name));
    let remote = |peer: &&config::Peer| matches!(peer.place, Place::Remote(_));
    for peer in staged.iter().filter(|peer| !remote(peer)) {
        let what = format!("collect directory of peer {}", peer.name);
        findings.extend(look::dir(&what, &peer.collect_dir, Access::Read));
    }
    let asked = staged.iter().chain(others).filter(remote);
    let limits = cx.config.stage.as_ref().map(|stage| stage.limits);
    let ask = |peer: &Peer| peer.readiness(limits.unwrap_or_default());
    let room = cx.config.options.working_dir.is_dir();
    let room = if room { Room::There } else { Room::Missing };
    peers::each(cx.config, asked, ask, |peer, readiness| {
        findings.extend(readiness.err().map(|error| unreached(peer, &error, room)));
    });
    findings
}

/// Whether there is a working directory, in which indicators are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    There,
    Missing,
}

/// What is wrong with a peer on another machine that cannot be reached, has another key than the one that is known,
/// does not let the backup user in, or has no collect directory that can be read. That nothing is collected yet is not
/// wrong.
fn unreached(peer: &Peer, error: &PeerError, room: Room) -> Finding {
    if room == Room::Missing && matches!(error, PeerError::Unwritable { .. }) {
        return Finding::new(
            format!(
                "peer [{}]: was not asked, for want of the working directory",
                peer.name()
            ),
            "make the working directory first, and run `cback validate` again",
        );
    }
    let text = format!("peer [{}]: {}", peer.name(), with_causes(error));
    let mend = error.advice().unwrap_or_else(|| {
        "see whether the peer is there and what <peer> says of it, and run `cback validate` again".to_owned()
    });
    Finding::new(text, mend)
}
