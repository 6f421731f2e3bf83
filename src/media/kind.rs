//! Kinds of media and their capacities.

use std::str::FromStr;

/// What burns: the configuration's `device_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceType {
    /// A CD writer.
    #[default]
    CdWriter,
    /// A DVD or Blu-ray writer.
    DvdWriter,
    /// A disc that is a file: `target_device` is its path.
    File,
}

/// A kind of medium: the configuration's `media_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the words say it
pub enum MediaKind {
    CdR74,
    CdRw74,
    CdR80,
    CdRw80,
    DvdPlusR,
    DvdPlusRw,
    DvdR,
    DvdRw,
    DvdPlusRDl,
    DvdRDl,
    BdR,
    BdRe,
    BdRDl,
    BdReDl,
    BdRTl,
    BdReTl,
    BdRQl,
}

/// Word, kind, sectors of 2048 bytes, rewritable.
///
/// CD: 74 and 80 minutes at 75 sectors a second less what Cedar Backup never counted (650 and 700 MB).
/// DVD: ECMA-337, 349, 279, 338, 364, 382 as drives report them. Blu-ray: 25, 50, 100 and 128 GB without
/// spare areas; rewritable ones with the default spare area of 256 MB a layer that formatting gives.
const KINDS: [(&str, MediaKind, u64, bool); 17] = [
    ("cdr-74", MediaKind::CdR74, 332_800, false),
    ("cdrw-74", MediaKind::CdRw74, 332_800, true),
    ("cdr-80", MediaKind::CdR80, 358_400, false),
    ("cdrw-80", MediaKind::CdRw80, 358_400, true),
    ("dvd+r", MediaKind::DvdPlusR, 2_295_104, false),
    ("dvd+rw", MediaKind::DvdPlusRw, 2_295_104, true),
    ("dvd-r", MediaKind::DvdR, 2_298_496, false),
    ("dvd-rw", MediaKind::DvdRw, 2_298_496, true),
    ("dvd+r-dl", MediaKind::DvdPlusRDl, 4_173_824, false),
    ("dvd-r-dl", MediaKind::DvdRDl, 4_171_712, false),
    ("bd-r", MediaKind::BdR, 12_219_392, false),
    ("bd-re", MediaKind::BdRe, 11_826_176, true),
    ("bd-r-dl", MediaKind::BdRDl, 24_438_784, false),
    ("bd-re-dl", MediaKind::BdReDl, 23_652_352, true),
    ("bd-r-tl", MediaKind::BdRTl, 48_878_592, false),
    ("bd-re-tl", MediaKind::BdReTl, 47_305_728, true),
    ("bd-r-ql", MediaKind::BdRQl, 62_500_864, false),
];

impl MediaKind {
    /// Every kind with its word.
    pub fn words() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (&'static str, Self, u64, bool) {
        // OK: a test finds every kind in the table
        KINDS.iter().find(|row| row.1 == self).unwrap_or(&KINDS[0])
    }

    /// The word of the configuration: `dvd+r`.
    pub fn word(self) -> &'static str {
        self.row().0
    }

    /// Sectors of 2048 bytes on an empty medium.
    pub fn sectors(self) -> u64 {
        self.row().2
    }

    /// Whether it can be blanked and written again.
    pub fn is_rewritable(self) -> bool {
        self.row().3
    }

    /// The word without how much it holds: `cdr`, `dvd+r`, `bd-re`.
    pub(super) fn family(self) -> &'static str {
        let word = self.word();
        let layers = ["-dl", "-tl", "-ql", "-74", "-80"];
        let bare = layers.iter().find_map(|end| word.strip_suffix(end));
        bare.unwrap_or(word)
    }

    /// Whether it is a CD, whose sessions cost lead-in and lead-out.
    pub fn is_cd(self) -> bool {
        matches!(
            self,
            Self::CdR74 | Self::CdRw74 | Self::CdR80 | Self::CdRw80
        )
    }
}

impl DeviceType {
    /// Whether a drive of this type writes media of that kind.
    pub fn takes(self, kind: MediaKind) -> bool {
        match self {
            Self::CdWriter => kind.is_cd(),
            Self::DvdWriter => !kind.is_cd(),
            Self::File => true,
        }
    }
}

impl FromStr for MediaKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        KINDS
            .iter()
            .find(|row| row.0 == word)
            .map(|row| row.1)
            .ok_or(())
    }
}

impl FromStr for DeviceType {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "cdwriter" => Ok(Self::CdWriter),
            "dvdwriter" => Ok(Self::DvdWriter),
            "file" => Ok(Self::File),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_in_the_table_once() {
        for (at, row) in KINDS.iter().enumerate() {
            assert_eq!(row.1 as usize, at);
            assert_eq!(row.1.word().parse(), Ok(row.1));
        }
        assert_eq!(MediaKind::BdRQl as usize + 1, KINDS.len());
    }
}
