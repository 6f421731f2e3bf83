//! Whether a burner runs out of bytes, in virtual time: a source and a burner on threads of their own, each with its own
//! clock, that take turns at the real ring as their clocks say. Nothing waits for real time.

#![allow(clippy::unwrap_used)]

use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use super::*;

/// Nanoseconds.
type Nanos = u64;

/// Blu-ray at 16 times its base rate.
const RATE: u64 = 72_000_000;
/// What a source delivers while nothing holds it up.
const SOURCE: u64 = 400_000_000;
const FILES: u64 = 20_000;
const FILE: u64 = 16_000;
/// Finding and opening a file.
const OPEN: Nanos = 40_000;

fn took(bytes: u64, rate: u64) -> Nanos {
    bytes * 1_000_000_000 / rate
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // four facts that do not depend on one another
struct Clocks {
    source: Nanos,
    burner: Nanos,
    /// Bytes in the ring.
    level: u64,
    begun: bool,
    /// The source waits for room.
    full: bool,
    /// The burner waits for bytes.
    starving: bool,
    ended: bool,
    times_empty: u64,
}

#[derive(Default)]
struct World {
    clocks: Mutex<Clocks>,
    changed: Condvar,
}

impl World {
    /// Waits until it is one's turn.
    fn turn(&self, mine: impl Fn(&Clocks) -> bool) -> MutexGuard<'_, Clocks> {
        let clocks = self.clocks.lock().unwrap();
        if !mine(&clocks) {
            self.changed.notify_all();
        }
        let clocks = self.changed.wait_while(clocks, |clocks| !mine(clocks));
        clocks.unwrap()
    }

    fn tell(&self, what: impl FnOnce(&mut Clocks)) {
        what(&mut self.clocks.lock().unwrap());
    }

    /// Time passes for the source.
    fn pass(&self, time: Nanos) {
        self.tell(|clocks| clocks.source += time);
        drop(
            self.turn(|clocks| !clocks.begun || clocks.starving || clocks.source <= clocks.burner),
        );
    }

    fn fill(&self, ring: &mut Filling, mut bytes: &[u8], room: u64) {
        while !bytes.is_empty() {
            self.tell(|clocks| clocks.full = clocks.level == room);
            let mut clocks = self.turn(|clocks| !clocks.full);
            // There is room, so that this does not wait.
            let count = ring.write(bytes).unwrap();
            bytes = &bytes[count..];
            clocks.level += count as u64;
            if std::mem::take(&mut clocks.starving) {
                clocks.burner = clocks.source;
            }
        }
    }

    fn burn(&self, ring: &mut Emptying) {
        ring.wait_until_full();
        self.tell(|clocks| {
            clocks.begun = true;
            clocks.burner = clocks.source;
        });
        let mut step = vec![0; PIPE];
        loop {
            // What comes at the same time comes first from the source.
            let mut clocks =
                self.turn(|clocks| clocks.source > clocks.burner || clocks.full || clocks.ended);
            if clocks.level == 0 && !clocks.ended {
                clocks.starving = true;
                clocks.times_empty += 1;
                self.changed.notify_all();
            }
            drop(clocks);
            let count = ring.read(&mut step).unwrap() as u64;
            if count == 0 {
                return;
            }
            self.tell(|clocks| {
                clocks.level -= count;
                clocks.burner += took(count, RATE);
                if std::mem::take(&mut clocks.full) {
                    clocks.source = clocks.source.max(clocks.burner);
                }
            });
        }
    }
}

/// How often a burner was without bytes when the source stalls for so long at every 5000th file.
fn times_empty(bytes: usize, stall: Nanos) -> u64 {
    let world = World::default();
    let (mut filling, mut emptying) = ring(bytes);
    let gauge = filling.gauge();
    thread::scope(|scope| {
        scope.spawn(|| world.burn(&mut emptying));
        let file = vec![0; usize::try_from(FILE).unwrap()];
        for number in 1..=FILES {
            let stalls = number % 5000 == 0 && number < FILES;
            let held_up = if stalls { stall } else { 0 };
            world.pass(OPEN + took(FILE, SOURCE) + held_up);
            world.fill(&mut filling, &file, bytes as u64);
        }
        filling.end();
        world.tell(|clocks| clocks.ended = true);
        world.changed.notify_all();
    });
    let clocks = world.clocks.lock().unwrap();
    // A source may be quicker than the ring notices in real time.
    assert!(gauge.times_empty() <= clocks.times_empty);
    clocks.times_empty
}

#[test]
fn a_burner_at_72_mb_a_second_starves_only_if_the_source_stalls_for_longer_than_the_ring_lasts() {
    const MS: Nanos = 1_000_000;
    for (bytes, stall, expected) in [
        (BYTES, 0, 0),
        (BYTES, 400 * MS, 0),
        (BYTES, 600 * MS, 3),
        (4 << 20, 40 * MS, 0),
        (4 << 20, 400 * MS, 3),
    ] {
        assert_eq!(
            times_empty(bytes, stall),
            expected,
            "{bytes} bytes, {stall} ns"
        );
    }
    // With no more than a pipe, every file's opening is one too many.
    assert!(times_empty(PIPE, 2 * MS) > 0);
}
