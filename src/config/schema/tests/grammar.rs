//! The rules in RELAX NG (<https://relaxng.org/spec-20011203.html>), for editors: which elements there are, what has
//! to be there, and what values look like. What a grammar cannot say (one element here or there, paths beside one
//! another) it leaves out; it never refuses what the program takes without a warning.

use std::fmt::Write as _;

use super::super::{Otherwise, Rule, SECTIONS, Takes, Times};
use crate::config::value;
use crate::media::MediaKind;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!-- For editors: which elements a configuration may have, and what stands in them. Generated from cback's own
     table; cback itself checks far more. -->
<element name=\"cb_config\" xmlns=\"http://relaxng.org/ns/structure/1.0\"
         xmlns:a=\"http://relaxng.org/ns/compatibility/annotations/1.0\"
         datatypeLibrary=\"http://www.w3.org/2001/XMLSchema-datatypes\">
  <interleave>
";

fn relax_ng() -> String {
    let mut out = HEAD.to_owned();
    write_rules(SECTIONS, "    ", &mut out);
    out + "  </interleave>\n</element>\n"
}

fn write_rules(rules: &'static [Rule], indent: &str, out: &mut String) {
    for rule in rules {
        let respelled = rules
            .iter()
            .any(|other| other.spelling_of == Some(rule.name));
        let required =
            rule.otherwise == Otherwise::Required && rule.inherits.is_none() && !respelled;
        let (open, close) = match (rule.times, required) {
            (Times::Once, false) => ("<optional>", "</optional>"),
            (Times::Once, true) => ("<group>", "</group>"),
            (Times::Many, false) => ("<zeroOrMore>", "</zeroOrMore>"),
            (Times::Many, true) => ("<oneOrMore>", "</oneOrMore>"),
        };
        let meaning = escaped(&rule.meaning.replace('`', ""));
        write!(
            out,
            "{indent}{open}\n{indent}  <element name=\"{}\">\n{indent}    <a:documentation>{meaning}</a:documentation>\n",
            rule.name
        )
        .unwrap();
        match rule.takes {
            Takes::Text(kind) => {
                let value = grammar_of(kind);
                if required {
                    writeln!(out, "{indent}    {value}").unwrap();
                } else {
                    // An empty element counts as missing.
                    writeln!(out, "{indent}    <choice><empty/>{value}</choice>").unwrap();
                }
            }
            Takes::Elements(below) => {
                writeln!(out, "{indent}    <interleave>").unwrap();
                write_rules(below, &format!("{indent}      "), out);
                writeln!(out, "{indent}    </interleave>").unwrap();
            }
        }
        write!(out, "{indent}  </element>\n{indent}{close}\n").unwrap();
    }
}

/// What a value of that kind looks like.
fn grammar_of(kind: &str) -> String {
    let whole = "[+\\-]?[0-9][0-9_]*";
    match kind {
        value::FLAG => choice(["Y", "N", "y", "n"].into_iter()),
        value::PATH => pattern("/(.|\\n)*"),
        value::ACTION => pattern("[a-z0-9]+"),
        "a kind of disc, such as `dvd+r`" => choice(MediaKind::words()),
        "a day of the week, such as `monday`" => {
            choice(value::WEEKDAYS.iter().map(|&(word, _)| word))
        }
        _ if kind.starts_with("one of `") || kind == "the word `gpg`" => {
            choice(kind.split('`').skip(1).step_by(2))
        }
        _ if kind.starts_with("a whole number") || kind.starts_with("a number of seconds") => {
            pattern(whole)
        }
        _ => "<text/>".to_owned(),
    }
}

fn choice<'w>(words: impl Iterator<Item = &'w str>) -> String {
    // The built-in datatypes compare without the blanks around a value, as the program does.
    let mut values = String::new();
    for word in words {
        write!(
            values,
            "<value datatypeLibrary=\"\" type=\"token\">{word}</value>"
        )
        .unwrap();
    }
    format!("<choice>{values}</choice>")
}

fn pattern(pattern: &str) -> String {
    format!("<data type=\"string\"><param name=\"pattern\">\\s*{pattern}\\s*</param></data>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[test]
fn the_schema_for_editors_is_made_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/cback.rng");
    let expected = snapbox::Data::read_from(path.as_ref(), None).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(relax_ng(), expected);
}
