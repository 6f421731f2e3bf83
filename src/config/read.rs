//! The cursor with which sections read their elements. What is wrong is told, and reading goes on.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::document::Element;
use super::finding::{Finding, Told};
use super::schema::{self, Rule, Takes};

/// Findings that are kept; a file with more is not read to its end by anybody.
const MAX_FINDINGS: usize = 1000;

/// Findings while a file is read.
#[derive(Debug, Default)]
pub(super) struct Notes {
    findings: RefCell<Vec<Finding>>,
    more: Cell<usize>,
}

impl Notes {
    /// Takes a finding.
    pub(super) fn tell(&self, finding: Finding) -> Told {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MAX_FINDINGS {
            findings.push(finding);
        } else {
            self.more.set(self.more.get() + 1);
        }
        Told
    }

    /// Whether further findings are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.findings.borrow().len() >= MAX_FINDINGS
    }

    /// All findings, and how many were too many.
    pub(super) fn finish(self) -> (Vec<Finding>, usize) {
        (self.findings.into_inner(), self.more.get())
    }
}

/// Why a text is no value of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What is wrong with it.
    pub(super) what: String,
    /// What would be right.
    pub(super) right: Option<String>,
}

/// A value, or nothing because it is told why not.
pub(super) type Read<T> = Result<T, Told>;

/// What turns a text into a value.
pub(super) type Parser<T> = fn(&str) -> Result<T, Wrong>;

/// An element with the rules for what stands in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'d> {
    pub(super) element: Element<'d>,
    pub(super) notes: &'d Notes,
    rules: &'static [Rule],
}

impl<'d> Cursor<'d> {
    /// A cursor at the root of a document.
    pub(super) fn root(element: Element<'d>, notes: &'d Notes) -> Self {
        Self {
            element,
            notes,
            rules: schema::SECTIONS,
        }
    }

    /// The value of the first `name` that has one.
    pub(super) fn optional<T>(self, name: &'static str, parse: Parser<T>) -> Read<Option<T>> {
        self.first(name)
            .map(|element| self.value(element, parse))
            .transpose()
    }

    /// The value of the first `name` that has one; there has to be one.
    pub(super) fn required<T>(self, name: &'static str, parse: Parser<T>) -> Read<T> {
        self.optional(name, parse)?
            .ok_or_else(|| self.missing(name))
    }

    /// The values of every `name` that has one.
    pub(super) fn all<T>(self, name: &'static str, parse: Parser<T>) -> Read<Vec<T>> {
        let mut values = Vec::new();
        let mut told = None;
        for element in self.given(name) {
            match self.value(element, parse) {
                Ok(value) => values.push(value),
                Err(Told) => told = Some(Told),
            }
        }
        told.map_or(Ok(values), Err)
    }

    /// Every `name` that has a value.
    pub(super) fn given(self, name: &'static str) -> impl Iterator<Item = Element<'d>> {
        self.rule(name);
        self.element
            .children()
            .filter(move |child| child.name() == name && child.value().is_some())
    }

    /// The first `name` that has a value.
    pub(super) fn first(self, name: &'static str) -> Option<Element<'d>> {
        self.given(name).next()
    }

    /// Where the value of `name` stands; where this element's name stands if there is none.
    pub(super) fn span(self, name: &'static str) -> Range<usize> {
        self.first(name)
            .map_or_else(|| self.element.name_span(), Element::value_span)
    }

    /// Reads the value of `element`.
    pub(super) fn value<T>(self, element: Element<'d>, parse: Parser<T>) -> Read<T> {
        parse(element.value().unwrap_or_default()).map_err(|wrong| {
            let finding = Finding::error(element, element.value_span(), wrong.what);
            self.notes.tell(match wrong.right {
                Some(right) => finding.right(right),
                None => finding,
            })
        })
    }

    /// Tells that `name` is missing here.
    pub(super) fn missing(self, name: &'static str) -> Told {
        self.lacks(name, "")
    }

    /// Tells that `name` is missing here; `else_where` says where it may stand instead.
    pub(super) fn lacks(self, name: &'static str, else_where: &str) -> Told {
        if schema::is_misspelled(self.element, self.rules, name) {
            return Told;
        }
        let kind = match self.rule(name).map(|rule| &rule.takes) {
            Some(Takes::Text(kind)) => format!(", {kind}"),
            _ => String::new(),
        };
        // An empty element is there to be filled in.
        let empty = self.element.children().find(|child| child.name() == name);
        let (at, message) = match empty {
            Some(empty) => (empty, format!("`<{name}>` is empty")),
            None => (
                self.element,
                format!("`<{}>` lacks its `<{name}>`", self.element.name()),
            ),
        };
        let verb = if empty.is_some() { "fill in" } else { "add" };
        self.tell(
            Finding::error(at, at.name_span(), message)
                .right(format!("{verb} `<{name}>`{kind}{else_where}")),
        )
    }

    /// The first element `name`, with what stands in it.
    pub(super) fn part(self, name: &'static str) -> Option<Self> {
        self.parts(name).next()
    }

    /// Every element `name`, with what stands in them.
    pub(super) fn parts(self, name: &'static str) -> impl Iterator<Item = Self> {
        let rules: &'static [Rule] = match self.rule(name).map(|rule| &rule.takes) {
            Some(Takes::Elements(rules)) => rules,
            _ => &[],
        };
        self.element
            .children()
            .filter(move |child| child.name() == name)
            .map(move |element| Self {
                element,
                rules,
                ..self
            })
    }

    /// Values of `name` in the elements `part` that stood in an earlier one already, with that one.
    pub(super) fn doubles(
        self,
        part: &'static str,
        name: &'static str,
    ) -> Vec<(Element<'d>, Element<'d>)> {
        let mut first: HashMap<&str, Element<'d>> = HashMap::new();
        let mut doubles = Vec::new();
        for element in self.parts(part).filter_map(|at| at.first(name)) {
            match first.entry(element.value().unwrap_or_default()) {
                Entry::Vacant(free) => {
                    free.insert(element);
                }
                Entry::Occupied(taken) => doubles.push((element, *taken.get())),
            }
        }
        doubles
    }

    /// Tells an error about this element's name.
    pub(super) fn wrong(self, message: impl Into<String>, right: impl Into<String>) -> Told {
        let span = self.element.name_span();
        self.tell(Finding::error(self.element, span, message).right(right))
    }

    /// Takes a finding.
    pub(super) fn tell(self, finding: Finding) -> Told {
        self.notes.tell(finding)
    }

    fn rule(self, name: &'static str) -> Option<&'static Rule> {
        let rule = schema::find(self.rules, name);
        debug_assert!(rule.is_some(), "`{name}` is read but not in the table");
        rule
    }
}

/// Every value, or that something was told.
pub(super) fn together<T>(values: impl Iterator<Item = Read<T>>) -> Read<Vec<T>> {
    // All of them are read before the first one that failed ends it.
    let all: Vec<Read<T>> = values.collect();
    all.into_iter().collect()
}
