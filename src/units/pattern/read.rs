//! Python's way of writing patterns (the documentation of its module `re`, as of Python 3.11), read into pieces.
//! What Python refuses is refused, and so is what this program could not match in exactly the same way.

mod class;
mod escape;
mod group;

use super::syntax::{Alphabet, Case, Greed, Node, Place, Set, Wanted};

/// Why a text is no pattern that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// Python refuses it, too.
    Wrong(String),
    /// Python takes it, but it could not be matched here in exactly the same way.
    Strange(String),
}

pub(super) type Read<T> = Result<T, Refused>;

pub(super) fn wrong<T>(why: impl Into<String>) -> Read<T> {
    Err(Refused::Wrong(why.into()))
}

pub(super) fn strange<T>(why: impl Into<String>) -> Read<T> {
    Err(Refused::Strange(why.into()))
}

/// How deep groups may stand in one another.
const MAX_DEPTH: usize = 50;
/// The largest number of repetitions.
const MAX_REPEAT: u32 = 1000;

/// What letters such as `(?i)` say.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is a letter
pub(super) struct Flags {
    pub(super) fold: bool,
    pub(super) lines: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
}

impl Flags {
    pub(super) fn alphabet(self) -> Alphabet {
        if self.ascii {
            Alphabet::Ascii
        } else {
            Alphabet::Unicode
        }
    }

    pub(super) fn case(self) -> Case {
        if self.fold {
            Case::Folds(self.alphabet())
        } else {
            Case::Matters
        }
    }
}

/// A group so far.
#[derive(Debug, Clone)]
pub(super) struct GroupSoFar {
    pub(super) name: Option<String>,
    pub(super) closed: bool,
    pub(super) width: (u64, Option<u64>),
    pub(super) used: bool,
}

pub(super) struct Reader<'t> {
    pub(super) rest: &'t str,
    /// Group 0 is the whole.
    pub(super) groups: Vec<GroupSoFar>,
    pub(super) depth: usize,
    pub(super) behind: usize,
}

/// A pattern that was read.
pub(super) struct Pattern {
    pub(super) node: Node,
    /// Whether `(?m)` stands at its beginning.
    pub(super) lines: bool,
    /// Numbers of groups whose text or presence matters.
    pub(super) used: Vec<usize>,
}

/// Reads a whole pattern.
pub(super) fn read(text: &str) -> Read<Pattern> {
    let mut reader = Reader {
        rest: text,
        groups: vec![GroupSoFar {
            name: None,
            closed: false,
            width: (0, None),
            used: false,
        }],
        depth: 0,
        behind: 0,
    };
    let mut flags = Flags {
        fold: false,
        lines: false,
        dot_all: false,
        verbose: false,
        ascii: false,
    };
    reader.flags_of_all(&mut flags)?;
    let node = reader.either(flags)?;
    if !reader.rest.is_empty() {
        return wrong("a `)` closes nothing");
    }
    let numbered = reader.groups.iter().enumerate();
    Ok(Pattern {
        node,
        lines: flags.lines,
        used: numbered
            .filter(|(_, group)| group.used)
            .map(|(number, _)| number)
            .collect(),
    })
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    pub(super) fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Counts what stands in one another; whoever leaves it again counts back.
    pub(super) fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return strange(format!(
                "groups stand more than {MAX_DEPTH} deep in one another"
            ));
        }
        Ok(())
    }

    /// Alternatives, up to a `)` or the end.
    pub(super) fn either(&mut self, flags: Flags) -> Read<Node> {
        self.deeper()?;
        let mut nodes = vec![self.row(flags)?];
        while self.skip("|") {
            nodes.push(self.row(flags)?);
        }
        self.depth -= 1;
        Ok(match nodes.pop() {
            Some(node) if nodes.is_empty() => node,
            last => {
                nodes.extend(last);
                Node::Either(nodes)
            }
        })
    }

    /// Pieces behind one another, up to a `|`, a `)` or the end.
    pub(super) fn row(&mut self, flags: Flags) -> Read<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            self.take();
            if flags.verbose && matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
                continue;
            }
            if flags.verbose && c == '#' {
                let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
                self.rest = &self.rest[end..];
                continue;
            }
            match c {
                '*' | '+' | '?' => self.repeat(c, &mut nodes)?,
                '{' => match self.bounds()? {
                    Some(bounds) => self.repeated(bounds, &mut nodes)?,
                    None => nodes.push(literal('{', flags)),
                },
                '[' => nodes.push(Node::Set(self.class(flags)?)),
                '(' => nodes.extend(self.group(flags)?),
                '\\' => nodes.push(self.escape(flags)?),
                '.' => nodes.push(Node::Set(dot(flags))),
                '^' if flags.lines => nodes.push(Node::Place(Place::LineStart)),
                '^' => nodes.push(Node::Place(Place::Start)),
                '$' if flags.lines => nodes.push(Node::Place(Place::LineEnd)),
                '$' => nodes.push(Node::Place(Place::End)),
                other => nodes.push(literal(other, flags)),
            }
        }
        Ok(Node::Row(nodes))
    }

    fn repeat(&mut self, c: char, nodes: &mut Vec<Node>) -> Read<()> {
        let bounds = match c {
            '*' => (0, None),
            '+' => (1, None),
            _ => (0, Some(1)),
        };
        self.repeated(bounds, nodes)
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}` behind the brace; anything else is a brace.
    fn bounds(&mut self) -> Read<Option<(u32, Option<u32>)>> {
        let Some((inner, rest)) = self.rest.split_once('}') else {
            return Ok(None);
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = match inner.split_once(',') {
            Some((least, most)) => (least, Some(most)),
            None => (inner, None),
        };
        if inner.is_empty() || !digits(least) || !digits(most.unwrap_or_default()) {
            return Ok(None);
        }
        let number = |text: &str| match text.parse::<u32>() {
            Ok(number) if number <= MAX_REPEAT => Ok(number),
            _ => strange(format!("more than {MAX_REPEAT} repetitions are asked for")),
        };
        let first = if least.is_empty() { 0 } else { number(least)? };
        let upper = match most {
            None => Some(first),
            Some("") => None,
            Some(most) => Some(number(most)?),
        };
        if upper.is_some_and(|upper| upper < first) {
            return wrong("the most repetitions are fewer than the least");
        }
        self.rest = rest;
        Ok(Some((first, upper)))
    }

    fn repeated(&mut self, (least, most): (u32, Option<u32>), nodes: &mut Vec<Node>) -> Read<()> {
        let greed = if self.skip("?") {
            Greed::Least
        } else if self.skip("+") {
            Greed::Keeps
        } else {
            Greed::Most
        };
        match nodes.pop() {
            None | Some(Node::Place(_)) => wrong("there is nothing to repeat"),
            Some(Node::Repeat { .. }) => wrong("something is repeated twice"),
            Some(node) => {
                nodes.push(Node::Repeat {
                    node: Box::new(node),
                    least,
                    most,
                    greed,
                });
                Ok(())
            }
        }
    }
}

pub(super) fn literal(c: char, flags: Flags) -> Node {
    Node::Set(Set::of(c.into(), flags.case()))
}

fn dot(flags: Flags) -> Set {
    Set {
        ranges: if flags.dot_all {
            Vec::new()
        } else {
            vec![(0x0a, 0x0a)]
        },
        classes: Vec::new(),
        wanted: Wanted::NotThere,
        case: Case::Matters,
    }
}
