//! The extensions `sysinfo`, `subversion` and `mbox`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call::{foreign, said};
use crate::extend::{self, names, prepare, script, unpacked, verified};
use crate::machine::Machine;

// Mondays begin the week.
const MONDAY: &str = "2026-11-23";
const TUESDAY: &str = "2026-11-24";
const WEDNESDAY: &str = "2026-11-25";

#[test]
fn an_override_of_a_bare_name_holds_for_a_program_with_a_place() {
    let machine = extend::machine("sysinfo", 95, "");
    let overrides = [
        ("ls", script(&machine, "ls", "echo /somewhere")),
        ("dpkg", script(&machine, "dpkg", "echo mine install")),
        ("fdisk", script(&machine, "fdisk", "echo my disk")),
    ];
    extend::configure(&machine, &[("sysinfo", 95)], "", &overrides);
    machine.cback("sysinfo").on(MONDAY).run().well_and_silent();
    for (name, text) in [
        ("dpkg-selections.txt.bz2", "mine install\n"),
        ("fdisk-l.txt.bz2", "my disk\n"),
    ] {
        assert_eq!(unpacked(&machine.path("collect").join(name)), text);
    }
}

#[test]
fn a_systems_facts_are_saved() {
    let machine = extend::machine("sysinfo", 95, "");
    let overrides = [
        (
            "ls",
            script(&machine, "ls", "echo \"$@\"; echo /somewhere; exit 1"),
        ),
        (
            "/usr/bin/dpkg",
            script(&machine, "dpkg", "echo \"$1\"; echo hello install"),
        ),
        (
            "/sbin/fdisk",
            script(&machine, "fdisk", "echo half; echo no disk >&2; exit 3"),
        ),
    ];
    extend::configure(&machine, &[("sysinfo", 95)], "", &overrides);
    machine
        .cback("sysinfo collect stage")
        .on(MONDAY)
        .run()
        .with_status(10)
        .says(&["fdisk-l.txt", "no disk"]);
    let day = machine.path("stage/2026/11/23/ada");
    let staged = names(&day);
    assert!(
        !staged.iter().any(|name| name.starts_with("fdisk")),
        "{staged:?}"
    );
    assert_eq!(
        unpacked(&day.join("dpkg-selections.txt.bz2")),
        "--get-selections\nhello install\n"
    );
    assert_eq!(
        unpacked(&day.join("ls-laR.txt.bz2")),
        "-laR /\n/somewhere\n"
    );
}

#[test]
fn a_dump_is_checked_when_it_is_staged_unless_somebody_else_wrote_it() {
    const FACTS: &str = "dpkg-selections.txt.bz2";
    let machine = extend::machine("sysinfo", 95, "");
    let overrides = ["ls", "dpkg", "fdisk"].map(|name| {
        (
            name,
            script(&machine, name, &format!("echo {name} install")),
        )
    });
    extend::configure(&machine, &[("sysinfo", 95)], "", &overrides);
    let run = |actions: &str| machine.cback(actions).on(MONDAY).run();
    let facts = machine.path("collect").join(FACTS);
    let claims = || fs::read_to_string(machine.path("collect/cback.collect")).unwrap();
    let staged = || fs::read(machine.path("stage/2026/11/23/ada").join(FACTS));

    // Damaged after it was dumped.
    run("sysinfo collect").well_and_silent();
    assert!(claims().contains(FACTS), "{}", claims());
    let sound = fs::read(&facts).unwrap();
    fs::write(&facts, "damaged").unwrap();
    run("stage").with_status(10).says(&[FACTS]);
    staged().unwrap_err();

    // Dumped once more, after it was collected: nobody says what it is, and when all was there is still true.
    let then = || {
        let collected = machine.path("collect/cback.collect");
        collected.metadata().unwrap().modified().unwrap()
    };
    fs::remove_file(machine.path("collect/cback.stage")).unwrap();
    let before = then();
    run("sysinfo").well_and_silent();
    assert!(!claims().contains(FACTS), "{}", claims());
    assert_eq!(then(), before);
    run("stage").well_and_silent();
    assert_eq!(staged().unwrap(), sound);

    // Written by somebody else before it was collected: it is his.
    run("sysinfo").well_and_silent();
    fs::write(&facts, "another program's").unwrap();
    run("collect stage").well_and_silent();
    assert!(!claims().contains(FACTS), "{}", claims());
    assert_eq!(staged().unwrap(), b"another program's");
    verified(&machine.path("stage/2026/11/23"));

    // Where the claim cannot be taken back, there is no new dump, and the old one does not pass for it.
    run("sysinfo collect").well_and_silent();
    assert!(claims().contains(FACTS), "{}", claims());
    let in_the_way = machine.path("collect/.cback.collect.partial");
    fs::create_dir(&in_the_way).unwrap();
    run("sysinfo")
        .with_status(10)
        .says(&["was not dumped", "cback.collect"]);
    assert!(!facts.exists());
    fs::remove_dir(in_the_way).unwrap();
}

/// A repository with the revisions 0 to `last`.
fn repository(path: &Path, last: u32) {
    prepare(Command::new("svnadmin").arg("create").arg(path));
    commit(path, last);
}

fn commit(path: &Path, revisions: u32) {
    for number in 0..revisions {
        let message = format!("revision {number} {:?}", std::time::Instant::now());
        let url = format!("file://{}", path.display());
        let dir = format!("{url}/{}", message.replace([' ', '{', '}', ':', ','], ""));
        prepare(Command::new("svn").args(["mkdir", "-q", "-m", &message, &dir]));
    }
}

fn dumps(machine: &Machine) -> Vec<String> {
    let mut names = names(&machine.path("collect"));
    names.retain(|name| name.starts_with("svndump"));
    names
}

const SUBVERSION: &str = "<subversion><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
        <repository><type>FSFS</type><abs_path>ROOT/svn/main</abs_path></repository>
        <repository_dir><abs_path>ROOT/svn/more</abs_path><compress_mode>none</compress_mode>
          <exclude><rel_path>left</rel_path><pattern>.*/old.*</pattern></exclude></repository_dir></subversion>";

/// A machine with the repositories `svn/main`, of two revisions, and `svn/more/one`.
fn repositories() -> Machine {
    let machine = extend::machine("subversion", 99, SUBVERSION);
    fs::create_dir_all(machine.path("svn/more/left")).unwrap();
    fs::create_dir_all(machine.path("svn/more/older")).unwrap();
    fs::write(machine.path("svn/more/file"), "no repository").unwrap();
    repository(&machine.path("svn/main"), 2);
    repository(&machine.path("svn/more/one"), 0);
    machine
}

/// What the files of something on the machine are called.
fn stem(machine: &Machine, name: &str) -> String {
    let path = machine.path(name).to_str().unwrap().replacen('/', "", 1);
    path.replace('/', "-")
}

/// The dump of the repository `svn/main`.
fn dump(machine: &Machine, range: &str) -> String {
    format!("svndump-{range}-{}.txt.gz", stem(machine, "svn/main"))
}

#[test]
fn repositories_are_dumped_by_revision_and_load_again() {
    let machine = repositories();
    let file = |range: &str| dump(&machine, range);
    let all = "subversion collect stage";
    machine.cback(all).on(MONDAY).run().well_and_silent();
    let first = vec![
        format!("svndump-0:0-{}.txt", stem(&machine, "svn/more/one")),
        file("0:2"),
    ];
    assert_eq!(dumps(&machine), first);
    let state = format!("{}.svnlast", stem(&machine, "svn/main"));
    assert_eq!(
        fs::read(machine.path("work").join(&state)).unwrap(),
        b"I2\n."
    );

    // Nothing new, and then something; the master has taken what was there.
    machine.cback(all).on(TUESDAY).run().well_and_silent();
    assert_eq!(dumps(&machine), first);
    commit(&machine.path("svn/main"), 3);
    machine.cback(all).on(WEDNESDAY).run().well_and_silent();
    assert!(
        dumps(&machine).contains(&file("3:5")),
        "{:?}",
        dumps(&machine)
    );
    assert!(verified(&machine.path("stage/2026/11/25")).contains(&format!("ada/{}", file("3:5"))));

    // Every dump comes back, whatever day it is of, and together they are the repository.
    machine.restore("back", "");
    prepare(
        Command::new("svnadmin")
            .arg("create")
            .arg(machine.path("again")),
    );
    for range in ["0:2", "3:5"] {
        let text = unpacked(&machine.path("back/_files").join(file(range)));
        fs::write(machine.path("dump"), text).unwrap();
        let load = format!(
            "svnadmin load -q {} < {}",
            machine.path("again").display(),
            machine.path("dump").display()
        );
        prepare(Command::new("sh").args(["-c", &load]));
    }
    let tree = |path: PathBuf| said("svnlook", &["tree", "--full-paths", path.to_str().unwrap()]);
    assert_eq!(tree(machine.path("again")), tree(machine.path("svn/main")));
}

#[test]
fn a_repository_that_is_another_one_is_dumped_from_the_start() {
    let machine = repositories();
    let file = |range: &str| dump(&machine, range);
    let state = format!("{}.svnlast", stem(&machine, "svn/main"));
    machine
        .cback("subversion")
        .on(MONDAY)
        .run()
        .well_and_silent();
    commit(&machine.path("svn/main"), 3);

    // Cedar Backup was here in between: its state is read. It may not lie ahead of the repository.
    let cedar = |revision: u32| {
        let path = machine.path("work").join(&state);
        fs::write(&path, format!("I{revision}\n.")).unwrap();
        prepare(Command::new("touch").args(["-d", WEDNESDAY]).arg(&path));
    };
    cedar(4);
    machine
        .cback("subversion")
        .on(WEDNESDAY)
        .run()
        .well_and_silent();
    assert!(
        dumps(&machine).contains(&file("5:5")),
        "{:?}",
        dumps(&machine)
    );
    cedar(9);
    machine.cback("subversion").on(WEDNESDAY).run().well();
    assert!(
        dumps(&machine).contains(&file("0:5")),
        "{:?}",
        dumps(&machine)
    );
    assert!(
        machine.log().contains("it was made anew"),
        "{}",
        machine.log()
    );

    // Another repository in the same place.
    fs::remove_dir_all(machine.path("svn/main")).unwrap();
    repository(&machine.path("svn/main"), 7);
    machine.cback("subversion").on(WEDNESDAY).run().well();
    assert!(
        dumps(&machine).contains(&file("0:7")),
        "{:?}",
        dumps(&machine)
    );

    // A directory without any might be one that is not mounted.
    fs::rename(machine.path("svn/more"), machine.path("svn/away")).unwrap();
    fs::create_dir(machine.path("svn/more")).unwrap();
    machine
        .cback("subversion")
        .on(WEDNESDAY)
        .run()
        .with_status(10)
        .says(&["svn/more", "no repository in it"]);
    fs::remove_dir(machine.path("svn/more")).unwrap();
    fs::rename(machine.path("svn/away"), machine.path("svn/more")).unwrap();

    // One that is damaged is named, and the others are dumped.
    fs::remove_dir_all(machine.path("svn/main")).unwrap();
    fs::create_dir(machine.path("svn/main")).unwrap();
    commit(&machine.path("svn/more/one"), 1);
    machine
        .cback("subversion")
        .on(WEDNESDAY)
        .run()
        .with_status(10)
        .says(&["svn/main", "was not dumped"]);
    assert_eq!(
        dumps(&machine)[0..2],
        [
            format!("svndump-0:0-{}.txt", stem(&machine, "svn/more/one")),
            file("0:2"),
        ]
    );
    assert!(dumps(&machine).contains(&format!(
        "svndump-1:1-{}.txt",
        stem(&machine, "svn/more/one")
    )));
}

fn message(day: &str, text: &str) -> String {
    format!("From a@b Mon Nov {day} 12:00:00 2026\nSubject: {text}\n\n{text}\n\n")
}

#[test]
fn mailboxes_are_dumped_by_date_and_restored() {
    let section = "<mbox><collect_mode>incr</collect_mode><compress_mode>gzip</compress_mode>
        <file><abs_path>ROOT/mail/inbox</abs_path></file>
        <dir><abs_path>ROOT/mail/folders</abs_path><exclude><rel_path>junk</rel_path></exclude></dir></mbox>";
    let machine = extend::machine("mbox", 99, section);
    fs::create_dir_all(machine.path("mail/folders")).unwrap();
    let inbox = machine.path("mail/inbox");
    let old = message(" 2", "old");
    fs::write(&inbox, &old).unwrap();
    for name in ["friends", "junk", "lists"] {
        fs::write(machine.path("mail/folders").join(name), message(" 2", name)).unwrap();
    }
    let inbox_of = |day: &str| format!("mbox-202611{day}-{}.gz", stem(&machine, "mail/inbox"));
    let folders_of =
        |day: &str| format!("mbox-202611{day}-{}.tar.gz", stem(&machine, "mail/folders"));
    let all = "mbox collect stage";
    machine.cback(all).on(MONDAY).run().well_and_silent();
    assert_eq!(unpacked(&machine.path("collect").join(inbox_of("23"))), old);

    // Between the two dumps of Tuesday more mail comes; the second one has both.
    let append = |text: &str| {
        let before = fs::read_to_string(&inbox).unwrap();
        fs::write(&inbox, before + &message("24", text)).unwrap();
    };
    append("first");
    machine.cback("mbox").on(TUESDAY).run().well_and_silent();
    append("second");
    fs::write(machine.path("mail/folders/lists"), message("24", "lists")).unwrap();
    machine
        .cback(all)
        .on("2026-11-24 20:00:00")
        .run()
        .well_and_silent();
    let both = message("24", "first") + &message("24", "second");
    assert_eq!(
        unpacked(&machine.path("collect").join(inbox_of("24"))),
        both
    );

    let day = machine.path("stage/2026/11/24");
    assert!(verified(&day).contains(&format!("ada/{}", folders_of("24"))));
    let listed = foreign(
        &day.join("ada"),
        "tar",
        &[OsStr::new("-tvf"), folders_of("24").as_ref()],
    );
    let sizes: Vec<(&str, &str)> = listed
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[5], words[2])
        })
        .collect();
    let size = message("24", "lists").len().to_string();
    assert_eq!(sizes, [("friends", "0"), ("lists", size.as_str())]);

    // Everything comes back as it is, and joined it is the mailbox.
    machine.restore("back", "");
    let back = machine.path("back/_files");
    assert_eq!(
        unpacked(&back.join(inbox_of("23"))) + &unpacked(&back.join(inbox_of("24"))),
        fs::read_to_string(&inbox).unwrap()
    );
    assert!(back.join(folders_of("23")).exists() && back.join(folders_of("24")).exists());

    // A directory without any mailbox might be one that is not mounted.
    fs::remove_dir_all(machine.path("mail/folders")).unwrap();
    fs::create_dir(machine.path("mail/folders")).unwrap();
    machine
        .cback("mbox")
        .on(WEDNESDAY)
        .run()
        .with_status(10)
        .says(&["mail/folders", "no mailbox"]);
}

#[test]
fn a_pattern_that_cannot_tell_leaves_nothing_out_and_is_named_once() {
    // Words of many parts that can be cut in very many ways, and a part that has to come again.
    let (pattern, odd) = (r".*/(a|aa)+\1b", "a".repeat(60));
    let mbox = format!(
        "<mbox><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <dir><abs_path>ROOT/mail</abs_path><exclude><pattern>{pattern}</pattern></exclude></dir></mbox>"
    );
    let machine = extend::machine("mbox", 99, &mbox);
    fs::create_dir_all(machine.path("mail")).unwrap();
    let names = [
        odd.clone(),
        format!("{odd}a"),
        "aab".to_owned(),
        "lists".to_owned(),
    ];
    for name in &names {
        fs::write(machine.path("mail").join(name), message(" 2", name)).unwrap();
    }
    machine.cback("mbox").on(MONDAY).run().well_and_silent();
    let told = format!("the pattern `{pattern}` tries too many ways to match");
    let log = machine.log();
    assert_eq!(log.matches(&told).count(), 1, "{log}");
    assert!(log.contains("[WARNING] "), "{log}");
    let tar = format!("mbox-20261123-{}.tar", stem(&machine, "mail"));
    let listed = foreign(
        &machine.path("collect"),
        "tar",
        &[OsStr::new("-tf"), tar.as_ref()],
    );
    let listed: Vec<&str> = listed.lines().collect();
    let kept = [names[0].as_str(), names[1].as_str(), "lists"];
    assert_eq!(
        listed, kept,
        "what matches is left out, what cannot be told is not"
    );

    let subversion = format!(
        "<subversion><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <repository_dir><abs_path>ROOT/svn</abs_path><exclude><pattern>{pattern}</pattern></exclude></repository_dir></subversion>"
    );
    let machine = extend::machine("subversion", 99, &subversion);
    fs::create_dir_all(machine.path("svn/aab")).unwrap();
    repository(&machine.path("svn").join(&odd), 1);
    machine
        .cback("subversion")
        .on(MONDAY)
        .run()
        .well_and_silent();
    let log = machine.log();
    assert_eq!(log.matches(&told).count(), 1, "{log}");
    assert!(log.contains("[WARNING] "), "{log}");
    assert_eq!(dumps(&machine).len(), 1);
}

#[test]
fn a_mailbox_that_does_not_give_all_it_has_is_dumped_again_until_it_does() {
    // A file of the kernel's that says it is longer than it is: like a mailbox that shrinks while it is read.
    let odd = Path::new("/sys/kernel/uevent_seqnum");
    assert!(odd.metadata().unwrap().len() > 100);
    let section = "<mbox><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
        <file><abs_path>ROOT/mail/inbox</abs_path></file>
        <dir><abs_path>ROOT/mail/folders</abs_path></dir></mbox>";
    let machine = extend::machine("mbox", 99, section);
    fs::create_dir_all(machine.path("mail/folders")).unwrap();
    std::os::unix::fs::symlink(odd, machine.path("mail/inbox")).unwrap();
    std::os::unix::fs::symlink(odd, machine.path("mail/folders/lists")).unwrap();
    let mbox = || machine.cback("mbox").on(MONDAY).run();
    let told = ["mail/inbox", "mail/folders/lists", "shrank"];
    mbox().with_status(10).says(&told);
    // Neither counts as dumped: what was lost has to come with the next one.
    let states = names(&machine.path("work"));
    let noted = states.iter().any(|name| name.contains("mboxlast"));
    assert!(!noted, "{states:?}");
    for name in ["mail/inbox", "mail/folders/lists"] {
        fs::remove_file(machine.path(name)).unwrap();
        fs::write(machine.path(name), message(" 2", "old")).unwrap();
    }
    let tuesday = machine.cback("mbox").on(TUESDAY).run();
    tuesday.well_and_silent();
    let dumped = machine
        .path("collect")
        .join(format!("mbox-20261124-{}", stem(&machine, "mail/inbox")));
    assert_eq!(fs::read_to_string(dumped).unwrap(), message(" 2", "old"));
}

#[test]
fn a_message_that_claims_the_end_of_time_is_dumped_like_others() {
    let section = "<mbox><collect_mode>incr</collect_mode><compress_mode>none</compress_mode>
        <file><abs_path>ROOT/inbox</abs_path></file></mbox>";
    let machine = extend::machine("mbox", 99, section);
    let inbox = machine.path("inbox");
    let east = ["env", "TZ=UTC-14"];
    let first = "From a@b Mon Nov 23 01:00:00 2026\nSubject: one\n\nfirst\n\n";
    fs::write(&inbox, first).unwrap();
    let monday = machine.cback("mbox").on(MONDAY).under(east);
    monday.run().well_and_silent();
    let odd = "From a@b Tue Nov 24 01:00:00 2026\nDate: 31 Dec 262142 23:59:59 +0000\n\nodd\n";
    fs::write(&inbox, [first, odd].concat()).unwrap();
    let tuesday = machine.cback("mbox").on(TUESDAY).under(east);
    tuesday.run().well_and_silent();
    let dumped = format!("collect/mbox-20261124-{}", stem(&machine, "inbox"));
    let dumped = fs::read_to_string(machine.path(dumped)).unwrap();
    assert!(dumped.ends_with("odd\n"), "{dumped}");
}

#[test]
fn a_mailbox_that_is_a_fifo_is_told_and_nobody_is_waited_for() {
    let section = "<mbox><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <file><abs_path>ROOT/fifo</abs_path></file></mbox>";
    let machine = extend::machine("mbox", 99, section);
    foreign(&machine.path(""), "mkfifo", &[OsStr::new("fifo")]);
    let call = machine.cback("mbox").on(MONDAY).under(["timeout", "60"]);
    call.run()
        .with_status(10)
        .says(&["fifo", "was not dumped", "no regular file"]);
}

#[test]
fn a_full_disk_is_no_fault_of_the_mailbox() {
    let section = "<mbox><collect_mode>daily</collect_mode><compress_mode>none</compress_mode>
        <file><abs_path>ROOT/inbox</abs_path></file></mbox>";
    let machine = extend::machine("mbox", 99, section);
    fs::write(machine.path("inbox"), vec![b'x'; 3 << 20]).unwrap();
    let call = || machine.cback("mbox").on(MONDAY);
    let ends = machine.with_little_room("collect", "1m", &call(), &[call()]);
    let full = &ends[0];
    assert_eq!(full.status, 6, "{full:?}");
    let screen = full.screen();
    assert!(
        screen.contains("cannot write") && screen.contains("No space left"),
        "{screen}"
    );
    assert_eq!(ends[1].status, 0, "{:?}", ends[1]);
}
