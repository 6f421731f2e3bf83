//! Disks that are full, on the master and on a client: the true reason is told, whatever the way to the client is.

use std::fs;

use crate::call::Ended;
use crate::machine::Machine;
use crate::master::{COMMAND, DAY, NATIVE, Pool, is_whole, lock_to_agent, scp};
use crate::sshd::{Claims, Sshd};
use crate::tree;

/// Every way to a client, and whether its key is locked to the agent.
const WAYS: [(Pool<'static>, bool); 4] = [
    (NATIVE, false),
    (NATIVE, true),
    (COMMAND, false),
    (COMMAND, true),
];

#[test]
fn a_master_without_room_says_so_and_the_next_run_completes_the_day() {
    for (way, agent) in WAYS {
        let machine = Machine::new();
        let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
        ada.collected(&[("home.tar", &tree::noise(1, 3 << 20))], Claims::Digests);
        bob.collected(&[("small", b"small")], Claims::Digests);
        if agent {
            lock_to_agent(&machine, &ada, "");
        }
        // One after the other, so that it is known who finds the disk full.
        let pool = Pool {
            stage: "<parallel>1</parallel>",
            ..way
        };
        pool.master(&machine, &[&ada, &bob]);
        let stage = || machine.cback("stage").on(DAY);
        let ends = machine.with_little_room("stage", "1m", &stage(), &[stage()]);
        let [full, again]: [Ended; 2] = ends.try_into().unwrap();
        let full = full
            .with_status(6)
            .says(&["ada: no room for ", "no room in "]);
        let wrong = ["connection", "broke", "refused"];
        let screen = full.screen();
        assert!(!wrong.iter().any(|word| screen.contains(word)), "{screen}");
        again.well_and_silent();
    }
}

#[test]
fn a_client_without_room_is_staged_and_why_it_cannot_be_told_is_said() {
    for (way, agent) in WAYS {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("etc.tar", b"etc")], Claims::Digests);
        if agent {
            lock_to_agent(&machine, &ada, "");
        }
        way.master(&machine, &[&ada]);
        ada.meddle(ada.with_a_full_disk());
        let ended = machine.cback("stage").on(DAY).run().with_status(10);
        let screen = ended
            .says(&["ada: staged, but it cannot be told so: cannot write "])
            .screen();
        let told = ["no space is left", "No space left"];
        assert!(told.iter().any(|text| screen.contains(text)), "{screen}");
        assert!(screen.contains("make room on that machine"), "{screen}");
        is_whole(&machine, &ada, "ada");
    }
}

#[test]
fn scp_with_its_new_protocol_says_so_too() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.collected(&[("home.tar", &tree::noise(1, 3 << 20))], Claims::Digests);
    let rcp = scp(&machine).replace("-O ", "");
    let pool = Pool {
        rcp: Some(&rcp),
        ..COMMAND
    };
    pool.master(&machine, &[&ada]);
    let stage = || machine.cback("stage").on(DAY);
    let ends = machine.with_little_room("stage", "1m", &stage(), &[stage()]);
    let [full, again]: [Ended; 2] = ends.try_into().unwrap();
    full.with_status(6).says(&["ada: no room for "]);
    again.well_and_silent();
    // And the client's disk.
    fs::remove_file(ada.collect().join("cback.stage")).unwrap();
    ada.collected(&[("home.tar", b"small")], Claims::Digests);
    ada.meddle(ada.with_a_full_disk());
    let ended = machine.cback("stage").on(DAY).run().with_status(10);
    ended.says(&["ada: staged, but it cannot be told so: cannot write "]);
}
