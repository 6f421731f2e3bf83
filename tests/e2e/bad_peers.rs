//! Peers that are odd, slow or hostile in ways of their own: the master is done with them in time, and nobody else pays.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use crate::call::said;
use crate::machine::Machine;
use crate::master::{DAY, NATIVE, is_whole, lock_to_agent, ssh_says, staged};
use crate::sshd::{Claims, Sshd, cut_after};
use crate::tree;

#[test]
fn a_host_that_talks_without_an_end_is_given_up() {
    let machine = Machine::new();
    let [good, evil] = ["good", "evil"].map(|name| Sshd::start(&machine, name));
    for peer in [&good, &evil] {
        peer.collected(&[("a", b"a")], Claims::Digests);
    }
    NATIVE.master(&machine, &[&evil, &good]);
    ssh_says(&machine, "Host evil\n  ConnectTimeout 1\n");
    evil.meddle(|mut stream: TcpStream| {
        // Before it says that it is an SSH server, a host may say other things.
        std::thread::spawn(move || while stream.write_all(&b"hello\r\n".repeat(1000)).is_ok() {});
        None
    });
    let ended = machine.cback("stage").on(DAY).run().with_status(10);
    ended.says(&["evil: ", "talks and talks", "1 problem;"]);
    is_whole(&machine, &good, "good");
}

#[test]
fn a_client_is_waited_for_as_long_as_it_may_be_silent() {
    let machine = Machine::new();
    let slow = Sshd::start(&machine, "slow");
    slow.collected(&[("a", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&slow]);
    lock_to_agent(&machine, &slow, "");
    let keys = slow.path("authorized_keys");
    let text = fs::read_to_string(&keys).unwrap();
    // A third of what it may take; its sshd answers all the time.
    fs::write(
        &keys,
        text.replace("command=\"", "command=\"sleep 5; exec "),
    )
    .unwrap();
    ssh_says(
        &machine,
        "Host slow\n  ServerAliveInterval 5\n  ServerAliveCountMax 3\n",
    );
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &slow, "slow");
}

#[test]
fn a_program_that_makes_a_connection_is_gone_with_it() {
    const PROXY: &str = "\
import os, socket, sys, threading, time
open(sys.argv[1], 'a').write('%d\\n' % os.getpid())
there = socket.create_connection((sys.argv[2], int(sys.argv[3])))
def up():
    while data := os.read(0, 65536):
        there.sendall(data)
threading.Thread(target=up, daemon=True).start()
while True:
    data = there.recv(65536)
    os.write(1, data) if data else time.sleep(1)
";
    let machine = Machine::new();
    let [jump, far] = ["jump", "far"].map(|name| Sshd::start(&machine, name));
    for peer in [&jump, &far] {
        peer.collected(&[("a", b"a")], Claims::Digests);
    }
    NATIVE.master(&machine, &[&jump, &far]);
    let (proxy, began) = (machine.path("proxy.py"), machine.path("began"));
    tree::file(&proxy, PROXY);
    // Never ends by itself, neither when nobody listens any more nor when nobody talks.
    ssh_says(
        &machine,
        &format!(
            "Host jump\n  ProxyCommand /usr/bin/python3 {} {} %h %p\nHost far\n  ProxyJump jump\n",
            proxy.display(),
            began.display()
        ),
    );
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &jump, "jump");
    is_whole(&machine, &far, "far");
    let began = fs::read_to_string(began).unwrap();
    assert!(began.lines().count() >= 2, "{began}");
    for number in began.lines() {
        assert!(!Path::new("/proc").join(number).exists(), "{number} runs");
    }
}

#[test]
fn what_only_its_owner_may_not_read_is_stored_and_continued_all_the_same() {
    let machine = Machine::new();
    let [good, odd] = ["good", "odd"].map(|name| Sshd::start(&machine, name));
    good.collected(&[("a", b"a")], Claims::Digests);
    let large = tree::noise(7, 2_000_000);
    odd.collected(
        &[("none", b"none"), ("readable", b"r"), ("z", &large)],
        Claims::Digests,
    );
    tree::mode(&odd.collect().join("none"), 0o000);
    tree::mode(&odd.collect().join("readable"), 0o444);
    NATIVE.master(&machine, &[&odd, &good]);
    odd.meddle(cut_after(1_000_000));
    machine.cback("stage").on(DAY).run().with_status(10);
    odd.leave_alone();
    machine.cback("stage store").on(DAY).run().well_and_silent();
    is_whole(&machine, &good, "good");
    let mode = fs::metadata(staged(&machine, "odd").join("none"));
    assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_cleared_away_keeps_nobody_from_being_staged() {
    let machine = Machine::new();
    let good = Sshd::start(&machine, "good");
    good.collected(&[("a", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&good]);
    let left = machine.path("stage/2026/11/20/.evil.partial");
    tree::file(left.join("deep/file"), "x");
    tree::mode(&left.join("deep"), 0o000);
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert!(!left.exists());
    is_whole(&machine, &good, "good");
    if said("id", &["-u"]) != "0" {
        return;
    }
    // Of somebody else, who may not be deprived of it.
    tree::file(left.join("deep/file"), "x");
    for dir in ["deep", ""] {
        chown(left.join(dir), Some(54_321), Some(54_321)).unwrap();
    }
    fs::remove_dir_all(machine.path("stage/2026/11/21")).unwrap();
    fs::remove_file(good.collect().join("cback.stage")).unwrap();
    let weak = "--bounding-set=-dac_override,-dac_read_search,-fowner";
    let call = machine.cback("stage").on(DAY).under(["setpriv", weak]);
    let ended = call.run().with_status(10);
    ended.says(&[
        "2026/11/20: what an interrupted run left is still there: cannot clear .evil.partial away: Permission denied",
        "1 problem;",
    ]);
    is_whole(&machine, &good, "good");
}

#[test]
fn a_shell_that_greets_is_told_as_that() {
    let machine = Machine::new();
    let peer = Sshd::start(&machine, "ada");
    peer.collected(&[("a", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&peer]);
    // Whatever is asked for goes through it.
    peer.configure("ForceCommand echo; printf 'Welcome to \\033[1mada\\n'; cat");
    let ended = machine.cback("stage").on(DAY).run().with_status(6);
    ended.says(&[
        "ada: ",
        "prints `Welcome to \\u{1b}[1mada` where its SFTP server should answer",
        "~/.bashrc",
    ]);
}
