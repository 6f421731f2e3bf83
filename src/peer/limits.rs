//! How much one peer may bring: a broken or hostile machine harms only its own backup.

use std::time::{Duration, Instant};

use super::PeerError;

/// The most that one peer may bring in one staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, with everything else that lies in its collect directory.
    pub files: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// From the first byte to the last.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 10_000,
            bytes: 1 << 40,
            time: Duration::from_hours(24),
        }
    }
}

/// The time that something may take is over, however little was still missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it took more than {} seconds", .0.as_secs())]
pub(super) struct TimeIsUp(Duration);

impl From<TimeIsUp> for PeerError {
    fn from(TimeIsUp(limit): TimeIsUp) -> Self {
        Self::TooLong(limit)
    }
}

/// Until when something may take: who sends a byte now and then must not keep us for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    began: Instant,
    limit: Duration,
}

impl Deadline {
    /// So long from now on.
    pub(super) fn after(limit: Duration) -> Self {
        Self {
            began: Instant::now(),
            limit,
        }
    }

    /// When that is; `None` if it never comes.
    pub(super) fn moment(self) -> Option<Instant> {
        self.began.checked_add(self.limit)
    }

    /// The time that is left.
    pub(super) fn left(self) -> Result<Duration, TimeIsUp> {
        let left = self.limit.checked_sub(self.began.elapsed());
        left.ok_or(TimeIsUp(self.limit))
    }
}

impl Limits {
    /// The same limits, but no more time than that.
    pub(super) fn within(self, time: Duration) -> Self {
        Self {
            time: self.time.min(time),
            ..self
        }
    }
}

/// Limits that are watched, from now on.
pub(super) struct Watched {
    limits: Limits,
    end: Deadline,
}

impl Watched {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            end: Deadline::after(limits.time),
        }
    }

    /// When the time is over.
    pub(super) fn end(&self) -> Deadline {
        self.end
    }

    /// The most entries that a directory may have.
    pub(super) fn most_files(&self) -> usize {
        self.limits.files
    }

    /// Whether a directory with so many entries is within the limits.
    pub(super) fn files(&self, files: usize) -> Result<(), PeerError> {
        if files > self.limits.files {
            let most = self.limits.files;
            return Err(PeerError::TooMuch(format!("more than {most} files")));
        }
        Ok(())
    }

    /// Whether so many bytes, and the time that has passed, are within the limits.
    pub(super) fn bytes(&self, bytes: u64) -> Result<(), PeerError> {
        if bytes > self.limits.bytes {
            let most = crate::event::bytes(self.limits.bytes);
            return Err(PeerError::TooMuch(format!("more than {most}")));
        }
        self.end.left()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_limit_is_named_when_it_is_passed() {
        let limits = Limits {
            files: 2,
            bytes: 10,
            time: Duration::from_hours(1),
        };
        let watched = Watched::new(limits);
        assert!(watched.files(2).is_ok() && watched.bytes(10).is_ok());
        let told = [
            watched.files(3).unwrap_err().to_string(),
            watched.bytes(11).unwrap_err().to_string(),
            Watched::new(Limits {
                time: Duration::ZERO,
                ..limits
            })
            .bytes(0)
            .unwrap_err()
            .to_string(),
        ];
        let expected = [
            "it has more than 2 files for the master, which is over its limit",
            "it has more than 10 bytes for the master, which is over its limit",
            "it took more than 0 seconds, which is over its limit",
        ];
        assert_eq!(told, expected);
    }
}
