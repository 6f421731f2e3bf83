//! Cedar Backup 3 itself in one pool with us, over real `sshd`s: its master with our client, our master with its client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::call::said;
use crate::cedar::python;
use crate::machine::Machine;
use crate::master::{COMMAND, MANAGED, NATIVE, Pool, answers, files, scp, ssh};
use crate::sshd::Sshd;
use crate::tree;

/// The program of Cedar Backup 3.
fn cback3() -> PathBuf {
    python().with_file_name("cback3")
}

/// Runs it on `machine`, whose configuration for it is `cedar.conf`, and demands that its log has no error.
#[track_caller]
fn cedar(machine: &Machine, words: &str) -> String {
    let mut command = Command::new(cback3());
    command
        .arg("-c")
        .arg(machine.path("cedar.conf"))
        .arg("-l")
        .arg(machine.path("cedar.log"))
        .args(words.split(' '));
    let output = machine.at_home(&mut command).output().unwrap();
    let log = fs::read_to_string(machine.path("cedar.log")).unwrap_or_default();
    let told = format!("{words}: {output:?}\n{log}");
    assert!(output.status.success(), "{told}");
    assert!(
        !log.contains("] ERROR") && !log.contains("[ERROR"),
        "{told}"
    );
    log
}

/// Writes a configuration for it.
fn configure(machine: &Machine, sections: &str) {
    let text = format!(
        "<?xml version=\"1.0\"?><cb_config><reference/><options><starting_day>monday</starting_day>\
         <working_dir>{}</working_dir><backup_user>{}</backup_user><backup_group>{}</backup_group>\
         <rcp_command>{} -q</rcp_command><rsh_command>{}</rsh_command></options>{sections}</cb_config>",
        machine.path("work").display(),
        said("id", &["-un"]),
        said("id", &["-gn"]),
        scp(machine),
        ssh(machine),
    );
    fs::write(machine.path("cedar.conf"), text).unwrap();
}

/// What its master has of `ada`; it stages for the real day.
fn staged(machine: &Machine) -> PathBuf {
    let mut dir = machine.path("stage");
    for _ in 0..3 {
        let mut entries = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        dir = entries.find(|path| path.is_dir()).unwrap();
    }
    dir.join("ada")
}

/// Every regular file in a collect directory, but for what masters write.
fn collected(dir: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.remove("cback.stage");
    assert!(
        files.len() > 1 && files.contains_key("cback.collect"),
        "{:?}",
        files.keys()
    );
    files
}

/// A client of ours whose collect directory is behind `peer`, with something to collect.
fn our_client(machine: &Machine) -> (Machine, Sshd) {
    let client = Machine::new();
    // What was never staged may go, too: that is not what this is about.
    client.configure(|text| text.replace("<purge>", "<purge><only_copy>purge</only_copy>"));
    let peer = Sshd::start(machine, "ada");
    tree::file(client.path("source/etc/motd"), "on the client");
    tree::file(client.path("source/noise"), tree::noise(3, 300_000));
    (client, peer)
}

/// Its master for that client, which is asked for `managed` by `cback_command`.
fn their_master(machine: &Machine, collect: &Path, cback_command: &str) {
    configure(
        machine,
        &format!(
            "<peers><peer><name>ada</name><type>remote</type><collect_dir>{}</collect_dir><managed>Y</managed>\
             <managed_actions>collect, purge</managed_actions><cback_command>{cback_command}</cback_command></peer></peers>\
             <stage><staging_dir>{}</staging_dir></stage>",
            collect.display(),
            machine.path("stage").display(),
        ),
    );
}

#[test]
fn a_master_of_cedar_backup_is_served_by_our_client() {
    for agent in [false, true] {
        let machine = Machine::new();
        let (client, peer) = our_client(&machine);
        let ours = format!(
            "{} --config {} --logfile {}",
            env!("CARGO_BIN_EXE_cback"),
            client.path("cback.conf").display(),
            client.path("log").display()
        );
        let command = if agent {
            answers(&client, &peer, "--allow collect --allow purge");
            "/usr/bin/cback"
        } else {
            &ours
        };
        let collect = client.path("collect");
        their_master(&machine, &collect, command);

        // It lets our client collect, and fetches everything byte for byte.
        cedar(&machine, "-N collect");
        let there = collected(&collect);
        cedar(&machine, "stage");
        assert_eq!(files(&staged(&machine)), there, "{agent}");
        assert!(staged(&machine).with_file_name("cback.stage").exists());

        // Our client knows that it was staged: what is new since then is an increment beside the archive.
        assert_eq!(fs::read(collect.join("cback.stage")).unwrap(), b"");
        let archives = |suffix: &str| {
            let names = files(&collect).into_keys();
            names.filter(|name| name.ends_with(suffix)).count()
        };
        assert_eq!((archives(".tar.gz"), archives("+2.tar.gz")), (1, 0));
        Machine::settle();
        tree::file(client.path("source/new"), "new");
        client.cback("collect").run().well_and_silent();
        assert_eq!(archives("+2.tar.gz"), 1, "{:?}", files(&collect).keys());

        // A full one, and what is asked of the client beside that.
        let before = files(&collect);
        cedar(&machine, "-N --full collect");
        assert_ne!(files(&collect), before, "{agent}");
        cedar(&machine, "-N purge");
        assert_eq!(archives(".tar.gz"), 0, "{agent}");
    }
}

#[test]
fn what_our_client_does_not_allow_is_an_error_for_a_master_of_cedar_backup() {
    let machine = Machine::new();
    let (client, peer) = our_client(&machine);
    answers(&client, &peer, "--allow collect");
    their_master(&machine, &client.path("collect"), "/usr/bin/cback");
    cedar(&machine, "-N collect");
    let mut command = Command::new(cback3());
    command
        .arg("-c")
        .arg(machine.path("cedar.conf"))
        .arg("-l")
        .arg(machine.path("cedar.log"))
        .args(["--output", "-N", "purge"])
        .stderr(Stdio::null());
    machine.at_home(&mut command).output().unwrap();
    let log = fs::read_to_string(machine.path("cedar.log")).unwrap();
    assert!(log.contains("ERROR"), "{log}");
    assert!(
        log.contains("is not allowed here; nothing was done"),
        "{log}"
    );
}

#[test]
fn a_client_of_cedar_backup_is_served_by_our_master() {
    for way in [NATIVE, COMMAND] {
        let (machine, client) = (Machine::new(), Machine::new());
        let peer = Sshd::start(&machine, "ada");
        tree::file(client.path("source/etc/motd"), "on the client");
        tree::file(client.path("source/noise"), tree::noise(3, 300_000));
        fs::create_dir_all(client.path("home/.ssh")).unwrap();
        configure(
            &client,
            &format!(
                "<collect><collect_dir>{}</collect_dir><collect_mode>daily</collect_mode><archive_mode>targz</archive_mode>\
                 <ignore_file>.cbignore</ignore_file><dir><abs_path>{}</abs_path></dir></collect>\
                 <purge><dir><abs_path>{}</abs_path><retain_days>0</retain_days></dir></purge>",
                peer.collect().display(),
                client.path("source").display(),
                peer.collect().display(),
            ),
        );
        let command = format!(
            "{} -c {} -l {}",
            cback3().display(),
            client.path("cedar.conf").display(),
            client.path("cedar.log").display()
        );
        let pool = Pool {
            peer: MANAGED,
            cback: &command,
            ..way
        };
        pool.master(&machine, &[&peer]);
        let what = way.transport;

        // Our master lets it collect, and fetches everything byte for byte.
        machine.cback("-N collect").run().well_and_silent();
        let there = collected(&peer.collect());
        machine.cback("stage").run().well_and_silent();
        assert_eq!(files(&staged(&machine)), there, "{what}");
        let told = fs::read_to_string(peer.collect().join("cback.stage")).unwrap();
        assert!(told.starts_with("# staged "), "{told}");
        machine.cback("status").run().well().says(&["ada  staged "]);

        // It is not disturbed by what our master left there, nor by our asking for an agent.
        let log = fs::read_to_string(client.path("cedar.log")).unwrap();
        assert!(!log.contains("[ERROR"), "{log}");
        machine.cback("-N --full collect").run().well_and_silent();
        machine.cback("stage").run().well();
        machine.cback("-N purge").run().well_and_silent();
        assert_eq!(fs::read_dir(peer.collect()).unwrap().count(), 0, "{what}");
    }
}
