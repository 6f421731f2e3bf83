//! The extensions that work on what was staged: `encrypt` with a real `gpg`, `split`, and `capacity`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::extend::{self, configure, names, prepare, verified};
use crate::machine::Machine;
use crate::tree;

const DAY: &str = "2026-11-24";

/// Makes a key pair for `backup@example.org` in the machine's home.
fn make_key(machine: &Machine) {
    gpg(
        machine,
        &[
            "--passphrase",
            "",
            "--quick-generate-key",
            "backup@example.org",
            "default",
            "default",
            "never",
        ],
    );
}

fn gpg(machine: &Machine, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new("gpg");
    command
        .args(["--batch", "--yes", "--pinentry-mode", "loopback"])
        .args(args);
    let output = machine.at_home(&mut command).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The agent would outlive the test.
fn stop_agent(machine: &Machine) {
    let mut command = Command::new("gpgconf");
    prepare(machine.at_home(command.args(["--kill", "all"])));
}

#[test]
fn a_day_that_cannot_be_encrypted_keeps_no_other_one_open_and_nothing_is_stored_after_it() {
    let machine = extend::machine("encrypt", 250, ENCRYPT);
    make_key(&machine);
    machine.cback("collect stage").on(DAY).run().well();
    // A link that leads to itself.
    let mark = machine.path("stage/2026/11/24/cback.encrypt");
    std::os::unix::fs::symlink("cback.encrypt", mark).unwrap();
    machine
        .cback("collect stage encrypt store")
        .on("2026-11-25")
        .run()
        .with_status(6)
        .says(&["2026/11/24", "symbolic links"]);
    stop_agent(&machine);
    assert!(machine.path("stage/2026/11/25/cback.encrypt").exists());
    assert!(!machine.path("stage/2026/11/25/cback.store").exists());
}

const ENCRYPT: &str = "<encrypt><encrypt_mode>gpg</encrypt_mode><encrypt_target>backup@example.org</encrypt_target></encrypt>";

#[test]
fn staged_files_are_encrypted_stored_and_come_back() {
    let machine = extend::machine("encrypt", 250, ENCRYPT);
    // A socket's path is short; that of gpg's agent lies in its home.
    machine
        .cback("collect stage encrypt")
        .on(DAY)
        .run()
        .with_status(6)
        .says(&["there is no public key for `backup@example.org`"]);
    machine
        .cback("validate")
        .run()
        .with_status(4)
        .says(&["no public key", "gpg --import"]);
    make_key(&machine);
    machine.cback("validate").run().well();
    let day = machine.path("stage/2026/11/24");
    let plain = names(&day.join("ada"));
    let archive = plain.iter().find(|name| name.ends_with(".tar.gz")).unwrap();
    let content = fs::read(day.join("ada").join(archive)).unwrap();
    machine
        .cback("encrypt store")
        .on(DAY)
        .run()
        .well_and_silent();
    let sealed: Vec<String> = plain.iter().map(|name| format!("{name}.gpg")).collect();
    assert_eq!(names(&day.join("ada")), sealed);
    assert!(day.join("cback.encrypt").exists() && day.join("ada/cback.collect").exists());
    let listed = verified(&day);
    for name in &sealed {
        assert!(listed.contains(&format!("ada/{name}")), "{listed:?}");
    }
    let decrypted = gpg(
        &machine,
        &[
            "--decrypt",
            day.join("ada")
                .join(format!("{archive}.gpg"))
                .to_str()
                .unwrap(),
        ],
    );
    assert_eq!(decrypted, content);

    // Nothing is encrypted twice, and a second staging of the day does not stay readable.
    machine.cback("encrypt").on(DAY).run().well_and_silent();
    assert_eq!(names(&day.join("ada")), sealed);
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert!(names(&day.join("ada")).contains(archive));
    machine.cback("encrypt").on(DAY).run().well_and_silent();
    assert_eq!(names(&day.join("ada")), sealed);
    verified(&day);

    // Restoring brings the files and says what to do with them; done, it is a place to restore from.
    let kept = machine.keep("kept");
    fs::remove_dir_all(machine.path("stage")).unwrap();
    for (into, path) in [("sealed", None), ("one", Some("/etc/file"))] {
        let call = machine.cback("restore").unconfigured().args(path);
        call.args(machine.every_disc())
            .arg("--into")
            .arg(machine.path(into))
            .run()
            .with_status(10)
            .says(&["cannot be looked into", "gpg --decrypt-files", "--from"]);
    }
    let sealed_dir = machine.path("sealed/_encrypted");
    let files: Vec<String> = sealed
        .iter()
        .map(|name| {
            sealed_dir
                .join("2026/11/24/ada")
                .join(name)
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let mut words = vec!["--decrypt-files"];
    words.extend(files.iter().map(String::as_str));
    gpg(&machine, &words);
    let call = machine
        .cback("restore --from")
        .unconfigured()
        .arg(&sealed_dir);
    call.arg("--into").arg(machine.path("open")).run().well();
    tree::assert_same(&kept, &machine.restored("open"));
    stop_agent(&machine);
}

#[test]
fn a_killed_encryption_goes_on() {
    let machine = extend::machine("encrypt", 250, ENCRYPT);
    make_key(&machine);
    machine
        .cback("collect stage")
        .on(DAY)
        .run()
        .well_and_silent();
    let day = machine.path("stage/2026/11/24");
    let plain = names(&day.join("ada"));
    let sealed: Vec<String> = plain.iter().map(|name| format!("{name}.gpg")).collect();
    // At each rename and unlink of the program: killed before it takes place, and the day verifies.
    let calls = "rename,renameat,renameat2,unlink,unlinkat";
    let mut killed = 0;
    for at in 1..100 {
        let (trace, inject) = (
            format!("trace={calls}"),
            format!("inject={calls}:signal=KILL:when={at}"),
        );
        let strace = [
            "strace",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        let ended = machine.cback("encrypt").on(DAY).under(strace).run();
        verified(&day);
        let there = names(&day.join("ada"));
        for name in &plain {
            let either = there.contains(name) || there.contains(&format!("{name}.gpg"));
            assert!(either, "{there:?}");
        }
        if ended.status == 0 {
            break;
        }
        killed += 1;
        let again = machine.cback("stage").on(DAY).run();
        again.well_and_silent();
    }
    assert!(killed > 3 * sealed.len(), "{killed}");
    machine.cback("encrypt").on(DAY).run().well_and_silent();
    assert_eq!(names(&day.join("ada")), sealed);
    verified(&day);
    stop_agent(&machine);
}

fn random(path: PathBuf, bytes: usize) {
    let mut state = 88_172_645_463_325_252_u64;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(bytes)
    .collect();
    fs::write(path, content).unwrap();
}

#[test]
fn a_day_that_cannot_be_looked_into_keeps_no_later_one_from_its_turn() {
    let section = "<split><size_limit>100 KB</size_limit><split_size>40 KB</split_size></split>";
    let machine = extend::machine("split", 250, section);
    machine.cback("collect stage").on(DAY).run().well();
    // A link that leads to itself.
    let mark = machine.path("stage/2026/11/24/cback.split");
    std::os::unix::fs::symlink("cback.split", mark).unwrap();
    machine
        .cback("collect stage split")
        .on("2026-11-25")
        .run()
        .with_status(10)
        .says(&["2026-11-24: cannot use", "symbolic links"]);
    assert!(machine.path("stage/2026/11/25/cback.split").exists());
}

#[test]
fn large_files_are_split_stored_and_restored() {
    let section = "<split><size_limit>100 KB</size_limit><split_size>40 KB</split_size></split>";
    let machine = extend::machine("split", 250, section);
    random(machine.path("source/large"), 200_000);
    let kept = machine.keep("kept");
    machine.cback("all").on(DAY).run().well_and_silent();
    let day = machine.path("stage/2026/11/24");
    let whole = fs::metadata(machine.path("collect")).is_ok();
    assert!(whole);
    machine.cback("split").on(DAY).run().well_and_silent();
    let parts: Vec<String> = names(&day.join("ada"))
        .into_iter()
        .filter(|name| name.contains("tar.gz_"))
        .collect();
    assert!(
        parts.len() == 5 && parts[4].ends_with("_00004"),
        "{parts:?}"
    );
    assert!(day.join("cback.split").exists());
    verified(&day);
    // From staging alone; the disc has the whole file.
    machine.restores("--as-of 2026-11-24", &kept);
    fs::rename(machine.path("discs"), machine.path("elsewhere")).unwrap();
    let call = machine
        .cback("restore --from")
        .unconfigured()
        .arg(machine.path("stage"));
    call.arg("--into").arg(machine.path("joined")).run().well();
    tree::assert_same(&kept, &machine.restored("joined"));
}

#[test]
fn parts_come_back_from_a_disc() {
    let section = "<split><size_limit>100 KB</size_limit><split_size>40 KB</split_size></split>";
    let machine = extend::machine("split", 250, section);
    random(machine.path("source/large"), 200_000);
    let kept = machine.keep("kept");
    machine
        .cback("collect stage split store")
        .on(DAY)
        .run()
        .well_and_silent();
    fs::remove_dir_all(machine.path("stage")).unwrap();
    let call = machine
        .cback("restore")
        .unconfigured()
        .args(machine.every_disc());
    call.arg("--into").arg(machine.path("joined")).run().well();
    tree::assert_same(&kept, &machine.restored("joined"));
}

#[test]
fn a_disc_that_is_nearly_full_is_a_problem() {
    let section = |limit: &str| format!("<capacity>{limit}</capacity>");
    let machine = extend::machine("capacity", 299, &section("<min_bytes>1 GB</min_bytes>"));
    machine
        .cback("collect stage capacity store")
        .on(DAY)
        .run()
        .well_and_silent();
    for (limit, status) in [
        ("<min_bytes>4.6 GB</min_bytes>", 10),
        ("<max_percentage>50</max_percentage>", 0),
        ("<max_percentage>0.001</max_percentage>", 10),
    ] {
        configure(&machine, &[("capacity", 299)], &section(limit), &[]);
        let ended = machine.cback("capacity").on(DAY).run().with_status(status);
        if status == 10 {
            ended.says(&["CEDAR BACKUP 24-NOV-2026", "capacity limit"]);
        }
    }
}
