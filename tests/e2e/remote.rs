//! Peers on other machines, reached by SSH.

use std::fs;
use std::path::PathBuf;

use crate::machine::Machine;
use crate::sshd::{Claims, Sshd, cut_after, generate};

const DAY: &str = "2026-11-21";

/// A master whose peers are `peers`.
fn master(machine: &Machine, peers: &[&Sshd], way: &str) {
    master_of(machine, peers, way, "");
}

/// The same; `more` is put into each peer.
fn master_of(machine: &Machine, peers: &[&Sshd], way: &str, more: &str) {
    let peers: String = peers.iter().map(|peer| peer.peer(more)).collect();
    let transport = format!("<transport>{way}</transport>");
    let config = machine.path("home/.ssh/config");
    machine.configure(|text| {
        let (head, rest) = text.split_once("<peers>").unwrap();
        let (_, tail) = rest.split_once("</peers>").unwrap();
        let head = head.replace(
            "<rcp_command>/usr/bin/scp -B</rcp_command>",
            &format!(
                "{transport}<rcp_command>/usr/bin/scp -B -O -F {0}</rcp_command>\
                 <rsh_command>/usr/bin/ssh -F {0}</rsh_command><cback_command>cback</cback_command>",
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
    let runs = (1..=30).find(|_| machine.cback("stage").on(DAY).run().status == 0);
    ada.leave_alone();
    machine.cback("stage").on(DAY).run().well();
    assert!(runs.is_some_and(|runs| runs > 3), "{runs:?}");
    assert!(fs::read(staged(&machine, "ada").join("home.tar.gz")).unwrap() == large);
}

/// What the master may do on `peer`, as `cback agent` prints it for its key.
pub fn lock_to_agent(machine: &Machine, peer: &Sshd, more: &str) {
    let call = machine.cback(&format!("agent {more} --collect-dir"));
    let printed = call
        .arg(peer.collect())
        .args([
            "--print-key-line".into(),
            peer.identity().with_extension("pub"),
        ])
        .run()
        .well();
    fs::write(peer.path("authorized_keys"), printed.stdout).unwrap();
}

#[test]
fn every_way_brings_the_same() {
    for (way, agent) in [
        ("native", false),
        ("command", false),
        ("native", true),
        ("command", true),
    ] {
        for claims in [Claims::Digests, Claims::Nothing] {
            let machine = Machine::new();
            let ada = Sshd::start(&machine, "ada");
            let large = vec![7; 3 << 20];
            let files: [(&str, &[u8]); 4] = [
                ("a b", b"blank"),
                ("e\u{1b}[2J", b"escape"),
                ("empty", b""),
                ("home.tar.gz", &large),
            ];
            ada.collected(&files, claims);
            let secret = machine.path("secret");
            fs::write(&secret, "secret").unwrap();
            if agent {
                lock_to_agent(&machine, &ada, "");
            }
            master(&machine, &[&ada], way);
            machine.cback("stage").on(DAY).run().well_and_silent();
            let dir = staged(&machine, "ada");
            for (name, content) in files {
                assert!(
                    fs::read(dir.join(name)).unwrap() == content,
                    "{way} {agent} {name}"
                );
            }
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 5, "{way} {agent}");
            let told = fs::read_to_string(ada.collect().join("cback.stage")).unwrap();
            assert!(told.starts_with("# staged 2026-11-21\n"), "{told}");
        }
    }
}

#[test]
fn what_is_no_regular_file_is_told_and_never_followed() {
    for agent in [false, true] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("good", b"good")], Claims::Nothing);
        fs::write(machine.path("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(machine.path("secret"), ada.collect().join("link")).unwrap();
        fs::create_dir(ada.collect().join("dir")).unwrap();
        nix::unistd::mkfifo(&ada.collect().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        if agent {
            lock_to_agent(&machine, &ada, "");
        }
        master(&machine, &[&ada], "native");
        machine.cback("stage").on(DAY).run().with_status(10).says(&[
            "link",
            "a symbolic link",
            "dir",
            "a directory",
            "fifo",
            "a FIFO",
        ]);
        let mut names: Vec<_> = fs::read_dir(staged(&machine, "ada"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["cback.collect", "good"], "{agent}");
    }
}

#[test]
fn the_agent_does_nothing_that_is_not_allowed() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.collected(&[("a", b"a")], Claims::Nothing);
    lock_to_agent(&machine, &ada, "--allow purge");
    let ssh = |command: &str| {
        let mut ssh = std::process::Command::new("ssh");
        ssh.arg("-F")
            .arg(machine.path("home/.ssh/config"))
            .args(["-o", "BatchMode=yes", "ada"]);
        ssh.arg(command)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    };
    let mark = machine.path("mark");
    let mark = mark.display();
    for command in [
        format!("touch {mark}"),
        format!("cback purge; touch {mark}"),
        format!("cback $(touch {mark}) purge --full x"),
        format!("scp -f {}/*; touch {mark}", ada.collect().display()),
        "scp -f /etc/passwd".to_owned(),
        "scp -f /etc/*".to_owned(),
        format!("scp -t {}/x", ada.collect().display()),
        "cback collect".to_owned(),
        "cback --config /tmp/x purge".to_owned(),
        "/usr/lib/openssh/sftp-server".to_owned(),
    ] {
        let output = ssh(&command);
        assert!(!output.status.success(), "{command}: {output:?}");
        assert!(!machine.path("mark").exists(), "{command}");
        assert!(
            !String::from_utf8_lossy(&output.stdout).contains("root:"),
            "{command}"
        );
    }
    assert!(!ada.collect().join("x").exists());
}

#[test]
fn a_file_that_is_not_what_was_collected_is_left_out() {
    for (way, agent) in [("native", false), ("command", false), ("native", true)] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("good", b"good"), ("bad", b"bad")], Claims::Digests);
        fs::write(ada.collect().join("bad"), "BAD").unwrap();
        if agent {
            lock_to_agent(&machine, &ada, "");
        }
        master(&machine, &[&ada], way);
        let ended = machine.cback("stage").on(DAY).run().with_status(10);
        ended.says(&["bad: it is not what was collected"]);
        assert!(!staged(&machine, "ada").join("bad").exists());
        assert!(staged(&machine, "ada").join("good").exists());
    }
}

#[test]
fn a_managed_client_does_what_it_is_asked_and_tells_how_it_ended() {
    for way in ["native", "command"] {
        let (machine, client) = (Machine::new(), Machine::new());
        let ada = Sshd::start(&machine, "ada");
        fs::write(client.path("source/file"), "on the client").unwrap();
        let line = client
            .cback("agent --allow collect --collect-dir")
            .arg(client.path("collect"))
            .args([
                "--print-key-line".into(),
                ada.identity().with_extension("pub"),
            ])
            .run()
            .well();
        fs::write(ada.path("authorized_keys"), line.stdout).unwrap();
        let more = "<managed>Y</managed><managed_actions>collect, purge</managed_actions>";
        master_of(&machine, &[&ada], way, more);
        machine.cback("-N collect").run().well_and_silent();
        assert!(client.path("collect/cback.collect").exists(), "{way}");
        assert!(!machine.path("collect/cback.collect").exists(), "{way}");
        // What the client did not allow is this client's problem.
        machine
            .cback("-N purge")
            .run()
            .with_status(10)
            .says(&["ada: the managed action purge failed"]);
        // So is what fails there.
        fs::remove_dir_all(client.path("collect")).unwrap();
        let ended = machine.cback("-N --output collect").run().with_status(10);
        ended.says(&["ada: the managed action collect failed", "status 6"]);
        assert!(machine.log().contains("ada: "), "{}", machine.log());
    }
}

/// Makes `client` the machine that answers as `peer`, for whom `more` is allowed.
fn answers(client: &Machine, peer: &Sshd, more: &str) {
    let line = client
        .cback(&format!("agent {more} --collect-dir"))
        .arg(client.path("collect"))
        .args([
            "--print-key-line".into(),
            peer.identity().with_extension("pub"),
        ])
        .run()
        .well();
    fs::write(peer.path("authorized_keys"), line.stdout).unwrap();
}

const MANAGED: &str = "<managed>Y</managed><managed_actions>collect, purge</managed_actions>";

#[test]
fn managed_clients_work_at_the_same_time_and_are_told_in_their_order() {
    let (machine, first, second) = (Machine::new(), Machine::new(), Machine::new());
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    // One waits until the other writes: this ends only if both work.
    let fifo = machine.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let hooks = [
        format!("timeout 60 cat {}", fifo.display()),
        format!("echo x | timeout 60 tee {}", fifo.display()),
    ];
    for ((client, peer), hook) in [(&first, &ada), (&second, &bob)].into_iter().zip(hooks) {
        let hook = format!(
            "<pre_action_hook><action>collect</action><command>{hook}</command></pre_action_hook></options>"
        );
        client.configure(|text| text.replace("</options>", &hook));
        answers(client, peer, "--allow collect");
    }
    master_of(&machine, &[&ada, &bob], "native", MANAGED);
    machine.cback("-N collect").run().well_and_silent();
    for client in [&first, &second] {
        assert!(client.path("collect/cback.collect").exists());
    }
    let said = machine.cback("-N purge").run().with_status(10).stderr;
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(at("ada: ") < at("bob: "), "{said}");
}

#[test]
fn a_dry_run_asks_only_clients_that_surely_understand_it() {
    for (way, agent) in [("native", true), ("command", true), ("native", false)] {
        let (machine, client) = (Machine::new(), Machine::new());
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("a", b"a")], Claims::Nothing);
        let mark = machine.path("mark");
        if agent {
            answers(&client, &ada, "--allow collect");
        }
        master_of(&machine, &[&ada], way, MANAGED);
        if !agent {
            // A cback of another kind, which takes no notice of switches.
            let script = machine.path("other");
            let text = format!("#!/bin/sh\necho \"$@\" >> {}\n", mark.display());
            fs::write(&script, text).unwrap();
            crate::tree::mode(&script, 0o755);
            let command = format!("<cback_command>{}", script.display());
            let path = machine.path("cback.conf");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("<cback_command>cback", &command)).unwrap();
        }
        let ended = machine.cback("-N --dry-run collect").run().well();
        assert!(ended.stdout.contains("collect on managed peers: ada"));
        let (own, named) = ("ada: 1. collect", "ada: would be asked");
        let asked = (way, agent) == ("native", true);
        assert_eq!(ended.stdout.contains(own), asked, "{}", ended.stdout);
        assert_eq!(ended.stdout.contains(named), !asked, "{}", ended.stdout);
        assert!(!client.path("collect/cback.collect").exists());
        machine.cback("-N --dry-run --json collect").run().well();
        let called = fs::read_to_string(&mark).unwrap_or_default();
        assert!(!called.contains("collect"), "{called}");
    }
}

#[test]
fn a_machine_that_allows_nothing_but_sftp_is_staged() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.configure("ForceCommand internal-sftp");
    ada.collected(&[("a.tar", b"a")], Claims::Digests);
    master_of(&machine, &[&ada], "native", "");
    machine.cback("stage").run().well_and_silent();
}

#[test]
fn a_host_that_says_nothing_is_not_waited_for() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    let config = machine.path("home/.ssh/config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("Host ada\n  ConnectTimeout 1\n{text}")).unwrap();
    ada.collected(&[("a", b"a")], Claims::Digests);
    let held = std::sync::Mutex::new(Vec::new());
    ada.meddle(move |stream| {
        held.lock().unwrap().push(stream);
        None
    });
    master(&machine, &[&ada], "native");
    let ended = machine.cback("validate").run().with_status(4);
    ended.says(&["peer [ada]", "said nothing for 1 seconds"]);
}

#[test]
fn keys_of_every_kind_are_shown_and_a_passphrase_comes_from_its_file() {
    for (kind, passphrase) in [("rsa", ""), ("ecdsa", ""), ("ed25519", "secret words")] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("a", b"a")], Claims::Digests);
        for file in [ada.identity(), ada.identity().with_extension("pub")] {
            fs::remove_file(file).unwrap();
        }
        generate(&ada.identity(), kind, passphrase);
        ada.authorize("");
        master(&machine, &[&ada], "native");
        if !passphrase.is_empty() {
            let ended = machine.cback("stage").on(DAY).run().with_status(6);
            ended.says(&["without its passphrase"]);
            let file = machine.path("passphrase");
            fs::write(&file, format!("{passphrase}\n")).unwrap();
            let text = fs::read_to_string(machine.path("cback.conf")).unwrap();
            let element = format!(
                "<passphrase_file>{}</passphrase_file><rcp_command>",
                file.display()
            );
            fs::write(
                machine.path("cback.conf"),
                text.replace("<rcp_command>", &element),
            )
            .unwrap();
        }
        machine.cback("stage").on(DAY).run().well_and_silent();
        assert!(staged(&machine, "ada").join("a").exists(), "{kind}");
    }
}

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
        let config = machine.path("home/.ssh/config");
        let text = fs::read_to_string(&config).unwrap();
        let line = line.replace("CONFIG", config.to_str().unwrap());
        fs::write(&config, format!("Host ada\n  {line}\n{text}")).unwrap();
        master(&machine, &[&ada], "native");
        machine.cback("stage").on(DAY).run().well_and_silent();
        assert!(fs::read(staged(&machine, "ada").join("a")).unwrap() == large);
        assert_eq!(hop.connections(), 1, "{line}");
    }
}
