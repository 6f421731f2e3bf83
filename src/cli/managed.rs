//! Actions that peers are asked to run: several peers at once, told in the order of the configuration.

use std::time::Duration;

use serde::Serialize;

use crate::action::{self, Context, Extent};
use crate::event::{Event, Problem, Tell as _};
use crate::peer::{self, Limits, Peer};
use crate::units::{ActionName, PeerName};

/// What one peer would do if it were asked.
#[derive(Debug, Serialize)]
pub struct Foreseen {
    peer: String,
    /// What it says that it would do; none if it was not asked.
    says: Vec<String>,
    /// Why nothing, or not everything, is known.
    reason: Option<String>,
}

impl Foreseen {
    /// It, line by line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let says = self.says.iter().chain(&self.reason);
        says.map(|line| format!("{}: {line}", self.peer))
    }
}

/// Asks each of `peers` to run `action`. One that does not is a problem, and the others are asked all the same.
pub fn ask(action: &ActionName, peers: &[PeerName], context: &Context<'_>) {
    let monitor = context.monitor;
    let (extent, time) = (extent(context), time(context));
    let work = |peer: &Peer| {
        let task = format!("{action} on {}", peer.name());
        monitor.observe(&Event::Begin(&task));
        (task, peer.exec(action, extent, time))
    };
    each(peers, context, work, |peer, (task, asked)| match asked {
        Ok(()) => monitor.observe(&Event::End(&task)),
        Err(error) => {
            let reason = format!("the managed action {action} failed: {error}");
            let advice = error.advice().unwrap_or_else(|| {
                format!("run `cback {action}` there; with --output the log here has what it prints")
            });
            monitor.problem(&Problem::new(peer.name().as_str(), &reason).advise(advice));
        }
    });
}

/// What each of `peers` would do if it were asked to run `action`: those that surely understand the question say it.
pub fn foresee(action: &ActionName, peers: &[PeerName], context: &Context<'_>) -> Vec<Foreseen> {
    let (extent, time) = (extent(context), time(context));
    let mut all = Vec::new();
    let work = |peer: &Peer| {
        let mut says = Vec::new();
        let asked = peer.rehearse(action, extent, time, &mut says);
        (says, asked)
    };
    each(peers, context, work, |peer, (says, asked)| {
        all.push(Foreseen {
            peer: peer.name().as_str().to_owned(),
            says,
            reason: match asked {
                Ok(peer::Rehearsal::Done) => None,
                Ok(peer::Rehearsal::NotAsked) => Some(
                    "would be asked; what it would do then, only a peer with `cback agent` can say"
                        .to_owned(),
                ),
                Err(error) => Some(error.to_string()),
            },
        });
    });
    all
}

/// How long one peer may take.
fn time(context: &Context<'_>) -> Duration {
    let stage = context.config.stage.as_ref();
    stage
        .map_or_else(Limits::default, |stage| stage.limits)
        .time
}

fn extent(context: &Context<'_>) -> peer::Extent {
    match context.extent {
        Extent::Configured => peer::Extent::Configured,
        Extent::Full => peer::Extent::Full,
    }
}

/// Does `work` with each of `peers`, with several at once, and calls `tell` with what came of it, in their order.
fn each<T: Send>(
    peers: &[PeerName],
    context: &Context<'_>,
    work: impl Fn(&Peer) -> T + Sync,
    tell: impl FnMut(&Peer, T),
) {
    let config = context.config;
    let configured = peers
        .iter()
        .filter_map(|name| config.peers.iter().find(|peer| peer.name == *name));
    action::peers::each(config, configured, work, tell);
}
