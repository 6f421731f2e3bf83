//! The text of an element while it is put together from its pieces.

use std::ops::Range;

/// A value while it grows.
#[derive(Debug, Default)]
pub(super) struct Value {
    pub(super) text: String,
    /// From the first to the last byte that is no blank, in the document.
    pub(super) span: Option<Range<usize>>,
    /// The part of `text` that was not written plainly and stays whole.
    kept: Option<Range<usize>>,
}

impl Value {
    /// Adds what was written plainly.
    pub(super) fn plain(&mut self, text: &str, start: usize) {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        let inner = text.trim_matches(blank);
        if !inner.is_empty() {
            let from = start + (text.len() - text.trim_start_matches(blank).len());
            self.cover(from..from + inner.len());
        }
        // Section 2.11: line ends are one newline each.
        let mut rest = text;
        while let Some(at) = rest.find('\r') {
            self.text.push_str(&rest[..at]);
            self.text.push('\n');
            rest = rest[at + 1..].strip_prefix('\n').unwrap_or(&rest[at + 1..]);
        }
        self.text.push_str(rest);
    }

    /// Adds what stays as it is, blank or not.
    pub(super) fn kept(&mut self, text: &str, span: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let from = self.text.len();
        self.text.push_str(text);
        let first = self.kept.as_ref().map_or(from, |kept| kept.start);
        self.kept = Some(first..self.text.len());
        self.cover(span);
    }

    fn cover(&mut self, span: Range<usize>) {
        let first = self.span.as_ref().map_or(span.start, |all| all.start);
        self.span = Some(first..span.end);
    }

    /// Takes the blanks off both ends.
    pub(super) fn finish(&mut self) {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n');
        let length = self.text.len();
        let kept = self.kept.clone().unwrap_or(length..0);
        let end = self.text.trim_end_matches(blank).len().max(kept.end);
        let start = length - self.text.trim_start_matches(blank).len();
        let start = start.min(kept.start).min(end);
        self.text.truncate(end);
        self.text.drain(..start);
    }
}

/// Whether XML 1.0 lets a document contain `c` (section 2.2).
pub(in crate::config) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
}
