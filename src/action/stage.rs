//! `stage`: the peers' archives come into the day's directory.

use super::look::{self, Access, Finding};
use super::preview::{self, Staging};
use super::{ActionError, Context, Extent};
use crate::config::{self, Config, Place};
use crate::peer::{Occasion, Peer, Readiness, Remote};
use crate::stage::{Request, Wanted, stage};
use crate::staging;

pub(super) fn run(cx: &Context<'_>) -> Result<(), ActionError> {
    let section = cx
        .config
        .stage
        .as_ref()
        .ok_or(ActionError::NoSection("stage"))?;
    let wanted = |configured: &config::Peer| Wanted {
        peer: peer(cx.config, configured),
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
    let peers = section.peers.iter().map(|configured| {
        let peer = peer(cx.config, configured);
        let (state, reason) = match peer.readiness(section.limits) {
            Ok(Readiness::Ready) => ("ready", None),
            Ok(Readiness::Staged) => ("staged", None),
            Ok(Readiness::NotReady) => ("not_ready", Some("there is no cback.collect".to_owned())),
            Err(error) => ("unreachable", Some(error.to_string())),
        };
        preview::Peer {
            name: peer.name().as_str().to_owned(),
            state,
            reason,
        }
    });
    Ok(Staging {
        into: preview::shown(daily.path()),
        peers: peers.collect(),
    })
}

/// The peer that is configured. Nothing is connected yet.
pub fn peer(config: &Config, configured: &config::Peer) -> Peer {
    let name = configured.name.clone();
    let collect_dir = configured.collect_dir.clone();
    let remote = match &configured.place {
        Place::Local => return Peer::local(name, collect_dir),
        Place::Remote(remote) => remote,
    };
    let remote = Remote {
        user: remote.user.clone(),
        host: name.to_string(),
        collect_dir,
        way: remote.way.clone(),
        cback_command: remote.cback_command.clone(),
        owner: config.options.owner.clone(),
        passphrase_file: config.options.passphrase_file.clone(),
        working_dir: config.options.working_dir.clone(),
    };
    Peer::remote(name, remote)
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
    for peer in staged {
        match &peer.place {
            Place::Local => {
                let what = format!("collect directory of peer {}", peer.name);
                findings.extend(look::dir(&what, &peer.collect_dir, Access::Read));
            }
            Place::Remote(_) => findings.extend(reached(cx.config, peer)),
        }
    }
    // Peers that are managed, and staged by nobody here.
    let others = cx.config.peers.iter();
    for peer in others.filter(|peer| staged.iter().all(|other| other.name != peer.name)) {
        if let Place::Remote(_) = peer.place {
            findings.extend(reached(cx.config, peer));
        }
    }
    findings
}

/// What is wrong with a peer on another machine: whether it is reached, has the key that is known, lets the backup
/// user in, and has a collect directory that can be read. That nothing is collected yet is not wrong.
fn reached(config: &Config, configured: &config::Peer) -> Option<Finding> {
    let limits = config.stage.as_ref().map(|stage| stage.limits);
    let readiness = peer(config, configured).readiness(limits.unwrap_or_default());
    let error = readiness.err()?;
    let mut text = format!("peer [{}]: {error}", configured.name);
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let further = error.to_string();
        if !text.ends_with(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    let mend = error.advice().unwrap_or_else(|| {
        "see whether the peer is there and what <peer> says of it, and run `cback validate` again".to_owned()
    });
    Some(Finding::new(text, mend))
}
