//! What holds, and who says so: every effective value with the line, the section or the default it comes from.
//!
//! The table of elements says what is inherited and what holds otherwise; a test compares that with what the
//! sections really read.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::event::{printable, printable_path};
use crate::units::Naming;

use super::document::Element;
use super::finding::Lines;
use super::schema::{Otherwise, Rule, SECTIONS, Takes, Times, Wins, find};
use super::{Config, ConfigError, Report, bytes_of, parse};

/// A value that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The element that holds it, by the names that lead there: `collect/dir[2]`.
    pub within: String,
    /// The value's own element.
    pub name: &'static str,
    /// The value; a password is stars, and so are the arguments of a command that encrypts.
    pub value: String,
    /// Who says so.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Who says that a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Origin {
    /// The element itself, on that line.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// The section, on that line: it holds for everything in it that says nothing else.
    Section {
        /// The section.
        section: &'static str,
        /// The line, from 1.
        line: usize,
    },
    /// Nobody; it is the default.
    Default,
}

/// Every value that holds, in the order of the manual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The file.
    pub file: String,
    /// The values.
    pub settings: Vec<Setting>,
}

/// Reads the configuration at `path` and says what holds in it. The report has only warnings.
pub fn show(path: &Path, naming: Naming) -> Result<(Shown, Report), ConfigError> {
    let bytes = bytes_of(path)?;
    let (_, report) = Config::parse(&bytes, path, naming)?;
    let document = parse(&bytes, path)?;
    let mut walk = Walk {
        root: document.root(),
        text: document.text(),
        lines: Lines::new(document.text()),
        settings: Vec::new(),
    };
    walk.elements(document.root(), "", SECTIONS);
    let shown = Shown {
        file: printable_path(path),
        settings: walk.settings,
    };
    Ok((shown, report))
}

struct Walk<'d> {
    root: Element<'d>,
    text: &'d str,
    lines: Lines,
    settings: Vec<Setting>,
}

impl<'d> Walk<'d> {
    /// What holds in `element`, whose names are `within`.
    fn elements(&mut self, element: Element<'d>, within: &str, rules: &'static [Rule]) {
        for rule in rules {
            if let Takes::Text(_) = rule.takes {
                self.value(element, within, rule, rules);
            }
        }
        for rule in rules {
            if let Takes::Elements(below) = rule.takes {
                self.below(element, within, rule, below);
            }
        }
    }

    fn value(
        &mut self,
        element: Element<'d>,
        within: &str,
        rule: &'static Rule,
        rules: &'static [Rule],
    ) {
        let says_nothing = rule.only_if.is_some_and(|(name, value)| {
            first(element, name).and_then(Element::value) != Some(value)
        });
        if says_nothing || rule.spelling_of.is_some() {
            return;
        }
        if rule.times == Times::Many {
            for given in given(element, rule.name) {
                self.push(within, rule, given, None);
            }
            return;
        }
        let mut spellings = rules
            .iter()
            .filter(|other| other.spelling_of == Some(rule.name))
            .filter_map(|other| Some((first(element, other.name)?, other.wins)));
        let own = first(element, rule.name);
        let effective = match spellings.next() {
            Some((other, Wins::Spelling)) => Some(other),
            Some((other, Wins::Name)) => own.or(Some(other)),
            None => own,
        };
        let inherited = || {
            let section = rule.inherits?;
            Some((first(part(self.root, section)?, rule.name)?, section))
        };
        if let Some(effective) = effective {
            self.push(within, rule, effective, None);
        } else if let Some((inherited, section)) = inherited() {
            self.push(within, rule, inherited, Some(section));
        } else if let Otherwise::Value(value) = rule.otherwise {
            self.settings.push(Setting {
                within: within.to_owned(),
                name: rule.name,
                value: value.to_owned(),
                origin: Origin::Default,
            });
        }
    }

    fn below(
        &mut self,
        element: Element<'d>,
        within: &str,
        rule: &'static Rule,
        below: &'static [Rule],
    ) {
        let path = match within {
            "" => rule.name.to_owned(),
            within => format!("{within}/{}", rule.name),
        };
        let mut children = element.children().filter(|child| child.name() == rule.name);
        if rule.times == Times::Many {
            for (at, child) in children.enumerate() {
                self.elements(child, &format!("{path}[{}]", at + 1), below);
            }
            return;
        }
        if let Some(child) = children.next() {
            self.elements(child, &path, below);
        }
        // What the section leaves out is left out here, too.
        let section = rule.inherits;
        let all = section.and_then(|section| part(part(self.root, section)?, rule.name));
        if let (Some(all), Some(section)) = (all, section) {
            for name in ["abs_path", "pattern"] {
                for given in given(all, name) {
                    if let Some(rule) = find(below, name) {
                        self.push(&path, rule, given, Some(section));
                    }
                }
            }
        }
    }

    fn push(
        &mut self,
        within: &str,
        rule: &'static Rule,
        element: Element<'d>,
        section: Option<&'static str>,
    ) {
        let line = self.lines.of(self.text, element.value_span().start);
        let text = element.value().unwrap_or_default();
        let value = match rule.name {
            "password" => "******".to_owned(),
            // Often with a passphrase.
            "encrypt" => match text.split_whitespace().next() {
                Some(program) => format!("{program} ******"),
                None => String::new(),
            },
            _ => text.to_owned(),
        };
        self.settings.push(Setting {
            within: within.to_owned(),
            name: rule.name,
            value,
            origin: match section {
                Some(section) => Origin::Section { section, line },
                None => Origin::File { line },
            },
        });
    }
}

fn given<'d>(element: Element<'d>, name: &str) -> impl Iterator<Item = Element<'d>> {
    element
        .children()
        .filter(move |child| child.name() == name && child.value().is_some())
}

fn first<'d>(element: Element<'d>, name: &str) -> Option<Element<'d>> {
    given(element, name).next()
}

fn part<'d>(element: Element<'d>, name: &str) -> Option<Element<'d>> {
    element.children().find(|child| child.name() == name)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line } => write!(f, "line {line}"),
            Self::Section { section, line } => write!(f, "line {line}, in <{section}>"),
            Self::Default => write!(f, "default"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |text: &str| text.chars().count();
        // A single long value does not push the others away.
        let wide = |most: usize, lengths: &mut dyn Iterator<Item = usize>| {
            lengths.filter(|&length| length <= most).max().unwrap_or(0)
        };
        let names = wide(30, &mut self.settings.iter().map(|one| one.name.len()));
        let values: Vec<String> = self
            .settings
            .iter()
            .map(|setting| printable(&setting.value))
            .collect();
        let width = wide(48, &mut values.iter().map(|value| letters(value)));
        writeln!(f, "{}", self.file)?;
        let mut within = "";
        for (setting, value) in self.settings.iter().zip(&values) {
            if setting.within != within {
                within = &setting.within;
                writeln!(f, "\n{within}")?;
            }
            writeln!(
                f,
                "    {:<names$}  {value:<width$}  {}",
                setting.name, setting.origin
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
