//! Identifiers for names: what plain ISO 9660 and Joliet can hold, unique within a directory.
//!
//! Plain identifiers (ECMA-119 7.5, 7.6) are `STEM.EXT;1` of capital letters, digits and underscores, at
//! most 30 characters and a dot. Names that are so long that they would crowd out Rock Ridge's copy of them get
//! 8 + 3 characters, so that directory records need continuation areas as seldom as possible. Joliet
//! identifiers are up to 64 UCS-2 characters.
//!
//! Which name becomes what depends on the names of the directory only: first those that fit as they are
//! get their own identifier, then the others, in order of their bytes, are cut and, where that is taken, numbered.

use std::collections::HashSet;
use std::hash::Hash;

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

/// Names longer than this get short plain identifiers.
const CROWDED: usize = 120;

/// A name in the characters of a namespace, without version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Mapped<T> {
    stem: Vec<T>,
    ext: Vec<T>,
}

struct Limit {
    stem: usize,
    ext: usize,
    /// Stem and extension together.
    both: usize,
}

/// Identifiers for the names of a directory, in the same order as `names`.
pub(super) fn identifiers<'a>(
    names: impl Iterator<Item = (&'a [u8], Role)> + Clone,
    namespace: Namespace,
) -> Vec<Vec<u8>> {
    match namespace {
        Namespace::Primary => plain(names),
        Namespace::Joliet => joliet(names),
    }
}

fn plain<'a>(names: impl Iterator<Item = (&'a [u8], Role)> + Clone) -> Vec<Vec<u8>> {
    let mapped = names.clone().map(|(name, role)| {
        let limit = match (name.len() > CROWDED, role) {
            (true, _) => Limit {
                stem: 8,
                ext: 3,
                both: 11,
            },
            (false, Role::File) => Limit {
                stem: 30,
                ext: 12,
                both: 30,
            },
            (false, Role::Directory) => Limit {
                stem: 31,
                ext: 0,
                both: 31,
            },
        };
        let dot = match role {
            Role::File => name.iter().rposition(|byte| *byte == b'.'),
            Role::Directory => None,
        };
        let (stem, ext) = match dot {
            Some(at) if at > 0 => (&name[..at], &name[at + 1..]),
            _ => (name, &name[..0]),
        };
        let d_character = |byte: &u8| match byte.to_ascii_uppercase() {
            kept @ (b'A'..=b'Z' | b'0'..=b'9') => kept,
            _ => b'_',
        };
        let mapped = Mapped {
            stem: stem.iter().map(d_character).collect(),
            ext: ext.iter().map(d_character).collect(),
        };
        (mapped, limit)
    });
    unique(mapped, |digit| digit, &[])
        .into_iter()
        .zip(names)
        .map(|(name, (_, role))| {
            let mut identifier = name.stem;
            if role == Role::File {
                identifier.push(b'.');
                identifier.extend(name.ext);
                identifier.extend(b";1");
            }
            identifier
        })
        .collect()
}

fn joliet<'a>(names: impl Iterator<Item = (&'a [u8], Role)> + Clone) -> Vec<Vec<u8>> {
    let mapped = names.clone().map(|(name, role)| {
        let characters = ucs2(name);
        let dot = match role {
            Role::File => characters.iter().rposition(|c| *c == u16::from(b'.')),
            Role::Directory => None,
        };
        let (stem, ext) = match dot {
            Some(at) if at > 0 && characters.len() - at <= 16 => characters.split_at(at),
            _ => (&characters[..], &[][..]),
        };
        let mapped = Mapped {
            stem: stem.to_vec(),
            ext: ext.to_vec(), // with its dot
        };
        let limit = Limit {
            stem: 64,
            ext: 16,
            both: 64,
        };
        (mapped, limit)
    });
    unique(mapped, u16::from, &[u16::from(b'~')])
        .into_iter()
        .zip(names)
        .map(|(name, (_, role))| {
            let mut characters = name.stem;
            characters.extend(name.ext);
            if role == Role::File {
                characters.extend(";1".encode_utf16());
            }
            characters.into_iter().flat_map(u16::to_be_bytes).collect()
        })
        .collect()
}

/// A name in UCS-2; what Joliet cannot hold becomes underscores.
fn ucs2(name: &[u8]) -> Vec<u16> {
    let mut characters = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            let unit = u16::try_from(u32::from(c)).unwrap_or(u16::from(b'_'));
            let forbidden = c < ' ' || "*/:;?\\".contains(c);
            characters.push(if forbidden { u16::from(b'_') } else { unit });
        }
        characters.extend(chunk.invalid().iter().map(|_| u16::from(b'_')));
    }
    characters
}

fn unique<T: Copy + Eq + Hash>(
    names: impl Iterator<Item = (Mapped<T>, Limit)>,
    digit: impl Fn(u8) -> T,
    mark: &[T],
) -> Vec<Mapped<T>> {
    let names: Vec<_> = names.collect();
    let mut taken = HashSet::with_capacity(names.len());
    let mut result: Vec<Option<Mapped<T>>> = names
        .iter()
        .map(|(name, limit)| {
            let fits = name.stem.len() <= limit.stem
                && name.ext.len() <= limit.ext
                && name.stem.len() + name.ext.len() <= limit.both;
            (fits && taken.insert(name.clone())).then(|| name.clone())
        })
        .collect();
    let mut number = 0_u32;
    for ((name, limit), slot) in names.iter().zip(&mut result) {
        if slot.is_some() {
            continue;
        }
        let ext: Vec<T> = name.ext.iter().take(limit.ext).copied().collect();
        let room = limit.stem.min(limit.both - ext.len());
        let mut candidate = Mapped {
            stem: name.stem.iter().take(room).copied().collect(),
            ext,
        };
        while !taken.insert(candidate.clone()) {
            number += 1;
            let digits = number.to_string();
            let keep = room.saturating_sub(mark.len() + digits.len());
            candidate.stem = name.stem.iter().take(keep).copied().collect();
            candidate.stem.extend_from_slice(mark);
            candidate.stem.extend(digits.bytes().map(&digit));
        }
        *slot = Some(candidate);
    }
    // OK: every slot was filled above
    result.into_iter().flatten().collect()
}

/// The order of identifiers in a directory and a path table (ECMA-119 9.3).
pub(super) fn sort_key(identifier: &[u8], namespace: Namespace) -> (&[u8], &[u8]) {
    if namespace == Namespace::Joliet {
        return (identifier, &[]);
    }
    match identifier.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&identifier[..dot], &identifier[dot + 1..]),
        None => (identifier, &[]),
    }
}

/// The name that a plain identifier stands for: without version and empty extension.
pub(super) fn plain_name(identifier: &[u8]) -> Vec<u8> {
    let end = identifier
        .iter()
        .rposition(|byte| *byte == b';')
        .unwrap_or(identifier.len());
    let name = &identifier[..end];
    match name.strip_suffix(b".") {
        Some(bare) if !bare.is_empty() => bare.to_vec(),
        _ => name.to_vec(),
    }
}

/// The name that a Joliet identifier stands for, in UTF-8; unpaired surrogates become U+FFFD.
pub(super) fn joliet_name(identifier: &[u8]) -> Vec<u8> {
    let (pairs, _) = identifier.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    if let Some(at) = units.iter().rposition(|unit| *unit == u16::from(b';')) {
        units.truncate(at);
    }
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect::<String>()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(names: &[(&str, Role)]) -> Vec<String> {
        let names = names.iter().map(|(name, role)| (name.as_bytes(), *role));
        identifiers(names, Namespace::Primary)
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
    fn ten_thousand_names_with_one_beginning_are_all_different() {
        let names: Vec<String> = (0..10_000)
            .map(|n| format!("{}{n:05}.tar", "p".repeat(130)))
            .collect();
        for namespace in [Namespace::Primary, Namespace::Joliet] {
            let names = names.iter().map(|name| (name.as_bytes(), Role::File));
            let all = identifiers(names, namespace);
            let set: HashSet<_> = all.iter().collect();
            assert_eq!(set.len(), 10_000);
            assert!(all.iter().all(|name| name.len() <= 132));
        }
    }

    #[test]
    fn joliet_holds_characters_of_the_basic_plane() {
        let names = ["grün*.txt", "\u{1F4BE}", "a\u{7}b"];
        let names = names.iter().map(|name| (name.as_bytes(), Role::Directory));
        let all: Vec<_> = identifiers(names, Namespace::Joliet)
            .iter()
            .map(|name| joliet_name(name))
            .collect();
        let expected = ["grün_.txt", "_", "a_b"];
        assert!(all.iter().zip(expected).all(|(a, b)| a == b.as_bytes()));
        let broken = identifiers(
            [(&b"a\xffb"[..], Role::File)].into_iter(),
            Namespace::Joliet,
        );
        assert_eq!(joliet_name(&broken[0]), b"a_b");
    }

    #[test]
    fn plain_names_lose_version_and_empty_extension() {
        for (identifier, name) in [("A.B;1", "A.B"), ("A.;1", "A"), ("DIR", "DIR"), (".", ".")] {
            assert_eq!(plain_name(identifier.as_bytes()), name.as_bytes());
        }
    }
}
