//! A mistake of ours, on the real binary: what is told, how it ends, and that nothing is left half done.
//!
//! The kernel refuses a thread, one after the other (strace says so in its place). Where that is not foreseen it is a
//! panic like any other.

use std::fs;
use std::path::PathBuf;

use crate::call::{Call, Ended};
use crate::machine::Machine;
use crate::tree;

const DAY: &str = "2026-11-24";
const NEXT: &str = "2026-11-25";

/// The call, in which the thread of that number is refused.
fn without_thread(call: Call<'_>, number: usize) -> Ended {
    let words = [
        "strace".to_owned(),
        "-f".to_owned(),
        "-qqq".to_owned(),
        "-o/dev/null".to_owned(),
        "-etrace=clone3,clone".to_owned(),
        format!("-einject=clone3:error=EAGAIN:when={number}"),
    ];
    call.under(words).run()
}

const MISTAKE: &str = "this is a mistake in cback ";

/// What a panic must tell, on the screen and in the log.
#[track_caller]
fn is_told(ended: &Ended, log: &str) {
    let place = fancy_regex::Regex::new(r"panicked at .*\.rs:\d+:\d+: .+").unwrap();
    for text in [&ended.stderr, log] {
        let line = text.lines().find(|line| line.contains(MISTAKE));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(place.is_match(line).unwrap(), "{line}");
        assert!(line.contains(env!("CARGO_PKG_VERSION")), "{line}");
    }
    ended_well_told(ended);
}

fn ended_well_told(ended: &Ended) {
    let screen = ended.screen();
    assert!(
        screen.contains("--stack") || screen.contains("met at:"),
        "{screen}"
    );
}

#[test]
fn a_panic_ends_the_run_as_a_failed_action_and_the_next_run_does_everything() {
    let mut panics = 0;
    for number in 1.. {
        let machine = Machine::new();
        tree::one_of_everything(&machine.path("source"));
        tree::file(machine.path("source/big"), tree::noise(3, 1 << 20));
        let kept = machine.keep("source");
        let switches = if number % 2 == 0 { "--stack" } else { "" };
        let ended = without_thread(
            machine.cback(&format!("{switches} collect")).on(DAY),
            number,
        );
        let log = machine.log();
        if !ended.screen().contains(MISTAKE) {
            // Foreseen, and told in other words; or there are no more threads.
            assert!([0, 3, 6, 10].contains(&ended.status), "{number}: {ended:?}");
            if ended.status == 0 && number > 20 {
                break;
            }
            continue;
        }
        panics += 1;
        assert_eq!(ended.status, 6, "{number}: {ended:?}");
        is_told(&ended, &log);
        assert_eq!(
            switches == "--stack",
            ended.stderr.contains("met at:"),
            "{ended:?}"
        );
        // Nothing says that there is a backup: no indicator, no archive by its final name, nothing on the way.
        let there: Vec<PathBuf> = fs::read_dir(machine.path("collect"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.to_string_lossy().ends_with(".partial"))
            .collect();
        assert!(there.is_empty(), "{number}: {there:?}");
        machine.back_up(NEXT);
        machine.restores("", &kept);
        let partial = fs::read_dir(machine.path("collect")).unwrap();
        let mut partial = partial.map(|entry| entry.unwrap().file_name());
        assert!(!partial.any(|name| name.to_string_lossy().ends_with(".partial")));
    }
    assert!(
        panics > 0,
        "nothing panicked; find another way to provoke it"
    );
}

#[test]
fn a_panic_over_one_peer_costs_no_other_its_backup() {
    let mut contained = 0;
    for number in 1..40 {
        let machine = Machine::new();
        machine.configure(|text| {
            let ada = "<name>ada</name>\n      <type>local</type>\n      <collect_dir>";
            let at = text.find(ada).unwrap() + ada.len();
            let dir = machine.path("collect");
            let other = machine.path("other");
            let bob = format!(
                "{}</collect_dir></peer><peer><name>bob</name><type>local</type><collect_dir>{}",
                dir.display(),
                other.display()
            );
            let rest = text[at..].strip_prefix(dir.to_str().unwrap()).unwrap();
            let text = format!("{}{bob}{rest}", &text[..at]);
            text.replace("<stage>", "<stage><parallel>1</parallel>")
        });
        for dir in ["collect", "other"] {
            for name in ["a", "b", "c", "cback.collect"] {
                tree::file(machine.path(dir).join(name), name);
            }
        }
        let ended = without_thread(machine.cback("stage").on(DAY), number);
        if !ended.screen().contains(MISTAKE) {
            assert!([0, 3, 6, 10].contains(&ended.status), "{number}: {ended:?}");
            if ended.status == 0 && number > 20 {
                break;
            }
            continue;
        }
        is_told(&ended, &machine.log());
        let day = machine.path("stage/2026/11/24");
        let came = |name: &str| day.join(name).join("cback.collect").exists();
        if ended.status == 10 {
            contained += 1;
            assert!(came("ada") != came("bob"), "{number}: {ended:?}");
        }
        machine.cback("stage").on(DAY).run().well();
        assert!(came("ada") && came("bob"), "{number}");
    }
    assert!(contained > 0, "no panic was over one peer only");
}
