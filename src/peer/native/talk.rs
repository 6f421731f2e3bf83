//! A stream to a program on the other machine, with an end to all patience: whoever sends a byte now and then is
//! never silent, and must not keep us for ever.

use std::io::{self, Read, Write};

use ssh2::Channel;

use crate::peer::limits::Deadline;

/// The stream. Its reads end with [`TimeIsUp`](crate::peer::limits::TimeIsUp) when the time is over.
pub(super) struct Talk {
    channel: Channel,
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
    pub(super) fn new(channel: Channel, end: Deadline) -> Self {
        Self {
            channel,
            end,
            silence: Silence::Stalled,
        }
    }

    /// The channel, to end it.
    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }
}

impl Read for Talk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.end.left().map_err(io::Error::other)?;
            match self.channel.read(buffer) {
                Err(error)
                    if error.kind() == io::ErrorKind::TimedOut
                        && self.silence == Silence::Working => {}
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
