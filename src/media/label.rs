//! The label of a disc: written on every session, read back before anything is written or blanked.
//!
//! `CEDAR BACKUP 21-NOV-2026` has blanks and hyphens and so is not in ECMA-119's strict d-characters;
//! pools of machines and their shelves depend on it, so it stays.

use super::Disc;
use crate::units::Day;

/// What every label of ours begins with.
const PREFIX: &str = "CEDAR BACKUP";

/// The label of a session that is burnt on `day`.
pub fn label(day: Day) -> String {
    format!("{PREFIX} {}", day.label())
}

/// Whether a volume identifier is one of ours.
pub fn is_ours(label: &[u8]) -> bool {
    label.starts_with(PREFIX.as_bytes())
}

/// The day in a label of ours; `None` for any other text.
pub(super) fn day(text: &[u8]) -> Option<Day> {
    let date = text.strip_prefix(PREFIX.as_bytes())?.strip_prefix(b" ")?;
    let [d0, d1, b'-', m0, m1, m2, b'-', y0, y1, y2, y3] = *date else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| std::str::from_utf8(digits).ok()?.parse::<u32>().ok())
            .flatten()
    };
    let (of_month, year) = (number(&[d0, d1])?, number(&[y0, y1, y2, y3])?);
    let month = &[m0, m1, m2][..];
    (1..=12)
        .filter_map(|number| Day::new(year.cast_signed(), number, of_month).ok())
        .find(|day| day.label().as_bytes()[3..6] == *month)
}

/// Whether the configuration asks that the disc's label is checked before anything else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckMedia {
    /// It is checked.
    Yes,
    /// Cedar Backup's default. A stranger's disc is still never appended to.
    #[default]
    No,
}

/// Why a disc is not the right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongDisc {
    /// A rewritable disc without a label, although labels are checked.
    #[error("the disc is not initialized; `cback initialize` prepares it")]
    NotInitialized,
    /// Somebody else's label.
    #[error(
        "the disc is labelled `{}`, which is none of this backup's; insert the right disc",
        .0.escape_ascii()
    )]
    Foreign(Vec<u8>),
    /// Its last session is not whole, and lies where another one would go.
    #[error(
        "writing the last session of the disc was broken off, and nothing can follow it; insert another disc, and keep \
         this one for what its earlier sessions hold"
    )]
    BrokenOff,
}

/// What stands for the label of a session that was broken off.
pub const BROKEN_OFF: &[u8] = b"(broken off)";

/// The check that `check_media` asks for: a rewritable disc must have a label, and a label must be ours.
/// A blank write-once disc is fine.
pub fn check(disc: &Disc) -> Result<(), WrongDisc> {
    match disc.label() {
        None if disc.kind.is_rewritable() => Err(WrongDisc::NotInitialized),
        None => Ok(()),
        Some(_) => check_owner(disc),
    }
}

/// The check that is always made before a session is appended, and before a rule (not a person) begins
/// a new disc: a disc that we did not label is left alone. A blank disc passes.
pub fn check_owner(disc: &Disc) -> Result<(), WrongDisc> {
    match disc.label() {
        Some(BROKEN_OFF) => Err(WrongDisc::BrokenOff),
        Some(label) if !is_ours(label) => Err(WrongDisc::Foreign(label.to_vec())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::media::{Appendable, MediaKind, Renewal, Session};

    fn disc(kind: MediaKind, label: Option<&str>) -> Disc {
        Disc {
            kind,
            sessions: label
                .map(|label| Session {
                    start: 0,
                    end: 100,
                    label: label.as_bytes().to_vec(),
                })
                .into_iter()
                .collect(),
            next_writable: 100,
            first_writable: 0,
            capacity: kind.sectors(),
            appendable: Appendable::Open,
            renewal: Renewal::Insert,
            space_size: crate::iso9660::SpaceSize::End,
        }
    }

    #[test]
    fn a_label_is_read_back_as_the_day_it_was_written_for() {
        for text in ["2026-11-21", "2000-02-29", "9999-12-31", "0001-01-01"] {
            let date: Day = text.parse().unwrap();
            let label = label(date);
            assert!(label.len() <= 32 && is_ours(label.as_bytes()));
            assert_eq!(day(label.as_bytes()), Some(date), "{label}");
        }
    }

    #[test]
    fn what_is_no_label_of_ours_names_no_day() {
        for text in [
            "",
            "CEDAR BACKUP",
            "CEDAR BACKUP 21-XXX-2026",
            "CEDAR BACKUP 31-FEB-2026",
            "CEDAR BACKUP 1-NOV-2026",
            "CEDAR BACKUP +1-NOV-2026",
            "CEDAR BACKUP 21-nov-2026",
            "CEDAR BACKUP 21-NOV-2026 ",
            "ISOIMAGE 21-NOV-2026",
        ] {
            assert_eq!(day(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_disc_is_checked_by_its_label() {
        use MediaKind::{DvdPlusR, DvdPlusRw};
        let ours = Some("CEDAR BACKUP 21-NOV-2026");
        let cedar = Some("CEDAR BACKUP");
        let foreign = || WrongDisc::Foreign(b"HOLIDAY".to_vec());
        for (kind, label, expected) in [
            (DvdPlusR, None, Ok(())),
            (DvdPlusR, ours, Ok(())),
            (DvdPlusR, cedar, Ok(())),
            (DvdPlusR, Some("HOLIDAY"), Err(foreign())),
            (DvdPlusR, Some(""), Err(WrongDisc::Foreign(Vec::new()))),
            (DvdPlusRw, None, Err(WrongDisc::NotInitialized)),
            (DvdPlusRw, ours, Ok(())),
            (DvdPlusRw, Some("HOLIDAY"), Err(foreign())),
        ] {
            assert_eq!(check(&disc(kind, label)), expected, "{kind:?} {label:?}");
        }
    }

    #[test]
    fn a_label_cannot_break_a_message() {
        let wrong = WrongDisc::Foreign(b"a\x1b[2J\nb".to_vec());
        assert!(!wrong.to_string().contains(['\u{1b}', '\n']));
    }
}
