//! A stream to a program on the other machine, with an end to all patience: whoever sends a byte now and then is
//! never silent, and must not keep us for ever.

use std::io::{self, Read, Write};
use std::sync::Arc;

use ssh2::{Channel, Session};

use super::connect::Connected;
use super::leash::Leash;
use crate::peer::limits::Deadline;

/// The stream. Its reads and writes end with [`TimeIsUp`](crate::peer::limits::TimeIsUp) when the time is over. After an
/// error the connection is cut, so that giving it up costs no time.
pub(super) struct Talk {
    channel: Channel,
    /// Until when answers may take.
    pub(super) end: Deadline,
    silence: Silence,
    session: Session,
    leash: Arc<Leash>,
    /// Seconds after which a word is said to a machine that works.
    pause: u32,
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
    /// The stream over a channel of `connected`. Silence means that the other side has stalled.
    pub(super) fn new(channel: Channel, end: Deadline, connected: &Connected) -> Self {
        Self {
            channel,
            end,
            silence: Silence::Stalled,
            session: connected.session.clone(),
            leash: Arc::clone(&connected.leash),
            pause: u32::try_from(connected.silence / 4).unwrap_or(15).max(1),
        }
    }

    /// From now on silence means that.
    pub(super) fn bear(&mut self, silence: Silence) {
        self.silence = silence;
        // Only then: while libssh2 says a word now and then, it takes each pause for the end of all patience.
        match silence {
            Silence::Working => self.session.set_keepalive(true, self.pause),
            Silence::Stalled => self.session.set_keepalive(false, 0),
        }
    }

    /// The channel, to end it.
    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Moves bytes in one direction, in time.
    fn carry(
        &mut self,
        mut carry: impl FnMut(&mut Channel) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let carried = match self.end.left() {
                Ok(_) => self.leash.within(self.end, || carry(&mut self.channel)),
                Err(over) => Err(io::Error::other(over)),
            };
            let error = match carried {
                Ok(count) if count > 0 => return Ok(count),
                // The end; our own cut looks like that, too.
                Ok(_) => match self.end.left() {
                    Ok(_) => return Ok(0),
                    Err(over) => io::Error::other(over),
                },
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::TimedOut if self.silence == Silence::Working => continue,
                io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.leash.cut();
            self.end.left().map_err(io::Error::other)?;
            return Err(error);
        }
    }
}

impl Read for Talk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.carry(|channel| channel.read(buffer))
    }
}

impl Write for Talk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.carry(|channel| channel.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush()
    }
}
