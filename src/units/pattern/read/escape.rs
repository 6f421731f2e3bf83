//! `\…`: characters that cannot be typed, classes, places, and groups again.

use super::super::syntax::{Class, Kind, Node, Place, Set, Wanted};
use super::{Flags, Read, Reader, strange, wrong};

/// What an escape stands for.
pub(super) enum Escaped {
    /// A character.
    Code(u32),
    /// A class of characters.
    Class(Class),
}

impl Reader<'_> {
    /// What stands behind `\`, outside of `[…]`.
    pub(super) fn escape(&mut self, flags: Flags) -> Read<Node> {
        let Some(c) = self.peek() else {
            return wrong("it ends with a single `\\`");
        };
        let place = match c {
            'A' => Some(Place::Start),
            'Z' => Some(Place::VeryEnd),
            'b' => Some(Place::Edge(flags.alphabet())),
            'B' => Some(Place::NoEdge(flags.alphabet())),
            _ => None,
        };
        if let Some(place) = place {
            self.take();
            return Ok(Node::Place(place));
        }
        if matches!(c, '1'..='9') {
            return self.number(flags);
        }
        Ok(Node::Set(match self.character(flags)? {
            Escaped::Code(code) => Set::of(code, flags.case()),
            Escaped::Class(class) => Set {
                ranges: Vec::new(),
                classes: vec![class],
                wanted: Wanted::There,
                case: flags.case(),
            },
        }))
    }

    /// What stands behind `\` in `[…]`.
    pub(super) fn escape_in_class(&mut self, flags: Flags) -> Read<Escaped> {
        match self.peek() {
            None => wrong("a `[` is not closed"),
            Some('b') => {
                self.take();
                Ok(Escaped::Code(0x08))
            }
            Some('0'..='7') => self.octal(3).map(Escaped::Code),
            Some(_) => self.character(flags),
        }
    }

    fn character(&mut self, flags: Flags) -> Read<Escaped> {
        let class = |kind, wanted| {
            Ok(Escaped::Class(Class {
                kind,
                alphabet: flags.alphabet(),
                wanted,
            }))
        };
        let code = match self.take() {
            None => return wrong("it ends with a single `\\`"),
            Some('d') => return class(Kind::Digit, Wanted::There),
            Some('D') => return class(Kind::Digit, Wanted::NotThere),
            Some('s') => return class(Kind::Blank, Wanted::There),
            Some('S') => return class(Kind::Blank, Wanted::NotThere),
            Some('w') => return class(Kind::Word, Wanted::There),
            Some('W') => return class(Kind::Word, Wanted::NotThere),
            Some('a') => 0x07,
            Some('f') => 0x0c,
            Some('n') => 0x0a,
            Some('r') => 0x0d,
            Some('t') => 0x09,
            Some('v') => 0x0b,
            Some('x') => self.hex(2)?,
            Some('u') => self.hex(4)?,
            Some('U') => self.hex(8)?,
            Some('N') => {
                return strange(
                    "characters by name are not known here; write `\\u00e4` or the character itself",
                );
            }
            Some('0') => {
                let digits = self.rest.bytes().take(2);
                let octal = digits
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                match octal {
                    0 => 0,
                    digits => self.octal(digits)?,
                }
            }
            Some(c) if c.is_ascii_alphanumeric() => {
                return wrong(format!("`\\{c}` means nothing"));
            }
            Some(c) => c.into(),
        };
        Ok(Escaped::Code(code))
    }

    /// Up to so many octal digits; there is at least one.
    fn octal(&mut self, most: usize) -> Read<u32> {
        let digits = self.rest.bytes().take(most);
        let length = digits
            .take_while(|byte| matches!(byte, b'0'..=b'7'))
            .count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        match u32::from_str_radix(digits, 8) {
            Ok(code) if code <= 0o377 => Ok(code),
            _ => wrong(format!("`\\{digits}` is more than `\\377`")),
        }
    }

    /// Exactly so many hexadecimal digits.
    fn hex(&mut self, length: usize) -> Read<u32> {
        let digits = self.rest.get(..length).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong(format!("{length} hexadecimal digits have to follow"));
        }
        self.rest = &self.rest[length..];
        match u32::from_str_radix(digits, 16) {
            Ok(code) if code <= 0x10_ffff => Ok(code),
            _ => wrong("there is no such character"),
        }
    }

    /// A number that does not begin with 0: a character in three octal digits, or a group in one or two digits.
    fn number(&mut self, flags: Flags) -> Read<Node> {
        let bytes = self.rest.as_bytes();
        let octal = |at: usize| matches!(bytes.get(at), Some(b'0'..=b'7'));
        if octal(0) && octal(1) && octal(2) {
            let code = self.octal(3)?;
            return Ok(Node::Set(Set::of(code, flags.case())));
        }
        let length = 1 + usize::from(bytes.get(1).is_some_and(u8::is_ascii_digit));
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let group = digits.parse().unwrap_or(usize::MAX);
        self.again(group, flags)
    }

    /// The text of a group again.
    pub(super) fn again(&mut self, group: usize, flags: Flags) -> Read<Node> {
        let Some(known) = self.groups.get_mut(group) else {
            return wrong(format!("there is no group {group}"));
        };
        if !known.closed {
            return wrong(format!(
                "group {group} is still open where it is referred to"
            ));
        }
        if flags.fold {
            return strange(
                "a group is referred to where large and small letters are not told apart",
            );
        }
        if self.behind > 0 {
            return strange("a group is referred to in a look behind");
        }
        known.used = true;
        Ok(Node::Again(group))
    }
}
