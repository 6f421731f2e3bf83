//! A ring of bytes between a thread that reads and one that writes, so that neither waits for the other's every move.
//!
//! A burner that runs out of bytes makes a bad disc or a slow one. The ring is filled as fast as its source gives and
//! emptied as fast as the burner takes; how full it is can be asked at any time, and how often it ran empty is counted.
//! If one side goes away, the other is told by an error: an end that nobody announced is never taken for the end.

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of a ring before a burner: half a second of the fastest Blu-ray drive (72 MB/s).
pub const BYTES: usize = 32 << 20;

/// The most that is copied while the other side waits.
const STEP: usize = 256 << 10;
/// What a pipe of Linux holds (pipe(7)).
const PIPE: usize = 64 << 10;

/// The part of a full ring that has to be empty before it is filled again.
const ROOM: usize = 8;

/// Makes a ring of that many bytes.
pub fn ring(bytes: usize) -> (Filling, Emptying) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            bytes: vec![0; bytes.max(1)],
            start: 0,
            length: 0,
            ended: false,
            filler_gone: false,
            emptier_gone: false,
            begun: false,
            waiting: false,
            empty: 0,
        }),
        changed: Condvar::new(),
    });
    (Filling(Arc::clone(&shared)), Emptying(shared))
}

/// Copies until the source ends, in large pieces. Gives the number of bytes.
pub fn pump(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<u64> {
    let mut buffer = vec![0; STEP];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Empties a ring into a burner, once it is full, in the pieces that a pipe takes. `told` hears how many bytes are through.
/// What a burner does not take because it ends is told by how it ended.
pub fn pour(mut ring: Emptying, burner: &mut dyn Write, told: &dyn Fn(u64)) -> io::Result<()> {
    let mut buffer = vec![0; PIPE];
    let mut done = 0;
    ring.wait_until_full();
    loop {
        let count = ring.read(&mut buffer)?;
        if count == 0 {
            return burner.flush();
        }
        burner.write_all(&buffer[..count])?;
        done += count as u64;
        told(done);
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[allow(clippy::struct_excessive_bools)] // five facts that do not depend on one another
struct State {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
    /// No more bytes will come, and that is in order.
    ended: bool,
    filler_gone: bool,
    emptier_gone: bool,
    /// Whether anything was taken out yet.
    begun: bool,
    /// Whether the other side waits: only then it is worth a system call to wake it.
    waiting: bool,
    empty: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the other side has done something. One side waits at a time: what one waits for, the other can do.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting = true;
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.waiting) {
            self.changed.notify_all();
        }
    }
}

/// The end of a ring at which bytes are put in.
pub struct Filling(Arc<Shared>);

impl Filling {
    /// All bytes are in: who empties the ring sees its end after them.
    pub fn end(self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }

    /// Looks at the ring from elsewhere.
    pub fn gauge(&self) -> Gauge {
        Gauge(Arc::clone(&self.0))
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.lock().filler_gone = true;
        self.0.changed.notify_all();
    }
}

impl Write for Filling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        loop {
            if state.emptier_gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let room = state.bytes.len() - state.length;
            if room > 0 || bytes.is_empty() {
                let at = (state.start + state.length) % state.bytes.len();
                let count = bytes.len().min(room).min(state.bytes.len() - at).min(STEP);
                state.bytes[at..at + count].copy_from_slice(&bytes[..count]);
                state.length += count;
                self.0.wake(&mut state);
                return Ok(count);
            }
            state = self.0.wait(state);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end of a ring at which bytes are taken out.
pub struct Emptying(Arc<Shared>);

impl Emptying {
    /// Waits until the ring is full, or everything is in it that will ever be.
    pub fn wait_until_full(&self) {
        let mut state = self.0.lock();
        while state.length < state.bytes.len() && !state.ended && !state.filler_gone {
            state = self.0.wait(state);
        }
    }
}

impl Drop for Emptying {
    fn drop(&mut self) {
        self.0.lock().emptier_gone = true;
        self.0.changed.notify_all();
    }
}

impl Read for Emptying {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let mut counted = false;
        loop {
            if state.length > 0 || buffer.is_empty() {
                let start = state.start;
                let count = buffer
                    .len()
                    .min(state.length)
                    .min(state.bytes.len() - start)
                    .min(STEP);
                buffer[..count].copy_from_slice(&state.bytes[start..start + count]);
                state.start = (start + count) % state.bytes.len();
                state.length -= count;
                state.begun = true;
                // Who fills is woken for a piece that is worth it, not for each that was taken.
                if state.bytes.len() - state.length >= state.bytes.len() / ROOM {
                    self.0.wake(&mut state);
                }
                return Ok(count);
            }
            if state.ended {
                return Ok(0);
            }
            if state.filler_gone {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the source of the bytes has failed",
                ));
            }
            if state.begun && !counted {
                counted = true;
                state.empty += 1;
            }
            state = self.0.wait(state);
        }
    }
}

/// Looks at a ring from elsewhere.
#[derive(Clone)]
pub struct Gauge(Arc<Shared>);

impl Gauge {
    /// How full the ring is, in percent.
    pub fn percent(&self) -> u8 {
        let state = self.0.lock();
        u8::try_from(state.length * 100 / state.bytes.len()).unwrap_or(100)
    }

    /// How often it was empty when bytes were wanted, after the first ones and before the end.
    pub fn times_empty(&self) -> u64 {
        self.0.lock().empty
    }
}

#[cfg(test)]
mod virtual_time;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::thread;

    #[test]
    fn bytes_come_out_in_the_order_in_which_they_went_in() {
        // Many times around each ring, and not a whole number of times. Each byte of the small ones is a change of threads.
        for (size, length) in [
            (1, 10_003u32),
            (7, 70_003),
            (4096, 1_000_003),
            (2_000_000, 1_000_003),
            (1_000_000, 3_500_003),
        ] {
            let source: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let (mut filling, mut emptying) = ring(size);
            let sent = source.clone();
            let filler = thread::spawn(move || {
                pump(&mut &sent[..], &mut filling).unwrap();
                filling.end();
            });
            let mut got = Vec::new();
            emptying.read_to_end(&mut got).unwrap();
            filler.join().unwrap();
            assert!(got == source, "{size}");
        }
    }

    #[test]
    fn a_side_that_goes_away_is_an_error_for_the_other() {
        let (mut filling, mut emptying) = ring(8);
        filling.write_all(b"abc").unwrap();
        drop(filling);
        let mut got = Vec::new();
        let error = emptying.read_to_end(&mut got).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(got, b"abc");

        let (mut filling, emptying) = ring(8);
        drop(emptying);
        let error = filling.write_all(b"abc").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn how_full_it_is_can_be_seen() {
        let (mut filling, mut emptying) = ring(10);
        let gauge = filling.gauge();
        filling.write_all(b"12345").unwrap();
        assert_eq!(gauge.percent(), 50);
        filling.end();
        emptying.wait_until_full();
        emptying.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!((gauge.percent(), gauge.times_empty()), (0, 0));
    }
}
