//! Volume descriptors (ECMA-119 8, Joliet specification): their bytes.

use super::SECTOR_LEN;
use super::charset::Namespace;
use super::date::Time;
use super::directory::{FLAG_DIRECTORY, Record, both16, both32, le16, le32};

const STANDARD: &[u8; 5] = b"CD001";
const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;

/// What the descriptors of a volume say in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels {
    pub volume: Vec<u8>,
    pub volume_set: Vec<u8>,
    pub publisher: Vec<u8>,
    pub preparer: Vec<u8>,
    pub application: Vec<u8>,
}

/// What a volume descriptor says.
#[derive(Debug, Clone)]
pub(super) struct Descriptor<'a> {
    pub namespace: Namespace,
    pub labels: &'a Labels,
    /// Volume space size in sectors.
    pub space: u32,
    pub root: u32,
    pub root_bytes: u32,
    pub root_time: Time,
    pub path_table_bytes: u32,
    pub path_table_little: u32,
    pub path_table_big: u32,
    pub created: Time,
}

fn text(field: &mut [u8], words: &[u8], namespace: Namespace) {
    match namespace {
        Namespace::Primary => {
            field.fill(b' ');
            let length = words.len().min(field.len());
            field[..length].copy_from_slice(&words[..length]);
        }
        Namespace::Joliet => {
            let mut characters = words.iter();
            for pair in field.chunks_mut(2) {
                // a field of odd length ends with a zero byte
                if let [high, low] = pair {
                    *high = 0;
                    *low = *characters.next().unwrap_or(&b' ');
                } else {
                    pair.fill(0);
                }
            }
        }
    }
}

impl Descriptor<'_> {
    /// One sector.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; SECTOR_LEN];
        let kind = self.namespace;
        bytes[0] = match kind {
            Namespace::Primary => PRIMARY,
            Namespace::Joliet => SUPPLEMENTARY,
        };
        bytes[1..6].copy_from_slice(STANDARD);
        bytes[6] = 1;
        text(&mut bytes[8..40], b"", kind); // no system owns the system area
        text(&mut bytes[40..72], &self.labels.volume, kind);
        bytes[80..88].copy_from_slice(&both32(self.space));
        if kind == Namespace::Joliet {
            bytes[88..91].copy_from_slice(b"%/E"); // UCS-2 level 3
        }
        bytes[120..124].copy_from_slice(&both16(1));
        bytes[124..128].copy_from_slice(&both16(1));
        bytes[128..132].copy_from_slice(&both16(2048));
        bytes[132..140].copy_from_slice(&both32(self.path_table_bytes));
        bytes[140..144].copy_from_slice(&self.path_table_little.to_le_bytes());
        bytes[148..152].copy_from_slice(&self.path_table_big.to_be_bytes());
        let mut root = Vec::with_capacity(34);
        Record {
            sector: self.root,
            bytes: self.root_bytes,
            time: self.root_time,
            flags: FLAG_DIRECTORY,
            identifier: &[0],
        }
        .write(&[], &mut root);
        bytes[156..190].copy_from_slice(&root);
        text(&mut bytes[190..318], &self.labels.volume_set, kind);
        text(&mut bytes[318..446], &self.labels.publisher, kind);
        text(&mut bytes[446..574], &self.labels.preparer, kind);
        text(&mut bytes[574..702], &self.labels.application, kind);
        text(&mut bytes[702..739], b"", kind);
        text(&mut bytes[739..776], b"", kind);
        text(&mut bytes[776..813], b"", kind);
        bytes[813..830].copy_from_slice(&self.created.to_descriptor());
        bytes[830..847].copy_from_slice(&self.created.to_descriptor());
        bytes[847..863].fill(b'0'); // does not expire
        bytes[864..880].fill(b'0'); // effective at once
        bytes[881] = 1;
        bytes
    }
}

/// The descriptor that ends the set.
pub(super) fn terminator() -> Vec<u8> {
    let mut bytes = vec![0; SECTOR_LEN];
    bytes[0] = TERMINATOR;
    bytes[1..6].copy_from_slice(STANDARD);
    bytes[6] = 1;
    bytes
}

/// A volume descriptor as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parsed {
    Primary(Found),
    Joliet(Found),
    /// A boot record, a partition, a character set that nobody uses.
    Other,
    Terminator,
    /// No descriptor of this standard.
    Foreign,
}

/// What is taken from a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub volume_id: Vec<u8>,
    pub space: u32,
    pub block: u16,
    pub root: u32,
    pub root_bytes: u32,
    pub root_time: Time,
    pub created: Time,
}

/// Takes a sector apart. Anything that is not 2048 bytes long is foreign.
pub(super) fn parse(sector: &[u8]) -> Parsed {
    if sector.len() != SECTOR_LEN || &sector[1..6] != STANDARD {
        return Parsed::Foreign;
    }
    let joliet = matches!(&sector[88..91], b"%/@" | b"%/C" | b"%/E");
    match sector[0] {
        PRIMARY => Parsed::Primary(found(sector, Namespace::Primary)),
        SUPPLEMENTARY if joliet => Parsed::Joliet(found(sector, Namespace::Joliet)),
        TERMINATOR => Parsed::Terminator,
        _ => Parsed::Other,
    }
}

fn found(sector: &[u8], namespace: Namespace) -> Found {
    let words = &sector[40..72];
    let mut volume_id = match namespace {
        Namespace::Primary => words.to_vec(),
        Namespace::Joliet => super::charset::joliet_name(words),
    };
    while matches!(volume_id.last(), Some(b' ' | 0)) {
        volume_id.pop();
    }
    let mut time = [0; 7];
    time.copy_from_slice(&sector[174..181]);
    let mut created = [0; 17];
    created.copy_from_slice(&sector[813..830]);
    Found {
        created: Time::from_descriptor(created),
        volume_id,
        space: le32(sector, 80),
        block: le16(sector, 128),
        root: le32(sector, 158).saturating_add(u32::from(sector[157])),
        root_bytes: le32(sector, 166),
        root_time: Time::from_record(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_parsed() {
        let labels = Labels {
            volume: b"CEDAR BACKUP 21-NOV-2026".to_vec(),
            ..Labels::default()
        };
        let mut descriptor = Descriptor {
            namespace: Namespace::Primary,
            labels: &labels,
            space: 1000,
            root: 50,
            root_bytes: 2048,
            root_time: Time::from_seconds(86_400),
            path_table_bytes: 10,
            path_table_little: 20,
            path_table_big: 21,
            created: Time::default(),
        };
        let expected = Found {
            volume_id: labels.volume.clone(),
            space: 1000,
            block: 2048,
            root: 50,
            root_bytes: 2048,
            root_time: Time::from_seconds(86_400),
            created: Time::default(),
        };
        assert_eq!(
            parse(&descriptor.to_bytes()),
            Parsed::Primary(expected.clone())
        );
        descriptor.namespace = Namespace::Joliet;
        let cut = Found {
            volume_id: b"CEDAR BACKUP 21-".to_vec(),
            ..expected
        };
        assert_eq!(parse(&descriptor.to_bytes()), Parsed::Joliet(cut));
        assert_eq!(parse(&terminator()), Parsed::Terminator);
        assert_eq!(parse(&[0; 2048]), Parsed::Foreign);
        assert_eq!(parse(&[]), Parsed::Foreign);
    }
}
