//! Peers on other machines, reached by SSH.

use std::fs;

use crate::machine::Machine;
use crate::master::{
    COMMAND, DAY, NATIVE, is_whole, lock_to_agent, ssh_config, ssh_says, staged, wait_not_long_for,
};
use crate::sshd::{Claims, Sshd, cut_after};

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
        NATIVE.master(&machine, &[&ada]);
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
    NATIVE.master(&machine, &[good, late, dead, foreign, closed, nowhere]);
    let fingerprint = foreign.fingerprint();
    machine.cback("stage").on(DAY).run().with_status(10).says(&[
        "late: not ready",
        "dead: [127.0.0.1]:",
        "cannot be reached: it ended the connection",
        "foreign: the host key of [127.0.0.1]:",
        "it has changed",
        "if the machine really has a new key",
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
    NATIVE.master(&machine, &[&ada]);
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

#[test]
fn every_way_brings_the_same() {
    for (way, agent) in [
        (NATIVE, false),
        (COMMAND, false),
        (NATIVE, true),
        (COMMAND, true),
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
            way.master(&machine, &[&ada]);
            let way = way.transport;
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
        NATIVE.master(&machine, &[&ada]);
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
            .arg(ssh_config(&machine))
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
    for (way, agent) in [(NATIVE, false), (COMMAND, false), (NATIVE, true)] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("good", b"good"), ("bad", b"bad")], Claims::Digests);
        fs::write(ada.collect().join("bad"), "BAD").unwrap();
        if agent {
            lock_to_agent(&machine, &ada, "");
        }
        way.master(&machine, &[&ada]);
        let ended = machine.cback("stage").on(DAY).run().with_status(10);
        ended.says(&["bad: it is not what was collected"]);
        assert!(!staged(&machine, "ada").join("bad").exists());
        assert!(staged(&machine, "ada").join("good").exists());
    }
}

#[test]
fn a_machine_that_allows_nothing_but_sftp_is_staged() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.configure("ForceCommand internal-sftp");
    ada.collected(&[("a.tar", b"a")], Claims::Digests);
    NATIVE.master(&machine, &[&ada]);
    machine.cback("stage").run().well_and_silent();
}

/// Its disks have to start, or it is busy: that is no silence as long as it is shorter than what is allowed (20 seconds
/// here), and longer than what comes between two signs of life.
#[test]
fn a_machine_that_takes_its_time_to_answer_is_waited_for() {
    std::thread::scope(|scope| {
        for agent in [false, true] {
            scope.spawn(move || {
                let machine = Machine::new();
                let bob = Sshd::start(&machine, "bob");
                bob.collected(&[("a", b"a")], Claims::Digests);
                if agent {
                    lock_to_agent(&machine, &bob, "");
                } else {
                    bob.authorize("restrict,command=\"exec /usr/lib/openssh/sftp-server\"");
                }
                let keys = bob.path("authorized_keys");
                let text = fs::read_to_string(&keys).unwrap();
                let slow = text.replace("command=\"", "command=\"sleep 6; ");
                assert_ne!(slow, text);
                fs::write(&keys, slow).unwrap();
                NATIVE.master(&machine, &[&bob]);
                wait_not_long_for(&machine, "bob");
                machine.cback("stage").on(DAY).run().well_and_silent();
                is_whole(&machine, &bob, "bob");
            });
        }
    });
}

#[test]
fn a_host_that_says_nothing_is_not_waited_for() {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ssh_says(&machine, "Host ada\n  ConnectTimeout 1");
    ada.collected(&[("a", b"a")], Claims::Digests);
    let held = std::sync::Mutex::new(Vec::new());
    ada.meddle(move |stream| {
        held.lock().unwrap().push(stream);
        None
    });
    NATIVE.master(&machine, &[&ada]);
    let ended = machine.cback("validate").run().with_status(4);
    ended.says(&["peer [ada]", "said nothing for 1 seconds"]);
}

#[test]
fn a_host_that_is_not_known_yet_is_told_otherwise_than_one_that_changed() {
    for way in [NATIVE, COMMAND] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("a", b"a")], Claims::Digests);
        way.master(&machine, &[&ada]);
        fs::write(machine.path("home/.ssh/known_hosts"), "").unwrap();
        let ended = machine.cback("validate").run().with_status(4);
        let ended = ended.says(&["the host key of ", "if it is the same, add the key to "]);
        assert!(!ended.screen().contains("really has a new key"));
        ada.know();
        machine.cback("validate").run().well();
        ada.change_host_key();
        let ended = machine.cback("validate").run().with_status(4);
        ended.says(&["the host key of ", "if the machine really has a new key"]);
    }
}

#[test]
fn the_line_for_the_agent_works_wherever_it_is_printed() {
    let (machine, client) = (Machine::new(), Machine::new());
    let ada = Sshd::start(&machine, "ada");
    let key = ada.identity().with_extension("pub");
    let call = client.cback("--config cback.conf agent --print-key-line");
    let line = call.unconfigured().arg(key).run().well().stdout;
    let config = client.path("cback.conf");
    assert!(
        line.contains(&format!("--config {} agent", config.display())),
        "{line}"
    );
    // So is the log that the actions shall write, and whose names archives shall have.
    let call =
        client.cback("--config cback.conf --logfile my.log --naming v3 agent --print-key-line");
    let key = ada.identity().with_extension("pub");
    let line = call.unconfigured().arg(key).run().well().stdout;
    let expected = format!(
        "--config {} --logfile {} --naming v3 agent",
        config.display(),
        client.path("my.log").display()
    );
    assert!(line.contains(&expected), "{line}");
}
