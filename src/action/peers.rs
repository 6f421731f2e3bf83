//! The peers of a configuration: who they are to us, and several of them asked at the same time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::config::{self, Config, Place};
use crate::peer::{Peer, Remote, Way};
use crate::units::CommandLine;

/// Peers that are asked at the same time, where `<stage>` does not say how many.
const PARALLEL: usize = 4;

/// Does `work` with each of `peers`, with as many at once as `<parallel>` says, and calls `tell` with what came of it,
/// in their order. Each peer's connection is given up when its work is done.
pub fn each<'a, T: Send>(
    config: &Config,
    peers: impl IntoIterator<Item = &'a config::Peer>,
    work: impl Fn(&Peer) -> T + Sync,
    mut tell: impl FnMut(&Peer, T),
) {
    let most = config
        .stage
        .as_ref()
        .map_or(PARALLEL, |stage| stage.parallel);
    let peers: Vec<Peer> = peers.into_iter().map(|one| peer(config, one)).collect();
    let (peers, work) = (&peers, &work);
    let next = &AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..most.min(peers.len()) {
            let sender = sender.clone();
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(peer) = peers.get(at) else {
                        return;
                    };
                    let result = work(peer);
                    peer.hang_up();
                    if sender.send((at, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut told = 0;
        for (at, result) in receiver {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&told) {
                tell(&peers[told], result);
                told += 1;
            }
        }
    });
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
        way: overridden(&remote.way, config),
        cback_command: remote.cback_command.clone(),
        owner: config.options.owner.clone(),
        passphrase_file: config.options.passphrase_file.clone(),
        working_dir: config.options.working_dir.clone(),
    };
    Peer::remote(name, remote)
}

/// `way` with the programs that the configuration names in place of those of its commands.
fn overridden(way: &Way, config: &Config) -> Way {
    let program = |line: &CommandLine| {
        let overrides = config.options.overrides.iter().rev();
        let named = line.words().into_iter().next().unwrap_or_default();
        let mut other = overrides.filter(|row| row.command == named);
        let other = other.find_map(|row| line.with_program(row.path.as_path()));
        other.unwrap_or_else(|| line.clone())
    };
    match way {
        Way::Native => Way::Native,
        Way::Command {
            rcp_command,
            rsh_command,
        } => Way::Command {
            rcp_command: program(rcp_command),
            rsh_command: rsh_command.as_ref().map(program),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Barrier;

    use super::*;
    use crate::units::Naming;

    #[test]
    fn several_are_asked_at_once_and_told_in_their_order() {
        let peers: String = ["one", "two", "three", "four", "five", "six"]
            .map(|name| {
                format!("<peer><name>{name}</name><type>local</type><collect_dir>/c</collect_dir></peer>")
            })
            .concat();
        let text = format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
             <backup_user>root</backup_user><backup_group>root</backup_group><rcp_command>scp</rcp_command></options>\
             <peers>{peers}</peers><purge><dir><abs_path>/p</abs_path><retain_days>1</retain_days></dir></purge>\
             </cb_config>"
        );
        let (config, _) =
            Config::parse(text.as_bytes(), Path::new("test.conf"), Naming::V3).unwrap();
        // With fewer than two at once nobody would get past it.
        let two = Barrier::new(2);
        let ask = |peer: &Peer| {
            two.wait();
            peer.name().as_str().len()
        };
        let mut told = Vec::new();
        each(&config, &config.peers, ask, |peer, length| {
            told.push(format!("{} {length}", peer.name()));
        });
        assert_eq!(
            told,
            ["one 3", "two 3", "three 5", "four 4", "five 4", "six 3"]
        );
    }
}
