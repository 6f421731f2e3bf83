//! What is wrong in a configuration, where, and what would be right.

use std::ops::Range;

use serde::Serialize;

use super::document::Element;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but is hardly what was meant.
    Warning,
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// Line, from 1; 0 until the finding is in its report.
    pub line: usize,
    /// Column in characters, from 1; 0 until the finding is in its report.
    pub column: usize,
    /// What stands there, if that needs words.
    pub label: Option<String>,
    #[serde(skip)]
    span: Range<usize>,
}

/// One thing that is wrong, or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The element, by the names that lead to it: `collect/dir/abs_path`. Empty if there is none.
    pub element: String,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What would be right.
    pub right: Option<String>,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// Another place that belongs to it.
    pub related: Option<Spot>,
}

/// Proof that a problem has been reported, in place of the value that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told;

/// Longer lines are not shown.
const MAX_LINE: usize = 1000;

impl Spot {
    fn new(span: Range<usize>, label: Option<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            label,
            span,
        }
    }

    /// Finds line and column.
    pub(super) fn locate(&mut self, text: &str, lines: &Lines) {
        let start = text.floor_char_boundary(self.span.start.min(text.len()));
        let end = text.floor_char_boundary(self.span.end.clamp(start, text.len()));
        self.span = start..end;
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        self.line = lines.before(text, start) + 1;
        self.column = text[line_start..start].chars().count() + 1;
    }

    /// Where it begins, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.span.start
    }

    /// The line on which it begins and where it stands in it; `None` if that line is too long to be shown.
    pub(super) fn lines<'t>(&self, text: &'t str) -> Option<(&'t str, Range<usize>)> {
        let start = text[..self.span.start].rfind('\n').map_or(0, |at| at + 1);
        let first_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        // A span over several lines is shown on its first.
        let end = self
            .span
            .end
            .clamp(self.span.start, first_end.max(self.span.start));
        let shown = text[start..first_end].trim_end_matches('\r');
        let within = |at: usize| (at - start).min(shown.len());
        (shown.len() <= MAX_LINE).then(|| (shown, within(self.span.start)..within(end)))
    }
}

/// How many lines begin before each block of a text, so that counting them takes no time.
pub(super) struct Lines(Vec<usize>);

const BLOCK: usize = 4096;

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let mut before = vec![0];
        let mut lines = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            lines += ends(block);
            before.push(lines);
        }
        Self(before)
    }

    /// The line of `text` in which `offset` is, from 1.
    pub(super) fn of(&self, text: &str, offset: usize) -> usize {
        self.before(text, offset) + 1
    }

    /// Line ends in `text` before `offset`.
    fn before(&self, text: &str, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.0[block] + ends(&text.as_bytes()[block * BLOCK..offset])
    }
}

fn ends(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

impl Finding {
    fn new(severity: Severity, element: String, span: Range<usize>, message: String) -> Self {
        Self {
            severity,
            element,
            message: cut(message),
            right: None,
            spot: Spot::new(span, None),
            related: None,
        }
    }

    /// Something without which the configuration cannot be used.
    pub(super) fn error(
        element: Element<'_>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, element.path(), span, message.into())
    }

    /// Something that is hardly meant.
    pub(super) fn warning(
        element: Element<'_>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, element.path(), span, message.into())
    }

    /// An error outside of any element.
    pub(super) fn of_file(span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, String::new(), span, message.into())
    }

    /// Adds what would be right.
    pub(super) fn right(mut self, right: impl Into<String>) -> Self {
        self.right = Some(cut(right.into()));
        self
    }

    /// Adds another place.
    pub(super) fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some(Spot::new(span, Some(label.into())));
        self
    }
}

/// Letters that a message keeps at either end.
const MAX_END: usize = 200;

/// `message`, without its middle if somebody's value made it endless.
fn cut(message: String) -> String {
    if message.len() <= 2 * MAX_END {
        return message;
    }
    let head = message.floor_char_boundary(MAX_END);
    let tail = message.ceil_char_boundary(message.len() - MAX_END);
    format!("{} … {}", &message[..head], &message[tail..])
}

impl Severity {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
