//! The local time zone's abbreviation, `CET`, as log lines show it.
//!
//! chrono knows the offset of a moment but not its name; the names stand in the zone's compiled file (RFC 8536).
//! Where there is none, the offset itself is shown: `+01:00`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Local, Offset as _};

/// Names of the local time zone's offsets.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// Since when (seconds since 1970) which of `types` holds, ascending.
    since: Vec<(i64, usize)>,
    /// Offset in seconds east of Greenwich, and its name.
    types: Vec<(i32, String)>,
}

impl Zone {
    /// The zone that this process lives in.
    pub(super) fn local() -> Self {
        path()
            .and_then(|path| std::fs::read(path).ok())
            .and_then(|bytes| parse(&bytes))
            .unwrap_or_default()
    }

    /// The abbreviation at `moment`.
    pub(super) fn name(&self, moment: &DateTime<Local>) -> String {
        let offset = moment.offset().fix().local_minus_utc();
        self.find(moment.timestamp(), offset).map_or_else(
            || match offset {
                0 => "UTC".to_owned(),
                _ => moment.format("%:z").to_string(),
            },
            str::to_owned,
        )
    }

    /// The name of `offset`, at that time if the table reaches so far, else whenever it was last in use.
    fn find(&self, time: i64, offset: i32) -> Option<&str> {
        let past = self.since.partition_point(|&(since, _)| since <= time);
        let used = self.since[..past].iter().rev().map(|&(_, kind)| kind);
        let kinds = used.chain(0..self.types.len());
        kinds
            .filter_map(|kind| self.types.get(kind))
            .find(|(own, _)| *own == offset)
            .map(|(_, name)| name.as_str())
    }
}

/// The zone's file: the one that `TZ` names, else the machine's.
fn path() -> Option<PathBuf> {
    let Some(name) = std::env::var_os("TZ") else {
        return Some(PathBuf::from("/etc/localtime"));
    };
    let name = name.to_str()?;
    let name = name.strip_prefix(':').unwrap_or(name);
    if name.is_empty() {
        return None;
    }
    // An absolute path stands for itself.
    Some(Path::new("/usr/share/zoneinfo").join(name))
}

/// A way in for the fuzz targets.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    if let Some(zone) = parse(bytes) {
        for time in [i64::MIN, -1, 0, i64::MAX] {
            let _ = zone.find(time, 3600);
        }
    }
}

/// Reads a compiled zone: the part with 64-bit times if it has one.
fn parse(bytes: &[u8]) -> Option<Zone> {
    let header = Header::read(bytes)?;
    if header.version < b'2' {
        return header.zone(bytes.get(HEADER..)?, 4);
    }
    let second = bytes.get(HEADER + header.length(4)..)?;
    Header::read(second)?.zone(second.get(HEADER..)?, 8)
}

const HEADER: usize = 44;

/// The counts of a part of a compiled zone.
struct Header {
    version: u8,
    /// UT indicators, standard indicators, leap seconds, transitions, types, bytes of names.
    counts: [usize; 6],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        if !bytes.starts_with(b"TZif") {
            return None;
        }
        let mut counts = [0; 6];
        for (count, word) in counts.iter_mut().zip(bytes[20..].chunks_exact(4)) {
            *count = usize::try_from(u32::from_be_bytes(word.try_into().ok()?)).ok()?;
        }
        let version = bytes[4];
        Some(Self { version, counts })
    }

    /// Bytes of the data after this header, with times of `width` bytes.
    fn length(&self, width: usize) -> usize {
        let [ut, standard, leap, times, types, names] = self.counts;
        times * (width + 1) + types * 6 + names + leap * (width + 4) + standard + ut
    }

    fn zone(&self, data: &[u8], width: usize) -> Option<Zone> {
        let [_, _, _, times, types, names] = self.counts;
        let (moments, rest) = data.split_at_checked(times * width)?;
        let (kinds, rest) = rest.split_at_checked(times)?;
        let (rows, rest) = rest.split_at_checked(types * 6)?;
        let names = rest.get(..names)?;
        let moment = |word: &[u8]| {
            let mut wide = [if word[0] & 0x80 == 0 { 0 } else { 0xff }; 8];
            wide[8 - width..].copy_from_slice(word);
            i64::from_be_bytes(wide)
        };
        let since = moments.chunks_exact(width).map(moment);
        let since = since.zip(kinds.iter().map(|&kind| usize::from(kind)));
        let types = rows.chunks_exact(6).map(|row| {
            let offset = i32::from_be_bytes([row[0], row[1], row[2], row[3]]);
            let name = names.get(usize::from(row[5])..)?;
            let name = name.split(|&byte| byte == 0).next()?;
            Some((offset, std::str::from_utf8(name).ok()?.to_owned()))
        });
        Some(Zone {
            since: since.collect(),
            types: types.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A compiled zone with two parts; only the second counts.
    fn compiled() -> Vec<u8> {
        let head = |times: u32, types: u32, names: u32| {
            let mut bytes = b"TZif2".to_vec();
            bytes.resize(20, 0);
            for count in [0, 0, 0, times, types, names] {
                bytes.extend(u32::to_be_bytes(count));
            }
            bytes
        };
        let row = |offset: i32, name: u8| {
            let mut row = offset.to_be_bytes().to_vec();
            row.extend([0, name]);
            row
        };
        let mut bytes = head(0, 1, 4);
        bytes.extend(row(0, 0));
        bytes.extend(b"XXX\0");
        bytes.extend(head(2, 3, 13));
        for time in [-100_i64, 1000] {
            bytes.extend(time.to_be_bytes());
        }
        bytes.extend([1, 2]);
        for (offset, name) in [(3208, 0), (3600, 4), (7200, 8)] {
            bytes.extend(row(offset, name));
        }
        bytes.extend(b"LMT\0CET\0CEST\0");
        bytes
    }

    #[test]
    fn offsets_have_the_names_of_their_time() {
        let zone = parse(&compiled()).unwrap();
        for (time, offset, name) in [
            (-200, 3208, Some("LMT")),
            (0, 3600, Some("CET")),
            (2000, 7200, Some("CEST")),
            (2000, 3600, Some("CET")),
            (2000, 60, None),
        ] {
            assert_eq!(zone.find(time, offset), name, "{time} {offset}");
        }
    }

    #[test]
    fn a_damaged_zone_has_no_names() {
        let whole = compiled();
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_none(), "{length}");
        }
        assert!(parse(b"not a zone, but long enough to have a header in it").is_none());
    }

    #[test]
    fn without_a_table_the_offset_is_shown() {
        let moment = DateTime::<Local>::from(std::time::SystemTime::UNIX_EPOCH);
        let name = Zone::default().name(&moment);
        let numeric = moment.format("%:z").to_string();
        assert!(
            name == numeric || (name == "UTC" && numeric == "+00:00"),
            "{name}"
        );
    }
}
