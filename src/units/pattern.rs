//! Exclusion patterns in Python's regular expression syntax.

use std::fmt;
use std::str::FromStr;

use fancy_regex::{Regex, RegexBuilder};

/// A regular expression that must match a whole text. Alternatives are anchored as a group:
/// `a|b` matches `a` and `b` only.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// A text that is no regular expression.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is not a regular expression: {reason}")]
pub struct PatternError {
    text: String,
    reason: String,
}

impl Pattern {
    /// Whether the whole of `text` matches. Bytes of a name that are no UTF-8 are passed in by
    /// the caller as U+FFFD. An expression that backtracks without end counts as no match.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or(false)
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        // Compiled alone first: `a)(b` must not become sound by the group around it.
        let compile = |source: &str| {
            RegexBuilder::new(source)
                .build()
                .map_err(|error| PatternError {
                    text: text.to_owned(),
                    reason: error.to_string(),
                })
        };
        compile(text)?;
        // Python's `$` also matches before a final newline, and `.` never matches one.
        let regex = compile(&format!(r"\A(?:{text})\n?\z"))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_path() {
        for (pattern, text, expected) in [
            (".*tmp.*", "/a/tmp/b", true),
            ("/a", "/a/b", false),
            ("/x/a|/x/b", "/x/abc", false),
            ("/x/a|/x/b", "/x/b", true),
            ("(?i)/A", "/a", true),
            ("/(?!keep).*", "/keep1", false),
            ("/(?P<n>a)(?P=n)", "/aa", true),
            ("/a", "/a\n", true),
        ] {
            let matched = pattern.parse::<Pattern>().unwrap().matches(text);
            assert_eq!(matched, expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn an_unsound_expression_is_refused_with_its_text() {
        for text in ["(", "a)(b", "[", "*a"] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
