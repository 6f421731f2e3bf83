//! How an archive's bytes are packed.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// How an archive's bytes are packed; the configuration's `archive_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// `tar`: as they are.
    None,
    /// `targz`: gzip, in members that any gzip reads as one.
    Gzip,
    /// `tarbz2`: bzip2, in streams that any bzip2 reads as one.
    Bzip2,
    /// `tarzst`: Zstandard.
    Zstd,
}

impl Compression {
    /// Every way, in the order in which help lists them.
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Bzip2, Self::Zstd];

    /// The word of the configuration: `tar`, `targz`, `tarbz2`, `tarzst`.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "tar",
            Self::Gzip => "targz",
            Self::Bzip2 => "tarbz2",
            Self::Zstd => "tarzst",
        }
    }

    /// The levels that it has, fastest first; empty for `tar`, which has none.
    pub fn levels(self) -> RangeInclusive<u8> {
        match self {
            // Nothing is in it, and clippy must not think that it is a slip.
            Self::None => RangeInclusive::new(1, 0),
            Self::Gzip | Self::Bzip2 => 1..=9,
            Self::Zstd => 1..=22,
        }
    }

    /// The extension of an archive: `tar`, `tar.gz`, `tar.bz2`, `tar.zst`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "tar",
            Self::Gzip => "tar.gz",
            Self::Bzip2 => "tar.bz2",
            Self::Zstd => "tar.zst",
        }
    }

    /// The end of a packed file's name that is no archive: nothing, `.gz`, `.bz2`, `.zst`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Bzip2 => ".bz2",
            Self::Zstd => ".zst",
        }
    }
}

impl FromStr for Compression {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|way| way.word() == word)
            .ok_or(())
    }
}
