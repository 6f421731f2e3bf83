//! How much there is to read, found out while reading has begun, for somebody who watches.
//!
//! A full collection knows its total only at its end. A second walk ahead of it, without opening a file, gives
//! the total early enough to say how long it will take, and leaves the directories in the cache for the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::select::{Start, Step, Type, Walk};

/// Nothing is known yet.
const UNKNOWN: u64 = u64::MAX;

/// A total that becomes known; given up when it is dropped.
pub(super) struct Forecast {
    bytes: Arc<AtomicU64>,
    given_up: Arc<AtomicBool>,
}

impl Forecast {
    /// Begins to add up what `start` has. Without a thread to do it in, the total stays unknown.
    pub fn begin(start: &Start<'_>) -> Self {
        let forecast = Self {
            bytes: Arc::new(AtomicU64::new(UNKNOWN)),
            given_up: Arc::default(),
        };
        let (bytes, given_up) = (Arc::clone(&forecast.bytes), Arc::clone(&forecast.given_up));
        let walk = Walk::begin(start);
        let add_up = move || {
            let mut sum = 0_u64;
            for step in walk {
                if given_up.load(Ordering::Relaxed) {
                    return;
                }
                if let Step::Found(found) = step
                    && found.stat.kind() == Type::File
                {
                    // A file with several names is read once.
                    sum += found.stat.size / u64::from(found.stat.links).max(1);
                }
            }
            bytes.store(sum, Ordering::Relaxed);
        };
        // Nobody waits for it.
        let _ = thread::Builder::new()
            .name("forecast".to_owned())
            .spawn(add_up);
        forecast
    }

    /// Bytes in all, as soon as they are known.
    pub fn bytes(&self) -> Option<u64> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        (bytes != UNKNOWN).then_some(bytes)
    }
}

impl Drop for Forecast {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_total_is_that_of_the_files() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("a"), [0; 1000]).unwrap();
        std::fs::hard_link(home.path().join("a"), home.path().join("b")).unwrap();
        std::fs::create_dir(home.path().join("dir")).unwrap();
        std::fs::write(home.path().join("dir/c"), [0; 7]).unwrap();
        let rules = crate::select::Rules::default();
        let forecast = Forecast::begin(&Start::Dir(home.path(), &rules));
        let total = std::iter::repeat_with(|| {
            thread::yield_now();
            forecast.bytes()
        });
        assert_eq!(total.flatten().next(), Some(1007));
    }
}
