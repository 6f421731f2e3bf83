//! What `ssh_config` says of the way to a peer.

use std::fs;

use crate::machine::Machine;
use crate::master::{DAY, NATIVE, ssh_config, ssh_says, staged};
use crate::sshd::{Claims, Sshd};

#[test]
fn a_host_behind_another_is_reached_through_it() {
    for line in [
        "ProxyJump hop",
        "ProxyCommand /usr/bin/ssh -F CONFIG -W %h:%p hop",
    ] {
        let machine = Machine::new();
        let hop = Sshd::start(&machine, "hop");
        let ada = Sshd::start(&machine, "ada");
        let large: Vec<u8> = (0..=250).cycle().take(3_000_001).collect();
        ada.collected(&[("a", &large)], Claims::Digests);
        let line = line.replace("CONFIG", ssh_config(&machine).to_str().unwrap());
        ssh_says(&machine, &format!("Host ada\n  {line}"));
        NATIVE.master(&machine, &[&ada]);
        machine.cback("stage").on(DAY).run().well_and_silent();
        assert!(fs::read(staged(&machine, "ada").join("a")).unwrap() == large);
        assert_eq!(hop.connections(), 1, "{line}");
    }
}

#[test]
fn a_host_behind_several_is_reached_through_all_of_them() {
    let machine = Machine::new();
    let hops = ["one", "two", "three"].map(|name| Sshd::start(&machine, name));
    let ada = Sshd::start(&machine, "ada");
    ada.collected(&[("a", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&ada]);
    // What the second host says of its own way does not count, as with OpenSSH.
    let port = |name: &str| {
        let text = fs::read_to_string(ssh_config(&machine)).unwrap();
        let block = text.split("Host ").find(|block| block.starts_with(name));
        let port = block.unwrap().split("Port ").nth(1).unwrap();
        port.lines().next().unwrap().to_owned()
    };
    let last = format!("root@[127.0.0.1]:{}", port("three"));
    let last = last.replace("root", &crate::call::said("id", &["-un"]));
    let identity = ada.identity();
    ssh_says(
        &machine,
        &format!(
            "Host ada\n  ProxyJump one,two,ssh://{last}\nHost two\n  ProxyJump nowhere.invalid\n\
             Host 127.0.0.1\n  IdentityFile {}",
            identity.display()
        ),
    );
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert!(staged(&machine, "ada").join("a").exists());
    for hop in &hops {
        assert_eq!(hop.connections(), 1);
    }
    ssh_says(&machine, "Host ada\n  ProxyJump one,,two");
    let ended = machine.cback("validate").run().with_status(4);
    ended.says(&["`ProxyJump one,", "is no host"]);
}

#[test]
fn a_circle_of_hosts_is_told() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.collected(&[("a", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&ada]);
    ssh_says(
        &machine,
        "Host ada\n  ProxyJump bob\nHost bob\n  ProxyJump ada",
    );
    let ended = machine.cback("stage").on(DAY).run().with_status(6);
    ended.says(&["leads through too many hosts, or in a circle"]);
}

#[test]
fn blocks_of_match_hold_and_what_is_not_understood_costs_only_the_peer_it_is_about() {
    let machine = Machine::new();
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    for peer in [&ada, &bob] {
        peer.collected(&[("a", b"a")], Claims::Digests);
    }
    NATIVE.master(&machine, &[&ada, &bob]);
    // Everything that leads to ada stands in such blocks.
    let text = fs::read_to_string(ssh_config(&machine)).unwrap();
    let ran = machine.path("ran");
    let exec = format!(
        "Match originalhost ada exec \"echo %n %r >> {}\"\n",
        ran.display()
    );
    fs::write(ssh_config(&machine), text.replacen("Host ada\n", &exec, 1)).unwrap();
    ssh_says(
        &machine,
        "Match host bob localnetwork 192.0.2.0/24\n  Port 1",
    );
    let ended = machine.cback("stage").on(DAY).run().with_status(10);
    ended.says(&[
        "bob: ",
        "`Match localnetwork` is not understood",
        "config:1:",
    ]);
    assert!(staged(&machine, "ada").join("a").exists());
    let user = crate::call::said("id", &["-un"]);
    assert_eq!(fs::read_to_string(ran).unwrap(), format!("ada {user}\n"));
}
