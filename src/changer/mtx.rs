//! The words of `mtx`, which moves discs in SCSI media changers: its calls, and what its `status` prints.
//!
//! ```text
//!   Storage Changer /dev/sg3:2 Drives, 24 Slots ( 4 Import/Export )
//! Data Transfer Element 0:Full (Storage Element 2 Loaded):VolumeTag = LT1000L3
//! Data Transfer Element 1:Empty
//!       Storage Element 1:Full :VolumeTag=LT1001L3
//!       Storage Element 2:Empty
//!       Storage Element 21 IMPORT/EXPORT:Empty
//! ```
//!
//! Changers without barcodes leave the volume tags out; some give an empty slot an empty one (`Empty:VolumeTag=`); some do not know from which slot a disc in a drive came, and
//! old versions write `Data Transfer Element:` of the only drive. Volume tags are padded with blanks.

use super::status::{Held, Port, Slot, Status};
use crate::process::Command;
use crate::units::AbsPath;

/// `mtx -f DEVICE`, to be followed by words.
pub(super) fn command(device: &AbsPath) -> Command {
    Command::new("mtx").arg("-f").arg(device.as_path())
}

/// Reads what `mtx status` prints. An error is the line that makes no sense, or that there was none.
pub(super) fn parse(text: &str) -> Result<Status, String> {
    let mut status = Status::default();
    for line in text.lines().map(str::trim) {
        let wrong = || line.to_owned();
        if let Some(rest) = line.strip_prefix("Data Transfer Element") {
            let (number, what) = rest.split_once(':').ok_or_else(wrong)?;
            let number = match number.trim() {
                "" => 0,
                digits => digits.parse().map_err(|_| wrong())?,
            };
            status
                .drives
                .insert(number, held(what).map_err(|()| wrong())?);
        } else if let Some(rest) = line.strip_prefix("Storage Element") {
            let (number, what) = rest.split_once(':').ok_or_else(wrong)?;
            let (number, port) = match number.trim().split_once(' ') {
                Some((number, "IMPORT/EXPORT")) => (number, Port::ImportExport),
                Some(_) => return Err(wrong()),
                None => (number.trim(), Port::Inside),
            };
            let slot = Slot {
                held: held(what).map_err(|()| wrong())?,
                port,
            };
            status
                .slots
                .insert(number.parse().map_err(|_| wrong())?, slot);
        }
    }
    if status.drives.is_empty() || status.slots.is_empty() {
        return Err("no drive, or no slot".to_owned());
    }
    Ok(status)
}

/// What is in a slot or drive; an error if the words make no sense.
fn held(what: &str) -> Result<Option<Held>, ()> {
    let what = what.trim();
    if what == "Empty" || what.starts_with("Empty:") {
        return Ok(None);
    }
    let rest = what.strip_prefix("Full").ok_or(())?;
    let from = rest
        .split_once("(Storage Element ")
        .and_then(|(_, rest)| rest.split_once(" Loaded)"))
        .map(|(number, _)| number.parse())
        .transpose()
        .map_err(|_| ())?;
    // `AlternateVolumeTag` is of the other side.
    let barcode = rest
        .split_once(":VolumeTag")
        .and_then(|(_, rest)| rest.trim_start().strip_prefix('='))
        .map(|tag| tag.split(':').next().unwrap_or_default().trim())
        .filter(|tag| !tag.is_empty());
    Ok(Some(Held {
        barcode: barcode.map(str::to_owned),
        from,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As published transcripts have it, with the blanks at the ends of lines.
    const LIBRARY: &str = "  Storage Changer /dev/sg6:2 Drives, 6 Slots ( 2 Import/Export )
Data Transfer Element 0:Full (Storage Element 2 Loaded):VolumeTag = LT1000L3                        
Data Transfer Element 1:Empty
      Storage Element 1:Full :VolumeTag=LT1001L3                        
      Storage Element 2:Empty
      Storage Element 3:Full 
      Storage Element 4:Full :VolumeTag=A:AlternateVolumeTag=B
      Storage Element 5 IMPORT/EXPORT:Full :VolumeTag=LT1002L3                        
      Storage Element 6 IMPORT/EXPORT:Empty
";

    fn disc(barcode: &str) -> Held {
        Held {
            barcode: Some(barcode.to_owned()).filter(|code| !code.is_empty()),
            from: None,
        }
    }

    #[test]
    fn a_library_with_barcodes_is_read() {
        let status = parse(LIBRARY).unwrap();
        let loaded = Held {
            from: Some(2),
            ..disc("LT1000L3")
        };
        assert_eq!(status.drives[&0], Some(loaded));
        assert_eq!(status.drives[&1], None);
        let slots: Vec<_> = (1..=6).map(|at| status.slots[&at].held.clone()).collect();
        let expected = [
            Some(disc("LT1001L3")),
            None,
            Some(disc("")),
            Some(disc("A")),
            Some(disc("LT1002L3")),
            None,
        ];
        assert_eq!(slots, expected);
        let ports: Vec<_> = status.slots.values().map(|slot| slot.port).collect();
        assert_eq!(
            ports[3..],
            [Port::Inside, Port::ImportExport, Port::ImportExport]
        );
    }

    /// What mtx 1.3.12 prints of tgt's emulated changer, as recorded.
    const TGT: &str = "  Storage Changer /dev/sg2:1 Drives, 5 Slots ( 1 Import/Export )
Data Transfer Element 0:Full (Storage Element 1 Loaded):VolumeTag = A00001                          
      Storage Element 1:Empty:VolumeTag=                                
      Storage Element 2:Full :VolumeTag=A00002                          
      Storage Element 3:Empty:VolumeTag=                                
      Storage Element 4:Empty:VolumeTag=                                
      Storage Element 5 IMPORT/EXPORT:Empty:VolumeTag=                                
";

    #[test]
    fn a_changer_that_gives_empty_slots_a_tag_is_read() {
        let status = parse(TGT).unwrap();
        let loaded = Held {
            from: Some(1),
            ..disc("A00001")
        };
        assert_eq!(status.drives[&0], Some(loaded));
        let full: Vec<_> = status
            .slots
            .iter()
            .filter(|slot| slot.1.held.is_some())
            .collect();
        assert_eq!(full.len(), 1);
        assert_eq!(status.slots[&2].held, Some(disc("A00002")));
        assert_eq!(status.slots[&5].port, Port::ImportExport);
    }

    #[test]
    fn what_other_changers_print_is_read_too() {
        let one = "  Storage Changer /dev/changer:1 Drives, 1 Slots ( 0 Import/Export )\n";
        for (drive, from, barcode) in [
            (
                "Data Transfer Element:Full (Storage Element 1 Loaded)",
                Some(1),
                None,
            ),
            (
                "Data Transfer Element 0:Full (Unknown Storage Element Loaded)",
                None,
                None,
            ),
            (
                "Data Transfer Element 0:Full (Unknown Storage Element Loaded):VolumeTag = X1  ",
                None,
                Some("X1"),
            ),
            (
                "Data Transfer Element 0:Full (Storage Element 12 Loaded):VolumeTag=X2",
                Some(12),
                Some("X2"),
            ),
        ] {
            let status = parse(&format!("{one}{drive}\n      Storage Element 1:Empty\n")).unwrap();
            let expected = Held {
                barcode: barcode.map(str::to_owned),
                from,
            };
            assert_eq!(status.drives[&0], Some(expected), "{drive}");
        }
    }

    #[test]
    fn nonsense_is_an_error_and_never_an_empty_changer() {
        for text in [
            "",
            "mtx: No such device",
            "Data Transfer Element 0:Empty\n",
            "Data Transfer Element 0:Empty\nStorage Element 1:Perhaps\n",
            "Data Transfer Element 0:Empty\nStorage Element x:Empty\n",
            "Data Transfer Element 0:Empty\nStorage Element 1 BROKEN:Empty\n",
            "Data Transfer Element x:Empty\nStorage Element 1:Empty\n",
            "Data Transfer Element 0\nStorage Element 1:Empty\n",
            "Data Transfer Element 0:Full (Storage Element x Loaded)\nStorage Element 1:Empty\n",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
