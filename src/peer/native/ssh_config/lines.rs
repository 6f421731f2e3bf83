//! Lines of `ssh_config`: a keyword, and words that may be quoted.

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// In lower case.
    pub(super) keyword: String,
    pub(super) words: Vec<String>,
    /// Everything behind the keyword, as it was written.
    pub(super) rest: &'a str,
}

/// Reads a line; `None` if it says nothing.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let end = text.find([' ', '\t', '=']).unwrap_or(text.len());
    let keyword = text[..end].to_ascii_lowercase();
    let mut rest = text[end..].trim_start_matches([' ', '\t']);
    rest = rest.strip_prefix('=').unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', '\t']);
    Some(Line {
        keyword,
        words: words(rest),
        rest,
    })
}

/// The words of a text, up to a comment. Quotes keep blanks together; a backslash keeps a quote, a blank, or itself.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (' ' | '\t', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => return words,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', _) if chars.peek().is_some_and(|next| "\"'\\".contains(*next)) => {
                word.get_or_insert_default().extend(chars.next());
            }
            ('\\', None) if chars.peek() == Some(&' ') => {
                word.get_or_insert_default().extend(chars.next());
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
