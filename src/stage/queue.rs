//! Whose turn it is: peers in their order, and later those again that were not ready.
//!
//! A peer that is put back waits a little longer each time. Nobody is asked again when the time for waiting is over,
//! but everybody is asked a last time just then.

use std::sync::Mutex;
use std::time::Duration;

use super::locked;
use crate::clock::Clock;

/// The first pause before a peer is asked again; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(15);
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);

/// Turns that are still to be taken.
pub(super) struct Queue<'a> {
    clock: &'a dyn Clock,
    /// When nobody is asked again, on the clock's count.
    end: Duration,
    waiting: Mutex<Vec<Next>>,
}

/// A turn of the peer with this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) index: usize,
    due: Duration,
    pause: Duration,
}

impl<'a> Queue<'a> {
    /// One turn for each of `count` peers, and more for those that are put back before `wait` is over.
    pub(super) fn new(count: usize, wait: Duration, clock: &'a dyn Clock) -> Self {
        let now = clock.elapsed();
        let turns = (0..count).map(|index| Next {
            index,
            due: now,
            pause: FIRST,
        });
        Self {
            clock,
            end: now + wait,
            waiting: Mutex::new(turns.rev().collect()),
        }
    }

    /// The next turn, when its time has come; `None` when there is none any more.
    pub(super) fn next(&self) -> Option<Next> {
        loop {
            let pause = {
                let mut waiting = locked(&self.waiting);
                let now = self.clock.elapsed();
                // Fresh turns lie in order at the end, so that taking one costs the same in a pool of any size.
                match waiting.last() {
                    None => return None,
                    Some(next) => match next.due.checked_sub(now) {
                        Some(pause) if !pause.is_zero() => pause,
                        _ => return waiting.pop(),
                    },
                }
            };
            self.clock.sleep(pause);
        }
    }

    /// Puts a turn back and says after what pause the peer has another one; `None` if there is no time left.
    pub(super) fn again(&self, next: Next) -> Option<Duration> {
        let now = self.clock.elapsed();
        let left = self.end.checked_sub(now).filter(|left| !left.is_zero())?;
        let pause = next.pause.min(left);
        let next = Next {
            index: next.index,
            due: now + pause,
            pause: (next.pause * 2).min(LONGEST),
        };
        let mut waiting = locked(&self.waiting);
        let at = waiting.partition_point(|other| (other.due, other.index) > (next.due, next.index));
        waiting.insert(at, next);
        Some(pause)
    }

    /// Nobody has another turn.
    pub(super) fn close(&self) {
        locked(&self.waiting).clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::SystemTime;

    /// A clock that only sleep moves.
    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Clock for Still {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.elapsed()
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }
    }

    fn turns(count: usize, wait: u64, late: &[usize]) -> Vec<(usize, u64)> {
        let clock = Still::default();
        let queue = Queue::new(count, Duration::from_secs(wait), &clock);
        let mut taken = Vec::new();
        while let Some(next) = queue.next() {
            taken.push((next.index, clock.elapsed().as_secs()));
            if late.contains(&next.index) {
                queue.again(next);
            }
        }
        taken
    }

    #[test]
    fn peers_come_in_order_and_late_ones_again_until_the_time_is_over() {
        assert_eq!(turns(3, 0, &[1]), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(
            turns(3, 100, &[1]),
            [(0, 0), (1, 0), (2, 0), (1, 15), (1, 45), (1, 100)]
        );
        assert_eq!(
            turns(2, 20, &[0, 1]),
            [(0, 0), (1, 0), (0, 15), (1, 15), (0, 20), (1, 20)]
        );
        let pauses: Vec<u64> = turns(1, 1500, &[0])
            .windows(2)
            .map(|two| two[1].1 - two[0].1)
            .collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 300, 300, 300, 135]);
    }

    #[test]
    fn nobody_has_a_turn_when_it_is_closed() {
        let clock = Still::default();
        let queue = Queue::new(3, Duration::ZERO, &clock);
        assert_eq!(queue.next().unwrap().index, 0);
        queue.close();
        assert_eq!(queue.next(), None);
    }
}
