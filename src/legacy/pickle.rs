//! Python pickles, as far as Cedar Backup writes them: one instruction after the other, without a machine that could
//! carry out any.
//!
//! Protocol 0 is text: an instruction is a letter, followed by its argument up to the end of the line. The binary
//! forms of the same instructions are understood too, up to protocol 2. (PEP 307; the comments in Python's
//! `pickletools` describe each instruction.)

use std::io::{self, BufRead, Read};

/// A longer text or line is no path, and no number either.
const LONGEST: u64 = 64 << 10;

/// One instruction. Those that only concern memory numbers have them as their argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Here begin the arguments of a later instruction.
    Mark,
    /// A map of what follows the mark.
    Dict,
    /// An empty map.
    EmptyDict,
    /// What is on top gets this number.
    Put(u64),
    /// What has this number comes on top.
    Get(u64),
    /// A text of code points; those from U+DC80 to U+DCFF stand for bytes of a name that was no UTF-8.
    Text(Vec<u32>),
    /// A text of bytes.
    Bytes(Vec<u8>),
    /// A number.
    Number(i64),
    /// A pair goes into the map below it.
    SetItem,
    /// All pairs behind the mark go into the map below it.
    SetItems,
    /// The name of a Python object: `module`, `name`. Never looked up.
    Global(Vec<u8>, Vec<u8>),
    /// A tuple of what follows the mark.
    Tuple,
    /// A call. Never made.
    Reduce,
    /// The end.
    Stop,
}

/// Reads instructions from `R`.
#[derive(Debug)]
pub(super) struct Ops<R> {
    input: R,
    line: Vec<u8>,
    /// Bytes before the next instruction.
    at: u64,
}

fn unsound(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

impl<R: BufRead> Ops<R> {
    /// Begins to read `input`, whose first byte is at the position `at`.
    pub fn new(input: R, at: u64) -> Self {
        Self {
            input,
            line: Vec::new(),
            at,
        }
    }

    /// Position of the next instruction.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// What the instructions come from.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Whether nothing follows.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }

    /// The next instruction. Anything that Cedar Backup does not write, and the end of the file before
    /// [`Op::Stop`], is an error of the kind `InvalidData`.
    pub fn next_op(&mut self) -> io::Result<Op> {
        loop {
            let at = self.at;
            let op = match self.byte()? {
                b'(' => Op::Mark,
                b'd' => Op::Dict,
                b'}' => Op::EmptyDict,
                b's' => Op::SetItem,
                b'u' => Op::SetItems,
                b't' => Op::Tuple,
                b'R' => Op::Reduce,
                b'.' => Op::Stop,
                b'p' => Op::Put(self.decimal()?),
                b'g' => Op::Get(self.decimal()?),
                b'q' => Op::Put(self.little_endian(1)?),
                b'h' => Op::Get(self.little_endian(1)?),
                b'r' => Op::Put(self.little_endian(4)?),
                b'j' => Op::Get(self.little_endian(4)?),
                b'V' => Op::Text(raw_unicode(self.line()?)),
                b'S' => {
                    let text = quoted(self.line()?);
                    Op::Bytes(text.ok_or_else(|| unsound("a text has no end"))?)
                }
                b'U' => {
                    let length = self.little_endian(1)?;
                    Op::Bytes(self.bytes(length)?)
                }
                b'X' => {
                    let length = self.little_endian(4)?;
                    let text = utf8(&self.bytes(length)?);
                    Op::Text(text.ok_or_else(|| unsound("a text is no UTF-8"))?)
                }
                b'I' | b'L' => Op::Number(self.signed()?),
                b'K' => Op::Number(self.little_endian(1)?.cast_signed()),
                b'M' => Op::Number(self.little_endian(2)?.cast_signed()),
                b'J' => {
                    let number = self.little_endian(4)?;
                    let number = u32::try_from(number).map_err(|_| unsound("a number"))?;
                    Op::Number(number.cast_signed().into())
                }
                b'c' => Op::Global(self.line()?.to_vec(), self.line()?.to_vec()),
                0x80 => {
                    // The protocol's number: said at the very beginning, and it changes nothing.
                    if at == 0 && self.little_endian(1)? <= 2 {
                        continue;
                    }
                    return Err(unsound("its protocol is not known"));
                }
                other => {
                    let shown = other.escape_ascii();
                    return Err(unsound(format!(
                        "`{shown}` at byte {at} does not belong there"
                    )));
                }
            };
            return Ok(op);
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                unsound("it is cut short")
            } else {
                error
            }
        })?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn bytes(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length > LONGEST {
            return Err(unsound("a text is too long"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn little_endian(&mut self, count: usize) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes[..count])?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// What is left of the line.
    fn line(&mut self) -> io::Result<&[u8]> {
        self.line.clear();
        let read = (&mut self.input)
            .take(LONGEST)
            .read_until(b'\n', &mut self.line)?;
        self.at += read as u64;
        if self.line.pop() != Some(b'\n') {
            let too_long = read as u64 == LONGEST;
            let reason = if too_long {
                "a line is too long"
            } else {
                "it is cut short"
            };
            return Err(unsound(reason));
        }
        Ok(&self.line)
    }

    fn decimal(&mut self) -> io::Result<u64> {
        let text = std::str::from_utf8(self.line()?).ok();
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| unsound("a number is none"))
    }

    fn signed(&mut self) -> io::Result<i64> {
        let text = std::str::from_utf8(self.line()?).ok();
        let text = text.map(|text| text.strip_suffix('L').unwrap_or(text));
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| unsound("a number is none, or too large"))
    }
}

/// Decodes Python's `raw-unicode-escape`: bytes are code points, but for `\uXXXX` and `\UXXXXXXXX` where an odd
/// number of backslashes ends.
fn raw_unicode(bytes: &[u8]) -> Vec<u32> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(b'\\')) => {
                text.extend([u32::from(b'\\'); 2]);
                at += 2;
                continue;
            }
            _ => 0,
        };
        let hex = bytes.get(at + 2..at + 2 + digits);
        let hex = hex.filter(|hex| digits > 0 && hex.iter().all(u8::is_ascii_hexdigit));
        let code = hex.and_then(|hex| u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(code) = code {
            text.push(code);
            at += 2 + digits;
        } else {
            text.push(byte.into());
            at += 1;
        }
    }
    text
}

/// Decodes a byte string in Python's source notation, quotes included.
fn quoted(bytes: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = bytes.split_first()?;
    let (&end, inner) = rest.split_last()?;
    if !matches!(quote, b'\'' | b'"') || end != quote {
        return None;
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == quote {
            return None;
        }
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high << 4 | low).ok()?
            }
            same @ (b'\\' | b'\'' | b'"') => same,
            _ => return None,
        });
    }
    Some(text)
}

/// Decodes UTF-8 in which single surrogates may occur, as Python writes names that were none.
fn utf8(bytes: &[u8]) -> Option<Vec<u32>> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        if let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] = *rest {
            text.push(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f));
            rest = &rest[3..];
            continue;
        }
        let length = match first {
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        let (one, others) = rest.split_at_checked(length)?;
        text.extend(std::str::from_utf8(one).ok()?.chars().map(u32::from));
        rest = others;
    }
    Some(text)
}

/// The bytes of a file's name that Python has as `text`; `None` if no file can be called so.
pub(super) fn name(text: &[u32]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(text.len());
    for &code in text {
        if let 0xdc80..=0xdcff = code {
            name.push(u8::try_from(code - 0xdc00).ok()?);
        } else {
            let mut buffer = [0; 4];
            let one = char::from_u32(code)?.encode_utf8(&mut buffer);
            name.extend_from_slice(one.as_bytes());
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_come_back_from_every_notation() {
        for (pickled, expected) in [
            (&b"V/a/\xe9\n"[..], &b"/a/\xc3\xa9"[..]),
            (b"V/\\u20ac\n", b"/\xe2\x82\xac"),
            (b"V/\\U0001f600\n", b"/\xf0\x9f\x98\x80"),
            (b"V/a\\u005cb\\u000ac\n", b"/a\\b\nc"),
            (b"V/\\udcff\\udc80\n", b"/\xff\x80"),
            (b"V/\\x\\u12\n", b"/\\x\\u12"),
            (b"V/\\\\u0041\n", b"/\\\\u0041"),
            (b"X\x05\0\0\0/\xed\xb3\xbfa", b"/\xffa"),
            (b"X\x04\0\0\0/\xe2\x82\xac", b"/\xe2\x82\xac"),
        ] {
            let Op::Text(text) = Ops::new(pickled, 0).next_op().unwrap() else {
                panic!("{}", pickled.escape_ascii());
            };
            assert_eq!(name(&text).unwrap(), expected);
        }
        for (pickled, expected) in [
            (&b"S'/a/\\xc3\\xa9'\n"[..], &b"/a/\xc3\xa9"[..]),
            (b"S\"it's\"\n", b"it's"),
            (b"S'\\'\\\"\\\\\\n\\r\\t\\x00'\n", b"'\"\\\n\r\t\0"),
            (b"S''\n", b""),
            (b"U\x02'\xff", b"'\xff"),
        ] {
            let op = Ops::new(pickled, 0).next_op().unwrap();
            assert_eq!(op, Op::Bytes(expected.to_vec()));
        }
    }

    #[test]
    fn what_cedar_backup_does_not_write_is_refused() {
        for pickled in [
            &b""[..],
            b"S'\n",
            b"S'a\n",
            b"Sa\n",
            b"S'\\x1'\n",
            b"S'\\q'\n",
            b"S'a'b'\n",
            b"V/without an end",
            b"pone\n",
            b"X\xff\xff\xff\x7f",
            b"X\x01\0\0\0\xff",
            b"\x80\x04",
            b"\x80\x05",
            b"Pid\n",
            b"i__main__\nx\n",
            b"o",
            b"b",
            b"\x93",
        ] {
            let error = Ops::new(pickled, 0).next_op().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }
}
