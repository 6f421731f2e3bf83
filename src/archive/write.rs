//! Writing a tar archive, member by member: ustar headers, with PAX headers (POSIX.1-2017, pax) for what they
//! cannot hold, so that GNU tar and bsdtar extract everything byte for byte.

mod header;

use std::io::{self, Read, Write};

use super::pack::{Packed, Packer};
use super::{Compression, Member};

/// A tar block.
const BLOCK: u64 = 512;
/// tar fills its last record to this.
const RECORD: u64 = 20 * BLOCK;

/// Offset and length of the parts of a file that are not holes: ascending, apart, within the file.
pub type Parts = Vec<(u64, u64)>;

/// Writes members one after the other into `W`, packed on all cores.
pub struct Writer<W> {
    packer: Packer<W>,
    written: u64,
}

impl<W: Write + Send + 'static> Writer<W> {
    /// Begins an archive, packed at a level that `way` has or as is usual.
    pub fn new(way: Compression, level: Option<u8>, out: W) -> Self {
        Self {
            packer: Packer::new(way, level, out),
            written: 0,
        }
    }

    /// Writes a member that has no content: anything but a regular file.
    pub fn append(&mut self, member: &Member) -> io::Result<()> {
        self.write_all(&header::plain(member, 0)?)
    }

    /// Writes a regular file of `member.size` bytes, which `content` has to deliver, not fewer.
    pub fn append_file(&mut self, member: &Member, content: &mut dyn Read) -> io::Result<()> {
        self.write_all(&header::plain(member, member.size)?)?;
        self.copy(member.size, content)
    }

    /// Writes a regular file of `member.size` bytes with holes. `content` has to deliver the bytes of
    /// `parts`, one after the other, not fewer.
    pub fn append_sparse(
        &mut self,
        member: &Member,
        parts: &[(u64, u64)],
        content: &mut dyn Read,
    ) -> io::Result<()> {
        // A hole at the end shows by an empty part there: GNU tar takes the end of the last part for the
        // end of the file.
        let end = parts.last().map_or(0, |(offset, length)| offset + length);
        let last = (end < member.size).then_some((member.size, 0));
        let count = parts.len() + usize::from(last.is_some());
        let mut map = format!("{count}\n").into_bytes();
        for (offset, length) in parts.iter().chain(&last) {
            write!(map, "{offset}\n{length}\n")?;
        }
        map.resize(map.len().next_multiple_of(512), 0);
        let data: u64 = parts.iter().map(|part| part.1).sum();
        let stored = map.len() as u64 + data;
        self.write_all(&header::sparse(member, stored)?)?;
        self.write_all(&map)?;
        self.copy(data, content)
    }

    /// Bytes written so far, before packing.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes the end mark, waits until all is written, and gives `out` back, flushed but not synced.
    pub fn finish(mut self) -> io::Result<(W, Packed)> {
        let end = self.written + 2 * BLOCK;
        self.zeros(end.next_multiple_of(RECORD) - self.written)?;
        self.packer.finish()
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.packer.write_all(bytes)
    }

    /// Reads into the packer's own buffer: the bytes are not copied again.
    fn copy(&mut self, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            let room = self.packer.room()?;
            let most = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
            let got = content.read(&mut room[..most])?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.packer.advance(got);
            left -= got as u64;
        }
        self.written += bytes;
        self.zeros(bytes.wrapping_neg() % BLOCK)
    }

    fn zeros(&mut self, count: u64) -> io::Result<()> {
        self.written += count;
        io::copy(&mut io::repeat(0).take(count), &mut self.packer)?;
        Ok(())
    }
}
