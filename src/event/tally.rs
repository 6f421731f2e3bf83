//! Counting what happened, and telling several monitors at once.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Event, Monitor};

/// Counts warnings and problems; the exit status is decided from it.
#[derive(Debug, Default)]
pub struct Tally {
    problems: AtomicU64,
    warnings: AtomicU64,
}

impl Tally {
    /// Problems so far.
    pub fn problems(&self) -> u64 {
        self.problems.load(Ordering::Relaxed)
    }

    /// Warnings so far.
    pub fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Relaxed)
    }
}

impl Monitor for Tally {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Problem(_) => self.problems.fetch_add(1, Ordering::Relaxed),
            Event::Warning(_) => self.warnings.fetch_add(1, Ordering::Relaxed),
            _ => return,
        };
    }
}

/// Passes each event on to several monitors, in order.
pub struct Fan<'a>(pub Vec<&'a dyn Monitor>);

impl Monitor for Fan<'_> {
    fn is_watched(&self) -> bool {
        self.0.iter().any(|monitor| monitor.is_watched())
    }

    fn observe(&self, event: &Event<'_>) {
        for monitor in &self.0 {
            monitor.observe(event);
        }
    }
}
