//! `stage`: the peers' archives come into the day's directory.

use super::look::{self, Access, Finding};
use super::preview::{self, Staging};
use super::{ActionError, Context, Extent};
use crate::config::{self, Place};
use crate::event::{Problem, Tell as _};
use crate::peer::{Occasion, Peer, Readiness};
use crate::stage::{Request, Wanted, stage};
use crate::staging;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let section = cx
        .config
        .stage
        .as_ref()
        .ok_or(ActionError::NoSection("stage"))?;
    let peers: Vec<Wanted> = section
        .peers
        .iter()
        .filter_map(|peer| wanted(cx, peer))
        .collect();
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
    let wanted = section.peers.iter().filter_map(|peer| wanted(cx, peer));
    let peers = wanted.map(|wanted| {
        let (state, reason) = match wanted.peer.readiness() {
            Ok(Readiness::Ready) => ("ready", None),
            Ok(Readiness::Staged) => ("staged", None),
            Ok(Readiness::NotReady) => ("not_ready", Some("there is no cback.collect".to_owned())),
            Err(error) => ("unreachable", Some(error.to_string())),
        };
        preview::Peer {
            name: wanted.peer.name().as_str().to_owned(),
            state,
            reason,
        }
    });
    Ok(Staging {
        into: preview::shown(daily.path()),
        peers: peers.collect(),
    })
}

/// The peer as staging wants it; one that cannot be reached is a problem.
fn wanted(cx: &Context<'_>, peer: &config::Peer) -> Option<Wanted> {
    match &peer.place {
        Place::Local => Some(Wanted {
            peer: Peer::local(peer.name.clone(), peer.collect_dir.clone()),
            ignore: peer.ignore_failures,
        }),
        Place::Remote(_) => {
            let problem = Problem::new(
                peer.name.as_str(),
                "this version of cback stages only peers of this machine, and this one is remote",
            );
            cx.monitor.problem(&problem);
            None
        }
    }
}

pub(super) fn check(cx: &Context<'_>) -> Vec<Finding> {
    let Some(section) = &cx.config.stage else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    findings.extend(look::dir(
        "staging directory",
        &section.staging_dir,
        Access::Write,
    ));
    for peer in &section.peers {
        match &peer.place {
            Place::Local => {
                let what = format!("collect directory of peer {}", peer.name);
                findings.extend(look::dir(&what, &peer.collect_dir, Access::Read));
            }
            Place::Remote(_) => findings.push(Finding::new(format!(
                "peer [{}] is remote, and this version of cback stages only peers of this machine",
                peer.name
            ))),
        }
    }
    findings
}
