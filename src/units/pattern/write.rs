//! Pieces of a pattern as the matcher's own syntax. Only what means the same to the last detail is used of it: sets in
//! code points, places, groups, looks. Its classes, its case folding and its flags are not.

use std::fmt::Write as _;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::syntax::{Alphabet, Case, Class, Direction, Greed, Kind, Node, Place, Set, Wanted};

/// Bytes of a name that are no UTF-8 are U+DC80 to U+DCFF to Python, which no text here can hold; these characters
/// stand for them.
pub(super) const BYTES: u32 = 0x10_0000;
const SURROGATES: (u32, u32) = (0xd800, 0xdfff);
const ESCAPED: (u32, u32) = (0xdc80, 0xdcff);

/// The letters that Python takes for one another although Unicode's simple folding does not: the dotless and the
/// dotted i.
const DOTS: [char; 4] = ['i', 'I', '\u{130}', '\u{131}'];

/// The source of a matcher for `node`; groups whose numbers are in `used` are numbered.
pub(super) fn source(node: &Node, used: &[usize], lines: bool) -> String {
    let mut writer = Writer {
        out: String::from(r"\A(?:"),
        used,
    };
    writer.last(node, lines);
    // Cedar Backup adds a `$`, which also stands before a newline at the end.
    writer.out + if lines { r")(?=\n|\z)" } else { r")\n?\z" }
}

struct Writer<'u> {
    out: String,
    used: &'u [usize],
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// A piece at the very end. A `$` there says what the end says anyway, and the matcher is faster without.
    fn last(&mut self, node: &Node, lines: bool) {
        match node {
            Node::Row(nodes) => {
                if let Some((last, before)) = nodes.split_last() {
                    self.nodes(before);
                    self.last(last, lines);
                }
            }
            Node::Either(nodes) => {
                self.put("(?:");
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        self.put("|");
                    }
                    self.last(node, lines);
                }
                self.put(")");
            }
            Node::Place(Place::End) if !lines => {}
            other => self.node(other),
        }
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Set(set) => self.set(set),
            Node::Place(place) => self.place(*place),
            Node::Row(nodes) => {
                self.put("(?:");
                self.nodes(nodes);
                self.put(")");
            }
            Node::Either(nodes) => {
                self.put("(?:");
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        self.put("|");
                    }
                    self.node(node);
                }
                self.put(")");
            }
            Node::Group(number, node) => {
                if self.used.contains(number) {
                    // OK: writing to a string does not fail
                    let _ = write!(self.out, "(?<g{number}>");
                } else {
                    self.put("(?:");
                }
                self.node(node);
                self.put(")");
            }
            Node::Repeat {
                node,
                least,
                most,
                greed,
            } => self.repeat(node, *least, *most, *greed),
            Node::Look {
                node,
                direction,
                wanted,
            } => {
                self.put(match (direction, wanted) {
                    (Direction::Ahead, Wanted::There) => "(?=",
                    (Direction::Ahead, Wanted::NotThere) => "(?!",
                    (Direction::Behind, Wanted::There) => "(?<=",
                    (Direction::Behind, Wanted::NotThere) => "(?<!",
                });
                self.node(node);
                self.put(")");
            }
            Node::Atomic(node) => {
                self.put("(?>");
                self.node(node);
                self.put(")");
            }
            Node::Again(number) => {
                // OK: writing to a string does not fail
                let _ = write!(self.out, r"\k<g{number}>");
            }
            Node::If { group, yes, no } => {
                // OK: writing to a string does not fail
                let _ = write!(self.out, "(?(<g{group}>)");
                self.node(yes);
                self.put("|");
                self.node(no);
                self.put(")");
            }
        }
    }

    fn repeat(&mut self, node: &Node, least: u32, most: Option<u32>, greed: Greed) {
        if greed == Greed::Keeps {
            self.put("(?>");
        }
        self.put("(?:");
        self.node(node);
        self.put(")");
        match (least, most) {
            (0, None) => self.put("*"),
            (1, None) => self.put("+"),
            (0, Some(1)) => self.put("?"),
            (least, most) => {
                let most = most.map_or(String::new(), |most| most.to_string());
                // OK: writing to a string does not fail
                let _ = write!(self.out, "{{{least},{most}}}");
            }
        }
        match greed {
            Greed::Most => {}
            Greed::Least => self.put("?"),
            Greed::Keeps => self.put(")"),
        }
    }

    fn place(&mut self, place: Place) {
        let text = match place {
            Place::Start => r"\A",
            Place::LineStart => r"(?:\A|(?<=\n))",
            Place::End => r"(?=\n?\z)",
            Place::LineEnd => r"(?=\n|\z)",
            Place::VeryEnd => r"\z",
            Place::Edge(alphabet) => {
                let word = inner(Kind::Word, alphabet);
                // OK: writing to a string does not fail
                let _ = write!(
                    self.out,
                    "(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))"
                );
                return;
            }
            Place::NoEdge(alphabet) => {
                let word = inner(Kind::Word, alphabet);
                // OK: writing to a string does not fail
                let _ = write!(
                    self.out,
                    "(?:(?<=[{word}])(?=[{word}])|(?<![{word}])(?![{word}]))"
                );
                return;
            }
        };
        self.put(text);
    }

    fn set(&mut self, set: &Set) {
        let ranges = folded(&set.ranges, set.case);
        let everything = ranges.is_empty() && set.classes.is_empty();
        match (everything, set.wanted) {
            (true, Wanted::There) => return self.put(r"[^\x{0}-\x{10FFFF}]"),
            (true, Wanted::NotThere) => return self.put(r"[\x{0}-\x{10FFFF}]"),
            (false, Wanted::There) => self.put("["),
            (false, Wanted::NotThere) => self.put("[^"),
        }
        for range in ranges {
            let (from, to) = (u32::from(range.start()), u32::from(range.end()));
            // OK: writing to a string does not fail
            let _ = write!(self.out, r"\x{{{from:X}}}-\x{{{to:X}}}");
        }
        for Class {
            kind,
            alphabet,
            wanted,
        } in &set.classes
        {
            let not = if *wanted == Wanted::There { "" } else { "^" };
            // OK: writing to a string does not fail
            let _ = write!(self.out, "[{not}{}]", inner(*kind, *alphabet));
        }
        self.put("]");
    }
}

/// What Python's classes hold. Its blanks are those of `str.isspace`, its words those of `str.isalnum`.
fn inner(kind: Kind, alphabet: Alphabet) -> &'static str {
    match (kind, alphabet) {
        (Kind::Digit, Alphabet::Unicode) => r"\p{Nd}",
        (Kind::Digit, Alphabet::Ascii) => "0-9",
        (Kind::Blank, Alphabet::Unicode) => {
            r"\x{9}-\x{D}\x{1C}-\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
        }
        (Kind::Blank, Alphabet::Ascii) => r"\x{9}-\x{D}\x{20}",
        (Kind::Word, Alphabet::Unicode) => r"\p{L}\p{Nd}\p{Nl}\p{No}_",
        (Kind::Word, Alphabet::Ascii) => "a-zA-Z0-9_",
    }
}

/// The characters of `ranges`, with those that Python takes for them if letters are not told apart.
fn folded(ranges: &[(u32, u32)], case: Case) -> Vec<ClassUnicodeRange> {
    let pieces = ranges.iter().flat_map(|&range| pieces(range));
    let mut class = ClassUnicode::new(pieces.filter_map(|(from, to)| {
        Some(ClassUnicodeRange::new(
            char::from_u32(from)?,
            char::from_u32(to)?,
        ))
    }));
    match case {
        Case::Matters => {}
        Case::Folds(Alphabet::Ascii) => {
            let mut other = Vec::new();
            for range in class.ranges() {
                for c in ('a'..='z').chain('A'..='Z') {
                    if (range.start()..=range.end()).contains(&c) {
                        let c = (u8::try_from(c).unwrap_or_default() ^ 0x20).into();
                        other.push(ClassUnicodeRange::new(c, c));
                    }
                }
            }
            class.union(&ClassUnicode::new(other));
        }
        Case::Folds(Alphabet::Unicode) => {
            let dots = |class: &ClassUnicode| {
                let mut ranges = class.iter();
                ranges.any(|range| {
                    DOTS.iter()
                        .any(|c| (range.start()..=range.end()).contains(c))
                })
            };
            if dots(&class) {
                let dots = DOTS.map(|c| ClassUnicodeRange::new(c, c));
                class.union(&ClassUnicode::new(dots));
            }
            // The tables are compiled in.
            let _ = class.try_case_fold_simple();
        }
    }
    class.ranges().to_vec()
}

/// A range without surrogates, and with the characters that stand for bytes in their place.
fn pieces((from, to): (u32, u32)) -> Vec<(u32, u32)> {
    let mut pieces = Vec::new();
    let mut part = |low: u32, high: u32, shift: u32| {
        let (low, high) = (from.max(low), to.min(high));
        if low <= high {
            pieces.push((low + shift, high + shift));
        }
    };
    part(0, SURROGATES.0 - 1, 0);
    part(ESCAPED.0, ESCAPED.1, BYTES);
    part(SURROGATES.1 + 1, BYTES + ESCAPED.0 - 1, 0);
    part(BYTES + ESCAPED.1 + 1, 0x10_ffff, 0);
    pieces
}
