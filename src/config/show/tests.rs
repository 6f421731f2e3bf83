//! What is shown holds: written into the file in so many words, it changes nothing.

#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;

const POOL: &str = include_str!("../../../tests/config/good/pool.xml");

fn shown(text: &str) -> Shown {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cback.conf");
    fs::write(&path, text).unwrap();
    match show(&path, Naming::V3) {
        Ok((shown, _)) => shown,
        Err(ConfigError::Problems(report)) => panic!("{report}\n{text}"),
        Err(error) => panic!("{error}"),
    }
}

fn config(text: &str) -> Config {
    match Config::parse(text.as_bytes(), Path::new("cback.conf"), Naming::V3) {
        Ok((config, _)) => config,
        Err(ConfigError::Problems(report)) => panic!("{report}\n{text}"),
        Err(error) => panic!("{error}"),
    }
}

/// Where the content of the element `within` begins.
fn inside(text: &str, within: &str) -> usize {
    let document = crate::config::document::Document::parse(text.to_owned()).unwrap();
    let mut element = document.root();
    for step in within.split('/') {
        let (name, at) = match step.split_once('[') {
            Some((name, at)) => (name, at.trim_end_matches(']').parse::<usize>().unwrap()),
            None => (step, 1),
        };
        let mut same = element.children().filter(|child| child.name() == name);
        element = same.nth(at - 1).unwrap();
    }
    let name = element.name_span().end;
    name + text[name..].find('>').unwrap() + 1
}

const SECTION: &str = "<compress_level>7</compress_level><compare>content</compare>\
    <recursion_level>-1</recursion_level><cachedir_tag>Y</cachedir_tag><nodump>Y</nodump>\
    <one_file_system>Y</one_file_system>";

#[test]
fn what_is_inherited_and_what_is_a_default_can_be_written_without_changing_anything() {
    let told = POOL.replacen("<collect_mode>", &format!("{SECTION}<collect_mode>"), 1);
    let mut seen = 0;
    for text in [POOL, &told] {
        let sound = config(text);
        for setting in shown(text).settings {
            // What all leave out is added to what one leaves out.
            if matches!(setting.origin, Origin::File { .. }) || setting.within.ends_with("exclude")
            {
                continue;
            }
            let at = inside(text, &setting.within);
            let element = format!("<{0}>{1}</{0}>", setting.name, setting.value);
            let written = format!("{}{element}{}", &text[..at], &text[at..]);
            assert_eq!(config(&written), sound, "{setting:?}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

fn settings(collect: &str) -> Vec<(String, &'static str, String, Origin)> {
    let text = format!(
        "<cb_config>\n<options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
         <backup_user>u</backup_user><backup_group>g</backup_group></options>\n{collect}</cb_config>"
    );
    let shown = shown(&text);
    let all = shown.settings.into_iter();
    all.filter(|setting| !setting.within.starts_with("options"))
        .map(|setting| (setting.within, setting.name, setting.value, setting.origin))
        .collect()
}

#[test]
fn a_value_comes_from_its_own_element_from_the_section_or_from_nobody() {
    let all = settings(
        "<collect>\n<collect_dir> /c </collect_dir>\n<archive_mode>tar</archive_mode>\n<ignore_file>i</ignore_file>\n\
         <exclude><pattern>x</pattern></exclude>\n<dir>\n<abs_path>/d</abs_path>\n<mode>incr</mode>\n\
         <collect_mode>daily</collect_mode>\n</dir></collect>",
    );
    let find = |within: &str, name: &str| {
        let found = all.iter().find(|row| row.0 == within && row.1 == name);
        found.map(|row| (row.2.as_str(), row.3))
    };
    let section = |line| Origin::Section {
        section: "collect",
        line,
    };
    for (within, name, expected) in [
        (
            "collect",
            "collect_dir",
            Some(("/c", Origin::File { line: 4 })),
        ),
        ("collect", "recursion_level", Some(("0", Origin::Default))),
        ("collect", "collect_mode", None),
        ("collect/dir[1]", "archive_mode", Some(("tar", section(5)))),
        // The old spelling wins.
        (
            "collect/dir[1]",
            "collect_mode",
            Some(("incr", Origin::File { line: 10 })),
        ),
        ("collect/dir[1]", "mode", None),
        ("collect/dir[1]", "link_depth", Some(("0", Origin::Default))),
        ("collect/dir[1]/exclude", "pattern", Some(("x", section(7)))),
    ] {
        assert_eq!(find(within, name), expected, "{within}/{name}: {all:?}");
    }
}

#[test]
fn what_says_nothing_is_not_shown_and_a_password_is_stars() {
    let shown = shown(POOL);
    let local = |setting: &&Setting| setting.within == "peers/peer[1]";
    let names: Vec<_> = shown
        .settings
        .iter()
        .filter(local)
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["name", "type", "collect_dir", "ignore_failures"]);
    assert!(!format!("{shown:?}{shown}").contains("geheim"));
    assert!(!shown.to_string().contains("passphrase"), "{shown}");
    assert!(shown.to_string().contains("password"), "{shown}");
}
