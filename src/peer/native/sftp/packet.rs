//! Packets of the SSH file transfer protocol, version 3 (draft-ietf-secsh-filexfer-02).
//!
//! A packet is its length in four bytes, a byte that says what it is, and fields: numbers with the highest byte
//! first, texts with their length before them. Requests and answers begin with a number that joins them.

use std::io::{self, Read};

/// Kinds of packets.
pub(super) mod kind {
    pub(in super::super) const INIT: u8 = 1;
    pub(in super::super) const VERSION: u8 = 2;
    pub(in super::super) const OPEN: u8 = 3;
    pub(in super::super) const CLOSE: u8 = 4;
    pub(in super::super) const READ: u8 = 5;
    pub(in super::super) const WRITE: u8 = 6;
    pub(in super::super) const OPENDIR: u8 = 11;
    pub(in super::super) const READDIR: u8 = 12;
    pub(in super::super) const REMOVE: u8 = 13;
    pub(in super::super) const STAT: u8 = 17;
    pub(in super::super) const RENAME: u8 = 18;
    pub(in super::super) const STATUS: u8 = 101;
    pub(in super::super) const HANDLE: u8 = 102;
    pub(in super::super) const DATA: u8 = 103;
    pub(in super::super) const NAME: u8 = 104;
    pub(in super::super) const ATTRS: u8 = 105;
    pub(in super::super) const EXTENDED: u8 = 200;
    pub(in super::super) const EXTENDED_REPLY: u8 = 201;
}

/// The longest packet that is taken. OpenSSH sends 256 kB at most.
const LONGEST: usize = 512 << 10;

/// Status codes.
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;
const NO_SUCH_PATH: u32 = 10;

/// Flags of attributes.
const SIZE: u32 = 1;
const UIDGID: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED_ATTRIBUTES: u32 = 1 << 31;

/// A packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) kind: u8,
    /// Its fields, the first number included.
    bytes: Vec<u8>,
}

/// A status other than "all is well": why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    code: u32,
    text: String,
}

/// What a server tells of a file; it need not tell anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    pub(super) mode: Option<u32>,
    pub(super) mtime: Option<u32>,
}

/// An answer that keeps to none of the rules.
pub(super) struct Malformed;

impl Packet {
    /// Reads one packet. One that is longer than any may be is an error of kind `InvalidData`.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 5];
        from.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if !(1..=LONGEST).contains(&length) {
            let what = format!("a packet of {length} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        // Memory is taken for what comes, not for what is announced.
        let mut bytes = Vec::with_capacity((length - 1).min(64 << 10));
        from.take(length as u64 - 1).read_to_end(&mut bytes)?;
        if bytes.len() < length - 1 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self {
            kind: head[4],
            bytes,
        })
    }

    /// Whether `bytes` begin with a whole packet.
    pub(super) fn is_whole(bytes: &[u8]) -> bool {
        bytes
            .first_chunk::<4>()
            .is_some_and(|head| bytes.len() - 4 >= u32::from_be_bytes(*head) as usize)
    }

    /// The fields after the kind.
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields(&self.bytes)
    }

    /// The number that joins it with a request.
    pub(super) fn number(&self) -> Result<u32, Malformed> {
        self.fields().number()
    }

    /// How much memory it takes.
    pub(super) fn len(&self) -> usize {
        self.bytes.capacity() + 64
    }

    /// The fields of an answer of the kind `wanted`; the status if that came instead.
    pub(super) fn expect(&self, wanted: u8) -> Result<Result<Fields<'_>, Status>, Malformed> {
        let mut fields = self.fields();
        fields.number()?;
        if self.kind == wanted {
            return Ok(Ok(fields));
        }
        Ok(Err(self.status()?.unwrap_or(Status {
            code: 0,
            text: String::new(),
        })))
    }

    /// The status that it is; `None` if all is well.
    pub(super) fn status(&self) -> Result<Option<Status>, Malformed> {
        if self.kind != kind::STATUS {
            return Err(Malformed);
        }
        let mut fields = self.fields();
        fields.number()?;
        let code = fields.number()?;
        if code == 0 {
            return Ok(None);
        }
        // The first servers had no text.
        let text = fields.text().unwrap_or_default();
        let text = crate::event::printable_bytes(&text[..text.len().min(300)]);
        Ok(Some(Status { code, text }))
    }
}

impl Status {
    pub(super) fn is_end(&self) -> bool {
        self.code == EOF
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.code, NO_SUCH_FILE | NO_SUCH_PATH)
    }
}

impl From<Status> for io::Error {
    fn from(status: Status) -> Self {
        let text = match (status.text.as_str(), status.code) {
            (_, NO_SUCH_FILE | NO_SUCH_PATH) => return io::ErrorKind::NotFound.into(),
            (_, PERMISSION_DENIED) => return io::ErrorKind::PermissionDenied.into(),
            ("", code) => format!("the server's status is {code}"),
            (text, _) => text.to_owned(),
        };
        io::Error::other(text)
    }
}

/// What is left of a packet's fields.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn number(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    pub(super) fn long(&mut self) -> Result<u64, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(text)
    }

    pub(super) fn attributes(&mut self) -> Result<Attributes, Malformed> {
        let flags = self.number()?;
        let mut attributes = Attributes::default();
        if flags & SIZE != 0 {
            attributes.size = Some(self.long()?);
        }
        if flags & UIDGID != 0 {
            self.long()?;
        }
        if flags & PERMISSIONS != 0 {
            attributes.mode = Some(self.number()?);
        }
        if flags & TIMES != 0 {
            self.number()?;
            attributes.mtime = Some(self.number()?);
        }
        if flags & EXTENDED_ATTRIBUTES != 0 {
            for _ in 0..self.number()? {
                self.text()?;
                self.text()?;
            }
        }
        Ok(attributes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One field of a request.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Number(u32),
    Long(u64),
    Text(&'a [u8]),
}

/// Appends a packet to `to`.
pub(super) fn write(to: &mut Vec<u8>, kind: u8, fields: &[Field<'_>]) {
    let start = to.len();
    to.extend_from_slice(&[0; 4]);
    to.push(kind);
    for field in fields {
        match field {
            Field::Number(number) => to.extend_from_slice(&number.to_be_bytes()),
            Field::Long(long) => to.extend_from_slice(&long.to_be_bytes()),
            Field::Text(text) => {
                // Names and indicators, far shorter than four bytes can say.
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                to.extend_from_slice(&length.to_be_bytes());
                to.extend_from_slice(text);
            }
        }
    }
    let length = u32::try_from(to.len() - start - 4).unwrap_or(u32::MAX);
    to[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn packet(kind: u8, fields: &[Field<'_>]) -> (Vec<u8>, Packet) {
        let mut bytes = Vec::new();
        write(&mut bytes, kind, fields);
        let packet = Packet::read(&mut bytes.as_slice()).unwrap();
        (bytes, packet)
    }

    #[test]
    fn a_packet_comes_back_and_one_that_is_cut_or_too_long_is_an_error() {
        let fields = [Field::Number(7), Field::Text(b"name"), Field::Long(1 << 40)];
        let (bytes, packet) = packet(kind::READ, &fields);
        assert_eq!((packet.kind, packet.number().ok()), (kind::READ, Some(7)));
        let mut fields = packet.fields();
        fields.number().ok().unwrap();
        assert_eq!(fields.text().ok().unwrap(), b"name");
        assert_eq!(fields.long().ok().unwrap(), 1 << 40);
        assert!(fields.is_empty() && fields.number().is_err());
        for end in 0..bytes.len() {
            assert!(!Packet::is_whole(&bytes[..end]), "{end}");
            assert!(Packet::read(&mut &bytes[..end]).is_err(), "{end}");
        }
        assert!(Packet::is_whole(&bytes));
        for length in [0, (512 << 10) + 1, u32::MAX] {
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.resize(LONGEST + 100, 0);
            assert!(Packet::read(&mut bytes.as_slice()).is_err(), "{length}");
        }
    }

    #[test]
    fn attributes_that_are_not_told_are_unknown() {
        let times = [Field::Number(1), Field::Number(2)];
        let owner = [Field::Number(3), Field::Number(4)];
        let strange = [Field::Number(1), Field::Text(b"a"), Field::Text(b"b")];
        let all = SIZE | UIDGID | PERMISSIONS | TIMES | EXTENDED_ATTRIBUTES;
        let mut fields = vec![Field::Number(all), Field::Long(9)];
        fields.extend(owner);
        fields.push(Field::Number(0o644));
        fields.extend(times);
        fields.extend(strange);
        let (_, whole) = packet(kind::ATTRS, &fields);
        let told = whole.fields().attributes().ok().unwrap();
        let wanted = Attributes {
            size: Some(9),
            mode: Some(0o644),
            mtime: Some(2),
        };
        assert_eq!(told, wanted);
        let (_, none) = packet(kind::ATTRS, &[Field::Number(0)]);
        assert_eq!(none.fields().attributes().ok(), Some(Attributes::default()));
        for end in 0..whole.bytes.len() {
            assert!(Fields(&whole.bytes[..end]).attributes().is_err(), "{end}");
        }
        // A count without an end is no loop without one.
        let endless = [Field::Number(EXTENDED_ATTRIBUTES), Field::Number(u32::MAX)];
        assert!(
            packet(kind::ATTRS, &endless)
                .1
                .fields()
                .attributes()
                .is_err()
        );
    }

    #[test]
    fn a_status_is_told_in_words_for_people() {
        for (code, text, told) in [
            (2, "No such file", "entity not found"),
            (3, "Permission denied", "permission denied"),
            (4, "Failure", "Failure"),
            (4, "a\u{1b}[2J", "a\\u{1b}[2J"),
            (4, "", "the server's status is 4"),
        ] {
            let fields = [
                Field::Number(1),
                Field::Number(code),
                Field::Text(text.as_bytes()),
            ];
            let status = packet(kind::STATUS, &fields)
                .1
                .status()
                .ok()
                .unwrap()
                .unwrap();
            assert_eq!(io::Error::from(status).to_string(), told);
        }
        let fields = [Field::Number(1), Field::Number(4)];
        assert!(
            packet(kind::STATUS, &fields)
                .1
                .status()
                .ok()
                .unwrap()
                .is_some()
        );
        let fields = [Field::Number(1), Field::Number(0)];
        assert!(
            packet(kind::STATUS, &fields)
                .1
                .status()
                .ok()
                .unwrap()
                .is_none()
        );
    }
}
