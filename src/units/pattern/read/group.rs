//! `(…)`: groups, looks, conditions and flags.

use super::super::syntax::{Direction, Node, Wanted, width};
use super::{Flags, GroupSoFar, Read, Reader, strange, wrong};

const NOT_CLOSED: &str = "a `(` is not closed";

impl Reader<'_> {
    /// Flags for the whole pattern: `(?i)` and so on, at its very beginning.
    pub(super) fn flags_of_all(&mut self, flags: &mut Flags) -> Read<()> {
        let (mut ascii, mut unicode) = (false, false);
        loop {
            self.blanks(*flags);
            if self.skip("(?#") {
                self.comment()?;
                continue;
            }
            let Some(inner) = self.rest.strip_prefix("(?") else {
                return Ok(());
            };
            let letters = inner.split(|c: char| !c.is_ascii_alphabetic()).next();
            let letters = letters.unwrap_or_default();
            // A group with flags of its own, a named one, or something else.
            if letters.is_empty()
                || letters.starts_with('P')
                || !inner[letters.len()..].starts_with(')')
            {
                return Ok(());
            }
            for letter in letters.chars() {
                match letter {
                    'a' => ascii = true,
                    'u' => unicode = true,
                    _ => set(flags, letter, true)?,
                }
            }
            if ascii && unicode {
                return wrong("the flags `a` and `u` contradict each other");
            }
            flags.ascii = ascii;
            self.rest = &inner[letters.len() + 1..];
        }
    }

    fn blanks(&mut self, flags: Flags) {
        if !flags.verbose {
            return;
        }
        loop {
            let rest = self
                .rest
                .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            self.rest = match rest.strip_prefix('#') {
                Some(comment) => comment.find('\n').map_or("", |end| &comment[end + 1..]),
                None if rest.len() == self.rest.len() => return,
                None => rest,
            };
        }
    }

    /// What stands behind `(`; nothing for a comment.
    pub(super) fn group(&mut self, flags: Flags) -> Read<Option<Node>> {
        if !self.skip("?") {
            return self.capture(None, flags).map(Some);
        }
        let node = match self.take() {
            None => return wrong("it ends within `(?`"),
            Some('P') => self.named(flags)?,
            Some(':') => self.inner(flags)?,
            Some('#') => {
                self.comment()?;
                return Ok(None);
            }
            Some('=') => self.look(Direction::Ahead, Wanted::There, flags)?,
            Some('!') => self.look(Direction::Ahead, Wanted::NotThere, flags)?,
            Some('<') => match self.take() {
                Some('=') => self.look(Direction::Behind, Wanted::There, flags)?,
                Some('!') => self.look(Direction::Behind, Wanted::NotThere, flags)?,
                _ => {
                    return wrong(
                        "`(?<` has to go on with `=` or `!`; a group with a name is `(?P<name>`",
                    );
                }
            },
            Some('(') => self.condition(flags)?,
            Some('>') => Node::Atomic(Box::new(self.inner(flags)?)),
            Some(letter) if letter == '-' || letter.is_ascii_alphabetic() => {
                self.scoped(letter, flags)?
            }
            Some(other) => return wrong(format!("`(?{other}` means nothing")),
        };
        Ok(Some(node))
    }

    fn comment(&mut self) -> Read<()> {
        let Some((_, rest)) = self.rest.split_once(')') else {
            return wrong(NOT_CLOSED);
        };
        self.rest = rest;
        Ok(())
    }

    /// Alternatives up to the `)` that closes them. A row of its own, so that what follows repeats all of it.
    fn inner(&mut self, flags: Flags) -> Read<Node> {
        let node = self.either(flags)?;
        if self.skip(")") {
            Ok(Node::Row(vec![node]))
        } else {
            wrong(NOT_CLOSED)
        }
    }

    fn capture(&mut self, name: Option<String>, flags: Flags) -> Read<Node> {
        let number = self.groups.len();
        if number > 99 {
            return strange(
                "there are more than 99 groups; write `(?:…)` for those that nothing refers to",
            );
        }
        self.groups.push(GroupSoFar {
            name,
            closed: false,
            width: (0, None),
            used: false,
        });
        let node = self.inner(flags)?;
        let widths: Vec<_> = self.groups.iter().map(|group| group.width).collect();
        let group = &mut self.groups[number];
        group.width = width(&node, &widths);
        group.closed = true;
        Ok(Node::Group(number, Box::new(node)))
    }

    /// What stands behind `(?P`.
    fn named(&mut self, flags: Flags) -> Read<Node> {
        if self.skip("<") {
            let name = self.name('>')?;
            if self
                .groups
                .iter()
                .any(|group| group.name.as_deref() == Some(&*name))
            {
                return wrong(format!("there are two groups `{name}`"));
            }
            return self.capture(Some(name), flags);
        }
        if self.skip("=") {
            let name = self.name(')')?;
            let group = self.called(&name)?;
            return self.again(group, flags);
        }
        wrong("`(?P` has to go on with `<name>` or `=name`")
    }

    fn called(&self, name: &str) -> Read<usize> {
        let mut groups = self.groups.iter();
        match groups.position(|group| group.name.as_deref() == Some(name)) {
            Some(group) => Ok(group),
            None => wrong(format!("there is no group `{name}`")),
        }
    }

    fn name(&mut self, end: char) -> Read<String> {
        let Some((name, rest)) = self.rest.split_once(end) else {
            return wrong("the name of a group does not end");
        };
        self.rest = rest;
        if !name.is_ascii() {
            return strange(format!(
                "the name `{name}` of a group has letters outside of ASCII"
            ));
        }
        let word = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || !word || name.as_bytes()[0].is_ascii_digit() {
            return wrong(format!("`{name}` cannot name a group"));
        }
        Ok(name.to_owned())
    }

    fn look(&mut self, direction: Direction, wanted: Wanted, flags: Flags) -> Read<Node> {
        let behind = usize::from(direction == Direction::Behind);
        self.behind += behind;
        let node = self.inner(flags)?;
        self.behind -= behind;
        if direction == Direction::Behind {
            let widths: Vec<_> = self.groups.iter().map(|group| group.width).collect();
            let (least, most) = width(&node, &widths);
            if Some(least) != most {
                return wrong(
                    "what is looked for behind has to have one length, so no `*`, `+`, `?`",
                );
            }
        }
        Ok(Node::Look {
            node: Box::new(node),
            direction,
            wanted,
        })
    }

    /// What stands behind `(?(`.
    fn condition(&mut self, flags: Flags) -> Read<Node> {
        let Some((name, _)) = self.rest.split_once(')') else {
            return wrong("the name of a group does not end");
        };
        let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let group = if digits {
            self.rest = &self.rest[name.len() + 1..];
            name.parse().unwrap_or(usize::MAX)
        } else {
            let name = self.name(')')?;
            self.called(&name)?
        };
        if group == 0 {
            return wrong("group 0 is the whole");
        }
        if self.behind > 0 {
            return strange("a condition stands in a look behind");
        }
        match self.groups.get_mut(group) {
            Some(known) if known.closed => known.used = true,
            _ => {
                return strange(format!(
                    "a condition is about group {group}, which does not stand before it"
                ));
            }
        }
        self.deeper()?;
        let yes = self.row(flags)?;
        let no = if self.skip("|") {
            self.row(flags)?
        } else {
            Node::Row(Vec::new())
        };
        self.depth -= 1;
        if self.rest.starts_with('|') {
            return wrong("a condition has more than two branches");
        }
        if !self.skip(")") {
            return wrong(NOT_CLOSED);
        }
        Ok(Node::If {
            group,
            yes: Box::new(yes),
            no: Box::new(no),
        })
    }

    /// What stands behind `(?i` and the like.
    fn scoped(&mut self, first: char, outer: Flags) -> Read<Node> {
        let mut flags = outer;
        let (mut on, mut off) = (String::new(), String::new());
        let mut letter = Some(first);
        let mut negative = false;
        loop {
            match letter {
                None => return wrong("it ends within `(?`"),
                Some(':') => break,
                Some(')') if !negative => {
                    return wrong(
                        "flags such as `(?i)` stand at the very beginning, or in a group: `(?i:…)`",
                    );
                }
                Some('-') if !negative => negative = true,
                Some(c) if c.is_ascii_alphabetic() => {
                    if negative { &mut off } else { &mut on }.push(c);
                }
                Some(_) => return wrong("flags end with `:`"),
            }
            letter = self.take();
        }
        if (on.is_empty() || negative) && off.is_empty() {
            return wrong("a flag is missing");
        }
        if let Some(both) = on.chars().find(|&c| off.contains(c)) {
            return wrong(format!("the flag `{both}` is turned on and off"));
        }
        if on.contains('a') && on.contains('u') {
            return wrong("the flags `a` and `u` contradict each other");
        }
        for c in on.chars() {
            set(&mut flags, c, true)?;
        }
        for c in off.chars() {
            if matches!(c, 'a' | 'u' | 'L') {
                return wrong(format!("the flag `{c}` cannot be turned off"));
            }
            set(&mut flags, c, false)?;
        }
        self.inner(flags)
    }
}

fn set(flags: &mut Flags, letter: char, on: bool) -> Read<()> {
    match letter {
        'a' => flags.ascii = true,
        'u' => flags.ascii = false,
        'i' => flags.fold = on,
        'm' => flags.lines = on,
        's' => flags.dot_all = on,
        'x' => flags.verbose = on,
        other => return wrong(format!("there is no flag `{other}` for texts")),
    }
    Ok(())
}
