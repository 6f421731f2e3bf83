//! Identifiers for names: what plain ISO 9660 and Joliet can hold, unique within a directory.
//!
//! Plain identifiers (ECMA-119 7.5, 7.6) are `STEM.EXT;1` of capital letters, digits and underscores, at
//! most 30 characters and a dot. Names that are so long that they would crowd out Rock Ridge's copy of them get
//! 8 + 3 characters, so that directory records need continuation areas as seldom as possible. Joliet
//! identifiers are up to 64 UCS-2 characters.
//!
//! Which name becomes what depends on the names of the directory only: first those that fit as they are
//! get their own identifier, then the others, in order of their bytes, are cut and, where that is taken, numbered.

mod mapped;

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, RandomState};

use mapped::Mapped;

/// One of the two kinds of identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// Plain ISO 9660, with Rock Ridge beside it.
    Primary,
    /// Joliet.
    Joliet,
}

/// Whether an identifier is for a directory or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Directory,
    File,
}

/// The identifiers of a directory's entries, without versions: one behind the other in UTF-8, each behind its length.
/// Plain ones have their dot here even if it ends them; those of directories lose it.
pub(super) struct Identifiers {
    namespace: Namespace,
    text: Vec<u8>,
}

/// Makes identifiers for the names of a directory, of which there are `count`. For each name, in the same order, gives
/// the place of its identifier; nothing at all if they have more than 4 GiB together.
pub(super) fn identifiers<'a>(
    names: impl Iterator<Item = (&'a [u8], Role)> + Clone,
    count: usize,
    namespace: Namespace,
) -> Option<(Identifiers, Vec<u32>)> {
    let mut this = Identifiers {
        namespace,
        text: Vec::new(),
    };
    let mut taken = Taken::new(count);
    let mut places = Vec::with_capacity(count);
    let mut mapped = Mapped::default();
    for (name, role) in names.clone() {
        let limit = mapped.map(name, role, namespace);
        let place = if mapped.fits(limit) {
            this.take(&mapped, &mut taken).ok()?
        } else {
            None
        };
        places.push(place.unwrap_or(NO_PLACE));
    }
    let mut number = 0_u32;
    for ((name, role), place) in names.zip(&mut places) {
        if *place != NO_PLACE {
            continue;
        }
        let limit = mapped.map(name, role, namespace);
        let room = mapped.cut(limit);
        let whole = mapped.stem.clone();
        *place = loop {
            if let Some(place) = this.take(&mapped, &mut taken).ok()? {
                break place;
            }
            number += 1;
            let mark = match namespace {
                Namespace::Primary => number.to_string(),
                Namespace::Joliet => format!("~{number}"),
            };
            mapped.stem.clear();
            let kept = whole.chars().take(room.saturating_sub(mark.len()));
            mapped.stem.extend(kept.chain(mark.chars()));
        };
    }
    Some((this, places))
}

/// There are 4 GiB of identifiers.
struct Full;

/// No identifier is there.
const NO_PLACE: u32 = u32::MAX;

impl Identifiers {
    /// Keeps a name, if no other has the same identifier, and says where it is.
    fn take(&mut self, name: &Mapped, taken: &mut Taken) -> Result<Option<u32>, Full> {
        let start = self.text.len();
        let place = u32::try_from(start).map_err(|_| Full)?;
        if place == NO_PLACE {
            return Err(Full);
        }
        self.text.push(0);
        self.text.extend(name.stem.bytes());
        if self.namespace == Namespace::Primary {
            self.text.push(b'.');
        }
        self.text.extend(name.ext.bytes());
        self.text[start] = u8::try_from(self.text.len() - start - 1).unwrap_or(u8::MAX);
        let is_new = taken.insert(place, |place| key(&self.text, place));
        if !is_new {
            self.text.truncate(start);
        }
        Ok(is_new.then_some(place))
    }

    /// Writes the identifier that is there into `out`, with its version, in the place of what is in that.
    pub(super) fn write(&self, place: u32, role: Role, out: &mut Vec<u8>) {
        let key = key(&self.text, place);
        let version = version(role);
        out.clear();
        match self.namespace {
            Namespace::Primary if role == Role::Directory => {
                out.extend(key.strip_suffix(b".").unwrap_or(key));
            }
            Namespace::Primary => {
                out.extend(key);
                out.extend(version);
            }
            Namespace::Joliet => {
                for chunk in key.utf8_chunks() {
                    out.extend(chunk.valid().encode_utf16().flat_map(u16::to_be_bytes));
                }
                out.extend(version.iter().flat_map(|byte| [0, *byte]));
            }
        }
    }

    /// The order of identifiers in a directory and a path table (ECMA-119 9.3). UTF-8 has the order of UCS-2.
    pub(super) fn compare(&self, a: (u32, Role), b: (u32, Role)) -> Ordering {
        let parts = |(place, role)| {
            let key = key(&self.text, place);
            let dot = key.iter().position(|byte| *byte == b'.');
            match (self.namespace, dot) {
                (Namespace::Primary, Some(dot)) => (&key[..dot], &key[dot + 1..], version(role)),
                _ => (&key[..0], key, version(role)),
            }
        };
        let ((a_stem, a_rest, a_version), (b_stem, b_rest, b_version)) = (parts(a), parts(b));
        a_stem.cmp(b_stem).then_with(|| {
            let both = a_rest.len().min(b_rest.len());
            a_rest[..both].cmp(&b_rest[..both]).then_with(|| {
                let a = a_rest[both..].iter().chain(a_version);
                a.cmp(b_rest[both..].iter().chain(b_version))
            })
        })
    }
}

fn key(text: &[u8], place: u32) -> &[u8] {
    let at = place as usize;
    &text[at + 1..at + 1 + usize::from(text[at])]
}

fn version(role: Role) -> &'static [u8] {
    match role {
        Role::File => b";1",
        Role::Directory => b"",
    }
}

/// The places of the identifiers that are taken, found by what is there: a table with open addressing that is never more
/// than half full.
struct Taken {
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Taken {
    fn new(count: usize) -> Self {
        Self {
            slots: vec![NO_PLACE; (2 * count).next_power_of_two()],
            hasher: RandomState::new(),
        }
    }

    /// Notes a place, unless there is one already with the same `key`.
    fn insert<'a>(&mut self, place: u32, key: impl Fn(u32) -> &'a [u8]) -> bool {
        let wanted = key(place);
        let mask = self.slots.len() - 1;
        let hash = self.hasher.hash_one(wanted);
        let mut at = usize::try_from(hash & mask as u64).unwrap_or(0);
        while self.slots[at] != NO_PLACE {
            if key(self.slots[at]) == wanted {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = place;
        true
    }
}

/// The name that a plain identifier stands for: without version and empty extension.
pub(super) fn plain_name(identifier: &[u8]) -> Vec<u8> {
    let letters = identifier.iter().map(|byte| u16::from(*byte));
    let name = &identifier[..version_at(letters)];
    match name.strip_suffix(b".") {
        Some(bare) if !bare.is_empty() => bare.to_vec(),
        _ => name.to_vec(),
    }
}

/// Where the version of an identifier begins (ECMA-119 7.5.1: a semicolon and a number), or else where it ends. Other programs
/// write identifiers without versions, in which a semicolon is one of the name.
fn version_at(letters: impl DoubleEndedIterator<Item = u16> + ExactSizeIterator) -> usize {
    let length = letters.len();
    let digits = u16::from(b'0')..=u16::from(b'9');
    for (behind, letter) in letters.rev().enumerate() {
        if letter == u16::from(b';') && behind > 0 {
            return length - behind - 1;
        }
        if !digits.contains(&letter) {
            break;
        }
    }
    length
}

/// The name that a Joliet identifier stands for, in UTF-8; unpaired surrogates become U+FFFD.
pub(super) fn joliet_name(identifier: &[u8]) -> Vec<u8> {
    let (pairs, _) = identifier.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    units.truncate(version_at(units.iter().copied()));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect::<String>()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    /// The identifiers for names, in the same order.
    fn all(names: &[(&[u8], Role)], namespace: Namespace) -> Vec<Vec<u8>> {
        let (identifiers, places) =
            identifiers(names.iter().copied(), names.len(), namespace).unwrap();
        let whole = |(place, (_, role)): (u32, &(_, Role))| {
            let mut out = Vec::new();
            identifiers.write(place, *role, &mut out);
            out
        };
        places.into_iter().zip(names).map(whole).collect()
    }

    fn plain(names: &[(&str, Role)]) -> Vec<String> {
        let names: Vec<_> = names
            .iter()
            .map(|(name, role)| (name.as_bytes(), *role))
            .collect();
        all(&names, Namespace::Primary)
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    #[test]
    fn plain_identifiers_are_capitals_with_one_dot_and_a_version() {
        for (name, role, expected) in [
            ("home.tar.gz", Role::File, "HOME_TAR.GZ;1"),
            ("README", Role::File, "README.;1"),
            (".profile", Role::File, "_PROFILE.;1"),
            ("2026", Role::Directory, "2026"),
            ("a.b", Role::Directory, "A_B"),
            ("trailing.", Role::File, "TRAILING.;1"),
        ] {
            assert_eq!(plain(&[(name, role)]), [expected]);
        }
        let long = "n".repeat(121) + ".tar.gz";
        assert_eq!(plain(&[(&long, Role::File)]), ["NNNNNNNN.GZ;1"]);
    }

    #[test]
    fn names_that_collide_are_numbered_and_those_that_fit_stay() {
        let names = [
            ("A-B", Role::File),
            ("A_B", Role::File),
            ("a.b", Role::Directory),
        ];
        assert_eq!(plain(&names), ["A_B.;1", "A_B1.;1", "A_B2"]);
        let long = "x".repeat(40);
        let cut = "X".repeat(30);
        let names = [(long.as_str(), Role::File), (&cut, Role::File)];
        let numbered = "X".repeat(29) + "1.;1";
        assert_eq!(plain(&names), [numbered, cut.clone() + ".;1"]);
    }

    #[test]
    fn a_file_and_a_directory_never_look_the_same() {
        let names = [(&b"a?.txt"[..], Role::File), (b"a:.txt", Role::Directory)];
        let found: Vec<_> = all(&names, Namespace::Joliet)
            .iter()
            .map(|name| joliet_name(name))
            .collect();
        assert_eq!(found, [&b"a_.txt"[..], b"a_.txt~1"]);
    }

    #[test]
    fn ten_thousand_names_with_one_beginning_are_all_different() {
        let names: Vec<String> = (0..10_000)
            .map(|n| format!("{}{n:05}.tar", "p".repeat(130)))
            .collect();
        for namespace in [Namespace::Primary, Namespace::Joliet] {
            let names: Vec<_> = names
                .iter()
                .map(|name| (name.as_bytes(), Role::File))
                .collect();
            let all = all(&names, namespace);
            let set: HashSet<_> = all.iter().collect();
            assert_eq!(set.len(), 10_000);
            assert!(all.iter().all(|name| name.len() <= 132));
        }
    }

    #[test]
    fn joliet_holds_characters_of_the_basic_plane() {
        let names = ["grün*.txt", "\u{1F4BE}", "a\u{7}b"];
        let names = names.map(|name| (name.as_bytes(), Role::Directory));
        let found: Vec<_> = all(&names, Namespace::Joliet)
            .iter()
            .map(|name| joliet_name(name))
            .collect();
        let expected = ["grün_.txt", "_", "a_b"];
        assert!(found.iter().zip(expected).all(|(a, b)| a == b.as_bytes()));
        let broken = all(&[(&b"a\xffb"[..], Role::File)], Namespace::Joliet);
        assert_eq!(joliet_name(&broken[0]), b"a_b");
    }

    #[test]
    fn plain_names_lose_version_and_empty_extension() {
        for (identifier, name) in [
            ("A.B;1", "A.B"),
            ("A.B;32767", "A.B"),
            ("A.;1", "A"),
            ("DIR", "DIR"),
            (".", "."),
            ("", ""),
        ] {
            assert_eq!(plain_name(identifier.as_bytes()), name.as_bytes());
        }
    }

    #[test]
    fn a_semicolon_is_a_letter_where_no_version_follows() {
        for (identifier, name) in [("a;b", "a;b"), ("a;", "a;"), ("a;b;1", "a;b"), ("1", "1")] {
            assert_eq!(plain_name(identifier.as_bytes()), name.as_bytes());
            let wide: Vec<u8> = identifier.bytes().flat_map(|byte| [0, byte]).collect();
            assert_eq!(joliet_name(&wide), name.as_bytes());
        }
    }
}
