//! The bytes of a file, on their way from the archive to the disk: digested, and with holes where there are
//! zeros.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use crate::units::{Proof, Prover};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;
/// What a hole is made of: file systems allocate no smaller pieces.
const BLOCK: usize = 4096;

/// How the bytes of a file ended.
#[derive(Debug)]
pub enum Ending {
    /// All of them are there, and this is their digest.
    Whole(Proof),
    /// The archive gave out after this many bytes.
    Cut(u64, io::Error),
}

/// A place to copy through, made once.
pub struct Copier(Box<[u8]>);

impl Copier {
    /// A place to copy through.
    pub fn new() -> Self {
        Self(vec![0; CHUNK].into_boxed_slice())
    }

    /// Copies `size` bytes of `content` to the empty `file`. The error is the file's; trouble with the
    /// content is in the [`Ending`].
    pub fn copy(
        &mut self,
        content: &mut dyn Read,
        size: u64,
        mut prover: Prover,
        file: &File,
    ) -> io::Result<Ending> {
        let (mut at, mut end) = (0, 0);
        while at < size {
            let want = usize::try_from(size - at).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = &mut self.0[..want];
            let (got, trouble) = fill(content, chunk);
            prover.update(&chunk[..got]);
            end = write_sparsely(&chunk[..got], at, file)?.max(end);
            at += got as u64;
            if let Some(error) = trouble {
                file.set_len(at)?;
                return Ok(Ending::Cut(at, error));
            }
        }
        // A hole at the end has no bytes that would make the file long enough.
        if end < size {
            file.set_len(size)?;
        }
        Ok(Ending::Whole(prover.finish()))
    }
}

/// Fills `buffer`; says how far it came and what stopped it.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => return (filled, Some(io::ErrorKind::UnexpectedEof.into())),
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// Writes what is not zero of `bytes`, which belong to position `at`; gives where the last of it ends.
fn write_sparsely(bytes: &[u8], at: u64, file: &File) -> io::Result<u64> {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let (mut begin, mut end) = (0, 0);
    let mut write = |from: usize, to: usize| {
        if from < to {
            end = at + to as u64;
            file.write_all_at(&bytes[from..to], at + from as u64)?;
        }
        Ok::<(), io::Error>(())
    };
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        if *block == ZEROS[..block.len()] {
            let here = number * BLOCK;
            write(begin, here)?;
            begin = here + block.len();
        }
    }
    write(begin, bytes.len())?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn copy(content: &[u8], size: u64) -> (Ending, Vec<u8>, u64) {
        let file = tempfile::tempfile().unwrap();
        let copied = Copier::new().copy(&mut &*content, size, Prover::default(), &file);
        let ending = copied.unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let mut all = vec![0; length];
        file.read_exact_at(&mut all, 0).unwrap();
        (ending, all, file.metadata().unwrap().blocks() * 512)
    }

    #[test]
    fn zeros_become_holes_and_every_byte_is_where_it_was() {
        let mut content = vec![0; 3 * CHUNK + 5000];
        for at in [0, 4096, CHUNK - 1, 2 * CHUNK + 17, 3 * CHUNK + 4500] {
            content[at] = 1;
        }
        for length in [content.len(), content.len() - 1000, 2 * CHUNK, 4096, 1, 0] {
            let content = &content[..length];
            let (ending, copied, allocated) = copy(content, length as u64);
            assert!(copied == content, "{length}");
            assert!(allocated <= 6 * 4096, "{length}: {allocated}");
            let Ending::Whole(proof) = ending else {
                panic!("{ending:?}");
            };
            assert!(proof.holds(&mut &*content).unwrap());
        }
    }

    #[test]
    fn content_that_ends_early_is_said_to_be_cut() {
        let (ending, copied, _) = copy(b"abc", 5);
        assert!(matches!(ending, Ending::Cut(3, _)));
        assert_eq!(copied, b"abc");
    }
}
