//! A pool of machines behind real `sshd`s, of which some are broken: the others are staged whole, the report is right,
//! and the next run completes the rest.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;

use crate::machine::Machine;
use crate::master::{DAY, NATIVE, Pool, daily, files, is_whole, lock_to_agent, wait_not_long_for};
use crate::sshd::{Claims, Sshd, cut_after, stalled_after};
use crate::tree;

/// A peer that has collected three files, one of `bytes` bytes.
fn collected(peer: &Sshd, bytes: usize) {
    let noise = tree::noise(bytes as u64, bytes);
    let files: [(&str, &[u8]); 3] = [("etc.tar.gz", b"etc"), ("home.tar.gz", &noise), ("a", b"")];
    peer.collected(&files, Claims::Digests);
}

#[test]
fn one_bad_machine_never_costs_another_its_backup() {
    let machine = Machine::new();
    let names = [
        "ada", "dead", "stalled", "foreign", "full", "cut", "late", "zoe",
    ];
    let peers = names.map(|name| Sshd::start(&machine, name));
    for (at, peer) in peers.iter().enumerate() {
        collected(peer, 300_000 + at);
    }
    let [ada, dead, stalled, foreign, full, cut, late, zoe] = &peers;
    dead.meddle(|_| None);
    let held = Mutex::new(Vec::new());
    stalled.meddle(move |stream| {
        // Accepts and says nothing, until the test is over.
        held.lock().unwrap().push(stream);
        None
    });
    let before = fs::read(foreign.path("host_key")).unwrap();
    let before_pub = fs::read(foreign.path("host_key.pub")).unwrap();
    foreign.change_host_key();
    full.meddle(full.with_a_full_disk());
    cut.meddle(cut_after(200_000));
    fs::remove_file(late.collect().join("cback.collect")).unwrap();
    let all: Vec<&Sshd> = peers.iter().collect();
    NATIVE.master(&machine, &all);
    wait_not_long_for(&machine, "stalled");

    let ended = machine.cback("stage").on(DAY).run().with_status(10).says(&[
        "stalled: [127.0.0.1]:",
        "the host key of",
        "full: staged, but it cannot be told so: cannot write ",
        "no space is left on that machine's disk",
        "the connection to",
        "late: not ready",
        "6 problems",
    ]);
    let order: Vec<&str> = ended
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("problem: ")?.split(':').next())
        .collect();
    assert_eq!(order, ["dead", "stalled", "foreign", "full", "cut", "late"]);
    for (peer, name) in [(ada, "ada"), (full, "full"), (zoe, "zoe")] {
        is_whole(&machine, peer, name);
    }
    for name in ["dead", "stalled", "foreign", "cut", "late"] {
        assert!(!daily(&machine).join(name).exists(), "{name}");
    }
    let report = fs::read_to_string(daily(&machine).join("cback.stage")).unwrap();
    for line in [
        "in ada: 4 files",
        "in full:",
        "in zoe:",
        "missing dead:",
        "missing stalled:",
    ] {
        assert!(report.contains(line), "{report}");
    }
    let status = machine.cback("status").on(DAY).run().well();
    assert!(
        status
            .stdout
            .contains("dead     never staged, missing since 2026-11-21"),
        "{}",
        status.stdout
    );

    // Everything is mended; the next run completes the rest.
    for peer in [dead, stalled, full, cut] {
        peer.leave_alone();
    }
    fs::write(foreign.path("host_key"), before).unwrap();
    fs::write(foreign.path("host_key.pub"), before_pub).unwrap();
    collected(late, 300_006);
    machine.cback("stage").on(DAY).run().well_and_silent();
    for (peer, name) in peers.iter().zip(names) {
        is_whole(&machine, peer, name);
    }
    let left: Vec<_> = fs::read_dir(daily(&machine))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_connection_cut_at_any_byte_costs_nobody_anything() {
    let machine = Machine::new();
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    collected(&ada, 1_000);
    collected(&bob, 150_000);
    NATIVE.master(&machine, &[&ada, &bob]);
    let mut random = 1_u64;
    let (mut cuts, mut resumed) = (0, 0);
    // Somewhere in each stretch: short ones where the two agree on everything, longer ones in the large file.
    let stretches = (0..40).map(|at| (at * 200, 200));
    let stretches = stretches.chain((0..160).map(|at| (8_000 + at * 950, 950)));
    for (seed, (start, length)) in stretches.enumerate() {
        for peer in [&ada, &bob] {
            let _ = fs::remove_file(peer.collect().join("cback.stage"));
        }
        let _ = fs::remove_dir_all(machine.path("stage/2026"));
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bytes = start + (random >> 33) % length;
        bob.meddle(cut_after(bytes));
        let ended = machine.cback("stage").on(DAY).run();
        is_whole(&machine, &ada, "ada");
        let case = format!("seed {seed}, cut after {bytes} bytes:\n{}", ended.screen());
        if ended.status == 10 {
            cuts += 1;
            let partial = daily(&machine).join(".bob.partial/home.tar.gz");
            resumed += u32::from(partial.exists());
            bob.leave_alone();
            let again = machine.cback("stage").on(DAY).run();
            assert_eq!(again.screen(), "", "{case}");
        } else {
            assert_eq!(ended.status, 0, "{case}");
        }
        is_whole(&machine, &bob, "bob");
    }
    assert!(
        cuts > 160 && resumed > 30,
        "{cuts} cuts, {resumed} in the large file"
    );
}

#[test]
fn an_interrupted_transfer_goes_on_inside_the_file() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    collected(&bob, 20_000_000);
    NATIVE.master(&machine, &[&bob]);
    bob.meddle(cut_after(18_000_000));
    machine.cback("stage").on(DAY).run().with_status(6);
    let partial = daily(&machine).join(".bob.partial/home.tar.gz");
    assert!(partial.metadata().unwrap().len() > 10_000_000);
    // What is there already does not come again, or this cut would be felt.
    bob.meddle(cut_after(11_000_000));
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &bob, "bob");
}

#[test]
fn an_interrupted_transfer_of_what_has_changed_since_begins_anew() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    collected(&bob, 2_000_000);
    NATIVE.master(&machine, &[&bob]);
    bob.meddle(cut_after(1_000_000));
    machine.cback("stage").on(DAY).run().with_status(6);
    let changed = vec![b'x'; 2_000_000];
    bob.collected(&[("home.tar.gz", &changed)], Claims::Digests);
    bob.leave_alone();
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &bob, "bob");
}

/// A peer that claims nothing, with a large file of which some came before the connection was cut.
fn half_fetched(machine: &Machine, agent: bool) -> (Sshd, Vec<u8>) {
    let bob = Sshd::start(machine, "bob");
    let noise = tree::noise(9, 20_000_000);
    let small: &[u8] = b"etc";
    bob.collected(&[("etc.tar", small), ("home.tar", &noise)], Claims::Nothing);
    if agent {
        lock_to_agent(machine, &bob, "");
    }
    NATIVE.master(machine, &[&bob]);
    bob.meddle(cut_after(18_000_000));
    machine.cback("stage").on(DAY).run().with_status(6);
    assert!(partial(machine).metadata().unwrap().len() > 10_000_000);
    (bob, noise)
}

fn partial(machine: &Machine) -> std::path::PathBuf {
    daily(machine).join(".bob.partial/home.tar")
}

#[test]
fn a_file_without_a_digest_goes_on_where_it_was_if_the_client_left_it_alone() {
    for agent in [false, true] {
        let machine = Machine::new();
        let (bob, _) = half_fetched(&machine, agent);
        // What is there already does not come again, or this cut would be felt.
        bob.meddle(cut_after(11_000_000));
        machine.cback("stage").on(DAY).run().well_and_silent();
        is_whole(&machine, &bob, "bob");
        let list = fs::read_to_string(daily(&machine).join("SHA256SUMS")).unwrap();
        let file = bob.collect().join("home.tar");
        let digest = crate::call::said("b3sum", &[file.to_str().unwrap()]);
        assert!(list.contains(&digest[..64]), "{list}");
        let names: Vec<String> = files(&daily(&machine)).into_keys().collect();
        assert!(
            !names.iter().any(|name| name.contains("partial")),
            "{names:?}"
        );
    }
}

#[test]
fn a_file_without_a_digest_that_the_client_changed_begins_anew() {
    for agent in [false, true] {
        for case in ["later", "same time", "another size", "damaged here"] {
            let machine = Machine::new();
            let (bob, mut noise) = half_fetched(&machine, agent);
            let file = bob.collect().join("home.tar");
            let time = file.metadata().unwrap().modified().unwrap();
            let seconds = time
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs();
            let seconds = i64::try_from(seconds).unwrap();
            let changed = tree::noise(10, 20_000_000);
            match case {
                "later" => {
                    noise[5] ^= 1;
                    fs::write(&file, &noise).unwrap();
                    tree::age(&file, seconds + 5, 0);
                }
                "same time" => {
                    fs::write(&file, &changed).unwrap();
                    tree::age(&file, seconds, 0);
                }
                "another size" => {
                    fs::write(&file, &noise[..19_999_999]).unwrap();
                    tree::age(&file, seconds, 0);
                }
                _ => {
                    let mut half = fs::read(partial(&machine)).unwrap();
                    half[5] ^= 1;
                    fs::write(partial(&machine), half).unwrap();
                }
            }
            bob.leave_alone();
            machine.cback("stage").on(DAY).run().well_and_silent();
            is_whole(&machine, &bob, "bob");
        }
    }
}

#[test]
fn a_file_without_a_digest_goes_on_when_the_master_was_killed() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    let noise = tree::noise(9, 20_000_000);
    bob.collected(&[("home.tar", &noise)], Claims::Nothing);
    NATIVE.master(&machine, &[&bob]);
    // Nothing more comes after that, and then the master is killed.
    bob.meddle(stalled_after(18_000_000));
    let mut child = machine.cback("stage").on(DAY).command().spawn().unwrap();
    let reached = || {
        partial(&machine)
            .metadata()
            .is_ok_and(|stat| stat.len() > 10_000_000)
    };
    while !reached() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    bob.meddle(cut_after(13_000_000));
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &bob, "bob");
}

#[test]
fn a_second_staging_fetches_only_what_changed() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    collected(&bob, 5_000_000);
    NATIVE.master(&machine, &[&bob]);
    machine.cback("stage").on(DAY).run().well_and_silent();
    let large = fs::read(bob.collect().join("home.tar.gz")).unwrap();
    let files: [(&str, &[u8]); 3] = [("etc.tar.gz", b"new"), ("home.tar.gz", &large), ("a", b"")];
    bob.collected(&files, Claims::Digests);
    bob.meddle(cut_after(1_000_000));
    machine.cback("stage").on(DAY).run().well_and_silent();
    is_whole(&machine, &bob, "bob");
}

#[test]
fn a_client_that_is_still_collecting_is_asked_again() {
    let machine = Machine::new();
    let bob = Sshd::start(&machine, "bob");
    collected(&bob, 1_000);
    let indicator = bob.collect().join("cback.collect");
    let text = fs::read(&indicator).unwrap();
    fs::remove_file(&indicator).unwrap();
    let pool = Pool {
        stage: "<wait_for_peers>10</wait_for_peers>",
        ..NATIVE
    };
    pool.master(&machine, &[&bob]);
    let asked = Mutex::new(0);
    bob.meddle(move |stream| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        if *asked == 2 {
            fs::write(&indicator, &text).unwrap();
        }
        Some(stream)
    });
    machine.cback("stage").on(DAY).run().well_and_silent();
    assert_eq!(bob.connections(), 2);
    assert!(machine.log().contains("it is asked again in "));
    is_whole(&machine, &bob, "bob");
}

/// What a hostile machine does, what is told of it, and which of its files may come.
const HOSTILE: &[(&str, &[&str], &[&str])] = &[
    ("name-climbs", &["does not keep to the rules"], &[]),
    ("name-absolute", &["does not keep to the rules"], &[]),
    ("name-below", &["does not keep to the rules"], &[]),
    ("name-trailing", &["does not keep to the rules"], &[]),
    ("name-nul", &["does not keep to the rules"], &[]),
    ("name-long", &["does not keep to the rules"], &[]),
    ("name-empty", &[], &["cback.collect", "good"]),
    ("name-dots", &[], &["cback.collect", "good"]),
    ("dots", &["its listing has no end"], &[]),
    ("twice", &["two files of one name"], &[]),
    (
        "odd",
        &[],
        &[
            "cback.collect",
            "good",
            "new\nline",
            "SHA256SUMS",
            "-rf",
            "$(touch cback-escaped)",
        ],
    ),
    (
        "kinds",
        &["a symbolic link", "a device", "a directory"],
        &["cback.collect", "good", "setuid"],
    ),
    ("huge", &["over its limit"], &[]),
    ("many", &["more than 10000 files"], &[]),
    ("endless", &[], &["cback.collect", "good", "endless"]),
    ("nothing", &[], &["cback.collect", "good", "nothing"]),
    ("negative", &["over its limit"], &[]),
    ("short", &["evil: "], &[]),
    ("claims", &["evil"], &["cback.collect", "good"]),
    ("silence", &["said nothing for"], &[]),
    ("garbage", &["evil: "], &[]),
];

#[test]
fn a_hostile_machine_harms_only_itself() {
    let machine = Machine::new();
    let good = Sshd::start(&machine, "good");
    let evil = Sshd::start(&machine, "evil");
    collected(&good, 10_000);
    let pool = Pool {
        stage: "<max_bytes>10 MB</max_bytes>",
        ..NATIVE
    };
    pool.master(&machine, &[&evil, &good]);
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/hostile_sftp.py");
    for (mode, told, may_come) in HOSTILE {
        if *mode == "silence" {
            wait_not_long_for(&machine, "evil");
        }
        let _ = fs::remove_dir_all(machine.path("stage/2026"));
        let _ = fs::remove_file(good.collect().join("cback.stage"));
        evil.configure(&format!(
            "ForceCommand /usr/bin/python3 {} {mode}",
            server.display()
        ));
        let ended = machine.cback("stage").on(DAY).run();
        let screen = ended.screen();
        assert!(
            [0, 10].contains(&ended.status),
            "{mode}: {}\n{screen}",
            ended.status
        );
        for text in *told {
            assert_eq!(ended.status, 10, "{mode}:\n{screen}");
            assert!(screen.contains(text), "{mode}: no {text:?} in\n{screen}");
        }
        assert!(!screen.contains('\x1b'), "{mode}:\n{screen}");
        is_whole(&machine, &good, "good");
        for (name, content) in files(&daily(&machine).join("evil")) {
            assert!(
                may_come.contains(&name.as_str())
                    || name.contains("latin")
                    || name.contains("escape"),
                "{mode}: {name:?} came"
            );
            assert!(content.len() <= 1000, "{mode}: {name}");
        }
        let escaped = machine.path("stage").join("escaped").exists()
            || machine.path("cback-escaped").exists()
            || Path::new("/tmp/cback-escaped").exists();
        assert!(!escaped, "{mode}");
        let big = files(&machine.path("stage"))
            .into_values()
            .map(|content| content.len())
            .sum::<usize>();
        assert!(big < 20_000_000, "{mode}: {big} bytes");
    }
}

#[test]
fn links_and_devices_of_a_peer_are_never_followed() {
    let machine = Machine::new();
    let evil = Sshd::start(&machine, "evil");
    tree::file(machine.path("secret"), "the master's own");
    evil.collected(&[("good", b"good")], Claims::Digests);
    std::os::unix::fs::symlink(machine.path("secret"), evil.collect().join("link")).unwrap();
    crate::call::said("mkfifo", &[evil.collect().join("fifo").to_str().unwrap()]);
    fs::create_dir(evil.collect().join("dir")).unwrap();
    NATIVE.master(&machine, &[&evil]);
    machine.cback("stage").on(DAY).run().with_status(10).says(&[
        "link: a symbolic link",
        "fifo: a FIFO",
        "dir: a directory",
    ]);
    let there: Vec<String> = files(&daily(&machine).join("evil")).into_keys().collect();
    assert_eq!(there, ["cback.collect", "good"]);
}

#[test]
fn killed_at_any_step_a_pool_is_completed_by_the_next_run() {
    let machine = Machine::new();
    let (ada, bob) = (Sshd::start(&machine, "ada"), Sshd::start(&machine, "bob"));
    NATIVE.master(&machine, &[&ada, &bob]);
    let prepare = || {
        let _ = fs::remove_dir_all(machine.path("stage/2026"));
        for peer in [&ada, &bob] {
            for entry in fs::read_dir(peer.collect()).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
        // Ada is in the day already, with an older version.
        collected(&ada, 2_000);
        machine.cback("stage").on(DAY).run().with_status(10);
        collected(&ada, 3_000);
        collected(&bob, 3_000);
    };
    prepare();
    machine.cback("stage").on(DAY).run().well_and_silent();
    let expected = files(&daily(&machine));
    let mut kills = 0;
    for call in [
        "fsync",
        "syncfs",
        "rename",
        "renameat2",
        "mkdir",
        "linkat",
        "unlink",
        "rmdir",
        "pwrite64",
    ] {
        for number in 1.. {
            prepare();
            let killer = [
                "strace".to_owned(),
                "-f".to_owned(),
                "-qqq".to_owned(),
                "-o/dev/null".to_owned(),
                format!("-etrace={call}"),
                format!("-einject={call}:signal=SIGKILL:when={number}"),
            ];
            let ended = machine.cback("stage").on(DAY).under(killer).run();
            if ended.status == 0 {
                break;
            }
            let case = format!("{call} number {number}");
            assert_eq!(
                ended.status,
                -1,
                "{case}: not killed but\n{}",
                ended.screen()
            );
            kills += 1;
            let again = machine.cback("stage").on(DAY).run();
            assert_eq!(
                again.status,
                0,
                "{case}: the next run says\n{}",
                again.screen()
            );
            assert!(files(&daily(&machine)) == expected, "{case}");
        }
    }
    assert!(kills > 20, "only {kills} kills");
}

/// Peak of the program's memory in kilobytes, and how many system calls it made, for a pool of so many peers.
fn cost(machine: &Machine, count: usize) -> (u64, u64) {
    let peers: Vec<Sshd> = (0..count)
        .map(|number| Sshd::start(machine, &format!("peer{count}x{number}")))
        .collect();
    for peer in &peers {
        collected(peer, 2_000);
    }
    let all: Vec<&Sshd> = peers.iter().collect();
    NATIVE.master(machine, &all);
    let _ = fs::remove_dir_all(machine.path("stage/2026"));
    let script = "import resource, subprocess, sys\n\
                  status = subprocess.call(sys.argv[2:])\n\
                  usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                  open(sys.argv[1], 'w').write(str(usage.ru_maxrss))\n\
                  sys.exit(status)";
    let peak = machine.path("peak");
    let measured = ["python3", "-c", script, peak.to_str().unwrap()];
    machine
        .cback("stage")
        .on(DAY)
        .under(measured)
        .run()
        .well_and_silent();
    for number in [0, count - 1] {
        is_whole(machine, &peers[number], &format!("peer{count}x{number}"));
    }
    let memory = fs::read_to_string(peak).unwrap().parse().unwrap();

    for peer in &peers {
        fs::remove_file(peer.collect().join("cback.stage")).unwrap();
    }
    fs::remove_dir_all(machine.path("stage/2026")).unwrap();
    let counts = machine.path("counts");
    let counted = ["strace", "-f", "-c", "-qqq", "-o", counts.to_str().unwrap()];
    machine
        .cback("stage")
        .on(DAY)
        .under(counted)
        .run()
        .well_and_silent();
    let mut text = String::new();
    fs::File::open(counts)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let total = text.lines().find(|line| line.ends_with("total")).unwrap();
    let calls = total
        .split_whitespace()
        .filter_map(|word| word.parse::<u64>().ok())
        .max();
    (memory, calls.unwrap())
}

#[test]
fn a_large_pool_costs_no_more_for_each_peer_than_a_small_one() {
    let machine = Machine::new();
    let (_, ten) = cost(&machine, 10);
    let (_, hundred) = cost(&machine, 100);
    let (memory, all) = cost(&machine, 500);
    let each = [ten / 10, hundred / 100, all / 500];
    eprintln!("system calls for each peer of 10, 100, 500: {each:?}; {memory} kB for 500");
    assert!(memory < 100_000, "{memory} kB");
    assert!(each[2] * 100 < each[0] * 115, "{each:?}");
}
