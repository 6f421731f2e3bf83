//! Protocol data units: a header of 48 bytes and a data segment (RFC 7143, section 11).

use std::io::{self, Read, Write};

use crate::bytes::{get24, get32, put24, put32};

/// No task, or no transfer.
pub const NONE: u32 = 0xffff_ffff;
/// No more than this is taken in one segment.
pub const SEGMENT: usize = 256 << 10;

/// One unit.
pub struct Pdu {
    pub header: [u8; 48],
    pub data: Vec<u8>,
}

impl Pdu {
    /// A unit for the initiator that belongs to its task.
    pub fn new(opcode: u8, flags: u8, task: u32) -> Self {
        let mut header = [0; 48];
        header[0] = opcode;
        header[1] = flags;
        put32(&mut header, 16, task);
        Self {
            header,
            data: Vec::new(),
        }
    }

    pub fn opcode(&self) -> u8 {
        self.header[0] & 0x3f
    }

    pub fn is_immediate(&self) -> bool {
        self.header[0] & 0x40 != 0
    }

    pub fn is_final(&self) -> bool {
        self.header[1] & 0x80 != 0
    }

    pub fn task(&self) -> u32 {
        get32(&self.header, 16)
    }

    /// A field of four bytes.
    pub fn field(&self, at: usize) -> u32 {
        get32(&self.header, at)
    }

    /// Sets a field of four bytes.
    pub fn set(&mut self, at: usize, value: u32) {
        put32(&mut self.header, at, value);
    }

    /// Reads one; `None` if the other side has gone.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0; 48];
        match from.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut rest = vec![0; usize::from(header[4]) * 4];
        from.read_exact(&mut rest)?;
        let length = get24(&header, 5) as usize;
        if length > SEGMENT {
            return Err(io::Error::other("a data segment longer than agreed"));
        }
        let mut data = vec![0; length.next_multiple_of(4)];
        from.read_exact(&mut data)?;
        data.truncate(length);
        Ok(Some(Self { header, data }))
    }

    /// Writes it in one go.
    pub fn write(mut self, to: &mut impl Write) -> io::Result<()> {
        put24(&mut self.header, 5, self.data.len() as u32);
        let mut whole = Vec::with_capacity(52 + self.data.len());
        whole.extend_from_slice(&self.header);
        whole.extend_from_slice(&self.data);
        whole.resize(whole.len().next_multiple_of(4), 0);
        to.write_all(&whole)
    }
}
