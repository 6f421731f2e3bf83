//! What a tree keeps of an entry: 36 bytes, and its name and target in one buffer with all others.
//!
//! A volume may have millions of entries, and each is there twice when it is continued or compared. So nothing is
//! allocated for an entry alone.

use super::super::date::Time;
use super::sorted::Sorted;
use super::{Content, Extent, Kind, Meta, NodeId, Special};

/// Names and targets, one behind the other, each behind its length.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Vec<u8>);

impl Words {
    /// Keeps a word of less than 64 kB. Says where it is; nothing if there is no room for it.
    pub(super) fn keep(&mut self, word: &[u8]) -> Option<u32> {
        let at = u32::try_from(self.0.len()).ok()?;
        let length = u16::try_from(word.len()).ok()?;
        self.0.extend(length.to_ne_bytes());
        self.0.extend(word);
        Some(at)
    }

    /// The word that is kept there.
    pub(super) fn at(&self, at: u32) -> &[u8] {
        let (length, rest) = self.0[at as usize..].split_at(2);
        &rest[..usize::from(u16::from_ne_bytes([length[0], length[1]]))]
    }
}

/// What a record is of, and so what its `at` and `bytes` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `at` is its number among the directories.
    Directory,
    /// `at` is the source, `bytes` its length.
    New,
    /// `at` is the first sector of its only extent, which has `bytes` bytes.
    Whole,
    /// `at` is its number among those that have no extent or several.
    Scattered,
    /// `at` is where its target is.
    Symlink,
    /// `at` is the format, `bytes` the device.
    Special,
}

/// An entry.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
pub(super) struct Record {
    /// Where its name is.
    pub name: u32,
    at: u32,
    bytes: u64,
    /// Seconds since 1970 in the upper 34 bits, nanoseconds in the others.
    time: i64,
    uid: u32,
    gid: u32,
    mode: u16,
    form: Form,
}

/// Bits that nanoseconds take.
const NANOS: u32 = 30;

impl Record {
    /// A directory, which has that number.
    pub(super) fn directory(name: u32, meta: Meta, number: u32) -> Self {
        let blank = Self {
            name,
            at: number,
            bytes: 0,
            time: 0,
            uid: 0,
            gid: 0,
            mode: 0,
            form: Form::Directory,
        };
        blank.with(meta)
    }

    /// Anything else. Nothing if there is no room for it.
    pub(super) fn other(
        name: u32,
        meta: Meta,
        kind: &Kind,
        words: &mut Words,
        scattered: &mut Vec<Box<[Extent]>>,
    ) -> Option<Self> {
        let (form, at, bytes) = match kind {
            Kind::Directory => return None,
            Kind::File(Content::New { source, bytes }) => {
                (Form::New, u32::try_from(*source).ok()?, *bytes)
            }
            Kind::File(Content::Old(extents)) => {
                if let [only] = extents[..] {
                    (Form::Whole, only.sector, only.bytes)
                } else {
                    scattered.push(extents.as_slice().into());
                    (Form::Scattered, u32::try_from(scattered.len() - 1).ok()?, 0)
                }
            }
            Kind::Symlink(target) => (Form::Symlink, words.keep(target)?, 0),
            Kind::Special(special) => {
                let (high, low) = special.device;
                let device = u64::from(high) << 32 | u64::from(low);
                (Form::Special, special.format, device)
            }
        };
        Some(Self {
            at,
            bytes,
            form,
            ..Self::directory(name, meta, 0)
        })
    }

    /// The same with other facts. No volume can hold a time that does not fit here.
    pub(super) fn with(self, meta: Meta) -> Self {
        let most = i64::MAX >> NANOS;
        let seconds = meta.mtime.seconds.clamp(-most, most);
        Self {
            time: seconds << NANOS | i64::from(meta.mtime.nanos.min(999_999_999)),
            uid: meta.uid,
            gid: meta.gid,
            mode: u16::try_from(meta.mode & 0xFFFF).unwrap_or(0),
            ..self
        }
    }

    pub(super) fn meta(&self) -> Meta {
        let time = self.time;
        Meta {
            mode: self.mode.into(),
            uid: self.uid,
            gid: self.gid,
            mtime: Time {
                seconds: time >> NANOS,
                nanos: u32::try_from(time & ((1 << NANOS) - 1)).unwrap_or(0),
            },
        }
    }

    /// Its number among the directories, if it is one.
    pub(super) fn number(&self) -> Option<usize> {
        (self.form == Form::Directory).then_some(self.at as usize)
    }

    /// Whether it is a directory or a file.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.form, Form::Symlink | Form::Special)
    }

    /// The source of a new content, and its length.
    pub(super) fn source(&self) -> Option<(u32, u64)> {
        (self.form == Form::New).then_some((self.at, self.bytes))
    }

    pub(super) fn kind(&self, words: &Words, scattered: &[Box<[Extent]>]) -> Kind {
        let (at, bytes) = (self.at, self.bytes);
        match self.form {
            Form::Directory => Kind::Directory,
            Form::New => Kind::File(Content::New {
                source: at as usize,
                bytes,
            }),
            Form::Whole => Kind::File(Content::Old(vec![Extent { sector: at, bytes }])),
            Form::Scattered => Kind::File(Content::Old(scattered[at as usize].to_vec())),
            Form::Symlink => Kind::Symlink(words.at(at).into()),
            Form::Special => {
                let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
                Kind::Special(Special {
                    format: at,
                    device: (half(bytes >> 32), half(bytes)),
                })
            }
        }
    }
}

/// A directory.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    /// The node that it is, and the one that it was put into.
    pub node: NodeId,
    pub above: NodeId,
    pub children: Sorted,
    /// How many of its children are directories.
    pub directories: u32,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_takes_few_bytes() {
        assert_eq!(size_of::<Record>(), 36);
        let mut words = Words::default();
        let mut scattered = Vec::new();
        let extent = |sector, bytes| Extent { sector, bytes };
        for (at, kind) in [
            Kind::File(Content::New {
                source: 7,
                bytes: u64::MAX,
            }),
            Kind::File(Content::Old(vec![extent(u32::MAX, 1 << 40)])),
            Kind::File(Content::Old(Vec::new())),
            Kind::File(Content::Old(vec![extent(1, 2), extent(3, 4)])),
            Kind::Symlink(b"../there"[..].into()),
            Kind::Special(Special {
                format: 0o060_000,
                device: (u32::MAX, 8),
            }),
        ]
        .into_iter()
        .enumerate()
        {
            let meta = Meta {
                mode: 0o7654,
                uid: u32::MAX,
                gid: 70_000,
                mtime: Time {
                    seconds: [0, -1, -2_208_988_800, 5_869_583_999][at % 4],
                    nanos: [0, 999_999_999][at % 2],
                },
            };
            let record = Record::other(3, meta, &kind, &mut words, &mut scattered).unwrap();
            assert_eq!(record.meta(), meta);
            assert_eq!(
                format!("{:?}", record.kind(&words, &scattered)),
                format!("{kind:?}")
            );
        }
    }
}
