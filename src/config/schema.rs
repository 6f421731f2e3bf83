//! Which elements there are and what they mean: the single table from which unknown ones are found, missing ones
//! are described, effective values are listed, elements are explained, and the man page and the grammar for editors
//! are made. Each section's rules stand in that section's file.

mod foreign;

use super::document::Element;
use super::finding::Finding;
use super::read::Notes;

pub use crate::units::nearest;
use foreign::foreign_extension;
pub(super) use foreign::own_extension;

/// An element that may stand in another.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) times: Times,
    /// What it means, in sentences: `x` is a literal text, `<x>` an element.
    pub(super) meaning: &'static str,
    /// The section whose element of the same name holds where this one is missing.
    pub(super) inherits: Option<&'static str>,
    /// What holds where it is missing and nothing is inherited.
    pub(super) otherwise: Otherwise,
    /// A value that makes sense.
    pub(super) example: Option<&'static str>,
    /// Whose element it is.
    pub(super) whose: Whose,
    /// The element of which this is another spelling.
    pub(super) spelling_of: Option<&'static str>,
    /// Which of the two counts if both are there.
    pub(super) wins: Wins,
    /// The element beside it, and the value of that one, without which this one says nothing.
    pub(super) only_if: Option<(&'static str, &'static str)>,
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

/// What holds where an element is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// Nothing: it adds something.
    Nothing,
    /// It has to be there.
    Required,
    /// This value.
    Value(&'static str),
}

/// Whose element it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Cedar Backup reads it, too.
    Cedars,
    /// Cedar Backup passes over it.
    Ours,
}

/// Which of two spellings counts if both are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wins {
    /// The element's own name.
    Name,
    /// The other spelling.
    Spelling,
}

const fn rule(name: &'static str, takes: Takes, times: Times) -> Rule {
    Rule {
        name,
        takes,
        times,
        meaning: "",
        inherits: None,
        otherwise: Otherwise::Nothing,
        example: None,
        whose: Whose::Cedars,
        spelling_of: None,
        wins: Wins::Name,
        only_if: None,
    }
}

/// A value that stands once.
pub(super) const fn one(name: &'static str, kind: &'static str) -> Rule {
    rule(name, Takes::Text(kind), Times::Once)
}

/// A value that may stand several times.
pub(super) const fn many(name: &'static str, kind: &'static str) -> Rule {
    rule(name, Takes::Text(kind), Times::Many)
}

/// An element with elements in it, once.
pub(super) const fn part(name: &'static str, rules: &'static [Rule]) -> Rule {
    rule(name, Takes::Elements(rules), Times::Once)
}

/// An element with elements in it, any number of times.
pub(super) const fn parts(name: &'static str, rules: &'static [Rule]) -> Rule {
    rule(name, Takes::Elements(rules), Times::Many)
}

impl Rule {
    /// What it means; every element has to say it.
    pub(super) const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// It has to be there, or where it is inherited from.
    pub(super) const fn required(mut self) -> Self {
        self.otherwise = Otherwise::Required;
        self
    }

    /// The value that holds where nobody says one.
    pub(super) const fn otherwise(mut self, value: &'static str) -> Self {
        self.otherwise = Otherwise::Value(value);
        self
    }

    /// The section whose element of this name holds where this one is missing.
    pub(super) const fn from(mut self, section: &'static str) -> Self {
        self.inherits = Some(section);
        self
    }

    /// A value that makes sense.
    pub(super) const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    /// Cedar Backup does not know it.
    pub(super) const fn ours(mut self) -> Self {
        self.whose = Whose::Ours;
        self
    }

    /// It is another spelling of the element `name` beside it; `wins` says which counts if both are there.
    pub(super) const fn spells(mut self, name: &'static str, wins: Wins) -> Self {
        self.spelling_of = Some(name);
        self.wins = wins;
        self
    }

    /// It says something only if the element `name` beside it is `value`.
    pub(super) const fn only_if(mut self, name: &'static str, value: &'static str) -> Self {
        self.only_if = Some((name, value));
        self
    }
}

/// The sections of a configuration.
pub(super) const SECTIONS: &[Rule] = &[
    part("reference", super::reference::RULES)
        .means("What the file says about itself. Nothing depends on it."),
    part("extensions", super::extensions::RULES).means("Actions beside the built-in ones."),
    part("options", super::options::RULES)
        .means("What all actions share.")
        .required(),
    part("peers", super::peers::RULES).means("The machines of the pool."),
    part("collect", super::collect::RULES).means(
        "What is collected on this machine. Each source becomes one archive, named after its path: `/home/ada` becomes \
         `home-ada.tar.gz`. Two sources with one name are an error, and so is a name that ends in `+` and a number if \
         another source has what is before it. What stands in the section itself holds for every source that does not \
         say otherwise.",
    ),
    part("stage", super::stage::RULES).means("Where the peers' archives are gathered by day."),
    part("store", super::store::RULES).means("What is burnt onto which disc."),
    part("purge", super::purge::RULES).means("What is deleted when it has grown old."),
    part("amazons3", super::amazons3::RULES).means("Daily directories to a bucket."),
    part("capacity", super::capacity::RULES)
        .means("When a disc counts as nearly full. It has exactly one of its two elements."),
    part("encrypt", super::encrypt::RULES).means("How staged files are encrypted."),
    part("mbox", super::mbox::RULES)
        .means("Mailboxes. What stands in the section itself holds for every mailbox that does not say otherwise."),
    part("mysql", super::database::MYSQL).means("Databases of a MySQL or MariaDB server to be dumped."),
    part("postgresql", super::database::POSTGRESQL).means("Databases of a PostgreSQL server to be dumped."),
    part("split", super::split::RULES).means("How staged files that are too large are cut."),
    part("subversion", super::subversion::RULES).means(
        "Repositories to be dumped. What stands in the section itself holds for every repository that does not say \
         otherwise.",
    ),
];

/// The rule for `name` among `rules`.
pub(super) fn find(rules: &'static [Rule], name: &str) -> Option<&'static Rule> {
    rules.iter().find(|rule| rule.name == name)
}

/// Compares everything below `parent` with `rules`.
pub(super) fn check(parent: Element<'_>, rules: &'static [Rule], notes: &Notes) {
    stray_text(parent, rules, notes);
    for child in parent.children() {
        let Some(rule) = find(rules, child.name()) else {
            unknown(child, parent, rules, notes);
            continue;
        };
        attributes(child, &rule.takes, notes);
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
fn attributes(element: Element<'_>, takes: &Takes, notes: &Notes) {
    let Some(span) = element.attributes_span() else {
        return;
    };
    let meant = match takes {
        Takes::Elements(rules) => element.first_attribute().and_then(|name| find(rules, name)),
        Takes::Text(_) => None,
    };
    let right = match meant {
        Some(rule) => format!(
            "write `<{0}>…</{0}>` between `<{1}>` and `</{1}>`",
            rule.name,
            element.name()
        ),
        None => "give the value in an element of its own".to_owned(),
    };
    notes.tell(Finding::warning(element, span, "attributes are not read").right(right));
}

fn stray_text(parent: Element<'_>, rules: &'static [Rule], notes: &Notes) {
    if parent.value().is_some() {
        let message = format!("there is text in `<{}>` beside its elements", parent.name());
        let values: Vec<&str> = rules
            .iter()
            .filter(|rule| matches!(rule.takes, Takes::Text(_)) && rule.spelling_of.is_none())
            .map(|rule| rule.name)
            .collect();
        let right = if values.is_empty() || values.len() > 4 {
            "put it into its element, or make it a comment: `<!-- … -->`".to_owned()
        } else {
            let values = list(values.into_iter());
            format!("put it into an element ({values}), or make it a comment: `<!-- … -->`")
        };
        notes.tell(Finding::error(parent, parent.value_span(), message).right(right));
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
            [] if let Some(extension) = foreign_extension(parent) => {
                let message = format!("`<{name}>` is not read");
                notes.tell(
                    Finding::warning(child, child.name_span(), message).right(format!(
                        "it may be a section of the extension `{extension}`, which is not one of those that are built in"
                    )),
                );
                return;
            }
            [] => format!("known here: {}", list(rules.iter().map(|rule| rule.name))),
            homes => format!("`<{name}>` belongs in {}", homes.join(" or ")),
        },
    };
    notes.tell(finding.right(right));
}

/// Whether an element of that name may stand anywhere.
pub(super) fn is_known(name: &str) -> bool {
    name == "cb_config" || !homes(name).is_empty()
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

/// `a, b, c`, each in backquotes.
pub(super) fn list<'c>(words: impl Iterator<Item = &'c str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
