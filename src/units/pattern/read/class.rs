//! `[…]`: sets of characters.

use super::super::syntax::{Set, Wanted};
use super::escape::Escaped;
use super::{Flags, Read, Reader, wrong};

impl Reader<'_> {
    /// What stands behind `[`.
    pub(super) fn class(&mut self, flags: Flags) -> Read<Set> {
        let mut set = Set {
            ranges: Vec::new(),
            classes: Vec::new(),
            wanted: if self.skip("^") {
                Wanted::NotThere
            } else {
                Wanted::There
            },
            case: flags.case(),
        };
        let mut first = true;
        loop {
            let item = match self.take() {
                None => return wrong("a `[` is not closed"),
                Some(']') if !first => return Ok(set),
                Some('\\') => self.escape_in_class(flags)?,
                Some(c) => Escaped::Code(c.into()),
            };
            first = false;
            let range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            if !range {
                match item {
                    Escaped::Code(code) => set.ranges.push((code, code)),
                    Escaped::Class(class) => set.classes.push(class),
                }
                continue;
            }
            self.take();
            let last = match self.take() {
                None => return wrong("a `[` is not closed"),
                Some('\\') => self.escape_in_class(flags)?,
                Some(c) => Escaped::Code(c.into()),
            };
            match (item, last) {
                (Escaped::Code(from), Escaped::Code(to)) if from <= to => {
                    set.ranges.push((from, to));
                }
                (Escaped::Code(_), Escaped::Code(_)) => {
                    return wrong("a range in `[…]` runs backwards");
                }
                _ => return wrong("a range in `[…]` begins or ends with a class such as `\\d`"),
            }
        }
    }
}
