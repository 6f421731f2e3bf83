//! Values as they are written and as they are meant; documents within bounds.

#![allow(clippy::unwrap_used)]

use super::*;

/// The value of the root element.
fn value(text: &str) -> Option<String> {
    let document = Document::parse(text.to_owned()).unwrap();
    document.root().value().map(str::to_owned)
}

#[test]
fn a_value_is_its_text_without_blanks_and_comments() {
    for (text, meant) in [
        ("<a>x</a>", Some("x")),
        ("<a></a>", None),
        ("<a/>", None),
        ("<a> \n\t </a>", None),
        ("<a> x  y\n</a>", Some("x  y")),
        ("<a>x<!-- and -->y</a>", Some("xy")),
        ("<a> <!-- before --> x <!-- after --> </a>", Some("x")),
        ("<a><?pi?>x</a>", Some("x")),
        ("<a><![CDATA[x]]></a>", Some("x")),
        ("<a><![CDATA[ <x> & ]]></a>", Some(" <x> & ")),
        ("<a>  <![CDATA[ ]]> </a>", Some(" ")),
        ("<a><![CDATA[]]></a>", None),
        ("<a>&lt;&gt;&amp;&apos;&quot;</a>", Some("<>&'\"")),
        ("<a>&#65;&#x42;&#228;</a>", Some("ABä")),
        ("<a> &#32;x&#32; </a>", Some(" x ")),
        ("<a>x&#10;y</a>", Some("x\ny")),
        ("<a>x\r\ny\rz</a>", Some("x\ny\nz")),
        ("<a>x&#13;y</a>", Some("x\ry")),
        ("<a>x &amp; y</a>", Some("x & y")),
        ("<a> ä\u{a0} </a>", Some("ä\u{a0}")),
        (
            "<?xml version='1.0'?><!DOCTYPE a><a>x</a><!-- end -->\n",
            Some("x"),
        ),
        ("<a b='c>d'>x</a >", Some("x")),
    ] {
        assert_eq!(value(text).as_deref(), meant, "{text:?}");
    }
}

#[test]
fn elements_know_where_they_stand() {
    let document = Document::parse("<a>\n  <b> ä x </b>\n</a>".to_owned()).unwrap();
    let inner = document.root().children().next().unwrap();
    assert_eq!(inner.path(), "b");
    assert_eq!(document.root().path(), "a");
    assert_eq!(&document.text()[inner.name_span()], "b");
    assert_eq!(&document.text()[inner.value_span()], "ä x");
}

#[test]
fn a_value_of_pieces_stands_from_its_first_to_its_last() {
    let text = "<a> <!-- c --> x&amp;<![CDATA[y]]> <!-- d --> </a>";
    let document = Document::parse(text.to_owned()).unwrap();
    let span = document.root().value_span();
    assert_eq!(&text[span], "x&amp;<![CDATA[y]]>");
}

#[test]
fn what_is_no_document_is_refused() {
    for text in [
        "",
        " ",
        "x",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a>&x;</a>",
        "<a>&</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#99999999999;</a>",
        "<a>\0</a>",
        "<a>\u{fffe}</a>",
        "<a",
        "<a b='",
        "<!--",
        "<![CDATA[",
        "<?",
        "<!DOCTYPE",
        "< a/>",
        "<>",
        "<a>&#1;</a>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "&amp;<a/>",
        "<![CDATA[x]]><a/>",
    ] {
        assert!(Document::parse(text.to_owned()).is_err(), "{text:?}");
    }
}

#[test]
fn nothing_grows_beyond_its_bounds() {
    let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    let long_name = |length: usize| format!("<{}/>", "a".repeat(length));
    let long_tag = |length: usize| format!("<a b='{}'/>", "c".repeat(length));
    for (text, sound) in [
        (deep(32), true),
        (deep(33), false),
        (deep(100_000), false),
        (wide(1000), true),
        (wide(100_000), false),
        (long_name(64), true),
        (long_name(65), false),
        (long_tag(4000), true),
        (long_tag(1 << 20), false),
    ] {
        let read = Document::parse(text.clone());
        assert_eq!(read.is_ok(), sound, "{}…", &text[..text.len().min(40)]);
        if let Err(broken) = read {
            assert!(broken.span.len() <= 4096, "{:?}", broken.span);
        }
    }
}
