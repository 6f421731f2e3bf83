//! Which elements there are: the single table from which unknown ones are found, missing ones are described,
//! and the man page is checked. Each section's rules stand in that section's file.

use super::document::Element;
use super::finding::Finding;
use super::read::Notes;

/// An element that may stand in another.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) times: Times,
}

/// What stands in an element.
#[derive(Debug)]
pub(super) enum Takes {
    /// A value of this type, in words with an article.
    Text(&'static str),
    /// Further elements.
    Elements(&'static [Rule]),
}

/// How often an element may stand in its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Once,
    Many,
}

/// A value that stands once.
pub(super) const fn one(name: &'static str, kind: &'static str) -> Rule {
    Rule {
        name,
        takes: Takes::Text(kind),
        times: Times::Once,
    }
}

/// A value that may stand several times.
pub(super) const fn many(name: &'static str, kind: &'static str) -> Rule {
    Rule {
        name,
        takes: Takes::Text(kind),
        times: Times::Many,
    }
}

/// An element with elements in it, once.
pub(super) const fn part(name: &'static str, rules: &'static [Rule]) -> Rule {
    Rule {
        name,
        takes: Takes::Elements(rules),
        times: Times::Once,
    }
}

/// An element with elements in it, any number of times.
pub(super) const fn parts(name: &'static str, rules: &'static [Rule]) -> Rule {
    Rule {
        name,
        takes: Takes::Elements(rules),
        times: Times::Many,
    }
}

/// The sections of a configuration.
pub(super) const SECTIONS: &[Rule] = &[
    part("reference", super::reference::RULES),
    part("extensions", super::extensions::RULES),
    part("options", super::options::RULES),
    part("peers", super::peers::RULES),
    part("collect", super::collect::RULES),
    part("stage", super::stage::RULES),
    part("store", super::store::RULES),
    part("purge", super::purge::RULES),
    part("amazons3", super::amazons3::RULES),
    part("capacity", super::capacity::RULES),
    part("encrypt", super::encrypt::RULES),
    part("mbox", super::mbox::RULES),
    part("mysql", super::database::MYSQL),
    part("postgresql", super::database::POSTGRESQL),
    part("split", super::split::RULES),
    part("subversion", super::subversion::RULES),
];

/// The rule for `name` among `rules`.
pub(super) fn find(rules: &'static [Rule], name: &str) -> Option<&'static Rule> {
    rules.iter().find(|rule| rule.name == name)
}

/// Compares everything below `parent` with `rules`.
pub(super) fn check(parent: Element<'_>, rules: &'static [Rule], notes: &Notes) {
    stray_text(parent, notes);
    for child in parent.children() {
        let Some(rule) = find(rules, child.name()) else {
            unknown(child, parent, rules, notes);
            continue;
        };
        attributes(child, notes);
        match rule.takes {
            Takes::Elements(rules) => check(child, rules, notes),
            Takes::Text(kind) => {
                for inner in child.children() {
                    let message = format!("`<{}>` holds {kind}, not elements", child.name());
                    notes.tell(
                        Finding::error(inner, inner.name_span(), message).right(format!(
                            "close it with `</{}>` after its value",
                            child.name()
                        )),
                    );
                }
            }
        }
    }
    for rule in rules.iter().filter(|rule| rule.times == Times::Once) {
        repeated(parent, rule, notes);
    }
}

/// Attributes mean nothing; whoever wrote one thinks otherwise.
pub(super) fn attributes(element: Element<'_>, notes: &Notes) {
    if let Some(span) = element.attributes_span() {
        notes.tell(
            Finding::warning(element, span, "attributes are not read")
                .right("give the value in an element of its own"),
        );
    }
}

fn stray_text(parent: Element<'_>, notes: &Notes) {
    if parent.value().is_some() {
        let message = format!("there is text in `<{}>` beside its elements", parent.name());
        notes.tell(
            Finding::error(parent, parent.value_span(), message)
                .right("put it into its element, or make it a comment: `<!-- … -->`"),
        );
    }
}

fn repeated(parent: Element<'_>, rule: &Rule, notes: &Notes) {
    let counts = |element: &Element<'_>| match rule.takes {
        Takes::Text(_) => element.value().is_some(),
        Takes::Elements(_) => true,
    };
    let mut same = parent
        .children()
        .filter(|child| child.name() == rule.name)
        .filter(counts);
    let Some(first) = same.next() else { return };
    for further in same {
        let message = format!("`<{}>` stands here again and is not read", rule.name);
        notes.tell(
            Finding::warning(further, further.name_span(), message)
                .right("remove one of the two")
                .also(first.name_span(), "this one counts"),
        );
    }
}

fn unknown(child: Element<'_>, parent: Element<'_>, rules: &'static [Rule], notes: &Notes) {
    let name = child.name();
    let message = format!("`<{}>` has no element `<{name}>`", parent.name());
    let finding = Finding::error(child, child.name_span(), message);
    if notes.is_full() {
        notes.tell(finding);
        return;
    }
    let right = match nearest(name, rules.iter().map(|rule| rule.name)) {
        Some(near) => format!("did you mean `<{near}>`?"),
        None => match homes(name).as_slice() {
            [] => format!("known here: {}", list(rules.iter().map(|rule| rule.name))),
            homes => format!("`<{name}>` belongs in {}", homes.join(" or ")),
        },
    };
    notes.tell(finding.right(right));
}

/// The parents in which an element of this name may stand.
fn homes(name: &str) -> Vec<String> {
    fn search(parent: &str, rules: &'static [Rule], name: &str, homes: &mut Vec<String>) {
        for rule in rules {
            if rule.name == name {
                homes.push(format!("`{parent}`"));
            }
            if let Takes::Elements(below) = rule.takes {
                let path = match parent {
                    "cb_config" => rule.name.to_owned(),
                    above => format!("{above}/{}", rule.name),
                };
                search(&path, below, name, homes);
            }
        }
    }
    let mut found = Vec::new();
    search("cb_config", SECTIONS, name, &mut found);
    found
}

/// Unknown elements among which a slip is looked for.
const MAX_SLIPS: usize = 100;

/// Whether something in `parent` was told to be a slip of `name`.
pub(super) fn is_misspelled(
    parent: Element<'_>,
    rules: &'static [Rule],
    name: &'static str,
) -> bool {
    parent
        .children()
        .filter(|child| find(rules, child.name()).is_none())
        .take(MAX_SLIPS)
        .any(|child| nearest(child.name(), rules.iter().map(|rule| rule.name)) == Some(name))
}

/// The candidate that `word` is most likely a slip of, if there is one.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let letters = word.chars().count();
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| {
            distance <= 1.max(letters.max(candidate.len()) / 3) && distance < letters
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// `a, b, c`, each in backquotes.
pub(super) fn list<'c>(words: impl Iterator<Item = &'c str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// Letters inserted, deleted, replaced or swapped with their neighbour (optimal string alignment); case and
/// the difference between `-` and `_` cost nothing.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars()
            .take(100)
            .map(|c| {
                if c == '-' {
                    '_'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(left[i - 1] != right[j - 1]);
                let mut best = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + change);
                let swapped =
                    i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
                if swapped {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests;
