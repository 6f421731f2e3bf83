//! One thing in a snapshot, in few bytes: numbers as varints, paths by what differs from the one before.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::Timestamp;
use crate::archive::manifest::Stored;
use crate::units::{Day, Digest};

/// What has to be the same for a thing to count as unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Type and permissions.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Length.
    pub size: u64,
    /// Last change of the content.
    pub mtime: Timestamp,
    /// Last change of content or attributes.
    pub ctime: Timestamp,
    /// Number of the file.
    pub inode: u64,
}

/// One thing that was collected whole and can be trusted to be recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The round of the walk.
    pub round: u32,
    /// Path as in the archive.
    pub path: PathBuf,
    /// What it looked like.
    pub identity: Identity,
    /// SHA-256 of a regular file's bytes.
    pub digest: Option<Digest>,
    /// The earlier name of a hard link.
    pub first: Option<PathBuf>,
    /// Where it is stored.
    pub stored: Arc<Stored>,
}

/// A longer text is damage.
const LONGEST: u64 = 1 << 20;

const HAS_DIGEST: u8 = 1;
const HAS_FIRST: u8 = 2;
const SAME_PLACE: u8 = 4;

/// Turns records into bytes.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    last: Vec<u8>,
    stored: Option<Arc<Stored>>,
}

impl Encoder {
    pub fn encode(&mut self, record: &Record) -> &[u8] {
        let Self {
            bytes,
            last,
            stored,
        } = self;
        bytes.clear();
        let same_place = stored.as_ref() == Some(&record.stored);
        let mut flags = 0;
        for (flag, is_set) in [
            (HAS_DIGEST, record.digest.is_some()),
            (HAS_FIRST, record.first.is_some()),
            (SAME_PLACE, same_place),
        ] {
            if is_set {
                flags |= flag;
            }
        }
        bytes.push(flags);
        put(bytes, record.round.into());
        let path = record.path.as_os_str().as_bytes();
        let shared = path.iter().zip(&*last).take_while(|(a, b)| a == b).count();
        put(bytes, shared as u64);
        text(bytes, &path[shared..]);
        last.truncate(shared);
        last.extend_from_slice(&path[shared..]);
        let identity = &record.identity;
        for number in [identity.mode, identity.uid, identity.gid] {
            put(bytes, number.into());
        }
        put(bytes, identity.size);
        put(bytes, identity.inode);
        for time in [identity.mtime, identity.ctime] {
            put(bytes, zigzag(time.seconds));
            put(bytes, time.nanos.into());
        }
        if let Some(digest) = &record.digest {
            bytes.extend_from_slice(digest.as_bytes());
        }
        if let Some(first) = &record.first {
            text(bytes, first.as_os_str().as_bytes());
        }
        if !same_place {
            text(bytes, record.stored.day.to_string().as_bytes());
            text(bytes, record.stored.archive.as_bytes());
            *stored = Some(Arc::clone(&record.stored));
        }
        bytes
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a record is not sound")
}

/// Turns bytes into records.
pub(super) struct Decoder<'a> {
    input: io::BufReader<&'a mut dyn Read>,
    last: Vec<u8>,
    stored: Option<Arc<Stored>>,
}

impl<'a> Decoder<'a> {
    pub fn new(input: &'a mut dyn Read) -> Self {
        Self {
            input: io::BufReader::with_capacity(64 << 10, input),
            last: Vec::new(),
            stored: None,
        }
    }

    /// The next record, `None` at the end.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        use std::io::BufRead as _;
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let flags = self.byte()?;
        let round = self.small()?;
        let shared = usize::try_from(self.number()?).map_err(|_| damaged())?;
        if shared > self.last.len() {
            return Err(damaged());
        }
        let rest = self.text()?;
        self.last.truncate(shared);
        self.last.extend_from_slice(&rest);
        let path = PathBuf::from(OsString::from_vec(self.last.clone()));
        let identity = self.identity()?;
        let digest = if flags & HAS_DIGEST == 0 {
            None
        } else {
            let mut digest = [0; 32];
            self.input.read_exact(&mut digest)?;
            Some(Digest(digest))
        };
        let first = if flags & HAS_FIRST == 0 {
            None
        } else {
            Some(PathBuf::from(OsString::from_vec(self.text()?)))
        };
        if flags & SAME_PLACE == 0 {
            let day = String::from_utf8(self.text()?).map_err(|_| damaged())?;
            self.stored = Some(Arc::new(Stored {
                day: day.parse::<Day>().map_err(|_| damaged())?,
                archive: OsString::from_vec(self.text()?),
            }));
        }
        Ok(Some(Record {
            round,
            path,
            identity,
            digest,
            first,
            stored: self.stored.clone().ok_or_else(damaged)?,
        }))
    }

    fn identity(&mut self) -> io::Result<Identity> {
        let (mode, uid, gid) = (self.small()?, self.small()?, self.small()?);
        let (size, inode) = (self.number()?, self.number()?);
        let (mtime, ctime) = (self.time()?, self.time()?);
        Ok(Identity {
            mode,
            uid,
            gid,
            size,
            mtime,
            ctime,
            inode,
        })
    }

    fn time(&mut self) -> io::Result<Timestamp> {
        Ok(Timestamp {
            seconds: unzigzag(self.number()?),
            nanos: self.small()?,
        })
    }

    fn small(&mut self) -> io::Result<u32> {
        u32::try_from(self.number()?).map_err(|_| damaged())
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn number(&mut self) -> io::Result<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            if shift > 63 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> io::Result<Vec<u8>> {
        let length = self.number()?;
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut text)?;
        if text.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(text)
    }
}

/// Seven bits a byte, the lowest first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

/// Small numbers of either sign become small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let stored = |name: &str| {
            Arc::new(Stored {
                day: "2026-11-21".parse().unwrap(),
                archive: name.into(),
            })
        };
        let time = |seconds, nanos| Timestamp { seconds, nanos };
        let mut records = Vec::new();
        for (at, path) in [&b"a"[..], b"a/b", b"a/b\xff\n", b"", b"a"]
            .iter()
            .enumerate()
        {
            records.push(Record {
                round: u32::try_from(at).unwrap(),
                path: PathBuf::from(OsString::from_vec(path.to_vec())),
                identity: Identity {
                    mode: 0o100_644,
                    uid: u32::MAX,
                    gid: 0,
                    size: u64::MAX >> at,
                    mtime: time(i64::MIN, 0),
                    ctime: time(i64::MAX - i64::try_from(at).unwrap(), 999_999_999),
                    inode: u64::MAX,
                },
                digest: (at % 2 == 0).then(|| Digest::of(path)),
                first: (at > 2).then(|| PathBuf::from("first")),
                stored: stored(if at < 3 { "one" } else { "two" }),
            });
        }
        let mut encoder = Encoder::default();
        let mut bytes = Vec::new();
        for record in &records {
            bytes.extend_from_slice(encoder.encode(record));
        }
        let mut input: &[u8] = &bytes;
        let mut decoder = Decoder::new(&mut input);
        for record in &records {
            assert_eq!(decoder.next_record().unwrap().as_ref(), Some(record));
        }
        assert_eq!(decoder.next_record().unwrap(), None);
        let mut cut = &bytes[..bytes.len() - 1];
        let mut decoder = Decoder::new(&mut cut);
        assert!((0..5).any(|_| decoder.next_record().is_err()));
    }
}
