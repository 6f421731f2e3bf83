//! GET CONFIGURATION (MMC-6 6.5): which kind of disc is in, and what the drive can do.

use super::Command;
use super::answer::{Answer, Malformed};

/// A kind of disc as drives number them (MMC-6 table 94).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile(pub u16);

/// Number, name.
const NAMES: [(u16, &str); 21] = [
    (0x08, "CD-ROM"),
    (0x09, "CD-R"),
    (0x0a, "CD-RW"),
    (0x10, "DVD-ROM"),
    (0x11, "DVD-R"),
    (0x12, "DVD-RAM"),
    (0x13, "DVD-RW, restricted overwrite"),
    (0x14, "DVD-RW, sequential"),
    (0x15, "DVD-R DL"),
    (0x16, "DVD-R DL, layer jump"),
    (0x17, "DVD-RW DL"),
    (0x1a, "DVD+RW"),
    (0x1b, "DVD+R"),
    (0x2a, "DVD+RW DL"),
    (0x2b, "DVD+R DL"),
    (0x40, "BD-ROM"),
    (0x41, "BD-R"),
    (0x42, "BD-R, random recording"),
    (0x43, "BD-RE"),
    (0x50, "HD DVD-ROM"),
    (0x51, "HD DVD-R"),
];

impl Profile {
    /// A CD that is only read.
    pub const CD_ROM: Self = Self(0x08);
    /// CD-R.
    pub const CD_R: Self = Self(0x09);
    /// CD-RW.
    pub const CD_RW: Self = Self(0x0a);

    /// Its name, for people.
    pub fn name(self) -> String {
        let row = NAMES.iter().find(|row| row.0 == self.0);
        row.map_or_else(
            || format!("profile {:#06x}", self.0),
            |row| row.1.to_owned(),
        )
    }

    /// Whether it can be written anywhere at any time, and has no sessions of its own.
    pub fn is_overwritable(self) -> bool {
        matches!(self.0, 0x12 | 0x13 | 0x1a | 0x2a | 0x43)
    }

    /// Whether it can be blanked or formatted and written again.
    pub fn is_rewritable(self) -> bool {
        self.is_overwritable() || matches!(self.0, 0x0a | 0x14 | 0x17)
    }

    /// Whether it is written anywhere, and formats itself while it is used for the first time: DVD+RW.
    pub fn is_formatted_by_use(self) -> bool {
        matches!(self.0, 0x1a | 0x2a)
    }

    /// Whether it is written anywhere, and what is formatted of it grows while it is written: DVD+RW and DVD-RW.
    pub fn grows(self) -> bool {
        self.is_formatted_by_use() || self.0 == 0x13
    }

    /// Whether the drive sees it as something that is only read. A disc that was closed may look so.
    pub fn is_read_only(self) -> bool {
        matches!(self.0, 0x08 | 0x10 | 0x40 | 0x50)
    }

    /// Whether it is a CD.
    pub fn is_cd(self) -> bool {
        matches!(self.0, 0x08..=0x0a)
    }
}

/// What GET CONFIGURATION says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// What is in; `None` if nothing is.
    pub current: Option<Profile>,
    /// What the drive knows, as it lists it.
    pub profiles: Vec<Profile>,
    /// The features that are there, and whether each can be used with this disc.
    pub features: Vec<(u16, bool)>,
}

impl Configuration {
    /// The command.
    pub fn command() -> Command {
        Command {
            bytes: vec![0x46, 0, 0, 0, 0, 0, 0, 0x20, 0, 0],
            room: 0x2000,
        }
    }

    /// Decodes the answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let answer = Answer::counted32(bytes)?;
        let current = answer.be16(6)?;
        let mut found = Self {
            current: (current != 0).then_some(Profile(current)),
            profiles: Vec::new(),
            features: Vec::new(),
        };
        let mut at = 8;
        while at + 4 <= answer.len() {
            let code = answer.be16(at)?;
            let flags = answer.byte(at + 2)?;
            let length = usize::from(answer.byte(at + 3)?);
            found.features.push((code, flags & 1 != 0));
            if code == 0 {
                let list = answer.slice(at + 4, length.min(answer.len() - at - 4))?;
                for four in list.chunks_exact(4) {
                    found
                        .profiles
                        .push(Profile(u16::from_be_bytes([four[0], four[1]])));
                }
            }
            at += 4 + length;
        }
        Ok(found)
    }

    /// Whether the drive writes any kind of disc.
    pub fn can_write(&self) -> bool {
        self.profiles.iter().any(|profile| !profile.is_read_only())
    }
}
