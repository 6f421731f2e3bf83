//! Peers on other machines, reached by SSH.

use std::fs;
use std::path::PathBuf;

use crate::machine::Machine;
use crate::sshd::{Claims, Sshd, cut_after};

const DAY: &str = "2026-11-21";

/// A master whose peers are `peers`.
fn master(machine: &Machine, peers: &[&Sshd], way: &str) {
    let peers: String = peers.iter().map(|peer| peer.peer("")).collect();
    let transport = format!("<transport>{way}</transport>");
    let config = machine.path("home/.ssh/config");
    machine.configure(|text| {
        let (head, rest) = text.split_once("<peers>").unwrap();
        let (_, tail) = rest.split_once("</peers>").unwrap();
        let head = head.replace(
            "<rcp_command>/usr/bin/scp -B</rcp_command>",
            &format!(
                "{transport}<rcp_command>/usr/bin/scp -B -O -F {0}</rcp_command>\
                 <rsh_command>/usr/bin/ssh -F {0}</rsh_command>",
                config.display()
            ),
        );
        format!("{head}<peers>{peers}</peers>{tail}")
    });
}

fn staged(machine: &Machine, name: &str) -> PathBuf {
    machine.path("stage/2026/11/21").join(name)
}

#[test]
fn a_peer_on_another_machine_is_staged_and_told_so() {
    for claims in [Claims::Digests, Claims::Nothing] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        let large = vec![7; 3 << 20];
        ada.collected(
            &[
                ("etc.tar.gz", b"etc"),
                ("home.tar.gz", &large),
                ("empty", b""),
            ],
            claims,
        );
        master(&machine, &[&ada], "native");
        machine.cback("stage").on(DAY).run().well_and_silent();
        let dir = staged(&machine, "ada");
        assert_eq!(fs::read(dir.join("etc.tar.gz")).unwrap(), b"etc");
        assert_eq!(fs::read(dir.join("home.tar.gz")).unwrap(), large);
        assert_eq!(fs::read(dir.join("empty")).unwrap(), b"");
        assert!(dir.join("cback.collect").exists());
        let told = fs::read_to_string(ada.collect().join("cback.stage")).unwrap();
        assert!(told.starts_with("# staged 2026-11-21\n"), "{told}");
        assert_eq!(ada.connections(), 1);
    }
}

#[test]
fn what_is_wrong_with_a_peer_is_told_and_the_others_come() {
    let machine = Machine::new();
    let names = ["good", "late", "dead", "foreign", "closed", "nowhere"];
    let peers = names.map(|name| Sshd::start(&machine, name));
    let [good, late, dead, foreign, closed, nowhere] = &peers;
    for peer in &peers {
        peer.collected(&[("a", b"a")], Claims::Digests);
    }
    fs::remove_file(late.collect().join("cback.collect")).unwrap();
    dead.meddle(|_| None);
    foreign.change_host_key();
    fs::write(closed.path("authorized_keys"), "").unwrap();
    fs::remove_dir_all(nowhere.collect()).unwrap();
    master(
        &machine,
        &[good, late, dead, foreign, closed, nowhere],
        "native",
    );
    let fingerprint = foreign.fingerprint();
    machine.cback("stage").on(DAY).run().with_status(10).says(&[
        "late: not ready",
        "dead: [127.0.0.1]:",
        "cannot be reached: it ended the connection",
        "foreign: the host key of [127.0.0.1]:",
        "it has changed",
        &fingerprint,
        "ssh-keygen -R",
        "closed:",
        "refused",
        "id_test is not accepted",
        "has no directory",
    ]);
    assert!(staged(&machine, "good").join("a").exists());
    for name in &names[1..] {
        assert!(!staged(&machine, name).exists(), "{name}");
    }
}

#[test]
fn a_connection_that_is_cut_anywhere_is_told_and_the_next_run_completes_it() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    let large: Vec<u8> = (0..=250).cycle().take(5_000_001).collect();
    ada.collected(&[("home.tar.gz", &large), ("a", b"a")], Claims::Digests);
    master(&machine, &[&ada], "native");
    for bytes in [0, 100, 2_000, 4_000] {
        ada.meddle(cut_after(bytes));
        machine.cback("stage").on(DAY).run().with_status(6);
        assert!(!staged(&machine, "ada").exists(), "{bytes}");
    }
    // Each run gets a fifth of it: only one that goes on where the last one ended comes to the end.
    ada.meddle(cut_after(1_200_000));
    let runs = (1..=8).find(|_| machine.cback("stage").on(DAY).run().status == 0);
    ada.leave_alone();
    machine.cback("stage").on(DAY).run().well();
    assert!(runs.is_some_and(|runs| runs > 3), "{runs:?}");
    assert!(fs::read(staged(&machine, "ada").join("home.tar.gz")).unwrap() == large);
}
