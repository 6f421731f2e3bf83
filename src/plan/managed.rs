//! Which peers are asked to run an action.

use super::{Step, Task};
use crate::config::{Peer, Place};
use crate::units::PeerName;

/// The step in which the peers that run `task` for us are asked to; `None` if there are none.
///
/// `pool` are the peers of `<peers>`: those of `<stage>` are never managed.
pub(super) fn step(task: &Task, pool: &[Peer]) -> Option<Step> {
    let action = task.word();
    let asked = pool.iter().filter(|peer| match &peer.place {
        Place::Local => false,
        Place::Remote(remote) => remote
            .managed
            .as_ref()
            .is_some_and(|managed| managed.actions.iter().any(|own| own.as_str() == action)),
    });
    let peers: Vec<PeerName> = asked.map(|peer| peer.name.clone()).collect();
    let action = action.parse().ok()?;
    (!peers.is_empty()).then_some(Step::Managed { action, peers })
}
