//! Slips find what was meant; manual and sample name the elements that there are.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;

const MANUAL: &str = include_str!("../../../man/cback.conf.5");
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
fn the_manual_explains_every_element_in_its_section_and_no_other() {
    for section in SECTIONS {
        let Takes::Elements(rules) = section.takes else {
            panic!("{} holds no elements", section.name);
        };
        let heading = format!("\n.Ss {}\n", section.name);
        let (_, text) = MANUAL
            .split_once(&heading)
            .unwrap_or_else(|| panic!("no section {}", section.name));
        let end = text.find("\n.S").unwrap_or(text.len());
        let explained: BTreeSet<&str> = text[..end]
            .lines()
            .filter_map(|line| line.strip_prefix(".It Ic ")?.split(' ').next())
            .collect();
        let expected = match section.name {
            // Its peers are explained once, with the others.
            "stage" => rules.iter().map(|rule| rule.name).collect(),
            _ => names(rules),
        };
        assert_eq!(explained, expected, "section {}", section.name);
    }
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

/// The rules in RELAX NG, for editors. What a schema cannot say (values, what is required where) it leaves out.
fn relax_ng() -> String {
    fn write(rules: &'static [Rule], indent: &str, out: &mut String) {
        for rule in rules {
            let (open, close) = match rule.times {
                Times::Once => ("<optional>", "</optional>"),
                Times::Many => ("<zeroOrMore>", "</zeroOrMore>"),
            };
            write!(
                out,
                "{indent}{open}\n{indent}  <element name=\"{}\">\n",
                rule.name
            )
            .unwrap();
            match rule.takes {
                Takes::Text(kind) => {
                    let kind = kind
                        .replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('`', "");
                    write!(out, "{indent}    <a:documentation>{kind}</a:documentation>\n{indent}    <text/>\n").unwrap();
                }
                Takes::Elements(below) => {
                    writeln!(out, "{indent}    <interleave>").unwrap();
                    write(below, &format!("{indent}      "), out);
                    writeln!(out, "{indent}    </interleave>").unwrap();
                }
            }
            write!(out, "{indent}  </element>\n{indent}{close}\n").unwrap();
        }
    }
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <!-- For editors: which elements a configuration may have. Generated from cback's own table; cback itself\n     \
        checks far more. -->\n\
        <element name=\"cb_config\" xmlns=\"http://relaxng.org/ns/structure/1.0\"\n         \
        xmlns:a=\"http://relaxng.org/ns/compatibility/annotations/1.0\">\n  <interleave>\n"
        .to_owned();
    write(SECTIONS, "    ", &mut out);
    out + "  </interleave>\n</element>\n"
}

#[test]
fn the_schema_for_editors_is_made_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/cback.rng");
    let expected = snapbox::Data::read_from(path.as_ref(), None).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(relax_ng(), expected);
}
