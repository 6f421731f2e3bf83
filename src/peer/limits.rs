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

/// Limits that are watched, from now on.
pub(super) struct Watched {
    limits: Limits,
    began: Instant,
}

impl Watched {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            began: Instant::now(),
        }
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
        let most = self.limits.time;
        if self.began.elapsed() > most {
            let most = most.as_secs();
            return Err(PeerError::TooMuch(format!(
                "more than {most} seconds of time"
            )));
        }
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
            "more than 2 files",
            "more than 10 bytes",
            "more than 0 seconds of time",
        ];
        assert_eq!(
            told,
            expected.map(|what| format!("it has {what} for the master, which is over its limit"))
        );
    }
}
