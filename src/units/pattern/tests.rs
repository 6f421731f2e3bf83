//! What matches and what is refused; `tests/pattern.rs` compares with Python itself.

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
        (r"/a\Z", "/a\n", false),
        ("(?m)/a", "/a\nb", true),
        (r"/\w+", "/e\u{301}", false),
        (r"/\d", "/\u{663}", true),
        (r"(?a)/\d", "/\u{663}", false),
        ("(?i)/i", "/\u{130}", true),
        ("/[[a]", "/[", true),
        ("/a{,2}", "/aa", true),
        ("/a{x}", "/a{x}", true),
        ("(?x) / a # comment", "/a", true),
    ] {
        let matched = pattern.parse::<Pattern>().unwrap().matches(text);
        assert_eq!(matched, expected, "{pattern} on {text:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_characters_of_their_own() {
    for (pattern, name, expected) in [
        ("/..", &b"/\xff\xfe"[..], true),
        ("/.", b"/\xff\xfe", false),
        (r"/(.)\1", b"/\xff\xff", true),
        (r"/(.)\1", b"/\xff\xfe", false),
        (r".*[\udc80-\udcff].*", b"/a\xe4b", true),
        (r".*[\udc80-\udcff].*", "/a\u{e4}b".as_bytes(), false),
        (r"/\w", b"/\xe4", false),
        (r"/[^\x00-\x7f]", b"/\xe4", true),
        ("/\u{fffd}", b"/\xe4", false),
        // A cut-off character is as many as it has bytes.
        ("/...", b"/\xf0\x9f\x98", true),
    ] {
        let matched = pattern.parse::<Pattern>().unwrap().matches_bytes(name);
        assert_eq!(matched, expected, "{pattern} on {name:?}");
    }
}

#[test]
fn an_unsound_expression_is_refused_with_its_text() {
    for text in [
        "(",
        "a)(b",
        "[",
        "*a",
        "^*",
        "a**",
        "[b-a]",
        r"\q",
        r"a\",
        "(?P<1>a)",
        "(?P=n)",
        r"(a)\2",
        "a(?i)b",
        "(?<=a+)b",
        "(?<n>a)",
        "(?",
        "(?i",
        "(?z)a",
        "(?i-i:a)",
        "(?a)(?u)b",
        r"\xg0",
        r"\u12",
        r"\z",
        "[a-\\d]",
        "a{3,2}",
        r"(a\1)",
        "(?P<n>a)(?P<n>b)",
    ] {
        let error = text.parse::<Pattern>().unwrap_err();
        assert!(matches!(error, PatternError::Wrong { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn what_would_not_match_alike_is_refused_as_such() {
    for text in [
        r"\N{BULLET}",
        r"(?i)(a)\1",
        "a{1001}",
        r"(a)(?<=\1)b",
        "(?(1)a|b)(c)",
    ] {
        let error = text.parse::<Pattern>().unwrap_err();
        assert!(matches!(error, PatternError::Strange { .. }), "{error}");
    }
}

#[test]
fn no_depth_and_no_length_breaks_the_reader() {
    for text in [
        "(".repeat(100_000),
        "(?:".repeat(100_000),
        "(?=".repeat(1000) + &")".repeat(1000),
        "[".repeat(100_000),
        "(a)".to_owned() + &"(?(1)".repeat(100_000),
        "a|".repeat(100_000),
        "a?".repeat(10_000),
        "(a*)*".repeat(10_000),
        r"\w{1000}{1000}".to_owned(),
        r"(?:\w{1000}){1000}".to_owned(),
    ] {
        let _ = text.parse::<Pattern>();
    }
}

#[test]
fn endless_backtracking_is_no_match() {
    let pattern: Pattern = r"/(a|aa)+(?!b)\1x".parse().unwrap();
    let text = format!("/{}", "a".repeat(60));
    assert!(!pattern.matches(&text));
    assert_eq!(pattern.judge(&text), Err(Undecided));
    assert_eq!(pattern.judge("/b"), Ok(false));
}
