//! Patterns for names: `*` stands for any characters, `?` for one, and `!` before one that must not fit.

/// Whether the name `host` is meant by the patterns: one fits, and none that begins with `!` does.
pub(super) fn matches(patterns: &[impl AsRef<str>], host: &str) -> bool {
    chosen(patterns, |pattern| wildcard(pattern, host))
}

/// The same for a list with commas.
pub(super) fn in_list(list: &str, host: &str) -> bool {
    let patterns: Vec<&str> = list.split(',').collect();
    matches(&patterns, host)
}

/// The same for the name of a user, in which case counts.
pub(super) fn user_in_list(list: &str, user: &str) -> bool {
    let patterns: Vec<&str> = list.split(',').collect();
    chosen(&patterns, |pattern| fits(pattern, user))
}

fn chosen(patterns: &[impl AsRef<str>], fits: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.as_ref().strip_prefix('!') {
            Some(not) if fits(not) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_ref()),
        }
    }
    found
}

/// Whether `text` fits `pattern`; case does not count.
pub(in super::super) fn wildcard(pattern: &str, text: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_those_of_the_shell() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a?c", "abc", true),
            ("a*c*", "abbcd", true),
            ("*.example.org", "x.Example.ORG", true),
            ("a?c", "ac", false),
            ("a*b", "ac", false),
        ] {
            assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
        }
        assert!(!user_in_list("ada", "Ada") && user_in_list("bob,a*", "ada"));
        assert!(!in_list("*,!b?b", "bob"));
    }
}
