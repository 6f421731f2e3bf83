//! The master's keys: of every kind, with a passphrase, in an agent.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::call::Call;
use crate::machine::Machine;
use crate::master::{DAY, NATIVE, Pool, ssh_config, ssh_says, staged};
use crate::sshd::{Claims, Sshd, generate};
use crate::tree;

const PASSPHRASE: &str = "secret words";

/// A machine with a master whose key has a passphrase, and one peer.
fn locked() -> (Machine, Sshd) {
    let machine = Machine::new();
    let ada = Sshd::start(&machine, "ada");
    ada.collected(&[("a", b"a")], Claims::Digests);
    for file in [ada.identity(), ada.identity().with_extension("pub")] {
        fs::remove_file(file).unwrap();
    }
    generate(&ada.identity(), "ed25519", PASSPHRASE);
    ada.authorize("");
    NATIVE.master(&machine, &[&ada]);
    (machine, ada)
}

/// A real `ssh-agent`.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(machine: &Machine) -> Self {
        let socket = machine.path("agent.sock");
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent of openssh-client; tests/run installs it");
        // The socket is there a moment before somebody listens on it.
        while UnixStream::connect(&socket).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "ssh-agent has ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, socket }
    }

    /// Gives it the key of `peer`'s master.
    fn add(&self, machine: &Machine, peer: &Sshd) {
        self.add_file(machine, &peer.identity());
    }

    fn add_file(&self, machine: &Machine, file: &Path) {
        let ask = machine.path("ask");
        tree::program(&ask, format!("#!/bin/sh\necho '{PASSPHRASE}'\n"));
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(file)
            .env("SSH_AUTH_SOCK", &self.socket)
            .env("SSH_ASKPASS", ask)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::null())
            .status();
        assert!(added.unwrap().success());
    }

    /// Where it is, for the environment.
    fn said<'a>(&self, call: Call<'a>) -> Call<'a> {
        let socket = format!("SSH_AUTH_SOCK={}", self.socket.display());
        call.under(["env", &socket])
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes the lines with `keyword` out of what SSH is told.
fn without(machine: &Machine, keyword: &str) {
    let config = ssh_config(machine);
    let text = fs::read_to_string(&config).unwrap();
    let kept = text.lines().filter(|line| !line.contains(keyword));
    fs::write(config, kept.collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn a_key_in_an_agent_is_shown() {
    for names_file in [true, false] {
        let (machine, ada) = locked();
        let agent = Agent::start(&machine);
        if !names_file {
            without(&machine, "IdentityFile");
        }
        let stage = || machine.cback("stage").on(DAY);
        // Nobody can open the file, and the agent has nothing.
        let ended = agent.said(stage()).run().with_status(6);
        let told = if names_file {
            "without its passphrase"
        } else {
            "has no key to show"
        };
        ended.says(&["ada: ", "refused", told]);
        agent.add(&machine, &ada);
        stage().run().with_status(6);
        agent.said(stage()).run().well_and_silent();
        assert!(staged(&machine, "ada").join("a").exists());
        // As ssh_config says where it is, without anything in the environment.
        fs::remove_dir_all(machine.path("stage/2026")).unwrap();
        fs::remove_file(ada.collect().join("cback.stage")).unwrap();
        ssh_says(
            &machine,
            &format!("IdentityAgent {}", agent.socket.display()),
        );
        stage().run().well_and_silent();
        ssh_says(&machine, "Host ada\n  IdentityAgent none");
        agent.said(stage()).run().with_status(10);
    }
}

#[test]
fn of_an_agents_keys_only_those_of_the_named_files_are_shown_where_ssh_config_says_so() {
    let (machine, ada) = locked();
    let agent = Agent::start(&machine);
    agent.add(&machine, &ada);
    let other = machine.path("other");
    generate(&other, "ed25519", "");
    without(&machine, "IdentityFile");
    ssh_says(
        &machine,
        &format!(
            "Host ada\n  IdentitiesOnly yes\n  IdentityFile {}",
            other.display()
        ),
    );
    let stage = || agent.said(machine.cback("stage").on(DAY)).run();
    let ended = stage()
        .with_status(6)
        .says(&["the key ", "other is not accepted"]);
    assert!(!ended.screen().contains("agent"), "{}", ended.screen());
    ssh_says(
        &machine,
        &format!("Host ada\n  IdentityFile {}", ada.identity().display()),
    );
    stage().well_and_silent();
}

#[test]
fn a_host_that_has_seen_enough_keys_is_told_as_that() {
    let (machine, ada) = locked();
    let agent = Agent::start(&machine);
    without(&machine, "IdentityFile");
    ada.configure("MaxAuthTries 3");
    for number in 1..=6 {
        let other = machine.path(format!("other{number}"));
        generate(&other, "ed25519", "");
        agent.add_file(&machine, &other);
    }
    agent.add(&machine, &ada);
    let stage = || agent.said(machine.cback("stage").on(DAY)).run();
    let ended = stage().with_status(6);
    let ended = ended.says(&["it ended the talk", "IdentitiesOnly"]);
    // Of keys that were not shown nobody says that they are not accepted.
    let told = ended.stderr.matches("is not accepted").count();
    assert!(told <= 4, "{}", ended.stderr);
    let identity = ada.identity();
    let lines = format!(
        "Host ada\n  IdentitiesOnly yes\n  IdentityFile {}",
        identity.display()
    );
    ssh_says(&machine, &lines);
    stage().well_and_silent();
}

#[test]
fn an_agent_that_does_not_answer_is_named() {
    let (machine, _ada) = locked();
    let nowhere = machine.path("nowhere");
    let call = machine.cback("stage").on(DAY);
    let call = call.under([
        "env".to_owned(),
        format!("SSH_AUTH_SOCK={}", nowhere.display()),
    ]);
    let told = format!("the agent at {} does not answer", nowhere.display());
    call.run().with_status(6).says(&[&told]);
}

#[test]
fn a_passphrase_comes_as_a_credential_of_systemd() {
    let (machine, _ada) = locked();
    let dir = machine.path("credentials");
    let variable = format!("CREDENTIALS_DIRECTORY={}", dir.display());
    let stage = || machine.cback("stage").on(DAY).under(["env", &variable]);
    fs::create_dir(&dir).unwrap();
    stage()
        .run()
        .with_status(6)
        .says(&["without its passphrase"]);
    fs::write(dir.join("ssh-passphrase"), "another\n").unwrap();
    stage()
        .run()
        .with_status(6)
        .says(&["does not open with the passphrase"]);
    fs::write(dir.join("ssh-passphrase"), format!("{PASSPHRASE}\n")).unwrap();
    stage().run().well_and_silent();
    assert!(staged(&machine, "ada").join("a").exists());
    assert!(!machine.log().contains(PASSPHRASE) && !machine.log().contains("another"));
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
        NATIVE.master(&machine, &[&ada]);
        if !passphrase.is_empty() {
            let ended = machine.cback("stage").on(DAY).run().with_status(6);
            ended.says(&["without its passphrase"]);
            let file = machine.path("passphrase");
            fs::write(&file, format!("{passphrase}\n")).unwrap();
            let options = format!("<passphrase_file>{}</passphrase_file>", file.display());
            let pool = Pool {
                options: &options,
                ..NATIVE
            };
            pool.master(&machine, &[&ada]);
        }
        machine.cback("stage").on(DAY).run().well_and_silent();
        assert!(staged(&machine, "ada").join("a").exists(), "{kind}");
    }
}
