//! The master of a pool: what its configuration says of peers behind `sshd`s, and what it has of them afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::sshd::Sshd;

/// The day on which pools are staged.
pub const DAY: &str = "2026-11-21";

/// What a master's configuration says of its pool.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    /// `native` or `command`.
    pub transport: &'a str,
    /// The `rcp_command`, where it is another one than the `scp` that knows the peers.
    pub rcp: Option<&'a str>,
    /// What cback is called on the peers.
    pub cback: &'a str,
    /// More of `<options>`.
    pub options: &'a str,
    /// More of `<stage>`.
    pub stage: &'a str,
    /// More of each `<peer>`.
    pub peer: &'a str,
}

/// Peers are reached by the SSH that is built in.
pub const NATIVE: Pool<'static> = Pool {
    transport: "native",
    rcp: None,
    cback: "cback",
    options: "",
    stage: "",
    peer: "",
};

/// Peers are reached by `scp` and `ssh`.
pub const COMMAND: Pool<'static> = Pool {
    transport: "command",
    ..NATIVE
};

/// A `<peer>` that is asked to run actions.
pub const MANAGED: &str = "<managed>Y</managed><managed_actions>collect, purge</managed_actions>";

/// A machine that works is waited for, however busy we are.
const PATIENT: &str =
    "Host *\n  ConnectTimeout 120\n  ServerAliveInterval 60\n  ServerAliveCountMax 2\n";
/// How long nobody waits for a machine of which it is known that it says nothing.
const IMPATIENT: &str = "  ConnectTimeout 20\n  ServerAliveInterval 10\n  ServerAliveCountMax 2";

impl Pool<'_> {
    /// Makes `machine` the master of `peers`, in this order.
    pub fn master(&self, machine: &Machine, peers: &[&Sshd]) {
        let peers: String = peers.iter().map(|peer| peer.peer(self.peer)).collect();
        let rcp = self.rcp.map_or_else(|| scp(machine), str::to_owned);
        let options = format!(
            "<transport>{}</transport><rcp_command>{rcp}</rcp_command><rsh_command>{}</rsh_command>\
             <cback_command>{}</cback_command>{}",
            self.transport,
            ssh(machine),
            self.cback,
            self.options
        );
        machine.configure(|text| {
            let (head, rest) = text.split_once("<peers>").unwrap();
            let (_, tail) = rest.split_once("</peers>").unwrap();
            let head = head.replace("<rcp_command>/usr/bin/scp -B</rcp_command>", &options);
            let tail = tail.replace("<stage>", &format!("<stage>{}", self.stage));
            format!("{head}<peers>{peers}</peers>{tail}")
        });
        let config = ssh_config(machine);
        let text = fs::read_to_string(&config).unwrap();
        if !text.contains(PATIENT) {
            fs::write(config, format!("{text}{PATIENT}")).unwrap();
        }
    }
}

/// What the master's user tells SSH of the peers.
pub fn ssh_config(machine: &Machine) -> PathBuf {
    machine.path("home/.ssh/config")
}

/// Says `lines` to SSH before everything else.
pub fn ssh_says(machine: &Machine, lines: &str) {
    let config = ssh_config(machine);
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{lines}\n{text}")).unwrap();
}

/// Gives the machine `name` 20 seconds to say something.
pub fn wait_not_long_for(machine: &Machine, name: &str) {
    ssh_says(machine, &format!("Host {name}\n{IMPATIENT}"));
}

/// The `scp` that knows the peers, with the old protocol.
pub fn scp(machine: &Machine) -> String {
    format!("/usr/bin/scp -B -O -F {}", ssh_config(machine).display())
}

/// The `ssh` that knows the peers.
pub fn ssh(machine: &Machine) -> String {
    format!(
        "/usr/bin/ssh -o BatchMode=yes -F {}",
        ssh_config(machine).display()
    )
}

/// Locks the master's key on `peer` to what `cback agent` allows: reading the collect directory of `peer`, and what
/// the switches in `allowed` say. The actions are those of `client`.
pub fn lock_to_agent(client: &Machine, peer: &Sshd, allowed: &str) {
    lock_to(client, peer, &peer.collect(), allowed);
}

/// Makes `client` the machine that answers as `peer`: the same with the collect directory of `client`.
pub fn answers(client: &Machine, peer: &Sshd, allowed: &str) {
    lock_to(client, peer, &client.path("collect"), allowed);
}

fn lock_to(client: &Machine, peer: &Sshd, collect: &Path, allowed: &str) {
    let call = client.cback(&format!("agent {allowed} --collect-dir"));
    let key = peer.identity().with_extension("pub");
    let printed = call.arg(collect).arg("--print-key-line").arg(key).run();
    fs::write(peer.path("authorized_keys"), printed.well().stdout).unwrap();
}

/// The day's directory.
pub fn daily(machine: &Machine) -> PathBuf {
    machine.path("stage/2026/11/21")
}

/// What the day has of the peer `name`.
pub fn staged(machine: &Machine, name: &str) -> PathBuf {
    daily(machine).join(name)
}

/// Every file below `dir` by its path, but for what tells of runs.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    if !dir.exists() {
        return BTreeMap::new();
    }
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(dir).unwrap();
            let name = name.to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| name != "cback.stage")
        .collect()
}

/// Demands that the day has everything that `peer` has collected.
#[track_caller]
pub fn is_whole(machine: &Machine, peer: &Sshd, name: &str) {
    let there = files(&staged(machine, name));
    let mut wanted = files(&peer.collect());
    wanted.remove("cback.stage");
    assert!(there == wanted, "{name}: {:?}", there.keys());
}
