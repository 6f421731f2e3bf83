//! A stream to a program on the other machine, with an end to all patience: whoever sends a byte now and then is
//! never silent, and must not keep us for ever.
//!
//! While nothing comes, the other side is asked for a sign of life now and then, so that what stands in between (a
//! firewall, a translator of addresses) does not forget the connection. libssh2 would do that by itself, but then its
//! calls end as if they had taken too long when the time until the next sign is over, which may be a second.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use ssh2::{Channel, Session};

use super::connect::{Connected, millis};
use crate::peer::limits::Deadline;

/// The stream. Its reads end with [`TimeIsUp`](crate::peer::limits::TimeIsUp) when the time is over.
pub(super) struct Talk {
    channel: Channel,
    session: Session,
    /// How long the other side may say nothing.
    patience: Duration,
    /// Until when answers may take.
    pub(super) end: Deadline,
    /// What it means that nothing comes for a while.
    pub(super) silence: Silence,
}

/// What it means that nothing comes for as long as the session bears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The other side has stalled.
    Stalled,
    /// It works. That the host is still there, the kernel watches.
    Working,
}

impl Talk {
    /// The stream of `channel`, which is one of `connected`.
    pub(super) fn new(connected: &Connected, channel: Channel, end: Deadline) -> Self {
        Self {
            channel,
            session: connected.session.clone(),
            patience: Duration::from_secs(connected.silence),
            end,
            silence: Silence::Stalled,
        }
    }

    /// The channel, to end it.
    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Reads what comes within `time`.
    fn read_within(&mut self, time: Duration, buffer: &mut [u8]) -> io::Result<usize> {
        // None at all would be time without an end.
        self.session.set_timeout(millis(time).max(1));
        let got = self.channel.read(buffer);
        self.session.set_timeout(millis(self.patience));
        got
    }

    /// Asks for a sign of life.
    fn knock(&self) {
        // That it goes wrong is found by the next read.
        self.session.set_keepalive(true, 1);
        let _ = self.session.keepalive_send();
        self.session.set_keepalive(false, 0);
    }
}

impl Read for Talk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            let left = self.end.left().map_err(io::Error::other)?;
            match self.read_within(left.min(self.patience / 4), buffer) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let stalled = began.elapsed() >= self.patience;
                    if stalled && self.silence == Silence::Stalled {
                        return Err(error);
                    }
                    self.knock();
                }
                got => return got,
            }
        }
    }
}

impl Write for Talk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.channel.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush()
    }
}
