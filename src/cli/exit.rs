//! The exit status, decided in one place.

use std::process::ExitCode;

/// What a run came to. The numbers are an interface: Cedar Backup's are 0 and 2 to 6, ours begin at 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is safe.
    Well = 0,
    /// The arguments are wrong.
    Arguments = 2,
    /// The log cannot be written.
    Log = 3,
    /// The configuration is wrong.
    Config = 4,
    /// Somebody interrupted the run.
    Interrupted = 5,
    /// An action failed.
    Failed = 6,
    /// Finished, but something was not saved or not checked.
    Problems = 10,
    /// Another run is at work.
    Locked = 11,
    /// A disc is needed, or the wrong one is in.
    Disc = 12,
    /// Damage was found that can be repaired.
    Repairable = 13,
    /// Damage was found that cannot be repaired.
    Damaged = 14,
    /// The last backup is too old.
    TooOld = 15,
}

impl Exit {
    /// The number, as the shell sees it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What a run that came to its end means, given the problems that were told.
    pub fn of_problems(problems: u64) -> Self {
        if problems == 0 {
            Self::Well
        } else {
            Self::Problems
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
