//! Directory records (ECMA-119 9.1) and path tables (9.4): their bytes. Hides the both-byte-order numbers.

use super::SECTOR_LEN;
use super::date::Time;

/// The longest record: its length is one byte and even.
pub(super) const RECORD_MAX: usize = 254;
/// The longest extent of one record: the largest multiple of a sector that four bytes hold.
pub(super) const SECTION_MAX: u64 = 0xFFFF_F800;

pub(super) const FLAG_DIRECTORY: u8 = 0x02;
pub(super) const FLAG_ASSOCIATED: u8 = 0x04;
pub(super) const FLAG_CONTINUES: u8 = 0x80;

/// A number in both byte orders (7.3.3).
pub(super) fn both32(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// A number in both byte orders (7.2.3).
pub(super) fn both16(value: u16) -> [u8; 4] {
    let [low, high] = value.to_le_bytes();
    [low, high, high, low]
}

/// The little-endian number at an offset; 0 where there are no bytes.
pub(super) fn le32(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

/// The little-endian number at an offset; 0 where there are no bytes.
pub(super) fn le16(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .and_then(|two| two.try_into().ok())
        .map_or(0, u16::from_le_bytes)
}

/// A directory record without its system use area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub sector: u32,
    pub bytes: u32,
    pub time: Time,
    pub flags: u8,
    pub identifier: &'a [u8],
}

/// Length of a record with an identifier of this length and no system use area.
pub(super) const fn record_length(identifier: usize) -> usize {
    33 + identifier + (identifier + 1) % 2
}

impl<'a> Record<'a> {
    /// Appends the record with a system use area.
    pub(super) fn write(&self, system_use: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let length = record_length(self.identifier.len()) + system_use.len();
        let length = length + length % 2;
        debug_assert!(length <= RECORD_MAX);
        out.push(u8::try_from(length).unwrap_or(u8::MAX));
        out.push(0); // no extended attribute record
        out.extend(both32(self.sector));
        out.extend(both32(self.bytes));
        out.extend(self.time.to_record());
        out.push(self.flags);
        out.extend([0, 0]); // not interleaved
        out.extend(both16(1)); // volume sequence number
        out.push(u8::try_from(self.identifier.len()).unwrap_or(u8::MAX));
        out.extend(self.identifier);
        if self.identifier.len().is_multiple_of(2) {
            out.push(0);
        }
        out.extend(system_use);
        out.resize(start + length, 0);
    }

    /// Takes a record apart: itself and its system use area. An `Err` says what is wrong with it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), &'static str> {
        let name_length = usize::from(*bytes.get(32).ok_or("a directory record is too short")?);
        let name_end = 33 + name_length;
        let identifier = bytes
            .get(33..name_end)
            .filter(|identifier| !identifier.is_empty())
            .ok_or("an identifier does not fit its directory record")?;
        if bytes[26] != 0 || bytes[27] != 0 {
            return Err("a file is interleaved");
        }
        let time: [u8; 7] = bytes[18..25].try_into().map_err(|_| "no date")?;
        let system_use = bytes.get(record_length(name_length)..).unwrap_or(&[]);
        let record = Self {
            sector: le32(bytes, 2).saturating_add(u32::from(bytes[1])),
            bytes: le32(bytes, 10),
            time: Time::from_record(time),
            flags: bytes[25],
            identifier,
        };
        Ok((record, system_use))
    }
}

/// Appends a record so that it does not cross the end of a sector.
pub(super) fn align_record(out: &mut Vec<u8>, length: usize) {
    let sector = SECTOR_LEN;
    let used = out.len() % sector;
    if used + length > sector {
        out.resize(out.len() + sector - used, 0);
    }
}

/// Fills the last sector up with zeros.
pub(super) fn fill_sector(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(SECTOR_LEN), 0);
}

/// The byte order of a path table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// Appends a record of a path table. `identifier` is empty for the root.
pub(super) fn write_path(
    identifier: &[u8],
    sector: u32,
    parent: u16,
    order: ByteOrder,
    out: &mut Vec<u8>,
) {
    let identifier = if identifier.is_empty() {
        &[0]
    } else {
        identifier
    };
    out.push(u8::try_from(identifier.len()).unwrap_or(u8::MAX));
    out.push(0);
    match order {
        ByteOrder::Little => {
            out.extend(sector.to_le_bytes());
            out.extend(parent.to_le_bytes());
        }
        ByteOrder::Big => {
            out.extend(sector.to_be_bytes());
            out.extend(parent.to_be_bytes());
        }
    }
    out.extend(identifier);
    if identifier.len() % 2 == 1 {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_parsed() {
        for identifier in [&b"A.;1"[..], b"ABC.D;1", &[0]] {
            let record = Record {
                sector: 77,
                bytes: 4096,
                time: Time::from_seconds(1_000_000_000),
                flags: FLAG_DIRECTORY,
                identifier,
            };
            let mut bytes = Vec::new();
            record.write(b"NMxx", &mut bytes);
            assert_eq!(bytes.len(), usize::from(bytes[0]));
            assert_eq!(bytes.len() % 2, 0);
            let parsed = Record::parse(&bytes);
            assert_eq!(parsed, Ok((record, &b"NMxx"[..])));
        }
    }

    #[test]
    fn a_record_that_is_cut_anywhere_is_an_error_or_shorter_but_no_panic() {
        let mut bytes = Vec::new();
        let record = Record {
            sector: 1,
            bytes: 2,
            time: Time::default(),
            flags: 0,
            identifier: b"NAME.;1",
        };
        record.write(b"", &mut bytes);
        for end in 0..33 + 7 {
            assert!(Record::parse(&bytes[..end]).is_err());
        }
    }
}
