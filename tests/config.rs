//! Configurations as files: whole ones that are accepted, broken ones with what is said about them.
//!
//! Each `tests/config/bad/NAME.xml` has its findings beside it in `NAME.txt`, and likewise
//! `tests/config/odd` for files that are accepted with warnings. `SNAPSHOTS=overwrite` writes them anew.

#![allow(clippy::unwrap_used)] // tests

#[path = "config/rules.rs"]
mod rules;

use std::path::{Path, PathBuf};

use cback::collect::Shape;
use cback::config::{Colour, Config, ConfigError, Place, Report, Severity};
use cback::peer::Way;
use cback::units::Naming;
use proptest::prelude::*;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "xml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// What the package ships.
fn samples() -> [PathBuf; 2] {
    let etc = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc");
    [
        etc.join("cback.conf.sample"),
        etc.join("cback.conf.minimal"),
    ]
}

fn parse(path: &Path) -> Result<(Config, Report), ConfigError> {
    let bytes = std::fs::read(path).unwrap();
    Config::parse(&bytes, Path::new("cback.conf"), Naming::V3)
}

fn compare(path: &Path, report: &Report) {
    let mut shown = report.render(Colour::Plain);
    shown.push('\n');
    for line in report.lines() {
        shown.push_str(&line);
        shown.push('\n');
    }
    let expected = snapbox::Data::read_from(&path.with_extension("txt"), None).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(shown, expected);
}

#[test]
fn sound_files_are_accepted_without_a_word() {
    for path in files("good").into_iter().chain(samples()) {
        match parse(&path) {
            Ok((_, report)) => assert!(report.is_empty(), "{}:\n{report}", path.display()),
            Err(ConfigError::Problems(report)) => panic!("{}:\n{report}", path.display()),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

/// What xmllint says of a file and the schema: its exit status, 3 if the file is not valid, and its words.
fn judge(file: &Path) -> (i32, String) {
    let output = std::process::Command::new("xmllint")
        .args(["--noout", "--relaxng"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/etc/cback.rng"))
        .arg(file)
        .output()
        .expect("xmllint; tests/run installs it");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn the_schema_for_editors_takes_what_is_sound() {
    for file in files("good").into_iter().chain(samples()) {
        let (status, said) = judge(&file);
        assert_eq!(status, 0, "{}: {said}", file.display());
    }
}

/// `tests/config/beyond-a-grammar.txt` names the broken files that a grammar takes: what is wrong there is one
/// element here or there, or values beside one another.
#[test]
fn the_schema_for_editors_refuses_what_a_grammar_can_tell() {
    let mut taken = String::new();
    for file in files("bad") {
        if judge(&file).0 == 0 {
            taken.push_str(file.file_stem().unwrap().to_str().unwrap());
            taken.push('\n');
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/beyond-a-grammar.txt");
    let expected = snapbox::Data::read_from(&path, None).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(taken, expected);
}

#[test]
fn broken_files_are_refused_with_every_reason() {
    assert!(files("bad").len() >= 100);
    for path in files("bad") {
        let Err(ConfigError::Problems(report)) = parse(&path) else {
            panic!("{} is accepted", path.display());
        };
        assert!(report.count(Severity::Error) > 0);
        compare(&path, &report);
    }
}

#[test]
fn odd_files_are_accepted_with_warnings() {
    for path in files("odd") {
        match parse(&path) {
            Ok((_, report)) => {
                assert!(report.count(Severity::Warning) > 0, "{}", path.display());
                compare(&path, &report);
            }
            Err(error) => panic!("{}: {error:?}", path.display()),
        }
    }
}

#[test]
fn one_file_holds_every_section() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/pool.xml");
    let (config, _) = parse(&path).unwrap();
    let names = |peers: &[cback::config::Peer]| -> Vec<String> {
        peers.iter().map(|peer| peer.name.to_string()).collect()
    };
    assert_eq!(names(&config.peers), ["debian", "client1.example.org"]);
    assert_eq!(config.stage.as_ref().unwrap().peers, config.peers);
    let collect = config.collect.as_ref().unwrap();
    let sources: Vec<String> = collect
        .sources
        .iter()
        .map(|source| source.name.to_string())
        .collect();
    assert_eq!(sources, ["home-ada-.profile", "etc", "home-ada"]);
    let Shape::Dir { rules, .. } = &collect.sources[2].shape else {
        panic!("not a directory");
    };
    let excluded: Vec<_> = rules
        .exclude_paths
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        excluded,
        ["/etc/cback.conf", "/home/ada/Cache", "/home/ada/a/b"]
    );
    assert_eq!(rules.exclude_patterns.len(), 2);
    assert_eq!(rules.link_depth, 1);
    let Place::Remote(remote) = &config.peers[1].place else {
        panic!("not remote");
    };
    assert_eq!(remote.user, "saver");
    let Way::Command { rcp_command, .. } = &remote.way else {
        panic!("native");
    };
    assert_eq!(rcp_command.words(), ["/usr/bin/scp", "-B"]);
    let managed = remote.managed.as_ref().unwrap();
    assert_eq!(
        remote.cback_command.as_ref().unwrap().as_str(),
        "/usr/bin/cback"
    );
    assert_eq!(managed.actions.len(), 1);
    assert_eq!(
        config
            .store
            .as_ref()
            .unwrap()
            .blanking
            .unwrap()
            .factor
            .to_string(),
        "5.1"
    );
    assert_eq!(config.extensions.actions.len(), 9);
    for there in [
        config.amazons3.is_some(),
        config.capacity.is_some(),
        config.encrypt.is_some(),
        config.mbox.is_some(),
        config.mysql.is_some(),
        config.postgresql.is_some(),
        config.split.is_some(),
        config.subversion.is_some(),
        config.reference.is_some(),
        config.purge.is_some(),
    ] {
        assert!(there);
    }
}

#[test]
fn a_password_is_shown_nowhere() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/pool.xml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (config, report) = parse(&path).unwrap();
    let mysql = config.mysql.as_ref().unwrap();
    assert_eq!(mysql.password.as_deref(), Some("geheim"));
    assert!(!format!("{config:?}{report:?}").contains("geheim"));
    // The same line also has something to be shown, in a sound document and in a broken one.
    for insert in [
        "<password>geheim</password><oops/>",
        "<password>geheim</password></oops>",
    ] {
        let broken = text.replace("<password>geheim</password>", insert);
        let report = refusal(broken.as_bytes());
        let shown = report.render(Colour::Plain);
        assert!(
            shown.contains("oops") && !shown.contains("geheim"),
            "{shown}"
        );
    }
}

#[test]
fn findings_are_data() {
    let report = refusal(b"<cb_config>\n  <purge/><optoins/>\n</cb_config>");
    let json = serde_json::to_value(report.findings()).unwrap();
    let finding = &json[1];
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["element"], "optoins");
    assert_eq!(
        (&finding["line"], &finding["column"]),
        (&2.into(), &12.into())
    );
    assert_eq!(finding["right"], "did you mean `<options>`?");
}

#[test]
fn colours_are_there_when_they_are_asked_for() {
    let report = refusal(b"<x/>");
    assert!(report.render(Colour::Ansi).contains("\u{1b}["));
    assert!(!report.render(Colour::Plain).contains('\u{1b}'));
}

#[test]
fn the_naming_decides_names_of_archives() {
    let text = "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
        <backup_user>u</backup_user><backup_group>g</backup_group></options><collect>\
        <collect_dir>/c</collect_dir><file><abs_path>/a:b</abs_path><collect_mode>daily</collect_mode>\
        <archive_mode>tar</archive_mode></file></collect></cb_config>";
    for (naming, name) in [(Naming::V2, "a:b"), (Naming::V3, "a_b")] {
        let (config, _) = Config::parse(text.as_bytes(), Path::new("x"), naming).unwrap();
        assert_eq!(config.collect.unwrap().sources[0].name.to_string(), name);
    }
}

#[test]
fn hostile_files_are_refused_with_a_short_answer() {
    let section = |inner: &str| format!("<cb_config><collect>{inner}</collect></cb_config>");
    let bomb =
        "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><a>&b;</a>";
    for (what, text) in [
        ("deep", "<a>".repeat(5_000_000)),
        ("deep within", section(&"<dir>".repeat(1_000_000))),
        (
            "attribute",
            format!("<cb_config a='{}'/>", "x".repeat(15 << 20)),
        ),
        ("name", format!("<{}/>", "x".repeat(15 << 20))),
        ("bomb", bomb.to_owned()),
        (
            "external",
            "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>".to_owned(),
        ),
        (
            "value",
            section(&format!(
                "<collect_mode>{}</collect_mode>",
                "x".repeat(15 << 20)
            )),
        ),
        ("unknown", section(&"<dirr/>".repeat(90_000))),
        (
            "same",
            section(&"<dir><abs_path>/a</abs_path></dir>".repeat(40_000)),
        ),
        ("line ends", section(&"\n".repeat(15 << 20))),
        ("openings", "<".repeat(15 << 20)),
        ("comments", section(&"<!--x-->".repeat(1 << 20))),
        ("references", section(&"&#65;".repeat(3 << 20))),
        (
            "patterns",
            section(&format!(
                "<exclude><pattern>{}</pattern></exclude>",
                "(a*)*".repeat(100_000)
            )),
        ),
    ] {
        let report = refusal(text.as_bytes());
        assert!(report.findings().len() <= 1000, "{what}");
        let shown = report.render(Colour::Plain);
        assert!(shown.len() < 2_000_000, "{what}: {}", shown.len());
        assert!(report.lines().all(|line| line.len() < 2000), "{what}");
    }
    let large = vec![b' '; (16 << 20) + 1];
    let error = Config::parse(&large, Path::new("x"), Naming::V3).unwrap_err();
    assert!(matches!(error, ConfigError::TooLarge { .. }));
}

#[test]
fn a_file_that_cannot_be_read_is_not_an_empty_one() {
    for path in ["/does/not/exist", "/"] {
        let error = Config::load(Path::new(path), Naming::V3).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }), "{path}");
        assert!(error.to_string().contains(path));
    }
}

fn refusal(bytes: &[u8]) -> Report {
    match Config::parse(bytes, Path::new("cback.conf"), Naming::V3) {
        Err(ConfigError::Problems(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// Whatever it is: an answer, and one that can be shown.
fn survives(bytes: &[u8]) {
    match Config::parse(bytes, Path::new("cback.conf"), Naming::V3) {
        Ok((_, report)) => assert_eq!(report.count(Severity::Error), 0),
        Err(ConfigError::Problems(report)) => {
            assert!(report.count(Severity::Error) > 0);
            assert!(!report.render(Colour::Plain).is_empty());
            assert_eq!(report.lines().count(), report.findings().len());
        }
        Err(error) => panic!("{error}"),
    }
}

/// Every file that there is, cut up and put together again by a generator with a fixed seed: what a fuzzer does,
/// without a measure of what it reached.
#[test]
fn no_mixture_of_files_breaks_the_reader() {
    let paths = ["good", "odd", "bad"].into_iter().flat_map(files);
    let all: Vec<Vec<u8>> = paths
        .chain(samples())
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let mut state = 0x1bad_b002_u64;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % bound.max(1)
    };
    for _ in 0..4000 {
        let mut bytes = all[below(all.len())].clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len() + 1);
            let end = (at + below(60)).min(bytes.len());
            let other = &all[below(all.len())];
            let from = below(other.len() + 1);
            let to = (from + below(200)).min(other.len());
            match below(4) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..at, other[from..to].to_vec())),
                2 => drop(bytes.splice(at..end, other[from..to].to_vec())),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << below(8);
                    }
                }
            }
        }
        survives(&bytes);
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        survives(&bytes);
    }

    #[test]
    fn no_markup_breaks_the_reader(text in r#"(<[/!?]?(cb_config|collect|dir|abs_path|store|x|--|\[CDATA\[|DOCTYPE)?[ a='"\]>-]{0,3}>?|&[a-z#0-9]{0,4};?|[ -~äß\r\n\t]){0,60}"#) {
        survives(text.as_bytes());
    }

    /// A whole configuration in which something was changed.
    #[test]
    fn no_change_of_a_sound_file_breaks_the_reader(
        at in 0..10_000_usize,
        length in 0..40_usize,
        insert in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good/pool.xml");
        let mut bytes = std::fs::read(path).unwrap();
        let at = at % bytes.len();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, insert);
        survives(&bytes);
    }
}
