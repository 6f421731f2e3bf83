//! Findings of one file: as data, as lines, as pictures of their places.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::event::{printable, printable_path};

use super::finding::{Finding, Lines, Severity};
use super::schema::nearest;

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

impl Report {
    /// Places `findings` in `text`, the content of the file at `path`; `more` were not kept.
    pub(super) fn new(path: &Path, text: &str, mut findings: Vec<Finding>, more: usize) -> Self {
        findings.sort_by_key(|finding| finding.spot.offset());
        let lines = Lines::new(text);
        for finding in &mut findings {
            finding.spot.locate(text, &lines);
            if let Some(related) = &mut finding.related {
                related.locate(text, &lines);
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
        printable_path(&self.path)
    }
}

/// A secret is not longer, where it has a `</` in it.
const MAX_SECRET: usize = 1000;

/// The text with users and passwords painted over, so that no picture of a line shows one. Works on broken documents,
/// too, and where the element's name is nearly that of a password.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at + 1);
        masked.push_str(before);
        let name = tag.split(['>', '<', ' ', '\t', '\r', '\n', '/']).next();
        let name = name.unwrap_or_default();
        // A command that encrypts often has a passphrase in it; the section of that name has elements.
        let command = tag
            .strip_prefix("encrypt>")
            .is_some_and(|inner| !inner.trim_start().starts_with('<'));
        if !command && !is_secret(name) {
            rest = mask_attributes(tag, &mut masked);
            continue;
        }
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let (start, secret) = tag.split_at(end);
        masked.push_str(start);
        // Perhaps there is a `</` in it.
        let near = &secret[..secret.floor_char_boundary(MAX_SECRET)];
        let line = near.split('\n').next().unwrap_or_default();
        let own = line.find(&format!("</{name}>"));
        let end = own.or_else(|| secret.find("</")).unwrap_or(secret.len());
        stars(&secret[..end], &mut masked);
        rest = &secret[end..];
    }
    masked + rest
}

/// Paints over what a start tag says behind the `=` of its attributes if one of them seems to be a secret; gives what is left.
fn mask_attributes<'t>(tag: &'t str, masked: &mut String) -> &'t str {
    let end = tag.find(['>', '<', '\n']).unwrap_or(tag.len());
    let (inner, rest) = tag.split_at(end);
    let Some(equals) = inner.find('=') else {
        return tag;
    };
    let small = inner.to_ascii_lowercase();
    if !small.contains("pass") && !small.contains("user") {
        return tag;
    }
    masked.push_str(&inner[..=equals]);
    stars(&inner[equals + 1..], masked);
    rest
}

/// As many stars as `secret` has bytes, so that offsets into the text stay true.
fn stars(secret: &str, masked: &mut String) {
    for c in secret.chars() {
        let stars = if c == '\n' { "\n" } else { "****" };
        masked.push_str(&stars[..c.len_utf8()]);
    }
}

/// Whether the value of an element of that name is nobody's business.
pub(super) fn is_secret(name: &str) -> bool {
    // Comparing letters is slow, and a hostile file has many names.
    let likely = || name.starts_with(['p', 'P']) && (4..=12).contains(&name.len());
    name == "user"
        || name.get(..40).unwrap_or(name).contains("pass")
        || (likely() && nearest(name, ["password"].into_iter()).is_some())
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
