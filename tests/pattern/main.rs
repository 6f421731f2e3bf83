//! Patterns mean what they mean to Python: its verdict is ours, or the pattern is refused.
//!
//! `judge.py` asks Python's own `re`, version 3.11 or later (the package python3).

#![allow(clippy::unwrap_used)] // tests

mod made;

use std::io::Write as _;
use std::process::{Command, Stdio};

use cback::units::{Pattern, PatternError};
use serde_json::{Value, json};

fn python(case: &Value) -> Value {
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pattern/judge.py");
    let mut child = Command::new("/usr/bin/python3")
        .arg(judge)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3; tests/run installs it");
    let mut stdin = child.stdin.take().unwrap();
    let text = case.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "python3 failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How many patterns were judged, and how many of those that Python takes were refused.
#[derive(Debug, Default)]
struct Count {
    same: usize,
    wrong: usize,
    strange: usize,
}

/// Demands that each pattern has Python's verdict on each name, or is refused for what it is.
fn compare(patterns: &[String], names: &[Vec<u8>]) -> Count {
    let verdicts = python(&json!({"ask": "verdicts", "patterns": patterns, "names": names}));
    let mut count = Count::default();
    for (pattern, theirs) in patterns.iter().zip(verdicts.as_array().unwrap()) {
        let ours = pattern.parse::<Pattern>();
        match (theirs.as_array(), ours) {
            (Some(_), Err(PatternError::Strange { .. })) => count.strange += 1,
            (None, Err(_)) => count.wrong += 1,
            (Some(theirs), Ok(ours)) => {
                for (name, theirs) in names.iter().zip(theirs) {
                    assert_eq!(
                        ours.matches_bytes(name),
                        theirs.as_bool().unwrap(),
                        "{pattern:?} on {:?}",
                        String::from_utf8_lossy(name)
                    );
                }
                count.same += 1;
            }
            (theirs, ours) => panic!("{pattern:?}: Python {theirs:?}, cback {ours:?}"),
        }
    }
    count
}

fn bytes(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[test]
fn patterns_that_administrators_write_are_matched_as_python_does() {
    let names = bytes(&[
        "/",
        "/home",
        "/home/ada",
        "/home/ada/.cache",
        "/home/ada/.cache/x",
        "/home/ada/a~",
        "/home/ada/core",
        "/home/ada/core.1234",
        "/home/ada/x.o",
        "/home/ada/x.so",
        "/home/ada/X.O",
        "/var/tmp/x",
        "/home/ada/.x.swp",
        "/home/ada/Mail\n",
        "/home/ada/a\nb",
        "/home/ada/\u{e4}.bak",
        "/home/ada/E\u{301}.BAK",
        "/srv/backup-2026-11-22.tar",
        "/srv/2026",
        "/home/ada/Trash",
        "/home/ada/.Trash-1000/files/x",
        "/proc/1",
        "/home/ada/node_modules/a",
    ]);
    let patterns: Vec<String> = [
        r".*\.cache",
        r".*/\.cache(/.*)?",
        r".*~",
        r".*~$",
        r"^.*~$",
        r".*/core(\.\d+)?",
        r".*\.(o|so|a)",
        r"(?i).*\.o",
        r"/var/tmp/.*",
        r".*\.sw[po]",
        r"/home/[^/]+/\.Trash.*",
        r".*backup-\d{4}-\d{2}-\d{2}.*",
        r".*/(?!ada)[^/]*",
        r".*(?<!\.)bak",
        r"(?P<top>/home)/.*",
        r".*\.bak|.*\.old",
        r"(?s)/home/.*b",
        r"(?i).*\.bak",
        r".*\bnode_modules\b.*",
        r".*/Mail",
        r".*/Mail\Z",
        r"\A/home\Z",
        r".*\W",
        r"[^.]*",
        r".*[[:alpha:]].*",
        r".*\s.*",
        r"/(?:proc|sys|dev)/.*",
        r"(?x) /srv/ \d+   # years",
        r".*\d\d\d\d",
        r".*(.)\1.*",
        r"(?P<c>[a-z])(?P=c)|/.*",
        r".*\.(?i:O)",
        r"/(home|srv)(?=/).*",
        r".*/[A-Z]\w*",
        r"(?a).*/\w*\.bak",
        r".*/\w*\.bak",
        r".*\x2eo",
        r".*\u002eo",
        r".*\056o",
        r"/home/ada/.*(?<=\.o)",
        r".*(?>a|ad)a",
        r".*/a++.*",
        r"(/home)?(?(1)/ada|/srv)",
        r".*a{,1}",
        r".*\$",
        r".*[$^]",
        r".*$\n?",
        r"^/home/.*",
    ]
    .map(str::to_owned)
    .to_vec();
    let count = compare(&patterns, &names);
    assert_eq!(count.same, patterns.len(), "{count:?}");
}

#[test]
fn what_python_refuses_is_refused() {
    let patterns: Vec<String> = [
        "(",
        ")",
        "[",
        "*",
        "+a",
        "a**",
        "a+*",
        "^*",
        "$+",
        r"\b?",
        "(?:",
        "(?P<n>",
        "(?P<1>a)",
        "(?P=n)",
        r"\1",
        r"(a\1)",
        "(?P>n)",
        "(?<n>a)",
        "a(?i)b",
        "(?i",
        "(?iz)a",
        "(?L)a",
        "(?-i)a",
        "(?i-)a",
        "(?i-i:a)",
        "(?a-u:x)",
        "(?au)a",
        "(?<=a*)b",
        "(?<!a|bc)d",
        r"\g",
        r"\z",
        r"\xz",
        r"\u123",
        r"\U00110000",
        r"\400",
        r"[\400]",
        r"[\8]",
        r"[b-a]",
        r"[a-\d]",
        r"[\d-z]",
        "[]",
        "[^]",
        "a{2,1}",
        "(?(1)a)",
        "(?(n)a)",
        "(?(0)a)",
        "(a)?(?(1)b|c|d)",
        "(?#",
        r"a\",
        "(?",
        "(?P",
        "(?P<n>a)(?P<n>b)",
        "(?*a)",
        r"\8",
        r"\E",
        r"[\E]",
        "{",
        "{1}",
    ]
    .map(str::to_owned)
    .to_vec();
    let count = compare(&patterns, &bytes(&["/"]));
    // `{` alone is a letter; everything else is no pattern.
    assert_eq!(
        (count.same, count.wrong),
        (1, patterns.len() - 1),
        "{count:?}"
    );
}

#[test]
fn thousands_of_made_up_patterns_have_pythons_verdict() {
    let (patterns, names) = (made::patterns(6000), made::names(60));
    let count = compare(&patterns, &names);
    println!("{count:?}");
    assert!(count.same > 3000, "{count:?}");
    assert!(count.strange * 10 < count.same, "{count:?}");
}

#[test]
fn classes_hold_the_same_characters() {
    let judged = python(&json!({"ask": "characters"}));
    let numbers = |value: &Value| -> Vec<u32> {
        let all = value.as_array().unwrap().iter();
        all.map(|number| u32::try_from(number.as_u64().unwrap()).unwrap())
            .collect()
    };
    let known = numbers(&judged["known"]);
    for (class, theirs) in judged["classes"].as_object().unwrap() {
        let (flags, body) = class.split_at(if class.starts_with("(?a)") { 4 } else { 0 });
        let pattern: Pattern = format!("{flags}x{body}x").parse().unwrap();
        let ours: Vec<u32> = known
            .iter()
            .copied()
            .filter(|&code| pattern.matches(&format!("x{}x", char::from_u32(code).unwrap())))
            .collect();
        assert!(
            ours == numbers(theirs),
            "{class}: {:?}",
            differ(&ours, &numbers(theirs))
        );
    }
}

fn differ(ours: &[u32], theirs: &[u32]) -> Vec<u32> {
    let (ours, theirs): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) = (
        ours.iter().copied().collect(),
        theirs.iter().copied().collect(),
    );
    ours.symmetric_difference(&theirs)
        .copied()
        .take(20)
        .collect()
}

#[test]
fn the_same_letters_are_taken_for_one_another() {
    let judged = python(&json!({"ask": "letters"}));
    let pairs = judged.as_array().unwrap();
    let mut last = (String::new(), None);
    for pair in pairs {
        let (letter, other) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        if last.0 != letter {
            last = (
                letter.to_owned(),
                Some(format!("(?i)x{letter}").parse::<Pattern>().unwrap()),
            );
        }
        let ours = last.1.as_ref().unwrap().matches(&format!("x{other}"));
        assert_eq!(ours, pair[2].as_bool().unwrap(), "{letter:?} {other:?}");
    }
    assert!(pairs.len() > 2000);
}
