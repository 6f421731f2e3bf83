//! Packing on all cores: who fills an archive hands over chunks; workers pack them, each into a gzip member,
//! bzip2 stream or zstd frame of its own, which every reader takes for one stream; a thread behind them
//! hashes and writes the results in order. Channels are bounded, so memory does not depend on the amount.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::Compression;
use crate::units::{Proof, Prover};

/// Worker threads at most, so that memory stays flat on large machines.
const MOST_WORKERS: usize = 8;

/// Chunks that may wait beyond those in work: enough that nobody stands still while another thread waits for
/// a core.
const SLACK: usize = 8;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Digest of the packed bytes.
    pub proof: Proof,
    /// How many there are.
    pub bytes: u64,
}

/// A packed chunk.
type Chunk = io::Result<Vec<u8>>;
/// A packed chunk to come.
type Ticket = Receiver<Chunk>;
/// A chunk to pack, and where to put the result.
type Job = (Vec<u8>, SyncSender<Chunk>);

/// Packs a stream into `W`.
pub struct Packer<W> {
    way: Compression,
    chunk: Vec<u8>,
    filled: usize,
    /// Chunks that were written and may be filled again: fresh memory costs as much as copying.
    used: Receiver<Vec<u8>>,
    /// To the workers; none if there is nothing to pack.
    jobs: Option<SyncSender<Job>>,
    /// To the writing thread, in order.
    tickets: Option<SyncSender<Ticket>>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<io::Result<(W, Packed)>>>,
}

impl<W: Write + Send + 'static> Packer<W> {
    /// Begins to pack into `out`, at a level that `way` has; usually gzip 6, bzip2 9, zstd 3.
    pub fn new(way: Compression, level: Option<u8>, out: W) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = if way == Compression::None {
            0
        } else {
            cores.min(MOST_WORKERS)
        };
        let (tickets, ordered) = sync_channel::<Ticket>(2 * count + SLACK);
        let (give_back, used) = sync_channel(2 * count + SLACK);
        let (jobs, shared) = sync_channel(count + SLACK / 2);
        let shared = Arc::new(Mutex::new(shared));
        let workers: Vec<_> = (0..count)
            .map(|_| {
                let (jobs, give_back) = (Arc::clone(&shared), give_back.clone());
                std::thread::spawn(move || work(way, level, &jobs, &give_back))
            })
            .collect();
        let give_back = (count == 0).then_some(give_back);
        Self {
            way,
            chunk: vec![0; chunk_size(way)],
            filled: 0,
            used,
            workers,
            jobs: (count > 0).then_some(jobs),
            tickets: Some(tickets),
            writer: Some(std::thread::spawn(move || {
                write(&ordered, give_back.as_ref(), out)
            })),
        }
    }

    /// Room for further bytes, never empty; say with [`Packer::advance`] how many were put there.
    pub fn room(&mut self) -> io::Result<&mut [u8]> {
        if self.filled == self.chunk.len() {
            self.hand_over()?;
        }
        Ok(&mut self.chunk[self.filled..])
    }

    /// Takes the first `count` bytes of the room.
    pub fn advance(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.chunk.len());
    }

    /// Packs what is left and waits until all is written. Gives `out` back; it is flushed, not synced.
    pub fn finish(mut self) -> io::Result<(W, Packed)> {
        // An empty stream still is one: one empty gzip member, not an empty file.
        // If this fails, it has asked the threads already why they ended.
        self.hand_over()?;
        let (mut out, packed) = self.join()?;
        out.flush()?;
        Ok((out, packed))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.resize(chunk_size(self.way), 0);
        let mut chunk = std::mem::replace(&mut self.chunk, next);
        chunk.truncate(std::mem::take(&mut self.filled));
        let (result, ticket) = sync_channel(1);
        let sent = match &self.jobs {
            None => result.send(Ok(chunk)).is_ok(),
            Some(jobs) => jobs.send((chunk, result)).is_ok(),
        };
        let sent = sent
            && self
                .tickets
                .as_ref()
                .is_some_and(|tickets| tickets.send(ticket).is_ok());
        if sent {
            return Ok(());
        }
        // The writing thread ended early: it knows why.
        match self.join() {
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("the packing threads ended early")),
        }
    }

    fn join(&mut self) -> io::Result<(W, Packed)> {
        self.jobs = None;
        self.tickets = None;
        let dead = || io::Error::other("a packing thread died");
        let writer = self.writer.take().ok_or_else(dead)?;
        let written = writer.join().map_err(|_| dead())?;
        for worker in self.workers.drain(..) {
            worker.join().map_err(|_| dead())?;
        }
        written
    }
}

impl<W> Drop for Packer<W> {
    /// Given up: waits for the threads, so that what they hold is let go of.
    fn drop(&mut self) {
        self.jobs = None;
        self.tickets = None;
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
        drop(self.writer.take().map(JoinHandle::join));
    }
}

impl<W: Write + Send + 'static> Write for Packer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = self.room()?;
        let count = room.len().min(buffer.len());
        room[..count].copy_from_slice(&buffer[..count]);
        self.advance(count);
        Ok(count)
    }

    /// Does nothing: small chunks would pack badly. [`Packer::finish`] writes all.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes packed at once.
fn chunk_size(way: Compression) -> usize {
    match way {
        Compression::None | Compression::Gzip => 1 << 20,
        // A block of bzip2 -9 holds 900 000 bytes less a few; what is over would be a second one.
        Compression::Bzip2 => 899_000,
        Compression::Zstd => 2 << 20,
    }
}

/// A worker: packs chunks until there are no more.
fn work(
    way: Compression,
    level: Option<u8>,
    jobs: &Mutex<Receiver<Job>>,
    give_back: &SyncSender<Vec<u8>>,
) {
    let mut encoder = Encoder::new(way, level);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((chunk, result)) = job else { return };
        // The writing thread may have given up: then nobody wants the result.
        drop(result.send(encoder.pack(&chunk)));
        drop(give_back.try_send(chunk));
    }
}

/// The writing thread: takes results in order.
fn write<W: Write>(
    ordered: &Receiver<Ticket>,
    give_back: Option<&SyncSender<Vec<u8>>>,
    mut out: W,
) -> io::Result<(W, Packed)> {
    let mut prover = Prover::by_size();
    let mut bytes = 0;
    for ticket in ordered {
        let dead = |_| io::Error::other("a packing thread died");
        let packed = ticket.recv().map_err(dead)??;
        prover.update(&packed);
        out.write_all(&packed)?;
        bytes += packed.len() as u64;
        if let Some(give_back) = give_back {
            drop(give_back.try_send(packed));
        }
    }
    let proof = prover.finish();
    Ok((out, Packed { proof, bytes }))
}

/// One worker's tables, used again for each chunk.
enum Encoder {
    Gzip(Box<libdeflater::Compressor>),
    Bzip2(bzip2::Compression),
    Zstd(Box<io::Result<zstd::bulk::Compressor<'static>>>),
    None,
}

impl Encoder {
    fn new(way: Compression, level: Option<u8>) -> Self {
        let level = level.filter(|level| way.levels().contains(level));
        match way {
            Compression::None => Self::None,
            Compression::Bzip2 => Self::Bzip2(bzip2::Compression::new(level.unwrap_or(9).into())),
            Compression::Gzip => {
                let level = libdeflater::CompressionLvl::new(level.unwrap_or(6).into());
                Self::Gzip(Box::new(libdeflater::Compressor::new(
                    level.unwrap_or_default(),
                )))
            }
            Compression::Zstd => {
                let compressor = zstd::bulk::Compressor::new(level.unwrap_or(3).into());
                let compressor = compressor.and_then(|mut compressor| {
                    compressor.include_checksum(true)?;
                    Ok(compressor)
                });
                Self::Zstd(Box::new(compressor))
            }
        }
    }

    fn pack(&mut self, chunk: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(chunk.to_vec()),
            Self::Gzip(compressor) => {
                let mut packed = vec![0; compressor.gzip_compress_bound(chunk.len())];
                let length = compressor
                    .gzip_compress(chunk, &mut packed)
                    .map_err(io::Error::other)?;
                packed.truncate(length);
                Ok(packed)
            }
            Self::Bzip2(level) => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), *level);
                encoder.write_all(chunk)?;
                encoder.finish()
            }
            Self::Zstd(compressor) => match &mut **compressor {
                Ok(compressor) => compressor.compress(chunk),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::archive::unpack;

    #[test]
    fn what_was_packed_comes_out_again_in_order() {
        let long: Vec<u8> = (0u32..2_000_000)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        for way in Compression::ALL {
            for data in [&b""[..], b"short", &long] {
                let mut packer = Packer::new(way, Some(1), Vec::new());
                packer.write_all(data).unwrap();
                let (out, facts) = packer.finish().unwrap();
                assert_eq!(facts.bytes, out.len() as u64);
                assert!(facts.proof.holds(&mut &out[..]).unwrap());
                let mut read = Vec::new();
                unpack(way, &out[..], |reader| reader.read_to_end(&mut read)).unwrap();
                assert!(read == data, "{way:?}");
            }
        }
    }

    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = buffer.len().min(self.0);
            self.0 -= count;
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_deadlock() {
        for way in Compression::ALL {
            for room in [0, 10, 3_000] {
                let mut packer = Packer::new(way, Some(1), Full(room));
                let noise: Vec<u8> = (0u32..1 << 18)
                    .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
                    .collect();
                let error = (0..40)
                    .find_map(|_| packer.write_all(&noise).err())
                    .or_else(|| packer.finish().err());
                let kind = error.map(|error| error.kind());
                assert_eq!(kind, Some(io::ErrorKind::StorageFull), "{way:?} {room}");
            }
        }
    }

    #[test]
    fn a_disk_that_was_full_before_the_end_is_named_at_the_end() {
        for way in Compression::ALL {
            let mut packer = Packer::new(way, Some(1), Full(0));
            packer.write_all(&vec![b'x'; chunk_size(way) + 1]).unwrap();
            while packer
                .writer
                .as_ref()
                .is_some_and(|writer| !writer.is_finished())
            {
                std::thread::yield_now();
            }
            let kind = packer.finish().err().map(|error| error.kind());
            assert_eq!(kind, Some(io::ErrorKind::StorageFull), "{way:?}");
        }
    }
}
