//! What a pattern is made of, once Python's way of writing it is read. Flags are resolved: every piece knows what it
//! means by itself.

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// One character out of a set.
    Set(Set),
    /// A place between characters.
    Place(Place),
    /// Several pieces, one behind the other.
    Row(Vec<Node>),
    /// One of several pieces, the first that fits.
    Either(Vec<Node>),
    /// A group with a number.
    Group(usize, Box<Node>),
    /// A piece several times.
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        greed: Greed,
    },
    /// What follows or precedes, without taking it.
    Look {
        node: Box<Node>,
        direction: Direction,
        wanted: Wanted,
    },
    /// A piece whose first way of fitting is the only one that is tried.
    Atomic(Box<Node>),
    /// The text of a group again.
    Again(usize),
    /// One of two pieces, by whether a group took part.
    If {
        group: usize,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

/// How much a repetition takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greed {
    /// As much as it can.
    Most,
    /// As little as it can.
    Least,
    /// As much as it can, and gives nothing back.
    Keeps,
}

/// Where a look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ahead,
    Behind,
}

/// What a look wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    There,
    NotThere,
}

/// A place between characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The beginning of the text.
    Start,
    /// The beginning of a line.
    LineStart,
    /// The end of the text, or before a newline at its end.
    End,
    /// The end of a line.
    LineEnd,
    /// The very end of the text.
    VeryEnd,
    /// The edge of a word.
    Edge(Alphabet),
    /// No edge of a word.
    NoEdge(Alphabet),
}

/// Which characters digits, blanks and words are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    Unicode,
    Ascii,
}

/// A kind of character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Digit,
    Blank,
    Word,
}

/// A kind of character, or everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: Kind,
    pub(super) alphabet: Alphabet,
    pub(super) wanted: Wanted,
}

/// Whether large and small letters are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    /// They are not, and those letters are the ones of an alphabet.
    Folds(Alphabet),
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set {
    /// First and last code point each; surrogates stand for bytes that are no text.
    pub(super) ranges: Vec<(u32, u32)>,
    pub(super) classes: Vec<Class>,
    /// `NotThere`: everything that is not in it.
    pub(super) wanted: Wanted,
    pub(super) case: Case,
}

impl Set {
    /// One character.
    pub(super) fn of(code: u32, case: Case) -> Self {
        Self {
            ranges: vec![(code, code)],
            classes: Vec::new(),
            wanted: Wanted::There,
            case,
        }
    }
}

/// The shortest and the longest text that a piece takes; `None`: there is no longest. `groups` are the widths of the
/// groups so far.
pub(super) fn width(node: &Node, groups: &[(u64, Option<u64>)]) -> (u64, Option<u64>) {
    match node {
        Node::Set(_) => (1, Some(1)),
        Node::Place(_) | Node::Look { .. } => (0, Some(0)),
        Node::Row(nodes) => nodes.iter().fold((0, Some(0)), |(least, most), node| {
            let (more, further) = width(node, groups);
            (
                least.saturating_add(more),
                both(most, further, u64::saturating_add),
            )
        }),
        Node::Either(nodes) => nodes
            .iter()
            .map(|node| width(node, groups))
            .reduce(|one, other| (one.0.min(other.0), both(one.1, other.1, u64::max)))
            .unwrap_or((0, Some(0))),
        Node::Group(_, node) | Node::Atomic(node) => width(node, groups),
        Node::Repeat {
            node, least, most, ..
        } => {
            let (short, long) = width(node, groups);
            let most = match (long, most) {
                (Some(0), _) | (_, Some(0)) => Some(0),
                (long, most) => both(long, most.map(u64::from), u64::saturating_mul),
            };
            (short.saturating_mul((*least).into()), most)
        }
        Node::Again(group) => groups.get(*group).copied().unwrap_or((0, None)),
        Node::If { yes, no, .. } => {
            let (one, other) = (width(yes, groups), width(no, groups));
            (one.0.min(other.0), both(one.1, other.1, u64::max))
        }
    }
}

fn both(one: Option<u64>, other: Option<u64>, join: fn(u64, u64) -> u64) -> Option<u64> {
    Some(join(one?, other?))
}
