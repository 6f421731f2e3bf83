//! Values as XML writes them, and slots that are filled with them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::TemplateError;
use crate::config::document::is_legal;

/// `text` with each slot's name replaced by its value, in one pass: a value that looks like a slot stays.
pub(super) fn fill(text: &str, slots: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    'pieces: while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        for (name, value) in slots {
            if let Some(after) = rest.strip_prefix(name) {
                filled.push_str(value);
                rest = after;
                continue 'pieces;
            }
        }
        filled.push('{');
        rest = &rest[1..];
    }
    filled + rest
}

/// A path as the value of an element.
pub(super) fn xml_path(path: &Path) -> Result<String, TemplateError> {
    // No slash at its end and none doubled: archives are named after it.
    let path: PathBuf = path.components().collect();
    let unwritable = |why| TemplateError::Unwritable {
        path: path.clone(),
        why,
    };
    let text = path.to_str().ok_or_else(|| unwritable("is not UTF-8"))?;
    if !text.chars().all(is_legal) {
        return Err(unwritable("has control characters that XML does not take"));
    }
    Ok(xml(text))
}

/// A text as the value of an element: blanks at its ends and line ends would be lost if they stood plainly.
pub(super) fn xml(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let ends = text.len() - text.trim_start_matches(' ').len()..text.len();
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        let inside = at >= ends.start && at < ends.start + inner.len();
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            ' ' if inside => escaped.push(' '),
            ' ' | '\t' | '\n' | '\r' => {
                // OK: writing to a string does not fail
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
