//! Words that must not be in what a program prints, wherever that goes.

use std::fmt;

/// What stands for a secret.
const STARS: &str = "***";

/// Secret words of one command. Not shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// One more; an empty one is none.
    pub(super) fn add(&mut self, secret: String) {
        if !secret.is_empty() {
            self.0.push(secret);
        }
    }

    /// `line` with stars for each secret that is not a part of a longer word.
    pub(super) fn redact(&self, line: String) -> String {
        self.0
            .iter()
            .fold(line, |line, secret| redact(&line, secret))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words", self.0.len())
    }
}

fn redact(line: &str, secret: &str) -> String {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (first, last) = (secret.chars().next(), secret.chars().next_back());
    let mut redacted = String::with_capacity(line.len());
    let mut done = 0;
    for (at, _) in line.match_indices(secret) {
        let end = at + secret.len();
        let before = line[..at].chars().next_back();
        let after = line[end..].chars().next();
        if (part(before) && part(first)) || (part(last) && part(after)) {
            continue;
        }
        redacted += &line[done..at];
        redacted += STARS;
        done = end;
    }
    redacted + &line[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_repeated() {
        let mut secrets = Secrets::default();
        for secret in ["root", "s3cret!", "", "a'b"] {
            secrets.add(secret.to_owned());
        }
        for (line, redacted) in [
            (
                "Access denied for user 'root'@'localhost'",
                "Access denied for user '***'@'localhost'",
            ),
            (
                "no such file: /chroot/x, rooted",
                "no such file: /chroot/x, rooted",
            ),
            ("s3cret!s3cret!", "******"),
            (
                "role \"root\" does not exist",
                "role \"***\" does not exist",
            ),
            ("a'b", "***"),
            ("", ""),
        ] {
            assert_eq!(secrets.redact(line.to_owned()), redacted);
        }
        assert_eq!(format!("{secrets:?}"), "3 words");
    }
}
