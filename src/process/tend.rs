//! Looking after a program until it has ended: one thread waits for all its streams, its end, and its time limit.
//!
//! Nobody waits for anybody here: whatever the program does next, something that is waited for happens.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::{Child, ChildStdin, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::ended::{Ended, Status};
use super::group::{self, GRACE, Group};
use super::lines::{Lines, Tail};
use super::secrets::Secrets;

/// How long a stream is still listened to when the program has ended and something that it left behind, a daemon
/// that a hook started, holds it open.
const LINGER: Duration = Duration::from_secs(1);
/// Time between two looks at what cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);
/// How long those are waited for that were made to end: dying takes a moment, and a machine may be busy. Whoever has
/// died and is waited for by nobody counts as there, so that this cannot be without end.
const DYING: Duration = Duration::from_secs(1);
/// The most that a pipe holds when nobody gave it more (pipe(7)).
const PIPE: usize = 64 << 10;
/// What is kept in memory of a program's output.
pub(super) const KEPT: usize = 64 << 20;

/// Where standard output goes if not into lines.
pub(super) enum Taker<'a> {
    Bytes(&'a mut (dyn Write + Send)),
    Keep(&'a mut Vec<u8>, Lines),
}

/// A program that runs, and its streams' other ends.
pub(super) struct Tended<'a> {
    pub(super) child: Child,
    pub(super) group: Group,
    pub(super) deadline: Option<Instant>,
    /// What it is fed.
    pub(super) input: Option<(ChildStdin, Vec<u8>)>,
    /// Standard output, if it is not among the lines.
    pub(super) output: Option<(File, Taker<'a>)>,
    /// What becomes lines.
    pub(super) lines: Option<File>,
    /// What must not be in a line.
    pub(super) secrets: Secrets,
    /// For whom it speaks.
    pub(super) stranger: Option<String>,
    /// When its other end is closed, nobody is interested any more.
    pub(super) leash: Option<OwnedFd>,
}

/// What a program came to.
pub(super) struct Tale {
    pub(super) ended: Ended,
    /// Something that it left behind holds its output.
    pub(super) left_behind: bool,
}

/// Why a program was ended by us.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    TooMuch,
}

/// Why and since when it is being ended.
struct Ending {
    since: Instant,
    killed: Option<Instant>,
}

struct State {
    status: Option<(ExitStatus, Instant)>,
    pidfd: Option<OwnedFd>,
    ending: Option<Ending>,
    timed_out: bool,
    fault: Option<Fault>,
    fed: usize,
    cutter: Lines,
    tail: Tail,
    left_behind: bool,
}

impl Tended<'_> {
    /// Stays with the program until it has ended and its output is taken.
    pub(super) fn stay(self) -> Result<Tale, Fault> {
        self.stay_for(LINGER)
    }

    /// The same, and `linger` is how long it is listened for what somebody else may still say.
    pub(super) fn stay_for(mut self, linger: Duration) -> Result<Tale, Fault> {
        let mut state = State {
            status: None,
            // Old kernels have none; then it is looked at now and then.
            pidfd: Pid::from_raw(self.child.id().cast_signed())
                .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
            ending: None,
            timed_out: false,
            fault: None,
            fed: 0,
            cutter: Lines::default(),
            tail: Tail::of(std::mem::take(&mut self.secrets), self.stranger.take()),
            left_behind: false,
        };
        if let Some((pipe, _)) = &self.input
            && let Err(error) = rustix::io::ioctl_fionbio(pipe, true)
        {
            state.fault = Some(Fault::Io(error.into()));
        }
        loop {
            let now = Instant::now();
            if state.status.is_none() {
                match self.child.try_wait() {
                    Ok(Some(status)) => {
                        state.status = Some((status, now));
                        state.pidfd = None;
                        self.input = None;
                    }
                    Ok(None) => {}
                    // Somebody has told the kernel that children are of no interest.
                    Err(error) => {
                        state.fault = Some(Fault::Io(error));
                        self.group.kill();
                        break;
                    }
                }
            }
            if self.is_over(&mut state, now, linger) {
                break;
            }
            self.press(&mut state, now);
            if let Err(error) = self.attend(&mut state, now)
                && state.fault.is_none()
            {
                state.fault = Some(error);
            }
        }
        // What was said before the end is in the pipe, however late we come to look.
        if let Err(error) = self.take_rest(&mut state)
            && state.fault.is_none()
        {
            state.fault = Some(error);
        }
        state.left_behind &= self.lines.is_some();
        state.cutter.finish(&mut state.tail);
        if let Some((_, Taker::Keep(_, lines))) = &mut self.output {
            lines.finish(&mut state.tail);
        }
        self.group.forget();
        match (state.fault, state.status) {
            (Some(fault), _) => Err(fault),
            (None, None) => Err(Fault::Io(io::Error::from(io::ErrorKind::Interrupted))),
            (None, Some((status, _))) => Ok(Tale {
                ended: Ended {
                    status: if state.timed_out {
                        Status::TimedOut
                    } else {
                        Status::of(status)
                    },
                    tail: state.tail.into_lines(),
                },
                left_behind: state.left_behind,
            }),
        }
    }

    /// Whether there is nothing more to wait for.
    fn is_over(&self, state: &mut State, now: Instant, linger: Duration) -> bool {
        let Some((_, since)) = state.status else {
            return false;
        };
        if let Some(ending) = &state.ending {
            let made_to = ending.killed.is_some_and(|killed| now >= killed + DYING);
            return made_to || self.group.is_empty();
        }
        if group::closing() {
            return false;
        }
        if self.output.is_none() && self.lines.is_none() {
            return true;
        }
        // What goes to a writer has to be complete; a stream of lines need not wait for a daemon.
        state.left_behind = self.output.is_none() && now >= since + linger;
        state.left_behind
    }

    /// Ends the program if its time is over, in two steps.
    fn press(&mut self, state: &mut State, now: Instant) {
        // Who has ended in time is not late because of what it left behind.
        let runs = state.status.is_none() || self.output.is_some();
        let late = runs && self.deadline.is_some_and(|deadline| now >= deadline);
        match &mut state.ending {
            None if late || state.fault.is_some() || group::closing() => {
                state.timed_out = late && state.fault.is_none();
                self.group.ask();
                state.ending = Some(Ending {
                    since: now,
                    killed: None,
                });
                // It is of no use any more, and nothing may wait for it.
                self.output = None;
                self.input = None;
            }
            Some(ending) if ending.killed.is_none() && now >= ending.since + GRACE => {
                self.group.kill();
                ending.killed = Some(now);
            }
            _ => {}
        }
    }

    /// When to look again although nothing happens.
    fn pause(&self, state: &State, now: Instant) -> Option<Duration> {
        let unseen = state.status.is_none() && state.pidfd.is_none();
        let moment = match (&state.ending, &state.status) {
            (Some(_), Some(_)) => Some(now + LOOK),
            (Some(ending), None) if ending.killed.is_none() => Some(ending.since + GRACE),
            (Some(_), None) => None,
            (None, Some((_, since))) if self.output.is_none() => Some(*since + LINGER),
            (None, _) => self.deadline,
        };
        let moment = if unseen {
            Some(moment.map_or(now + LOOK, |moment| moment.min(now + LOOK)))
        } else {
            moment
        };
        moment.map(|moment| moment.saturating_duration_since(now))
    }

    /// Waits until something happens and does what it asks for.
    fn attend(&mut self, state: &mut State, now: Instant) -> Result<(), Fault> {
        let pause = self.pause(state, now).map(|pause| Timespec {
            tv_sec: pause.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: i64::from(pause.subsec_nanos()),
        });
        let ready = {
            let streams: [(Option<BorrowedFd<'_>>, PollFlags); 5] = [
                (self.input.as_ref().map(|it| it.0.as_fd()), PollFlags::OUT),
                (self.output.as_ref().map(|it| it.0.as_fd()), PollFlags::IN),
                (self.lines.as_ref().map(|it| it.as_fd()), PollFlags::IN),
                (self.leash.as_ref().map(|it| it.as_fd()), PollFlags::IN),
                (state.pidfd.as_ref().map(|it| it.as_fd()), PollFlags::IN),
            ];
            let mut waited: Vec<PollFd<'_>> = Vec::with_capacity(streams.len());
            for (fd, wanted) in streams {
                waited.extend(fd.map(|fd| PollFd::from_borrowed_fd(fd, wanted)));
            }
            match poll(&mut waited, pause.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(Fault::Io(error.into())),
            }
            let mut seen = waited.iter().map(|it| !it.revents().is_empty());
            streams.map(|(fd, _)| fd.is_some() && seen.next().unwrap_or(false))
        };
        let [input, output, lines, leash, _] = ready;
        if leash {
            self.leash = None;
            // As if its time were over.
            self.deadline = None;
            if state.ending.is_none() {
                self.group.ask();
                state.ending = Some(Ending {
                    since: now,
                    killed: None,
                });
            }
        }
        if input {
            self.feed(state)?;
        }
        if lines {
            self.take_lines(state)?;
        }
        if output {
            self.take_output(state)?;
        }
        Ok(())
    }

    fn feed(&mut self, state: &mut State) -> Result<(), Fault> {
        let Some((pipe, bytes)) = &mut self.input else {
            return Ok(());
        };
        match pipe.write(&bytes[state.fed..]) {
            Ok(count) => state.fed += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It does not want to know more; that is its decision.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => state.fed = bytes.len(),
            Err(error) => return Err(Fault::Io(error)),
        }
        if state.fed == bytes.len() {
            self.input = None;
        }
        Ok(())
    }

    /// Takes more lines. Gives the number of bytes, which is 0 at the end.
    fn take_lines(&mut self, state: &mut State) -> Result<usize, Fault> {
        let Some(file) = &mut self.lines else {
            return Ok(0);
        };
        let mut room = [0; 16384];
        let count = some(file, &mut room)?;
        state.cutter.take(&room[..count], &mut state.tail);
        if count == 0 {
            self.lines = None;
        }
        Ok(count)
    }

    /// Takes what the lines' pipe holds, and waits for nothing more. What writes on without an end is not followed.
    fn take_rest(&mut self, state: &mut State) -> Result<(), Fault> {
        let nothing = Timespec::default();
        let mut taken = 0;
        while taken < PIPE
            && let Some(file) = &self.lines
        {
            match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&nothing)) {
                Ok(0) => break,
                Ok(_) => taken += self.take_lines(state)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Fault::Io(error.into())),
            }
        }
        Ok(())
    }

    fn take_output(&mut self, state: &mut State) -> Result<(), Fault> {
        let mut room = vec![0; 65536];
        let Some((file, taker)) = &mut self.output else {
            return Ok(());
        };
        let count = some(file, &mut room)?;
        let bytes = &room[..count];
        match taker {
            Taker::Bytes(out) => out.write_all(bytes).map_err(Fault::Io)?,
            Taker::Keep(kept, _) if kept.len() + count > KEPT => return Err(Fault::TooMuch),
            Taker::Keep(kept, lines) => {
                kept.extend_from_slice(bytes);
                lines.take(bytes, &mut state.tail);
                if count == 0 {
                    lines.finish(&mut state.tail);
                }
            }
        }
        if count == 0 {
            self.output = None;
        }
        Ok(())
    }
}

/// What there is to read; nothing at the end.
fn some(file: &mut File, room: &mut [u8]) -> Result<usize, Fault> {
    loop {
        match file.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(Fault::Io),
        }
    }
}
