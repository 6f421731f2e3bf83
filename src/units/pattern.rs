//! Exclusion patterns in Python's regular expression syntax, with Python's meaning.
//!
//! A pattern is read by Python's rules into pieces, and those are written for a matcher, so that nothing depends on
//! where the two differ: `\d`, `\w`, `\s`, `\b` are Python's, `$` stands before a last newline too, letters are folded
//! as Python folds them. What Python refuses is refused. What could not be matched exactly alike is refused with that
//! reason; no pattern means something else than it meant.

mod read;
mod syntax;
mod write;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use fancy_regex::{Regex, RegexBuilder};

use read::Refused;

/// A regular expression that must match a whole text. Alternatives are anchored as a group:
/// `a|b` matches `a` and `b` only.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// A text that is no pattern that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Python refuses it, too.
    #[error("`{text}` is not a regular expression: {reason}")]
    Wrong {
        /// The pattern.
        text: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// Python takes it, and this program could not match it in exactly the same way.
    #[error("`{text}` is more than cback can match as Python would: {reason}")]
    Strange {
        /// The pattern.
        text: String,
        /// Why, as a fragment.
        reason: String,
    },
}

/// Whether a pattern matches a text was not found out: there are too many ways to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it tries too many ways to match")]
pub struct Undecided;

impl Pattern {
    /// Whether the whole of `text` matches; a newline at its end counts as none. An expression that backtracks
    /// without end counts as no match, so that what it is about is saved.
    pub fn matches(&self, text: &str) -> bool {
        self.judge(text).unwrap_or(false)
    }

    /// [`matches`](Self::matches), where it matters that nothing was found out.
    ///
    /// # Errors
    ///
    /// [`Undecided`]: the expression backtracks too long on this text.
    pub fn judge(&self, text: &str) -> Result<bool, Undecided> {
        self.regex.is_match(text).map_err(|error| {
            log::debug!("pattern {:?} on {text:?}: {error}", self.text);
            Undecided
        })
    }

    /// Whether the whole of a name matches.
    pub fn matches_bytes(&self, name: &[u8]) -> bool {
        self.matches(&text_of(name))
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text that patterns see of a name. Each byte that is no UTF-8 becomes a character of its own, which is no
/// letter, digit or blank; a pattern calls it `\udc80` to `\udcff`, as Python does.
pub fn text_of(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        let bytes = chunk.invalid().iter();
        text.extend(
            bytes.filter_map(|&byte| char::from_u32(write::BYTES + 0xdc00 + u32::from(byte))),
        );
    }
    Cow::Owned(text)
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let owned = || text.to_owned();
        let pattern = read::read(text).map_err(|refused| match refused {
            Refused::Wrong(reason) => PatternError::Wrong {
                text: owned(),
                reason,
            },
            Refused::Strange(reason) => PatternError::Strange {
                text: owned(),
                reason,
            },
        })?;
        let source = write::source(&pattern.node, &pattern.used, pattern.lines);
        let regex = RegexBuilder::new(&source).build().map_err(|error| {
            log::debug!("pattern {text:?} became {source:?}: {error}");
            PatternError::Strange {
                text: owned(),
                reason:
                    "it is too large, or too involved; write several patterns, or a simpler one"
                        .to_owned(),
            }
        })?;
        Ok(Self {
            text: owned(),
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
mod tests;
