//! Command lines that the administrator wrote, and how they become words.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A command line as the configuration gives it, with at least one word. It is never given to a shell:
/// [`words`](Self::words) are the program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandLine(String);

/// A text without any word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no command in it")]
pub struct CommandLineError;

impl CommandLine {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same arguments for the program at `path`; `None` if such a line cannot be written: the path has a `"` in it,
    /// or is no UTF-8.
    pub fn with_program(&self, path: &Path) -> Option<Self> {
        let path = path.to_str().filter(|path| !path.contains('"'))?;
        let arguments = self.words().into_iter().skip(1);
        let all: Vec<String> = std::iter::once(path.to_owned())
            .chain(arguments)
            .map(|word| format!("\"{word}\""))
            .collect();
        Some(Self(all.join(" ")))
    }

    /// Program and arguments, never empty. Spaces separate words, and a stretch within double quotes is a
    /// word of its own without them. Nothing else is special: no single quotes, no backslashes, no tabs.
    pub fn words(&self) -> Vec<String> {
        words(&self.0)
    }
}

/// Splits as Cedar Backup does: maximal runs of neither space nor `"`, and what stands between two `"`.
/// `a"b c"d` gives three words, `""` none; a quote without its partner is skipped.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(' ');
        let Some(first) = rest.chars().next() else {
            return words;
        };
        if first == '"' {
            match rest[1..].find('"') {
                Some(0) | None => rest = &rest[1..],
                Some(end) => {
                    words.push(rest[1..=end].to_owned());
                    rest = &rest[end + 2..];
                }
            }
        } else {
            let end = rest.find([' ', '"']).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
}

impl FromStr for CommandLine {
    type Err = CommandLineError;

    fn from_str(text: &str) -> Result<Self, CommandLineError> {
        if words(text).is_empty() {
            Err(CommandLineError)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_program_of_a_line_can_be_another_one() {
        let line: CommandLine = "/usr/bin/scp -B -o \"ProxyCommand nc %h\" -q"
            .parse()
            .unwrap();
        let other = line.with_program(Path::new("/opt/my tools/scp")).unwrap();
        assert_eq!(
            other.words(),
            ["/opt/my tools/scp", "-B", "-o", "ProxyCommand nc %h", "-q"]
        );
        assert_eq!(line.with_program(Path::new("/a\"b")), None);
    }

    #[test]
    fn words_are_split_at_spaces_and_double_quotes() {
        let table: [(&str, &[&str]); 10] = [
            ("", &[]),
            ("  ", &[]),
            ("\"\"", &[]),
            ("/usr/bin/scp -B", &["/usr/bin/scp", "-B"]),
            (
                "cback --verbose stage store purge",
                &["cback", "--verbose", "stage", "store", "purge"],
            ),
            ("echo \"a b\"", &["echo", "a b"]),
            ("c'd e'", &["c'd", "e'"]),
            ("a\"b c\"d", &["a", "b c", "d"]),
            ("a \"b", &["a", "b"]),
            ("a\tb\\ c", &["a\tb\\", "c"]),
        ];
        for (text, expected) in table {
            assert_eq!(words(text), expected, "{text:?}");
            assert_eq!(text.parse::<CommandLine>().is_ok(), !expected.is_empty());
        }
    }
}
