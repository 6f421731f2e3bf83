//! A disc of another kind than the configuration says; pure. The drive's word counts, and the difference is said.

use super::MediaKind;

/// How the disc in the drive differs from what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlike {
    /// It is the same but larger: nothing is wrong.
    Larger,
    /// Another kind, or a smaller one, that is used in the same way.
    Other,
    /// It is written once, and one was expected that can be erased.
    WrittenOnce,
    /// It can be erased, and one was expected that is written once. No rule may erase it.
    Erasable,
}

/// How `found` differs from `expected`, if it does.
pub fn unlike(expected: MediaKind, found: MediaKind) -> Option<Unlike> {
    if expected == found {
        return None;
    }
    Some(match (expected.is_rewritable(), found.is_rewritable()) {
        (true, false) => Unlike::WrittenOnce,
        (false, true) => Unlike::Erasable,
        _ if expected.family() == found.family() && found.sectors() > expected.sectors() => {
            Unlike::Larger
        }
        _ => Unlike::Other,
    })
}

impl Unlike {
    /// The difference as a sentence, with what is done about it.
    pub fn say(self, expected: MediaKind, found: MediaKind) -> String {
        let both = format!(
            "the configuration says `{}`, and the disc in the drive is a `{}`",
            expected.word(),
            found.word()
        );
        match self {
            Self::Larger | Self::Other => format!("{both}; it is used as what it is"),
            Self::WrittenOnce => {
                format!("{both}, which is written once: it is used, and cannot be erased later")
            }
            Self::Erasable => format!(
                "{both}, which can be erased: it is used, and only erased if a person asks for it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_disc_of_another_kind_is_judged_by_what_can_happen_to_it() {
        for (expected, found, unlikeness) in [
            ("dvd+r", "dvd+r", None),
            ("cdr-74", "cdr-80", Some(Unlike::Larger)),
            ("cdr-80", "cdr-74", Some(Unlike::Other)),
            ("bd-r", "bd-r-dl", Some(Unlike::Larger)),
            ("dvd+r", "dvd-r", Some(Unlike::Other)),
            ("dvd+r", "bd-r", Some(Unlike::Other)),
            ("cdrw-74", "cdrw-80", Some(Unlike::Larger)),
            ("dvd+rw", "dvd-rw", Some(Unlike::Other)),
            ("dvd+rw", "dvd+r", Some(Unlike::WrittenOnce)),
            ("dvd+r", "dvd+rw", Some(Unlike::Erasable)),
            ("cdr-80", "cdrw-80", Some(Unlike::Erasable)),
        ] {
            let (expected, found): (MediaKind, MediaKind) =
                (expected.parse().unwrap(), found.parse().unwrap());
            assert_eq!(
                unlike(expected, found),
                unlikeness,
                "{expected:?} {found:?}"
            );
            let text = unlikeness.map(|unlike| unlike.say(expected, found));
            assert!(text.is_none_or(|text| {
                text.contains(&format!("`{}`", expected.word()))
                    && text.contains(&format!("`{}`", found.word()))
            }));
        }
    }
}
