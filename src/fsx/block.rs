//! Memory for what goes to a disk past the page cache: it begins where every device accepts it.

/// Places in memory and in a file are multiples of this: enough for every device with blocks up to a page.
pub const ALIGN: usize = 4096;

/// Bytes that are gathered until they are worth a write.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    start: usize,
    capacity: usize,
    len: usize,
}

impl Block {
    /// An empty one for so many bytes.
    pub fn new(capacity: usize) -> Self {
        let bytes = vec![0; capacity + ALIGN];
        let start = bytes.as_ptr().align_offset(ALIGN).min(ALIGN);
        Self {
            bytes,
            start,
            capacity,
            len: 0,
        }
    }

    /// What was put into it.
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }

    /// The place for what comes next.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start + self.len..self.start + self.capacity]
    }

    /// So many bytes were put into the [`room`](Self::room); no more than it has count.
    pub fn put(&mut self, count: usize) {
        self.len = (self.len + count).min(self.capacity);
    }

    /// Copies as many of `bytes` as there is room for; how many.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let room = self.room();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.put(count);
        count
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_in_order_and_begin_at_a_page() {
        let mut block = Block::new(10);
        assert_eq!(block.take(b"abcdef"), 6);
        block.room()[..2].copy_from_slice(b"gh");
        block.put(2);
        assert_eq!(block.take(b"ijkl"), 2);
        assert_eq!(block.take(b"m"), 0);
        assert_eq!(block.filled(), b"abcdefghij");
        assert_eq!(block.filled().as_ptr().align_offset(ALIGN), 0);
        block.put(1);
        assert_eq!(block.filled().len(), 10);
        block.clear();
        assert!(block.filled().is_empty());
        assert_eq!(block.room().len(), 10);
    }
}
