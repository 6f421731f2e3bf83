//! Slips find what was meant; the sample names the elements that there are; the grammar for editors is in step.

#![allow(clippy::unwrap_used)]

mod grammar;

use std::collections::BTreeSet;

use super::*;

const SAMPLE: &str = include_str!("../../../etc/cback.conf.sample");

#[test]
fn a_slip_finds_what_was_meant() {
    let words = ["abs_path", "collect_mode", "archive_mode", "dir", "file"];
    for (slip, meant) in [
        ("abspath", Some("abs_path")),
        ("abs-path", Some("abs_path")),
        ("Abs_Path", Some("abs_path")),
        ("colect_mode", Some("collect_mode")),
        ("dri", Some("dir")),
        ("directory", None),
        ("files", Some("file")),
        ("x", None),
        ("compress", None),
    ] {
        assert_eq!(nearest(slip, words.into_iter()), meant, "{slip}");
    }
}

/// Names of all elements below `rules`.
fn names(rules: &'static [Rule]) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    for rule in rules {
        all.insert(rule.name);
        if let Takes::Elements(below) = rule.takes {
            all.extend(names(below));
        }
    }
    all
}

#[test]
fn the_sample_shows_every_element_that_one_machine_needs() {
    let old = ["mode", "blank_mode", "blank_factor"];
    for section in SECTIONS {
        let Takes::Elements(rules) = section.takes else {
            panic!("{} holds no elements", section.name);
        };
        assert!(SAMPLE.contains(&format!("<{}>", section.name)));
        if [
            "reference",
            "options",
            "peers",
            "collect",
            "stage",
            "store",
            "purge",
        ]
        .contains(&section.name)
        {
            for name in names(rules).difference(&BTreeSet::from(old)) {
                assert!(SAMPLE.contains(&format!("<{name}>")), "{name}");
            }
        }
    }
}

#[test]
fn no_name_stands_twice_in_its_parent() {
    fn check(rules: &'static [Rule]) {
        for (at, rule) in rules.iter().enumerate() {
            assert!(
                rules[..at].iter().all(|other| other.name != rule.name),
                "{}",
                rule.name
            );
            if let Takes::Elements(below) = rule.takes {
                check(below);
            }
        }
    }
    check(SECTIONS);
}
