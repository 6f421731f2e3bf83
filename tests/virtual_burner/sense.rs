//! Why a command fails: sense key, code and qualifier (MMC-6 annex F, SPC-3 4.5).

use super::bytes::{put16, put32};

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    pub key: u8,
    pub code: u8,
    pub qualifier: u8,
    /// How far something is that takes long, in 65536ths.
    pub progress: Option<u16>,
    /// The sector that is meant.
    pub sector: Option<u32>,
}

const fn sense(key: u8, code: u8, qualifier: u8) -> Sense {
    Sense {
        key,
        code,
        qualifier,
        progress: None,
        sector: None,
    }
}

pub const NO_SENSE: Sense = sense(0, 0, 0);
pub const NO_MEDIUM_TRAY_CLOSED: Sense = sense(2, 0x3a, 1);
pub const NO_MEDIUM_TRAY_OPEN: Sense = sense(2, 0x3a, 2);
pub const BECOMING_READY: Sense = sense(2, 0x04, 1);
pub const FORMAT_IN_PROGRESS: Sense = sense(2, 0x04, 4);
pub const OPERATION_IN_PROGRESS: Sense = sense(2, 0x04, 7);
pub const WRITE_ERROR: Sense = sense(3, 0x0c, 0);
pub const READ_ERROR: Sense = sense(3, 0x11, 5);
pub const FIXATION_ERROR: Sense = sense(3, 0x72, 0);
pub const UNKNOWN_COMMAND: Sense = sense(5, 0x20, 0);
pub const OUT_OF_RANGE: Sense = sense(5, 0x21, 0);
pub const INVALID_ADDRESS_FOR_WRITE: Sense = sense(5, 0x21, 2);
pub const INVALID_FIELD: Sense = sense(5, 0x24, 0);
pub const INVALID_PARAMETER: Sense = sense(5, 0x26, 0);
pub const SEQUENCE_ERROR: Sense = sense(5, 0x2c, 0);
pub const CANNOT_WRITE_INCOMPATIBLE: Sense = sense(5, 0x30, 5);
pub const CANNOT_FORMAT: Sense = sense(5, 0x30, 6);
pub const NOT_FORMATTED: Sense = sense(5, 0x30, 0x10);
pub const REMOVAL_PREVENTED: Sense = sense(5, 0x53, 2);
pub const END_OF_TRACK: Sense = sense(5, 0x63, 0);
pub const ILLEGAL_MODE: Sense = sense(5, 0x64, 0);
pub const NO_TRACK_TO_CLOSE: Sense = sense(5, 0x72, 0);
pub const INCOMPLETE_TRACK: Sense = sense(5, 0x72, 3);
pub const EMPTY_RESERVED_TRACK: Sense = sense(5, 0x72, 4);
pub const MEDIUM_CHANGED: Sense = sense(6, 0x28, 0);
pub const RESET: Sense = sense(6, 0x29, 0);
pub const WRITE_PROTECTED: Sense = sense(7, 0x27, 0);
pub const BLANK_CHECK: Sense = sense(8, 0, 0);

impl Sense {
    /// The same, with the sector that is meant.
    pub fn about(self, sector: u32) -> Self {
        Self {
            sector: Some(sector),
            ..self
        }
    }

    /// The same, with how far it is.
    pub fn at(self, progress: u16) -> Self {
        Self {
            progress: Some(progress),
            ..self
        }
    }

    /// Sense data in its fixed form.
    pub fn fixed(self) -> [u8; 18] {
        let mut data = [0; 18];
        data[0] = 0x70;
        data[2] = self.key;
        if let Some(sector) = self.sector {
            data[0] |= 0x80; // the field is valid
            put32(&mut data, 3, sector);
        }
        data[7] = 10;
        data[12] = self.code;
        data[13] = self.qualifier;
        if let Some(progress) = self.progress {
            data[15] = 0x80;
            put16(&mut data, 16, progress);
        }
        data
    }
}
