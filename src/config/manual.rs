//! The man page cback.conf(5): a frame written by hand, and every element from the table.

use std::fmt::Write as _;

use super::schema::{Otherwise, Rule, SECTIONS, Takes, Times, Whose};

const FRAME: &str = include_str!("manual.mdoc");

/// The man page in mdoc(7).
pub fn manual() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        // OK: writing to a string does not fail
        let _ = writeln!(text, ".Ss {}", section.name);
        sentences(section.meaning, &mut text);
        if let Takes::Elements(rules) = section.takes {
            list(section.name, rules, &mut text);
        }
    }
    FRAME.replace("@SECTIONS@\n", &text)
}

fn list(parent: &str, rules: &'static [Rule], text: &mut String) {
    text.push_str(".Bl -tag -width Ds\n");
    for rule in rules {
        // OK: writing to a string does not fail
        let _ = writeln!(text, ".It Ic {} Pq {}", rule.name, escaped(&about(rule)));
        sentences(rule.meaning, text);
        match rule.takes {
            // The peers of a stage are explained once, with the others.
            Takes::Elements(_) if parent == "stage" => {}
            Takes::Elements(rules) => list(rule.name, rules, text),
            Takes::Text(_) => {}
        }
    }
    text.push_str(".El\n");
}

/// What stands in it, whether it has to be there, and what holds otherwise.
fn about(rule: &Rule) -> String {
    let mut parts = vec![match (&rule.takes, rule.times) {
        (Takes::Text(kind), _) => (*kind).to_owned(),
        (Takes::Elements(_), Times::Once) => "elements".to_owned(),
        (Takes::Elements(_), Times::Many) => "elements, any number".to_owned(),
    }];
    if rule.times == Times::Many && matches!(rule.takes, Takes::Text(_)) {
        parts.push("any number".to_owned());
    }
    let inherits = match rule.takes {
        Takes::Text(_) => rule.inherits,
        Takes::Elements(_) => None,
    };
    match (rule.otherwise, inherits) {
        (Otherwise::Required, None) => parts.push("required".to_owned()),
        (Otherwise::Required, Some(section)) => {
            parts.push(format!("required here or in <{section}>"));
        }
        (Otherwise::Value(value), None) => parts.push(format!("default `{value}`")),
        (Otherwise::Value(value), Some(section)) => {
            parts.push(format!("default that of <{section}>, else `{value}`"));
        }
        (Otherwise::Nothing, Some(section)) => {
            parts.push(format!("default that of <{section}>"));
        }
        (Otherwise::Nothing, None) => {}
    }
    if let Some((name, value)) = rule.only_if {
        parts.push(format!("only if <{name}> is `{value}`"));
    }
    if let Some(name) = rule.spelling_of {
        parts.push(format!("another spelling of <{name}>"));
    }
    if rule.whose == Whose::Ours {
        parts.push("new".to_owned());
    }
    parts.join("; ")
}

/// One line for each sentence, as man pages want it.
fn sentences(meaning: &str, text: &mut String) {
    for line in escaped(meaning).replace(". ", ".\n").lines() {
        if line.starts_with(['.', '\'']) {
            text.push_str("\\&");
        }
        text.push_str(line);
        text.push('\n');
    }
}

/// Literal texts and elements in bold.
fn escaped(meaning: &str) -> String {
    let mut escaped = String::new();
    let mut literal = false;
    for c in meaning.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' if literal => escaped.push_str("\\-"),
            '~' => escaped.push_str("\\(ti"),
            '`' => {
                literal = !literal;
                escaped.push_str(if literal { "\\fB" } else { "\\fR" });
            }
            '<' => escaped.push_str("\\fB"),
            '>' => escaped.push_str("\\fR"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_element_and_its_frame_nothing_of_them() {
        let manual = manual();
        assert!(!manual.contains('@'), "a slot was left open");
        assert!(manual.contains("\n.Ss collect\nWhat is collected on this machine.\nEach source"));
        assert!(manual.contains(
            "\n.It Ic link_depth Pq a whole number, 0 or more; default \\fB0\\fR\nDown to how"
        ));
        assert_eq!(
            manual.matches(".Bl ").count(),
            manual.matches(".El\n").count()
        );
    }
}
