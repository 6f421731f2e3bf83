//! A name in the characters of a namespace, and how long it may be there.

use super::{Namespace, Role};

/// Names longer than this get short plain identifiers.
const CROWDED: usize = 120;

/// How many characters an identifier may have.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    stem: usize,
    ext: usize,
    /// Stem and extension together.
    both: usize,
}

/// A name in the characters of a namespace, without version.
#[derive(Default)]
pub(super) struct Mapped {
    pub stem: String,
    /// Joliet's has its dot.
    pub ext: String,
}

impl Mapped {
    /// Takes a name in. Says how long it may be.
    pub fn map(&mut self, name: &[u8], role: Role, namespace: Namespace) -> Limit {
        self.stem.clear();
        self.ext.clear();
        match namespace {
            Namespace::Primary => self.plain(name, role),
            Namespace::Joliet => self.joliet(name, role),
        }
    }

    fn plain(&mut self, name: &[u8], role: Role) -> Limit {
        let dot = match role {
            Role::File => name.iter().rposition(|byte| *byte == b'.'),
            Role::Directory => None,
        };
        let (stem, ext) = match dot {
            Some(at) if at > 0 => (&name[..at], &name[at + 1..]),
            _ => (name, &name[..0]),
        };
        let d_character = |byte: &u8| match byte.to_ascii_uppercase() {
            kept @ (b'A'..=b'Z' | b'0'..=b'9') => char::from(kept),
            _ => '_',
        };
        self.stem.extend(stem.iter().map(d_character));
        self.ext.extend(ext.iter().map(d_character));
        let (stem, ext, both) = match (name.len() > CROWDED, role) {
            (true, _) => (8, 3, 11),
            (false, Role::File) => (30, 12, 30),
            (false, Role::Directory) => (31, 0, 31),
        };
        Limit { stem, ext, both }
    }

    fn joliet(&mut self, name: &[u8], role: Role) -> Limit {
        for chunk in name.utf8_chunks() {
            let character = |c: char| {
                let unknown =
                    c < ' ' || "*/:;?\\".contains(c) || u16::try_from(u32::from(c)).is_err();
                if unknown { '_' } else { c }
            };
            self.stem.extend(chunk.valid().chars().map(character));
            self.stem.extend(chunk.invalid().iter().map(|_| '_'));
        }
        let dot = match role {
            Role::File => self.stem.rfind('.'),
            Role::Directory => None,
        };
        if let Some(at) = dot.filter(|at| *at > 0)
            && self.stem[at..].chars().count() <= 16
        {
            self.ext.push_str(&self.stem[at..]);
            self.stem.truncate(at);
        }
        Limit {
            stem: 64,
            ext: 16,
            both: 64,
        }
    }

    /// Whether it is short enough.
    pub fn fits(&self, limit: Limit) -> bool {
        let (stem, ext) = (self.stem.chars().count(), self.ext.chars().count());
        stem <= limit.stem && ext <= limit.ext && stem + ext <= limit.both
    }

    /// Cuts it to what fits, and says for how many characters of the stem there is room.
    pub fn cut(&mut self, limit: Limit) -> usize {
        cut(&mut self.ext, limit.ext);
        let room = limit.stem.min(limit.both - self.ext.chars().count());
        cut(&mut self.stem, room);
        room
    }
}

/// Keeps the first characters.
fn cut(text: &mut String, count: usize) {
    if let Some((end, _)) = text.char_indices().nth(count) {
        text.truncate(end);
    }
}
