//! Managed clients: the master asks them to run actions, and what becomes of that.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::machine::Machine;
use crate::master::{COMMAND, MANAGED, NATIVE, Pool, answers};
use crate::sshd::{Claims, Sshd};
use crate::tree;

#[test]
fn a_managed_client_does_what_it_is_asked_and_tells_how_it_ended() {
    for way in [NATIVE, COMMAND] {
        let (machine, client) = (Machine::new(), Machine::new());
        let ada = Sshd::start(&machine, "ada");
        fs::write(client.path("source/file"), "on the client").unwrap();
        answers(&client, &ada, "--allow collect");
        let pool = Pool {
            peer: MANAGED,
            ..way
        };
        pool.master(&machine, &[&ada]);
        let way = way.transport;
        machine.cback("-N collect").run().well_and_silent();
        assert!(client.path("collect/cback.collect").exists(), "{way}");
        assert!(!machine.path("collect/cback.collect").exists(), "{way}");
        // What the client did not allow is this client's problem, and no matter of its key.
        let ended = machine.cback("-N purge").run().with_status(10).says(&[
            "ada: the managed action purge failed",
            "does not allow `cback purge`",
            "cback agent --allow ACTION --print-key-line",
        ]);
        assert!(
            !ended.screen().contains("has the backup user's key"),
            "{}",
            ended.screen()
        );
        // So is what fails there.
        fs::remove_dir_all(client.path("collect")).unwrap();
        let ended = machine.cback("-N --output collect").run().with_status(10);
        ended.says(&["ada: the managed action collect failed", "status 6"]);
        assert!(machine.log().contains("ada: "), "{}", machine.log());
    }
}

#[test]
fn managed_clients_work_at_the_same_time_and_are_told_in_their_order() {
    let (machine, first, second) = (Machine::new(), Machine::new(), Machine::new());
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    // One waits until the other writes: this ends only if both work.
    let fifo = machine.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let hooks = [
        format!("timeout 300 cat {}", fifo.display()),
        format!("echo x | timeout 300 tee {}", fifo.display()),
    ];
    for ((client, peer), hook) in [(&first, &ada), (&second, &bob)].into_iter().zip(hooks) {
        let hook = format!(
            "<pre_action_hook><action>collect</action><command>{hook}</command></pre_action_hook></options>"
        );
        client.configure(|text| text.replace("</options>", &hook));
        answers(client, peer, "--allow collect");
    }
    let pool = Pool {
        peer: MANAGED,
        ..NATIVE
    };
    pool.master(&machine, &[&ada, &bob]);
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
    for (way, agent) in [(NATIVE, true), (COMMAND, true), (NATIVE, false)] {
        let (machine, client) = (Machine::new(), Machine::new());
        let ada = Sshd::start(&machine, "ada");
        ada.collected(&[("a", b"a")], Claims::Nothing);
        let mark = machine.path("mark");
        if agent {
            answers(&client, &ada, "--allow collect");
        }
        // A cback of another kind, which takes no notice of switches.
        let script = machine.path("other");
        let text = format!("#!/bin/sh\necho \"$@\" >> {}\n", mark.display());
        tree::program(&script, text);
        let pool = Pool {
            peer: MANAGED,
            cback: if agent {
                "cback"
            } else {
                script.to_str().unwrap()
            },
            ..way
        };
        pool.master(&machine, &[&ada]);
        let ended = machine.cback("-N --dry-run collect").run().well();
        assert!(ended.stdout.contains("collect on managed peers: ada"));
        let (own, named) = ("ada: 1. collect", "ada: would be asked");
        let asked = (way.transport, agent) == ("native", true);
        assert_eq!(ended.stdout.contains(own), asked, "{}", ended.stdout);
        assert_eq!(ended.stdout.contains(named), !asked, "{}", ended.stdout);
        assert!(!client.path("collect/cback.collect").exists());
        machine.cback("-N --dry-run --json collect").run().well();
        let called = fs::read_to_string(&mark).unwrap_or_default();
        assert!(!called.contains("collect"), "{called}");
    }
}

#[test]
fn a_client_whose_key_is_kept_to_files_says_that_it_runs_nothing() {
    for (way, forced, told) in [
        (
            NATIVE,
            "internal-sftp",
            "the key is kept to the SFTP server",
        ),
        (
            NATIVE,
            "/usr/lib/openssh/sftp-server",
            "the key is kept to the SFTP server",
        ),
        (
            COMMAND,
            "internal-sftp",
            "ada: the managed action collect failed",
        ),
        (NATIVE, "exit 126", "does not allow `cback collect`"),
        (COMMAND, "exit 126", "does not allow `cback collect`"),
        (
            NATIVE,
            "echo one; echo two; echo three; echo four; exit 3",
            "status 3: two / three / four\n",
        ),
        (
            COMMAND,
            "echo sorry; exit 3",
            "`cback collect` ended there with status 3: sorry\n",
        ),
        (NATIVE, "exit 127", "say with `<cback_command>` what"),
        (NATIVE, "exit 127", "status 127: it is not found there"),
        (COMMAND, "exit 127", "status 127: it is not found there"),
        (NATIVE, "kill -9 $$", "signal KILL"),
    ] {
        let machine = Machine::new();
        let ada = Sshd::start(&machine, "ada");
        ada.authorize(&format!("restrict,command=\"{forced}\""));
        Pool {
            peer: MANAGED,
            ..way
        }
        .master(&machine, &[&ada]);
        let ended = machine.cback("-N collect").run();
        let ended = ended.with_status(10).says(&[told]);
        assert!(!ended.screen().contains("authorized_keys has"), "{forced}");
    }
}

/// Long enough for every machine that works, however busy we are.
const LIMIT: &str = "<max_time>15 s</max_time>";
const OVER: &str = "it took more than 15 seconds";

#[test]
fn a_client_that_never_ends_is_given_up_when_its_time_is_over() {
    // All at once, since all of them wait.
    std::thread::scope(|scope| {
        for (way, agent) in [(NATIVE, false), (COMMAND, false), (NATIVE, true)] {
            scope.spawn(move || never_ends(way, agent));
        }
    });
}

fn never_ends(way: Pool<'static>, agent: bool) {
    let (machine, client) = (Machine::new(), Machine::new());
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    let gate = client.path("gate");
    if agent {
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let hook = format!(
            "<pre_action_hook><action>collect</action><command>timeout 300 cat {}</command></pre_action_hook>",
            gate.display()
        );
        client.configure(|text| text.replace("</options>", &format!("{hook}</options>")));
        answers(&client, &ada, "--allow collect");
    } else {
        let endless = machine.path("endless");
        let script = "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in *agent) exit 1;; esac\n\
                      while echo still at work; do sleep 0.2; done\n";
        tree::program(&endless, script);
        ada.configure(&format!("ForceCommand {}", endless.display()));
    }
    let other = Machine::new();
    answers(&other, &bob, "--allow collect");
    let pool = Pool {
        peer: MANAGED,
        stage: LIMIT,
        ..way
    };
    pool.master(&machine, &[&ada, &bob]);
    let ended = machine.cback("-N collect").run().with_status(10);
    let told = format!("ada: the managed action collect failed: {OVER}");
    ended.says(&[&told]);
    assert!(other.path("collect/cback.collect").exists(), "{agent}");
    if agent {
        // Whoever waits there may go on; perhaps nobody does any more.
        let gate = fs::File::options()
            .write(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(gate);
        drop(gate);
    }
}

#[test]
fn what_clients_print_is_in_the_log_line_by_line_with_their_names() {
    for way in [NATIVE, COMMAND] {
        let machine = Machine::new();
        let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
        let gate = machine.path("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (peer, waits) in [
            (&ada, "timeout 300 cat"),
            (&bob, "echo x | timeout 300 tee"),
        ] {
            let program = peer.path("cback");
            let script = format!(
                "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in *agent) exit 1;; esac\n\
                 echo first; printf 'odd \\033[2J\\377\\n' >&2; {waits} {}; echo \"$SSH_ORIGINAL_COMMAND\"\n",
                gate.display()
            );
            tree::program(&program, script);
            peer.configure(&format!("ForceCommand {}", program.display()));
        }
        let pool = Pool {
            peer: MANAGED,
            ..way
        };
        pool.master(&machine, &[&ada, &bob]);
        machine.cback("-N --full --output collect").run().well();
        let log = machine.log();
        for line in [
            "ada: first\n",
            "bob: first\n",
            "ada: odd \\u{1b}[2J\\xff\n",
            "ada: x\n",
            "ada: cback --full collect\n",
            "bob: cback --full collect\n",
        ] {
            assert!(
                log.contains(line),
                "{}: no {line:?} in\n{log}",
                way.transport
            );
        }
        assert!(!log.contains('\x1b'));
    }
}

#[test]
fn a_machine_that_drips_is_given_up_when_its_time_is_over() {
    // All at once, since all of them wait.
    std::thread::scope(|scope| {
        for (way, server, mode) in [
            (NATIVE, "hostile_sftp.py", "drips"),
            (NATIVE, "hostile_agent.py", "indicator"),
            (NATIVE, "hostile_agent.py", "listing"),
            (NATIVE, "hostile_agent.py", "file"),
            (NATIVE, "hostile_agent.py", "greeting"),
            (COMMAND, "hostile_scp.py", "drips"),
        ] {
            scope.spawn(move || drips(way, server, mode));
        }
    });
}

fn drips(way: Pool<'static>, server: &str, mode: &str) {
    let machine = Machine::new();
    let good = Sshd::start(&machine, "good");
    let evil = Sshd::start(&machine, "evil");
    good.collected(&[("a", b"a")], Claims::Digests);
    let server = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/e2e")
        .join(server);
    evil.configure(&format!(
        "ForceCommand /usr/bin/python3 {} {mode}",
        server.display()
    ));
    let pool = Pool {
        stage: LIMIT,
        ..way
    };
    pool.master(&machine, &[&evil, &good]);
    let mut ended = machine.cback("stage").on(crate::master::DAY).run();
    ended.call = format!("{server:?} {mode}");
    let told = format!("evil: {OVER}, which is over its limit");
    ended.with_status(10).says(&[&told]);
    assert!(crate::master::staged(&machine, "good").join("a").exists());
    assert!(!crate::master::staged(&machine, "evil").exists(), "{mode}");
}
