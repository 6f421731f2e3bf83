//! What is wrong in a configuration, where, and what would be right: as data, as lines, as a picture.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::event::printable;

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
    /// Line, from 1; 0 until the finding is in its [`Report`].
    pub line: usize,
    /// Column in characters, from 1; 0 until the finding is in its [`Report`].
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

/// Whether a rendering has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Terminal colours. `anstream` takes them out again where they are not wanted.
    Ansi,
    /// None.
    Plain,
}

/// Everything that was found in one file, in the file's order.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    path: PathBuf,
    text: String,
    findings: Vec<Finding>,
    more: usize,
}

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

    fn locate(&mut self, text: &str) {
        let start = text.floor_char_boundary(self.span.start.min(text.len()));
        let end = text.floor_char_boundary(self.span.end.clamp(start, text.len()));
        self.span = start..end;
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        self.column = before[line_start..].chars().count() + 1;
    }

    /// The lines on which it stands and where it stands in them; `None` if they are too long to be shown.
    fn lines<'t>(&self, text: &'t str) -> Option<(&'t str, Range<usize>)> {
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

impl Report {
    /// Places `findings` in `text`, the content of the file at `path`; `more` were not kept.
    pub(super) fn new(path: &Path, text: String, mut findings: Vec<Finding>, more: usize) -> Self {
        findings.sort_by_key(|finding| finding.spot.span.start);
        for finding in &mut findings {
            finding.spot.locate(&text);
            if let Some(related) = &mut finding.related {
                related.locate(&text);
            }
        }
        Self {
            path: path.to_owned(),
            text: mask(text),
            findings,
            more,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every finding, in the file's order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many findings were too many to be kept.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// One plain line each, for a log: `cback.conf:12:7: error: …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let file = self.file();
        self.findings.iter().map(move |finding| {
            let mut line = format!(
                "{file}:{}:{}: {}: {}",
                finding.spot.line,
                finding.spot.column,
                finding.severity.word(),
                finding.message
            );
            if let Some(right) = &finding.right {
                line.push_str("; ");
                line.push_str(right);
            }
            if let Some(related) = &finding.related {
                line.extend([" (see line ", &related.line.to_string(), ")"]);
            }
            printable(&line)
        })
    }

    /// Pictures of the places with what is wrong and what would be right, separated by empty lines.
    pub fn render(&self, colour: Colour) -> String {
        let renderer = match colour {
            Colour::Ansi => Renderer::styled(),
            Colour::Plain => Renderer::plain(),
        }
        .decor_style(DecorStyle::Ascii);
        let file = self.file();
        let mut pictures: Vec<String> = self
            .findings
            .iter()
            .map(|finding| renderer.render(&[self.group(finding, &file)]))
            .collect();
        if self.more > 0 {
            pictures.push(format!("and {} more", self.more));
        }
        let mut all = pictures.join("\n\n");
        all.push('\n');
        all
    }

    fn group<'r>(&'r self, finding: &'r Finding, file: &'r str) -> Group<'r> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(printable(&finding.message))
            .elements(Vec::<Origin<'_>>::new());
        let spots = std::iter::once((&finding.spot, AnnotationKind::Primary)).chain(
            finding
                .related
                .iter()
                .map(|spot| (spot, AnnotationKind::Context)),
        );
        for (spot, kind) in spots {
            group = match spot.lines(&self.text) {
                Some((lines, span)) => group.element(
                    Snippet::source(lines)
                        .path(file)
                        .line_start(spot.line)
                        .annotation(kind.span(span).label(spot.label.as_deref())),
                ),
                None => group.element(Origin::path(file).line(spot.line).char_column(spot.column)),
            };
        }
        match &finding.right {
            Some(right) => group.element(Level::HELP.message(printable(right))),
            None => group,
        }
    }

    fn file(&self) -> String {
        printable(&self.path.to_string_lossy())
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

/// The text with passwords painted over, so that no picture of a line shows one. Works on broken documents, too.
fn mask(text: String) -> String {
    const TAG: &str = "<password>";
    if !text.contains(TAG) {
        return text;
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(TAG) {
        let (before, secret) = rest.split_at(at + TAG.len());
        masked.push_str(before);
        let end = secret.find("</").unwrap_or(secret.len());
        for c in secret[..end].chars() {
            // Offsets into the text stay true.
            let stars = if c == '\n' { "\n" } else { "****" };
            masked.push_str(&stars[..c.len_utf8()]);
        }
        rest = &secret[end..];
    }
    masked + rest
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Colour::Plain).trim_end())
    }
}

impl fmt::Debug for Report {
    /// Without the text: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("path", &self.path)
            .field("findings", &self.findings)
            .field("more", &self.more)
            .finish_non_exhaustive()
    }
}
