//! The words of a program of the site that moves discs: `PROGRAM status`, `PROGRAM load SLOT DRIVE`,
//! `PROGRAM unload SLOT DRIVE`.
//!
//! `status` prints a line for each slot and drive, words separated by blanks:
//!
//! ```text
//! slot 1 full barcode=A00001
//! slot 2 empty
//! slot 9 empty export
//! drive 0 full from=2 barcode=A00002
//! drive 1 empty
//! ```
//!
//! `from=` and `barcode=` may be left out; `export` says that people reach the slot from outside. Lines that are empty or
//! begin with `#` are passed over. Everything else is an error: a changer that is not understood is not empty.

use super::status::{Held, Port, Slot, Status};

/// Reads what `PROGRAM status` prints. An error is the line that makes no sense, or that there was none.
pub(super) fn parse(text: &str) -> Result<Status, String> {
    let mut status = Status::default();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || line.to_owned();
        let mut words = line.split_whitespace();
        let (kind, number) = (words.next(), words.next());
        let number = number
            .and_then(|word| word.parse().ok())
            .ok_or_else(wrong)?;
        let full = match words.next() {
            Some("full") => true,
            Some("empty") => false,
            _ => return Err(wrong()),
        };
        let mut held = Held::default();
        let mut port = Port::Inside;
        for word in words {
            match (word.split_once('='), kind) {
                (Some(("from", slot)), Some("drive")) if full => {
                    held.from = Some(slot.parse().map_err(|_| wrong())?);
                }
                (Some(("barcode", code)), _) if full && !code.is_empty() => {
                    held.barcode = Some(code.to_owned());
                }
                (None, Some("slot")) if word == "export" => port = Port::ImportExport,
                _ => return Err(wrong()),
            }
        }
        let held = full.then_some(held);
        let twice = match kind {
            Some("slot") => status.slots.insert(number, Slot { held, port }).is_some(),
            Some("drive") => status.drives.insert(number, held).is_some(),
            _ => return Err(wrong()),
        };
        if twice {
            return Err(format!("{line} (a second time)"));
        }
    }
    if status.drives.is_empty() || status.slots.is_empty() {
        return Err("no drive, or no slot".to_owned());
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_documented_lines_are_read() {
        let text = "# a small one\n\nslot 1 full barcode=A00001\nslot 2 empty\n  slot 9 full export\n\
                    drive 0 full from=2 barcode=A00002\ndrive 1 empty\ndrive 2 full\n";
        let status = parse(text).unwrap();
        assert_eq!(status.slots.len(), 3);
        assert_eq!(
            status.slots[&1].held.as_ref().unwrap().barcode.as_deref(),
            Some("A00001")
        );
        assert_eq!(
            (status.slots[&2].held.is_none(), status.slots[&2].port),
            (true, Port::Inside)
        );
        assert_eq!(status.slots[&9].port, Port::ImportExport);
        let loaded = status.drives[&0].as_ref().unwrap();
        assert_eq!(
            (loaded.from, loaded.barcode.as_deref()),
            (Some(2), Some("A00002"))
        );
        assert_eq!(status.drives[&1], None);
        assert_eq!(status.drives[&2], Some(Held::default()));
    }

    #[test]
    fn nonsense_is_an_error_and_never_an_empty_changer() {
        let one = "slot 1 empty\ndrive 0 empty\n";
        assert!(parse(one).is_ok());
        for line in [
            "slot",
            "slot 2",
            "slot x full",
            "slot 2 perhaps",
            "slot 2 full from=1",
            "slot 2 empty barcode=A",
            "slot 2 full barcode=",
            "drive 1 full from=x",
            "drive 1 empty export",
            "shelf 1 empty",
            "slot 1 empty",
            "drive 0 full",
            "slot -1 empty",
            "slot 2 full barcode = A",
        ] {
            let error = parse(&format!("{one}{line}\n")).unwrap_err();
            assert!(error.starts_with(line), "{line}: {error}");
        }
        for text in ["", "slot 1 empty\n", "drive 0 empty\n", "# nothing\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
