//! Wall time for *when*, monotonic time for *how long*; the [`Day`] is read once a run.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Local};

use crate::units::Day;

/// What time it is.
pub trait Clock: Sync {
    /// Wall time.
    fn now(&self) -> SystemTime;

    /// The civil date of [`Clock::now`] in the local time zone.
    fn today(&self) -> Day {
        Day::from(DateTime::<Local>::from(self.now()).date_naive())
    }

    /// Time since some moment of this process, whatever becomes of the wall clock.
    fn elapsed(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
